"""How the picture follows a finger on the map, end to end: mouse, engine, and what is painted.

    python tests/benchmarks/map_drag.py [--seconds 8] [--load METHOD]

The real window on a screen of its own runs the map of the traversal bench, and a mouse goes
around in circles on it, 125 events a second. A picture counts when it is painted; its age is the
time since the mouse was where it belongs to. First nothing else runs, then a training (or another
run of many steps) computes as well; its steps a second are compared with those that it takes alone.
Exit code 1 where fewer pictures are painted than the bars ask for.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from _common import CannotRun, fresh_home, screen, table, until

#: Pictures a second with nothing else running, and beside a training; its least share of its speed.
ALONE, BESIDE, SHARE = 30.0, 15.0, 0.10
#: Milliseconds between two events of the mouse, and seconds of one circle.
MOUSE_MS, CIRCLE = 8, 2.0
#: Seconds within which a move may have been sent too late for the picture that comes now.
FRESH = 0.016


class Hand:
    """A mouse on the map of a page, and what is painted of it."""

    def __init__(self, page: Any) -> None:
        from PySide6.QtCore import QEvent, QObject

        self.map, self.picture = page.parts.stage._map.stage, page.parts.stage.stage
        self.run = page.desk.run
        self.ages: list[float] = []
        self.sent = 0
        #: When the mouse was where the moves are whose pictures are still to come, and where the
        #: picture belongs that has come and is not painted yet.
        self._asked: list[float] = []
        self._came = 0.0
        point = self.run.point

        def told(event: Any) -> None:
            self.sent += 1
            self._asked.append(event.seconds)
            point(event)

        self.run.point = told
        self.run.frame.connect(self._on_frame)
        hand = self

        class Watcher(QObject):
            def eventFilter(self, watched: QObject, event: QEvent) -> bool:
                if event.type() == QEvent.Type.Paint and hand._came:
                    hand.ages.append(time.monotonic() - hand._came)
                    hand._came = 0.0
                return False

        self._watcher = Watcher(self.picture)
        self.picture.installEventFilter(self._watcher)

    def _on_frame(self, panel: str, *_more: object) -> None:
        if panel == "picture" and self._asked:
            # A picture answers the oldest move and all that waited with it; the newest may have
            # been sent while it was on its way.
            self._came = self._asked[0]
            self._asked = [t for t in self._asked[1:] if t > time.monotonic() - FRESH]

    def circle(self, seconds: float) -> tuple[float, list[float]]:
        """Drag for so long; moves sent a second, and the ages of the pictures painted."""
        from PySide6.QtCore import QEventLoop, QPointF, Qt, QTimer

        stage = self.map
        width, height = stage.model.frame
        middle = stage.to_stage(width / 2, height / 2)
        radius = 0.3 * (stage.to_stage(width, 0).x() - stage.to_stage(0, 0).x())
        loop, began = QEventLoop(), time.monotonic()
        self.ages.clear()
        self._asked.clear()
        self.sent = 0

        def at() -> QPointF:
            turn = 2 * math.pi * (time.monotonic() - began) / CIRCLE
            return middle + QPointF(radius * math.cos(turn), radius * math.sin(turn))

        def tick() -> None:
            if time.monotonic() - began > seconds:
                loop.quit()
            else:
                _mouse(stage, "MouseMove", at())

        _mouse(stage, "MouseButtonPress", at())
        timer = QTimer(interval=MOUSE_MS, timerType=Qt.TimerType.PreciseTimer)
        timer.timeout.connect(tick)
        timer.start()
        loop.exec()
        timer.stop()
        # At rest before it is let go: nothing glides on.
        _mouse(stage, "MouseButtonRelease", at())
        return self.sent / seconds, list(self.ages)


def _mouse(stage: Any, kind: str, at: Any) -> None:
    from PySide6.QtCore import QEvent, QPointF, Qt
    from PySide6.QtGui import QMouseEvent
    from PySide6.QtWidgets import QApplication

    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    moves = kind == "MouseMove"
    event = QMouseEvent(
        getattr(QEvent.Type, kind),
        at,
        QPointF(stage.mapToGlobal(at)),
        none if moves else left,
        none if kind == "MouseButtonRelease" else left,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(stage, event)


class Load:
    """A run of many steps beside the map's."""

    def __init__(self, client: Any, method: str, priority: str, folder: Path) -> None:
        from engine.messages import JobState, Progress, RunRequest

        self._client, self._job, self.state = client, "", ""
        self.steps = 0
        self._kinds = (JobState, Progress)
        request = RunRequest(
            method=method,
            inputs={"picture": "sample:astronaut"} if method.startswith("restoration") else {},
        )
        client.event.connect(self._on_event)
        self._job = client.start_job(request, folder, priority=priority)
        until(lambda: self.steps > 0 or self.over, f"the first step of {method}")

    @property
    def over(self) -> bool:
        return self.state in ("finished", "cancelled", "failed")

    def _on_event(self, event: Any) -> None:
        state, progress = self._kinds
        if getattr(event, "job", "") != self._job:
            return
        if isinstance(event, state):
            self.state = event.state
        elif isinstance(event, progress):
            self.steps = event.step

    def rate(self, seconds: float, meanwhile: Any) -> float:
        """Steps a second while ``meanwhile`` is done."""
        before, began = self.steps, time.monotonic()
        meanwhile(seconds)
        if self.over:
            raise CannotRun("the run beside the map ended too early; take one of more steps")
        return (self.steps - before) / (time.monotonic() - began)

    def end(self) -> None:
        self._client.control(self._job, "cancel")
        until(lambda: self.over, "the end of the run beside the map")


