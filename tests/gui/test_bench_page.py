"""What a bench page shows at which moment, with the engine's words said by the test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QApplication, QFileDialog

from app.pages.bench_masks import keep_mask
from engine.catalogue import PanelSpec
from engine.messages import Reply

SIZE = 32


def gray(level: int, size: int = SIZE) -> np.ndarray:
    return np.full((size, size, 3), level, np.uint8)


@pytest.fixture
def page(open_window: Callable[..., Any]) -> Any:
    """The restoration page of a window without an engine."""
    driver = open_window(engine=False)
    driver.window.show_page("restoration")
    return driver.bench


def preview(page: Any, size: int = SIZE) -> None:
    """The engine's answer: what the damage does."""
    pictures = {"damaged": gray(90, size), "clean": gray(200, size)}
    facts = {"size": f"{size} × {size} px", "width": size, "height": size, "truth": True}
    page.preview.ready.emit(pictures, facts)


def begin(page: Any) -> None:
    """A run of what is set goes on."""
    page.desk.run.request = page.request()
    page.desk.run._become("preparing")
    page.desk.run.started.emit(False)
    page.desk.run._become("running")


def finish(page: Any, level: int = 150) -> None:
    """It shows a result and ends."""
    page.desk.run.frame.emit("estimate", gray(level), 3, True)
    page.desk.run._become("finished")
    page.desk.run.ended.emit("")


def paint(page: Any) -> None:
    """A hole is painted by hand."""
    page.edits._on_paint()
    mask = np.zeros((SIZE, SIZE), np.uint8)
    mask[8:24, 8:24] = 255
    page.edits.choose("mask", keep_mask(mask))


def test_buttons_of_the_stage_say_what_they_do_now(driver: Any) -> None:
    panel = driver.to_bench().parts.stage
    for button in (*panel._tabs.values(), *panel._zoom):
        assert "Open a bench" not in button.toolTip()
        assert button.toolTip()


def test_a_painted_hole_does_not_cover_what_filled_it(page: Any) -> None:
    stage = page.parts.stage.stage
    preview(page)
    paint(page)
    stage.set_tool(None)
    assert stage._scene(1.0).mask is not None
    begin(page)
    finish(page)
    assert stage.mask().any()
    assert stage._scene(1.0).mask is None
    # To paint more, it is seen where one has painted.
    stage.set_tool("brush")
    assert stage._scene(1.0).mask is not None
    stage.set_tool(None)
    page.desk.forget_result()
    page.facts_changed.emit()
    assert stage._scene(1.0).mask is not None


def test_no_picture_is_swapped_while_a_run_works_on_it(
    page: Any, monkeypatch: pytest.MonkeyPatch, answers: list[bool], tmp_path: Path
) -> None:
    other = tmp_path / "other.png"
    Image.fromarray(gray(9)).save(other)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_a, **_k: (str(other), ""))
    offered: list[str] = []
    monkeypatch.setattr(page.intake, "offer", lambda _name, path: offered.append(path))
    notices: list[str] = []
    page.notice.connect(lambda _level, text: notices.append(text))
    preview(page)
    page.choose_input("picture", "sample:coffee")
    begin(page)
    before = page.state

    page.do("file.open", False)
    page.parts.input.open_wanted.emit("picture")
    QGuiApplication.clipboard().setImage(QImage(str(other)))
    page.paste()
    page.take_file(other)
    page.intake.accepted.emit("picture", str(other), {}, gray(9))
    page.choose_input("picture", "sample:astronaut")
    page.do("edit.undo", False)
    assert not offered
    assert page.state == before
    assert page.desk.run.request == page.request()
    assert len(notices) == 7
    assert all("A run is going on" in text for text in notices)
    # An example that is not to replace the run leaves the page with it.
    answers[:] = [False]
    page.try_example()
    assert page.state == before

    page.desk.run._become("cancelled")
    page.do("file.open", False)
    assert offered == [str(other)]


def test_a_page_that_begins_with_a_run_still_gets_its_pictures(
    open_window: Callable[..., Any],
) -> None:
    """Thumbnails, name and size come, and the picture is seen until the run shows its own."""
    driver = open_window(engine=False)
    window = driver.window
    window.show_page("restoration")
    page = driver.bench
    stage = page.parts.stage.stage
    asked: list[str] = []
    page.parts.input.sample_wanted.connect(asked.append)
    begin(page)
    page.edits.set("seed", 4)
    assert page.preview.pending
    preview(page)
    assert asked
    assert "32 × 32 px" in page.parts.input.samples("picture")._caption.text()
    assert set(stage.keys()) == {"damaged", "clean"}
    assert stage.note() == "Warming up …"
    # Later answers do not disturb what the run shows.
    page.desk.run.frame.emit("estimate", gray(77), 1, False)
    preview(page)
    assert "estimate" in stage.keys()  # noqa: SIM118
    assert stage.note() == ""


