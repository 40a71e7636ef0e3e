"""What the engine has to say, waiting for the line: bounded in memory, nothing lost.

The compute thread puts events and never waits for the window. Of heartbeats, progress
and live frames only the newest unsent one is kept; everything else keeps its order. When
the window does not listen and memory is used up, the rest waits in a temporary file.
"""

from __future__ import annotations

import struct
import tempfile
import threading
from collections import deque
from typing import IO

from engine.messages import Event, Frame, Heartbeat, Progress, encode

_LENGTH = struct.Struct("<Q")

#: Stands in the queue for the newest event of its kind.
_Key = tuple[str, ...]


class Outbox:
    """A queue of events from any thread to the one that sends them."""

    def __init__(self, limit: int = 10_000, limit_bytes: int = 128 << 20) -> None:
        self._limit = limit
        self._limit_bytes = limit_bytes
        self._queue: deque[Event | _Key] = deque()
        self._newest: dict[_Key, Event] = {}
        self._bytes = 0
        self._spill = _Spill()
        self._closed = False
        self._sending = False
        self._change = threading.Condition()

    def put(self, event: Event) -> None:
        """Add an event; never waits for the line."""
        key = _key(event)
        with self._change:
            if self._closed:
                return
            if key is not None:
                if key not in self._newest:
                    self._queue.append(key)
                self._newest[key] = event
            elif self._spill.waiting or self._full(event):
                self._spill.put(encode(event))
            else:
                self._queue.append(event)
                self._bytes += _weight(event)
            self._change.notify_all()

    def take(self, timeout: float | None = None, most: int = 256) -> list[bytes]:
        """Up to ``most`` encoded events, waiting for the first; empty after ``timeout``."""
        with self._change:
            self._sending = False
            self._change.notify_all()
            self._change.wait_for(lambda: self._waiting() or self._closed, timeout)
            events: list[Event] = []
            while self._queue and len(events) < most:
                entry = self._queue.popleft()
                if isinstance(entry, tuple):
                    events.append(self._newest.pop(entry))
                else:
                    events.append(entry)
                    self._bytes -= _weight(entry)
            stored = [] if events else self._spill.take(most)
            self._sending = bool(events or stored)
        return stored or [encode(event) for event in events]

    def flush(self, timeout: float) -> bool:
        """Wait until everything was handed to the line; False after ``timeout`` seconds."""
        with self._change:
            return self._change.wait_for(
                lambda: self._closed or not (self._waiting() or self._sending), timeout
            )

    def close(self) -> None:
        """Forget what is left and let ``take`` return."""
        with self._change:
            self._closed = True
            self._queue.clear()
            self._newest.clear()
            self._spill.close()
            self._change.notify_all()

    @property
    def closed(self) -> bool:
        """Whether nothing more will come."""
        return self._closed

    def _waiting(self) -> bool:
        return bool(self._queue) or self._spill.waiting > 0

    def _full(self, event: Event) -> bool:
        return len(self._queue) >= self._limit or self._bytes + _weight(event) > self._limit_bytes


class _Spill:
    """A first-in first-out file of byte strings, without a name on the disk."""

    def __init__(self) -> None:
        self.waiting = 0
        self._file: IO[bytes] | None = None
        self._read_at = 0

    def put(self, data: bytes) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed once it is read
        self._file.seek(0, 2)
        self._file.write(_LENGTH.pack(len(data)) + data)
        self.waiting += 1

    def take(self, most: int) -> list[bytes]:
        if self._file is None:
            return []
        self._file.seek(self._read_at)
        found = []
        for _ in range(min(most, self.waiting)):
            (length,) = _LENGTH.unpack(self._file.read(_LENGTH.size))
            found.append(self._file.read(length))
        self._read_at = self._file.tell()
        self.waiting -= len(found)
        if not self.waiting:
            self.close()
        return found

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file, self._read_at, self.waiting = None, 0, 0


def _key(event: Event) -> _Key | None:
    match event:
        case Heartbeat():
            return ("heartbeat",)
        case Progress():
            return ("progress", event.job)
        case Frame(final=False):
            return ("frame", event.job, event.panel)
    return None


def _weight(event: Event) -> int:
    return len(event.blob) if isinstance(event, Frame) else 0
