from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.catalogue import Catalogue, PanelSpec, PresetSpec, SeriesSpec
from engine.declared import problems
from engine.discovery import discover, installed
from engine.messages import RunRequest
from engine.method import BadInput, Bench, Method, Settings, knob
from engine.plan import declaration, plan


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plugin: Path) -> Iterator[Path]:
    """A copy of the toy bench as the room ``rooms.toy``, to which methods can be added."""
    room = tmp_path / "rooms" / "toy"
    room.mkdir(parents=True)
    (tmp_path / "rooms" / "__init__.py").touch()
    for name in ("__init__", "bench", "descent"):
        (room / f"{name}.py").write_text((plugin / "toybench" / f"{name}.py").read_text())
    monkeypatch.setattr(sys, "path", [str(tmp_path), *(p for p in sys.path if p != str(plugin))])
    before = set(sys.modules)
    yield room
    for name in set(sys.modules) - before:
        if name.startswith("rooms"):
            del sys.modules[name]


def test_benches_and_methods_are_found_by_folder(package: Path) -> None:
    catalogue, methods, benches = discover("rooms")
    assert list(methods) == ["toy.descent"]
    assert list(benches) == ["toy"]
    assert catalogue.method("toy.descent").package == "priorbench"
    assert [field.name for field in catalogue.bench("toy").fields] == [
        "size",
        "zoom",
        "noise.kind",
        "noise.sigma",
    ]


def test_a_helper_module_is_not_imported(package: Path) -> None:
    (package / "helper.py").write_text("raise RuntimeError('this is no method')")
    catalogue = discover("rooms").catalogue
    assert "rooms.toy.helper" not in catalogue.broken
    assert "rooms.toy.helper" not in sys.modules


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("METHOD = 1 / 0", "ZeroDivisionError: division by zero (odd.py, line 1)"),
        ("METHOD = (", "SyntaxError"),
        ("import sys\nMETHOD = sys.exit(3)", "SystemExit"),
        ("import no_such_library\nMETHOD = 1", "ModuleNotFoundError"),
        ("METHOD = 3", "neither METHOD = Method(...) nor BENCH"),
    ],
)
def test_a_broken_module_is_named_and_the_rest_works(package: Path, text: str, reason: str) -> None:
    (package / "odd.py").write_text(text)
    catalogue, methods, _ = discover("rooms")
    assert reason in catalogue.broken["rooms.toy.odd"]
    assert list(methods) == ["toy.descent"]


def test_a_declaration_that_is_not_whole_is_left_out(package: Path) -> None:
    text = (package / "descent.py").read_text().replace('summary="Walks downhill."', 'summary=""')
    (package / "odd.py").write_text(text)
    catalogue, methods, _ = discover("rooms")
    assert catalogue.broken["rooms.toy.odd"] == "summary: it is empty"
    assert list(methods) == ["toy.descent"]


def test_a_method_of_no_bench_is_left_out(package: Path) -> None:
    text = (package / "descent.py").read_text().replace('bench="toy"', 'bench="moon"')
    (package / "odd.py").write_text(text)
    assert "bench: 'moon' is not there (known: toy)" in discover("rooms").catalogue.broken.values()


