"""Pictures that only one method makes: offered once they are there, seen alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt


def test_samples_and_their_spread_can_be_looked_at(
    driver: Any, qtbot: Any, small_picture: Path
) -> None:
    page = driver.to_bench()
    driver.drop(small_picture)
    driver.until(lambda: driver.stage.model.frame == (96, 96))
    page.choose_method("restoration.diffpir")
    for name, value in (("prior", "gaussian"), ("samples", 4), ("steps", 3)):
        page.edits.set(f"params:{name}", value)
    panel = page.parts.stage
    assert not panel._chips
    driver.press_run()
    driver.until(lambda: driver.run.state == "finished")
    driver.until(lambda: {"samples", "spread"} <= panel._chips.keys())

    # A sheet of four has its own size; the mask and the wipe keep theirs.
    qtbot.mouseClick(panel._chips["samples"], Qt.MouseButton.LeftButton)
    model = driver.stage.model
    assert model.pane_keys() == ["samples"]
    assert model.frame == (193, 193)
    qtbot.mouseClick(panel._tabs["wipe"], Qt.MouseButton.LeftButton)
    assert model.pane_keys() == ["estimate"]
    assert model.frame == (96, 96)

    # They belong to the run; another method has its own.
    qtbot.mouseClick(panel._chips["spread"], Qt.MouseButton.LeftButton)
    page.choose_method("restoration.wiener")
    assert not panel._chips
    assert model.effective_mode() == "wipe"
