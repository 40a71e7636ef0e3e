"""The scheduler: fair, obedient, quiet when idle, and cheap."""

from __future__ import annotations

import errno
import threading
import time

import numpy as np
import pytest
from fake_runs import Bench, FakeRun
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.failures import explain
from engine.interrupt import Interrupted, Interrupter
from engine.jobs import HAND, Scheduler
from engine.live import Live
from engine.messages import (
    Attach,
    Control,
    Curves,
    Detach,
    Frame,
    JobState,
    Log,
    Metrics,
    Panels,
    Pointer,
    Progress,
    RunRequest,
    Send,
    Start,
    Tune,
)


def raising(error, at=3):
    def trouble(step):
        if step == at:
            raise error

    return trouble


def test_a_job_goes_through_its_states_and_tells_every_number():
    bench = Bench()
    bench.start("a", total=20)
    bench.turns()
    assert bench.states() == ["queued", "preparing", "running", "finished"]
    assert bench.steps() == list(range(21))
    assert bench.runs["a"].closed == [("finished", "")]
    assert bench.of(Panels)[0].panels[0].shape == (4, 4, 3)
    assert bench.of(Panels)[0].params == {"gain": 0.5}
    last = bench.of(Frame)[-1]
    assert last.final
    assert last.step == 20
    assert len(last.blob) == 48
    assert bench.of(Progress)[-1].step == 20
    assert bench.of(JobState)[-1] is bench.events[-1]
    assert bench.notes[::2] == ["a"] * (len(bench.notes) // 2)
    assert bench.scheduler.waiting == 0


def test_progress_estimates_the_rest():
    bench = Bench()
    bench.start("a", total=100, cost=0.5)
    bench.turns(51)
    progress = bench.of(Progress)[-1]
    assert progress.rate == pytest.approx(2.0)
    assert progress.eta == pytest.approx((100 - progress.step) / 2.0)
    assert progress.seconds == pytest.approx(progress.step * 0.5)


def test_the_last_progress_tells_the_whole_time_once():
    bench = Bench()
    bench.start("a", total=10, cost=1.0)
    bench.turns()
    # Ten steps, and the resume in which the method says that it is done.
    assert bench.of(Progress)[-1].seconds == pytest.approx(11.0)


def test_time_in_a_pause_does_not_count():
    bench = Bench()
    bench.start("a", total=100, cost=1.0)
    bench.turns(11)
    bench.control("a", "pause")
    paused = bench.of(Progress)[-1].seconds
    assert bench.turns() == 0
    bench.clock.now += 1000.0
    bench.control("a", "resume")
    bench.turns(1)
    assert bench.of(Progress)[-1].seconds == pytest.approx(paused + 1.0)


def test_a_pause_shows_and_saves_where_the_job_stands():
    bench = Bench()
    bench.start("a", total=100)
    bench.turns(8)
    bench.control("a", "pause")
    bench.control("a", "pause")
    assert bench.states()[-1] == "paused"
    assert bench.states().count("paused") == 1
    assert bench.runs["a"].saved == [7]
    assert (bench.of(Frame)[-1].step, bench.of(Frame)[-1].final) == (7, True)
    for step in (8, 9):
        bench.control("a", "step")
        assert bench.turns() == 1
        assert bench.steps()[-1] == step
        assert (bench.of(Frame)[-1].step, bench.of(Frame)[-1].final) == (step, True)
    bench.control("a", "resume")
    bench.turns()
    assert bench.states()[-1] == "finished"
    assert bench.steps() == list(range(101))


def test_a_step_of_a_running_job_pauses_it():
    bench = Bench()
    bench.start("a", total=100)
    bench.turns(4)
    bench.control("a", "step")
    assert bench.turns() == 1
    assert bench.states()[-1] == "paused"


def test_a_job_that_starts_paused_waits_after_its_preparation():
    bench = Bench()
    bench.start("a", paused=True)
    bench.turns()
    assert bench.states() == ["queued", "preparing", "running", "paused"]
    assert bench.steps() == [0]
    bench.control("a", "resume")
    bench.turns()
    assert bench.states()[-1] == "finished"


def test_a_job_that_is_resumed_tells_its_time_and_its_curves_from_the_start():
    bench = Bench()
    curves = {"loss": [(step, 1.0 / (1 + step)) for step in range(8)]}
    bench.start("a", resume=True, begin=7, total=9, cost=1.0, seconds=40.0, curves=curves)
    bench.turns()
    assert bench.of(Curves) == [Curves("a", curves)]
    kinds = [type(e) for e in bench.events]
    # After the number of the step at which it goes on, which the curves hold as well.
    assert kinds.index(Panels) < kinds.index(Metrics) < kinds.index(Curves)
    assert bench.steps() == [7, 8, 9]
    assert bench.of(Progress)[-1].seconds == pytest.approx(43.0)
    fresh = Bench()
    fresh.start("a", total=2, cost=1.0, seconds=40.0)
    fresh.turns()
    assert fresh.of(Curves) == []
    assert fresh.of(Progress)[-1].seconds == pytest.approx(3.0)


def test_a_cancel_is_obeyed_at_once_in_every_state():
    for turns, options in ((0, {}), (1, {}), (5, {}), (3, {"idle": True}), (3, {"paused": True})):
        bench = Bench()
        bench.start("a", **options)
        bench.turns(turns)
        bench.control("a", "cancel")
        assert bench.turns() == 1
        ending = "finished" if options.get("idle") else "cancelled"
        assert bench.states()[-1] == ending
        assert bench.scheduler.waiting == 0
        if turns:
            assert bench.runs["a"].closed == [(ending, "")]


def test_an_idle_job_costs_nothing_until_something_happens():
    bench = Bench()
    bench.start("a", idle=True, total=None)
    bench.turns()
    assert bench.states()[-1] == "idle"
    assert bench.turns() == 0
    # It says how far it came, however recently it said so before.
    assert bench.of(Progress)[-1].step == bench.runs["a"].step
    frames = len(bench.of(Frame))
    bench.tune("a", 0.5)
    assert bench.turns() == 1
    assert bench.runs["a"].sent == [Tune({"gain": 0.5})]
    assert bench.states()[-1] == "idle"
    assert len(bench.of(Frame)) == frames + 1
    bench.control("a", "checkpoint")
    assert bench.runs["a"].saved == [1]


def test_a_job_that_waits_for_a_person_is_finished_and_not_cancelled():
    """Also one that is paused while it waits; one with something to do is cancelled."""
    for paused, busy in ((False, False), (True, False), (False, True)):
        bench = Bench()
        bench.start("a", idle=True, total=None, paused=paused)
        bench.turns()
        if busy:
            bench.tune("a", 0.5)
        bench.control("a", "cancel")
        bench.turns()
        ending = "cancelled" if busy else "finished"
        assert bench.states()[-1] == ending
        assert bench.runs["a"].closed == [(ending, "")]


def test_a_job_that_is_played_keeps_its_pace_and_shows_every_step():
    bench = Bench()
    bench.start("a", total=None, cost=0.01, rest=0.04, priority="interactive")
    bench.turns()
    assert bench.steps() == [0, 1]
    # The pace is that of the steps, not of the time between them.
    assert bench.scheduler.rest == pytest.approx(0.03)
    for step in range(2, 6):
        bench.clock.now += bench.scheduler.rest
        assert bench.turns() == 1
        assert bench.steps()[-1] == bench.of(Frame)[-1].step == step
    assert bench.states()[-1] == "running"


def test_a_job_that_is_played_leaves_its_rests_to_others_and_answers_at_once():
    bench = Bench()
    bench.start("a", total=None, cost=0.01, rest=1.0, priority="interactive")
    bench.start("b", total=None, cost=0.01, priority="training")
    bench.turns(50)
    assert len(bench.steps("a")) == 2
    assert len(bench.steps("b")) > 40
    bench.tune("a", 0.5)
    bench.turns(2)
    assert bench.runs["a"].sent == [Tune({"gain": 0.5})]
    bench.control("a", "cancel")
    bench.turns(2)
    assert bench.states("a")[-1] == "cancelled"
    bench.control("b", "pause")
    assert bench.turns() == 0
    assert bench.scheduler.rest is None


def test_an_idle_job_goes_on_while_there_is_something_to_replay():
    bench = Bench()
    clicks = [Pointer("panel", "press", x, 0) for x in range(3)]
    bench.start("a", idle=True, total=None, replay=clicks)
    bench.turns(1000)
    assert bench.runs["a"].sent == clicks
    assert bench.states()[-1] == "idle"
    assert bench.turns() == 0


def test_events_wait_through_preparation_and_pause():
    bench = Bench()
    bench.start("a", paused=True)
    bench.tune("a", 0.1)
    bench.tune("a", 9.0)
    bench.turns()
    bench.tune("a", 0.2)
    bench.tune("a", 8.0)
    assert bench.runs["a"].sent == []
    bench.control("a", "step")
    bench.turns()
    assert bench.runs["a"].sent == [Tune({"gain": 0.1}), Tune({"gain": 0.2})]
    assert [log.text for log in bench.of(Log)] == ["gain: 9 is above 1"] * 2


def test_classes_share_by_weight_and_training_keeps_a_tenth():
    bench = Bench()
    for job in ("interactive", "run", "training"):
        bench.start(job, priority=job, total=None, cost=0.01)
    bench.turns(5000)
    steps = {job: len(bench.steps(job)) for job in bench.runs}
    whole = sum(steps.values())
    assert steps["interactive"] / whole == pytest.approx(0.6, abs=0.02)
    assert steps["run"] / whole == pytest.approx(0.3, abs=0.02)
    assert steps["training"] / whole >= 0.099


@settings(max_examples=15)
@given(
    st.lists(
        st.tuples(st.sampled_from(["interactive", "run", "training"]), st.floats(0.001, 0.3)),
        min_size=2,
        max_size=6,
    )
)
def test_jobs_of_a_class_get_the_same_time_whatever_their_steps(kinds):
    bench = Bench()
    for number, (priority, cost) in enumerate(kinds):
        bench.start(str(number), priority=priority, total=None, cost=cost)
    bench.turns(1500)
    for kind in {kind for kind, _ in kinds}:
        times = [
            (len(bench.steps(str(n))) * cost, cost)
            for n, (priority, cost) in enumerate(kinds)
            if priority == kind
        ]
        longest = max(cost for _, cost in times)
        # Nobody is ahead by more than a step of the slowest.
        assert max(t for t, _ in times) - min(t for t, _ in times) <= 2.5 * longest + 1e-6


def test_a_latecomer_claims_nothing_for_the_time_before():
    bench = Bench()
    bench.start("old", total=None)
    bench.turns(1000)
    bench.start("new", total=None)
    bench.start("urgent", total=None, priority="interactive")
    before = len(bench.steps("old"))
    bench.turns(40)
    assert len(bench.steps("old")) - before >= 5
    assert len(bench.steps("new")) <= 8
    assert len(bench.steps("urgent")) > 20


def test_a_class_that_comes_alone_owes_nothing():
    bench = Bench()
    bench.start("a", total=200)
    bench.turns()
    bench.start("b", total=None)
    bench.start("c", total=None, priority="training")
    bench.turns(40)
    assert len(bench.steps("b")) > 25


def test_stale_and_doubled_commands_are_refused():
    bench = Bench()
    bench.start("a")
    bench.start("a")
    assert "already here" in bench.of(Log)[-1].text
    bench.turns()
    count = len(bench.events)
    for command in (
        Control("a", "pause"),
        Control("b", "cancel"),
        Attach("a", "panel", "none", 48),
        Detach("a"),
    ):
        bench.scheduler.command(command)
    assert [type(e) for e in bench.events[count:]] == [Log, Log]
    assert bench.turns() == 0


@pytest.mark.parametrize("at", [-1, 3])
def test_a_failing_job_fails_alone(at):
    bench = Bench()
    bench.start("a", raises=raising(ValueError("no\nway"), at))
    bench.start("b")
    bench.turns()
    state = bench.of(JobState)[-1]
    assert state.state == "failed"
    assert state.text == "The method failed with ValueError: no"
    assert "raise error" in state.trace
    assert bench.runs["a"].closed == [("failed", state.text)]
    assert bench.states("b")[-1] == "finished"


def test_a_lost_card_is_remembered():
    bench = Bench()
    bench.start("a", raises=raising(RuntimeError("CUDA error: unspecified launch failure")))
    bench.turns()
    assert bench.scheduler.device_lost


def test_failures_in_words():
    full = OSError(errno.ENOSPC, "No space left on device", "/x/run.json")
    assert explain(full).text == "The disk is full: /x/run.json."
    locked = PermissionError(errno.EACCES, "Permission denied", "/x/run.json")
    assert explain(locked).text == "No permission to write /x/run.json."
    assert "not enough memory" in explain(MemoryError()).text
    silent = explain(KeyError())
    assert silent.text == "The method failed with KeyError: no further words"


def test_a_checkpoint_comes_by_time_and_a_full_disk_is_only_a_warning():
    bench = Bench(checkpoint_every=1.0)
    bench.start("a", total=100, cost=0.1)
    bench.turns(50)
    run = bench.runs["a"]
    assert 3 <= len(run.saved) <= 5

    def full():
        raise OSError(errno.ENOSPC, "No space left on device", "/x")

    run.checkpoint = full
    bench.turns()
    assert "could not be saved on the way: The disk is full" in bench.of(Log)[-1].text
    assert bench.states()[-1] == "finished"


def test_a_full_disk_at_the_end_loses_nothing():
    for end in ("finished", "cancelled"):
        bench = Bench()
        bench.start("a", total=5 if end == "finished" else None, full=2)
        bench.turns(4)
        if end == "cancelled":
            bench.control("a", "cancel")
        for _ in range(2):
            bench.turns()
            last = bench.of(JobState)[-1]
            assert (last.state, last.field) == ("paused", "out")
            assert "The disk is full: /x/found.png. Make room" in last.text
            assert bench.turns() == 0
            bench.control("a", "resume")
        bench.turns()
        assert bench.states()[-1] == end
        assert bench.runs["a"].closed == [(end, "")]


def test_a_run_that_cannot_be_saved_can_be_given_up():
    bench = Bench()
    bench.start("a", total=5, full=9)
    bench.turns()
    bench.control("a", "cancel")
    bench.turns()
    assert bench.states()[-1] == "failed"
    assert "disk is full" in bench.of(JobState)[-1].text
    assert bench.scheduler.waiting == 0


def test_a_shutdown_says_whether_it_saved():
    for checkpoint, full, words in ((True, 0, "saved"), (True, 1, "last"), (False, 0, "last")):
        bench = Bench()
        bench.start("a", total=None, full=full)
        bench.turns(4)
        bench.scheduler.shutdown(checkpoint)
        assert words in bench.of(JobState)[-1].text
        assert ("saved" in bench.of(JobState)[-1].text) == (words == "saved")


def test_a_shutdown_saves_every_job_as_interrupted():
    bench = Bench()
    bench.start("a", total=None)
    bench.start("b", total=None, idle=True)
    bench.start("c", total=None)
    bench.turns(4)
    bench.start("late", total=None)
    bench.scheduler.shutdown(checkpoint=True)
    assert bench.runs["a"].closed == bench.runs["b"].closed == [("interrupted", "")]
    assert bench.states("late")[-1] == "paused"
    assert bench.scheduler.waiting == 0


def test_frames_keep_to_thirty_a_second_and_to_their_share():
    bench = Bench()
    bench.start("a", total=1000, cost=0.001)
    bench.turns()
    assert len(bench.of(Frame)) <= 1.1 * 30 + 3
    dear = Bench()
    dear.start("a", total=1000, cost=0.05, draw=0.01)
    dear.turns()
    drawn = len(dear.of(Frame)) * 0.01
    assert drawn / (1000 * 0.05) < 0.04


def test_notes_of_a_run_become_log_lines():
    bench = Bench()
    bench.start("a", total=3)
    bench.turns(2)
    bench.runs["a"].notes.append("the file could not be kept")
    bench.turns()
    assert [log.text for log in bench.of(Log)] == ["the file could not be kept"]
    assert bench.runs["a"].notes == []


def test_being_driven_costs_less_than_a_twentieth_of_a_step():
    """The scheduler's own time per step, against the bar of 5 % of 50 ms."""
    bench = Bench()
    events = []
    scheduler = Scheduler(lambda start: FakeRun(bench.clock, {"total": 3000}), events.append)
    scheduler.command(Start(job="a", request=RunRequest(method="fake.run"), folder="x"))
    began = time.perf_counter()
    while scheduler.turn():
        pass
    each = (time.perf_counter() - began) / 3000
    assert each < 0.05 * 0.05


def test_a_step_past_its_deadline_is_ended_from_outside():
    interrupter = Interrupter()
    entered = threading.Event()

    def forever(step):
        if step == 3:
            entered.set()
            while True:
                pass

    bench = Bench(interrupter=interrupter)
    bench.start("a", raises=forever)
    bench.start("b")

    def outside():
        entered.wait(10.0)
        assert not interrupter.interrupt("b")
        bench.control("a", "cancel")
        assert interrupter.interrupt("a")

    other = threading.Thread(target=outside)
    other.start()
    bench.turns()
    other.join()
    assert bench.states()[-1] == "cancelled"
    assert "middle of a step" in bench.of(JobState)[-1].text
    assert bench.states("b")[-1] == "finished"
    assert not interrupter.interrupt("a")
    assert not issubclass(Interrupted, Exception)


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abc"),
            st.sampled_from(
                ["start", "pause", "resume", "step", "cancel", "checkpoint", "tune", "turn", "turn"]
            ),
        ),
        max_size=60,
    ),
    st.booleans(),
)
def test_any_order_of_commands_leaves_a_job_in_one_piece(commands, idle):
    bench = Bench()
    for job, command in commands:
        match command:
            case "start":
                bench.start(job, total=5, idle=idle and job == "b")
            case "tune":
                bench.tune(job, 0.5)
            case "turn":
                bench.scheduler.turn()
            case _:
                bench.control(job, command)
    for job in "abc":
        bench.control(job, "resume")
    bench.turns(1000)
    for job in "abc":
        states = bench.states(job)
        if states:
            assert states[-1] in ("finished", "cancelled", "idle")
            ends = sum(state in ("finished", "cancelled") for state in states)
            assert ends == states.count("queued") - (states[-1] == "idle")
    assert bench.turns() == 0


