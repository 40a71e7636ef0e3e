"""The engine dies or falls silent: the cause is told, the jobs go on, the numbers agree."""

from __future__ import annotations

import json
import os
import signal
import time

import numpy as np
import psutil
import pytest
from watched_engine import PATIENCE, request

from engine.entry import Settings
from engine.runs import Run


def unbroken(folder, **values):
    """The same request, run here without any engine."""
    run = Run(request(**values), folder)
    run.prepare()
    while run.advance().kind != "done":
        pass
    run.close("finished")
    return folder


def same(one, other):
    """Two run folders hold the same numbers."""
    assert (one / "square.bin").read_bytes() == (other / "square.bin").read_bytes()
    records = [json.loads((folder / "run.json").read_text()) for folder in (one, other)]
    assert records[0]["curves"] == records[1]["curves"]
    assert records[0]["metrics"] == records[1]["metrics"]


def test_a_killed_engine_is_explained_replaced_and_its_run_resumed(engine):
    job = engine.walk(steps=300, delay=10)
    engine.wait(lambda: (engine.folder / "run" / "checkpoint.safetensors").is_file())
    engine.wait(lambda: len(engine.steps(job)) > 50)
    pid = engine.client.pid
    os.kill(pid, signal.SIGKILL)
    engine.wait(lambda: engine.crashes)
    engine.wait(lambda: len(engine.readies) == 2)
    (crash,) = engine.crashes
    assert "SIGKILL" in crash.cause
    assert crash.job == job
    assert crash.restarting
    assert engine.states[-3:] == ["dead", "restarting", "ready"]
    assert engine.last(job).state == "failed"
    assert engine.last(job).text == crash.cause
    assert not psutil.pid_exists(pid)

    engine.events.clear()
    assert engine.client.resume_job(job)
    assert not engine.client.resume_job(job)
    assert engine.over(job).state == "finished"
    # It went on from the checkpoint, not from the start.
    assert min(engine.steps(job)) > 1
    same(engine.folder / "run", unbroken(engine.folder / "whole", steps=300))


def test_the_other_jobs_go_on_by_themselves(engine):
    idle = engine.walk("idle", steps=50, paused=True)
    engine.wait(lambda: engine.state(idle) == "paused")
    # The crash is in this one, so the other is not to blame.
    culprit = engine.walk("culprit", trouble="native call")
    other = engine.walk("other", steps=100, delay=20)
    engine.wait(lambda: 3 in engine.steps(culprit))
    engine.wait_until_stuck()
    os.kill(engine.client.pid, signal.SIGKILL)
    engine.wait(lambda: engine.crashes)
    (crash,) = engine.crashes
    assert crash.job == culprit
    assert set(crash.resumed) == {idle, other}
    assert engine.over(other).state == "finished"
    same(engine.folder / "other", unbroken(engine.folder / "whole", steps=100))
    engine.wait(lambda: engine.state(idle) == "paused")
    engine.client.control(idle, "resume")
    assert engine.over(idle).state == "finished"


def test_a_crash_in_native_code_shows_where_it_happened(engine):
    job = engine.walk(trouble="crash")
    engine.wait(lambda: engine.crashes)
    (crash,) = engine.crashes
    assert "SIGSEGV" in crash.cause
    assert crash.job == job
    assert any("walk.py" in line for line in crash.lines)
    assert any("Segmentation fault" in line for line in engine.lines())


def test_a_failure_of_the_card_replaces_the_engine(engine):
    job = engine.walk(trouble="card")
    assert "graphics card" in engine.over(job).text
    engine.wait(lambda: len(engine.readies) == 2)
    assert "graphics card" in engine.crashes[0].cause
    assert engine.crashes[0].job == ""


def test_an_engine_that_cannot_start_is_given_up(make_engine):
    engine = make_engine(settings=Settings(parent=0, heartbeat=0.25, host="no_such_module"))
    engine.client.start()
    engine.wait(lambda: engine.crashes and not engine.crashes[-1].restarting)
    assert len(engine.crashes) == 2
    assert engine.client.current_state == "dead"
    assert any("no_such_module" in line for line in engine.crashes[-1].lines)


def test_a_stopped_engine_is_not_answering_and_recovers(engine):
    job = engine.walk(steps=200, delay=10)
    engine.wait(lambda: len(engine.steps(job)) > 5)
    _stop_and_go_on(engine, 0.0)
    assert engine.over(job).state == "finished"
    assert engine.crashes == []
    assert engine.steps(job) == list(range(201))


@pytest.mark.slow
def test_an_engine_that_was_stopped_for_half_a_minute_recovers(make_engine):
    engine = make_engine(settings=Settings(parent=0))
    engine.ready()
    job = engine.walk(steps=300, delay=10)
    engine.wait(lambda: len(engine.steps(job)) > 5)
    _stop_and_go_on(engine, 30.0)
    assert engine.over(job).state == "finished"
    assert engine.crashes == []
    assert engine.steps(job) == list(range(301))


