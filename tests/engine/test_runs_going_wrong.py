"""Runs that end badly: no memory, no room, a refused input, a method that misbehaves."""

from __future__ import annotations

import errno
import math
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import SafetensorError
from toy_runs import DESCENT, finish

from engine import headless
from engine.failures import explain
from engine.messages import RunRequest
from engine.method import BadInput, State
from engine.plan import declaration
from engine.records import read_record
from engine.run_folder import resumable
from engine.runs import OutOfMemory, Run

pytestmark = pytest.mark.usefixtures("plugin")


def exhausted(error: BaseException) -> Callable[..., Any]:
    def solve(problem: Any, params: Any, rng: Any, state: Any = None) -> Any:
        yield State(0, 2, {"x": problem.vector})
        raise error

    return solve


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"),
    ],
)
def test_out_of_memory_is_a_sentence_and_a_smaller_suggestion(
    begin: Callable[..., Run],
    instead: Callable[..., None],
    error: BaseException,
    tmp_path: Path,
) -> None:
    instead(exhausted(error))
    run = begin()
    with pytest.raises(OutOfMemory) as caught:
        run.advance()
    assert caught.value.suggestion == {"problem.size": 4}
    failure = explain(caught.value)
    assert failure.text == "There was not enough memory on cpu; try problem.size = 4."
    assert failure.suggestion == {"problem.size": 4}
    assert run.close("failed", failure.text).error == failure.text
    assert read_record(tmp_path / "run").status == "failed"


def test_out_of_memory_while_the_problem_is_built(
    instead: Callable[..., None], tmp_path: Path
) -> None:
    def build(settings: Any, context: Any) -> Any:
        raise MemoryError

    instead(build=build, smaller=lambda settings: {"size": 1})
    run = Run(DESCENT, tmp_path)
    with pytest.raises(OutOfMemory) as caught:
        run.prepare()
    assert caught.value.suggestion == {}  # a size of 1 is not allowed, so it is no way out
    assert read_record(tmp_path).status == "failed"


def test_a_failed_run_keeps_its_last_checkpoint(
    begin: Callable[..., Run], instead: Callable[..., None], tmp_path: Path
) -> None:
    instead(exhausted(ValueError("no")))
    run = begin()
    run.checkpoint()
    kept = (tmp_path / "run" / "checkpoint.safetensors").read_bytes()
    with pytest.raises(ValueError, match="no"):
        run.advance()
    run.checkpoint()  # what it was thrown out of is not whole
    record = run.close("failed", "no")
    assert (tmp_path / "run" / "checkpoint.safetensors").read_bytes() == kept
    assert record.error == "no"


def test_a_last_state_that_cannot_be_saved_does_not_hide_the_failure(
    begin: Callable[..., Run], instead: Callable[..., None]
) -> None:
    def save(problem: Any, state: Any, folder: Path) -> dict[str, str]:
        raise ZeroDivisionError("half a state")

    instead(exhausted(ValueError("no")), save=save)
    run = begin()
    with pytest.raises(ValueError, match="no"):
        run.advance()
    assert run.close("failed", "no").outputs == {}
    assert any("half a state" in note for note in run.notes)


def exhausted_at_once(*_: Any, **__: Any) -> Iterator[State]:
    yield from ()


@pytest.mark.parametrize("bad", ["a picture", "a problem", "a method"])
def test_what_is_refused_leaves_the_earlier_results_as_they_were(
    begin: Callable[..., Run], instead: Callable[..., None], tmp_path: Path, bad: str
) -> None:
    earlier = begin()
    finish(earlier)
    earlier.close("finished")
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    request = DESCENT
    if bad == "a picture":
        (tmp_path / "a.png").write_text("no picture at all")
        request = RunRequest(method="toy.descent", inputs={"picture": str(tmp_path / "a.png")})
    elif bad == "a problem":
        request = RunRequest(method="toy.descent", problem={"size": 13})
    else:
        instead(exhausted_at_once)
    run = Run(request, tmp_path / "run")
    with pytest.raises((BadInput, RuntimeError, OSError)) as caught:
        run.prepare()
    # Whoever drives it closes it as well.
    assert run.close("failed", str(caught.value)).status == "failed"
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before


def test_a_run_that_begins_replaces_the_earlier_results(
    begin: Callable[..., Run], tmp_path: Path
) -> None:
    begin().close("finished")
    begin()
    left = {path.name for path in (tmp_path / "run").iterdir()}
    assert left == {"request.json", "events.jsonl"}


