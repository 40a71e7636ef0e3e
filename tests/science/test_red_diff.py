"""RED-diff against closed forms: its fixed point, plain Adam, its love of modes, its cost."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from engine.method import BadInput, Settings, State
from engine.operators import (
    GaussianBlur,
    Identity,
    LinearOperator,
    Mask,
    Operator,
    Overexposure,
    random_mask,
)
from engine.restoration import red_diff
from engine.restoration.data_step import DataStep, LinearizedStep
from engine.restoration.diffusion import (
    centered,
    clean,
    draw,
    grid,
    noise_in,
    noise_of,
    noised,
    uncentered,
)
from engine.restoration.priors import Formula, GaussianPrior, MixturePrior, Prior, matrix_of
from engine.restoration.problem import Problem, RestorationSettings
from engine.restoration.red_diff import (
    AGREED,
    REFERENCE,
    adam,
    data_gradient,
    data_weight,
    level_order,
    level_weight,
    loss_gradient,
    solved_step,
    unexplained_noise,
)

SHAPE = (1, 5, 6)
SIGMA = 0.04


class Exact(Formula):
    """A formula in the place of a trained prior, for pictures of any size."""

    size = None


def gaussian() -> GaussianPrior:
    return GaussianPrior.power_law(SHAPE, torch.eye(1, dtype=torch.float64) * 0.03)


def masked() -> Mask:
    return Mask(random_mask(SHAPE[1:], 0.4, torch.Generator().manual_seed(2)), SHAPE[0])


def paper(**values: object) -> Settings:
    """The paper's way with its own steps; ``values`` are put in."""
    faithful = next(p.values for p in red_diff.METHOD.presets if p.name == "faithful")
    return red_diff.Params(**{**faithful, "prior": "photo-denoiser", **values})


def problem_of(A: Operator, y: Tensor, prior: Prior, sigma: float = SIGMA) -> Problem:
    loaded = {"photo-denoiser": prior}
    return Problem(A, y, sigma, None, RestorationSettings(), denoisers=loaded)  # type: ignore[arg-type]


def last(problem: Problem, params: Settings, seed: int = 0) -> State:
    solver = red_diff.solve(problem, params, torch.Generator().manual_seed(seed))
    state = next(solver)
    while True:
        try:
            state = solver.send(())
        except StopIteration:
            assert isinstance(state, State)
            return state


def fixed_point(
    prior: GaussianPrior, A: LinearOperator, y: Tensor, levels: list[float], weight: float
) -> Tensor:
    """Where the mean over ``levels`` of the expected gradient is zero: a linear system.

    With an exact prior ``eps_hat - eps`` has the mean ``(x - D(x)) 2 / sigma_t``, and
    ``x - D(x) = s^2 / (C + s^2) (x - m)`` at noise ``s = sigma_t / 2``.
    """
    unit = torch.eye(math.prod(SHAPE), dtype=torch.float64).reshape(-1, *SHAPE)
    pulls = []
    for abar in levels:
        s2 = (0.5 * noise_of(abar)) ** 2
        strength = weight * level_weight("linear", noise_of(abar)) * 2.0 / noise_of(abar)
        pulls.append(strength * s2 / (prior.spectrum + s2))
    prior_matrix = prior.filter(unit, torch.stack(pulls).mean(0)).reshape(unit.shape[0], -1).T
    matrix = matrix_of(A)
    measured = int(A.known.sum()) if isinstance(A, Mask) else matrix.shape[0]
    data = 2.0 * unit.shape[0] / measured * (REFERENCE / SIGMA) ** 2
    mean = prior.mean.expand(SHAPE).flatten()
    right = data * matrix.T @ (y.flatten() - matrix @ mean)
    return mean + torch.linalg.solve(data * matrix.T @ matrix + prior_matrix, right)


