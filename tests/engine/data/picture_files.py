"""Files that tests write themselves: encodings that no library here can make."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

COLOR_TYPE = {1: 0, 2: 4, 3: 2, 4: 6}


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(
    samples: NDArray[Any],
    bits: int = 16,
    between: bytes = b"",
    size: tuple[int, int] | None = None,
) -> bytes:
    """A PNG of ``(h, w, c)`` with a different row filter on each row; ``size`` may lie."""
    height, width, channels = samples.shape
    raw = samples.astype(">u2" if bits == 16 else np.uint8).tobytes()
    rows = np.frombuffer(raw, np.uint8).reshape(height, -1).astype(np.int64)
    pixel = channels * bits // 8
    body = b""
    for index, row in enumerate(rows):
        above = rows[index - 1] if index else np.zeros_like(row)
        left = np.concatenate([np.zeros(pixel, np.int64), row[:-pixel]])
        corner = np.concatenate([np.zeros(pixel, np.int64), above[:-pixel]])
        guess = left + above - corner
        near = np.stack([abs(guess - left), abs(guess - above), abs(guess - corner)])
        paeth = np.choose(near.argmin(axis=0), [left, above, corner])
        predicted = [0 * row, left, above, (left + above) // 2, paeth][index % 5]
        body += bytes([index % 5]) + ((row - predicted) % 256).astype(np.uint8).tobytes()
    said_height, said_width = size or (height, width)
    header = struct.pack(">IIBBBBB", said_width, said_height, bits, COLOR_TYPE[channels], 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + between
        + chunk(b"IDAT", zlib.compress(body))
        + chunk(b"IEND", b"")
    )


def tiff(tags: dict[int, int | tuple[int, ...]], body: bytes) -> bytes:
    """A little-endian TIFF of one strip; ``tags`` may lie about it."""
    every = {273: 8, 279: len(body), 259: 1, 277: 1, **tags}
    directory_at = 8 + len(body)
    extra_at = directory_at + 2 + 12 * len(every) + 4
    directory, extra = struct.pack("<H", len(every)), b""
    for number in sorted(every):
        value = every[number]
        if isinstance(value, int):
            directory += struct.pack("<HHII", number, 4, 1, value)
        else:
            directory += struct.pack("<HHII", number, 4, len(value), extra_at + len(extra))
            extra += struct.pack(f"<{len(value)}I", *value)
    return (
        b"II*\0" + struct.pack("<I", directory_at) + body + directory + struct.pack("<I", 0) + extra
    )


def encode(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def noise(*shape: int, dtype: Any = np.uint8, seed: int = 0) -> NDArray[Any]:
    top = int(np.iinfo(dtype).max)
    return np.random.default_rng(seed).integers(0, top + 1, shape).astype(dtype)
