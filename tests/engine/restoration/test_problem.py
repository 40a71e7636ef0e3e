"""The shared problem: damages, pictures without truth, and what is refused."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from engine.method import BadInput, Context, State
from engine.operators import (
    Convolution,
    Downsample,
    Grayscale,
    Identity,
    LightBlur,
    Mask,
    Overexposure,
)
from engine.restoration.bench import BENCH, smaller
from engine.restoration.panels import observe, pictures, preview, save
from engine.restoration.problem import QUIET, Problem, RestorationSettings, build
from engine.settings import fields_of, make


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    rows, columns = np.mgrid[0:62, 0:85]
    waves = 0.5 + 0.4 * np.sin(rows / 5) * np.cos(columns / 7)
    colors = np.stack(
        [waves, waves.T.copy().repeat(2, 0)[:62, :62].repeat(2, 1)[:, :85], 1 - waves], -1
    )
    path = tmp_path / "photo.png"
    Image.fromarray((255 * colors).astype(np.uint8)).save(path)
    return path


def problem_of(photo: Path, seed: int = 0, mask: Path | None = None, **values: Any) -> Problem:
    return build(make(RestorationSettings, values, "problem."), context(photo, seed, mask))


def context(photo: Path, seed: int = 0, mask: Path | None = None) -> Context:
    inputs = {"picture": photo} | ({"mask": mask} if mask else {})
    return Context(device="cpu", rng=torch.Generator().manual_seed(seed), inputs=inputs)


def painted(folder: Path) -> Path:
    mask = np.zeros((31, 42), np.uint8)
    mask[10:20, 5:30] = 255
    path = folder / "mask.png"
    Image.fromarray(mask).save(path)
    return path


def state_of(problem: Problem) -> State:
    assert problem.truth is not None
    return State(3, 3, {"x": problem.operator.extend(problem.truth)})


KINDS = {
    "noise": Identity,
    "blur": Convolution,
    "motion": Convolution,
    "missing": Mask,
    "low_resolution": Downsample,
    "lost_color": Grayscale,
    "overexposed": Overexposure,
    "light_blur": LightBlur,
}


@pytest.mark.parametrize("damage", KINDS)
def test_every_damage_shows_three_pictures_of_one_size(damage: str, photo: Path) -> None:
    problem = problem_of(photo, damage=damage)
    assert isinstance(problem.operator, KINDS[damage])
    shown = pictures(problem, state_of(problem))
    assert {p.shape for p in shown.values()} == {
        (62, 85 - 85 % 2 * (damage == "low_resolution"), 3)
    }
    assert all(p.dtype == torch.uint8 for p in shown.values())
    torch.testing.assert_close(shown["estimate"], shown["clean"])


@pytest.mark.parametrize("damage", KINDS)
def test_the_truth_explains_the_measurement(damage: str, photo: Path) -> None:
    problem = problem_of(photo, damage=damage, noise=0.05)
    seen = observe(problem, state_of(problem))
    assert seen["psnr"] == 100.0
    assert seen["ssim"] == pytest.approx(1.0)
    assert seen["mismatch"] == pytest.approx(1.0, abs=0.05)


def test_no_noise_counts_as_the_rounding_of_a_file(photo: Path) -> None:
    assert problem_of(photo, noise=0.0).sigma == QUIET
    assert problem_of(photo, noise=0.02).sigma == 0.02


def test_a_moving_slider_keeps_grain_and_holes_where_they_are(photo: Path) -> None:
    weak, strong = (problem_of(photo, damage="noise", noise=n) for n in (0.01, 0.02))
    assert weak.truth is not None
    torch.testing.assert_close(2 * (weak.measurement - weak.truth), strong.measurement - weak.truth)
    few, many = (
        problem_of(photo, **{"damage": "missing", "missing.fraction": f}) for f in (0.2, 0.6)
    )
    assert few.known is not None
    assert many.known is not None
    assert bool((many.known <= few.known).all())


def test_another_seed_is_another_grain(photo: Path) -> None:
    a, b, c = (problem_of(photo, seed, damage="noise").measurement for seed in (0, 0, 1))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


@pytest.mark.parametrize("damage", KINDS)
def test_a_damaged_picture_has_no_truth_and_no_quality(
    damage: str, photo: Path, tmp_path: Path
) -> None:
    values = {"damage": damage, "already_damaged": True, "missing.kind": "painted"}
    problem = problem_of(photo, mask=painted(tmp_path), **values)
    assert problem.truth is None
    state = State(0, 1, {"x": torch.rand(1, *problem.operator.shape_in)})
    assert observe(problem, state).keys() == {"mismatch"}
    assert pictures(problem, state).keys() == {"estimate", "damaged"}
    factor = 2 if damage == "low_resolution" else 1
    assert problem.operator.shape_picture == (3, 62 * factor, 85 * factor)
    assert save(problem, state, tmp_path).keys() == {"restored", "damaged", "comparison"}


def test_a_damaged_picture_is_taken_as_it_is(photo: Path) -> None:
    problem = problem_of(photo, damage="blur", already_damaged=True)
    expected = torch.from_numpy(np.asarray(Image.open(photo)).copy()).permute(2, 0, 1)[None] / 255
    torch.testing.assert_close(problem.measurement, expected)
    _, facts = preview(RestorationSettings(already_damaged=True), context(photo))
    assert not facts["truth"]
    assert facts["notes"][-1] == f"its noise looks like {facts['noise_estimate']:.3f}"


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"damage": "missing", "missing.kind": "painted"}, "mask"),
        ({"damage": "missing", "already_damaged": True}, "problem.missing.kind"),
        (
            {"damage": "missing", "missing.kind": "rectangle", "missing.rectangle.left": 90.0},
            "problem.missing.rectangle.left",
        ),
        ({"blur.sigma": 99.0}, "problem.blur.sigma"),
        ({"noise": -1.0}, "problem.noise"),
    ],
)
def test_what_cannot_be_is_refused_by_name(values: dict[str, Any], field: str, photo: Path) -> None:
    with pytest.raises(BadInput) as refused:
        problem_of(photo, **values)
    assert refused.value.field in (field, f"inputs.{field}")
    assert "\n" not in str(refused.value)


def test_a_picture_too_small_for_the_damage_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tiny.png"
    Image.new("RGB", (20, 15)).save(path)
    with pytest.raises(BadInput, match="needs 16 × 16"):
        problem_of(path, **{"damage": "low_resolution", "low_resolution.factor": 4})


def test_large_pictures_are_reduced_and_it_is_said(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    Image.new("RGB", (400, 300), "teal").save(path)
    shown, facts = preview(RestorationSettings(working_size=128), context(path))
    assert facts["size"] == "128 × 96 px"
    assert any("128 × 96" in note and "400 × 300" in note for note in facts["notes"])
    assert shown["damaged"].shape == (96, 128, 3)
    _, facts = preview(RestorationSettings(working_size=128, full_size=True), context(path))
    assert facts["size"] == "400 × 300 px"
    enlarged = RestorationSettings(working_size=128, already_damaged=True, damage="low_resolution")
    _, facts = preview(enlarged, context(path))
    assert facts["size"] == "128 × 96 px"


def test_the_preview_keeps_up_with_a_slider(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (1200, 1600, 3), np.uint8)).save(path)
    shown, facts = preview(RestorationSettings(), context(path))
    assert facts["truth"]
    assert facts["measured"] == 3 * 576 * 768
    # The second time the photograph is not decoded again; how long it takes depends on what
    # else the machine does, so only an order of magnitude is asked for.
    began = time.process_time()
    preview(RestorationSettings(noise=0.02), context(path))
    assert time.process_time() - began < 2.0
    assert shown.keys() == {"clean", "damaged"}


def test_outputs_are_pictures_of_the_chosen_depth(photo: Path, tmp_path: Path) -> None:
    problem = problem_of(photo, bits=16)
    files = save(problem, state_of(problem), tmp_path)
    assert files == {n: f"{n}.png" for n in ("restored", "damaged", "clean", "comparison")}
    header = (tmp_path / "restored.png").read_bytes()[:25]
    assert header[24] == 16
    with Image.open(tmp_path / "comparison.png") as comparison:
        assert comparison.size == (3 * 85, 62)


def test_memory_runs_out_gracefully() -> None:
    settings = RestorationSettings(working_size=1024)
    assert smaller(settings)["working_size"] == 704
    assert smaller(RestorationSettings(full_size=True))["full_size"] is False
    assert smaller(RestorationSettings(working_size=64)) == {}


def test_fields_say_when_they_apply() -> None:
    fields = {field.name: field for field in fields_of(BENCH.problem)}
    assert fields["blur.sigma"].when == {"damage": ["blur"]}
    assert fields["blur.sigma"].unit == "px"
    assert fields["missing.rectangle.left"].when == {
        "damage": ["missing"],
        "missing.kind": ["rectangle"],
    }
    assert "/255" in fields["noise"].help or "255" in fields["noise"].help