def test_it_comes_to_rest_where_the_averaged_loss_is_least() -> None:
    """Levels at random, small steps: the last iterates' mean, to 2 % of the prior's spread."""
    rng = torch.Generator().manual_seed(0)
    prior, A, weight = gaussian(), masked(), 0.25
    truth = prior.sample(1, rng)
    y = A(truth + SIGMA * torch.randn(truth.shape, generator=rng, dtype=torch.float64))
    levels = grid(100, 1.0)[:-1]
    network = Formula(prior)
    # Many pictures walk at once, so that their mean is a quiet estimate.
    mu = centered(truth.expand(64, -1, -1, -1)).contiguous()
    mean = square = torch.zeros_like(mu)
    total, kept, steps = torch.zeros(SHAPE, dtype=torch.float64), 0, 1500
    for k in range(steps):
        abar = levels[int(torch.randint(len(levels), (), generator=rng))]
        eps = draw(mu, rng)
        x = noised(mu, abar, eps)
        unexplained = noise_in(x, clean(network, x, abar), abar) - eps
        gradient = loss_gradient(
            data_gradient(A, y)(uncentered(mu)),
            unexplained,
            weight * level_weight("linear", noise_of(abar)),
            SIGMA,
            int(A.known.sum()),
        )
        mu, mean, square = adam(mu, gradient, mean, square, k, 0.003)
        if k >= 0.8 * steps:
            total, kept = total + uncentered(mu).mean(0), kept + 1
    expected = fixed_point(prior, A, y, levels, weight)
    apart = (total / kept).flatten() - expected
    spread = float(prior.spectrum.mean().sqrt())
    assert float(apart.square().mean().sqrt()) < 0.02 * spread
    # Another balance of the two terms, as sums in place of means would give, is found out.
    for wrong in (0.5, 2.0):
        other = fixed_point(prior, A, y, levels, wrong * weight) - expected
        assert float(other.square().mean().sqrt()) > 0.05 * spread


def test_without_a_prior_it_is_plain_adam_on_the_measurement() -> None:
    A, rng = GaussianBlur(SHAPE, 0.8), torch.Generator().manual_seed(1)
    y = A(torch.rand(1, *SHAPE, generator=rng))
    prior = Exact(GaussianPrior.power_law(SHAPE, 0.03 * torch.eye(1)))
    params = paper(steps=40, rate=0.05)
    found = last(problem_of(A, y, prior), params.model_copy(update={"weight": 0.0}))

    mu = torch.nn.Parameter(centered(y.clone()))
    # Any positive factor of the loss gives the same steps.
    plain = torch.optim.Adam([mu], lr=0.05, betas=(0.9, 0.99))
    for _ in range(40):
        plain.zero_grad()
        (100.0 * (A(uncentered(mu)) - y).square().mean()).backward()
        plain.step()
    torch.testing.assert_close(found.tensors["x"], uncentered(mu.detach()), atol=1e-4, rtol=0)
    assert float((mu.detach() - centered(y)).abs().mean()) > 0.1


def two_modes() -> MixturePrior:
    """Two pictures of four pixels that agree in their first pixel only."""
    means = torch.tensor([[0.5, 0.2, 0.8, 0.3], [0.5, 0.8, 0.2, 0.7]])
    return MixturePrior(torch.tensor([0.5, 0.5]), means, 4e-4 * torch.eye(4).expand(2, 4, 4))


def test_it_seeks_a_mode_where_the_mean_would_be_neither() -> None:
    prior = two_modes()
    A = Mask(torch.tensor([[True, False], [False, False]]), 1)
    y = A(torch.full((1, 1, 2, 2), 0.5))
    posterior = prior.posterior(y.flatten()[:1], torch.eye(4)[:1], SIGMA)
    torch.testing.assert_close(posterior.weights, torch.tensor([0.5, 0.5]))
    params = paper(steps=200, rate=0.05, weight=1.0, first=0.5, cooling=0.2)
    found = torch.stack(
        [
            last(problem_of(A, y, Exact(prior)), params, seed).tensors["x"].flatten()
            for seed in range(12)
        ]
    )
    to_modes = torch.cdist(found, posterior.means)
    half = 0.5 * float((posterior.means[0] - posterior.means[1]).norm())
    assert float(to_modes.amin(1).max()) < 0.2 * half
    assert set(to_modes.argmin(1).tolist()) == {0, 1}
    assert float((found - posterior.mean()).norm(dim=1).min()) > 0.8 * half


@pytest.mark.parametrize("A", [masked(), Overexposure(SHAPE, 2.0)], ids=["linear", "clipped"])
@pytest.mark.parametrize("passes", [1, 2], ids=["paper", "mirrored"])
def test_nothing_goes_back_through_the_network(A: Operator, passes: int) -> None:
    rng = torch.Generator().manual_seed(3)
    y = A(torch.rand(1, *SHAPE, generator=rng, dtype=torch.float64))
    prior = Exact(gaussian())
    params = paper(steps=7) if passes == 1 else red_diff.Params(prior="photo-denoiser", steps=7)
    state = last(problem_of(A, y, prior), params)
    assert (prior.calls, prior.backwards) == (7 * passes, 0)
    assert state.scalars["curves"]["calls"] == 7 * passes
    assert state.scalars["curves"]["backwards"] == 0
    assert not any(tensor.requires_grad for tensor in state.tensors.values())


