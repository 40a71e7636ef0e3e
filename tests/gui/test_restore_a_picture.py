"""One complete job on real input: drop, damage, run, watch, take away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from PySide6.QtCore import Qt

from app.run_row import read_json


def test_a_dropped_picture_is_damaged_restored_watched_and_saved(
    driver: Any, small_picture: Path, tmp_path: Path, qtbot: Any
) -> None:
    window = driver.window
    driver.drop(small_picture)
    assert window.page_id == "restoration"
    page = driver.bench
    driver.until(lambda: page.state.inputs["picture"] == str(small_picture))
    driver.until(lambda: "clean" in driver.stage.keys())  # noqa: SIM118
    driver.until(lambda: driver.stage.picture("clean").shape == (96, 96, 3))

    # What happened to it? Something is chosen, a slider is moved; the preview follows.
    choice = page.parts.input.form.row("damage").editor.body
    choice.setFocus()
    way = choice.findText("Noise") - choice.currentIndex()
    for _ in range(abs(way)):
        qtbot.keyClick(choice, Qt.Key.Key_Down if way > 0 else Qt.Key.Key_Up)
    assert page.state.problem["damage"] == "noise"
    slider = page.parts.input.form.row("noise").editor.slider
    slider.setFocus()
    for _ in range(12):
        qtbot.keyClick(slider, Qt.Key.Key_Right)
    level = page.state.problem["noise"]
    assert level > 0.01

    def measured() -> float:
        clean, damaged = (driver.stage.picture(k).astype(float) for k in ("clean", "damaged"))
        return float((clean - damaged).std() / 255)

    driver.until(lambda: 0.5 * level < measured() < 1.5 * level)

    # It runs and heals before one's eyes.
    page.choose_method("restoration.total_variation")
    frames: list[int] = []
    page.desk.run.frame.connect(lambda panel, *_: frames.append(1) if panel == "estimate" else None)
    driver.press_run()
    driver.over()
    assert page.desk.run.state == "finished", page.desk.run.text
    assert len(frames) >= 2
    _, quality = page.parts.curves.plots["quality"].data("psnr")
    assert quality[-1] > quality[0] + 0.5
    shown = driver.stage.picture("estimate")
    assert page.parts.bar.primary.text() == "Run again"

    # It is taken away, bit for bit as it was kept.
    assert window.actions_["file.save"].isEnabled()
    target = tmp_path / "restored.png"
    page.results.save_to(target)
    driver.until(target.is_file)
    with Image.open(target) as picture:
        assert np.abs(np.array(picture).astype(int) - shown).max() <= 1
    window.actions_["edit.copy"].trigger()
    assert not driver.window.grab().isNull()

    # And it is kept, with everything that was set.
    rows = window.index.search()
    assert [row.status for row in rows] == ["finished"]
    record = read_json(rows[0].path / "run.json")
    assert record is not None
    assert record["problem"]["noise"] == level
    window.show_page("start")
    assert len(window.page.findChildren(type(window.page._runs.itemAt(0).widget()))) == 1
    window.page.run_chosen.emit(rows[0].id)
    assert window.page_id == "restoration"
    assert window.page.state.problem["noise"] == level


def test_a_file_that_is_no_picture_leaves_the_page_as_it_was(driver: Any, tmp_path: Path) -> None:
    page = driver.to_bench()
    before = page.state
    bad = tmp_path / "letter.png"
    bad.write_text("Dear reader, this is no picture.")
    driver.drop(bad)
    driver.until(page.parts.banner.isVisible)
    text = page.parts.banner.text()
    logged = driver.window.log.view
    assert any(
        entry.level == "warning" and bad.name in entry.text
        for entry in [*logged._entries, *logged._waiting]
    )
    assert "letter.png" in text
    assert "\n" not in text
    assert page.state == before
    missing = tmp_path / "gone.png"
    page.parts.banner.hide()
    driver.drop(missing)
    driver.until(page.parts.banner.isVisible)
    assert page.state == before


def test_everything_works_by_keyboard_alone(driver: Any, small_picture: Path, qtbot: Any) -> None:
    window = driver.window
    qtbot.keyClick(window, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    palette = window.commands.palette
    driver.until(palette.isVisible)
    qtbot.keyClicks(palette._line, "wiener")
    assert palette.found()[0].title == "Wiener filter"
    qtbot.keyClick(palette._line, Qt.Key.Key_Return)
    assert window.page_id == "restoration"
    page = driver.to_bench()
    assert page.state.method == "restoration.wiener"
    page.take_file(small_picture)
    driver.until(lambda: page.state.inputs["picture"] == str(small_picture))
    driver.until(lambda: window.actions_["run.start"].isEnabled())
    qtbot.keyClick(window, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    driver.until(lambda: driver.run.state != "none")
    driver.over()
    assert driver.run.state == "finished"
    qtbot.keyClick(window, Qt.Key.Key_H, Qt.KeyboardModifier.ControlModifier)
    assert window.page_id == "history"


def test_an_example_really_starts(driver: Any) -> None:
    window = driver.window
    # One whose method needs no trained model, so that it runs in every checkout.
    example = next(
        e
        for e in window.catalogue.bench("restoration").examples
        if not window.catalogue.method(e.method).priors
    )
    window.page.example_chosen.emit(example)
    page = driver.bench
    driver.until(lambda: page.desk.shown is not None)
    assert page.state.method == example.method
    page.desk.run.cancel()
    driver.over()
