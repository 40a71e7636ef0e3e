"""The three methods on small pictures: order, live knobs, resuming, tiles, first pictures."""

from __future__ import annotations

from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from engine import headless
from engine.data.samples import samples
from engine.discovery import installed
from engine.messages import RunRequest, Tune
from engine.method import BadInput, Settings, Solve, State
from engine.models.zoo import available
from engine.operators import GaussianBlur, Identity, Mask, random_mask
from engine.plan import plan
from engine.restoration import plug_and_play, total_variation, wiener
from engine.restoration.data_step import DataStep
from engine.restoration.metrics import psnr
from engine.restoration.plug_and_play import denoised, noise_levels, tiles
from engine.restoration.priors import PatchDenoiser, scale_mixture
from engine.restoration.problem import Problem, RestorationSettings
from engine.restoration.start import filled, first_picture

SIZE = (40, 56)


def cartoon(size: tuple[int, int] = SIZE) -> Tensor:
    rows, columns = torch.meshgrid(*(torch.linspace(0, 1, n) for n in size), indexing="ij")
    picture = torch.stack([0.3 + 0.2 * rows, 0.5 - 0.3 * columns, 0.4 + 0 * rows])[None]
    picture[..., (rows - 0.5).abs() + (columns - 0.4).abs() < 0.3] = 0.85
    picture[:, 0, (rows > 0.7) & (columns > 0.6)] = 0.1
    return picture


def blurred(noise: float = 0.01, size: tuple[int, int] = SIZE) -> Problem:
    truth = cartoon(size)
    A = GaussianBlur((3, *size), 1.2, "padded")
    rng = torch.Generator().manual_seed(0)
    y = A(A.extend(truth))
    y = y + noise * torch.randn(y.shape, generator=rng)
    return Problem(A, y, noise, truth, RestorationSettings())


def run(
    solve: Solve,
    params: Settings,
    problem: Problem,
    state: State | None = None,
    tune: dict[int, dict[str, Any]] | None = None,
    stop: int | None = None,
) -> list[State]:
    """Copies of the states that are yielded, at most ``stop`` of them."""
    generator = solve(problem, params, torch.Generator(), state)
    states = [copied(next(generator))]
    while stop is None or len(states) < stop:
        events = (Tune((tune or {})[len(states)]),) if len(states) in (tune or {}) else ()
        try:
            states.append(copied(generator.send(events)))
        except StopIteration:
            break
    return states


def copied(state: Any) -> State:
    assert isinstance(state, State)
    tensors = {name: tensor.clone() for name, tensor in state.tensors.items()}
    return State(state.step, state.total, tensors, dict(state.scalars))


CASES = {
    "wiener": (wiener.solve, wiener.Params(), "trust"),
    "total_variation": (total_variation.solve, total_variation.Params(steps=40), "trust"),
    "plug_and_play": (
        plug_and_play.solve,
        plug_and_play.Params(prior="mixture", steps=6),
        "weight",
    ),
}


def quality(problem: Problem, state: State) -> float:
    assert problem.truth is not None
    return psnr(problem.operator.crop(state.tensors["x"]).clamp(0, 1), problem.truth)


@pytest.mark.parametrize("name", CASES)
def test_every_method_heals(name: str) -> None:
    solve, params, _ = CASES[name]
    problem = blurred()
    states = run(solve, params, problem)
    assert problem.truth is not None
    assert quality(problem, states[-1]) > psnr(problem.measurement, problem.truth) + 2.0
    assert states[-1].step == states[-1].total


@pytest.mark.parametrize("name", CASES)
def test_resumed_in_the_middle_it_ends_with_equal_bits(name: str, tmp_path: Path) -> None:
    solve, params, live = CASES[name]
    problem = blurred()
    tune = {2: {live: 0.5}}
    whole = run(solve, params, problem, tune=tune)
    cut = run(solve, params, problem, tune=tune, stop=4)
    cut[-1].save(tmp_path / "state")
    resumed = run(solve, params, problem, state=State.load(tmp_path / "state"))
    assert resumed[0].step == cut[-1].step
    assert resumed[-1].step == whole[-1].step
    for key, tensor in whole[-1].tensors.items():
        assert torch.equal(resumed[-1].tensors[key], tensor)