def test_what_noise_stays_unexplained_is_the_papers() -> None:
    prior, rng, abar = gaussian(), torch.Generator().manual_seed(8), grid(50, 1.0)[20]
    x = torch.rand(2, *SHAPE, generator=rng, dtype=torch.float64)
    eps = draw(x, rng)
    noisy = noised(centered(x), abar, eps)
    expected = noise_in(noisy, clean(Formula(prior), noisy, abar), abar) - eps
    found = unexplained_noise(prior, x, 0.5 * noise_of(abar), eps)
    torch.testing.assert_close(found, expected)


def test_mirrored_noise_leaves_nothing_that_is_odd_in_it() -> None:
    """The exact Gaussian denoiser is affine: all of the noise goes."""
    prior, rng, sigma = gaussian(), torch.Generator().manual_seed(8), 0.2
    x = torch.rand(1, *SHAPE, generator=rng, dtype=torch.float64)
    eps = draw(x, rng)
    quiet = (x - prior(x, sigma)) / sigma
    torch.testing.assert_close(unexplained_noise(Formula(prior), x, sigma, eps, True), quiet)
    once = unexplained_noise(Formula(prior), x, sigma, eps)
    assert float((once - quiet).square().mean().sqrt()) > 0.1


def test_a_solved_step_is_the_gradient_by_the_inverse_curvature() -> None:
    A, rng, sigma, weight = GaussianBlur(SHAPE, 0.8), torch.Generator().manual_seed(9), 0.1, 0.7
    x, y, unexplained = torch.rand(3, 1, *SHAPE, generator=rng, dtype=torch.float64)
    gradient = loss_gradient(data_gradient(A, y)(x), unexplained, weight, SIGMA, y.numel())
    matrix, balance = matrix_of(A), data_weight(x.numel(), y.numel(), SIGMA)
    curvature = balance * matrix.T @ matrix + weight / sigma * torch.eye(len(matrix))
    expected = x.flatten() - 0.6 * torch.linalg.solve(curvature, gradient.flatten())
    found = solved_step(DataStep(A, y), x, unexplained, sigma, weight / sigma / balance, 0.6)
    torch.testing.assert_close(found.flatten(), expected)


def test_solved_steps_come_to_rest_where_the_gradient_is_zero() -> None:
    rng, weight, abar = torch.Generator().manual_seed(0), 0.25, grid(100, 1.0)[60]
    prior, A = gaussian(), masked()
    y = A(prior.sample(1, rng))
    noise, count = noise_of(abar), int(A.known.sum())
    balance = data_weight(math.prod(SHAPE), count, SIGMA)
    curvature = weight * level_weight("linear", noise) / (0.5 * noise * balance)
    x, step = torch.full((1, *SHAPE), 0.5, dtype=torch.float64), DataStep(A, y)
    for _ in range(400):
        found = unexplained_noise(Formula(prior), x, 0.5 * noise, draw(x, rng), True)
        x = solved_step(step, x, found, 0.5 * noise, curvature, 0.8)
    expected = fixed_point(prior, A, y, [abar], weight)
    torch.testing.assert_close(x.flatten(), expected, atol=1e-6, rtol=0)


def test_a_linearized_step_is_the_solution_of_a_linear_damage() -> None:
    A, rng = GaussianBlur(SHAPE, 0.8), torch.Generator().manual_seed(9)
    z, start, y = torch.rand(3, 1, *SHAPE, generator=rng, dtype=torch.float64)
    found = LinearizedStep(A, y, steps=40)(z, 0.3, start, tol=1e-10)
    torch.testing.assert_close(found, DataStep(A, y)(z, 0.3))


def test_a_linearized_step_leaves_clipped_pixels_to_the_prior() -> None:
    A, rng, rho = Overexposure(SHAPE, 2.0), torch.Generator().manual_seed(3), 0.7
    z, start = torch.rand(2, 1, *SHAPE, generator=rng, dtype=torch.float64)
    y = A(torch.rand(1, *SHAPE, generator=rng, dtype=torch.float64))
    found = LinearizedStep(A, y)(z, rho, start, tol=1e-12)
    open_ = start < 0.5
    assert 0.2 < float(open_.double().mean()) < 0.8
    expected = (2.0 * y + rho * z) / (4.0 + rho)
    torch.testing.assert_close(found[open_], expected[open_])
    torch.testing.assert_close(found[~open_], z[~open_])