def _stop_and_go_on(engine, seconds):
    process = psutil.Process(engine.client.pid)
    process.suspend()
    try:
        began = time.monotonic()
        engine.wait(lambda: engine.client.current_state == "not answering")
        # What a person does meanwhile must not block the window.
        for value in range(2000):
            engine.client.tune("nobody", {"gain": value / 2000, "text": "x" * 200})
        engine.wait(lambda: time.monotonic() - began > seconds, timeout=PATIENCE + 30_000)
    finally:
        process.resume()
    engine.wait(lambda: engine.client.current_state == "busy")


def test_an_engine_that_does_not_answer_can_be_replaced(engine):
    job = engine.walk(trouble="holding the lock")
    engine.wait(lambda: engine.client.current_state == "not answering")
    engine.client.restart()
    assert engine.crashes[-1].job == job
    engine.wait(lambda: len(engine.readies) == 2)
    again = engine.walk("again", steps=2)
    assert engine.over(again).state == "finished"


def test_a_window_that_slept_does_not_blame_the_engine(make_engine):
    now = [0.0]
    engine = make_engine(clock=lambda: now[0])
    engine.ready()
    engine.client._watch.stop()
    for _ in range(20):
        now[0] += 3600.0  # the lid was closed for an hour between two ticks
        engine.client._look()
        engine.client._silence = min(engine.client._silence, 2 * 0.0625)
    assert engine.client.current_state == "ready"
    for _ in range(40):
        now[0] += 0.0625
        engine.client._look()
    assert engine.client.current_state == "not answering"


@pytest.mark.parametrize(
    ("trouble", "words", "suggestion"),
    [
        ("exception", "ZeroDivisionError: the walk went over the edge", {}),
        ("memory", "not enough memory", {"problem.size": 8}),
        ("torch memory", "not enough memory", {"problem.size": 8}),
    ],
)
def test_a_failing_method_fails_alone_in_one_sentence(engine, trouble, words, suggestion):
    pid = engine.client.pid
    bystander = engine.walk("bystander", steps=60, delay=5)
    job = engine.walk(trouble=trouble)
    state = engine.over(job)
    assert state.state == "failed"
    assert words in state.text
    assert "\n" not in state.text
    assert state.suggestion == suggestion
    assert "walk.py" in state.trace or suggestion
    record = json.loads((engine.folder / "run" / "run.json").read_text())
    assert record["status"] == "failed"
    assert engine.over(bystander).state == "finished"
    assert engine.client.pid == pid
    assert engine.crashes == []


def test_bad_values_fail_with_their_field(engine):
    job = engine.walk(steps=0)
    state = engine.over(job)
    assert (state.state, state.field) == ("failed", "steps")
    assert "0" in state.text
    assert state.trace == ""


def test_a_flood_of_output_stops_nobody(make_engine, tmp_path):
    log = tmp_path / "logs" / "engine.log"
    engine = make_engine(log_path=log)
    engine.ready()
    turns: list[float] = []
    last = [time.perf_counter()]

    def turn():
        now = time.perf_counter()
        turns.append(now - last[0])
        last[0] = now
        return engine.state(job) == "finished"

    job = engine.walk(trouble="flood", steps=10)
    engine.wait(turn)
    assert "native words" in engine.lines()
    assert any("log file only" in line for line in engine.lines())
    assert len(engine.lines()) < 30_000
    engine.wait(lambda: "flood 59999" in log.read_text())
    assert np.percentile(turns, 99) < 0.2


def test_without_shared_memory_frames_go_by_pipe(make_engine, no_slots):
    engine = make_engine(slots=no_slots)
    engine.ready()
    job = engine.walk(steps=1_000_000, delay=5, size=64)
    engine.wait(lambda: len(engine.frames) > 5)
    engine.client.control(job, "cancel")
    engine.over(job)
    live = [frame for frame in engine.frames if not frame[4]]
    assert live[0][2].shape == (64, 64, 3)


def test_a_run_left_at_closing_time_goes_on_next_time(make_engine):
    first = make_engine()
    first.ready()
    job = first.walk(steps=200, delay=5)
    first.wait(lambda: len(first.steps(job)) > 20)
    first.client.stop()
    assert first.last(job).state == "paused"
    record = json.loads((first.folder / "run" / "run.json").read_text())
    assert record["status"] == "interrupted"
    second = make_engine()
    second.ready()
    again = second.walk(steps=200, delay=5, resume=True)
    assert second.over(again).state == "finished"
    assert min(second.steps(again)) > 10
    same(first.folder / "run", unbroken(first.folder / "whole", steps=200))


def test_a_full_disk_or_a_locked_folder_is_one_clear_line(engine):
    (engine.folder / "run").write_text("a file where the folder should be")
    state = engine.over(engine.walk(steps=3))
    assert state.state == "failed"
    assert "cannot write into" in state.text
    assert "\n" not in state.text
