"""Latent traversal through the real window: drag, key-frames and films, and flows that learn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from app.run_row import read_json
from engine.traversal.map import ACROSS
from engine.traversal.panels import LONGEST
from engine.traversal.strips_view import LABEL, layout

LEFT = Qt.MouseButton.LeftButton
#: Pictures from one key-frame to the next.
BETWEEN = 5


class Walker:
    """A person on the page of latent traversal."""

    def __init__(self, driver: Any) -> None:
        self.driver, self.until = driver, driver.until
        driver.window.show_page("traversal")
        self.page = driver.window.bench("traversal")
        self.stage = self.page.parts.stage
        self.map, self.strips = self.stage._map.stage, self.stage._strips.stage
        self.until(self.stage.keys)

    @property
    def run(self) -> Any:
        return self.page.desk.run

    def begin(self, method: str, **knobs: Any) -> None:
        self.page.choose_method(method)
        for name, value in knobs.items():
            self.page.edits._on_knob(name, value)
        button = self.page.parts.bar.primary
        self.until(button.isEnabled)
        self.driver.bot.mouseClick(button, LEFT)
        self.until(lambda: self.run.state in ("idle", "running"))
        self.until(lambda: self.page.desk.shown is not None)

    def turn(self, name: str, value: Any) -> None:
        """Change a live knob, and wait until the run has it."""
        self.page.edits._on_knob(name, value)
        self.until(lambda: not self.driver.window.client._questions.waiting)

    def at(self, x: float, y: float) -> QPoint:
        """The point of the map's pane that shows a pixel of the map."""
        return self.map.to_stage(x, y).toPoint()

    def picture(self) -> Any:
        return self.stage.stage.picture("picture").copy()

    def seen(self, key: str) -> Any:
        return self.stage._pane(key).stage.picture(key).copy()

    def end(self) -> Path:
        """Finish or cancel; returns the folder with what the run leaves."""
        bar = self.page.parts.bar
        button = bar.primary if self.run.state == "idle" else bar.cancel_button
        self.driver.bot.mouseClick(button, LEFT)
        self.until(lambda: not self.run.active)
        return self.run.folder


@pytest.fixture
def walker(driver: Any) -> Walker:
    return Walker(driver)


def length(path: Path) -> int:
    """Pictures of a film that opens."""
    with av.open(str(path)) as film:
        return sum(1 for _ in film.decode(video=0))


def test_a_map_is_dragged_on_and_its_key_frames_become_a_film(
    walker: Walker, tmp_path: Path
) -> None:
    walker.begin("traversal.map", speed=BETWEEN, loop=False, way="line")
    walker.until(lambda: walker.run.state == "idle")
    before = walker.picture()
    QTest.mousePress(walker.map, LEFT, pos=walker.at(60, 60))
    for place in ((80, 90), (140, 150), (200, 210)):
        QTest.mouseMove(walker.map, walker.at(*place))
        walker.until(lambda seen=before: (walker.picture() != seen).any())
        before = walker.picture()
    QTest.mouseRelease(walker.map, LEFT, pos=walker.at(200, 210))

    # Two strips lead through where one is; with two key-frames, they are those and the walk.
    through = walker.seen("strips")
    walker.turn("press", "key")
    for place in ((50, 200), (120, 60), (210, 200)):
        seen = walker.seen("map")
        QTest.mouseClick(walker.map, LEFT, pos=walker.at(*place))
        walker.until(lambda seen=seen: (walker.seen("map") != seen).any())
    walker.until(
        lambda: (
            walker.seen("strips").shape != through.shape or (walker.seen("strips") != through).any()
        )
    )
    # Played, it moves by itself, and at the end of the walk it waits again.
    here = walker.picture()
    walker.turn("play", True)
    walker.until(lambda: (walker.picture() != here).any())
    walker.until(lambda: walker.run.state == "idle")
    folder = walker.end()

    record = read_json(folder / "run.json")
    outputs = record["outputs"]
    expected = 2 * BETWEEN + 1
    assert expected <= LONGEST
    assert length(folder / outputs["film"]) == expected
    with Image.open(folder / outputs["walk"]) as gif:
        assert gif.n_frames == expected

    # The film is saved like a picture, by the ending of its name.
    results = walker.page.results
    assert list(results.films()) == [".mp4", ".gif"]
    for name in ("mine.mp4", "mine.gif"):
        results.save_to(tmp_path / name)
        walker.until((tmp_path / name).is_file)
        walker.until(lambda: not results._work.busy)
    assert length(tmp_path / "mine.mp4") == expected
    with Image.open(folder / outputs["overview"]) as sheet:
        assert sheet.width >= walker.seen("strips").shape[1]
    told = read_json(folder / outputs["path"])
    assert told["keys"] == 3
    assert told["tensors"]["walk"] == [expected, told["latent"]]


