"""From the bytes of a file to samples: what every format and number type comes to.

Pillow decodes everything but the TIFF kinds it has no mode for, which go to tifffile.
Pillow has no color mode of 16 bits; see ``_sixteen`` for how nothing is lost all the same.
"""

from __future__ import annotations

import io
import struct
import sys
import warnings
import zlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageFile

FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF")
ORIENTATION = 274
_INVERTED = 0  # TIFF's photometric interpretation "white is zero"

#: What decoders raise on damaged bytes, beside errors of their own.
DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    ArithmeticError,
    LookupError,
    TypeError,
    RuntimeError,
    AttributeError,
    AssertionError,
    struct.error,
    zlib.error,
    tifffile.TiffFileError,
)

Samples = NDArray[Any]


class Unreadable(Exception):
    """Why the bytes are no picture: half a sentence that follows the file's name."""


@dataclass
class Decoded:
    """Samples ``(height, width, 1 to 4)`` of any number type, and what was met on the way.

    Two and four channels end with alpha; ``premultiplied`` says that the colors were already
    multiplied by it.
    """

    samples: Samples
    format: str
    notes: list[str] = field(default_factory=list)
    premultiplied: bool = False


def decode(data: bytes, max_pixels: int) -> Decoded:
    """Decode the first picture in ``data``; ``Unreadable`` says why it cannot be."""
    # Decoders warn of odd metadata, which is no one's concern here.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            image = Image.open(io.BytesIO(data), formats=FORMATS)
        except Image.DecompressionBombError as error:
            raise Unreadable(_too_large("", max_pixels)) from error
        except DAMAGE as error:
            if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
                return _with_tifffile(data, max_pixels)
            if _known(data):
                raise Unreadable("is cut short or damaged; it needs to be a whole file") from error
            raise Unreadable("is not a PNG, JPEG, TIFF or WebP picture") from error
        with image:
            if image.width * image.height > max_pixels:
                raise Unreadable(_too_large(f"{image.width} × {image.height}", max_pixels))
            try:
                return _with_pillow(image, data)
            except DAMAGE as error:
                if image.format == "TIFF":
                    return _with_tifffile(data, max_pixels)
                raise Unreadable("is cut short or damaged; it needs to be a whole file") from error


def _too_large(size: str, max_pixels: int) -> str:
    least = f"has {size} pixels" if size else "has far too many pixels"
    return f"{least}; at most {max_pixels // 1_000_000} million are read"


def _known(data: bytes) -> bool:
    """Whether the first bytes promise one of the formats."""
    starts = (b"\x89PNG", b"\xff\xd8\xff", b"BM", b"GIF8")
    return data.startswith(starts) or (data[:4] == b"RIFF" and data[8:12] == b"WEBP")


def _with_pillow(image: ImageFile.ImageFile, data: bytes) -> Decoded:
    notes = []
    if image.format in ("GIF", "WEBP", "TIFF", "PNG") and getattr(image, "n_frames", 1) > 1:
        notes.append(f"the first of its {getattr(image, 'n_frames', 1)} pictures is used")
    # Pillow turns a TIFF while it loads and then forgets that it did.
    orientation = _orientation(image) if image.format == "TIFF" else None
    inverted = image.format == "TIFF" and _tag(image, 262) == _INVERTED
    raw = _rawmode(image)
    deep = raw.endswith((";16L", ";16B", ";16N"))
    premultiplied = raw in ("La", "RGBa") or raw.startswith("RGBa;16")
    if not deep and image.mode in ("L", "LA", "RGB", "RGBA") and _deepest(image) > 8:
        # Pillow would take the bytes of 16-bit planes for pixels of their own.
        raise ValueError("samples of 16 bits in separate planes")
    if deep and image.mode in ("RGB", "RGBA"):
        # RGBA in place of RGBa: colors stay multiplied by alpha, and lose nothing.
        samples = _sixteen(data, raw.replace("a", "A"))
        if "transparency" in image.info:
            notes.append("its transparent color is ignored")
    else:
        samples = _decode_as(data, raw.upper()) if premultiplied else _plain(image, notes)
        if raw == "I;12":
            # Twelve bits spread over sixteen, white staying white.
            samples = (samples << 4) | (samples >> 8)
        if inverted and samples.dtype == np.uint16:
            samples = np.iinfo(np.uint16).max - samples
    if samples.ndim == 2:
        samples = samples[..., None]
    if orientation is None:
        orientation = _orientation(image)
        samples = turn(samples, orientation)
    if orientation in range(2, 9):
        notes.append("turned upright as its EXIF orientation says")
    # A profile that says sRGB says what is assumed anyway.
    profile = image.info.get("icc_profile")
    if profile and b"sRGB" not in profile and "sRGB".encode("utf-16-be") not in profile:
        notes.append("its color profile is ignored; sRGB is assumed")
    # Phones write MPO: a JPEG with further views after it.
    kind = "JPEG" if image.format == "MPO" else image.format or ""
    return Decoded(samples, kind, notes, premultiplied)


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(ORIENTATION, 1)
    except DAMAGE:
        # Damaged metadata does not make the picture unreadable.
        return 1
    return value if isinstance(value, int) else 1


