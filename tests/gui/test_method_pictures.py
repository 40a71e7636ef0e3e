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

    # What is seen is their mean, and says so.
    assert model.layers["estimate"].title == "Mean of 4 samples · step 3"

    # Where they disagree is told in numbers.
    qtbot.mouseClick(panel._chips["spread"], Qt.MouseButton.LeftButton)
    spread = model.layers["spread"]
    assert (spread.unit, spread.kind) == ("of black to white", "absolute")
    assert 0.9 * spread.numbers.size < (spread.numbers <= spread.end).sum()

    # A single sample has no mean and disagrees with nobody.
    page.edits.set("params:samples", 1)
    driver.press_run()
    driver.until(lambda: driver.run.state == "finished")
    assert not panel._chips
    assert model.layers["estimate"].title == "Restored · step 3"
    assert model.effective_mode() == "wipe"

    # They belong to the run; another method has its own.
    page.edits.set("params:samples", 2)
    driver.press_run()
    driver.until(lambda: driver.run.state == "finished")
    driver.until(lambda: "spread" in panel._chips)
    qtbot.mouseClick(panel._chips["spread"], Qt.MouseButton.LeftButton)
    page.choose_method("restoration.wiener")
    assert not panel._chips
    assert model.effective_mode() == "wipe"
