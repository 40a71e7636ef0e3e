import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication

from widgets import theme
from widgets.log_view import LogView

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def log(qtbot):
    made = LogView(limit=300)
    made.resize(500, 220)
    qtbot.addWidget(made)
    made.show()
    qtbot.waitExposed(made)
    return made


def lines(log):
    return [line for line in log.view.toPlainText().split("\n") if line]


def wait_for(qtbot, log, count):
    qtbot.waitUntil(lambda: len(lines(log)) == count and not log._timer.isActive())


def test_messages_appear_with_time_source_and_sign(log, qtbot):
    log.append("info", "ready\n", "engine")
    log.append("warning", "slow", "job 1")
    with qtbot.waitSignal(log.graver) as told:
        log.append("error", "gone")
    assert told.args == ["error"]
    wait_for(qtbot, log, 3)
    first, second, third = lines(log)
    assert first.endswith("engine  ready")
    assert second.endswith("job 1  ! slow")
    assert third.endswith("✕ gone")


def test_the_filter_shows_a_level_and_what_is_graver(log, qtbot):
    for level in ("debug", "info", "warning", "error", "strange"):
        log.append(level, level)
    wait_for(qtbot, log, 4)
    log.set_level("warning")
    wait_for(qtbot, log, 2)
    assert log.level() == "warning"
    log.set_level("debug")
    wait_for(qtbot, log, 5)
    assert [e.level for e in log.entries()] == ["debug", "info", "warning", "error", "info"]
    with pytest.raises(ValueError, match="debug, info"):
        log.set_level("loud")


def test_a_flood_stays_bounded_and_in_order(log, qtbot):
    for number in range(2000):
        log.append("info", f"message {number}")
    assert len(log.entries()) == 300
    wait_for(qtbot, log, 300)
    assert lines(log)[0].endswith("message 1700")
    assert lines(log)[-1].endswith("message 1999")


def test_it_follows_until_a_person_scrolls_up(log, qtbot):
    for number in range(100):
        log.append("info", f"message {number}")
    wait_for(qtbot, log, 100)
    bar = log.view.verticalScrollBar()
    assert bar.value() == bar.maximum()
    bar.setValue(10)
    assert not log.is_following()
    assert log.newest.isVisible()
    log.append("info", "one more")
    wait_for(qtbot, log, 101)
    assert bar.value() == 10
    qtbot.mouseClick(log.newest, LEFT)
    assert bar.value() == bar.maximum()
    assert log.is_following()
    log.append("info", "and another")
    wait_for(qtbot, log, 102)
    assert bar.value() == bar.maximum()


def test_copy_takes_the_selection_or_everything_shown(log, qtbot):
    log.append("debug", "hidden")
    log.append("info", "first")
    log.append("error", "second\nwith a second line")
    wait_for(qtbot, log, 3)
    qtbot.mouseClick(log.copy_button, LEFT)
    copied = QGuiApplication.clipboard().text()
    assert copied == log.shown_text()
    assert "hidden" not in copied
    assert copied.endswith("with a second line")
    log.view.selectAll()
    log.copy()
    assert QGuiApplication.clipboard().text().startswith(lines(log)[0])


def test_clear_forgets(log, qtbot):
    log.append("info", "x")
    wait_for(qtbot, log, 1)
    qtbot.mouseClick(log.clear_button, LEFT)
    assert log.entries() == []
    assert lines(log) == []


def test_a_new_theme_recolors_what_is_there(log, qtbot, qapp):
    log.append("error", "red")
    wait_for(qtbot, log, 1)

    def color():
        block = log.view.document().firstBlock()
        return block.begin().fragment().charFormat().foreground().color().name().upper()

    assert color() == theme.theme().red
    theme.apply(qapp, "light")
    wait_for(qtbot, log, 1)
    assert color() == theme.theme().red