def _tag(image: Image.Image, number: int) -> object:
    tags = getattr(image, "tag_v2", {})
    return tags.get(number)


def _deepest(image: Image.Image) -> int:
    """Bits of the widest sample of a TIFF; 8 for other formats, whose modes tell all."""
    bits = _tag(image, 258)
    return max(bits) if isinstance(bits, tuple) and bits else 8


def _rawmode(image: ImageFile.ImageFile) -> str:
    """How the file's samples lie in memory, in Pillow's words; empty where it has none."""
    if not image.tile:
        return ""
    args = image.tile[0].args
    first = args[0] if isinstance(args, tuple) and args else args
    return first if isinstance(first, str) else ""


def _plain(picture: ImageFile.ImageFile, notes: list[str]) -> Samples:
    """Samples of a picture whose mode Pillow holds without loss."""
    picture.load()
    image: Image.Image = picture
    mode = image.mode
    if "transparency" in image.info and mode in ("1", "L", "RGB", "P"):
        image = image.convert("RGBA")
    elif mode in ("P", "RGBX", "YCbCr", "HSV"):
        image = image.convert("RGB")
    elif mode == "PA":
        image = image.convert("RGBA")
    elif mode == "1":
        image = image.convert("L")
    elif mode == "CMYK":
        image = image.convert("RGB")
        notes.append("its CMYK inks are turned into RGB without a color profile")
    elif mode not in ("L", "LA", "RGB", "RGBA", "I", "F") and not mode.startswith("I;16"):
        raise Unreadable(f"has the color mode {mode}; gray, RGB, palette and CMYK are read")
    return np.asarray(image)


def _sixteen(data: bytes, raw: str) -> Samples:
    """All 16 bits of a color picture, of which Pillow keeps the upper 8.

    Pillow picks one byte of each pair. Decoding twice, the second time told that the bytes
    of a pair lie the other way around, picks the other one, for every compression it knows.
    """
    if raw == "LA;16B":
        # Gray with alpha: its four bytes are those of an 8-bit RGBA pixel.
        pairs = _decode_as(data, "RGBA")
        return (pairs[..., ::2].astype(np.uint16) << 8) | pairs[..., 1::2]
    order = raw[-1]
    if order == "N":
        order = "L" if sys.byteorder == "little" else "B"
    upper = _decode_as(data, raw)
    lower = _decode_as(data, raw[:-1] + ("B" if order == "L" else "L"))
    return (upper.astype(np.uint16) << 8) | lower


def _decode_as(data: bytes, raw: str) -> Samples:
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        image.tile = [
            tile._replace(args=(raw, *tile.args[1:]) if isinstance(tile.args, tuple) else raw)
            for tile in image.tile
        ]
        image.load()
        return np.asarray(image)


def _with_tifffile(data: bytes, max_pixels: int) -> Decoded:
    try:
        with tifffile.TiffFile(io.BytesIO(data)) as file:
            page = file.pages[0]
            if not isinstance(page, tifffile.TiffPage):
                page = page.aspage()
            if page.imagewidth * page.imagelength > max_pixels:
                size = f"{page.imagewidth} × {page.imagelength}"
                raise Unreadable(_too_large(size, max_pixels))
            samples = page.asarray()
            kind = page.photometric
            notes = [f"the first of its {len(file.pages)} pictures is used"]
            notes = notes if len(file.pages) > 1 else []
            premultiplied = tuple(page.extrasamples) == (tifffile.EXTRASAMPLE.ASSOCALPHA,)
            orientation = page.tags.valueof(ORIENTATION, 1)
    except DAMAGE as error:
        if "imagecodecs" in str(error):
            raise Unreadable("is a TIFF with a compression that cannot be read") from error
        raise Unreadable("is cut short or damaged; it needs to be a whole file") from error
    if samples.ndim == 3 and samples.shape[-1] > 4 >= samples.shape[0]:
        samples = np.moveaxis(samples, 0, -1)
    if samples.ndim == 2:
        samples = samples[..., None]
    gray = (tifffile.PHOTOMETRIC.MINISBLACK, tifffile.PHOTOMETRIC.MINISWHITE)
    if samples.ndim != 3 or samples.shape[-1] > 4 or kind not in (*gray, tifffile.PHOTOMETRIC.RGB):
        raise Unreadable("is a TIFF of a kind that is not read; gray and RGB are")
    if kind == tifffile.PHOTOMETRIC.MINISWHITE and samples.dtype.kind == "u":
        samples = np.iinfo(samples.dtype).max - samples
    if orientation in range(2, 9):
        samples = turn(samples, orientation)
        notes.append("turned upright as its EXIF orientation says")
    return Decoded(samples, "TIFF", notes, premultiplied)


def turn(samples: Samples, orientation: int) -> Samples:
    """``(height, width, channel)`` brought upright from an EXIF orientation of 1 to 8."""
    if orientation in (5, 6, 7, 8):
        samples = samples.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        samples = samples[::-1]
    if orientation in (2, 3, 6, 7):
        samples = samples[:, ::-1]
    return samples
