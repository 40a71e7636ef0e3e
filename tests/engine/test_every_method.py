"""What every registered method promises, tested on each: ours and an installed package's.

A new method is tested by being there. Everything runs on a picture of 48 x 40 pixels.
"""

from __future__ import annotations

import copy
import importlib
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from engine.catalogue import FieldSpec
from engine.discovery import Installed, discover, installed, problems
from engine.messages import Nudge, Pointer, RunRequest, Stroke, Tune, UserEvent
from engine.method import BadInput, State
from engine.models.zoo import available
from engine.records import read_record, repetition
from engine.run_folder import resumable
from engine.runs import Run, Update
from engine.settings import dump, errors, make

PLUGIN = Path(__file__).parent / "plugin"
#: Steps that a test takes of a method, and after how many of them it is killed.
STEPS, KILLED = 6, 3


def _everything() -> Installed:
    sys.path.insert(0, str(PLUGIN))
    try:
        return discover()
    finally:
        sys.path.remove(str(PLUGIN))


FOUND = _everything()
METHODS = list(FOUND.methods)
LIVE = [(m.id, f.name) for m in FOUND.catalogue.methods for f in m.fields if f.live]

pytestmark = pytest.mark.usefixtures("plugin")


class Seen(NamedTuple):
    """One state, copied: a borrowed one would change under the test."""

    update: Update
    tensors: dict[str, Tensor]
    scalars: dict[str, Any]


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows, columns = np.mgrid[0:40, 0:48]
    waves = 0.5 + 0.3 * np.sin(columns / 7) * np.cos(rows / 5)
    colors = np.stack([waves, np.roll(waves, 9, 1), 0.7 * waves + 0.2], axis=-1)
    colors[10:24, 12:30] = (0.9, 0.4, 0.1)
    path = tmp_path_factory.mktemp("inputs") / "tiny.png"
    Image.fromarray((255 * colors).astype(np.uint8)).save(path)
    return path


def tiny(method: str, picture: Path, **more: Any) -> RunRequest:
    """A request that takes a fraction of a second."""
    spec = FOUND.catalogue.method(method)
    params: dict[str, Any] = {
        field.name: min(field.default, max(int(field.minimum or 1), 2 * STEPS))
        for field in spec.fields
        if field.kind == "int" and field.name.rpartition(".")[2] in ("steps", "iterations")
    }
    for field in spec.fields:
        if field.default in spec.priors and not available(field.default):
            # In a checkout without weights, an exact prior stands for the network.
            params[field.name] = next(c.value for c in field.choices if c.value != field.default)
    inputs = {
        spec.name: str(picture)
        for spec in FOUND.catalogue.bench(spec.bench).inputs
        if spec.kind == "picture"
    }
    return RunRequest(method=method, **{"params": params, "inputs": inputs, "seed": 7, **more})


def touches(run: Run) -> tuple[UserEvent, ...]:
    """A click, an arrow key and a stroke in the middle of the first picture: what wakes an idle
    method.
    """
    panel = run.panels()[0]
    x, y = panel.shape[1] / 2, panel.shape[0] / 2
    return (
        Pointer(panel.name, "press", x, y),
        Pointer(panel.name, "release", x, y),
        Nudge(panel.name, 1.0, 0.0),
        Stroke(panel.name, ((x, y), (x + 1, y)), 2.0),
    )


def seen(run: Run, update: Update) -> Seen:
    tensors = {name: tensor.detach().clone() for name, tensor in run.state.tensors.items()}
    return Seen(update, tensors, copy.deepcopy(run.state.scalars))


def taken(run: Run, count: int = STEPS) -> Iterator[Seen]:
    """The next states of a prepared run; one that waits is touched."""
    update = Update("idle", 0, None, {}) if run.waiting else None
    for _ in range(count):
        update = run.advance(touches(run) if update and update.kind == "idle" else ())
        if update.kind == "done":
            return
        yield seen(run, update)


def assert_same(a: Seen, b: Seen) -> None:
    assert a.update == b.update
    assert a.scalars == b.scalars
    assert a.tensors.keys() == b.tensors.keys()
    for name, tensor in a.tensors.items():
        # A place that is left empty is not a number, and stays so.
        exact = {"rtol": 0, "atol": 0, "equal_nan": True}
        where = f"{name} differs at step {a.update.step}"
        torch.testing.assert_close(tensor, b.tensors[name], **exact, msg=where)


