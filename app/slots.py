"""The window's side of shared memory: makes segments for a job's panels, removes them all.

Names carry the owner's pid and start time, so that a later start can tell what a killed
window left behind (``sweep``) from what another living window is using.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable

import psutil

from engine.frames import SHM_FOLDER, Board, NoRoom, Segment, Shown, panel_bytes
from engine.messages import Attach, Panels

PREFIX = "priorbench"
#: Larger panels than this go by pipe: reserving three such slots would stall the window.
MOST_BYTES = 64 << 20

_numbers = itertools.count()


def _stamp(pid: int) -> int:
    """The start of a process in whole seconds; raises psutil.NoSuchProcess."""
    return int(psutil.Process(pid).create_time())


def fresh_name() -> str:
    """A segment name of this process, short enough for macOS (30 characters)."""
    pid = os.getpid()
    return f"{PREFIX}-{pid:x}-{_stamp(pid):x}-{next(_numbers):x}"


def sweep() -> list[str]:
    """Remove segments whose owner is dead; returns their names.

    Only Linux can list them; on macOS the resource tracker outlives a killed window and
    removes them, on Windows they end with the last process that maps them.
    """
    removed: list[str] = []
    if not SHM_FOLDER.is_dir():
        return removed
    for path in SHM_FOLDER.glob(f"{PREFIX}-*"):
        if not _owned(path.name):
            path.unlink(missing_ok=True)
            removed.append(path.name)
    return removed


def _owned(name: str) -> bool:
    parts = name.split("-")
    try:
        pid, stamp = int(parts[1], 16), int(parts[2], 16)
        # psutil derives the start from the boot time, which a clock correction can move.
        return abs(_stamp(pid) - stamp) <= 2
    except psutil.AccessDenied:
        return True
    except (IndexError, ValueError, psutil.NoSuchProcess):
        return False


class Slots:
    """The segments of every job of one engine. GUI thread only.

    ``create`` makes a segment from a name and the bytes of a slot; a test may give one
    that runs out of room.
    """

    def __init__(self, create: Callable[[str, int], Segment] = Segment.create) -> None:
        self._create = create
        self._segments: dict[tuple[str, str], Segment] = {}
        self._shown: dict[tuple[str, str], int] = {}

    def open(self, panels: Panels) -> list[Attach]:
        """Make segments for a job's panels; those without room are left to the pipe."""
        self.release(panels.job)
        answers = []
        for panel in panels.panels:
            size = panel_bytes(panel.shape, panel.dtype)
            if not 0 < size <= MOST_BYTES:
                continue
            try:
                segment = self._create(fresh_name(), size)
            except NoRoom:
                continue
            self._segments[panels.job, panel.name] = segment
            answers.append(Attach(panels.job, panel.name, segment.name, size))
        return answers

    def read(self, job: str, panel: str) -> Shown | None:
        """The newest frame of a panel that was not read yet, copied; None if there is none."""
        segment = self._segments.get((job, panel))
        if segment is None:
            return None
        shown = segment.read(self._shown.get((job, panel), 0))
        if shown is not None:
            self._shown[job, panel] = shown.sequence
        return shown

    def release(self, job: str) -> bool:
        """Unlink the segments of a job; False if it had none."""
        mine = [key for key in self._segments if key[0] == job]
        for key in mine:
            self._segments.pop(key).unlink()
            self._shown.pop(key, None)
        return bool(mine)

    def release_all(self) -> None:
        """Unlink everything."""
        for job in {key[0] for key in self._segments}:
            self.release(job)


def make_board() -> Board | None:
    """The board on which the engine notes its present job; None without room."""
    try:
        return Board.create(fresh_name())
    except NoRoom:
        return None
