"""A person's own dSprites file (Matthey et al. 2017, Apache 2.0).

The file holds 737,280 binary pictures, 3 GB unpacked; they are read piece by piece and kept
as bits, in an eighth of that. Its ``metadata`` is a pickled object and is never touched: the
number of values of each factor is told by ``latents_classes``.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.data.archives import DAMAGE, read_arrays
from engine.data.crossed import Crossed, check_reduction, reduced
from engine.data.drawing import in_chunks
from engine.data.factors import Factor, check
from engine.data.sprites import Sprites
from engine.method import BadInput

#: The columns of ``latents_classes``. The color has one value, so it is no factor.
COLUMNS = ("color", "shape", "scale", "angle", "x", "y")
#: Pictures unpacked at a time.
_PART = 4096


@dataclass(frozen=True, eq=False)
class DSprites:
    """The set, read by ``load``.

    Its factors are those of ``Sprites``, in the same order, so that what learned from one can
    be tried on the other. The first and the last of its 40 angles are the same.

    Attributes:
        size: side in pixels.
        side: of the pictures in the file.
        bits: the pictures, uint8 ``(n, side * side / 8)``.
        crossed: finds a code's row.
    """

    size: int
    side: int
    bits: NDArray[np.uint8]
    crossed: Crossed
    name = "dsprites"
    title = "dSprites"
    channels = 1

    @property
    def factors(self) -> tuple[Factor, ...]:
        """Shape, size, angle and position."""
        known = {factor.name: factor for factor in Sprites().factors}
        return tuple(
            Factor(name, known[name].title, values, known[name].kind)
            for name, values in zip(COLUMNS[1:], self.crossed.values[1:], strict=True)
        )

    def render(self, codes: Tensor) -> Tensor:
        """Float32 ``(n, 1, size, size)`` of int64 ``(n, 5)``; see ``FactorSet``."""
        check(self, codes)
        return in_chunks(self._look_up, codes, 1, self.size)

    def _look_up(self, codes: Tensor) -> Tensor:
        white = torch.zeros(len(codes), 1, dtype=torch.int64)
        rows = self.crossed.rows(torch.cat([white, codes], dim=1))
        ink = np.unpackbits(self.bits[rows.numpy()], axis=1)
        full = torch.from_numpy(ink).reshape(-1, 1, self.side, self.side)
        return reduced(full.float(), self.size)


def load(path: Path, size: int = 64) -> DSprites:
    """Read ``dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz`` or a file like it.

    Args:
        path: the file, with arrays ``imgs`` (n, side, side) of 0 and 1 and ``latents_classes``
            (n, 6).
        size: the pictures' own side, or a half or a quarter for means over squares of pixels.

    Raises:
        BadInput: (field ``data`` or ``size``) the file is not there or not as it should be.
    """
    (classes,) = read_arrays(path, "latents_classes")
    crossed = Crossed(classes, path.name)
    if len(crossed.values) != len(COLUMNS) or crossed.values[0] != 1:
        raise BadInput(f"data: {path.name} has not the six latents of dSprites", "data")
    try:
        with zipfile.ZipFile(path) as archive, archive.open("imgs.npy") as stream:
            side, bits = _packed(stream, len(classes), path.name, size)
    except KeyError as error:
        raise BadInput(f"data: {path.name} has no array 'imgs'", "data") from error
    except DAMAGE as error:
        if isinstance(error, BadInput):
            raise
        raise BadInput(f"data: {path.name} is not a whole .npz file", "data") from error
    return DSprites(size, side, bits, crossed)


def _packed(stream: IO[bytes], count: int, name: str, size: int) -> tuple[int, NDArray[np.uint8]]:
    """Side of the pictures in an ``.npy`` stream, and the pictures as bits."""
    shape, by_column, kind = _header(stream)
    square = len(shape) == 3 and shape[1] == shape[2] and shape[1] % 8 == 0
    if not square or shape[0] != count or by_column or kind not in (np.uint8, np.bool_):
        raise BadInput(f"data: 'imgs' of {name} is not {count} square pictures of bytes", "data")
    check_reduction(shape[1], size)
    pixels = shape[1] * shape[1]
    bits = np.empty((count, pixels // 8), np.uint8)
    for start in range(0, count, _PART):
        rows = min(_PART, count - start)
        part = np.frombuffer(_exactly(stream, rows * pixels), np.uint8)
        if part.max() > 1:
            raise BadInput(f"data: 'imgs' of {name} has other values than 0 and 1", "data")
        bits[start : start + rows] = np.packbits(part.reshape(rows, pixels), axis=1)
    return shape[1], bits


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(stream)
    return np.lib.format.read_array_header_2_0(stream)


def _exactly(stream: IO[bytes], count: int) -> bytes:
    data = stream.read(count)
    if len(data) < count:
        raise EOFError("the pictures end early")
    return data