@pytest.mark.parametrize("name", CASES)
def test_trust_moves_the_picture_while_it_runs(name: str) -> None:
    solve, params, live = CASES[name]
    problem = blurred(0.05)
    plain = run(solve, params, problem)[-1].tensors["x"]
    smooth = run(solve, params, problem, tune={2: {live: 8.0}})[-1].tensors["x"]
    assert total_variation.total_variation_of(smooth) < total_variation.total_variation_of(plain)


def test_a_constant_measurement_is_answered_by_itself() -> None:
    problem = blurred()
    flat = torch.full_like(problem.measurement, 0.5)
    problem = Problem(problem.operator, flat, 0.01, None, RestorationSettings())
    for solve, params, _ in CASES.values():
        x = run(solve, params, problem)[-1].tensors["x"]
        torch.testing.assert_close(x, torch.full_like(x, 0.5), atol=2e-3, rtol=0)


def test_edges_are_worth_more_than_smoothness_on_a_cartoon() -> None:
    problem = blurred(0.02)
    reached = {name: quality(problem, run(*case[:2], problem)[-1]) for name, case in CASES.items()}
    assert reached["total_variation"] > reached["wiener"] + 0.5
    assert reached["plug_and_play"] > reached["wiener"]


@pytest.mark.skipif(not available("photo-denoiser"), reason="the denoiser's weights are absent")
def test_the_network_is_worth_more_than_edges() -> None:
    problem = blurred(0.02, (64, 96))
    params = plug_and_play.Params()
    network = quality(problem, run(plug_and_play.solve, params, problem)[-1])
    edges = quality(problem, run(*CASES["total_variation"][:2], problem)[-1])
    assert network > edges


def test_noise_levels_fall_by_one_ratio() -> None:
    levels = noise_levels(8, 0.2, 0.01)
    assert levels[0] == pytest.approx(0.2)
    assert levels[-1] == pytest.approx(0.01)
    ratios = [b / a for a, b in pairwise(levels)]
    assert max(ratios) - min(ratios) < 1e-12
    assert noise_levels(1, 0.2, 0.01) == [0.01]
    assert noise_levels(3, 0.1, 0.4) == [0.4, 0.4, 0.4]


@pytest.mark.parametrize("size", [(100, 100), (300, 257), (1000, 130), (129, 128)])
def test_tiles_keep_every_pixel_once(size: tuple[int, int]) -> None:
    count = torch.zeros(size, dtype=torch.int)
    for tile in tiles(*size, side=128):
        seen = torch.ones(size)[tile.seen]
        assert max(seen.shape) <= 128
        kept = torch.zeros(1, *size)
        tile.write(seen[None], kept)
        count += kept[0].int()
    assert bool((count == 1).all())


def test_in_tiles_it_finds_nearly_the_same_picture() -> None:
    problem = blurred(0.02, (150, 200))
    whole = plug_and_play.Params(prior="mixture", steps=3)
    small = whole.model_copy(update={"tile": 128})
    one, many = (run(plug_and_play.solve, p, problem) for p in (whole, small))
    assert many[-1].total == 3 * 2 * 4
    # The patches of a tile begin elsewhere than those of the whole: a little differs.
    apart = many[-1].tensors["x"] - one[-1].tensors["x"]
    assert float(apart.abs().mean()) < 2e-3
    middle = many[10]
    resumed = run(plug_and_play.solve, small, problem, state=middle)
    assert torch.equal(resumed[-1].tensors["x"], many[-1].tensors["x"])


