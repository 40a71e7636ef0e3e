"""The pictures of the help pages: there, whole, and made by real runs."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine import help_pictures
from engine.discovery import ASSETS, installed
from engine.help_pictures import WIDTH, Row, make, strip

METHODS = [method.id for method in installed().catalogue.methods]


@pytest.mark.parametrize("name", METHODS)
def test_every_help_page_has_one_picture_with_words_for_those_who_do_not_see_it(name: str) -> None:
    page = (ASSETS / "help" / f"{name}.md").read_text(encoding="utf-8")
    ((words, file),) = re.findall(r"!\[(.*?)\]\((.*?)\)", page)
    assert words
    with Image.open(ASSETS / "help" / file) as picture:
        assert picture.width == WIDTH
        assert picture.height < 800


def test_moments_stand_beside_each_other_the_measurement_first() -> None:
    def gray(level: int) -> np.ndarray:
        return np.full((8, 8, 3), level, np.uint8)

    seen = [(k, {"x": gray(20 * k), "y": gray(255)}) for k in range(11)]
    sheet = np.asarray(strip(seen, [Row("x", "", "y")], columns=4))
    side = (WIDTH - 3 * help_pictures.GAP) // 4
    row = sheet[help_pictures.LINE + side // 2, side // 2 :: side + help_pictures.GAP, 0]
    assert row.tolist() == [255, 0, 80, 200]


def test_a_plot_is_drawn_as_its_curves() -> None:
    x = np.linspace(-1, 1, 21, dtype=np.float32)
    seen = [(0, {"prox": np.stack([x, x, -x])}), (5, {"prox": np.stack([x, x, x])})]
    sheet = np.asarray(strip(seen, [Row("prox", "")], columns=2))
    green, orange = (
        np.abs(sheet[..., :3].astype(int) - pen).max(-1) < 9 for pen in help_pictures.PENS[:2]
    )
    half = WIDTH // 2
    # At the end the second curve lies under the first.
    assert green[:, :half].any()
    assert orange[:, :half].any()
    assert green[:, half:].any()
    assert not orange[:, half:].any()


@pytest.mark.parametrize("name", ["restoration.wiener", "traversal.directions"])
def test_a_picture_is_made_from_a_run(name: str, tmp_path: Path) -> None:
    path = make(name, tmp_path, io.StringIO())
    with Image.open(path) as picture:
        assert picture.width == WIDTH
        assert np.asarray(picture.convert("RGB")).std() > 10
