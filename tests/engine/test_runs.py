from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from toy_runs import DESCENT, finish, solved_by

from engine.discovery import installed
from engine.messages import Pointer, RunRequest, Stroke, Tune
from engine.method import BadInput, Paced, State
from engine.records import read_record, repetition
from engine.run_folder import resumable
from engine.runs import Run, Update
from engine.seeds import STREAMS, child_seeds, generator

pytestmark = pytest.mark.usefixtures("plugin")

BOARD = RunRequest(method="toy.board", seed=3)
CLICK = Pointer("found", "press", 3, 0)


# --- a run and its record ----------------------------------------------------------------


def test_a_run_from_first_step_to_record(begin: Callable[..., Run], tmp_path: Path) -> None:
    run = Run(DESCENT, tmp_path / "run", id="the-first")
    assert run.prepare() == Update("step", 0, 20, run.ledger.metrics)
    update = finish(run)
    assert (update.kind, update.step, update.total) == ("done", 20, 20)
    assert run.advance() == update  # it stays done
    record = run.close("finished")
    assert record == read_record(tmp_path / "run")
    assert (record.id, record.method, record.title) == (
        "the-first",
        "toy.descent",
        "Gradient descent",
    )
    assert record.params == {
        "steps": 20,
        "jitter": 0.01,
        "schedule.rate": 0.2,
        "schedule.decay": 0.99,
    }
    assert record.problem["noise.sigma"] == 0.1
    assert record.seeds == {"seed": 3, **child_seeds(3)}
    assert record.curves["error"][0][0] == 0
    assert [step for step, _ in record.curves["error"]] == list(range(21))
    assert record.metrics["error"] == record.curves["error"][-1][1] < 0.01
    assert record.curves["rate"][1][1] == pytest.approx(0.2 * 0.99)
    assert record.priors == {"toy": "0" * 64}
    assert record.backend == "torch"
    assert record.device == "cpu"
    assert record.threads >= 1
    assert record.seconds > 0
    assert {"python", "torch", "priorbench"} <= set(record.versions)
    assert record.outputs == {"found": "found.png", "values": "found.csv"}
    assert record.request == DESCENT


def test_a_number_that_is_none_is_absent(begin: Callable[..., Run]) -> None:
    assert "worst" not in begin().ledger.metrics  # the toy bench gives it as nan


def test_streams_of_one_seed_are_separate() -> None:
    seeds = child_seeds(1)
    assert set(seeds) == set(STREAMS)
    assert len(set(seeds.values()) | set(child_seeds(2).values())) == 6
    assert all(0 <= seed < 2**53 for seed in seeds.values())
    assert torch.equal(torch.rand(3, generator=generator(5)), torch.rand(3, generator=generator(5)))


def test_the_problem_does_not_depend_on_the_method(begin: Callable[..., Run]) -> None:
    a, b = begin(DESCENT, "a"), begin(BOARD, "b")
    assert np.array_equal(a.pictures()["clean"], b.pictures()["clean"])


def test_another_seed_gives_other_numbers(begin: Callable[..., Run]) -> None:
    other = RunRequest(method="toy.descent", seed=4)
    assert finish(begin(DESCENT, "a")).metrics != finish(begin(other, "b")).metrics


def test_pictures_are_bytes_with_three_channels(begin: Callable[..., Run]) -> None:
    run = begin(BOARD)
    shapes = {panel.name: panel.shape for panel in run.panels()}
    assert shapes == {"found": (2, 16, 3), "clean": (1, 8, 3), "board": (4, 8, 3)}
    assert all(picture.dtype == np.uint8 for picture in run.pictures().values())


def test_a_run_that_is_not_prepared_cannot_advance(tmp_path: Path) -> None:
    run = Run(DESCENT, tmp_path)
    with pytest.raises(RuntimeError, match="not prepared"):
        run.advance()
    with pytest.raises(RuntimeError, match="not prepared"):
        _ = run.state
    assert run.pictures() == {}


