"""Numbers in words."""

from __future__ import annotations

import pytest

from app import words
from engine.catalogue import PresetSpec


@pytest.mark.parametrize(
    ("seconds", "least", "pixels", "scales", "told"),
    [
        (20.0, 0.0, words.USUAL_PIXELS, True, "about 20 s"),
        (20.0, 0.0, words.USUAL_PIXELS // 4, True, "about 5 s"),
        (20.0, 0.0, 32 * 32, True, "under 1 s"),
        # Steps cost something however small the picture is.
        (350.0, 14.0, 32 * 32, True, "about 15 s"),
        (350.0, 14.0, words.USUAL_PIXELS, True, "about 6 min"),
        (55.0, 0.0, 32 * 32, False, "about 55 s"),
        (None, 0.0, 32 * 32, True, ""),
    ],
)
def test_a_preset_tells_how_long_it_takes(
    seconds: float | None, least: float, pixels: int, scales: bool, told: str
) -> None:
    preset = PresetSpec("fast", "Fast", {}, seconds=seconds, scales=scales, least=least)
    assert words.duration(preset, pixels) == told


def test_small_networks_have_some_weights() -> None:
    assert [words.weights(n) for n in (61, 12_345, 2_440_000)] == ["61", "12 k", "2.4 M"]


def test_names_are_listed_as_in_a_sentence() -> None:
    told = [words.listed(["A", "B", "C"][:n]) for n in range(4)]
    assert told == ["", "A", "A and B", "A, B and C"]
