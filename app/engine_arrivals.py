"""What the threads of an engine bring, handled in the GUI thread in short turns."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot

from app.engine_line import Line
from engine.messages import Event

#: One turn of the event loop handles messages for at most this long (seconds).
TURN = 0.008
#: With more messages waiting the line is left to fill; the engine then keeps the rest.
MOST_WAITING = 5000

#: An event, the end of the line, or what could not be understood, in words.
Message = Event | Exception | str


class Arrivals(QObject):
    """Messages on their way. ``take(line, message)`` and ``turn()`` are called in the GUI thread.

    ``turn`` comes at the begin of every turn, with or without messages.
    """

    _arrived = Signal()

    def __init__(
        self, take: Callable[[Line, Message], None], turn: Callable[[], None], parent: QObject
    ) -> None:
        super().__init__(parent)
        self._take, self._turn = take, turn
        self._waiting: deque[tuple[Line, Message]] = deque()
        self._woken = False
        self._arrived.connect(self.drain, Qt.ConnectionType.QueuedConnection)
        self._again = QTimer(self, singleShot=True, interval=0)
        self._again.timeout.connect(self.drain)

    def put(self, line: Line, message: Message) -> None:
        """Add a message. From the reading thread."""
        self._waiting.append((line, message))
        if len(self._waiting) >= MOST_WAITING:
            line.room.clear()
        self.wake()

    def wake(self) -> None:
        """Have a turn soon. Any thread."""
        if not self._woken:
            self._woken = True
            self._arrived.emit()

    def rest(self) -> list[Message]:
        """Everything that still waits, in order; nothing waits then."""
        left = [message for _, message in self._waiting]
        self._waiting.clear()
        return left

    @Slot()
    def drain(self) -> None:
        """Handle what waits, for a turn; the rest comes in the next one."""
        self._woken = False
        self._turn()
        until = time.perf_counter() + TURN
        line = None
        while self._waiting:
            line, message = self._waiting.popleft()
            self._take(line, message)
            if time.perf_counter() > until:
                self._again.start()
                break
        if line is not None and len(self._waiting) < MOST_WAITING // 2:
            line.room.set()
