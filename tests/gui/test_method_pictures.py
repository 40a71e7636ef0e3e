"""Pictures that only one method makes: offered once they are there, seen alone."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QWidget

from app.pages.bench_curves import HEIGHT, NARROWEST, CurvesPanel, panels_of
from app.run_row import read_folder, read_json
from engine import headless
from engine.catalogue import Catalogue
from engine.messages import RunRequest


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


def test_a_method_about_a_curve_shows_it_large(driver: Any, qtbot: Any) -> None:
    page = driver.to_bench()
    panel, row, fields = page.parts.stage, page.parts.curves, page.parts.input.form
    page.edits.set("problem:damage", "missing")
    assert fields.is_shown("missing.kind")
    page.choose_method("restoration.lpn_line")
    # It has its own damage, so that nobody is asked for one, or whether it is there already.
    assert [name for name in fields.names() if fields.is_shown(name)][:2] == [
        "noise",
        "full_size",
    ]
    assert page.parts.input._paint.isHidden()
    assert panel.stage.isVisible()
    page.edits.set("params:start", "trained")
    page.edits.set("params:steps", 10)
    driver.press_run()
    driver.until(lambda: driver.run.state == "finished")
    plot = row.plots["prox"]
    assert plot.isVisible()
    assert plot.height() > 300
    assert panel.stage.isHidden()
    assert panel._chips["prox"].isChecked()
    assert panel._row._tabs[0] is panel._chips["prox"]

    qtbot.mouseClick(panel._tabs["wipe"], Qt.MouseButton.LeftButton)
    assert plot.isHidden()
    assert panel.stage.isVisible()
    qtbot.mouseClick(panel._chips["prox"], Qt.MouseButton.LeftButton)
    assert plot.isVisible()

    # What races, and another method, know nothing of it.
    page.race.toggle()
    assert panel.stage.isVisible()
    assert not panel._chips
    page.race.toggle()
    page.choose_method("restoration.wiener")
    assert panel.stage.isVisible()
    assert fields.is_shown("missing.kind")
    assert "prox" not in row.plots


def test_a_method_about_a_picture_shows_it_alone(
    driver: Any, qtbot: Any, small_picture: Path
) -> None:
    page = driver.to_bench()
    driver.drop(small_picture)
    driver.until(lambda: driver.stage.model.frame == (96, 96))
    page.edits.set("problem:damage", "motion")
    page.edits.set("view:mode", "side")
    page.choose_method("restoration.lpn_prior")
    driver.until(lambda: driver.stage.model.layers["damaged"].title == "Untouched")
    assert not page.parts.input.form.is_shown("noise")
    for name, value in (("prior", "gaussian"), ("steps", 2), ("search", 2)):
        page.edits.set(f"params:{name}", value)
    driver.press_run()
    driver.until(lambda: driver.run.state == "finished")
    # What it asked for is what it did, and the page knows the result as its own.
    record = read_json(driver.run.folder / "run.json")
    assert not page.method.fixed.keys() & record["request"]["problem"].keys()
    assert record["problem"]["damage"] == "noise"
    assert page.answers.shows_result()
    model = driver.stage.model
    driver.until(lambda: model.effective_mode() == "single")
    assert model.pane_keys() == ["estimate"]
    assert model.layers["estimate"].title == "Judged now · step 2"
    # It restores nothing, so there is no quality.
    assert set(driver.run.values) == {"dial", "prior", "inversion"}
    # What is chosen already is no other choice.
    shown = page.state
    page.choose_method("restoration.lpn_prior")
    assert page.state is shown
    tabs = page.parts.stage._tabs
    qtbot.mouseClick(tabs["difference"], Qt.MouseButton.LeftButton)
    assert model.effective_mode() == "difference"
    page.choose_method("restoration.lpn_prior")
    assert model.effective_mode() == "difference"
    driver.window.actions_["edit.undo"].trigger()
    assert model.effective_mode() == "single"
    # One from before its problem was fixed had been blurred, and is told so; what comes next not.
    record["problem"]["damage"] = "blur"
    (driver.run.folder / "run.json").write_text(json.dumps(record))
    page.kept.reopen(read_folder(driver.run.folder))
    assert model.layers["damaged"].title == "Damaged"
    assert model.layers["estimate"].title == "Judged now"
    page.edits.set("seed", 8)
    driver.until(lambda: model.layers["damaged"].title == "Untouched")
    # Elsewhere they are side by side as before.
    page.choose_method("restoration.wiener")
    assert model.mode == "side"
    assert tabs["side"].isChecked()
    driver.until(lambda: model.layers["damaged"].title == "Damaged")
    assert not page.parts.stage._chips


def test_a_run_of_the_command_line_is_told_as_it_was_understood(
    driver: Any, small_picture: Path, tmp_path: Path
) -> None:
    """Its request leaves defaults out and has numbers as text."""
    page = driver.to_bench()
    request = RunRequest(method="restoration.diffpir", inputs={"picture": str(small_picture)})
    runs = {"sparse": ["prior=gaussian", "steps=4"], "text": ["samples=3", "prior=gaussian"]}
    stop, titles = headless.Stop(), page.parts.stage.stage.model.layers
    for name, said, several in (("sparse", runs["sparse"], 2), ("text", runs["text"], 3)):
        asked = headless.with_settings(request, said)
        stop.asked = True
        folder = tmp_path / name
        headless.drive(asked, folder, io.StringIO(), stop)
        page.kept.resume(read_folder(folder))
        driver.until(lambda: driver.run.state == "finished")
        driver.until(lambda: "spread" in page.parts.stage._chips)
        title = titles["estimate"].title
        assert title.startswith(f"Mean of {several} samples · step ")
        page.choose_method("restoration.wiener")
        # As it is kept, it is told the same.
        page.kept.reopen(read_folder(folder))
        assert titles["estimate"].title == f"Mean of {several} samples"


def test_what_an_earlier_run_disagreed_about_is_not_offered_for_new_pictures(
    driver: Any,
) -> None:
    driver.to_bench()
    page = driver.bench
    page.choose_method("restoration.score_sde")
    stage, gray = page.parts.stage, np.full((8, 8, 3), 90, np.uint8)
    panels = ("estimate", "samples", "spread")
    stage.expect(panels, {"task": "restore", "samples": 2})
    for panel in ("estimate", "samples"):
        stage.show_frame(panel, gray, 1)
    stage.show_frame("spread", np.zeros((8, 8), np.float32), 1)
    assert stage._chips.keys() == {"samples", "spread"}
    stage.expect(panels, {"task": "generate", "samples": 2})
    stage.show_frame("spread", np.zeros((8, 8), np.float32), 1)
    assert stage._chips.keys() == {"samples"}
    assert "spread" not in stage.keys()  # noqa: SIM118
    stage.show_frame("estimate", gray, 1)
    assert stage.stage.model.layers["estimate"].title == "New picture · step 1"


@pytest.mark.parametrize(
    ("method", "tasks"), [("score_sde", ("generate", "likelihood")), ("flowchef", ("class",))]
)
def test_what_undoes_no_damage_asks_for_none(
    driver: Any, small_picture: Path, method: str, tasks: tuple[str, ...]
) -> None:
    page = driver.to_bench()
    driver.drop(small_picture)
    driver.until(lambda: driver.stage.model.frame == (96, 96))
    page.choose_method(f"restoration.{method}")
    layers, fields, row = driver.stage.model.layers, page.parts.input.form, page.parts.curves
    driver.until(lambda: layers["damaged"].title == "Damaged")
    damaged = driver.stage.picture("damaged")
    foot = page.parts.input.foot.text()
    assert "never sees the original" in foot
    assert not row.plots["quality"].isHidden()
    for task in tasks:
        page.edits.set("params:task", task)
        assert not any(fields.is_shown(name) for name in ("damage", "blur.sigma", "noise"))
        driver.until(lambda: layers["damaged"].title == "Untouched")
        assert (driver.stage.picture("damaged") != damaged).any()
        assert "original" not in page.parts.input.foot.text()
        assert all(row.plots[name].isHidden() for name in ("quality", "similarity", "mismatch"))
    page.edits.set("params:task", "restore")
    assert all(fields.is_shown(name) for name in ("damage", "noise"))
    driver.until(lambda: layers["damaged"].title == "Damaged")
    assert (driver.stage.picture("damaged") == damaged).all()
    assert page.parts.input.foot.text() == foot
    assert not row.plots["quality"].isHidden()


def test_a_result_goes_with_the_damage_that_it_undid(driver: Any, small_picture: Path) -> None:
    page = driver.to_bench()
    driver.drop(small_picture)
    driver.until(lambda: driver.stage.model.frame == (96, 96))
    page.choose_method("restoration.score_sde")
    for name, value in (("task", "generate"), ("prior", "gaussian"), ("steps", 3)):
        page.edits.set(f"params:{name}", value)
    driver.press_run()
    driver.until(lambda: driver.run.state == "finished")
    layers = driver.stage.model.layers
    assert (layers["damaged"].title, layers["estimate"].title) == (
        "Untouched",
        "New picture · step 3",
    )
    page.edits.set("params:task", "restore")
    driver.until(lambda: layers["damaged"].title == "Damaged")
    assert "estimate" not in layers


@pytest.mark.parametrize(("method", "panel"), [("score_sde", "likelihood"), ("lpn", "certificate")])
def test_the_curve_that_a_summary_speaks_of_comes_first_and_is_read_whole(
    catalogue: Catalogue, qtbot: Any, method: str, panel: str
) -> None:
    spec = catalogue.method(f"restoration.{method}")
    panels = panels_of(catalogue.bench("restoration"), spec)
    first = next(p for p in panels if p.kind == "curve")
    assert first.name == panel
    parent = QWidget()
    qtbot.addWidget(parent)
    row = CurvesPanel(parent)
    row.set_panels([first])
    row.append(1, {series.metric: -10.85 for series in first.series})
    plot = row.plots[panel]
    row.setFixedWidth(NARROWEST)
    parent.resize(NARROWEST, HEIGHT)
    parent.show()
    assert plot.width() == NARROWEST

    def is_whole(part: QLabel) -> bool:
        return part.width() >= part.fontMetrics().horizontalAdvance(part.text())

    parts = [part for entry in plot._entries for part in (entry.title, entry.value)]
    qtbot.waitUntil(lambda: parts[-1].text().startswith("−10.85"))
    qtbot.waitUntil(lambda: all(map(is_whole, parts)))


def test_a_byte_of_which_nothing_is_known_has_a_line(catalogue: Catalogue) -> None:
    panels = {panel.name: panel for panel in catalogue.method("restoration.score_sde").panels}
    assert panels["likelihood"].reference == 8.0