def test_a_picture_of_the_bench_can_be_said_anew_by_what_depends_on_knobs(package: Path) -> None:
    anew = {
        "well": 'title="{steps} of it", when={"steps": [1]}',
        "moon": 'title="It", when={"moon": [1]}',
        "title": 'title="{moon} of it", when={"steps": [1]}',
        "nested": 'title="{schedule.decay}", when={"schedule.decay": [1]}',
        "brace": 'title="Set {0"',
        "place": 'title="Set {}"',
        "format": 'title="{steps:%}", when={"steps": ["1"]}',
        "text": 'title="It", when={"steps": ["1"]}',
        "far": 'title="It", when={"schedule.decay": [1.5]}',
        "none": 'title="It", when={"steps": []}',
        "live": 'title="It", when={"jitter": [1]}',
        "pointer": 'title="It", pointer=True',
        "scale": 'title="It", scale=ScaleSpec()',
    }
    add_panels(package, {n: f'PanelSpec(name="found", kind="image", {s})' for n, s in anew.items()})
    again = (f'PanelSpec(name="found", kind="image", {anew["well"]})', "PanelSpec(name='found', ")
    add_panels(package, {"both": f"{again[0]}, {again[1]}kind='image', title='It {{{{}}}}')"})
    catalogue = discover("rooms").catalogue
    assert catalogue.method("toy.odd_well").panels[0].title == "{steps} of it"
    assert [p.name for p in catalogue.method("toy.odd_both").panels] == ["found", "found", "rates"]
    reasons = {
        "moon": "panels: found: it depends on moon, which is not there",
        "title": "panels: found: it has {moon} in its title, which it does not depend on",
        "nested": "panels: found: it has {schedule} in its title, which it does not depend on",
        "brace": "panels: found: its title cannot be filled in (expected '}' before end of string)",
        "place": "panels: found: its title cannot be filled in (",
        "format": "panels: found: it depends on steps = '1', which is no value of it",
        "text": "panels: found: it depends on steps = '1', which is no value of it",
        "far": "panels: found: it depends on schedule.decay = 1.5, which is no value of it",
        "none": "panels: found: it depends on steps, but on no value of it",
        "live": "panels: found: it depends on jitter, which changes during a run",
        "pointer": "panels: found has its pointer and scale from the bench",
        "scale": "panels: found has its pointer and scale from the bench",
    }
    for name, reason in reasons.items():
        assert catalogue.broken[f"rooms.toy.odd_{name}"].startswith(reason)


def add_panels(package: Path, panels: dict[str, str]) -> None:
    """For each name a method ``toy.odd_NAME`` with this panel more."""
    text = (package / "descent.py").read_text().replace("import Pan", "import ScaleSpec, Pan")
    for name, panel in panels.items():
        added = text.replace("panels=[", f"panels=[{panel}, ")
        (package / f"odd_{name}.py").write_text(added)


def test_a_picture_of_its_own_is_said_once(package: Path) -> None:
    own = 'PanelSpec(name="own", title="Own", kind="image", when={"steps": [%d]})'
    add_panels(package, {"once": own % 1, "twice": f"{own % 1}, {own % 2}"})
    catalogue = discover("rooms").catalogue
    assert [p.name for p in catalogue.method("toy.odd_once").panels] == ["own", "rates"]
    assert catalogue.broken["rooms.toy.odd_twice"] == "panels: own is there 2 times"


def test_a_picture_of_the_bench_depends_on_no_knob(package: Path) -> None:
    text = (package / "bench.py").read_text()
    panel = 'PanelSpec(name="found", title="Found", kind="image"'
    assert panel in text
    (package / "bench.py").write_text(text.replace(panel, f'{panel}, when={{"size": [8]}}'))
    reason = discover("rooms").catalogue.broken["rooms.toy.bench"]
    assert reason == "panels: found: it depends on size, which is not there"


@pytest.mark.parametrize("part", ["descent", "bench"])
@pytest.mark.parametrize(
    "odd", ["panels=3", "panels=[3]", "order='first'", "title=3", "extra=lambda: 0"]
)
def test_whatever_a_declaration_holds_the_rest_works(package: Path, part: str, odd: str) -> None:
    room = package.parent / "spare"
    room.mkdir()
    for name in ("__init__", "bench", "descent"):
        text = (package / f"{name}.py").read_text()
        (room / f"{name}.py").write_text(text.replace('bench="toy"', 'bench="spare"'))
    text = (package / f"{part}.py").read_text()
    name = "METHOD" if part == "descent" else "BENCH"
    odd = odd.replace("extra", "presets" if part == "descent" else "examples")
    text += f"\n\nimport dataclasses\n{name} = dataclasses.replace({name}, {odd})\n"
    (package / f"{part}.py").write_text(text)
    catalogue, methods, _ = discover("rooms")
    assert "spare.descent" in methods
    assert "toy.descent" not in methods
    assert catalogue.broken[f"rooms.toy.{part}"]


def test_a_panel_of_the_bench_cannot_be_taken(package: Path) -> None:
    text = (package / "descent.py").read_text().replace('name="rates"', 'name="errors"')
    (package / "odd.py").write_text(text)
    assert "errors" in discover("rooms").catalogue.broken["rooms.toy.odd"]


