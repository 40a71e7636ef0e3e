"""Steering a job in a real engine: run, pause, step, tune, cancel, queries, fairness."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
from watched_engine import PLUGIN, Engine

from engine.messages import Log, Metrics, Panels, Progress, Reply


@pytest.fixture(scope="module")
def one_engine(qapp, tmp_path_factory):
    """One engine for this file: none of its tests harms it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(PLUGIN))
        patch.setenv("PRIORBENCH_HOME", str(tmp_path_factory.mktemp("home")))
        shared = Engine(None, Path())
        shared.client.start()
        yield shared
        shared.client.stop(timeout=1.0)


@pytest.fixture
def engine(one_engine, qtbot, tmp_path):
    """The engine of this file, with nothing remembered and nothing running."""
    one_engine.qtbot, one_engine.folder = qtbot, tmp_path
    one_engine.wait(lambda: one_engine.readies)
    for remembered in (one_engine.events, one_engine.frames, one_engine.overdue):
        remembered.clear()
    yield one_engine
    assert one_engine.client.jobs == {}
    assert one_engine.crashes == []


def test_a_run_ends_with_every_number_and_its_last_picture(engine):
    job = engine.walk(steps=200)
    assert engine.over(job).state == "finished"
    assert engine.steps(job) == list(range(201))
    states = engine.states_of(job)
    assert states == ["queued", "preparing", "running", "finished"]
    _, panel, array, step, final = engine.frames[-1]
    assert (panel, step, final) == ("square", 200, True)
    assert array.dtype == np.uint8
    x = np.frombuffer((engine.folder / "run" / "square.bin").read_bytes(), np.float32)
    shown = (np.clip(x, 0, 1) * 255).round().astype(np.uint8).reshape(16, 16)
    assert np.array_equal(array, shown[:, :, None].repeat(3, 2))
    array[:] = 0  # it is the receiver's own
    *_, progress = (e for e in engine.events if isinstance(e, Progress))
    assert (progress.step, progress.total) == (200, 200)
    record = json.loads((engine.folder / "run" / "run.json").read_text())
    assert record["status"] == "finished"


def test_live_frames_come_through_slots_and_at_most_thirty_a_second(engine):
    began = time.monotonic()
    job = engine.walk(steps=1_000_000, delay=1)
    engine.wait(lambda: len(engine.frames) > 6)
    engine.client.control(job, "cancel")
    engine.over(job)
    seconds = time.monotonic() - began
    live = [frame for frame in engine.frames if not frame[4]]
    assert 5 < len(live) < 31 * seconds + 3
    steps = [frame[3] for frame in engine.frames]
    assert steps == sorted(steps)
    assert any(isinstance(e, Panels) for e in engine.events)


def test_a_pause_holds_a_step_is_one_and_a_resume_goes_on(engine):
    job = engine.walk(steps=1_000_000, delay=1)
    engine.wait(lambda: len(engine.steps(job)) > 5)
    engine.client.control(job, "pause")
    engine.wait(lambda: engine.state(job) == "paused")
    engine.wait(lambda: engine.frames[-1][4])
    step = engine.frames[-1][3]
    assert engine.steps(job)[-1] == step
    assert (engine.folder / "run" / "checkpoint.safetensors").is_file()
    engine.client.control(job, "step")
    engine.wait(lambda: engine.frames[-1][3] == step + 1)
    assert engine.frames[-1][4]
    beats = len(engine.events)
    engine.wait(lambda: len(engine.events) > beats + 2)  # two heartbeats later
    assert engine.steps(job)[-1] == step + 1
    engine.client.control(job, "resume")
    engine.wait(lambda: engine.steps(job)[-1] > step + 5)
    engine.client.control(job, "cancel")
    assert engine.over(job).state == "cancelled"


def test_a_job_can_start_paused(engine):
    job = engine.walk(steps=5, paused=True)
    engine.wait(lambda: engine.state(job) == "paused")
    assert engine.steps(job) == [0]
    engine.client.control(job, "resume")
    assert engine.over(job).state == "finished"


def test_a_tuned_value_reaches_the_method_and_the_record(engine):
    job = engine.walk(steps=1_000_000, delay=1)
    engine.wait(lambda: len(engine.steps(job)) > 3)
    engine.client.tune(job, {"gain": 0.0})
    engine.wait(lambda: _still(engine, job))
    engine.client.tune(job, {"gain": 7.0})
    engine.client.tune(job, {"steps": 3})
    engine.wait(lambda: len([t for t in engine.lines() if "gain" in t or "steps" in t]) == 2)
    engine.client.control(job, "cancel")
    engine.over(job)
    record = json.loads((engine.folder / "run" / "run.json").read_text())
    assert [(kind, value) for _, kind, value in record["events"]] == [("tune", {"gain": 0.0})]


