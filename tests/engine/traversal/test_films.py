"""Films of walks open, and have every picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.traversal import films


@pytest.fixture
def frames() -> np.ndarray:
    """A bright bar that moves to the right."""
    made = np.zeros((12, 32, 32, 3), np.uint8)
    for k in range(12):
        made[k, :, 2 * k : 2 * k + 4] = (250, 120, 20)
    return made


def test_a_gif_shows_every_picture_for_its_time(tmp_path: Path, frames: np.ndarray) -> None:
    films.write_gif(tmp_path / "walk.gif", frames)
    with Image.open(tmp_path / "walk.gif") as film:
        assert film.n_frames == 12  # type: ignore[attr-defined]
        assert film.size == (256, 256)
        assert film.info["loop"] == 0
        for k in range(12):
            film.seek(k)
            assert film.info["duration"] == 40
            shown = np.asarray(film.convert("RGB"))[::8, ::8]
            assert np.array_equal(shown, frames[k])


def test_an_mp4_opens_and_has_every_picture(tmp_path: Path, frames: np.ndarray) -> None:
    av = pytest.importorskip("av")
    films.write_mp4(tmp_path / "walk.mp4", frames)
    with av.open(str(tmp_path / "walk.mp4")) as film:
        stream = film.streams.video[0]
        assert stream.average_rate == films.RATE
        seen = [frame.to_ndarray(format="rgb24") for frame in film.decode(stream)]
    assert len(seen) == 12
    for shown, frame in zip(seen, frames, strict=True):
        assert shown.shape == (256, 256, 3)
        apart = np.abs(shown[4::8, 4::8].astype(int) - frame.astype(int))
        assert apart.mean() < 4


def test_odd_sides_become_even(tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    films.write_mp4(tmp_path / "walk.mp4", np.zeros((2, 257, 301, 3), np.uint8))
    with av.open(str(tmp_path / "walk.mp4")) as film:
        stream = film.streams.video[0]
        assert (stream.height, stream.width) == (256, 300)