def rest(seconds: float) -> None:
    from PySide6.QtCore import QEventLoop, QTimer

    loop = QEventLoop()
    QTimer.singleShot(round(1000 * seconds), loop.quit)
    loop.exec()


def begin(window: Any) -> Any:
    """The map of the traversal bench waits for a finger."""
    window.show_page("traversal")
    page = window.bench("traversal")
    until(lambda: "map" in page.parts.stage.keys(), "the preview")  # noqa: SIM118
    page.choose_method("traversal.map")
    until(page.parts.bar.primary.isEnabled, "the run button")
    page.parts.bar.primary.click()
    until(lambda: page.desk.run.state == "idle" and page.desk.shown, "the first picture")
    rest(1.0)
    return page


class Way(NamedTuple):
    """One way to drag: moves a second, how old the pictures were, and the run beside it, its steps
    a second alone and the share of them that it kept.
    """

    name: str
    moves: float
    ages: list[float]
    own: float = 0.0
    share: float = math.nan


def measure(args: argparse.Namespace, home: Path) -> list[Way]:
    """Drag with nothing else going on, then beside a run of each kind."""
    from app import application

    window = application.open_window(application.create(["priorbench"]))
    window.resize(1280, 800)
    window.show()
    window.begin()
    found: list[Way] = []
    try:
        page = begin(window)
        hand = Hand(page)
        hand.circle(1.0)
        found.append(Way("nothing else runs", *hand.circle(args.seconds)))
        for priority in ("training", "run"):
            load = Load(window.client, args.load, priority, home / priority)
            own = load.rate(args.seconds, rest)
            dragged: list[Any] = []

            def drag(seconds: float, dragged: list[Any] = dragged) -> None:
                dragged.append(hand.circle(seconds))

            share = load.rate(args.seconds, drag) / own
            found.append(Way(f"{args.load} as {priority}", *dragged[0], own, share))
            load.end()
    finally:
        run = window.bench("traversal").desk.run
        run.cancel()
        until(lambda: not run.active, "the end of the run")
        window.close()
        window.deleteLater()
    return found


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--load", default="traversal.latent_quantization", help="a method")
    args = parser.parse_args(argv)
    try:
        with screen(), fresh_home() as home:
            found = measure(args, home)
    except CannotRun as error:
        print(error, file=sys.stderr)
        return 2
    rows = []
    good = True
    for way in found:
        rate, alone = len(way.ages) / args.seconds, math.isnan(way.share)
        good &= rate >= (ALONE if alone else BESIDE) and (alone or way.share >= SHARE)
        ages = sorted(way.ages) or [math.nan]
        rows.append(
            (
                way.name,
                f"{way.moves:.0f}",
                f"{rate:.1f}",
                f"{1000 * median(ages):.0f}",
                f"{1000 * ages[int(0.95 * (len(ages) - 1))]:.0f}",
                "" if alone else f"{way.own:.1f}",
                "" if alone else f"{100 * way.share:.0f} %",
            )
        )
    head = ("moves/s", "pictures/s", "age ms", "95 % ms", "its steps/s alone", "kept of it")
    table(("beside the drag", *head), rows)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
