"""Finds benches and methods: by folder below ``engine``, and by entry point.

A bench is a package with a ``bench`` module that has ``BENCH``; its methods are the
other modules that have ``METHOD``. Another package adds its own through the entry point
group ``priorbench.methods``, each entry point naming such a module. What is broken is
left out and named in the catalogue; the rest works.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
import re
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import msgspec

from engine.catalogue import BenchSpec, Catalogue, ExampleSpec, MethodSpec, ModelSpec
from engine.declared import problems
from engine.method import Bench, Method
from engine.settings import errors, fields_of

__all__ = ["Installed", "discover", "fields_of", "installed", "problems"]

GROUP = "priorbench.methods"
ASSETS = Path(__file__).resolve().parent.parent / "assets"
_DECLARES = re.compile(r"^(METHOD|BENCH)\b", re.MULTILINE)


class Installed(NamedTuple):
    """What ``discover`` found: the catalogue as data, and the declarations behind it."""

    catalogue: Catalogue
    methods: dict[str, Method]
    benches: dict[str, Bench]


class _Found(NamedTuple):
    id: str
    module: str
    package: str
    declaration: Any


@functools.cache
def installed() -> Installed:
    """``discover`` once per process; ``installed.cache_clear()`` after an installation."""
    return discover()


def discover(package: str = "engine") -> Installed:
    """Import every bench and method below ``package`` and behind the entry points.

    A module that does not import, or whose declaration is not whole, is named with the
    reason in ``Catalogue.broken``.
    """
    broken: dict[str, str] = {}
    benches: dict[str, _Found] = {}
    methods: dict[str, _Found] = {}
    for found in [*_by_folder(package, broken), *_by_entry_point(broken)]:
        kind = benches if isinstance(found.declaration, Bench) else methods
        if found.id in kind:
            broken[found.module] = f"the id {found.id} is taken by {kind[found.id].module}"
        elif reason := _judged(_faults, found):
            broken[found.module] = reason
        else:
            kind[found.id] = found
    for found in list(methods.values()):
        if reason := _judged(_misfits, found, benches):
            broken[found.module] = reason
            del methods[found.id]
    return _listed(benches, methods, broken)


def _listed(
    benches: dict[str, _Found], methods: dict[str, _Found], broken: dict[str, str]
) -> Installed:
    in_order = sorted(benches.values(), key=lambda b: (b.declaration.order, b.id))
    place = {bench.id: index for index, bench in enumerate(in_order)}
    ranked = sorted(
        methods.values(),
        key=lambda m: (place[m.declaration.bench], m.declaration.order, m.id),
    )
    declared = {m.id: m.declaration for m in ranked}
    catalogue = Catalogue(
        benches=tuple(_bench_spec(b, declared, broken) for b in in_order),
        methods=tuple(_method_spec(m) for m in ranked),
        models=_models(broken),
        broken=broken,
    )
    return Installed(catalogue, declared, {b.id: b.declaration for b in in_order})


def _by_folder(package: str, broken: dict[str, str]) -> Iterator[_Found]:
    root = importlib.import_module(package)
    for folder in pkgutil.iter_modules(root.__path__):
        places = [Path(place, folder.name) for place in root.__path__]
        if not folder.ispkg or not any((p / "bench.py").is_file() for p in places):
            continue
        names = sorted({m.name for m in pkgutil.iter_modules([str(p) for p in places])})
        for name in names:
            if not any(_declares(p / f"{name}.py") for p in places):
                continue
            called = folder.name if name == "bench" else f"{folder.name}.{name}"
            module = f"{package}.{folder.name}.{name}"
            yield from _declared(called, module, "priorbench", broken)


def _declares(path: Path) -> bool:
    """Whether a file assigns ``METHOD`` or ``BENCH``: what does not need not be imported."""
    try:
        return bool(_DECLARES.search(path.read_text(encoding="utf-8", errors="replace")))
    except OSError:
        return False


def _by_entry_point(broken: dict[str, str]) -> Iterator[_Found]:
    for entry in sorted(metadata.entry_points(group=GROUP), key=lambda e: (e.name, e.value)):
        package = entry.dist.name if entry.dist is not None else entry.module
        yield from _declared(entry.name, entry.module, package, broken)


def _declared(called: str, name: str, package: str, broken: dict[str, str]) -> Iterator[_Found]:
    module = _imported(name, broken)
    if module is None:
        return
    found = [getattr(module, word, None) for word in ("METHOD", "BENCH")]
    whole = [d for d in found if isinstance(d, Method | Bench)]
    if not whole:
        broken[name] = "it has neither METHOD = Method(...) nor BENCH = Bench(...)"
    for declaration in whole:
        if isinstance(declaration, Method) and "." not in called:
            called = f"{declaration.bench}.{called}"
        yield _Found(called, name, package, declaration)


def _imported(name: str, broken: dict[str, str]) -> ModuleType | None:
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a stranger's module may raise anything
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(last.filename).name}, line {last.lineno}"
        broken[name] = f"{type(error).__name__}: {error} ({where})"
        return None


def _judged(judge: Callable[..., Iterable[str]], *given: Any) -> str:
    """What is wrong with a declaration, in one line; also where it cannot even be judged."""
    try:
        return "; ".join(judge(*given))
    except Exception as error:  # noqa: BLE001 - a stranger's declaration may hold anything
        return f"it cannot be read ({type(error).__name__}: {error})"


def _faults(found: _Found) -> Iterator[str]:
    yield from problems(found.declaration)
    if isinstance(found.declaration, Bench):
        _check_types(_bench_spec(found, {}, {}))


def _check_types(spec: MethodSpec | BenchSpec) -> None:
    """Raises ``msgspec.ValidationError`` where the window could not read it."""
    msgspec.convert(msgspec.to_builtins(spec), type(spec))


def _misfits(found: _Found, benches: dict[str, _Found]) -> Iterator[str]:
    """Why a whole method cannot be listed with the benches that are there."""
    method: Method = found.declaration
    if method.bench not in benches:
        yield f"bench: {method.bench!r} is not there (known: {', '.join(benches) or 'none'})"
        return
    bench: Bench = benches[method.bench].declaration
    yield from _misfit_panels(method, bench)
    known = [field.name for field in fields_of(bench.problem)]
    for word, names in (("unused", method.unused), ("fixed", method.fixed)):
        if strange := [name for name in names if name not in known]:
            told = f"(known: {', '.join(known)})"
            yield f"{word}: {', '.join(strange)} is no field of the bench {told}"
    fixed = {name: value for name, value in method.fixed.items() if name in known}
    for name, wrong in errors(bench.problem, fixed).items():
        yield f"fixed: {name}: {wrong}"
    _check_types(_method_spec(found))


def _misfit_panels(method: Method, bench: Bench) -> Iterator[str]:
    shared = {p.name: p.kind for p in bench.panels}
    again = [p for p in method.panels if p.name in shared]
    if taken := [p.name for p in again if not p.kind == shared[p.name] == "image"]:
        yield f"panels: {', '.join(taken)} is already a panel of the bench"
    for panel in again:
        if panel.pointer or panel.scale is not None:
            yield f"panels: {panel.name} has its pointer and scale from the bench"
    own = Counter(p.name for p in method.panels if p.name not in shared and p.when)
    for name, count in own.items():
        if count > 1:
            yield f"panels: {name} is there {count} times"
    seen = {p.name: p.kind for p in (*method.panels, *bench.panels)}
    kind = seen.get(method.lead)
    if method.lead and kind not in ("image", "plot"):
        yield f"lead: {method.lead} is no picture and no plot"
    if kind == "plot" and (bench.stage != "compare" or method.lead in shared):
        yield f"lead: {method.lead} is a plot, which takes one of its own and the stage compare"


def _method_spec(found: _Found) -> MethodSpec:
    method: Method = found.declaration
    return MethodSpec(
        id=found.id,
        bench=method.bench,
        title=method.title,
        summary=method.summary,
        source=method.source,
        url=method.url,
        help=method.help or _page(found),
        fields=fields_of(method.params),
        presets=tuple(method.presets),
        panels=tuple(method.panels),
        priors=tuple(method.priors),
        races=method.races,
        interactive=method.interactive,
        unused=tuple(method.unused),
        fixed=dict(method.fixed),
        fixed_when={name: list(values) for name, values in method.fixed_when.items()},
        answers_when={name: list(values) for name, values in method.answers_when.items()},
        lead=method.lead,
        previews=method.preview is not None,
        thumbnail=_thumbnail(found.id),
        package=found.package,
    )


def _bench_spec(found: _Found, methods: dict[str, Method], broken: dict[str, str]) -> BenchSpec:
    bench: Bench = found.declaration
    examples = []
    for example in bench.examples:
        if reason := _judged(_bad_example, example, bench, methods):
            broken[f"{found.module}: example {example.title!r}"] = reason
        else:
            examples.append(example)
    return BenchSpec(
        id=found.id,
        title=bench.title,
        verb=bench.verb,
        summary=bench.summary,
        icon=bench.icon,
        inputs=tuple(bench.inputs),
        fields=fields_of(bench.problem),
        panels=tuple(bench.panels),
        examples=tuple(
            e
            if e.thumbnail
            else msgspec.structs.replace(
                e, thumbnail=_thumbnail(card_of_example(found.id, e.title))
            )
            for e in examples
        ),
        stage=bench.stage,
        order=bench.order,
    )


def _bad_example(example: ExampleSpec, bench: Bench, methods: dict[str, Method]) -> Iterator[str]:
    if example.method not in methods:
        yield f"method {example.method} is not there"
        return
    wrong = errors(bench.problem, example.problem)
    wrong |= errors(methods[example.method].params, example.params)
    known = [spec.name for spec in bench.inputs]
    wrong |= {name: "there is no such input" for name in example.inputs if name not in known}
    yield from (f"{name}: {text}" for name, text in wrong.items())


def _page(found: _Found) -> str:
    """The help page of a method of ours; what has none is explained by its docstring."""
    path = ASSETS / "help" / f"{found.id}.md"
    if found.package == "priorbench" and path.is_file():
        return path.read_text(encoding="utf-8")
    return inspect.cleandoc(sys.modules[found.module].__doc__ or "")


def card_of_example(bench_id: str, title: str) -> str:
    """The name of an example's card: ``restoration.example.fill-in-four-of-five-pixels``."""
    return f"{bench_id}.example.{re.sub('[^a-z0-9]+', '-', title.lower()).strip('-')}"


def _thumbnail(card: str) -> str:
    """The picture of a card, as a path below the assets folder; empty where there is none."""
    for suffix in (".webp", ".png"):
        path = ASSETS / "thumbnails" / f"{card}{suffix}"
        if path.is_file():
            return path.relative_to(ASSETS).as_posix()
    return ""


def _models(broken: dict[str, str]) -> tuple[ModelSpec, ...]:
    try:
        from engine.models import zoo

        return tuple(zoo.models())
    except Exception as error:  # noqa: BLE001 - a damaged card must not hide the methods
        broken["engine.models"] = f"{type(error).__name__}: {error}"
        return ()