def _still(engine, job):
    means = [e.values["mean"] for e in engine.events if isinstance(e, Metrics) and e.job == job]
    return means[-3:].count(means[-1]) == 3


@pytest.mark.parametrize("trouble", ["none", "python loop"])
def test_a_cancel_takes_less_than_a_second(engine, trouble):
    job = engine.walk(steps=1_000_000, delay=20, trouble=trouble)
    engine.wait(lambda: 3 in engine.steps(job))
    if trouble != "none":
        engine.wait_until_stuck()
    engine.client.control(job, "cancel")
    assert engine.wait(lambda: engine.state(job) == "cancelled") < 1.0
    record = json.loads((engine.folder / "run" / "run.json").read_text())
    assert record["status"] == "cancelled"
    again = engine.walk("again", steps=3)
    assert engine.over(again).state == "finished"


def test_a_call_that_cannot_be_cancelled_is_ended_by_force_and_the_others_go_on(make_engine):
    engine = make_engine()
    engine.ready()
    other = engine.walk("other", steps=400, delay=5)
    stuck = engine.walk("stuck", trouble="native call")
    engine.wait(lambda: 3 in engine.steps(stuck))
    engine.wait_until_stuck()
    pid = engine.client.pid
    engine.client.control(stuck, "cancel")
    engine.wait(lambda: engine.overdue == [stuck])
    engine.client.force_stop(stuck)
    assert engine.last(stuck).state == "cancelled"
    assert engine.over(other).state == "finished"
    assert engine.client.pid != pid
    assert engine.crashes == []
    record = json.loads((engine.folder / "other" / "run.json").read_text())
    assert [step for step, _ in record["curves"]["mean"]] == list(range(401))


def test_two_jobs_share_the_time(engine):
    first = engine.walk("first", steps=1_000_000, delay=2)
    second = engine.walk("second", steps=1_000_000, delay=2)
    engine.wait(lambda: len(engine.steps(second)) > 100)
    ratio = len(engine.steps(first)) / len(engine.steps(second))
    assert 0.5 < ratio < 2
    for job in (first, second):
        engine.client.control(job, "cancel")
        engine.over(job)


def test_stale_and_doubled_commands_change_nothing(engine):
    job = engine.walk(steps=3)
    engine.over(job)
    for action in ("pause", "resume", "step", "cancel", "checkpoint"):
        engine.client.control(job, action)
    engine.client.tune(job, {"gain": 0.5})
    engine.wait(lambda: sum("not here" in text for text in engine.lines()) == 6)
    assert engine.states_of(job).count("finished") == 1


def test_the_newest_question_of_a_channel_is_answered(engine):
    busy = engine.walk(steps=1_000_000, delay=50)
    engine.wait(lambda: len(engine.steps(busy)) > 1)
    ids = [
        engine.client.query(
            "preview", {"method": "trouble.walk", "problem": {"size": size}}, "page"
        )
        for size in range(8, 40)
    ]
    engine.wait(lambda: any(isinstance(e, Reply) and e.id == ids[-1] for e in engine.events))
    replies = [e for e in engine.events if isinstance(e, Reply)]
    assert replies[-1].value == {"size": 39}
    assert replies[-1].blobs["clean"].shape == (39, 39, 3)
    assert len(replies) == 1
    wrong = engine.client.query("validate", {"method": "trouble.walk", "params": {"steps": 0}})
    lost = engine.client.query("load", {"path": "/nowhere/at/all.png"})
    pixel = engine.client.query("pixel", {"job": busy, "panel": "square", "x": 3, "y": 4})
    size = engine.client.query("estimate", {"method": "trouble.walk", "params": {"steps": 50}})
    engine.wait(lambda: len([e for e in engine.events if isinstance(e, Reply)]) == 5)
    by_id = {e.id: e for e in engine.events if isinstance(e, Reply)}
    assert "steps" in by_id[wrong].value["errors"]
    assert "all.png" in by_id[lost].error
    assert "\n" not in by_id[lost].error
    assert len(by_id[pixel].value["values"]) == 3
    assert by_id[size].value["steps"] == 50
    assert not any("Traceback" in e.text for e in engine.events if isinstance(e, Log))
    engine.client.control(busy, "cancel")
    engine.over(busy)
