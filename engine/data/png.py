"""PNG out, of 8 or 16 bits.

Pillow cannot write 16-bit color, and takes seconds for a large picture; those are written here.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

_ROWS = 256
#: From this many pixels on, a picture is packed for speed: a 24-megapixel one in less than a
#: second instead of seven (8 bits, one core), for a file that is a seventh larger.
LARGE = 1 << 21
_COLOR_TYPE = {1: 0, 3: 2}


def write_png(path: Path | str, picture: Tensor, bits: int = 8) -> None:
    """Write ``(1, c, h, w)`` or ``(c, h, w)`` in [0, 1] with 1 or 3 channels as PNG.

    Values beyond [0, 1] are cut; ``bits`` is 8 or 16. The file appears whole or not at
    all. ``ValueError`` for other shapes, values that are not finite, or other ``bits``;
    ``OSError`` if it cannot be written.
    """
    path = Path(path)
    if picture.ndim == 4 and picture.shape[0] == 1:
        picture = picture[0]
    if picture.ndim != 3 or picture.shape[0] not in _COLOR_TYPE:
        raise ValueError(f"a PNG takes (1 or 3, height, width), not {tuple(picture.shape)}")
    if bits not in (8, 16):
        raise ValueError(f"a PNG has 8 or 16 bits here, not {bits}")
    if not bool(picture.isfinite().all()):
        raise ValueError(f"{path.name} would hold values that are not finite")
    top = 255 if bits == 8 else 65535
    values = picture.detach().cpu().movedim(0, -1).float().clamp(0, 1).mul_(top).round_().numpy()
    part = path.with_name(path.name + ".part")
    try:
        samples = values.astype(np.uint8 if bits == 8 else ">u2")
        if bits == 8 and samples.shape[0] * samples.shape[1] < LARGE:
            # Level 1 takes a third of the time for a file that is hardly larger: who cancels
            # a run waits for its pictures.
            Image.fromarray(samples.squeeze(-1) if samples.shape[2] == 1 else samples).save(
                part, "PNG", compress_level=1
            )
        else:
            _write(part, samples)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _write(path: Path, samples: NDArray[Any]) -> None:
    """Samples (height, width, channels), uint8 or big-endian uint16.

    Source: W3C, Portable Network Graphics (third edition), sections 9 and 11.
    """
    height, width, channels = samples.shape
    bits = 8 * samples.itemsize
    header = struct.pack(">IIBBBBB", width, height, bits, _COLOR_TYPE[channels], 0, 0, 0)
    # After the filter, photographs hold hardly more than runs of equal bytes to be packed.
    # Level 3: they hardly shrink more beyond it, and it is three times as fast.
    fast = height * width >= LARGE
    packer = zlib.compressobj(1, strategy=zlib.Z_RLE) if fast else zlib.compressobj(3)
    previous = np.zeros(width * channels * samples.itemsize, np.uint8)
    with path.open("wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        _chunk(file.write, b"IHDR", header)
        for start in range(0, height, _ROWS):
            rows = samples[start : start + _ROWS]
            plain = np.frombuffer(rows.tobytes(), np.uint8).reshape(len(rows), -1)
            # Filter 2, "up": each byte less the one above, modulo 256.
            filtered = np.empty((len(rows), plain.shape[1] + 1), np.uint8)
            filtered[:, 0] = 2
            filtered[:, 1:] = plain - np.concatenate([previous[None], plain[:-1]])
            previous = plain[-1]
            if packed := packer.compress(filtered.tobytes()):
                _chunk(file.write, b"IDAT", packed)
        _chunk(file.write, b"IDAT", packer.flush())
        _chunk(file.write, b"IEND", b"")


def _chunk(write: Callable[[bytes], int], kind: bytes, data: bytes) -> None:
    write(struct.pack(">I", len(data)) + kind + data)
    write(struct.pack(">I", zlib.crc32(data, zlib.crc32(kind))))
