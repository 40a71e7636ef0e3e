"""Random actions, seeded: the window survives, keeps one run, and undo stays an identity."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QApplication, QDialog, QMessageBox

from app.actions import ACTIONS

NOT_FOR_MONKEYS = {"file.quit", "engine.restart", "view.screen", "help.about"}


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_a_monkey_does_no_harm(
    driver: Any,
    answers: list[bool],
    small_picture: Path,
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
) -> None:
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda *_: True)
    monkeypatch.setattr(QMessageBox, "exec", lambda *_: 0)
    dice = random.Random(seed)
    window = driver.window
    page = driver.to_bench()
    page.take_file(small_picture)
    driver.until(lambda: page.state.inputs["picture"] == str(small_picture))
    names = [a.id for a in ACTIONS if a.id not in NOT_FOR_MONKEYS]
    bench = window.catalogue.bench("restoration")
    trace: list[str] = []
    for _ in range(120):
        answers[:] = [dice.random() < 0.5]
        deed = dice.choice(["action", "action", "problem", "knob", "page", "method", "resize"])
        if deed == "action":
            name = dice.choice(names)
            trace.append(name)
            window.actions_[name].trigger()
        elif deed == "problem" and not page.desk.run.active:
            field = dice.choice(bench.fields)
            row = page.parts.input.form.row(field.name)
            if field.kind == "bool":
                row.editor.switch.click()
            elif field.kind == "choice" and hasattr(row.editor.body, "chips"):
                dice.choice(row.editor.body.chips()).click()
            elif getattr(row.editor, "slider", None) is not None:
                row.editor.slider.setValue(dice.randint(0, row.editor.slider.maximum()))
            trace.append(field.name)
        elif deed == "knob":
            row = page.parts.method.form.row(dice.choice(page.parts.method.form.names()))
            slider = getattr(row.editor, "slider", None)
            if slider is not None and slider.isEnabled():
                slider.setValue(dice.randint(0, slider.maximum()))
        elif deed == "page":
            window.show_page(dice.choice(window.rail.keys()))
        elif deed == "method":
            page.choose_method(dice.choice(list(page.methods)))
        else:
            window.resize(dice.randint(760, 1600), dice.randint(560, 1000))
        for widget in QApplication.topLevelWidgets():
            if widget is not window and widget.isVisible():
                widget.close()
        driver.bot.wait(dice.choice([1, 5, 20]))
        running = [job for job, state in window.client.jobs.items() if state == "running"]
        assert len(running) <= 1, trace
    assert window.client.current_state in ("ready", "busy"), trace
    for dialog in window.findChildren(QDialog):
        dialog.close()
    page.desk.run.cancel()
    driver.over()
    window.show_page("restoration")
    state = page.state
    if page.model.undo_text:
        page.model.undo()
        page.model.redo()
        assert page.state == state
    window.activateWindow()
    driver.bot.mouseClick(page.parts.stage._tabs["wipe"], Qt.MouseButton.LeftButton)
    assert page.state.view["mode"] == "wipe"
