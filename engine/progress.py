"""A progress bar for the terminal: one line that moves, or a few lines where none can."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from typing import TextIO

#: Seconds between two drawings on a terminal, and between two lines elsewhere.
_GAP = 0.1
_LINE_GAP = 10.0
_WIDTH = 24


class Progress:
    """Draws steps, rate and remaining time to ``stream``."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._terminal = stream.isatty()
        self._began: float | None = None
        self._first = 0
        self._due = 0.0
        self._shown = ""

    def show(self, step: int, total: int | None, *, last: bool = False) -> None:
        """The run stands at ``step`` of ``total`` (None: no end)."""
        now = self._clock()
        if self._began is None:
            self._began, self._first = now, step
        if not last and now < self._due:
            return
        self._due = now + (_GAP if self._terminal else _LINE_GAP)
        line = _line(step, total, step - self._first, now - self._began)
        if self._terminal:
            width = shutil.get_terminal_size().columns - 1
            self._stream.write("\r" + line[:width].ljust(width) + ("\n" if last else ""))
        elif line != self._shown:
            self._stream.write(line + "\n")
        self._shown = line
        self._stream.flush()


def _line(step: int, total: int | None, done: int, seconds: float) -> str:
    rate = done / seconds if seconds > 0 else 0.0
    pace = f"{rate:.1f} it/s" if rate else "…"
    if not total:
        return f"step {step}  {pace}  {clock(seconds)}"
    share = min(step / total, 1.0)
    bar = ("█" * round(share * _WIDTH)).ljust(_WIDTH, "░")
    left = f"  {clock((total - step) / rate)} left" if rate and step < total else ""
    return f"{bar} {share:4.0%}  {step}/{total}  {pace}  {clock(seconds)}{left}"


def clock(seconds: float) -> str:
    """Seconds as ``0:07`` or ``1:02:03``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
