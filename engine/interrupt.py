"""The second level of cancel: end a step that has run past its deadline.

An exception is raised in the compute thread at its next Python instruction. It cannot
reach into one long native call; for that there is the third level, ending the process.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Interrupted(BaseException):
    """A step was ended from outside. Not an ``Exception``: no method may swallow it."""


class Interrupter:
    """Knows which job the compute thread is inside of, and can throw it out."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = ""
        self._thread = threading.get_ident()

    @contextmanager
    def inside(self, job: str) -> Iterator[None]:
        """While this is open, ``interrupt(job)`` ends what runs. Compute thread only."""
        self._thread = threading.get_ident()
        with self._lock:
            self._inside = job
        try:
            yield
        finally:
            with self._lock:
                self._inside = ""
                _raise_in(self._thread, None)

    def interrupt(self, job: str) -> bool:
        """End the present step of ``job``; False if it is not in one. Any thread."""
        with self._lock:
            if not job or self._inside != job:
                return False
            _raise_in(self._thread, Interrupted)
            return True


def _raise_in(thread: int, error: type[BaseException] | None) -> None:
    value = ctypes.py_object(error) if error is not None else None
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), value)