@pytest.mark.parametrize("status", ["finished", "interrupted", "cancelled"])
def test_a_process_killed_while_it_saves_loses_nothing(
    begin: Callable[..., Run], instead: Callable[..., None], tmp_path: Path, status: str
) -> None:
    class Killed(BaseException):
        pass

    def killed(problem: Any, state: State, folder: Path) -> dict[str, str]:
        raise Killed

    save = declaration("toy.descent")[1].save
    instead(save=killed)
    run = begin()
    finish(run) if status == "finished" else run.advance()
    step = run.state.step
    with pytest.raises(Killed):
        run.close(status)
    if status == "interrupted":
        assert read_record(tmp_path / "run").status == status
    run.release()
    instead(save=save)
    again = begin(resumable(tmp_path / "run"), resume=True)
    assert again.state.step == step
    finish(again)
    assert again.close("finished").outputs
    assert not (tmp_path / "run" / "checkpoint.json").exists()


def test_a_full_disk_at_the_end_can_be_tried_again(
    begin: Callable[..., Run], instead: Callable[..., None], tmp_path: Path
) -> None:
    full = [True]
    save = declaration("toy.descent")[1].save

    def guarded(problem: Any, state: Any, folder: Path) -> dict[str, str]:
        if full.pop() if full else False:
            raise OSError(errno.ENOSPC, "No space left on device")
        return save(problem, state, folder)

    instead(save=guarded)
    run = begin()
    finish(run)
    with pytest.raises(OSError, match="No space left"):
        run.close("finished")
    folder = tmp_path / "run"
    assert not (folder / "run.json").exists()
    assert not (folder / ".saving").exists()
    assert run.close("finished").outputs
    assert (folder / "found.png").is_file()


def test_a_full_disk_under_a_checkpoint_is_an_error_of_the_system(
    begin: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = begin()
    run.checkpoint()
    before = (run.folder / "checkpoint.safetensors").read_bytes()
    run.advance()

    def full(*_: Any, **__: Any) -> None:
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr("engine.method.save_file", full)
    with pytest.raises(OSError, match="No space left") as caught:
        run.checkpoint()
    assert caught.value.errno == errno.ENOSPC
    assert explain(caught.value).text.startswith("The disk is full: ")
    assert (run.folder / "checkpoint.safetensors").read_bytes() == before


def test_without_a_window_a_checkpoint_that_fails_is_a_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "x")

    monkeypatch.setattr(State, "save", full)
    monkeypatch.setattr(headless, "CHECKPOINT_EVERY", -1.0)
    told = StringIO()
    ending = headless.drive(DESCENT, tmp_path / "run", told, headless.Stop())
    assert ending.code == headless.SUCCESS
    assert told.getvalue().count("note: the run could not be saved on the way: The disk is") == 1


def test_a_full_disk_on_the_way_does_not_stop_the_run(
    begin: Callable[..., Run], tmp_path: Path
) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("there is no /dev/full here")
    (tmp_path / "run").mkdir()
    run = begin()
    run.ledger.close()
    run.ledger.open(full)
    finish(run)
    assert len([note for note in run.notes if "events.jsonl cannot be written" in note]) == 1
    assert len(run.close("finished").curves["error"]) == 21


def test_a_leaking_method_is_caught_and_kept_in(
    begin: Callable[..., Run], instead: Callable[..., None]
) -> None:
    def solve(problem: Any, params: Any, rng: Any, state: Any = None) -> Any:
        with torch.inference_mode():
            torch.set_default_dtype(torch.float64)
            for step in range(4):
                yield State(step, 4, {"x": problem.vector})

    instead(solve)
    run = begin()
    assert not torch.is_inference_mode_enabled()
    assert torch.get_default_dtype() == torch.float32
    finish(run)
    assert run.leaks == ["inference mode", "default dtype"]
    assert len([note for note in run.notes if "leaves its" in note]) == 2
    run.close("finished")
    assert torch.is_grad_enabled()


def test_a_method_that_yields_nothing_is_told(instead: Callable[..., None], tmp_path: Path) -> None:
    def solve(problem: Any, params: Any, rng: Any, state: Any = None) -> Any:
        yield from ()

    instead(solve)
    run = Run(DESCENT, tmp_path)
    with pytest.raises(RuntimeError, match="ended before it yielded"):
        run.prepare()
    assert "ended before" in read_record(tmp_path).error


def test_a_method_that_will_not_end_is_noted(
    begin: Callable[..., Run], instead: Callable[..., None]
) -> None:
    def solve(problem: Any, params: Any, rng: Any, state: Any = None) -> Any:
        try:
            yield State(0, None, {"x": problem.vector})
        finally:
            yield State(1, None, {"x": problem.vector})

    instead(solve)
    run = begin()
    assert run.close("cancelled").status == "cancelled"
    assert any("did not end cleanly" in note for note in run.notes)


def test_metrics_that_diverge_are_left_out(
    begin: Callable[..., Run], instead: Callable[..., None]
) -> None:
    values = iter([1.0, math.inf, math.nan, 2.0])
    instead(observe=lambda problem, state: {"error": next(values, 3.0)})
    run = begin()
    for _ in range(3):
        run.advance()
    assert run.ledger.curves["error"] == [(0, 1.0), (3, 2.0)]
