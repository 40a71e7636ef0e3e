"""What a window makes of an engine that dies or is replaced."""

from __future__ import annotations

from app import owners
from app.pages.bench_preview import Preview
from app.run_controller import RunController
from app.run_keeper import RunKeeper
from engine.messages import Control, Heartbeat, Query, Reply, RunRequest, Send, Start, Tune


def test_what_was_to_be_cancelled_does_not_go_on_in_another_engine(fake_engine):
    engine = fake_engine
    engine.start()
    stuck, other, third = (engine.job() for _ in range(3))
    engine.client.control(other, "cancel")
    engine.client.control(stuck, "cancel")
    engine.client.force_stop(stuck)
    assert engine.states(stuck)[-1] == engine.states(other)[-1] == "cancelled"
    assert [start.job for start in engine.line.of(Start)] == [third]
    assert list(engine.client.jobs) == [third]


def test_a_run_that_dies_while_it_is_cancelled_is_cancelled(fake_engine):
    engine = fake_engine
    engine.start()
    job = engine.job()
    engine.client.control(job, "cancel")
    engine.says(Heartbeat(rss=1, running=job))
    engine.dies()
    assert engine.states(job)[-1] == "cancelled"
    assert engine.crashes[0].job == ""
    assert not engine.client.resume_job(job)


def test_ending_by_force_what_has_ended_harms_nobody(fake_engine):
    engine = fake_engine
    engine.start()
    job, other = engine.job(), engine.job()
    engine.tell(job, "cancelled")
    engine.client.force_stop(job)
    assert len(engine.lines) == 1
    assert list(engine.client.jobs) == [other]


def test_a_stuck_run_that_was_replaced_can_be_ended_by_force(fake_engine, tmp_path):
    engine = fake_engine
    engine.start()
    run = RunController(engine.client)
    told = []
    run.stuck.connect(lambda: told.append("stuck"))
    run.freed.connect(lambda: told.append("freed"))
    run.start(RunRequest(method="toy.walk"), tmp_path / "first")
    first = run.job
    engine.tell(first, "running")
    run.start(RunRequest(method="toy.walk"), tmp_path / "second")
    second = run.job
    engine.now += 2.0
    engine.client._look()
    assert told == ["stuck"]
    run.force_stop()
    assert told == ["stuck", "freed"]
    assert engine.states(first)[-1] == "cancelled"
    assert [start.job for start in engine.line.of(Start)] == [second]
    assert run.job == second
    assert run.state == "preparing"


def test_a_run_whose_engine_died_is_interrupted_in_the_history(
    fake_engine, index, make_run, monkeypatch
):
    engine = fake_engine
    engine.start()
    alive, dead = owners.token(), "1:1.00"
    tokens = {1000: dead, 1001: alive}
    monkeypatch.setattr("app.run_keeper.owners.token", tokens.get)
    keeper = RunKeeper(engine.client, index, engine.client)
    kept = []
    keeper.kept.connect(kept.append)
    folder, other = make_run("one", status="running"), make_run("two", status="running")
    engine.job(other)
    job = engine.job(folder)
    engine.says(Heartbeat(rss=1, running=job))
    engine.dies()
    assert kept == ["one"]
    assert [row.id for row in index.interrupted()] == ["two", "one"]
    engine.get_ready()
    engine.tell(next(iter(engine.client.jobs)), "running", other)
    # The other goes on in the new engine.
    assert index.get("two").live
    assert [row.id for row in index.interrupted()] == ["one"]
    assert [row.id for row in index.delete(["one", "two"])] == ["one"]


def test_a_question_that_kills_the_engine_is_answered_once_and_not_asked_again(fake_engine, qtbot):
    engine = fake_engine
    preview = Preview(engine.client, "page", engine.client)
    told = []
    preview.failed.connect(lambda text, field: told.append(text))
    preview.ask(RunRequest(method="toy.walk"))
    engine.start()
    qtbot.waitUntil(lambda: len(engine.line.of(Query)) == 2)
    judged = engine.line.of(Query)[0]
    engine.says(Reply(id=judged.id, kind="validate", channel="page", generation=judged.generation))
    load = engine.client.query("load", {"path": "a.png"})
    engine.dies()
    assert len(engine.crashes) == 1
    assert told == ["the engine stopped while it worked on this. The engine was killed."]
    engine.get_ready()
    assert [query.id for query in engine.line.of(Query)] == [load]
    assert not preview._timer.isActive()
    # Should it have been the other one, it is next.
    engine.dies()
    (refused,) = [e for e in engine.events if isinstance(e, Reply) and e.id == load]
    assert "The engine was killed." in refused.error
    engine.get_ready()
    assert engine.line.of(Query) == []


def test_questions_that_are_not_to_blame_are_asked_of_the_next_engine(fake_engine):
    engine = fake_engine
    early = engine.client.query("catalogue", {})
    engine.client.start()
    assert [query.id for query in engine.line.of(Query)] == [early]
    engine.dies()  # before it was ready to answer anything
    assert [query.id for query in engine.line.of(Query)] == [early]
    engine.get_ready()
    job = engine.job()
    engine.says(Reply(id=early, kind="catalogue", channel="", generation=early))
    old = engine.client.query("load", {"path": "a.png"}, "page")
    new = engine.client.query("load", {"path": "b.png"}, "page")
    engine.says(Heartbeat(rss=1, running=job))
    engine.dies()  # over the job
    assert [query.id for query in engine.line.of(Query)] == [new]
    assert not [e for e in engine.events if isinstance(e, Reply) and e.id in (old, new)]


def test_live_values_go_along_to_the_next_engine(fake_engine):
    engine = fake_engine
    engine.start()
    job, other = engine.job(), engine.job()
    for name in (job, other):
        engine.client.tune(name, {"gain": 0.5, "rate": 1})
        engine.client.tune(name, {"gain": 0.25})
    engine.says(Heartbeat(rss=1, running=job))
    engine.dies()
    values = Tune({"gain": 0.25, "rate": 1})
    assert engine.line.of(Send) == [Send(other, values)]
    engine.client.resume_job(job)
    engine.dies()  # before anything could be saved
    assert engine.line.of(Send) == [Send(other, values), Send(job, values)]


def test_a_cancelled_run_that_cannot_be_saved_waits_for_a_person(fake_engine, tmp_path):
    engine = fake_engine
    engine.start()
    run = RunController(engine.client)
    told, stuck = [], []
    run.unsaved.connect(told.append)
    run.stuck.connect(lambda: stuck.append(True))
    run.start(RunRequest(method="toy.walk"), tmp_path / "run")
    engine.tell(run.job, "running")
    run.cancel()
    engine.tell(run.job, "running")  # sent before the cancel was read
    assert run.state == "stopping"
    engine.tell(run.job, "paused", text="The disk is full.", field="out")
    assert (run.state, told) == ("paused", ["The disk is full."])
    engine.now += 5.0
    engine.client._look()
    assert stuck == []
    run.go_on()
    assert engine.line.of(Control)[-1] == Control(run.job, "resume")
    engine.client.restart()
    # It was not ended, so another engine goes on with it.
    assert [start.job for start in engine.line.of(Start)] == [run.job]
