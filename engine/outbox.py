"""What the engine has to say, waiting for the line: bounded in memory, nothing lost.

The compute thread puts events and never waits for the window. Of heartbeats, progress
and live frames only the newest unsent one is kept; everything else keeps its order. When
the window does not listen and memory is used up, the rest waits in a temporary file.
"""

from __future__ import annotations

import errno
import struct
import tempfile
import threading
from collections import deque
from typing import IO

from engine.messages import Event, Frame, Heartbeat, Progress, encode

_LENGTH = struct.Struct("<Q")

_Key = tuple[str, ...]


class _Cell:
    """A place in the queue for the newest event of its kind."""

    event: Event | None = None


class Outbox:
    """A queue of events from any thread to the one that sends them."""

    def __init__(self, limit: int = 10_000, limit_bytes: int = 128 << 20) -> None:
        self._limit = limit
        self._limit_bytes = limit_bytes
        self._queue: deque[Event | _Cell] = deque()
        self._newest: dict[_Key, _Cell] = {}
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
                    self._newest[key] = _Cell()
                    self._queue.append(self._newest[key])
                self._newest[key].event = event
                self._change.notify_all()
                return
            if isinstance(event, Frame):
                self._forget(event)
            if not ((self._spill.waiting or self._full(event)) and self._spilled(event)):
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
                if isinstance(entry, _Cell):
                    if entry.event is not None:
                        events.append(entry.event)
                        self._newest.pop(_key(entry.event) or (), None)
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

    def _forget(self, final: Frame) -> None:
        """A live frame still unsent may not be overtaken by newer ones in its old place."""
        cell = self._newest.pop(("frame", final.job, final.panel), None)
        if cell is not None:
            cell.event = None

    def _spilled(self, event: Event) -> bool:
        try:
            self._spill.put(encode(event))
        except OSError:
            # Better out of order and in memory than lost.
            return False
        return True

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
        self._end = 0

    def put(self, data: bytes) -> None:
        """Append; ``OSError`` if the disk is full, and then nothing was appended."""
        if self._file is None:
            self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed once read
        packet = _LENGTH.pack(len(data)) + data
        self._file.seek(self._end)
        if self._file.write(packet) != len(packet):
            raise OSError(errno.ENOSPC, "the disk is full")
        self._end += len(packet)
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
        self._file, self._read_at, self._end, self.waiting = None, 0, 0, 0


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
