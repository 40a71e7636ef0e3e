"""The damages that are not linear: what they promise, and that gradients pass through them."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from engine.method import BadInput, Context, State
from engine.operators import GaussianBlur, LightBlur, Operator, Overexposure, PhaseRetrieval
from engine.restoration.panels import measured_picture, observe, still_pictures
from engine.restoration.problem import Problem, RestorationSettings, build
from engine.restoration.start import first_picture
from engine.settings import make

CASES: dict[str, Callable[[], Operator]] = {
    "overexposed": lambda: Overexposure((3, 7, 10), 2.0),
    "lost_phase": lambda: PhaseRetrieval((3, 7, 10)),
    "light_blur": lambda: LightBlur((3, 9, 10), 1.1),
    "light_blur_wrapped": lambda: LightBlur((1, 9, 10), 0.8, 1.8, 2.0, "periodic"),
}


def picture(*shape: int, seed: int = 0) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    return torch.rand(1, *shape, generator=rng, dtype=torch.float64)


@pytest.mark.parametrize("name", CASES)
def test_shapes_are_what_the_operator_says(name: str) -> None:
    A = CASES[name]()
    x = torch.cat([picture(*A.shape_in, seed=s) for s in (0, 1)])
    assert A(x).shape == (2, *A.shape_out)
    torch.testing.assert_close(A(x)[1:], A(x[1:]))
    seen = picture(*A.shape_picture)
    torch.testing.assert_close(A.crop(A.extend(seen)), seen)
    assert first_picture(A, A(x)).shape == x.shape


@pytest.mark.parametrize("name", CASES)
def test_gradients_are_those_of_finite_differences(name: str) -> None:
    A = CASES[name]()
    # Away from the clipping value and from 0, where the derivative has a step.
    x = 0.03 + 0.44 * picture(*A.shape_in)
    assert torch.autograd.gradcheck(A, (x.requires_grad_(),), eps=1e-6, atol=1e-6)


def test_an_overexposed_picture_is_white_where_it_was_bright() -> None:
    A = Overexposure((1, 1, 4), 2.0)
    x = torch.tensor([0.1, 0.4, 0.6, -0.2]).reshape(1, 1, 1, 4)
    torch.testing.assert_close(A(x).flatten(), torch.tensor([0.2, 0.8, 1.0, 0.0]))
    torch.testing.assert_close(first_picture(A, A(x)).flatten()[:2], x.flatten()[:2])
    with pytest.raises(BadInput, match="gain is"):
        Overexposure((1, 4, 4), 0.5)


def test_magnitudes_keep_the_energy_and_lose_the_half_turn() -> None:
    A = PhaseRetrieval((3, 8, 11))
    x = picture(3, 8, 11)
    torch.testing.assert_close(A(x).norm(), x.norm())
    torch.testing.assert_close(A(x.flip(-1, -2)), A(x))
    assert float((A(x.flip(-1)) - A(x)).abs().max()) > 0.01


def test_a_picture_upside_down_is_as_right_where_the_phase_is_lost() -> None:
    A = PhaseRetrieval((3, 16, 16))
    truth = picture(3, 16, 16)
    rough = truth + 0.05 * picture(3, 16, 16).flip(-1)
    problem = Problem(A, A(truth), 0.01, truth, RestorationSettings(damage="lost_phase"))
    upright, turned = (
        observe(problem, State(1, 1, {"x": x.clamp(0.0, 1.0)})) for x in (rough, rough.flip(-2, -1))
    )
    assert upright["psnr"] > 20
    assert {name: turned[name] for name in ("psnr", "ssim")} == pytest.approx(
        {name: upright[name] for name in ("psnr", "ssim")}
    )
    # A blur tells them apart.
    blur = GaussianBlur((3, 16, 16), 1.0, "periodic")
    other = Problem(blur, blur(truth), 0.01, truth, RestorationSettings())
    assert observe(other, State(1, 1, {"x": truth.flip(-2, -1)}))["psnr"] < 15


def test_magnitudes_are_the_autocorrelation_of_the_picture() -> None:
    A = PhaseRetrieval((1, 4, 5))
    x = picture(1, 4, 5)
    size = math.prod(A.shape_out)
    correlation = torch.fft.ifft2(A(x).square() * size).real
    row, column = 2, 3
    by_hand = (x[..., row:, column:] * x[..., :-row, :-column]).sum()
    torch.testing.assert_close(correlation[0, 0, row, column], by_hand)


def test_a_lost_phase_is_found_again_up_to_a_half_turn() -> None:
    rows, columns = torch.meshgrid(
        torch.linspace(0, 1, 24, dtype=torch.float64),
        torch.linspace(0, 1, 20, dtype=torch.float64),
        indexing="ij",
    )
    one = 0.2 + 0.6 * ((rows - 0.3).square() + (columns - 0.6).square() < 0.06)
    x = torch.stack([one, 0.8 * one + 0.1 * rows, 1.0 - one])[None]
    A = PhaseRetrieval((3, 24, 20))
    found = A.retrieved(A(x), 400)
    assert torch.equal(found, A.retrieved(A(x), 400))
    start = A.retrieved(A(x), 1)

    def error(z: Tensor) -> float:
        return float((A(z) - A(x)).square().mean().sqrt())

    assert error(found) < 0.3 * error(start)
    nearest = min(float((found - z).square().mean()) for z in (x, x.flip(-1, -2)))
    assert nearest < 0.01


def test_light_without_blur_or_saturation_is_the_picture_itself() -> None:
    A = LightBlur((3, 6, 5), 0.0, saturation=1e-4)
    x = 1.2 * picture(3, 6, 5) - 0.1
    torch.testing.assert_close(A(x), x, atol=1e-6, rtol=0)
    torch.testing.assert_close(A.encode(A.decode(x)), x)


def test_black_and_white_stay_black_and_white() -> None:
    A = LightBlur((1, 9, 9), 1.5, 2.2, 3.0)
    for value in (0.0, 1.0):
        flat = torch.full((1, *A.shape_in), value, dtype=torch.float64)
        torch.testing.assert_close(A(flat), torch.full((1, 1, 9, 9), value, dtype=torch.float64))
    gray = torch.full((1, *A.shape_in), 0.5, dtype=torch.float64)
    assert float(A(gray).min()) > 0.6


def test_a_lamp_spreads_further_in_light_than_in_numbers() -> None:
    A = LightBlur((1, 15, 15), 1.5, boundary="periodic")
    linear = GaussianBlur((1, 15, 15), 1.5)
    lamp = torch.full((1, 1, 15, 15), 0.05, dtype=torch.float64)
    lamp[..., 7, 7] = 1.0
    aside = (..., 7, 10)
    assert float(A(lamp)[aside]) > 1.5 * float(linear(lamp)[aside])


@pytest.mark.parametrize("values", [{"gamma": 0.5}, {"saturation": 0.0}, {"sigma": -1.0}])
def test_impossible_light_is_refused(values: dict[str, float]) -> None:
    with pytest.raises(BadInput, match=next(iter(values))):
        LightBlur((1, 9, 9), **{"sigma": 1.0, **values})


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    rows, columns = np.mgrid[0:40, 0:48]
    waves = 0.5 + 0.4 * np.sin(rows / 5) * np.cos(columns / 7)
    path = tmp_path / "photo.png"
    Image.fromarray((255 * np.stack([waves, waves, 1 - waves], -1)).astype(np.uint8)).save(path)
    return path


def problem_of(photo: Path, **values: object) -> Problem:
    rng = torch.Generator().manual_seed(0)
    settings = make(RestorationSettings, values, "problem.")
    return build(settings, Context(device="cpu", rng=rng, inputs={"picture": photo}))


@pytest.mark.parametrize("damage", ["overexposed", "light_blur", "lost_phase"])
def test_the_bench_damages_shows_and_refuses(damage: str, photo: Path) -> None:
    problem = problem_of(photo, damage=damage, noise=0.02)
    shown = still_pictures(problem)
    assert shown["damaged"].shape == shown["clean"].shape == (40, 48, 3)
    assert problem.truth is not None
    residual = problem.operator(problem.operator.extend(problem.truth)) - problem.measurement
    assert float(residual.std()) == pytest.approx(0.02, rel=0.1)
    with pytest.raises(BadInput, match="not a linear damage") as refused:
        _ = problem.linear
    assert refused.value.field == "problem.damage"
    assert "\n" not in str(refused.value)


def test_magnitudes_are_shown_with_slow_waves_in_the_middle(photo: Path) -> None:
    shown = measured_picture(problem_of(photo, damage="lost_phase", noise=0.0))
    assert int(shown[0, 0].argmax()) == 20 * 48 + 24
    assert float(shown[..., 18:22, 22:26].min()) > 2 * float(shown.mean())
    assert float(shown.min()) >= 0.0
    assert float(shown.std()) > 0.05


def test_lost_phase_cannot_be_read_from_a_picture(photo: Path) -> None:
    with pytest.raises(BadInput, match="lost_phase") as refused:
        problem_of(photo, damage="lost_phase", already_damaged=True)
    assert refused.value.field == "problem.damage"