def test_a_refused_request_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(BadInput):
        Run(RunRequest(method="toy.descent", params={"steps": 0}), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    run = Run(DESCENT, tmp_path / "file" / "run")
    with pytest.raises(BadInput, match="out: cannot write into") as caught:
        run.prepare()
    assert caught.value.field == "out"


# --- events ------------------------------------------------------------------------------


def test_live_values_are_coalesced_and_clicks_kept_in_order(
    begin: Callable[..., Run], instead: Callable[..., None]
) -> None:
    got: list[Any] = []

    def solve(problem: Any, params: Any, rng: Any, state: Any = None) -> Any:
        while True:
            got.append((yield State(0, None, {"x": problem.vector})))

    instead(solve)
    run = begin()
    stroke = Stroke("found", ((1, 2),), 3.0)
    run.advance((Tune({"jitter": 0.5}), CLICK, Tune({"jitter": 0.25}), stroke, CLICK))
    run.advance()
    (tune, *others), rest = got[0], got[1]
    assert tune == Tune({"jitter": 0.25})
    assert others == [CLICK, stroke, CLICK]
    assert rest == ()
    assert [(step, kind) for step, kind, _ in run.ledger.events] == [
        (0, "tune"),
        (0, "pointer"),
        (0, "stroke"),
        (0, "pointer"),
    ]


def test_a_nested_live_value_arrives_as_its_group(begin: Callable[..., Run]) -> None:
    run = begin()
    run.advance((Tune({"schedule.rate": 0.5}),))
    assert run.state.scalars["rate"] == pytest.approx(0.5 * 0.99)


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"jitter": 2}, "jitter: 2 is above 1 (allowed 0 to 1)"),
        ({"steps": 5}, "steps: it cannot change while the method runs"),
        ({"jittr": 1}, "jittr: there is no such setting; did you mean jitter?"),
    ],
)
def test_a_refused_value_does_the_run_no_harm(
    begin: Callable[..., Run], values: dict[str, Any], line: str
) -> None:
    run, plain = begin(DESCENT, "a"), begin(DESCENT, "b")
    run.advance()
    assert run.refuses(Tune(values)).startswith(line)
    with pytest.raises(BadInput, match=line.split(":")[0]):
        run.advance((Tune(values),))
    assert run.ledger.events == []
    assert finish(run).metrics == finish(plain).metrics
    assert run.refuses(Tune({"jitter": 0.5})) == run.refuses(CLICK) == ""


def test_an_idle_run_costs_nothing_until_it_is_touched(begin: Callable[..., Run]) -> None:
    run = begin(BOARD)
    assert run.waiting
    first = run.advance()
    assert first.kind == "idle"
    assert run.advance() == first
    assert run.advance((CLICK,)).step == 1
    assert run.state.scalars["log"] == [3]
    assert run.waiting


