"""Pictures of the real window, taken by the project's own command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from app import engine_cli


def screenshot(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "app", "screenshot", *arguments]
    environment = {**engine_cli.environment(), "DISPLAY": "", "WAYLAND_DISPLAY": ""}
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=400
    )


def test_unknown_pages_and_methods_are_named(tmp_path: Path) -> None:
    done = screenshot("cellar", str(tmp_path / "x.png"))
    assert done.returncode == 2
    assert "'cellar' is unknown; allowed: start, restoration, " in done.stderr
    done = screenshot("restoration", str(tmp_path / "x.png"), "--method", "restoration.magic")
    assert done.returncode == 2
    assert "restoration.wiener" in done.stderr
    for wrong, why in (
        ("restoration.wiener", "--race: 1 given; allowed: 2 to 4 methods"),
        ("restoration.wiener,restoration.magic", "--race: 'restoration.magic' is unknown"),
    ):
        done = screenshot("restoration", str(tmp_path / "x.png"), "--race", wrong)
        assert done.returncode == 2
        assert why in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["home"]


def test_a_page_has_the_wanted_size_and_theme(tmp_path: Path, home: Path) -> None:
    grounds = []
    for theme in ("dark", "light"):
        file = tmp_path / "new" / f"{theme}.png"
        done = screenshot("settings", str(file), "--theme", theme, "--size", "1000x700")
        assert done.returncode == 0, done.stderr
        with Image.open(file) as picture:
            assert picture.size == (1000, 700)
            grounds.append(sum(picture.convert("RGB").getpixel((500, 690))))
    assert grounds[0] < 150 < 600 < grounds[1]
    # The person's own settings and runs stay as they were.
    assert {p.name for p in home.iterdir()} <= {"cache"}


@pytest.mark.slow
def test_a_run_is_shown_and_moves(tmp_path: Path) -> None:
    file, movie = tmp_path / "after.png", tmp_path / "run.webp"
    done = screenshot("restoration", str(file), "--animate", str(movie))
    assert done.returncode == 0, done.stderr
    with Image.open(file) as picture, Image.open(movie) as run:
        assert len(picture.convert("RGB").getcolors(1 << 24)) > 10_000
        assert run.n_frames >= 3
        assert run.width == 960