def test_what_a_method_does_not_use_is_told_and_has_to_be_there(package: Path) -> None:
    text = (package / "descent.py").read_text()
    assert discover("rooms").catalogue.method("toy.descent").unused == ()
    for unused in ("zoom", "moon"):
        named = text.replace('bench="toy",', f'bench="toy", unused=("{unused}",),')
        (package / f"odd_{unused}.py").write_text(named)
    catalogue = discover("rooms").catalogue
    assert catalogue.method("toy.odd_zoom").unused == ("zoom",)
    assert not catalogue.method("toy.odd_zoom").previews
    assert "moon is no field of the bench" in catalogue.broken["rooms.toy.odd_moon"]


def test_what_a_method_fixes_and_is_about_has_to_be_there(package: Path) -> None:
    text = (package / "descent.py").read_text()
    for name, more in (
        ("fixed", 'fixed={"zoom": 2}, lead="found",'),
        ("moon", 'fixed={"moon": 2},'),
        ("high", 'fixed={"zoom": 1e9},'),
        ("curve", 'lead="rates",'),
        ("plot", 'lead="line",'),
        ("when", 'fixed_when={"sun": [1]}, answers_when={"moon": [1]},'),
    ):
        named = text.replace('bench="toy",', f'bench="toy", {more}')
        line = 'PanelSpec(name="line", title="Line", kind="plot", series=(SeriesSpec("y", "y"),))'
        (package / f"odd_{name}.py").write_text(named.replace("panels=[", f"panels=[{line}, "))
    catalogue = discover("rooms").catalogue
    assert catalogue.method("toy.odd_plot").lead == "line"
    fixed = catalogue.method("toy.odd_fixed")
    assert (fixed.fixed, fixed.lead) == ({"zoom": 2}, "found")
    assert "moon is no field of the bench" in catalogue.broken["rooms.toy.odd_moon"]
    assert catalogue.broken["rooms.toy.odd_high"].startswith("fixed: zoom: ")
    strange = catalogue.broken["rooms.toy.odd_when"]
    assert "fixed_when: it depends on sun" in strange
    assert "answers_when: it depends on moon" in strange
    assert catalogue.broken["rooms.toy.odd_curve"] == "lead: rates is no picture and no plot"
    # Where a person explores, no plot can take the place of the pictures.
    bench = (
        (package / "bench.py")
        .read_text()
        .replace("BENCH = Bench(", 'BENCH = Bench(stage="explore",')
    )
    (package / "bench.py").write_text(bench)
    for name in [name for name in sys.modules if name.startswith("rooms.toy.")]:
        del sys.modules[name]
    catalogue = discover("rooms").catalogue
    assert catalogue.broken["rooms.toy.odd_plot"].startswith("lead: line is a plot")


def test_with_which_knobs_a_method_races_is_told_and_has_to_be_there(package: Path) -> None:
    text = (package / "descent.py").read_text()
    known = discover("rooms").catalogue.method("toy.descent").fields[0]
    for name, needed in (("own", known.name), ("moon", "moon")):
        more = f'answers_when={{"{needed}": [{known.default!r}]}},'
        odd = text.replace('bench="toy",', f'bench="toy", {more}')
        (package / f"odd_{name}.py").write_text(odd)
    catalogue = discover("rooms").catalogue
    assert catalogue.method("toy.odd_own").answers_when == {known.name: [known.default]}
    assert catalogue.broken["rooms.toy.odd_moon"].startswith("answers_when: it depends on moon")


def test_a_broken_bench_takes_its_methods_with_it(package: Path) -> None:
    (package / "bench.py").write_text("BENCH = None + 1")
    catalogue, methods, benches = discover("rooms")
    assert methods == benches == {}
    assert set(catalogue.broken) == {"rooms.toy.bench", "rooms.toy.descent"}


def test_another_package_brings_a_bench_and_methods(plugin: Path) -> None:
    catalogue, methods, benches = discover()
    assert {"toy.descent", "toy.board"} <= set(methods)
    assert "toy" in benches
    assert catalogue.method("toy.board").package == "toybench"


def test_the_catalogue_tells_what_waits_for_a_person_and_where_it_looks(plugin: Path) -> None:
    catalogue = discover().catalogue
    board, descent = catalogue.method("toy.board"), catalogue.method("toy.descent")
    assert board.interactive
    assert board.panels[0].pointer
    assert not descent.interactive
    assert not descent.panels[0].pointer
    assert catalogue.bench("toy").stage == "compare"


