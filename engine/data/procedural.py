"""The sets that the program renders itself, by name."""

from __future__ import annotations

from collections.abc import Callable

from engine.data.factors import FactorSet
from engine.data.pixel_faces import PixelFaces
from engine.data.rooms import Rooms
from engine.data.sprites import Sprites
from engine.data.stroke_digits import StrokeDigits
from engine.method import BadInput

PROCEDURAL: dict[str, Callable[[int], FactorSet]] = {
    Sprites.name: Sprites,
    Rooms.name: Rooms,
    PixelFaces.name: PixelFaces,
    StrokeDigits.name: StrokeDigits,
}


def factor_set(name: str, size: int = 32) -> FactorSet:
    """The set of that name with pictures of that side; ``BadInput`` (``data`` or ``size``)."""
    if name not in PROCEDURAL:
        raise BadInput(f"data {name!r} is unknown; the sets are {', '.join(PROCEDURAL)}", "data")
    return PROCEDURAL[name](size)