def test_flows_are_trained_on_the_page_and_then_walked_along(walker: Walker) -> None:
    walker.page.edits.set("problem:generator", "drawn")
    walker.begin("traversal.potential_flow", count=3, path=6, iterations=120, rate=5e-3)
    first = walker.seen("strips")
    walker.until(lambda: walker.run.state == "idle")
    assert (walker.seen("strips") != first).any()
    steps, accuracy = walker.page.parts.curves.plots["accuracy"].data("accuracy")
    assert steps[-1] >= 120
    # Three potentials are told apart by chance once in three times.
    assert accuracy[2] < 40
    assert accuracy[-1] > 45
    # What was learned is walked along: a drag on a strip moves the picture.
    here = walker.picture()
    height, width = first.shape[:2]
    x, y = 0.8 * width, 0.2 * height
    QTest.mousePress(walker.strips, LEFT, pos=walker.strips.to_stage(x, y).toPoint())
    QTest.mouseMove(walker.strips, walker.strips.to_stage(x + 40, y).toPoint())
    walker.until(lambda: (walker.picture() != here).any())
    QTest.mouseRelease(walker.strips, LEFT, pos=walker.strips.to_stage(x + 40, y).toPoint())
    folder = walker.end()
    outputs = read_json(folder / "run.json")["outputs"]
    assert (folder / outputs["latents"]).is_file()


def test_a_method_asks_for_nothing_that_plays_no_part_in_it(walker: Walker) -> None:
    page, form = walker.page, walker.page.parts.input.form
    walker.until(lambda: "latent" in page.parts.input.foot.text())
    assert form.is_shown("generator")
    assert {"map", "picture"} <= set(walker.stage.keys())
    page.choose_method("traversal.latent_quantization")
    assert not any(form.is_shown(name) for name in ("generator", "start", "own"))
    assert form.is_shown("page.seed")
    # Before a run it shows what it will learn from, and says nothing of a generator.
    walker.until(lambda: walker.stage.keys() == ["picture"])
    assert walker.picture().shape == (2 * 32, 3 * 32, 3)
    walker.until(lambda: "known of every picture" in page.parts.input.foot.text())
    assert "latent" not in page.parts.input.foot.text()
    rooms = walker.picture()
    page.edits._on_knob("data", "sprites")
    walker.until(lambda: (walker.picture() != rooms).any())
    page.choose_method("traversal.map")
    assert form.is_shown("generator")
    walker.until(lambda: "map" in walker.stage.keys())  # noqa: SIM118
    assert "latent" in page.parts.input.foot.text()


def test_strips_and_curves_take_turns_where_there_is_no_room_for_both(walker: Walker) -> None:
    stage, curves, window = walker.stage, walker.page.parts.curves, walker.driver.window
    window.resize(1280, 800)
    walker.page.edits.set("problem:generator", "drawn")
    walker.begin("traversal.potential_flow", count=3, path=6, iterations=2)
    walker.until(lambda: walker.run.state == "idle")
    strips, other = stage._strips_tab, stage._curves_tab
    walker.until(strips.isVisible)
    assert walker.strips.isVisible()
    assert not curves.isVisible()
    assert walker.map.height() >= 250
    walker.driver.bot.mouseClick(other, LEFT)
    walker.until(curves.isVisible)
    assert not walker.strips.isVisible()
    assert other.isVisible()
    assert walker.page.parts.bar.isVisible()
    assert "strips" not in stage._strips.hint()
    # Chosen once, it stays chosen; with room for both there is nothing to choose.
    window.resize(1600, 1200)
    walker.until(lambda: walker.strips.isVisible() and curves.isVisible())
    assert not other.isVisible()
    window.resize(1280, 800)
    walker.until(lambda: not walker.strips.isVisible())
    walker.driver.bot.mouseClick(strips, LEFT)
    walker.until(walker.strips.isVisible)
    assert not curves.isVisible()
    walker.end()


