"""What was seen of a run at its steps, so that a person can look back along it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: More than this, in bytes, is not kept: every second moment goes, so that the whole way stays.
MOST = 192 << 20


class Moment(NamedTuple):
    """The pictures of a step, by panel."""

    step: int
    pictures: dict[str, NDArray[np.generic]]


class Moments:
    """Moments of one run in the order of their steps; the first and the newest always stay.

    Args:
        most: bytes that may be kept.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        #: By the number of the moment, counted from 0.
        self._kept: dict[int, Moment] = {}
        self._count, self._every = 0, 1

    def __len__(self) -> int:
        return len(self._kept)

    def __getitem__(self, index: int) -> Moment:
        return list(self._kept.values())[index]

    def clear(self) -> None:
        """Another run begins."""
        self._kept.clear()
        self._count, self._every = 0, 1

    def keep(self, step: int, panel: str, picture: NDArray[np.generic]) -> None:
        """Keep a copy of a picture of a step."""
        newest = self._count - 1
        if newest < 0 or self._kept[newest].step != step:
            if newest % self._every:
                # It stayed only as the newest.
                del self._kept[newest]
            newest, self._count = self._count, self._count + 1
            self._kept[newest] = Moment(step, {})
        self._kept[newest].pictures[panel] = picture.copy()
        while len(self._kept) > 2 and self._size() > self._most:
            self._every *= 2
            for number in list(self._kept):
                if number % self._every and number != newest:
                    del self._kept[number]

    def _size(self) -> int:
        return sum(p.nbytes for moment in self._kept.values() for p in moment.pictures.values())