def test_the_brush_is_in_hand_where_another_picture_is_to_be_painted_on(page: Any) -> None:
    stage, tools = page.parts.stage.stage, page.parts.stage._tools
    preview(page)
    paint(page)
    begin(page)
    finish(page)
    assert stage.tool() is None
    assert tools._chips[""].isChecked()
    # A picture of another size: what was painted cannot stay.
    page.choose_input("picture", "sample:coffee")
    preview(page, SIZE * 2)
    assert page.state.inputs["mask"] == ""
    assert stage.tool() == "brush"
    assert tools._chips["brush"].isChecked()


def test_what_is_read_out_stands_above_the_note(page: Any) -> None:
    stage = page.parts.stage.stage
    preview(page)
    pane = stage.panes()[0]
    below = stage.reading_area(pane).bottom()
    stage.set_note("Paint what is missing")
    assert stage.reading_area(pane).bottom() <= below - 24


def test_what_is_not_painted_yet_is_marked_until_it_is(page: Any) -> None:
    preview(page)
    page.edits._on_paint()
    text = "inputs.mask: nothing is painted yet; paint what is missing"
    page.preview.failed.emit(text, "inputs.mask")
    row = page.parts.input.form.row("missing.kind")
    banner = page.parts.banner
    assert not row.error()
    page.start()
    assert banner.isVisible()
    assert "marks on the page" in banner.text()
    assert "nothing is painted yet" in row.error().lower()
    paint(page)
    preview(page)
    assert not banner.isVisible()
    assert not row.error()


def test_the_truth_stands_beside_what_was_made_of_it(page: Any) -> None:
    stage = page.parts.stage
    preview(page)
    begin(page)
    finish(page)
    page.edits.set("view:mode", "side")
    assert [pane.key for pane in stage.stage.panes()] == ["damaged", "estimate", "clean"]
    assert all("Space" in tab.toolTip() for tab in stage._tabs.values())
    # A picture that came damaged has no truth.
    stage.show_pictures({"damaged": gray(90), "estimate": gray(150)})
    assert [pane.key for pane in stage.stage.panes()] == ["damaged", "estimate"]


def test_what_takes_long_says_what_it_does(page: Any) -> None:
    stage, method = page.parts.stage.stage, page.parts.method
    preview(page)
    page.preview._on_slow()
    assert stage.note() == "Preparing the preview …"
    page.preview._asked = 7
    answer = Reply(id=7, kind="preview", channel=page.bench.id, generation=1, value={})
    page.preview._on_event(answer)
    assert stage.note() == ""
    page.edits.reset_knobs()
    facts = {"size": "", "width": 512, "height": 512}
    page.preview.ready.emit({"damaged": gray(90)}, facts)
    usual = method._duration.text()
    page.preview.ready.emit({"damaged": gray(90)}, {**facts, "width": 5120})
    assert "on two cores" in usual
    assert method._duration.text() != usual
    # A run that is being prepared can be told to stop.
    page.desk.run._become("preparing")
    bar = page.parts.bar
    assert "preparing the picture" in bar.label.text()
    assert bar.cancel_button.isEnabled()


def test_a_panel_keeps_its_width_when_it_begins_to_scroll(page: Any, qtbot: Any) -> None:
    left = page.parts.area._panels["left"]
    bar = left._scroll.verticalScrollBar()
    preview(page)
    page.window().resize(1280, 1000)
    qtbot.waitUntil(lambda: bar.maximum() == 0)
    width = page.parts.input.width()
    page.window().resize(1280, 640)
    qtbot.waitUntil(lambda: bar.maximum() > 0)
    assert page.parts.input.width() == width
    chip = page.parts.input._paint
    assert chip.geometry().right() < page.parts.input.width()


def test_a_run_does_not_begin_under_the_picture_before(page: Any, tmp_path: Path) -> None:
    """Where the preview of another picture is still to come, that picture is seen plainly."""
    stage = page.parts.stage.stage
    preview(page)
    other = tmp_path / "other.png"
    Image.fromarray(gray(9)).save(other)
    page.choose_input("picture", str(other))
    begin(page)
    assert stage.keys() == [page.parts.stage.original]
    assert (stage.picture(page.parts.stage.original) == 9).all()
    assert stage.note() == "Warming up …"
    caption = page.parts.input.samples("picture")._caption.text()
    assert caption.startswith("other.png")
    assert "px" not in caption


def test_what_the_cursor_reads_gives_way_to_the_buttons(page: Any) -> None:
    stage = page.parts.stage
    preview(page)
    stage.set_method(
        [
            PanelSpec(name=name, title=f"Picture {name}", kind="image")
            for name in ("one", "two", "three")
        ]
    )
    for name in ("one", "two", "three"):
        stage.show_frame(name, gray(90), 1)
    row, window = stage._row, page.window()
    for size, some_wait in (((1280, 800), False), ((760, 560), True)):
        window.resize(*size)
        for side in ("left", "right"):
            page.parts.area.set_shown(side, True)
        QApplication.processEvents()
        shown = [tab for tab in [*row._tabs, row._more] if tab.isVisible()]
        assert all(tab.width() >= tab.sizeHint().width() for tab in shown)
        assert bool(row.menu_tabs()) == some_wait