def test_only_a_picture_takes_a_pointer(package: Path) -> None:
    text = (package / "descent.py").read_text().replace('kind="curve",', 'kind="curve", pointer=1,')
    (package / "odd.py").write_text(text)
    reason = discover("rooms").catalogue.broken["rooms.toy.odd"]
    assert reason == "panels: rates has a pointer, but is no image"


def test_only_a_picture_has_a_scale(package: Path) -> None:
    text = (package / "descent.py").read_text()
    text = text.replace('kind="curve",', 'kind="curve", scale=ScaleSpec(),')
    text = text.replace("import PanelSpec", "import PanelSpec, ScaleSpec")
    (package / "odd.py").write_text(text)
    reason = discover("rooms").catalogue.broken["rooms.toy.odd"]
    assert reason == "panels: rates has a scale, but is no image"


def test_an_id_cannot_be_taken_twice(package: Path, plugin: Path, monkeypatch: Any) -> None:
    monkeypatch.syspath_prepend(plugin)
    catalogue, methods, _ = discover("rooms")
    assert catalogue.broken["toybench.descent"] == (
        "the id toy.descent is taken by rooms.toy.descent"
    )
    assert "toy.board" in methods


def test_an_entry_point_to_nothing_is_named(tmp_path: Path, monkeypatch: Any) -> None:
    info = tmp_path / "ghost-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: ghost\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[priorbench.methods]\nghost = no_such_ghost\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert "ModuleNotFoundError" in discover().catalogue.broken["no_such_ghost"]


def test_an_example_of_a_missing_method_is_left_out(plugin: Path) -> None:
    catalogue = discover().catalogue
    assert [example.title for example in catalogue.bench("toy").examples] == ["Small"]
    assert "toy.nowhere" in catalogue.broken["toybench.bench: example 'Lost'"]


def test_the_catalogue_is_plain_data(plugin: Path) -> None:
    catalogue = discover().catalogue
    assert msgspec.json.decode(msgspec.json.encode(catalogue), type=Catalogue) == catalogue
    assert json.loads(msgspec.json.encode(catalogue))["schema"] == 1


def test_a_method_is_looked_up_by_its_id(plugin: Path) -> None:
    method, bench = declaration("toy.descent")
    assert (method.title, bench.title) == ("Gradient descent", "Toy")
    with pytest.raises(BadInput, match=r"did you mean toy\.descent\?") as caught:
        declaration("toy.decent")
    assert caught.value.field == "method"


def test_a_broken_method_says_why(plugin: Path, monkeypatch: Any) -> None:
    found = installed()
    broken = msgspec.structs.replace(found.catalogue, broken={"engine.toy.odd": "it is odd"})
    monkeypatch.setattr("engine.plan.installed", lambda: found._replace(catalogue=broken))
    with pytest.raises(BadInput, match="cannot be loaded: it is odd"):
        declaration("toy.odd")


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"seed": -1}, "seed: -1 is out of range"),
        ({"backend": "jax"}, "backend: 'jax' is unknown (allowed auto, torch, onnx)"),
        ({"threads": 10**6}, "threads: 1000000 is out of range"),
        ({"device": "abacus"}, "device: 'abacus' is not here (allowed auto, cpu"),
        ({"preset": "slow"}, "preset: 'slow' is unknown (allowed default, fast)"),
        ({"problem": {"size": 1}}, "problem.size: 1 is below 2 (allowed 2 to 4096)"),
        ({"params": {"steps": 0}}, "steps: 0 is below 1"),
        ({"inputs": {"film": "x"}}, "film: there is no such input (allowed picture)"),
        ({"inputs": {"picture": "/no/such"}}, "picture: '/no/such' is not there"),
        ({"inputs": {"picture": "/"}}, "picture: '/' is a folder, not a file"),
        ({"inputs": {"picture": "store:" + "0" * 64}}, "picture: the file store:0000"),
    ],
)
def test_a_request_is_judged_before_anything_is_done(
    plugin: Path, change: dict[str, Any], line: str
) -> None:
    with pytest.raises(BadInput) as caught:
        plan(RunRequest(method="toy.descent", **change))
    assert str(caught.value).startswith(line)
    assert caught.value.field.rpartition(".")[2] == next(
        iter(change.get("inputs") or change.get("params") or change.get("problem") or change)
    )


