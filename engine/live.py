"""The live pictures of one job: through slots where there is room, else by pipe.

Rendering and sending may take a fixed share of the engine's time, so watching a run
never costs more than that; within it, up to 30 pictures a second are sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.frames import Segment
from engine.messages import Attach, Event, Frame

#: Pictures a second, and the share of time that making and sending them may take.
RATE = 30.0
SHARE = {"interactive": 0.25, "run": 0.03, "training": 0.03}
#: However costly, a picture comes at least this often (seconds).
LONGEST_GAP = 1.0

_NOTHING = np.empty(0, np.uint8)


class Live:
    """Sends the pictures of one job and says when the next one is due."""

    def __init__(self, job: str, priority: str, emit: Callable[[Event], None]) -> None:
        self._job = job
        self._emit = emit
        self._share = SHARE[priority]
        self._segments: dict[str, Segment] = {}
        self._before: dict[str, npt.NDArray[Any]] = {}
        self._due = 0.0

    def due(self, now: float) -> bool:
        """Whether a picture may be made now."""
        return now >= self._due

    def spent(self, now: float, seconds: float) -> None:
        """Making and sending the last pictures took this long."""
        self._due = now + min(max(1.0 / RATE, seconds / self._share), LONGEST_GAP)

    def attach(self, command: Attach) -> None:
        """Use the segment that the window made; ``OSError`` if it cannot be had."""
        segment = Segment.attach(command.segment, command.slot_bytes)
        before = self._segments.pop(command.panel, None)
        if before is not None:
            before.close()
        self._segments[command.panel] = segment

    def detach(self) -> None:
        """Let go of all segments; pictures go by pipe from now on."""
        for segment in self._segments.values():
            segment.close()
        self._segments.clear()

    def show(
        self, pictures: Mapping[str, npt.NDArray[Any]], step: int, *, final: bool = False
    ) -> None:
        """Send pictures (H, W, 3) uint8 and plots (lines, points); ``final`` ones reliably inline.

        A panel that looks as before is not sent again: most show what does not change.
        """
        for panel, picture in pictures.items():
            if not final and np.array_equal(picture, self._before.get(panel, _NOTHING)):
                continue
            # A copy, for a method may change in place what its picture shows.
            self._before[panel] = picture.copy()
            segment = self._segments.get(panel)
            slot, sequence, blob = -1, 0, b""
            if final or segment is None or picture.nbytes > segment.slot_bytes:
                blob = np.ascontiguousarray(picture).tobytes()
            else:
                slot, sequence = segment.write(picture, step)
            self._emit(
                Frame(
                    job=self._job,
                    panel=panel,
                    step=step,
                    shape=tuple(picture.shape),
                    dtype=str(picture.dtype),
                    slot=slot,
                    sequence=sequence,
                    blob=blob,
                    final=final,
                )
            )
