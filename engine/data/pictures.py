"""Pictures in and out: any common file to float32 RGB in [0, 1], working sizes, PNG.

Samples are taken as sRGB and are never converted; a picture's notes say what was done to it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

from engine.data.decoding import Decoded, Unreadable, decode
from engine.data.png import write_png
from engine.data.samples import SamplePicture, resolve, samples
from engine.method import BadInput

__all__ = [
    "MAX_PIXELS",
    "WORKING_SIDE",
    "Picture",
    "SamplePicture",
    "from_array",
    "from_bytes",
    "read_painted",
    "read_picture",
    "resize",
    "resolve",
    "samples",
    "working_size",
    "write_png",
]

#: Cameras of "24 megapixels" give up to 24.3 million.
MAX_PIXELS = 25_000_000
MIN_SIDE = 8
#: No picture of that many pixels needs more, even raw with 16 bits and alpha.
MAX_BYTES = 512 * 1024 * 1024
WORKING_SIDE = 768


@dataclass
class Picture:
    """A picture as it was read.

    Attributes:
        array: float32 ``(height, width, 3)`` in [0, 1], RGB.
        notes: what a person should know about the reading, one short clause each.
        format: ``PNG``, ``JPEG``, ``TIFF``, ... or ``""`` for an array.
        bits: 8, 16 or 32 per sample, before.
        gray: all three channels were one.
        alpha: it had transparency.
    """

    array: NDArray[np.float32]
    notes: list[str] = field(default_factory=list)
    format: str = ""
    bits: int = 8
    gray: bool = False
    alpha: bool = False

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.array.shape[0])

    @property
    def width(self) -> int:
        """Columns."""
        return int(self.array.shape[1])

    def tensor(self) -> Tensor:
        """``(1, 3, height, width)`` float32."""
        return torch.from_numpy(np.ascontiguousarray(self.array.transpose(2, 0, 1)))[None]


def read_picture(path: Path | str) -> Picture:
    """Read a PNG, JPEG, TIFF or WebP file (also BMP and GIF), of 8 or 16 bits and any color.

    Transparency is laid on white, palettes and CMYK become RGB, the EXIF orientation is
    applied, a color profile is ignored; each leaves a note. ``BadInput`` (field
    ``picture``) with one line if the file is missing, no regular file, empty, not a picture,
    cut short, or larger than 25 million pixels.
    """
    path = Path(path)
    return _to_picture(_decode(_contents(path), repr(path.name)), repr(path.name))


def read_painted(path: Path | str) -> Tensor:
    """A mask painted by hand: ``(height, width)``, 1 where it is white, 0 where black or clear.

    Reads what ``read_picture`` reads, with its errors (field ``mask``).
    """
    path = Path(path)
    try:
        decoded = _decode(_contents(path), repr(path.name))
        picture = _to_picture(decoded, repr(path.name), background=0.0)
    except BadInput as error:
        raise BadInput(str(error).replace("picture", "mask", 1), "mask") from error
    return picture.tensor()[0].mean(dim=0)


def from_bytes(data: bytes, name: str = "the pasted picture") -> Picture:
    """As ``read_picture``, from the bytes of a file that came by clipboard or by wire."""
    if not data:
        raise BadInput(f"picture {name} is empty; it must hold a picture", "picture")
    return _to_picture(_decode(data, name), name)


def from_array(array: NDArray[Any], name: str = "the pasted picture") -> Picture:
    """A picture from samples ``(height, width)`` or ``(height, width, 1 to 4)``.

    uint8 and uint16 span their range; floats are taken as [0, 1]. Two and four channels
    end with alpha. ``BadInput`` (field ``picture``) for other shapes and number types.
    """
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim != 3 or not 1 <= array.shape[2] <= 4:
        raise BadInput(
            f"picture {name} has shape {array.shape}; it must be height × width × 1 to 4", "picture"
        )
    if array.shape[0] * array.shape[1] > MAX_PIXELS:
        raise BadInput(
            f"picture {name} has {array.shape[1]} × {array.shape[0]} pixels; at most "
            f"{MAX_PIXELS // 1_000_000} million are read",
            "picture",
        )
    return _to_picture(Decoded(array, ""), name)


def _contents(path: Path) -> bytes:
    name = repr(path.name)
    try:
        if not path.exists():
            raise BadInput(f"picture {name} does not exist; give an existing file", "picture")
        if path.is_dir():
            raise BadInput(f"picture {name} is a folder; give one picture file", "picture")
        # A pipe or device would never end.
        if not path.is_file():
            raise BadInput(f"picture {name} is not a regular file; give a picture file", "picture")
        size = path.stat().st_size
        if size == 0:
            raise BadInput(f"picture {name} is empty (0 bytes); give a picture file", "picture")
        if size > MAX_BYTES:
            raise BadInput(
                f"picture {name} has {size >> 20} MB; at most {MAX_BYTES >> 20} are read", "picture"
            )
        return path.read_bytes()
    except (OSError, ValueError) as error:
        if isinstance(error, BadInput):
            raise
        reason = getattr(error, "strerror", None) or str(error)
        raise BadInput(f"picture {name} cannot be opened: {reason}", "picture") from error


def _decode(data: bytes, name: str) -> Decoded:
    try:
        return decode(data, MAX_PIXELS)
    except Unreadable as error:
        raise BadInput(f"picture {name} {error}", "picture") from error
    except MemoryError as error:
        raise BadInput(f"picture {name} does not fit into memory", "picture") from error


def _to_picture(decoded: Decoded, name: str, background: float = 1.0) -> Picture:
    height, width, channels = decoded.samples.shape
    if min(height, width) < MIN_SIDE:
        raise BadInput(
            f"picture {name} has {width} × {height} pixels; at least {MIN_SIDE} × {MIN_SIDE} "
            "are needed",
            "picture",
        )
    notes = list(decoded.notes)
    values, bits = _unit(decoded.samples, notes, name)
    color = values[..., : 3 if channels >= 3 else 1]
    alpha = channels in (2, 4)
    if alpha and float(values[..., -1].min()) < 1:
        opacity = values[..., -1:]
        if not decoded.premultiplied:
            color = color * opacity
        color = np.minimum(color + background * (1 - opacity), 1)
        notes.append(f"its transparency is laid on {'white' if background else 'black'}")
    gray = color.shape[2] == 1
    array = np.ascontiguousarray(np.broadcast_to(color, (height, width, 3)))
    return Picture(array, notes, decoded.format, bits, gray, alpha)


def _unit(values: NDArray[Any], notes: list[str], name: str) -> tuple[NDArray[np.float32], int]:
    """Samples as float32 in [0, 1], and the bits that each had."""
    kind, size = values.dtype.kind, values.dtype.itemsize
    if kind == "b":
        return values.astype(np.float32), 8
    if kind == "u" and size <= 2:
        scaled = values.astype(np.float32)
        scaled /= np.iinfo(values.dtype).max
        return scaled, 8 * size
    if kind not in "uif":
        raise BadInput(f"picture {name} has samples of type {values.dtype}", "picture")
    if not np.isfinite(values).all():
        raise BadInput(f"picture {name} has samples that are not finite numbers", "picture")
    low, high = float(values.min()), float(values.max())
    if kind == "f" and low >= 0 and high <= 1:
        return values.astype(np.float32), 8 * size
    # Wide integers and floats beyond [0, 1] carry no white point: their own range is all there is.
    notes.append(f"its values {low:g} to {high:g} are spread over black to white")
    scaled = ((values.astype(np.float64) - low) / ((high - low) or 1.0)).astype(np.float32)
    return scaled, 8 * size


def working_size(height: int, width: int, long_side: int = WORKING_SIDE) -> tuple[int, int, str]:
    """The size at which a picture is worked on, and a note that says it if it is smaller.

    The long side becomes ``long_side`` pixels at most; nothing is enlarged.
    """
    longest = max(height, width)
    if longest <= long_side:
        return height, width, ""
    rows = max(MIN_SIDE, round(height * long_side / longest))
    columns = max(MIN_SIDE, round(width * long_side / longest))
    return rows, columns, f"worked on at {columns} × {rows}, reduced from {width} × {height}"


def resize(picture: Tensor, height: int, width: int) -> Tensor:
    """``(batch, channel, h, w)`` in [0, 1] to ``height`` x ``width``: bicubic, anti-aliased."""
    if picture.shape[-2:] == (height, width):
        return picture
    resized = interpolate(picture, size=(height, width), mode="bicubic", antialias=True)
    return resized.clamp(0, 1)
