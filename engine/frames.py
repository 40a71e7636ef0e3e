"""Frames through shared memory: three slots per panel, the newest overwrites the unread.

Neither side ever waits. The writer fills the slot after the one last published and then
publishes it; the reader copies the published slot and checks that its sequence number
did not move meanwhile, so a torn frame is never shown. To be torn, a frame must be
overtaken by two more during its copy.

The window creates, reserves and unlinks segments (``Segment.create``); the engine only
attaches. Numpy and the standard library only.
"""

from __future__ import annotations

import os
import struct
import sys
import threading
from collections.abc import Sequence
from multiprocessing import resource_tracker, shared_memory
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

SLOTS = 3
#: Where Linux keeps POSIX shared memory; elsewhere segments cannot be listed.
SHM_FOLDER = Path("/dev/shm")

_PUBLISHED = struct.Struct("<q")
#: begin sequence, end sequence, step, bytes, dimensions, 4 sizes, dtype
_HEAD = struct.Struct("<qqqqq4q8s")
_TOP = 64
_SLOT_TOP = 128

_attaching = threading.Lock()


class NoRoom(OSError):
    """Shared memory is too small for a segment; frames go by pipe instead."""


class Shown(NamedTuple):
    """A frame copied out of its slot."""

    array: npt.NDArray[Any]
    step: int
    sequence: int


class Segment:
    """Three slots for the frames of one panel. Use it from one thread at a time."""

    def __init__(self, memory: shared_memory.SharedMemory, slot_bytes: int) -> None:
        self._memory = memory
        self._stride = _stride(slot_bytes)
        self.slot_bytes = slot_bytes
        self._sequence = 0

    @classmethod
    def create(cls, name: str, slot_bytes: int) -> Segment:
        """A new segment with all its pages reserved; ``NoRoom`` if they are not to be had.

        Without the reservation a small ``/dev/shm`` kills the writer by SIGBUS.
        """
        memory = create_memory(name, _TOP + SLOTS * _stride(slot_bytes))
        segment = cls(memory, slot_bytes)
        _PUBLISHED.pack_into(segment._buffer(), 0, -1)
        return segment

    @classmethod
    def attach(cls, name: str, slot_bytes: int) -> Segment:
        """The segment that the other side made; ``OSError`` if it is gone or too short."""
        memory = attach_memory(name)
        if memory.size < _TOP + SLOTS * _stride(slot_bytes):
            memory.close()
            raise OSError(f"segment {name} is too short for slots of {slot_bytes} bytes")
        return cls(memory, slot_bytes)

    @property
    def name(self) -> str:
        """What ``attach`` needs."""
        return self._memory.name

    def write(self, array: npt.NDArray[Any], step: int) -> tuple[int, int]:
        """Publish a frame; returns its (slot, sequence). ``ValueError`` if it does not fit."""
        if array.nbytes > self.slot_bytes or array.ndim > 4:
            raise ValueError(
                f"a frame of {array.nbytes} bytes does not fit a slot of {self.slot_bytes}"
            )
        self._sequence += 1
        slot = self._sequence % SLOTS
        buffer, at = self._buffer(), self._at(slot)
        sizes = array.shape + (0,) * (4 - array.ndim)
        kind = array.dtype.str.encode()
        head = (step, array.nbytes, array.ndim, *sizes, kind)
        _HEAD.pack_into(buffer, at, self._sequence, -1, *head)
        data = at + _SLOT_TOP
        target = np.frombuffer(buffer, array.dtype, array.size, data).reshape(array.shape)
        np.copyto(target, array)
        _HEAD.pack_into(buffer, at, self._sequence, self._sequence, *head)
        _PUBLISHED.pack_into(buffer, 0, slot)
        return slot, self._sequence

    def read(self, after: int = 0) -> Shown | None:
        """The newest frame whose sequence is above ``after``, copied; None if there is none.

        A frame that was overwritten during the copy is given up for the newer one.
        """
        for _ in range(SLOTS):
            buffer = self._buffer()
            (slot,) = _PUBLISHED.unpack_from(buffer, 0)
            if not 0 <= slot < SLOTS:
                return None
            at = self._at(slot)
            begin, end, step, size, dimensions, *sizes, kind = _HEAD.unpack_from(buffer, at)
            if begin != end:
                continue
            if end <= after or size > self.slot_bytes:
                return None
            data = at + _SLOT_TOP
            flat = np.frombuffer(buffer, np.uint8, size, data).copy()
            if _HEAD.unpack_from(buffer, at)[:2] == (begin, end):
                dtype = np.dtype(kind.rstrip(b"\0").decode())
                return Shown(flat.view(dtype).reshape(sizes[:dimensions]), step, end)
        return None

    def close(self) -> None:
        """Unmap; the segment stays for the other side."""
        self._memory.close()

    def unlink(self) -> None:
        """Unmap and remove: only for the side that created it."""
        self._memory.close()
        self._memory.unlink()

    def _buffer(self) -> memoryview:
        return _bytes(self._memory)

    def _at(self, slot: int) -> int:
        return _TOP + slot * self._stride


