"""The load-time check that a declaration is whole."""

from __future__ import annotations

import inspect
import math
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from engine.catalogue import FieldSpec, PanelSpec
from engine.method import Bench, Method, Settings
from engine.settings import errors, fields_of

#: A year, an address or the word itself: enough to see that a source is given.
_REFERENCE = re.compile(r"\b(19|20)\d\d\b|https?://|doi|arxiv|source", re.IGNORECASE)


def problems(declaration: Method | Bench) -> list[str]:
    """What is missing or wrong in a declaration, each as one line; empty if it is whole."""
    if isinstance(declaration, Method):
        return list(_of_method(declaration))
    return list(_of_bench(declaration))


def _of_method(method: Method) -> Iterator[str]:
    yield from _empty(method, "title", "bench", "summary", "source")
    module = sys.modules.get(method.solve.__module__)
    text = (module.__doc__ if module is not None else None) or ""
    if not text.strip():
        yield "docstring: the module has none"
    elif not _REFERENCE.search(text):
        yield "docstring: it names no source (a year, an address or 'Source:')"
    if not inspect.isgeneratorfunction(method.solve):
        yield "solve: it is not a generator function"
    yield from _signature(method.solve, 4, "solve", "(problem, params, rng, state=None)")
    yield from _settings(method.params, "params")
    if not method.presets:
        yield "presets: there is none"
    yield from _twice((p.name for p in method.presets), "presets")
    for preset in method.presets:
        if not preset.name or not preset.title:
            yield f"presets: {preset.name or preset.title or 'one'} lacks a name or title"
        if _is_settings(method.params):
            for name, wrong in errors(method.params, preset.values).items():
                yield f"presets: {preset.name}: {name}: {wrong}"
    known = _known(method.params)
    yield from _panels(method.panels, known)
    for word in ("fixed_when", "answers_when"):
        for wrong in _conditions(getattr(method, word), known):
            yield f"{word}: {wrong}"
    if method.preview is not None:
        yield from _signature(method.preview, 2, "preview", "(params, context)")


def _of_bench(bench: Bench) -> Iterator[str]:
    yield from _empty(bench, "title", "verb", "summary", "icon")
    yield from _settings(bench.problem, "problem")
    yield from _twice((i.name for i in bench.inputs), "inputs")
    for spec in bench.inputs:
        if not spec.name or not spec.title:
            yield f"inputs: {spec.name or spec.title or 'one'} lacks a name or title"
    if not any(panel.kind == "image" for panel in bench.panels):
        yield "panels: there is no picture to watch"
    # The bench's knobs are the problem, and what it shows is the same whatever that is.
    yield from _panels(bench.panels, {})
    shapes = {"build": 2, "observe": 2, "pictures": 2, "save": 3, "preview": 2, "smaller": 1}
    for name, count in shapes.items():
        if (call := getattr(bench, name)) is not None:
            yield from _signature(call, count, name, f"with {count} arguments")


def _empty(declaration: Any, *names: str) -> Iterator[str]:
    if not isinstance(declaration.order, int):
        yield "order: it is no whole number"
    for name in names:
        if not str(getattr(declaration, name)).strip():
            yield f"{name}: it is empty"


def _twice(names: Iterable[str], where: str) -> Iterator[str]:
    for name, count in Counter(names).items():
        if count > 1:
            yield f"{where}: {name} is there {count} times"


def _signature(call: Callable[..., Any], count: int, name: str, form: str) -> Iterator[str]:
    try:
        inspect.signature(call).bind(*range(count))
    except TypeError:
        yield f"{name}: it cannot be called as {name}{form}"


def _is_settings(model: Any) -> bool:
    return isinstance(model, type) and issubclass(model, Settings)


def _known(model: Any) -> dict[str, FieldSpec]:
    """The fields of a model by name; none where they cannot be drawn."""
    try:
        return {field.name: field for field in fields_of(model)} if _is_settings(model) else {}
    except TypeError:
        return {}


