"""A bench that is explored, through the real window: drag on the map, the picture follows."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from PySide6.QtCore import QObject, QPoint, Qt, Signal
from PySide6.QtTest import QTest

from app import engine_cli
from app.pages.pointer_feed import PointerFeed
from app.run_row import read_folder, read_json
from engine.catalogue import Catalogue, PanelSpec, ScaleSpec
from engine.messages import Nudge, Pointer

PLUGIN = Path(__file__).parent / "plugin"
LEFT = Qt.MouseButton.LeftButton
MAP, SHADE = 200, 51


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    """What is installed, with the land."""
    paths = os.pathsep.join([engine_cli.environment()["PYTHONPATH"], str(PLUGIN)])
    done = subprocess.run(
        engine_cli.command("catalogue"),
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        check=True,
    )
    return msgspec.json.decode(done.stdout, type=Catalogue)


@pytest.fixture(autouse=True)
def land(monkeypatch: pytest.MonkeyPatch) -> None:
    """The land is installed here, and in engines started from here."""
    monkeypatch.syspath_prepend(str(PLUGIN))


class Explorer:
    """A person on the page of the land."""

    def __init__(self, driver: Any) -> None:
        self.driver, self.until = driver, driver.until
        driver.window.show_page("land")
        self.page = driver.window.bench("land")
        self.stage = self.page.parts.stage
        self.map = self.stage._map.stage
        self.picture = self.stage.stage

    @property
    def run(self) -> Any:
        return self.page.desk.run

    def begin(self, method: str = "land.walk") -> None:
        self.page.choose_method(method)
        button = self.page.parts.bar.primary
        self.until(button.isEnabled)
        self.driver.bot.mouseClick(button, LEFT)
        self.until(lambda: self.run.state in ("idle", "running"))
        self.until(lambda: self.page.desk.shown is not None)

    def at(self, x: float, y: float) -> QPoint:
        """The point of the map's pane that shows a pixel of the map."""
        return self.map.to_stage(x, y).toPoint()

    def color(self) -> tuple[int, ...]:
        """What the picture shows."""
        return tuple(self.picture.picture("picture")[8, 8].tolist())

    def end(self) -> None:
        self.run.cancel()
        self.until(lambda: not self.run.active)


def of(point: QPoint, explorer: Explorer) -> tuple[float, float]:
    """The place on the map, 0..1, under a point of its pane."""
    placement = explorer.map.placement(explorer.map.panes()[0])
    x, y = placement.to_picture(point.x(), point.y())
    return x / MAP, y / MAP


def test_the_picture_follows_the_finger_on_the_map(driver: Any, qtbot: Any) -> None:
    explorer = Explorer(driver)
    page, stage, bar = explorer.page, explorer.stage, explorer.page.parts.bar
    explorer.until(stage.keys)
    assert "Press Run" in stage._map.hint()
    explorer.begin()
    explorer.until(lambda: explorer.run.state == "idle")
    assert bar.label.text() == "Waiting for you"
    assert stage._map.hint() == "Drag on it"
    start = driver.window.client._jobs[explorer.run.job].start
    assert start.priority == "interactive"

    QTest.mousePress(explorer.map, LEFT, pos=explorer.at(50, 50))
    for place in ((60, 60), (120, 90), (150, 30)):
        QTest.mouseMove(explorer.map, explorer.at(*place))
        there = of(explorer.at(*place), explorer)
        wanted = (255 * there[0], 255 * there[1], SHADE)
        explorer.until(lambda wanted=wanted: np.allclose(explorer.color(), wanted, atol=2))
    assert explorer.map.cursor().shape() == Qt.CursorShape.SizeAllCursor
    QTest.mouseRelease(explorer.map, LEFT, pos=explorer.at(150, 30))
    assert "strips" in stage.keys()  # noqa: SIM118 - a method, not a mapping
    assert explorer.map.is_fitting()

    # Paused, a drag moves nothing; it is not heard later either.
    explorer.run.pause()
    explorer.until(lambda: explorer.run.state == "paused")
    assert not stage._map.hint()
    before = explorer.color()
    QTest.mouseClick(explorer.map, LEFT, pos=explorer.at(10, 190))
    qtbot.mouseClick(bar.primary, LEFT)
    explorer.until(lambda: explorer.run.state == "idle")
    assert explorer.color() == before

    # Arrow keys move on from where one is, by a fortieth of the map each.
    explorer.map.setFocus()
    for _ in range(4):
        qtbot.keyClick(explorer.map, Qt.Key.Key_Down)
    explorer.until(lambda: abs(explorer.color()[1] - before[1] - 25.5) <= 1)
    assert explorer.color()[0] == before[0]

    qtbot.mouseClick(bar.primary, LEFT)
    explorer.until(lambda: not explorer.run.active)
    assert explorer.run.state == "finished"
    record = read_json(explorer.run.folder / "run.json")
    events = [(kind, value) for _, kind, value in record["events"]]
    phases = [value["phase"] for kind, value in events if kind == "pointer"]
    assert phases == ["press", "move", "move", "move", "release"]
    assert sum(value["dy"] for kind, value in events if kind == "nudge") == pytest.approx(20)
    times = [value["seconds"] for kind, value in events if kind == "pointer"]
    assert times == sorted(times)
    assert times[0] < times[-1]

    # In the history, every picture comes back to its own place.
    shown = {key: stage._pane(key).stage.picture(key) for key in stage.keys()}  # noqa: SIM118
    stage.show_pictures({})
    page.kept.reopen(read_folder(explorer.run.folder))
    assert set(stage.keys()) == {"map", "picture", "strips"}
    assert all((stage._pane(k).stage.picture(k) == a).all() for k, a in shown.items())