#: What the board says while the engine answers a question.
QUESTION = "?"


class Board:
    """A note of 120 bytes that outlives its writer: which job the engine is working on.

    A process killed in mid-step cannot say what it was doing; the window reads it here.
    """

    SIZE = 128

    def __init__(self, memory: shared_memory.SharedMemory) -> None:
        self._memory = memory

    @classmethod
    def create(cls, name: str) -> Board:
        """A new, empty board; ``NoRoom`` if shared memory is full."""
        return cls(create_memory(name, cls.SIZE))

    @classmethod
    def attach(cls, name: str) -> Board:
        """The board that the other side made."""
        return cls(attach_memory(name))

    @property
    def name(self) -> str:
        """What ``attach`` needs."""
        return self._memory.name

    def write(self, text: str) -> None:
        """Replace the note (at most 120 bytes of UTF-8 are kept)."""
        note = text.encode()[: self.SIZE - 8]
        buffer = _bytes(self._memory)
        buffer[1 : 1 + len(note)] = note
        buffer[0] = len(note)

    def read(self) -> str:
        """The note; empty if there is none."""
        buffer = _bytes(self._memory)
        return bytes(buffer[1 : 1 + buffer[0]]).decode(errors="replace")

    def close(self) -> None:
        """Unmap; the board stays for the other side."""
        self._memory.close()

    def unlink(self) -> None:
        """Unmap and remove: only for the side that created it."""
        self._memory.close()
        self._memory.unlink()


def create_memory(name: str, size: int) -> shared_memory.SharedMemory:
    """Named shared memory with its pages reserved and zero; ``NoRoom`` without room."""
    try:
        memory = shared_memory.SharedMemory(name, create=True, size=size)
    except FileExistsError:
        raise
    except OSError as error:
        raise NoRoom(error.errno, f"no shared memory of {size} bytes: {error}") from error
    try:
        _reserve(memory.name, size)
    except OSError as error:
        memory.close()
        memory.unlink()
        raise NoRoom(error.errno, f"no room for {size} bytes of shared memory") from error
    return memory


def attach_memory(name: str) -> shared_memory.SharedMemory:
    """Named shared memory of another process, without any duty to remove it.

    Before Python 3.13 attaching also registers the name with the resource tracker, which
    would warn about, or remove, what this process did not make.
    """
    if sys.version_info >= (3, 13):
        return shared_memory.SharedMemory(name, track=False)
    with _attaching:
        register = resource_tracker.register
        resource_tracker.register = _ignore
        try:
            return shared_memory.SharedMemory(name)
        finally:
            resource_tracker.register = register


def panel_bytes(shape: Sequence[int], dtype: str) -> int:
    """Bytes of one frame of a panel."""
    return int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize


def _bytes(memory: shared_memory.SharedMemory) -> memoryview:
    if memory.buf is None:
        raise OSError(f"segment {memory.name} is closed")
    return memory.buf


def _ignore(name: Any, rtype: Any) -> None:
    pass


def _reserve(name: str, size: int) -> None:
    if sys.platform != "linux":
        return
    descriptor = os.open(SHM_FOLDER / name.lstrip("/"), os.O_RDWR)
    try:
        os.posix_fallocate(descriptor, 0, size)
    finally:
        os.close(descriptor)


def _stride(slot_bytes: int) -> int:
    return _SLOT_TOP + (slot_bytes + 63) // 64 * 64
