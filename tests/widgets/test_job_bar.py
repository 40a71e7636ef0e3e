from itertools import pairwise

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from widgets import theme
from widgets.job_bar import STATES, JobBar, duration, rate_text

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def bar(qtbot):
    made = JobBar()
    made.resize(760, 60)
    qtbot.addWidget(made)
    made.show()
    qtbot.waitExposed(made)
    return made


@pytest.mark.parametrize(
    ("state", "word", "signal"),
    [
        ("ready", "Run", "run"),
        ("running", "Pause", "pause"),
        ("idle", "Finish", "cancel"),
        ("paused", "Resume", "resume"),
        ("finished", "Run again", "run"),
        ("cancelled", "Run again", "run"),
        ("failed", "Run again", "run"),
    ],
)
def test_the_one_primary_button_does_what_it_says(bar, qtbot, state, word, signal):
    bar.set_state(state)
    assert bar.primary.text() == word
    with qtbot.waitSignal(getattr(bar, signal)):
        qtbot.mouseClick(bar.primary, LEFT)


@pytest.mark.parametrize("state", ["queued", "preparing", "cancelling"])
def test_where_nothing_can_be_done_it_says_why(bar, qtbot, state):
    bar.set_state(state)
    assert not bar.primary.isEnabled()
    assert bar.primary.toolTip() == bar.label.text() != ""


def test_run_waits_until_it_is_allowed(bar, qtbot):
    bar.set_can_run(False, "Choose a picture first")
    assert not bar.primary.isEnabled()
    assert bar.primary.toolTip() == "Choose a picture first"
    bar.set_state("running")
    assert bar.primary.isEnabled()
    bar.set_state("finished")
    assert not bar.primary.isEnabled()
    bar.set_can_run(True)
    assert bar.primary.isEnabled()
    assert bar.primary.toolTip() == ""


def test_step_and_cancel_follow_the_state(bar, qtbot):
    assert not bar.step_button.isEnabled()
    assert not bar.cancel_button.isEnabled()
    assert bar.cancel_button.toolTip() == "Nothing is running"
    bar.set_state("paused")
    with qtbot.waitSignal(bar.step):
        qtbot.mouseClick(bar.step_button, LEFT)
    with qtbot.waitSignal(bar.cancel):
        qtbot.mouseClick(bar.cancel_button, LEFT)
    bar.set_state("cancelling")
    assert not bar.cancel_button.isEnabled()


def test_a_run_that_waits_for_a_person_can_only_be_finished(bar):
    bar.set_state("running")
    bar.set_progress(3, 10, rate=2.0, elapsed=1.5)
    bar.set_state("idle")
    assert not bar.step_button.isEnabled()
    assert not bar.cancel_button.isEnabled()
    assert bar.cancel_button.toolTip() == "Waiting for you"
    bar.set_progress(3, 10, rate=2.0, elapsed=1.5)
    assert bar.label.text() == "Waiting for you · 3 / 10 · 2 s"
    bar.set_progress(3, None, rate=2.0, elapsed=1.5)
    assert bar.label.text() == "Waiting for you"
    bar.set_state("paused")
    bar.set_progress(3, 10, rate=2.0, elapsed=1.5)
    assert bar.label.text() == "Paused · 3 / 10 · 2 s"


def test_one_looks_back_only_while_nothing_moves(bar, qtbot):
    bar.resize(900, 60)
    bar.set_state("running")
    bar.set_moments(4)
    assert not bar.look_back.isVisible()
    assert bar.progress.isVisible()
    bar.set_state("finished")
    assert bar.look_back.isVisible()
    assert not bar.progress.isVisible()
    assert bar.look_back.value() == 3
    with qtbot.waitSignal(bar.looked) as told:
        bar.look_back.setFocus()
        QTest.keyClick(bar.look_back, Qt.Key.Key_Home)
    assert told.args == [0]
    # Nothing to look back at: a single moment, or another run.
    for count in (1, 0):
        bar.set_moments(count)
        assert not bar.look_back.isVisible()
        assert bar.progress.isVisible()


def test_the_keyboard_runs_it(bar, qtbot):
    bar.activateWindow()
    bar.primary.setFocus()
    with qtbot.waitSignal(bar.run):
        QTest.keyClick(bar.primary, Qt.Key.Key_Space)


