"""Films of walks open, and have every picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from walks import problem

from engine.traversal import films, panels
from engine.traversal.arrival import PACE


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
        times = []
        for k in range(12):
            film.seek(k)
            times.append(film.info["duration"])
            shown = np.asarray(film.convert("RGB"))[::8, ::8]
            assert np.array_equal(shown, frames[k])
    # Hundredths of a second cannot tell a thirtieth; twelve of them they can.
    assert set(times) == {30, 40}
    assert sum(times) == 400


@pytest.mark.parametrize(("count", "most"), [(480, 300), (301, 300), (2000, 300)])
def test_a_thinned_walk_has_both_ends_and_no_gap(count: int, most: int) -> None:
    seen = films.thinned(count, most)
    assert len(seen) == most
    assert (seen[0], seen[-1]) == (0, count - 1)
    steps = np.diff(seen)
    assert steps.min() >= count // most
    assert steps.max() <= -(-count // most)
    assert films.thinned(most, most) == list(range(most))


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


def test_films_show_what_is_played_as_fast_as_it_is_played() -> None:
    assert pytest.approx(PACE) == 1 / films.RATE


@pytest.mark.parametrize("count", [480, 700])
def test_films_of_a_long_walk_show_all_of_it_in_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    av = pytest.importorskip("av")
    monkeypatch.setattr(panels, "LONGEST", 500)
    built = problem()
    walk = torch.linspace(-1, 1, count)[:, None] * torch.ones(1, 6)
    panels.films_of(built, walk, tmp_path)
    with av.open(str(tmp_path / "walk.mp4")) as film:
        stream = film.streams.video[0]
        seen = [frame.to_ndarray(format="rgb24") for frame in film.decode(stream)]
        assert len(seen) == min(count, 500)
        assert len(seen) / stream.average_rate == pytest.approx(count / films.RATE, abs=0.1)
    end = panels.frames_of(built, walk[-1:])[0].astype(int)
    assert np.abs(seen[-1][4::8, 4::8] - end).mean() < 4
    time = 0
    with Image.open(tmp_path / "walk.gif") as gif:
        # Two pictures that are alike become one that stays for as long.
        assert 280 < gif.n_frames <= 300  # type: ignore[attr-defined]
        for k in range(gif.n_frames):  # type: ignore[attr-defined]
            gif.seek(k)
            time += gif.info["duration"]
        shown = np.asarray(gif.convert("RGB"))[::8, ::8]
    assert time == pytest.approx(1000 * count / films.RATE, abs=10)
    assert np.abs(shown.astype(int) - end).mean() < 12


def test_odd_sides_become_even(tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    films.write_mp4(tmp_path / "walk.mp4", np.zeros((2, 257, 301, 3), np.uint8))
    with av.open(str(tmp_path / "walk.mp4")) as film:
        stream = film.streams.video[0]
        assert (stream.height, stream.width) == (256, 300)
