"""One engine process with the threads that carry its messages; one per engine life.

The threads only carry: one reads events, one writes commands, so that neither a stopped
nor a dead engine ever holds up the GUI thread.
"""

from __future__ import annotations

import logging
import logging.handlers
import queue
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from app.local_engine import LocalEngine
from engine.entry import Settings
from engine.messages import Command, Event, Frame
from engine.transport import Channel, Closed, WrongProtocol, window_channel


class Line:
    """An engine process with the threads that carry its messages. One per engine life."""

    def __init__(
        self,
        settings: Settings,
        received: Callable[[Line, Event | Exception | str], None],
        said: Callable[[str, str], None],
    ) -> None:
        self.process = LocalEngine(settings, said)
        self.channel: Channel[Event] = window_channel(self.process.transport)
        self.room = threading.Event()
        self.room.set()
        self._commands: queue.SimpleQueue[Command | None] = queue.SimpleQueue()
        self._received = received
        self._threads = [
            threading.Thread(target=work, name=f"engine-{work.__name__}", daemon=True)
            for work in (self._read, self._write)
        ]
        for thread in self._threads:
            thread.start()

    def send(self, command: Command) -> None:
        """Hand a command to the writer; never waits."""
        self._commands.put(command)

    def end(self) -> None:
        """Let everything go; the process must have ended."""
        self._commands.put(None)
        self.room.set()
        for thread in self._threads:
            thread.join(2.0)
        self.process.release()

    def _read(self) -> None:
        while True:
            try:
                received = self.channel.receive()
            except (Closed, WrongProtocol) as error:
                self._received(self, error)
                return
            if received is None:
                continue
            for problem in received.problems:
                self._received(self, problem)
            for message in received.messages:
                self._received(self, message)
            self.room.wait()

    def _write(self) -> None:
        while (command := self._commands.get()) is not None:
            try:
                self.channel.send(command)
            except Closed:
                return


def inline_array(frame: Frame) -> npt.NDArray[np.generic]:
    """The array of an inline frame, the receiver's own; ``ValueError`` if it is not whole."""
    flat = np.frombuffer(frame.blob, np.dtype(frame.dtype))
    return flat.reshape(frame.shape).copy()


def file_log(path: Path | None) -> logging.Logger:
    """A log that keeps 8 MB at most in ``path`` and one file beside it; None keeps nothing."""
    log = logging.Logger("priorbench.engine")  # noqa: LOG001 - one per client, no global
    if path is None:
        log.addHandler(logging.NullHandler())
        return log
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.handlers.RotatingFileHandler(
        path, maxBytes=4 << 20, backupCount=1, delay=True, encoding="utf-8"
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    log.addHandler(handler)
    return log