@pytest.mark.parametrize("method", METHODS)
class TestEveryMethod:
    def test_declaration_is_whole(self, method: str) -> None:
        assert problems(FOUND.methods[method]) == []

    def test_public_parts_are_documented(self, method: str) -> None:
        module = importlib.import_module(FOUND.methods[method].solve.__module__)
        assert inspect.getdoc(module)
        assert FOUND.catalogue.method(method).help

    def test_same_seed_same_numbers(self, method: str, picture: Path, tmp_path: Path) -> None:
        runs = [Run(tiny(method, picture), tmp_path / name) for name in "ab"]
        for run in runs:
            run.prepare()
        # Interleaved, as the engine does: neither may touch what the other draws.
        for a, b in zip(*(taken(run) for run in runs), strict=True):
            assert_same(a, b)
        for run in runs:
            run.close("cancelled")

    def test_killed_and_resumed_with_equal_bits(
        self, method: str, picture: Path, tmp_path: Path
    ) -> None:
        whole = Run(tiny(method, picture), tmp_path / "whole")
        whole.prepare()
        expected = list(taken(whole))
        after = min(KILLED, len(expected) - 1)

        killed = Run(tiny(method, picture), tmp_path / "killed")
        first = seen(killed, killed.prepare())
        early = list(taken(killed, after))
        killed.checkpoint()
        last = early[-1] if early else first
        list(taken(killed, 1))  # what it did after the checkpoint is lost, and done again
        killed.release()

        again = Run(resumable(tmp_path / "killed"), tmp_path / "killed", resume=True)
        assert_same(last, seen(again, again.prepare()))
        rest = list(taken(again))[: len(expected) - after]
        assert len(rest) == len(expected) - after
        for a, b in zip(expected[after:], rest, strict=True):
            assert_same(a, b)
        for run in (whole, again):
            run.close("cancelled")

    def test_cancelled_between_steps(self, method: str, picture: Path, tmp_path: Path) -> None:
        run = Run(tiny(method, picture), tmp_path)
        run.prepare()
        states = list(taken(run, 2))
        record = run.close("cancelled")
        assert record.status == "cancelled"
        assert record.steps == states[-1].update.step
        assert (tmp_path / "checkpoint.safetensors").is_file()
        assert all((tmp_path / name).is_file() for name in record.outputs.values())
        with pytest.raises(RuntimeError):
            run.advance()

    def test_paused_it_stands_still(self, method: str, picture: Path, tmp_path: Path) -> None:
        run = Run(tiny(method, picture), tmp_path)
        run.prepare()
        before = list(taken(run, 2))[-1]
        shown = run.pictures()
        run.checkpoint()
        for name, array in run.pictures().items():
            assert np.array_equal(array, shown[name])
        assert_same(before, seen(run, before.update))
        run.close("cancelled")

    def test_small_run_finishes(self, method: str, picture: Path, tmp_path: Path) -> None:
        run = Run(tiny(method, picture), tmp_path)
        update = run.prepare()
        steps, metrics = [update.step], set(update.metrics)
        while update.kind != "done" and not run.waiting:
            update = run.advance()
            steps.append(update.step)
            metrics |= update.metrics.keys()
        assert steps == sorted(steps), "steps go backwards"
        pictures = run.pictures()
        restores = run.state.scalars.get("restores", True)
        shown = [panel for panel in self.panels(method, restores) if not panel.optional]
        for panel in shown:
            if panel.kind == "image" and panel.scale is not None:
                assert pictures[panel.name].dtype == np.float32
                assert pictures[panel.name].ndim == 2
            elif panel.kind == "image":
                assert pictures[panel.name].dtype == np.uint8
                assert pictures[panel.name].ndim == 3
                assert pictures[panel.name].shape[-1] == 3
            if panel.kind == "plot":
                assert pictures[panel.name].dtype == np.float32
                assert pictures[panel.name].shape[0] == 1 + len(panel.series)
            if panel.kind == "bars":
                assert pictures[panel.name].dtype == np.float32
                assert pictures[panel.name].shape == (2, len(panel.series))
        for panel in [panel for panel in shown if panel.kind == "curve"]:
            assert {series.metric for series in panel.series} <= metrics
        record = run.close("finished")
        assert record.status == "finished"
        assert record.outputs
        assert all((tmp_path / name).is_file() for name in record.outputs.values())
        assert (tmp_path / "thumbnail.png").is_file()
        assert not list(tmp_path.glob("checkpoint*"))
        assert not list(tmp_path.glob("*.part"))
        assert read_record(tmp_path) == msgspec.convert(msgspec.to_builtins(record), type(record))

    def test_leaves_no_mode_behind(self, method: str, picture: Path, tmp_path: Path) -> None:
        run = Run(tiny(method, picture), tmp_path)
        run.prepare()
        list(taken(run))
        run.close("cancelled")
        assert run.leaks == []
        assert torch.is_grad_enabled()

    def test_state_survives_saving(self, method: str, picture: Path, tmp_path: Path) -> None:
        run = Run(tiny(method, picture), tmp_path)
        run.prepare()
        last = list(taken(run, 2))[-1]
        run.state.save(tmp_path / "state")
        loaded = State.load(tmp_path / "state")
        assert (loaded.step, loaded.total) == (last.update.step, last.update.total)
        assert loaded.scalars == last.scalars
        for name, tensor in last.tensors.items():
            assert torch.equal(loaded.tensors[name], tensor)
        run.close("cancelled")

    def test_every_field_refuses_what_it_does_not_allow(self, method: str) -> None:
        model = FOUND.methods[method].params
        for field in FOUND.catalogue.method(method).fields:
            for value in refused(field):
                with pytest.raises(BadInput, match=field.name) as caught:
                    make(model, {field.name: value})
                assert caught.value.field == field.name
                assert "\n" not in str(caught.value)

    def test_unknown_setting_is_refused(self, method: str, picture: Path, tmp_path: Path) -> None:
        with pytest.raises(BadInput, match="there is no such setting") as caught:
            Run(tiny(method, picture, params={"nonsense": 1}), tmp_path / "run")
        assert caught.value.field == "nonsense"
        assert not (tmp_path / "run").exists()

    def test_an_event_it_does_not_know_does_no_harm(
        self, method: str, picture: Path, tmp_path: Path
    ) -> None:
        run = Run(tiny(method, picture), tmp_path)
        run.prepare()
        run.advance((Pointer("no such panel", "press", -1e9, 1e9), *touches(run)))
        run.close("cancelled")

    @staticmethod
    def panels(method: str, restores: bool) -> list[Any]:
        """The bench's and its own; what does not restore is not measured."""
        spec = FOUND.catalogue.method(method)
        shared = FOUND.catalogue.bench(spec.bench).panels
        return [*(p for p in shared if restores or p.kind == "image"), *spec.panels]


