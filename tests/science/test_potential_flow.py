"""Potential flows: the wave equation, the terms of their training, and what they learn."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from engine.method import BadInput, State
from engine.nets.potential_field import PotentialField
from engine.traversal import potentials
from engine.traversal.flow_training import FlowPlan, field_of, fit
from engine.traversal.generator import LinearGenerator
from engine.traversal.paths import Straight, curvature, path, return_error
from engine.traversal.potentials import (
    EXACT,
    Flow,
    Potential,
    PotentialWalk,
    acceleration,
    flow,
    gradient,
    hessian,
    jacobian_term,
    landscape,
    laplacian,
    pair_at,
    picture_change,
    probed_laplacian,
    rest_loss,
    row_sums,
    wave_loss,
    wave_residual,
)

D = 6


def normal(*shape: int, seed: int = 0) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=rng, dtype=torch.float64)


def plane_wave(k: Tensor, speed: float, height: float = 0.7) -> Potential:
    """``a sin(k . z - c |k| t)``, which obeys the wave equation with speed c and no other."""

    def u(z: Tensor, t: Tensor) -> Tensor:
        return height * torch.sin(z @ k - speed * torch.linalg.vector_norm(k) * t)

    return u


def field(count: int = 3, width: int = 8, seed: int = 0) -> PotentialField:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return PotentialField(count, D, width).double().requires_grad_(False)


# The wave equation.


def test_a_wave_has_no_residual_at_its_own_speed_and_one_at_any_other() -> None:
    z, t, c = normal(4, 50, D), 5 * normal(4, 50, seed=1).abs(), torch.tensor(1.3).double()
    u = plane_wave(normal(D, seed=2), 1.3)
    assert float(wave_residual(u, z, t, c).abs().max()) < 1e-6
    assert float(wave_loss(u, z, t, c)) < 1e-12
    for other in (0.5, 1.2, 1.4, 3.0):
        off = wave_residual(u, z, t, torch.tensor(other).double())
        # u_tt - c'^2 Laplacian(u) = (c'^2 - c^2) |k|^2 u.
        expected = (other**2 - 1.3**2) * normal(D, seed=2).square().sum() * u(z, t)
        assert torch.allclose(off, expected)
        assert float(off.square().mean().sqrt()) > 0.1


def test_the_published_operator_is_no_laplacian() -> None:
    M = normal(D, D)
    M = M + M.mT
    z, t = normal(5, D, seed=1), torch.zeros(5).double()

    def bowl(M: Tensor) -> Potential:
        return lambda z, t: 0.5 * ((z @ M) * z).sum(-1)

    assert torch.allclose(laplacian(bowl(M), z, t), M.trace().expand(5))
    assert torch.allclose(row_sums(bowl(M), z, t), M.sum(0).expand(5, D))
    # A saddle without Laplacian has row sums, and a bowl without row sums has a Laplacian.
    saddle = torch.diag(torch.tensor([1.0, -1.0] * (D // 2))).double()
    assert not laplacian(bowl(saddle), z, t).any()
    assert bool((row_sums(bowl(saddle), z, t).abs() == 1).all())
    centered = torch.eye(D).double() - 1 / D
    assert float(row_sums(bowl(centered), z, t).abs().max()) < 1e-14
    assert torch.allclose(laplacian(bowl(centered), z, t), torch.tensor(D - 1.0).double())
    # So to the published operator a true wave is none.
    u, c = plane_wave(normal(D, seed=2), 1.3), torch.tensor(1.3).double()
    z, t = normal(50, D), normal(50, seed=1)
    published = wave_residual(u, z, t, c, "published")
    assert published.shape == (50, D)
    assert float(published.square().mean().sqrt()) > 0.5
    assert float(wave_loss(u, z, t, c, "published")) == pytest.approx(
        float(published.square().mean())
    )


def test_derivatives_of_a_learned_potential_are_those_of_autograd() -> None:
    f = field()
    z, t = normal(3, 4, D), torch.arange(12).reshape(3, 4).double() / 3
    g, lap, u_tt = gradient(f, z, t), laplacian(f, z, t), acceleration(f, z, t)
    v = normal(3, 4, D, seed=4)
    moved, sums = hessian(f, z, t)(v), row_sums(f, z, t)
    for k in range(3):
        which = torch.tensor([k])
        for i in range(4):
            here, now = z[k, i], t[k, i]

            def u(z: Tensor, t: Tensor, which: Tensor = which) -> Tensor:
                return f(z[None, None], t[None, None], which)[0, 0]  # type: ignore[no-any-return]

            H = torch.autograd.functional.hessian(lambda x, s=now: u(x, s), here)
            assert torch.allclose(lap[k, i], H.trace())
            assert torch.allclose(moved[k, i], H @ v[k, i])
            assert torch.allclose(sums[k, i], H.sum(1))
            x = here.clone().requires_grad_()
            assert torch.allclose(g[k, i], torch.autograd.grad(u(x, now), x)[0])
            second = torch.autograd.functional.hessian(lambda s, x=here: u(x, s), now)
            assert torch.allclose(u_tt[k, i], second)


def test_random_signs_estimate_the_laplacian_without_bias() -> None:
    f = field()
    z, t = normal(3, 2, D), torch.zeros(3, 2).double()
    rng = torch.Generator().manual_seed(0)
    signs = torch.randint(2, (4000, 3, 2, D), generator=rng).double() * 2 - 1
    exact = laplacian(f, z, t)
    singles = torch.stack([probed_laplacian(f, z, t, v[None]) for v in signs[:200]])
    error = singles.std(0) / math.sqrt(4000)
    assert bool(((probed_laplacian(f, z, t, signs) - exact).abs() < 4 * error).all())
    # A Hessian that is diagonal is read without error.
    cube: Potential = lambda z, t: (z**3).sum(-1)  # noqa: E731
    assert torch.allclose(probed_laplacian(cube, z, t, signs[:1]), 6 * z.sum(-1))


def test_above_32_dimensions_the_loss_of_a_true_wave_is_still_nothing() -> None:
    d = EXACT + 8
    k = normal(d) / math.sqrt(d)
    u, c = plane_wave(k, 1.3, 1.0), torch.tensor(1.3).double()
    z, t = normal(5000, d, seed=1), normal(5000, seed=2)
    loss = float(wave_loss(u, z, t, c, rng=torch.Generator().manual_seed(0)))
    # What the square of one estimate of the same kind would give.
    rng = torch.Generator().manual_seed(1)
    signs = torch.randint(2, (potentials.PROBES, *z.shape), generator=rng).double() * 2 - 1
    single = acceleration(u, z, t) - c.square() * probed_laplacian(u, z, t, signs)
    biased = float(single.square().mean())
    assert biased > 0.3
    assert abs(loss) < 0.1 * biased
    wrong = float(wave_loss(u, z, t, 0 * c, rng=torch.Generator().manual_seed(0)))
    assert wrong == pytest.approx(float(acceleration(u, z, t).square().mean()))


# The networks.


def test_every_potential_is_its_own_network() -> None:
    f = field()
    z, t = normal(3, 4, D), torch.ones(3, 4).double()
    together = f(z, t)
    assert together.shape == (3, 4)
    for k in range(3):
        assert torch.allclose(f(z[k : k + 1], t[k : k + 1], torch.tensor([k]))[0], together[k])
    assert torch.allclose(f(z[[2, 0]], t[:2], torch.tensor([2, 0])), together[[2, 0]])
    assert bool((together.abs() < 1).all())
    f.bounded = False
    assert torch.allclose(torch.tanh(f(z, t)), together)
    assert torch.equal(f.speed, torch.ones(3).double())
    for width in (2, 7):
        with pytest.raises(BadInput, match="even, and 4 or more"):
            PotentialField(1, D, width)


# Walks.


def test_a_flow_takes_euler_steps_to_either_side() -> None:
    f = field()
    z = normal(3, 5, D)
    sign = torch.ones(3, 5).double()
    sign[:, 2:] = -1
    walked = flow(f, z, 4, sign=sign)
    assert walked.points.shape == (5, 3, 5, D)
    at = z
    for i in range(4):
        g = gradient(f, at, torch.full((3, 5), float(i)).double())
        assert torch.allclose(walked.gradients[i], g)
        at = at + sign[..., None] * g
        assert torch.allclose(walked.points[i + 1], at)
    # The walk of one potential is its row of the flow, forwards and backwards.
    walk = PotentialWalk(f, 1)
    both = path(walk, z[1], 4, both_sides=True)
    assert torch.allclose(both[4:, :2], walked.points[:, 1, :2])
    assert torch.allclose(both[:5, 2:].flip(0), walked.points[:, 1, 2:])
    # Steps of a given length keep the direction.
    unit = flow(f, z, 4, length=0.25)
    assert torch.allclose(unit.steps.norm(dim=-1), torch.tensor(0.25).double())
    cos = torch.cosine_similarity(unit.steps, unit.gradients, dim=-1)
    assert torch.allclose(cos, torch.ones_like(cos))
    still: Potential = lambda z, t: 0 * z.sum(-1)  # noqa: E731
    assert not flow(still, z, 2, length=1.0).steps.any()


def test_a_pair_has_its_own_time() -> None:
    walked = flow(field(), normal(3, 5, D), 4)
    times = torch.randint(3, (3, 5), generator=torch.Generator().manual_seed(0))
    pair = pair_at(walked, times)
    for k in range(3):
        for i in range(5):
            s = int(times[k, i])
            assert torch.equal(pair.before[k, i], walked.points[s + 1, k, i])
            assert torch.equal(pair.after[k, i], walked.points[s + 2, k, i])
            assert torch.equal(pair.step[k, i], walked.steps[s + 1, k, i])


def test_training_looks_through_a_walk_unless_it_is_detached() -> None:
    def first_step_matters(detach: bool) -> bool:
        pull = torch.tensor(1.0, requires_grad=True)

        def u(z: Tensor, t: Tensor) -> Tensor:
            # The scale of the potential is learned at time 0 only.
            return torch.where(t == 0, pull, 1.0) * z.square().sum(-1)

        walked = flow(u, torch.ones(1, 1, 2), 3, detach=detach)
        last = walked.points[-1].sum()
        slope = torch.autograd.grad(last, pull, allow_unused=True)[0] if last.grad_fn else None
        return slope is not None and bool(slope != 0)

    assert first_step_matters(detach=False)
    assert not first_step_matters(detach=True)


def test_flows_bend_and_miss_their_start_and_straight_walks_do_not() -> None:
    f = field(width=32)
    z = normal(40, D)
    curved = path(PotentialWalk(f, 0, length=0.5), z, 10)
    assert float(curvature(curved).mean()) > 1e-3
    missed = return_error(PotentialWalk(f, 0, length=0.5), z, 10)
    straight = Straight(normal(D, seed=1))
    assert float(curvature(path(straight, z, 10)).max()) < 1e-12
    assert float(return_error(straight, z, 10).max()) < 1e-12
    # Euler steps miss by the square of their size: half the steps, twice as many.
    finer = return_error(PotentialWalk(f, 0, length=0.25), z, 20)
    assert 1e-6 < float(finer.mean()) < float(missed.mean())


def test_energy_speed_and_landscape_along_a_walk() -> None:
    f = field()
    walk = PotentialWalk(f, 2)
    points = path(walk, normal(4, D), 3)
    u, speed = walk.along(points)
    assert u.shape == speed.shape == (4, 4)
    assert torch.allclose(speed[:-1], points.diff(dim=0).norm(dim=-1))
    assert torch.allclose(u[1], walk.potential(points[1], torch.ones(4).double()))
    plane = torch.linalg.qr(normal(D, 2))[0].mT
    values, slopes = landscape(walk, points[0, 0], plane, 0.01, 5, index=1)
    assert torch.allclose(values[2, 2], walk.potential(points[0, :1], torch.ones(1).double())[0])
    step = 0.02 / 4
    right, up = (values[2, 3] - values[2, 1]) / (2 * step), (values[3, 2] - values[1, 2]) / 0.01
    assert torch.allclose(slopes[2, 2], torch.stack([right, up]), atol=1e-4)


# Terms of the training.


def test_rest_and_change_are_measured_as_published_or_free_of_scale() -> None:
    g = normal(4, 2, 3, D)
    walked = Flow(g, g, g)
    assert float(rest_loss(walked, scale_free=False)) == pytest.approx(float(g[0].square().mean()))
    share = g[0].square().mean((1, 2)) / g.square().mean((0, 2, 3))
    assert float(rest_loss(walked)) == pytest.approx(float(share.mean()))
    louder = Flow(g, g * torch.tensor([100.0, 0.01]).double()[:, None, None], g)
    assert float(rest_loss(louder)) == pytest.approx(float(rest_loss(walked)), rel=1e-5)
    A = normal(12, D)
    generator = LinearGenerator(A, (3, 2, 2))
    z, step = normal(6, D), normal(6, D, seed=1)
    change, pictures = picture_change(generator.decode, z, step)
    assert torch.allclose(change, (step @ A.mT).square().mean(1))
    assert torch.equal(pictures, generator.decode(z))
    groups = change.reshape(2, 3)
    assert float(jacobian_term(groups, scale_free=False)) == pytest.approx(float(change.mean()))
    assert float(jacobian_term(groups)) == pytest.approx(float(groups.mean(1).log().mean()))


# Training.


def spectrum(gains: list[float], seed: int = 0) -> tuple[LinearGenerator, Tensor]:
    """A linear generator of 4 by 4 pictures with these singular values, and its right vectors."""
    rng = torch.Generator().manual_seed(seed)
    U = torch.linalg.qr(torch.randn(16, len(gains), generator=rng))[0]
    V = torch.linalg.qr(torch.randn(len(gains), len(gains), generator=rng))[0]
    return LinearGenerator(U * torch.tensor(gains) @ V.mT, (1, 4, 4)), V.mT


def trained(generator: LinearGenerator, plan: FlowPlan, seed: int = 0) -> State:
    *_, last = fit(generator, plan, seed=seed)
    return last


@pytest.mark.parametrize("scale_free", [True, False])
def test_a_potential_finds_what_changes_the_pictures_of_a_linear_map_most(scale_free: bool) -> None:
    generator, right = spectrum([2.0, 1.0, 0.8, 0.5, 0.2])
    plan = FlowPlan(
        count=1,
        width=16,
        steps=4,
        batch=16,
        iterations=120,
        rate=5e-3,
        wave=0.0,
        rest=0.0,
        jacobian=1.0,
        distinct=0.0,
        scale_free=scale_free,
        length=1.0,
    )
    before, after = (
        field_of(trained(generator, p).tensors) for p in (replace(plan, iterations=1), plan)
    )
    z = generator.sample(200, torch.Generator().manual_seed(9))
    for t in range(2):
        times = torch.full((200,), float(t))
        aligned = [
            torch.cosine_similarity(
                gradient(PotentialWalk(f, 0).potential, z, times), right[:1]
            ).abs()
            for f in (before, after)
        ]
        assert float(aligned[0].mean()) < 0.8
        assert float(aligned[1].min()) > 0.9


TWO_THAT_SHOW = [6.0, 5.0, 0.5, 0.5]


def test_flows_start_at_rest_and_bend() -> None:
    generator, _ = spectrum(TWO_THAT_SHOW)
    plan = FlowPlan(count=2, width=16, steps=8, batch=16, iterations=120, rate=5e-3, distinct=0.0)
    learned = field_of(trained(generator, plan, seed=2).tensors)
    z = generator.sample(200, torch.Generator().manual_seed(9))
    for k in range(2):
        walk = PotentialWalk(learned, k)
        points = path(walk, z, 4)
        _, speed = walk.along(points)
        assert float(speed[2].mean()) > 10 * float(speed[0].mean())
        # Not by having gone dead.
        assert float(speed[2].mean()) > 0.1
        assert float(curvature(points).mean()) > 1e-3
        assert float(return_error(walk, z, 4).mean()) > 1e-3


def test_potentials_learn_to_be_told_apart_whichever_way_they_are_walked() -> None:
    generator, _ = spectrum(TWO_THAT_SHOW)
    plan = FlowPlan(
        count=2, width=16, steps=4, batch=32, iterations=200, rate=6e-3, wave=0.0, length=0.7
    )
    accuracy = []
    for state in fit(generator, plan, seed=2):
        accuracy.append(state.scalars.get("accuracy", 0.0))
    assert accuracy[5] < 0.65
    assert accuracy[-1] > 0.95
    confusion = state.tensors["confusion"]
    assert bool((confusion.diagonal() > 0.9 * confusion.sum(1)).all())
    learned = field_of(state.tensors)
    z = generator.sample(200, torch.Generator().manual_seed(9))
    one, two = (path(PotentialWalk(learned, k, 0.7), z, 2)[-1] - z for k in range(2))
    assert float(torch.cosine_similarity(one, two).abs().mean()) < 0.5


TINY = FlowPlan(count=2, width=8, steps=6, batch=5, iterations=5)


def tiny() -> LinearGenerator:
    return spectrum([2.0, 1.0, 0.5])[0]


def copied(state: State) -> State:
    tensors = {name: tensor.clone() for name, tensor in state.tensors.items()}
    return State(state.step, state.total, tensors, dict(state.scalars))


@pytest.mark.parametrize(
    "plan",
    [
        TINY,
        replace(TINY, operator="published", scale_free=False, detach=True, learn_speed=False),
        replace(TINY, length=0.5, both_sides=False, jacobian=0.0),
        replace(TINY, distinct=0.0),
    ],
)
def test_a_training_goes_on_with_equal_bits(plan: FlowPlan, tmp_path: Path) -> None:
    states = [copied(state) for state in fit(tiny(), plan, seed=3)]
    assert [state.step for state in states] == list(range(6))
    assert all(torch.isfinite(torch.tensor(s.scalars["loss"])) for s in states[1:])
    states[2].save(tmp_path / "checkpoint")
    with torch.no_grad():
        # Whatever mode the driver is in.
        again = [
            copied(s) for s in fit(tiny(), plan, seed=3, state=State.load(tmp_path / "checkpoint"))
        ]
    assert [state.step for state in again] == [2, 3, 4, 5]
    for one, two in zip(states[2:], again, strict=True):
        assert one.scalars == two.scalars
        assert one.tensors.keys() == two.tensors.keys()
        assert all(torch.equal(one.tensors[n], two.tensors[n]) for n in one.tensors)
    moved = states[-1].tensors["field.log_speed"] != states[0].tensors["field.log_speed"]
    assert bool(moved.any()) == (plan.learn_speed and plan.wave > 0)


def test_the_plan_may_change_on_the_way_and_no_mode_stays_open() -> None:
    training = fit(tiny(), TINY, seed=3)
    first = copied(next(training))
    assert torch.is_grad_enabled()
    same = training.send(None)
    assert {"rest", "wave", "jacobian", "distinct", "accuracy"} < same.scalars.keys()
    quiet = training.send(replace(TINY, wave=0.0, rest=0.0, rate=0.0))
    assert "wave" not in quiet.scalars
    held = copied(quiet).tensors
    training.send(None)
    assert all(torch.equal(quiet.tensors[n], held[n]) for n in held if n.startswith("field."))
    assert not torch.equal(first.tensors["field.out.weight"], held["field.out.weight"])
    training.close()
    assert torch.is_grad_enabled()


def test_the_numbers_do_not_depend_on_what_else_draws() -> None:
    def last() -> State:
        torch.rand(3)
        return copied(trained(tiny(), TINY, seed=4))

    one, two = last(), last()
    assert all(torch.equal(one.tensors[n], two.tensors[n]) for n in one.tensors)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"count": 0}, "count is 0; it must be 1 or more"),
        ({"steps": 3}, "steps is 3; it must be 4 or more"),
        ({"iterations": 0}, "iterations is 0"),
    ],
)
def test_plans_that_no_training_can_have_are_refused(values: dict[str, int], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        FlowPlan(**values)  # type: ignore[arg-type]