def test_progress_says_steps_speed_and_time(bar):
    bar.set_state("running")
    bar.set_progress(63, 100, 8.1, 12.4, 5)
    assert bar.label.text() == "63 / 100 · 8.1 it/s · 12 s · 5 s left"
    assert (bar.progress.value(), bar.progress.maximum()) == (63, 100)
    assert bar.progress.accessibleDescription() == bar.label.text()
    bar.set_state("finished")
    bar.set_progress(100, 100, 8.1, 19, 0)
    assert bar.label.text() == "Done · 100 / 100 · 19 s"
    assert bar.progress.value() == 100


def test_without_an_end_it_counts(bar):
    bar.set_state("running")
    bar.set_progress(7, None, 2, 3)
    assert bar.label.text() == "step 7 · 2.0 it/s · 3 s"
    bar.set_state("cancelled")
    assert bar.progress.maximum() > 0


def test_a_new_run_starts_from_nothing(bar):
    bar.set_state("running")
    bar.set_progress(63, 100, 8, 12, 5)
    bar.set_state("failed", "Out of memory")
    assert bar.label.text() == "Out of memory"
    bar.set_state("queued")
    assert bar.progress.value() == 0
    bar.set_state("running")
    assert bar.label.text() == "Running"


def test_nothing_jumps_when_words_change(bar, qtbot):
    widths = set()
    for state in STATES:
        bar.set_state(state)
        bar.layout().activate()
        widths.add(bar.primary.width())
    assert len(widths) == 1


def test_unknown_state_is_refused(bar):
    with pytest.raises(ValueError, match="ready, queued"):
        bar.set_state("lost")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.42, "0.4 s"),
        (12.3, "12 s"),
        (59.7, "1 min 00 s"),
        (185, "3 min 05 s"),
        (7800, "2 h 10 min"),
    ],
)
def test_durations_are_said_as_people_do(seconds, words):
    assert duration(seconds) == words


def test_slow_steps_are_said_in_seconds_per_step():
    assert rate_text(0.1) == "10.0 s/it"
    assert rate_text(250.4) == "250 it/s"
    assert rate_text(0) == ""


def test_a_larger_type_gets_the_room_that_its_words_need(bar, qapp, qtbot):
    bar.set_state("cancelled")
    bar.set_progress(2, 8, elapsed=39.0)
    try:
        for scale in (2.0, 1.5):
            theme.apply(qapp, "light", scale)
            bar.resize(900, 80)
            qtbot.waitUntil(lambda: bar.label.shown_text() == bar.label.text())
            words = bar.primary.fontMetrics().horizontalAdvance("Run again")
            assert bar.primary.text() == "Run again"
            assert bar.primary.width() >= words + bar.primary.iconSize().width()
            assert bar.primary.width() >= bar.primary.sizeHint().width()
    finally:
        theme.apply(qapp, "light", 1.0)


def test_in_a_narrow_middle_parts_give_way_and_none_lies_over_another(bar, qtbot):
    # A window would not get smaller than what is in it.
    host = QWidget()
    qtbot.addWidget(host)
    host.resize(800, 60)
    bar.setParent(host)
    host.show()
    bar.show()
    bar.set_state("running")
    bar.set_progress(0, 2, elapsed=2.0, eta=1.0, count="0 of 2 done")
    parts = (bar.primary, bar.step_button, bar.cancel_button, bar.progress, bar.label)
    seen = set()
    for width in range(760, bar.minimumSizeHint().width() - 1, -4):
        bar.resize(width, 60)
        bar.layout().activate()
        shown = [part for part in parts if part.isVisible()]
        seen.add(len(shown))
        buttons = [part for part in shown if part not in (bar.progress, bar.label)]
        assert all(part.width() >= part.sizeHint().width() for part in buttons)
        edges = [part.geometry() for part in shown]
        assert all(a.right() < b.left() for a, b in pairwise(edges))
        assert edges[-1].right() < bar.width()
        if bar.step_button.isVisible():
            assert bar.label.shown_text() == "0 of 2 done · 2 s · 1 s left"
    assert seen == {5, 4, 3}
    bar.resize(760, 60)
    assert bar.progress.isVisible()
    assert bar.step_button.isVisible()
    bar.setParent(None)