def test_turning_does_not_move_the_picture() -> None:
    picture = cartoon()
    for turn in range(9):
        torch.testing.assert_close(denoised(lambda x, sigma: x, picture, 0.1, turn), picture)

    def tilted(x: Tensor, sigma: float | Tensor) -> Tensor:
        return x * torch.linspace(0, 1, x.shape[-1]) * torch.linspace(1, 2, x.shape[-2])[:, None]

    outcomes = [denoised(tilted, picture, 0.1, turn) for turn in range(8)]
    assert not any(torch.allclose(a, b) for a, b in combinations(outcomes, 2))


def test_the_library_gives_what_the_workbench_gives() -> None:
    problem = blurred()
    denoiser = PatchDenoiser(scale_mixture())
    *_, final = plug_and_play.plug_and_play_steps(
        problem.measurement, problem.operator, problem.sigma, denoiser, steps=6,
        first=plug_and_play.Params().first,
    )  # fmt: skip
    solved = run(*CASES["plug_and_play"][:2], problem)[-1]
    torch.testing.assert_close(final.z, solved.tensors["x"], atol=1e-6, rtol=0)


@pytest.mark.parametrize("rho", [1e-3, 0.1, 2.0])
def test_the_data_step_is_the_operators_prox(rho: float) -> None:
    problem = blurred()
    z = first_picture(problem.operator, problem.measurement)
    found = DataStep(problem.operator, problem.measurement)(z, rho, tol=1e-6)
    torch.testing.assert_close(
        found, problem.operator.prox(problem.measurement, z, rho), atol=5e-3, rtol=0
    )


def test_holes_are_filled_and_known_pixels_kept() -> None:
    picture = cartoon()
    known = random_mask(SIZE, 0.6, torch.Generator().manual_seed(0))
    known[10:30, 20:40] = False
    A = Mask(known, 3)
    x = first_picture(A, A(picture))
    assert torch.equal(x[..., known], picture[..., known])
    assert float((x - picture).abs().mean()) < 0.05
    assert float(x[..., ~known].min()) > 0.05
    assert torch.equal(filled(picture, torch.ones_like(picture)), picture)


def test_denoising_needs_no_first_guess() -> None:
    picture = cartoon()
    assert torch.equal(first_picture(Identity((3, *SIZE)), picture), picture)


@pytest.mark.parametrize("name", CASES)
def test_every_method_has_a_help_page(name: str) -> None:
    page = installed().catalogue.method(f"restoration.{name}").help
    assert page.startswith("# ")
    for part in ("What it does", "When to use it", "What to expect", "Knobs", "Source"):
        assert part in page


def test_every_example_is_whole() -> None:
    catalogue = installed().catalogue
    assert not [module for module in catalogue.broken if "restoration" in module]
    examples = catalogue.bench("restoration").examples
    assert len(examples) >= 3
    for example in examples:
        assert example.seconds <= 60
        assert example.inputs["picture"].removeprefix("sample:") in samples()


@pytest.mark.parametrize("method", ["restoration.lpn_prior", "restoration.lpn_line"])
def test_a_page_about_a_prior_has_its_own_problem_and_refuses_another(method: str) -> None:
    set_here = {"damage": "noise", "missing": {"kind": "painted"}, "working_size": 64}
    agreed = plan(RunRequest(method=method, problem=set_here))
    fixed = agreed.method.fixed
    assert {name: getattr(agreed.problem, name) for name in fixed} == fixed
    # What is not fixed counts.
    assert agreed.problem.working_size == 64
    for value, line in (
        ("blur", "problem.damage: blur is not what this method works on (allowed noise)"),
        ("rain", "problem.damage: 'rain' is not one of the choices (allowed noise, blur"),
    ):
        with pytest.raises(BadInput) as caught:
            plan(RunRequest(method=method, problem={"damage": value}))
        assert str(caught.value).startswith(line)
        assert caught.value.field == "problem.damage"
    # As text, and as a run has it that began before the method had fixed fields.
    as_text = headless.with_settings(
        RunRequest(method=method), [f"problem.{name}={value}" for name, value in fixed.items()]
    )
    assert plan(as_text).problem == plan(RunRequest(method=method)).problem
    older = RunRequest(method=method, problem={"damage": "blur"})
    assert plan(older, resume=True).problem.damage == "noise"
