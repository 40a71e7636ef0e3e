"""What the log keeps of a run that did not come to its end."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.log_drawer import LogDrawer
from engine.messages import JobState


def test_a_forced_end_and_a_failure_are_kept_with_their_reason(qtbot: QtBot) -> None:
    holder = QWidget()
    qtbot.addWidget(holder)
    log = LogDrawer(holder)
    grave: list[str] = []
    log.view.graver.connect(grave.append)
    log.on_event(JobState(job="a", state="running", text="on its way"))
    log.on_event(JobState(job="a", state="cancelled"))
    assert grave == []
    log.on_event(JobState(job="b", state="cancelled", text="stopped by force", folder="/x/run7"))
    log.on_event(JobState(job="c", state="failed", text="memory ran out"))
    assert grave == ["warning", "error"]
    lines = [entry.text for entry in [*log.view._entries, *log.view._waiting]]
    assert "The run run7 ended early: stopped by force." in lines
