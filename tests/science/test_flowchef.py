"""FlowChef against closed forms, and what its gradient costs and is worth."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from engine.method import BadInput, State
from engine.operators import (
    Downsample,
    GaussianBlur,
    Identity,
    LinearOperator,
    Mask,
    Overexposure,
    rectangle_mask,
)
from engine.restoration.data_step import DataStep
from engine.restoration.diffusion import centered
from engine.restoration.flow import flow_steps, sigma_at, times
from engine.restoration.flowchef import METHOD, Params, flowchef_step, solve
from engine.restoration.priors import Formula, GaussianPrior, MixturePrior
from engine.restoration.problem import Problem, RestorationSettings
from engine.restoration.steering import (
    Pull,
    steering,
    toward_measurement,
    toward_nonlinear,
)

SHAPE = (1, 8, 8)


def unit(count: int = 2, shape: tuple[int, ...] = SHAPE, seed: int = 0) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(count, *shape, generator=rng, dtype=torch.float64)


def spectrum(white: bool = False) -> GaussianPrior:
    """A stationary Gaussian on 8 x 8 pixels that wrap around, in [0, 1] units."""
    variance = torch.tensor([[0.04]], dtype=torch.float64)
    prior = GaussianPrior.power_law(SHAPE, variance, basis="fourier")
    flat = torch.full_like(prior.spectrum, 0.04)
    return GaussianPrior("fourier", prior.mean, flat if white else prior.spectrum, prior.axes)


class Reflowed:
    """The straight flow of a Gaussian: ``x_0 = m + C^(1/2) z`` as a denoiser.

    From ``x_t = (1 - t) x_0 + t z`` follows ``z = ((1 - t) C^(1/2) + t)^-1 (x_t - (1 - t) m)``:
    what a perfectly reflowed network would know.
    """

    def __init__(self, prior: GaussianPrior) -> None:
        self.prior, self.root = prior, 2 * prior.spectrum.sqrt()

    def __call__(self, x: Tensor, sigma: float | Tensor) -> Tensor:
        t = 2 * float(sigma) / (1 + 2 * float(sigma))
        gain = (1 - t) * self.root / ((1 - t) * self.root + t)
        return self.prior.mean + self.prior.filter(x - self.prior.mean, gain)

    def end(self, z: Tensor) -> Tensor:
        """Where the flow leads from the noise ``z``; centered."""
        return centered(self.prior.mean) + self.prior.filter(z, self.root)


def pull_of(A: LinearOperator, y: Tensor, strength: float) -> Pull:
    def pull(x0: Tensor) -> tuple[Tensor, float]:
        step, loss = toward_measurement(DataStep(A, y), x0)
        return strength * step, loss

    return pull


def walked(
    prior: Formula, x: Tensor, walk: list[float], pull: Pull | None, **how: object
) -> Tensor:
    for t, following in pairwise(walk):
        steered = pull if following > 0 else None
        x = flowchef_step(x, prior, t, following, steered, **how).x  # type: ignore[arg-type]
    return x


def measured(A: LinearOperator, seed: int = 5) -> Tensor:
    truth = spectrum().sample(1, torch.Generator().manual_seed(seed))
    return A(truth)


def test_a_straight_flow_ends_at_the_nearest_picture_that_explains_the_measurement() -> None:
    # A mask and white pixels have one eigenbasis. Steering then moves measured pixels only,
    # and along straight paths their correction lasts: the end is the unsteered end,
    # projected on the pictures with A x = y.
    flow = Reflowed(spectrum(white=True))
    A = Mask(rectangle_mask((8, 8), (0.25, 0.25, 0.75, 0.75)), 1)
    y, z = measured(A), unit()
    free = flow.end(z)
    projected = torch.where(A.known, centered(y), free)
    x = walked(Formula(flow), z, times(60, math.inf), pull_of(A, y, 0.5))
    torch.testing.assert_close(x, projected, atol=2e-4, rtol=0)
    assert float((free - projected).abs().max()) > 0.5


@pytest.mark.parametrize("inner", [1, 3])
def test_a_straight_flow_forgets_each_frequency_at_the_foretold_rate(inner: int) -> None:
    # For a blur and a stationary Gaussian every frequency is alone. The correction moves x_t
    # by d; the old velocity carries d on to the following time u, where it moves the guess by
    # J d with J = sqrt(c) / ((1 - u) sqrt(c) + u). So a steered step multiplies the distance
    # of x_0 to y / s by 1 - J (1 - (1 - g)^inner), where g = strength s^2.
    prior, A, strength = spectrum(), GaussianBlur(SHAPE, 0.8), 0.7
    flow, walk = Reflowed(prior), times(30, math.inf)
    y, z = measured(A), unit()
    s, root = A.spectrum.abs(), 2 * prior.spectrum.sqrt()
    kept = torch.ones_like(root)
    for u in walk[1:-1]:
        J = root / ((1 - u) * root + u)
        kept = kept * (1 - J * (1 - (1 - strength * s**2) ** inner))
    sharp = centered(torch.fft.ifft2(torch.fft.fft2(y) / A.spectrum).real)
    expected = sharp + prior.filter(flow.end(z) - sharp, kept)
    x = walked(Formula(flow), z, walk, pull_of(A, y, strength), inner=inner)
    torch.testing.assert_close(x, expected, atol=2e-5, rtol=0)  # it begins at time 1 - 1e-5


def test_with_the_true_gradient_the_rate_has_the_slope_twice() -> None:
    prior, A, strength = spectrum(), Identity(SHAPE), 0.2
    flow, walk = Reflowed(prior), times(30, math.inf)
    y, z = measured(A), unit()
    root = 2 * prior.spectrum.sqrt()
    kept = torch.ones_like(root)
    for t, u in pairwise(walk[:-1]):
        # The gradient passed back through the network at t, and the guess moves as at u.
        slopes = [root / ((1 - time) * root + time) for time in (t, u)]
        kept = kept * (1 - strength * slopes[0] * slopes[1])
    expected = centered(y) + prior.filter(flow.end(z) - centered(y), kept)
    x = walked(Formula(flow), z, walk, pull_of(A, y, strength), skipping=False)
    torch.testing.assert_close(x, expected, atol=2e-5, rtol=0)  # it begins at time 1 - 1e-5


def test_the_curved_flow_of_the_score_reaches_the_measurement_too() -> None:
    # Identity, full pull: each x_0 is y, and the last step leaves D at time 1/N.
    prior, A = spectrum(), Identity(SHAPE)
    y, z = measured(A), unit()
    errors = []
    for count in (25, 50, 100):
        x = walked(Formula(prior), z, times(count, math.inf), pull_of(A, y, 1.0))
        errors.append(float((x - centered(y)).square().mean().sqrt()))
    assert errors[-1] < 0.02
    assert errors[0] > 1.7 * errors[1] > 2.9 * errors[2]


def test_unsteered_it_is_the_flow() -> None:
    walk, z = times(10, math.inf), unit()
    *_, expected = flow_steps(Formula(spectrum()), z, walk)
    torch.testing.assert_close(walked(Formula(spectrum()), z, walk, None), expected)


@pytest.mark.parametrize(
    ("how", "backwards"),
    [
        ({"skipping": True}, 0),
        ({"skipping": True, "inner": 4}, 0),
        ({"skipping": True, "inner": 4, "compare": True}, 9),
        ({"skipping": False, "inner": 4}, 36),
    ],
)
def test_what_a_walk_costs(how: dict[str, object], backwards: int) -> None:
    prior, A = Formula(spectrum()), Identity(SHAPE)
    walked(prior, unit(), times(10, math.inf), pull_of(A, measured(A), 0.5), **how)
    assert prior.calls == 10
    assert prior.backwards == backwards


def test_comparing_changes_nothing() -> None:
    A = Identity(SHAPE)
    pull, walk = pull_of(A, measured(A), 0.5), times(10, math.inf)
    plain = walked(Formula(spectrum()), unit(), walk, pull)
    torch.testing.assert_close(
        walked(Formula(spectrum()), unit(), walk, pull, compare=True), plain, atol=1e-12, rtol=0
    )


def cosine_at(prior: Formula, t: float, A: LinearOperator, y: Tensor) -> float:
    x = (1 - t) * centered(spectrum().sample(2, torch.Generator().manual_seed(9))) + t * unit()
    cosine = flowchef_step(x, prior, t, 0.9 * t, pull_of(A, y, 1.0), compare=True).cosine
    assert cosine is not None
    return cosine


def test_cosine_of_a_gaussian_is_the_closed_form() -> None:
    # Both Jacobians are diagonal in frequency, so the cosine is a ratio of weighted means.
    prior, A = spectrum(), Identity(SHAPE)
    y = measured(A)
    c = 4 * prior.spectrum
    for t in (0.9, 0.6, 0.3, 0.1, 0.01):
        curved = (1 - t) * c / ((1 - t) ** 2 * c + t**2)
        straight = c.sqrt() / ((1 - t) * c.sqrt() + t)
        x = (1 - t) * centered(prior.sample(2, torch.Generator().manual_seed(9))) + t * unit()
        found = {}
        for name, denoise, J in (
            ("score", prior, curved),
            ("flow", Reflowed(prior), straight),
        ):
            guess = centered(denoise((x / (1 - t) + 1) / 2, sigma_at(t)))
            power = torch.fft.fft2(guess - centered(y)).abs().square()
            top = (power * J).sum((1, 2, 3))
            bottom = power.sum((1, 2, 3)) * (power * J**2).sum((1, 2, 3))
            expected = float((top / bottom.sqrt()).mean())
            found[name] = cosine_at(Formula(denoise), t, A, y)
            assert found[name] == pytest.approx(expected, abs=1e-6)
        # Straight paths help where it matters, far from the picture; near it both are right.
        assert found["flow"] > found["score"] or min(found.values()) > 0.98


def test_towards_the_picture_the_quick_gradient_becomes_the_true_one() -> None:
    rng = torch.Generator().manual_seed(1)
    roots = 0.1 * torch.randn(3, 64, 64, generator=rng, dtype=torch.float64)
    mixture = MixturePrior(
        torch.tensor([0.2, 0.3, 0.5], dtype=torch.float64),
        torch.rand(3, 64, generator=rng, dtype=torch.float64),
        roots @ roots.mT / 8 + 1e-3 * torch.eye(64, dtype=torch.float64),
    )
    A = GaussianBlur(SHAPE, 0.8)
    y = A(mixture.sample(1, rng).reshape(1, *SHAPE))
    cosines = [cosine_at(Formula(mixture), t, A, y) for t in (0.9, 0.5, 0.2, 0.05, 0.005)]
    assert max(cosines[:3]) < 0.9
    assert cosines[-2] > 0.95
    assert cosines[-1] > 0.999


@pytest.mark.parametrize(
    "A",
    [Identity((3, 64, 64)), GaussianBlur((3, 64, 64), 1.0), Downsample((3, 64, 64), 4, "average")],
    ids=["identity", "blur", "average"],
)
def test_strength_is_the_papers_s_at_its_size(A: LinearOperator) -> None:
    x0 = 0.5 * unit(1, (3, 64, 64))
    y = A((0.5 * unit(1, (3, 64, 64), seed=2) + 1) / 2)
    leaf = x0.requires_grad_(True)
    # The paper: mean squared error of centered pictures, times s = 500.
    loss = (centered(A((leaf + 1) / 2)) - centered(y)).square().mean()
    (gradient,) = torch.autograd.grad(loss, leaf)
    loss = loss.detach()
    step, value = toward_measurement(DataStep(A, y), x0.detach())
    torch.testing.assert_close(500 * gradient, 0.08138 * step, rtol=1e-3, atol=1e-12)
    assert value == pytest.approx(float(loss))


def test_a_full_step_solves_what_is_not_clipped_of_an_overexposed_picture() -> None:
    A = Overexposure(SHAPE, 2.0)
    x0 = 0.3 * unit(2)
    y = A((0.3 * unit(1, seed=4) + 1) / 2)
    before = toward_nonlinear(A, y, x0)
    picture = (x0 + 1) / 2
    open_ = (2 * picture < 1 - 2e-3) & (2 * picture > 2e-3)
    # Unclipped pixels are y = 2 x: the full step sets them to y / 2; clipped ones stay.
    moved = (x0 - before[0] + 1) / 2
    torch.testing.assert_close(moved[open_], (y / 2).expand_as(moved)[open_], atol=5e-3, rtol=0)
    clipped = (2 * picture > 1) | (picture < 0)
    torch.testing.assert_close(moved[clipped], picture[clipped])
    assert toward_nonlinear(A, y, x0 - before[0])[1] < before[1]


def test_the_chosen_flow_says_which_classes_there_are() -> None:
    # A gray picture could be clothing; who asked for the flow of emoji means emoji.
    A = Identity((3, 32, 32))
    problem = Problem(A, torch.full((1, 3, 32, 32), 0.5), 0.01, None, RestorationSettings())
    assert steering(problem, "class", "sneaker").index == 7
    assert steering(problem, "class", "sneaker", "fashion-flow").index == 7
    assert steering(problem, "class", "face", "emoji-flow").index == 0
    with pytest.raises(BadInput, match="no class that “Emoji score” knows"):
        steering(problem, "class", "sneaker", "emoji-flow")


def test_pictures_of_a_class_are_neither_averaged_nor_scored() -> None:
    A = Identity((3, 32, 32))
    problem = Problem(A, torch.full((1, 3, 32, 32), 0.5), 0.01, None, RestorationSettings())
    for task, restores in (("restore", True), ("class", False)):
        params = Params(task=task, subject="sneaker", samples=2, steps=4)
        solver = solve(problem, params, torch.Generator().manual_seed(0))
        next(solver)
        state = solver.send(())
        assert isinstance(state, State)
        assert state.scalars["restores"] == restores
        samples, x = state.tensors["samples"], state.tensors["x"].clamp(0, 1)
        assert torch.allclose(x[0], samples[0], atol=1e-5) != restores


def test_a_class_and_a_hole_are_asked_for_before_a_run() -> None:
    def unfit(**params: str) -> BadInput:
        assert METHOD.fits is not None
        given = Params(**params)  # type: ignore[arg-type]
        with pytest.raises(BadInput) as caught:
            METHOD.fits(given, RestorationSettings(damage="blur"))
        return caught.value

    told = unfit(task="class", prior="fashion-flow", subject=" ")
    assert told.field == "subject"
    assert str(told).startswith("subject: choose one of T-shirt or top; trousers")
    assert "more" not in str(told)
    assert str(unfit(task="class")).endswith("more")
    hole = unfit(task="edit", subject="face")
    assert hole.field == "problem.damage"
    assert "“Out of focus” leaves no hole" in str(hole)
    assert "“Missing pixels”" in str(hole)
