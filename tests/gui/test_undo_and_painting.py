"""Everything that is set can be taken back, what is painted as well."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from PySide6.QtCore import QPoint, Qt


def test_undo_and_redo_reach_every_part_of_the_page(driver: Any, qtbot: Any) -> None:
    page = driver.to_bench()
    window = driver.window
    states = [page.state]
    page.edits.set("problem:blur.sigma", 3.0)
    page.model.seal()
    states.append(page.state)
    page.choose_input("picture", "sample:coffee")
    states.append(page.state)
    page.choose_method("restoration.total_variation")
    states.append(page.state)
    qtbot.mouseClick(page.parts.stage._tabs["side"], Qt.MouseButton.LeftButton)
    states.append(page.state)
    assert window.actions_["edit.undo"].text() == "Undo: View"
    for wanted in reversed(states[:-1]):
        qtbot.keyClick(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
        assert page.state == wanted
    assert not window.actions_["edit.undo"].isEnabled()
    assert window.actions_["edit.undo"].toolTip() == "Nothing to undo"
    assert page.parts.input.form.values()["blur.sigma"] == states[0].problem["blur.sigma"]
    assert page.parts.method.method.id == states[0].method
    for wanted in states[1:]:
        window.actions_["edit.redo"].trigger()
        assert page.state == wanted
    assert driver.stage.mode() == "side"


def test_a_hole_is_painted_by_hand_and_taken_back(driver: Any, qtbot: Any) -> None:
    page = driver.to_bench()
    qtbot.mouseClick(page.parts.input._paint, Qt.MouseButton.LeftButton)
    assert page.state.problem["missing.kind"] == "painted"
    assert driver.stage.tool() == "brush"
    # Nothing painted yet: the page asks for it instead of complaining.
    driver.until(lambda: page.answers.blocked)
    assert not page.parts.banner.isVisible(), (page.parts.banner.text(), page.answers._errors)

    middle = driver.stage.rect().center()
    qtbot.mousePress(driver.stage, Qt.MouseButton.LeftButton, pos=middle)
    for x in range(0, 60, 10):
        qtbot.mouseMove(driver.stage, middle + QPoint(x, 0))
    qtbot.mouseRelease(driver.stage, Qt.MouseButton.LeftButton, pos=middle + QPoint(60, 0))
    assert page.state.inputs["mask"]
    driver.until(lambda: not page.answers.blocked)
    painted = driver.stage.mask()
    assert painted is not None
    assert painted.any()

    page.model.undo()
    assert page.state.inputs["mask"] == ""
    assert not driver.stage.mask().any()
    page.model.redo()
    assert (driver.stage.mask() == painted).all()

    # It belongs to a run, and to its record, only where there is a hole; the page keeps it.
    mask = page.state.inputs["mask"]
    assert page.request().inputs["mask"] == mask
    page.edits.set("problem:damage", "blur")
    page.desk.shown = page.request()
    assert page.answers.shows_result()
    driver.window.actions_["run.race"].trigger()
    asked = [page.request(), *page.race.requests()]
    assert [r.inputs.keys() for r in asked] == [{"picture"}] * len(asked)
    page.edits.set("problem:damage", "missing")
    assert all(r.inputs["mask"] == mask for r in (page.request(), *page.race.requests()))


def test_what_is_painted_on_is_seen_alone(driver: Any, qtbot: Any, small_picture: Path) -> None:
    page = driver.to_bench()
    driver.drop(small_picture)
    driver.until(lambda: driver.stage.model.frame == (96, 96))
    page.choose_method("restoration.wiener")
    driver.press_run()
    driver.until(lambda: driver.run.state == "finished")
    stage, model = driver.stage, driver.stage.model
    assert stage.is_wiping()
    qtbot.mouseClick(page.parts.input._paint, Qt.MouseButton.LeftButton)
    assert stage.tool() == "brush"
    assert not stage.is_wiping()
    assert model.pane_keys() == ["clean"]
    # It stays so when what it looks like with the hole is known.
    qtbot.mouseClick(stage, Qt.MouseButton.LeftButton, pos=stage.rect().center())
    driver.until(lambda: not page.answers.blocked)
    driver.until(lambda: not page.preview.pending)
    assert model.pane_keys() == ["clean"]
    driver.press_run()
    driver.until(lambda: driver.run.state == "finished")
    assert stage.is_wiping()
    # Taking a tool in hand again, and looking again.
    stage.set_tool("eraser")
    assert not stage.is_wiping()
    qtbot.mouseClick(page.parts.stage._tabs["wipe"], Qt.MouseButton.LeftButton)
    assert stage.tool() is None
    assert stage.is_wiping()


def test_what_a_run_works_on_cannot_be_taken_back_while_it_goes_on(driver: Any) -> None:
    page = driver.to_bench()
    actions = driver.window.actions_
    page.edits.set("problem:blur.sigma", 3.0)
    page.model.seal()
    driver.long_run()
    set_before = page.state
    for name in ("edit.undo", "edit.reset"):
        assert not actions[name].isEnabled()
        assert "Fixed while it runs" in actions[name].toolTip()
    # What is live, and how it is looked at, can be taken back.
    page.edits._on_knob("trust", 2.0)
    page.model.seal()
    page.edits.set("view:mode", "side")
    for _ in range(2):
        assert actions["edit.undo"].isEnabled()
        actions["edit.undo"].trigger()
    assert page.state == set_before
    assert not actions["edit.undo"].isEnabled()
    assert actions["edit.redo"].isEnabled()
    driver.run.cancel()
    driver.over()
    assert actions["edit.undo"].isEnabled()
    assert actions["edit.reset"].isEnabled()
    assert driver.window.index.search(status="cancelled")


def test_a_new_catalogue_keeps_the_offer_to_resume(driver: Any) -> None:
    page = driver.to_bench()
    driver.long_run()
    driver.run.cancel()
    driver.over()
    folder, request = driver.run.folder, driver.run.request
    page.desk.adopt([(request, folder)])
    driver.window.set_catalogue(msgspec.structs.replace(driver.window.catalogue, models=()))
    assert driver.bench is not page
    assert driver.run.resumable
    assert (driver.run.request, driver.run.folder) == (request, folder)
    assert driver.bench.parts.banner.action.text() == "Resume"
