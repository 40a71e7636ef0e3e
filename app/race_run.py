"""Several runs on one problem, steered as one: together step by step, or one after another.

Each lane is an ordinary run with a folder of its own, so that the history keeps it like any
other. The race knows which lanes there are, which still wait, and what all of them are up to.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal, Slot

from app.run_controller import ACTIVE, RunController, new_folder
from app.run_row import read_folder
from engine.messages import RunRequest

if TYPE_CHECKING:
    from app.engine_client import EngineClient

#: What the race is, from what any of its lanes is: the first of these.
_FIRST = ("stopping", "running", "preparing", "idle", "paused")
_ENDED = ("interrupted", "cancelled")
_HALTED = frozenset({"interrupted", "cancelled", "waiting"})


class Lane(RunController):
    """The run of one method. ``waiting`` until its turn comes."""

    def __init__(self, client: EngineClient, parent: QObject) -> None:
        super().__init__(client, parent)
        #: Seconds of computing of its own, without the turns of the others.
        self.computed = 0.0

    @property
    def method(self) -> str:
        """The id of its method."""
        return self.request.method if self.request is not None else ""

    def line_up(self, request: RunRequest, folder: Path) -> None:
        """Wait with this request for ``go``; a run that is going on is cancelled."""
        self.leave()
        self.request, self.folder, self.job = request, folder, ""
        self.last_progress, self.values, self.computed = None, {}, 0.0
        self._become("waiting")

    def go(self) -> None:
        """Start, or go on from what the folder holds.

        Raises:
            OSError: the folder cannot be made.
        """
        if self.request is None or self.folder is None:
            return
        if (self.folder / "request.json").is_file():
            reached = self.last_progress
            self.resume()
            # Until it says more, it is as far as it was.
            self.last_progress = reached
        else:
            self.start(self.request, self.folder)

    def take(self, state: str) -> None:
        """Say what an earlier window left of it."""
        self._become(state)


class RaceRun(QObject):
    """The lanes of one page's race. Signals name the lane that they come from."""

    changed = Signal()
    #: Whether it goes on from where it was halted.
    started = Signal(bool)
    progress = Signal(object)
    metrics = Signal(object, int, object)
    curves = Signal(object, object)
    frame = Signal(object, str, object, int, bool)
    failed = Signal(object, object)
    unsaved = Signal(object, str)
    interrupted = Signal(object)
    stuck = Signal()
    freed = Signal()
    #: The last lane is over.
    ended = Signal()

    def __init__(self, client: EngineClient, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._client = client
        self._spare: list[Lane] = []
        #: In the order of the page.
        self.lanes: list[Lane] = []
        self.together = True
        #: No single request stands for a race.
        self.request: RunRequest | None = None
        self.folder: Path | None = None
        self.text = ""
        self.failed_field = ""

    @property
    def state(self) -> str:
        """One word for all lanes, as ``RunController.state``."""
        states = [lane.state for lane in self.lanes]
        for name in _FIRST:
            if name in states:
                return name
        for name in _ENDED:
            if name in states:
                return name
        if not states:
            return "none"
        if "waiting" in states:
            return "cancelled"
        return "finished" if "finished" in states else "failed"

    @property
    def active(self) -> bool:
        """Whether a lane computes, or is about to."""
        return any(lane.state in ACTIVE for lane in self.lanes)

    @property
    def resumable(self) -> bool:
        """Whether lanes were halted before their end."""
        return any(lane.state in _HALTED for lane in self.lanes) and not self.active

    @property
    def share(self) -> float:
        """How much of it is done, 0..1, as far as that can be known."""
        return sum(lane.share for lane in self.lanes) / max(1, len(self.lanes))

    @property
    def folders(self) -> list[Path]:
        """The folders of the lanes that left something."""
        found = [lane.folder for lane in self.lanes if lane.state in ("finished", "cancelled")]
        return [folder for folder in found if folder is not None and folder.is_dir()]

    def start(self, requests: Sequence[RunRequest], runs: Path, *, together: bool) -> None:
        """Race ``requests``; a race that is going on is cancelled first.

        Raises:
            OSError: a folder cannot be made.
        """
        self._line_up([(request, new_folder(runs, request.method)) for request in requests])
        self.together = together
        self.started.emit(False)
        self._next()

    def forget(self) -> None:
        """Let go of the lanes of a race that is over."""
        self._line_up([])

    def adopt(self, runs: Iterable[tuple[RunRequest, Path]], *, together: bool) -> None:
        """Offer to resume a race that an earlier window left behind."""
        self._line_up(runs)
        self.together = together
        for lane in self.lanes:
            row = read_folder(lane.folder) if lane.folder and lane.folder.is_dir() else None
            if row is not None:
                lane.take(row.shown_status)
        self.changed.emit()

    def resume(self) -> None:
        """Go on with every lane that was halted.

        Raises:
            OSError: a folder cannot be made.
        """
        halted = [lane for lane in self.lanes if lane.state in _HALTED]
        for lane in halted:
            lane.take("waiting")
        if halted:
            self.started.emit(True)
            self._next()

    def pause(self) -> None:
        """Stop every lane after its present step."""
        for lane in self.lanes:
            lane.pause()

    def go_on(self) -> None:
        """Continue after a pause."""
        for lane in self.lanes:
            lane.go_on()

    def step(self) -> None:
        """One step of every lane, then pause."""
        for lane in self.lanes:
            lane.step()

    def cancel(self) -> None:
        """Stop all; what was reached is kept, and what waits does not begin."""
        for lane in self.lanes:
            lane.cancel()

    def force_stop(self) -> None:
        """Stop lanes that do not answer by ending their process."""
        for lane in self.lanes:
            if lane.state == "stopping":
                lane.force_stop()

    def tune(self, values: dict[str, Any]) -> None:
        """Knobs stay as they are in a race."""

    # --- inside --------------------------------------------------------------------------

    def _line_up(self, runs: Iterable[tuple[RunRequest, Path]]) -> None:
        self._spare, self.lanes = [*self._spare, *self.lanes], []
        for request, folder in runs:
            lane = self._spare.pop(0) if self._spare else self._made()
            self.lanes.append(lane)
            lane.line_up(request, folder)
        for lane in self._spare:
            lane.leave()

    def _made(self) -> Lane:
        lane = Lane(self._client, self)
        lane.changed.connect(self._on_changed)
        lane.progress.connect(self._on_progress)
        lane.metrics.connect(self._on_metrics)
        lane.curves.connect(self._on_curves)
        lane.frame.connect(self._on_frame)
        lane.failed.connect(self._on_failed)
        lane.unsaved.connect(self._on_unsaved)
        lane.interrupted.connect(self.interrupted)
        lane.stuck.connect(self.stuck)
        lane.freed.connect(self.freed)
        lane.ended.connect(self._on_ended)
        return lane

    def _next(self) -> None:
        """Let begin what may begin now: all, or the first that waits."""
        waiting = [lane for lane in self.lanes if lane.state == "waiting"]
        for lane in waiting if self.together else waiting[:1]:
            lane.go()

    def _sender(self) -> Lane | None:
        """The lane of this race that is heard; None for one of the race before."""
        lane = self.sender()
        return lane if isinstance(lane, Lane) and lane in self.lanes else None

    @Slot()
    def _on_changed(self) -> None:
        if self._sender() is not None:
            self.changed.emit()

    @Slot(object)
    def _on_progress(self, event: Any) -> None:
        if (lane := self._sender()) is not None:
            lane.computed = event.computed
            self.progress.emit(lane)

    @Slot(int, object)
    def _on_metrics(self, step: int, values: object) -> None:
        if (lane := self._sender()) is not None:
            self.metrics.emit(lane, step, values)

    @Slot(object)
    def _on_curves(self, curves: object) -> None:
        if (lane := self._sender()) is not None:
            self.curves.emit(lane, curves)

    @Slot(str, object, int, bool)
    def _on_frame(self, panel: str, array: object, step: int, final: bool) -> None:
        if (lane := self._sender()) is not None:
            self.frame.emit(lane, panel, array, step, final)

    @Slot(object)
    def _on_failed(self, event: object) -> None:
        if (lane := self._sender()) is not None:
            self.failed.emit(lane, event)

    @Slot(str)
    def _on_unsaved(self, text: str) -> None:
        if (lane := self._sender()) is not None:
            self.unsaved.emit(lane, text)

    @Slot(str)
    def _on_ended(self, _folder: str) -> None:
        lane = self._sender()
        if lane is None:
            return
        # Once cancelled, what waits stays where it is.
        if lane.state in ("finished", "failed") and not self.together:
            self._begin_next(lane)
        if not self.active:
            self.ended.emit()

    def _begin_next(self, lane: Lane) -> None:
        try:
            self._next()
        except OSError as error:
            self.unsaved.emit(lane, str(error))