def test_a_run_that_computes_is_steered_on_its_map_too(driver: Any, qtbot: Any) -> None:
    explorer = Explorer(driver)
    stage = explorer.stage
    explorer.begin("land.survey")
    assert driver.window.client._jobs[explorer.run.job].start.priority == "run"
    explorer.until(lambda: "counts" in stage.keys())  # noqa: SIM118
    for place in ((5, 5), (195, 195)):
        QTest.mouseClick(explorer.map, LEFT, pos=explorer.at(*place))
        far = 255 if place[0] > 100 else 0
        explorer.until(lambda far=far: abs(explorer.color()[0] - far) < 60)
    # What only the method shows stands where the map is, and can be chosen.
    tabs = stage._map._tabs
    assert list(tabs) == ["map", "counts"]
    assert explorer.map.model.pane_keys() == ["map"]
    qtbot.mouseClick(tabs["counts"], LEFT)
    assert explorer.map.model.pane_keys() == ["counts"]
    assert not stage._map.hint()
    explorer.page.do("edit.undo", False)
    assert explorer.map.model.pane_keys() == ["map"]
    explorer.end()
    explorer.page.choose_method("land.walk")
    assert "counts" not in stage.keys()  # noqa: SIM118


def test_a_picture_that_says_nothing_under_the_knobs_is_not_shown(
    open_window: Callable[..., Any],
) -> None:
    stage = Explorer(open_window(engine=False)).stage
    gray, numbers = np.zeros((16, 16, 3), np.uint8), np.zeros((16, 16), np.float32)
    own = PanelSpec(
        name="spread",
        title="Spread of {samples}",
        kind="image",
        when={"samples": [2, 3]},
        scale=ScaleSpec(),
    )
    stage.set_method([own])
    for samples, keys in ((1, {"map"}), (2, {"map", "spread"}), (3, {"map", "spread"})):
        stage.expect(["map", "spread"], {"samples": samples})
        stage.show_frame("map", gray, 1)
        stage.show_frame("spread", numbers, 1)
        assert set(stage.keys()) == keys
    assert stage._map._tabs["spread"].text() == "Spread of 3"
    stage.expect(["map", "spread"], {"samples": 1})
    assert stage.keys() == ["map"]
    stage.show_pictures({"map": gray, "spread": numbers})
    assert stage.keys() == ["map"]