def test_a_preset_lies_under_the_given_values(plugin: Path) -> None:
    request = RunRequest(method="toy.descent", preset="fast", params={"schedule.rate": 0.1})
    params: Any = plan(request).params
    assert (params.steps, params.schedule.rate, params.schedule.decay) == (5, 0.1, 0.99)


# --- the check that a declaration is whole -----------------------------------------------


class Odd(Settings):
    plain: int = 3
    wide: float = knob(9.0, title="Wide", help="h", ge=0, le=3)
    tiny: float = knob(1.0, title="Tiny", help="h", ge=0, le=3, scale="log", step=0)
    lost: int = knob(1, title="Lost", help="h", ge=0, le=3, when={"gone": [1], "plain": []})


@pytest.fixture
def whole(plugin: Path) -> tuple[Method, Bench]:
    return declaration("toy.descent")


def test_a_whole_declaration_has_no_problem(whole: tuple[Method, Bench]) -> None:
    assert [problems(part) for part in whole] == [[], []]


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"title": " "}, "title: it is empty"),
        ({"source": ""}, "source: it is empty"),
        ({"params": dict}, "params: it is not a Settings model"),
        ({"presets": ()}, "presets: there is none"),
        (
            {"presets": [PresetSpec("a", "A", {"stepz": 1}), PresetSpec("a", "A", {})]},
            "presets: a is there 2 times",
        ),
        ({"presets": [PresetSpec("a", "A", {"steps": 0})]}, "presets: a: steps: 0 is below 1"),
        ({"presets": [PresetSpec("a", "", {})]}, "presets: a lacks a name or title"),
        (
            {"panels": [PanelSpec(name="p", title="P", kind="curve")]},
            "panels: p has no series",
        ),
        (
            {"panels": [PanelSpec(name="p", title="", kind="image")]},
            "panels: p lacks a name or title",
        ),
        (
            {
                "panels": [
                    PanelSpec(name="p", title="P", kind="image", series=(SeriesSpec("", "x"),))
                ]
            },
            "panels: p is an image, but has series",
        ),
        (
            {
                "panels": [
                    PanelSpec(
                        name="p",
                        title="P",
                        kind="curve",
                        series=(SeriesSpec("x", "X"),),
                        when={"steps": [1]},
                    )
                ]
            },
            "panels: p depends on knobs, but is no image",
        ),
        ({"solve": print}, "docstring: it names no source"),
        ({"solve": lambda problem: None}, "solve: it is not a generator function"),
        ({"solve": lambda problem: None}, "solve: it cannot be called as solve(problem, params"),
        ({"params": Odd}, "params: plain: it has no title"),
        ({"params": Odd}, "params: plain: it has no help"),
        ({"params": Odd}, "params: plain: it has no range (ge, le)"),
        ({"params": Odd}, "params: the default of wide: 9.0 is above 3"),
        ({"params": Odd}, "params: tiny: a log scale needs a minimum above 0"),
        ({"params": Odd}, "params: tiny: its step is not above 0"),
        ({"params": Odd}, "params: lost: it depends on gone, which is not there"),
        ({"params": Odd}, "params: lost: it depends on plain, but on no value of it"),
    ],
)
def test_what_a_method_lacks_is_told(
    whole: tuple[Method, Bench], change: dict[str, Any], line: str
) -> None:
    found = problems(dataclasses.replace(whole[0], **change))
    assert any(text.startswith(line) for text in found), found


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"verb": ""}, "verb: it is empty"),
        ({"panels": ()}, "panels: there is no picture to watch"),
        ({"build": lambda: None}, "build: it cannot be called"),
        ({"problem": Odd}, "problem: plain: it has no title"),
        (
            {"panels": [PanelSpec(name="p", title="{size}", kind="image")]},
            "panels: p: it has {size} in its title, which it does not depend on",
        ),
    ],
)
def test_what_a_bench_lacks_is_told(
    whole: tuple[Method, Bench], change: dict[str, Any], line: str
) -> None:
    found = problems(dataclasses.replace(whole[1], **change))
    assert any(text.startswith(line) for text in found), found
