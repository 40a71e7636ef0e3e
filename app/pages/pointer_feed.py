"""What a person does on a picture, on its way to the run that drew it.

Presses and releases are sent at once. Of moves the newest waits until the one before was
answered and a refresh of the screen has passed, and so do arrow keys, which add up: a run that
is slower than the hand gets fewer of them, and never works off a queue.
"""

from __future__ import annotations

from PySide6.QtCore import QElapsedTimer, QObject, Qt, QTimer, Slot

from app.run_controller import RunController
from engine.messages import Nudge, Pointer

#: Milliseconds between two moves at least.
FRAME_MS = 16
#: A move that changes nothing has no answer; the next one waits so long at most.
PATIENCE_MS = 100


class PointerFeed(QObject):
    """Sends pointer events to one run, moves no faster than it answers."""

    def __init__(self, run: RunController, parent: QObject) -> None:
        super().__init__(parent)
        self._run = run
        self._newest: Pointer | Nudge | None = None
        self._sent = QElapsedTimer()
        self._answered = True
        #: What the step that is being told has told so far: panels, and '' for its numbers.
        self._told: set[str] = set()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._send_newest)
        run.frame.connect(self._on_frame)
        run.metrics.connect(self._on_metrics)

    @Slot(object)
    def take(self, event: Pointer | Nudge) -> None:
        """Something was done on a picture."""
        if isinstance(event, Nudge):
            self._nudge(event)
        elif event.phase == "move":
            if isinstance(self._newest, Nudge):
                self._send_newest()
            self._newest = event
            self._send_when_due()
        else:
            # The last move comes before the release that ends it.
            self._send_newest()
            self._run.point(event)

    def _nudge(self, event: Nudge) -> None:
        before = self._newest
        if isinstance(before, Nudge) and before.panel == event.panel:
            event = Nudge(event.panel, before.dx + event.dx, before.dy + event.dy)
        elif before is not None:
            self._send_newest()
        self._newest = event
        self._send_when_due()

    def _send_when_due(self) -> None:
        if self._newest is None:
            return
        gap = FRAME_MS if self._answered else PATIENCE_MS
        wait = gap - self._sent.elapsed() if self._sent.isValid() else 0
        if wait <= 0:
            self._send_newest()
        else:
            self._timer.start(wait)

    @Slot()
    def _send_newest(self) -> None:
        self._timer.stop()
        event, self._newest = self._newest, None
        if event is not None:
            self._answered = False
            self._sent.restart()
            self._run.point(event)

    @Slot(str)
    def _on_frame(self, panel: str) -> None:
        self._hear(panel)

    @Slot()
    def _on_metrics(self) -> None:
        self._hear("")

    def _hear(self, what: str) -> None:
        """A step tells each thing once: what was told before is of the next step, an answer."""
        if what not in self._told:
            self._told.add(what)
            return
        self._told = {what}
        if not self._answered:
            self._answered = True
            self._send_when_due()