def test_sliders_follow_strips_that_are_dragged_and_undo_takes_it_back(walker: Walker) -> None:
    page = walker.page
    page.edits.set("problem:generator", "drawn")
    walker.begin("traversal.directions", rows=3)
    walker.until(lambda: walker.run.state == "idle")
    here = walker.picture()
    row = page.parts.method.form.row("sliders.d2")
    assert row.value() == 0.0
    sheet = walker.seen("strips")
    height, width = sheet.shape[:2]
    x, y = 0.6 * width, 0.5 * height
    QTest.mousePress(walker.strips, LEFT, pos=walker.strips.to_stage(x, y).toPoint())
    QTest.mouseMove(walker.strips, walker.strips.to_stage(0.8 * width, y).toPoint())
    QTest.mouseRelease(walker.strips, LEFT, pos=walker.strips.to_stage(0.8 * width, y).toPoint())
    walker.until(lambda: row.value() > 1.0)
    walker.until(lambda: (walker.picture() != here).any())
    assert page.state.value("params:sliders.d2") == row.value()
    assert page.parts.method.form.row("sliders.d1").value() == 0.0
    # Another slider leaves it there.
    moved, there = row.value(), walker.picture()
    walker.turn("sliders.d1", 2.0)
    walker.until(lambda: (walker.picture() != there).any())
    assert row.value() == moved
    for _ in range(2):
        page.do("edit.undo", False)
    assert row.value() == 0.0
    walker.until(lambda: (walker.picture() == here).all())
    walker.end()


def test_directions_are_named_kept_and_found_again_under_another_name(walker: Walker) -> None:
    page = walker.page
    page.edits.set("problem:generator", "drawn")
    walker.begin("traversal.directions", rule="sefa", rows=2, names="Sideways, Upwards")
    walker.until(lambda: walker.run.state == "idle")
    seen = walker.seen("strips")
    folder = walker.end()
    kept = folder / read_json(folder / "run.json")["outputs"]["latents"]
    titles = [each["title"] for each in read_json(folder / "path.json")["directions"]]
    assert titles == ["Sideways", "Upwards"]

    walker.begin("traversal.directions", rule="kept", file=str(kept), names="Left to right")
    walker.until(lambda: walker.run.state == "idle")
    again = walker.seen("strips")
    assert again.shape == seen.shape
    # The same pictures, below other words.
    assert (again[:, LABEL:] == seen[:, LABEL:]).all()
    assert (again[:, :LABEL] != seen[:, :LABEL]).any()
    folder = walker.end()
    titles = [each["title"] for each in read_json(folder / "path.json")["directions"]]
    assert titles == ["Left to right", "Upwards"]


def test_key_frames_are_sorted_by_the_mouse(walker: Walker) -> None:
    walker.page.edits.set("problem:generator", "drawn")
    walker.begin("traversal.map", loop=False, way="line", press="key")
    walker.until(lambda: walker.run.state == "idle")
    for place in ((50, 200), (120, 60), (210, 200)):
        seen = walker.seen("map")
        QTest.mouseClick(walker.map, LEFT, pos=walker.at(*place))
        walker.until(lambda seen=seen: (walker.seen("map") != seen).any())

    def keys() -> list[Any]:
        sheet, side = walker.seen("strips"), at.side
        corners = [at.corner(0, k) for k in range(3)]
        return [
            sheet[top + 3 : top + side - 3, left + 3 : left + side - 3] for left, top in corners
        ]

    at = layout(2, ACROSS, 32)
    walker.until(lambda: walker.seen("strips").shape[:2] == (at.height, at.width))
    # The map comes before the strips: the last key-frame may still be an empty place there.
    walker.until(lambda: all((key != key[0, 0]).any() for key in keys()))
    one, two, three = keys()
    assert (one != two).any()
    middle = at.side / 2
    points = [walker.strips.to_stage(at.corner(0, k)[0] + middle, middle) for k in (0, 2)]
    start, end = (point.toPoint() for point in points)
    QTest.mousePress(walker.strips, LEFT, pos=start)
    QTest.mouseMove(walker.strips, (start + end) / 2)
    QTest.mouseMove(walker.strips, end)
    QTest.mouseRelease(walker.strips, LEFT, pos=end)
    walker.until(
        lambda: all((a == b).all() for a, b in zip(keys(), (two, three, one), strict=True))
    )
    walker.end()


