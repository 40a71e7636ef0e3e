"""Walks as films: an animated GIF, and an MP4 where PyAV is installed."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from PIL import Image

from engine.traversal.canvas import Canvas

if TYPE_CHECKING:
    from av import VideoStream

#: Pictures a second, as in the window where a walk is played.
RATE = 30
#: Pictures are enlarged by whole numbers up to this side.
SIDE = 256
#: Encoders by preference; the first makes smaller files, the other is in every build.
_ENCODERS = ("libx264", "mpeg4")


def factor(side: int) -> int:
    """By how much a picture of ``side`` pixels is enlarged."""
    return max(1, SIDE // side)


def thinned(count: int, most: int) -> list[int]:
    """Which of ``count`` pictures to show where ``most`` can be: spread evenly, both ends kept."""
    if count <= most:
        return list(range(count))
    return [round(k * (count - 1) / (most - 1)) for k in range(most)]


def write_gif(path: Path, frames: Canvas, rate: float = RATE) -> None:
    """Write frames (n, H, W, 3) as an endless GIF of 256 colors, all frames sharing them."""
    # Colors are chosen on the small pictures: enlarging them adds none.
    every = Image.fromarray(frames.reshape(-1, frames.shape[2], 3))
    palette = every.quantize(256, method=Image.Quantize.MEDIANCUT)
    times = factor(frames.shape[1])
    size = (frames.shape[2] * times, frames.shape[1] * times)
    sheets = [
        Image.fromarray(frame)
        .quantize(palette=palette, dither=Image.Dither.NONE)
        .resize(size, Image.Resampling.NEAREST)
        for frame in frames
    ]
    # A GIF counts in hundredths of a second: pictures take turns, so that the whole keeps time.
    ends = [round(100 * k / rate) for k in range(len(frames) + 1)]
    sheets[0].save(
        path,
        format="GIF",
        save_all=True,
        append_images=sheets[1:],
        duration=[10 * (b - a) for a, b in pairwise(ends)],
        loop=0,
        optimize=False,
    )


def can_write_mp4() -> bool:
    """Whether PyAV is installed."""
    return find_spec("av") is not None


def write_mp4(path: Path, frames: Canvas, rate: float = RATE) -> None:
    """Write frames (n, H, W, 3) as an MP4; sides become even, as the format wants them.

    Raises:
        RuntimeError: PyAV is not installed, or has no encoder for it.
    """
    try:
        import av
    except ImportError as error:
        raise RuntimeError("PyAV is not installed; `pip install av` adds it") from error
    known: Sequence[str] = [name for name in _ENCODERS if name in av.codecs_available]
    if not known:
        raise RuntimeError(f"this PyAV has none of the encoders {', '.join(_ENCODERS)}")
    times = factor(frames.shape[1])
    with av.open(str(path), "w", format="mp4") as file:
        # MPEG-4 has no finer clock than 1/65535 of a second.
        clock = Fraction(rate).limit_denominator(100)
        stream = cast("VideoStream", file.add_stream(known[0], rate=clock))
        stream.height = frames.shape[1] * times // 2 * 2
        stream.width = frames.shape[2] * times // 2 * 2
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": "18", "preset": "superfast"} if known[0] == "libx264" else {}
        # A run that is cancelled waits for its film, and others compute meanwhile.
        stream.thread_count = 1
        for frame in frames:
            large = frame.repeat(times, 0).repeat(times, 1)[: stream.height, : stream.width]
            shown = av.VideoFrame.from_ndarray(np.ascontiguousarray(large), format="rgb24")
            file.mux(stream.encode(shown))
        file.mux(stream.encode(None))