@pytest.mark.parametrize("A", [masked(), GaussianBlur(SHAPE, 0.8)], ids=["mask", "blur"])
def test_matched_weights_are_those_of_splitting(A: LinearOperator) -> None:
    """One step from the first picture, against the step of plug-and-play."""
    rng, prior = torch.Generator().manual_seed(4), gaussian()
    y = A(torch.rand(1, *SHAPE, generator=rng, dtype=torch.float64))
    params = red_diff.Params(
        prior="photo-denoiser", steps=5, weight=0.06, part=1.0, cooling=1.0, first=0.3
    )
    solver = red_diff.solve(problem_of(A, y, Exact(prior)), params, rng)
    x, after = next(solver).tensors["x"], solver.send(()).tensors["x"]
    level = 0.5 * noise_of(grid(5, 0.3)[0])
    rho = 4.0 * params.weight * SIGMA**2 / level**2
    torch.testing.assert_close(after, DataStep(A, y)(prior(x, level), rho))


def test_both_ways_to_the_data_gradient_agree() -> None:
    A, rng = masked(), torch.Generator().manual_seed(4)
    x, y = torch.rand(1, *SHAPE, generator=rng), torch.rand(1, *SHAPE, generator=rng)

    class Hidden(Operator):
        """The same map without its adjoint."""

        shape_in = shape_out = SHAPE

        def __call__(self, x: Tensor) -> Tensor:
            return A(x)

    torch.testing.assert_close(data_gradient(A, y)(x), data_gradient(Hidden(), y)(x))


def test_the_balance_is_that_of_the_paper_in_its_own_units() -> None:
    """At the reference noise, against autograd on the loss as it is published."""
    A, rng = masked(), torch.Generator().manual_seed(5)
    y = A(torch.rand(1, *SHAPE, generator=rng, dtype=torch.float64))
    mu = torch.randn(1, *SHAPE, generator=rng, dtype=torch.float64, requires_grad=True)
    unexplained = torch.randn(1, *SHAPE, generator=rng, dtype=torch.float64)
    known = A.known[None]
    residual = (centered(y) - mu)[known]
    loss = 0.5 * residual.square().mean() + 0.3 * (unexplained * mu).mean()
    (expected,) = torch.autograd.grad(math.prod(SHAPE) * loss, mu)
    ours = loss_gradient(
        data_gradient(A, y)(uncentered(mu.detach())), unexplained, 0.3, REFERENCE, int(known.sum())
    )
    torch.testing.assert_close(ours, expected)
    louder = loss_gradient(
        data_gradient(A, y)(uncentered(mu.detach())), unexplained, 1.2, 2 * REFERENCE,
        int(known.sum()),
    )  # fmt: skip
    torch.testing.assert_close(louder - 1.2 * unexplained, 0.25 * (ours - 0.3 * unexplained))


def test_noise_levels_weigh_as_their_rules_say() -> None:
    expected = {
        "linear": 4.0, "sqrt": 2.0, "square": 16.0, "log": math.log(5.0), "clipped": 1.0,
        "power": 4.0 ** (2 / 3), "constant": 1.0, "matched": AGREED**2,
    }  # fmt: skip
    rules = red_diff.Params.model_fields["rule"].annotation
    assert {"auto", *expected} == set(rules.__args__)  # type: ignore[union-attr]
    for rule, value in expected.items():
        assert level_weight(rule, 4.0) == pytest.approx(value)  # type: ignore[arg-type]
    assert level_weight("clipped", 0.5) == 0.5
    # In centered units, twice as large.
    assert level_weight("matched", 2 * AGREED) == level_weight("linear", 2 * AGREED)
    assert level_weight("matched", 4.0, 0.25) == 4.0 * level_weight("matched", 4.0)


def test_levels_are_visited_in_the_order_asked_for() -> None:
    rng = torch.Generator().manual_seed(6)
    assert level_order(4, "descending", rng).tolist() == [0, 1, 2, 3]
    assert level_order(4, "ascending", rng).tolist() == [3, 2, 1, 0]
    assert sorted(level_order(50, "random", rng).tolist()) == list(range(50))
    assert level_order(50, "random", rng).tolist() != list(range(50))


def test_a_prior_of_another_size_is_refused() -> None:
    prior = Exact(gaussian())
    prior.size = 32  # type: ignore[assignment]
    A = Identity(SHAPE)
    with pytest.raises(BadInput, match="32"):
        last(problem_of(A, torch.zeros(1, *SHAPE), prior), red_diff.Params(prior="photo-denoiser"))