def test_what_is_not_there_takes_no_room(open_window: Callable[..., Any]) -> None:
    driver = open_window(engine=False)
    explorer = Explorer(driver)
    stage, gray = explorer.stage, np.zeros((16, 16, 3), np.uint8)
    panes = {"map": stage._map, "picture": stage._picture, "strips": stage._strips}

    def seen() -> set[str]:
        return {name for name, pane in panes.items() if pane.isVisible()}

    # Without anything the place of the picture says what is going on.
    assert seen() == {"picture"}
    stage.show_pictures({"map": gray, "picture": gray})
    assert seen() == {"map", "picture"}
    driver.until(lambda: panes["map"].height() == stage.height())
    stage.show_frame("strips", gray, 1)
    assert seen() == {"map", "picture", "strips"}
    driver.until(lambda: panes["strips"].width() == stage.width())
    driver.until(lambda: panes["map"].geometry().right() < panes["picture"].x())
    # Strips are as high as their length allows, and no higher than map and picture.
    driver.until(lambda: abs(panes["strips"].height() - panes["map"].height()) < 12)
    stage.show_frame("strips", np.zeros((16, 160, 3), np.uint8), 2)
    driver.until(lambda: panes["strips"].height() < stage.height() / 4)
    stage.show_pictures({"strips": gray})
    assert seen() == {"strips"}
    driver.until(lambda: panes["strips"].height() == stage.height())

    # Neither wipe nor difference nor race is offered, and what was arranged is remembered.
    window, page = driver.window, explorer.page
    for action in ("view.wipe", "view.side", "view.difference", "run.race"):
        assert not window.actions_[action].isEnabled()
    assert "run.race" not in page.heading().actions
    stage.show_pictures({"map": gray, "picture": gray})
    across = stage.splitters[0]
    handle, middle = across.handle(1), across.handle(1).rect().center()
    assert abs(across.sizes()[0] - across.sizes()[1]) <= 1
    QTest.mousePress(handle, LEFT, pos=middle)
    QTest.mouseMove(handle, middle - QPoint(120, 0))
    QTest.mouseRelease(handle, LEFT, pos=middle)
    dragged, kept = across.sizes(), page.area.layout_text()
    assert dragged[1] - dragged[0] > 200
    page.area.reset()
    assert abs(across.sizes()[0] - across.sizes()[1]) <= 1
    page.area.restore(kept)
    assert across.sizes() == dragged


class SlowRun(QObject):
    """A run that answers when the test says so."""

    frame = Signal(str, object, int, bool)
    metrics = Signal(int, object)

    def __init__(self) -> None:
        super().__init__()
        self.told: list[Any] = []

    def point(self, event: Any) -> None:
        self.told.append(event)


def test_moves_never_wait_in_a_queue_and_presses_are_never_lost(
    qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.pages.pointer_feed.PATIENCE_MS", 1_000_000)
    run = SlowRun()
    feed = PointerFeed(run, run)

    def do(phase: str, x: float) -> None:
        feed.take(Pointer("map", phase, x, 0.0))

    def told() -> list[tuple[str, float]]:
        return [(event.phase, event.x) for event in run.told]

    def step(*parts: str) -> None:
        for part in parts:
            run.frame.emit(part, None, 1, False) if part else run.metrics.emit(1, {})

    step("", "map")
    do("press", 0)
    for x in range(1, 100):
        do("move", x)
    # The first is on its way, and of all others the newest waits for its answer; what the step
    # before still has to tell is none.
    assert told() == [("press", 0), ("move", 1)]
    step("picture", "strips")
    assert feed._timer.remainingTime() > 1000
    assert len(run.told) == 2
    step("map", "picture")
    qtbot.waitUntil(lambda: len(run.told) == 3)
    assert told()[-1] == ("move", 99)
    # What waits goes before the release, which does not wait.
    do("move", 100)
    do("release", 101)
    do("press", 5)
    assert told()[3:] == [("move", 100), ("release", 101), ("press", 5)]
    step("map", "picture")
    assert len(run.told) == 6
    # A move that changes nothing is not answered, and the next one goes all the same.
    monkeypatch.setattr("app.pages.pointer_feed.PATIENCE_MS", 1)
    do("move", 6)
    do("move", 7)
    qtbot.waitUntil(lambda: told()[-1] == ("move", 7))
    # Arrow keys add up while they wait, and stay in order with everything else.
    monkeypatch.setattr("app.pages.pointer_feed.PATIENCE_MS", 1_000_000)
    del run.told[:]
    for _ in range(3):
        feed.take(Nudge("map", 2.0, -1.0))
    do("press", 8)
    do("move", 9)
    feed.take(Nudge("map", 1.0, 0.0))
    do("release", 9)
    kinds = [event.dx if isinstance(event, Nudge) else event.phase for event in run.told]
    assert kinds == [6.0, "press", "move", 1.0, "release"]
