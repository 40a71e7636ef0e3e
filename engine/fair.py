"""Sharing out compute time: among the classes of jobs, and among the jobs of a class."""

from __future__ import annotations

from collections.abc import Sequence

#: Parts of the compute time per class; training keeps at least a tenth.
WEIGHTS = {"interactive": 6.0, "run": 3.0, "training": 1.0}


class Fair:
    """Picks whoever has had the least. Who comes back gets no credit for the time away."""

    def __init__(self) -> None:
        self._had: dict[str, float] = {}
        self._awake: set[str] = set()

    def choose(self, ready: Sequence[str]) -> str:
        """The key to serve next; of equal ones the first."""
        awake = [self._had[key] for key in ready if key in self._awake]
        for key in ready:
            if not awake:
                self._had[key] = 0.0
            elif key not in self._awake:
                self._had[key] = max(self._had.get(key, 0.0), min(awake))
        self._awake = set(ready)
        return min(ready, key=lambda key: self._had[key])

    def charge(self, key: str, cost: float) -> None:
        """``key`` was served for ``cost``."""
        self._had[key] = self._had.get(key, 0.0) + cost

    def rest(self) -> None:
        """Nobody has anything to do: all start equal next time."""
        self._awake.clear()

    def forget(self, key: str) -> None:
        """``key`` will not come back."""
        self._had.pop(key, None)
        self._awake.discard(key)
