"""What an engine writes to its output streams, on its way to the log file and the drawer."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

from PySide6.QtCore import QCoreApplication

from app.engine_line import file_log
from engine.messages import Log

#: Lines of one output stream shown in a second; more go to the log file only.
MOST_LINES = 500


class Output:
    """Lines of output: all of them into the file, not too many of them before a person.

    ``path`` is the log file, None for none. ``wake`` is called, from the threads that read
    the streams, when there is something to show.
    """

    def __init__(self, path: Path | None, wake: Callable[[], None]) -> None:
        self._log = file_log(path)
        self._wake = wake
        self._lines: deque[Log] = deque()
        self._heard: dict[str, tuple[int, int]] = {}
        self._unshown = 0

    def hear(self, stream: str, text: str) -> None:
        """Take a line. Called from the threads that read the output streams."""
        self._log.info("%s: %s", stream, text)
        second = int(time.monotonic())
        before, count = self._heard.get(stream, (second, 0))
        count = count + 1 if before == second else 1
        self._heard[stream] = second, count
        if count <= MOST_LINES:
            level: Literal["info", "warning"] = "warning" if stream == "stderr" else "info"
            self._lines.append(Log(level=level, text=text, source=stream))
            self._wake()
        else:
            self._unshown += 1

    def lines(self) -> Iterator[Log]:
        """The lines that came since the last call."""
        for _ in range(len(self._lines)):
            yield self._lines.popleft()

    def unshown(self) -> Iterator[Log]:
        """One line about those that are in the file only, if there are any."""
        if self._unshown:
            count, self._unshown = self._unshown, 0
            text = QCoreApplication.translate(
                "EngineClient", "{count} more lines of output are in the log file only."
            )
            yield Log(level="info", text=text.format(count=count))