def refused(field: FieldSpec) -> Iterator[Any]:
    """Values that a field must not take."""
    if field.kind in ("int", "float"):
        assert field.minimum is not None
        assert field.maximum is not None
        yield field.minimum - 1
        yield field.maximum + 1
        yield float("nan")
        yield "a lot"
    if field.kind in ("choice", "bool"):
        yield "no such choice"


def moved(field: FieldSpec, now: Any) -> Any:
    """Another value that a field takes."""
    if field.kind == "bool":
        return not now
    if field.kind == "choice":
        return next(c.value for c in field.choices if c.value != str(now))
    assert field.minimum is not None
    assert field.maximum is not None
    aim = field.maximum if now < field.maximum else field.minimum
    return now + (aim - now) // 2 if field.kind == "int" and abs(aim - now) > 1 else (now + aim) / 2


@pytest.mark.parametrize(("method", "name"), LIVE)
def test_live_value_takes_effect_and_repeats(
    method: str, name: str, picture: Path, tmp_path: Path
) -> None:
    field = next(f for f in FOUND.catalogue.method(method).fields if f.name == name)
    request = tiny(method, picture)
    run = Run(request, tmp_path / "first")
    run.prepare()
    value = moved(field, dump(run.plan.params)[name])
    assert not errors(FOUND.methods[method].params, {name: value})
    run.advance((Tune({name: field.default}), Tune({name: value})))
    rest = list(taken(run, 3))
    record = run.close("cancelled")
    assert record.events[0] == (0, "tune", {name: value})

    again = Run(repetition(record), tmp_path / "again")
    again.prepare()
    update = again.advance()
    for expected in rest:
        update = again.advance()
        assert_same(expected, seen(again, update))
    again.close("cancelled")
    assert update.kind != "done" or not rest


def test_everything_that_ships_is_whole() -> None:
    assert not {name: why for name, why in FOUND.catalogue.broken.items() if "engine" in name}


def test_another_package_adds_methods_without_an_edit() -> None:
    assert {"toy.descent", "toy.board"} <= set(METHODS)
    assert FOUND.catalogue.method("toy.descent").package == "toybench"
    assert set(installed().methods) == set(METHODS)


@pytest.mark.parametrize("method", [m.id for m in FOUND.catalogue.methods if not m.interactive])
def test_every_preset_of_ours_says_how_long_it_takes(method: str) -> None:
    spec = FOUND.catalogue.method(method)
    told = {p.name: p.seconds for p in spec.presets if spec.package == "priorbench"}
    assert None not in told.values(), told