def test_a_picture_that_did_not_change_is_not_sent_again():
    events = []
    live = Live("a", "run", events.append)
    moving = np.zeros((4, 4, 3), np.uint8)
    still = np.ones((4, 4, 3), np.uint8)
    for step in range(3):
        moving += 1  # in place, as a method may
        live.show({"moving": moving, "still": still}, step)
    assert [(e.panel, e.step) for e in events] == [
        ("moving", 0),
        ("still", 0),
        ("moving", 1),
        ("moving", 2),
    ]
    live.show({"still": still}, 3, final=True)
    assert events[-1].final


def map_and_training() -> Bench:
    """A map that waits for a hand, and a training of long steps."""
    bench = Bench()
    bench.start("map", total=None, cost=0.005, idle=True, priority="interactive")
    bench.turns()
    bench.start("training", total=None, cost=0.25, priority="training")
    bench.turns(4)
    return bench


def drag(bench: Bench, seconds: float, every: float) -> int:
    """A hand sends a move every so many seconds; how many steps of the map answered."""
    clock, scheduler = bench.clock, bench.scheduler
    before, end, due = bench.runs["map"].step, clock.now + seconds, clock.now
    while clock.now < end:
        while due <= clock.now:
            bench.scheduler.command(Send("map", Pointer("map", "move", 1.0, 1.0, seconds=due)))
            due += every
        if not scheduler.turn():
            rest = scheduler.rest
            assert rest is not None
            clock.now = min(due, clock.now + max(rest, 1e-4))
    return bench.runs["map"].step - before


def test_a_hand_is_not_kept_waiting_by_long_steps_in_every_gap():
    bench = map_and_training()
    trained = bench.runs["training"].step
    assert drag(bench, 20.0, every=0.02) / 20.0 > 30
    # And the training keeps its part of the time, gaps and all.
    share = 0.25 * (bench.runs["training"].step - trained) / 20.0
    assert share == pytest.approx(1 / 7, abs=0.02)


def test_when_the_hand_rests_the_training_has_all_the_time():
    bench = map_and_training()
    drag(bench, 1.0, every=0.02)
    bench.clock.now += HAND
    before, began = bench.runs["training"].step, bench.clock.now
    for _ in range(40):
        assert bench.scheduler.turn()
        assert bench.scheduler.rest is None
    assert 0.25 * (bench.runs["training"].step - before) > 0.95 * (bench.clock.now - began)