def test_a_row_of_a_flow_plays_until_it_is_told_to_stand_still(walker: Walker) -> None:
    walker.page.edits.set("problem:generator", "drawn")
    walker.begin("traversal.potential_flow", count=2, path=6, iterations=12)
    walker.until(lambda: walker.run.state == "idle")
    walker.turn("play", 2)
    for _ in range(3):
        here = walker.picture()
        walker.until(lambda here=here: (walker.picture() != here).any())
    walker.turn("play", 0)
    walker.until(lambda: walker.run.state == "idle")
    walker.end()


def test_an_own_picture_is_found_by_a_gan_and_then_walked(walker: Walker) -> None:
    page = walker.page
    page.edits.set("problem:generator", "faces-gan")
    page.choose_input("picture", "sample:emoji-custard")
    told: list[float] = []
    walker.run.metrics.connect(
        lambda _step, values: told.append(values["own_psnr"]) if "own_psnr" in values else None
    )
    walker.begin("traversal.potential_flow", count=2, path=4, iterations=3, batch=8)
    walker.until(lambda: walker.run.state == "idle")
    # Step by step it came nearer; a GAN of faces never gets all the way.
    assert told[-1] > told[0] + 1
    both = walker.picture()
    side = both.shape[0]
    assert both.shape[1] > 2 * side - 2
    own = both[:, -side + 1 :]
    width = walker.seen("strips").shape[1]
    # Along a strip the generated one changes, and the own one stays for comparison.
    QTest.mouseClick(walker.strips, LEFT, pos=walker.strips.to_stage(0.85 * width, 20).toPoint())
    walker.until(lambda: (walker.picture() != both).any())
    assert (walker.picture()[:, -side + 1 :] == own).all()
    folder = walker.end()
    assert read_json(folder / "run.json")["inputs"]["picture"]


def test_a_picture_of_ones_own_can_be_taken_away_again(walker: Walker) -> None:
    """By its link, and by another press on it."""
    page, inputs = walker.page, walker.page.parts.input
    samples, without = inputs.samples("picture"), inputs._without["picture"]
    assert not without.isVisible()
    picture = next(p for p in samples._pictures.values() if p.isVisible())
    for taken in (without, picture):
        walker.driver.bot.mouseClick(picture, LEFT)
        assert page.state.inputs["picture"] == picture.objectName()
        assert picture.isChecked()
        assert without.isVisible()
        walker.driver.bot.mouseClick(taken, LEFT)
        assert page.state.inputs["picture"] == ""
        assert not picture.isChecked()
        assert not without.isVisible()


def test_another_method_does_not_keep_the_pictures_of_the_one_before(walker: Walker) -> None:
    walker.page.edits.set("problem:generator", "drawn")
    walker.begin("traversal.map")
    walker.until(lambda: walker.run.state == "idle")
    walker.end()
    there = walker.stage.keys()
    assert "map" in there
    walker.page.choose_method("traversal.latent_quantization")
    walker.until(lambda: walker.page.desk.shown is None)
    assert walker.stage._map.hint() == ""
    # Back again, what the run had shown is gone, and the map is drawn anew.
    walker.page.choose_method("traversal.map")
    walker.until(lambda: "map" in walker.stage.keys())  # noqa: SIM118