def test_a_step_that_is_played_says_how_long_it_rests(
    begin: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    def played(problem, params, rng, state=None):
        for step in range(3):
            now = State(step, 2, {"x": torch.zeros(8)})
            yield Paced(now, 0.04) if step < 2 else now

    monkeypatch.setitem(installed().methods, "toy.descent", solved_by(played))
    run = begin()
    assert [run.advance().rest for _ in range(3)] == [0.04, 0.0, 0.0]
    assert run.close("finished").steps == 2


def test_a_repetition_gives_the_same_numbers(begin: Callable[..., Run], tmp_path: Path) -> None:
    run = begin()
    run.advance()
    run.advance((Tune({"jitter": 0.9}), CLICK))
    run.advance((Tune({"schedule.rate": 0.01}),))
    finish(run)
    record = run.close("finished")
    again = begin(repetition(read_record(tmp_path / "run")), "again")
    finish(again)
    second = again.close("finished")
    assert second.curves == record.curves
    assert second.events == record.events
    assert (tmp_path / "again" / "found.csv").read_text() == (
        tmp_path / "run" / "found.csv"
    ).read_text()


def test_an_idle_run_is_repeated_click_by_click(begin: Callable[..., Run]) -> None:
    run = begin(BOARD, "a")
    for x in (1, 5, 2):
        run.advance((Pointer("found", "press", x, 0), Tune({"light": x / 10})))
    record = run.close("finished")
    again = begin(repetition(record), "b")
    while not again.waiting:
        again.advance()
    assert again.state.scalars["log"] == [1, 5, 2]
    assert again.close("finished").metrics == record.metrics


def test_a_replay_that_is_none_is_refused(begin: Callable[..., Run]) -> None:
    run = begin(RunRequest(method="toy.descent", replay=[(0, "dance", {})]))
    with pytest.raises(BadInput, match="'dance' is not a recorded event"):
        run.advance()


# --- going on after a stop ---------------------------------------------------------------


def test_resumed_with_its_live_values_events_and_curves(begin: Callable[..., Run]) -> None:
    def drive(run: Run, steps: range) -> None:
        for step in steps:
            run.advance((Tune({"jitter": 0.5}),) if step == 2 else ())

    whole, run = begin(DESCENT, "whole"), begin(DESCENT, "killed")
    drive(whole, range(20))
    drive(run, range(5))
    run.checkpoint()
    drive(run, range(5, 8))  # lost with the kill, and not to be seen twice in the curves
    run.release()
    run = begin(DESCENT, "killed", resume=True)
    drive(run, range(5, 20))
    for a in (whole, run):
        finish(a)
    first, second = whole.close("finished"), run.close("finished")
    assert second.curves == first.curves
    assert second.events == first.events == [(2, "tune", {"jitter": 0.5})]
    assert second.created <= second.created
    assert second.seconds > 0


def test_what_waited_at_closing_time_is_sent_after_it(begin: Callable[..., Run]) -> None:
    run = begin(BOARD)
    stroke = Stroke("board", ((1.0, 2.0), (3.0, 4.0)), 2.0)
    run.pending += [CLICK, Tune({"light": 0.5}), stroke]
    run.close("interrupted")
    again = begin(BOARD, resume=True)
    assert not again.waiting
    again.advance()
    assert again.state.scalars["log"] == [3, [[1, 2], [3, 4]]]
    assert [kind for _, kind, _ in again.ledger.events] == ["tune", "pointer", "stroke"]
    assert again.waiting


def test_resumed_idle_it_waits(begin: Callable[..., Run]) -> None:
    run = begin(BOARD)
    run.advance((CLICK,))
    run.close("interrupted")
    again = begin(BOARD, resume=True)
    assert again.waiting
    assert again.state.scalars["log"] == [3]
    again.advance((CLICK,))
    assert again.state.scalars["log"] == [3, 3]


def test_a_cancelled_run_can_go_on_under_its_own_id(
    begin: Callable[..., Run], tmp_path: Path
) -> None:
    run = Run(DESCENT, tmp_path / "run", id="mine")
    run.prepare()
    run.advance()
    before = run.close("cancelled")
    again = begin(resumable(tmp_path / "run"), resume=True)
    assert not (tmp_path / "run" / "run.json").exists()  # while it runs, it has no end
    finish(again)
    after = again.close("finished")
    assert (after.id, after.created) == ("mine", before.created)
    with pytest.raises(BadInput, match="has finished"):
        resumable(tmp_path / "run")


def test_killed_before_its_first_checkpoint_it_starts_again(begin: Callable[..., Run]) -> None:
    run = begin()
    run.advance()
    run.release()
    again = begin(DESCENT, resume=True)
    assert again.state.step == 0
    assert [step for step, _ in again.ledger.curves["error"]] == [0]


def test_what_cannot_be_resumed_is_refused(begin: Callable[..., Run], tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no run to go on with"):
        Run(DESCENT, tmp_path / "nothing", resume=True)
    begin().close("cancelled")
    with pytest.raises(BadInput, match=r"is one of toy\.descent"):
        Run(BOARD, tmp_path / "run", resume=True)


def test_a_damaged_checkpoint_is_told(begin: Callable[..., Run], tmp_path: Path) -> None:
    begin().close("cancelled")
    (tmp_path / "run" / "checkpoint.safetensors").write_bytes(b"torn")
    run = Run(DESCENT, tmp_path / "run", resume=True)
    with pytest.raises(BadInput, match="checkpoint is damaged") as caught:
        run.prepare()
    assert caught.value.field == "resume"


def test_an_input_that_changed_comes_from_the_store(
    begin: Callable[..., Run], tmp_path: Path
) -> None:
    from PIL import Image

    path = tmp_path / "a.png"
    Image.new("RGB", (4, 4), (200, 200, 200)).save(path)
    request = RunRequest(method="toy.descent", inputs={"picture": str(path)})
    run = begin(request)
    shown = run.pictures()["clean"]
    record = run.close("cancelled")
    assert record.inputs["picture"].path == str(path)
    Image.new("RGB", (4, 4)).save(path)
    again = begin(request, resume=True)
    assert np.array_equal(again.pictures()["clean"], shown)
    repeated = begin(repetition(record), "repeated")
    assert np.array_equal(repeated.pictures()["clean"], shown)
    for kept in (tmp_path / "home" / "store").iterdir():
        kept.unlink()
    again.close("cancelled")
    lost = Run(request, tmp_path / "run", resume=True)
    with pytest.raises(BadInput, match="no longer the file that this run began with"):
        lost.prepare()