def _settings(model: Any, where: str) -> Iterator[str]:
    if not _is_settings(model):
        yield f"{where}: it is not a Settings model"
        return
    try:
        fields = fields_of(model)
    except TypeError as error:
        yield f"{where}: {error}"
        return
    try:
        model()
    except ValidationError as error:
        yield f"{where}: {error.errors()[0]['loc'][0]} has no default"
        return
    for name, wrong in errors(model, {f.name: f.default for f in fields}).items():
        yield f"{where}: the default of {name}: {wrong}"
    known = {field.name: field for field in fields}
    for field in fields:
        for wrong in (*_drawn(field), *_conditions(field.when, known)):
            yield f"{where}: {field.name}: {wrong}"


def _drawn(field: FieldSpec) -> Iterator[str]:
    if not field.title.strip():
        yield "it has no title"
    if not field.help.strip():
        yield "it has no help"
    if field.kind in ("int", "float") and (field.minimum is None or field.maximum is None):
        yield "it has no range (ge, le)"
    if field.scale == "log" and (field.minimum is None or field.minimum <= 0):
        yield "a log scale needs a minimum above 0"
    if field.step is not None and field.step <= 0:
        yield "its step is not above 0"
    if field.kind == "choice" and not field.choices:
        yield "it has no choices"


def _conditions(when: Mapping[str, Sequence[Any]], known: dict[str, FieldSpec]) -> Iterator[str]:
    for name, values in when.items():
        other = known.get(name)
        if other is None:
            yield f"it depends on {name}, which is not there"
        elif not values:
            yield f"it depends on {name}, but on no value of it"
        else:
            kind = "choice" if other.kind == "choice" else "value of it"
            for value in values:
                if not _takes(other, value):
                    yield f"it depends on {name} = {value!r}, which is no {kind}"


def _takes(field: FieldSpec, value: Any) -> bool:
    """Whether a field can have this value, as it is compared with: a number is not its text."""
    if field.kind == "choice":
        return str(value) in [choice.value for choice in field.choices]
    if field.kind == "bool" or isinstance(value, bool):
        return field.kind == "bool" and isinstance(value, bool)
    if field.kind not in ("int", "float"):
        return isinstance(value, str)
    low = -math.inf if field.minimum is None else field.minimum
    high = math.inf if field.maximum is None else field.maximum
    number = isinstance(value, int) or (field.kind == "float" and isinstance(value, float))
    return number and low <= value <= high


def _panels(panels: Iterable[PanelSpec], known: dict[str, FieldSpec]) -> Iterator[str]:
    """``known`` are the knobs that a panel can depend on."""
    panels = list(panels)
    # A picture may be said in several ways, each for other values of knobs.
    single = [panel for panel in panels if panel.kind != "image" or not panel.when]
    yield from _twice((panel.name for panel in single), "panels")
    for panel in panels:
        if not panel.name or not panel.title:
            yield f"panels: {panel.name or panel.title or 'one'} lacks a name or title"
        if panel.kind != "image" and not panel.series:
            yield f"panels: {panel.name} has no series"
        if panel.kind == "image" and panel.series:
            yield f"panels: {panel.name} is an image, but has series"
        if panel.kind != "image" and panel.pointer:
            yield f"panels: {panel.name} has a pointer, but is no image"
        if panel.kind != "image" and panel.scale is not None:
            yield f"panels: {panel.name} has a scale, but is no image"
        if panel.kind != "image" and panel.when:
            yield f"panels: {panel.name} depends on knobs, but is no image"
        for wrong in (*_conditions(panel.when, known), *_filled(panel)):
            yield f"panels: {panel.name}: {wrong}"
        for name in panel.when:
            if name in known and known[name].live:
                yield f"panels: {panel.name}: it depends on {name}, which changes during a run"
        for series in panel.series:
            if not series.metric or not series.title:
                yield f"panels: a series of {panel.name} lacks its metric or title"


def _filled(panel: PanelSpec) -> Iterator[str]:
    """What is wrong with a title once the values of knobs stand in it."""
    try:
        panel.title.format_map({name: values[0] for name, values in panel.when.items() if values})
    except KeyError as error:
        yield f"it has {{{error.args[0]}}} in its title, which it does not depend on"
    except (ValueError, IndexError, AttributeError, TypeError) as error:
        yield f"its title cannot be filled in ({error}); a brace itself is written twice"
