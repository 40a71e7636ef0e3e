"""The classic rules of traversal against what is known of them in closed form."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from engine.method import BadInput
from engine.traversal import axes, interpolation, pca, sefa, supervised
from engine.traversal.generator import LinearGenerator
from engine.traversal.interpolation import OppositeWarning, keyframes, lerp, normed_lerp, slerp
from engine.traversal.paths import Shifts, Straight, curvature, path, return_error, spread
from engine.traversal.random_directions import random_directions

D = 7


def normal(*shape: int, seed: int = 0) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=rng, dtype=torch.float64)


def white(n: int, d: int, seed: int = 0) -> Tensor:
    """Latents whose mean is exactly 0 and whose covariance is exactly the identity."""
    z = normal(n, d, seed=seed)
    z = z - z.mean(0)
    lower = torch.linalg.cholesky(z.mT @ z / n)
    return torch.linalg.solve_triangular(lower, z.mT, upper=False).mT


def norm(x: Tensor) -> Tensor:
    return torch.linalg.vector_norm(x, dim=-1)


def same_lines(a: Tensor, b: Tensor, within: float = 1e-8) -> bool:
    """Whether two stacks of unit vectors (K, d) agree up to their signs."""
    return bool(((a * b).sum(-1).abs() > 1 - within).all())


# Between two latents.


def test_a_line_has_exact_ends_and_dips_by_the_root_of_one_half() -> None:
    a, b = normal(2000, 64), normal(2000, 64, seed=1)
    line = lerp(a, b, torch.linspace(0, 1, 5))
    assert torch.equal(line[0], a)
    assert torch.equal(line[-1], b)
    assert float(norm(line[2]).mean() / norm(a).mean()) == pytest.approx(math.sqrt(0.5), abs=0.005)
    round_ = normed_lerp(a, b, torch.linspace(0, 1, 5))
    assert torch.allclose(norm(round_[2]), 0.5 * (norm(a) + norm(b)))
    assert torch.allclose(round_[0], a)
    assert torch.allclose(round_[-1], b)


@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
def test_a_great_circle_keeps_equal_norms(kind: torch.dtype) -> None:
    a, b = normal(200, 9), normal(200, 9, seed=1)
    a, b = (3 * x / norm(x)[:, None] for x in (a, b))
    # From nearly the same to nearly opposite, where the angle is hard to tell.
    for k, apart in enumerate([3e-5, 1e-3, 1e-2, math.pi - 1e-2, math.pi - 1e-5]):
        side = b[k] - (b[k] @ a[k]) / 9 * a[k]
        b[k] = math.cos(apart) * a[k] + math.sin(apart) * 3 * side / norm(side)
    t = torch.linspace(0, 1, 21)
    arc = slerp(a.to(kind), b.to(kind), t)
    assert float((norm(arc) / 3 - 1).abs().max()) < 1e-6
    assert torch.allclose(arc[0].double(), a, atol=1e-6)
    assert torch.allclose(arc[-1].double(), b, atol=1e-6)
    # Even in angle.
    turns = torch.cosine_similarity(arc[1:].double(), arc[:-1].double(), dim=-1).clamp(-1, 1).acos()
    whole = torch.cosine_similarity(a, b, dim=-1).acos()
    assert torch.allclose(turns[:, 5:], (whole / 20)[5:].expand(20, -1), atol=1e-3)


def test_unequal_norms_are_interpolated() -> None:
    a, b = normal(20, 5), 2 * normal(20, 5, seed=1)
    t = torch.linspace(0, 1, 7)
    assert torch.allclose(norm(slerp(a, b, t)), lerp(norm(a), norm(b), t))


def test_nearly_equal_latents_and_zero_are_joined_by_a_line() -> None:
    a = normal(1, 5)
    t = torch.linspace(0, 1, 7)
    for b in (a, a + 1e-6 * normal(1, 5, seed=1), 2 * a, torch.zeros(1, 5).double()):
        assert torch.allclose(slerp(a, b, t), lerp(a, b, t), rtol=1e-7)
    assert not slerp(torch.zeros(1, 5), torch.zeros(1, 5), t).any()


def test_opposite_latents_are_joined_by_half_a_circle_and_a_warning() -> None:
    a = torch.stack([normal(6), normal(6, seed=1)])
    b = torch.stack([-a[0], normal(6, seed=2)])
    with pytest.warns(OppositeWarning, match="any great circle"):
        arc = slerp(a, b, torch.linspace(0, 1, 9))
    assert float((norm(arc[:, 0]) / norm(a[0]) - 1).abs().max()) < 1e-12
    assert float(arc[4, 0] @ a[0]) == pytest.approx(0.0, abs=1e-12)
    assert torch.allclose(arc[-1], b)
    # The other row of the batch is what it would be alone.
    assert torch.equal(arc[:, 1:], slerp(a[1:], b[1:], torch.linspace(0, 1, 9)))
    # Through zero there is no direction to correct the norm in.
    assert torch.equal(normed_lerp(a[:1], -a[:1], torch.tensor([0.5]))[0], 0 * a[:1])


def test_a_loop_through_keyframes_closes_smoothly() -> None:
    keys = normal(5, 4)
    loop = keyframes(keys, 100)
    assert loop.shape == (500, 4)
    assert torch.equal(loop[::100], keys)
    # One frame on from the last is frame 0, with its slope and its curvature. The third
    # differences of a spline are bounded, so second ones hardly change between frames.
    around = torch.cat([loop, loop[:4]])
    first, second = around.diff(dim=0), around.diff(n=2, dim=0)
    assert float(first[499].sub(first[498]).abs().max()) < 0.05 * float(first.abs().max())
    steps = second.diff(dim=0).abs().amax(1)
    assert float(steps[496:].max()) <= 1.01 * float(steps[:496].max())
    # One that does not come back: half as many again would show at the seam.
    open_ = keyframes(keys, 100, loop=False)
    assert open_.shape == (401, 4)
    assert torch.equal(open_[::100], keys)
    assert not torch.allclose(open_[1:].diff(dim=0)[-1], first[400], atol=1e-4)


def test_few_keyframes() -> None:
    keys = normal(2, 3)
    assert torch.equal(keyframes(keys[:1], 4), keys[:1].expand(4, 3))
    there = keyframes(keys, 4)
    assert torch.allclose(there[1], there[7])
    assert torch.allclose(there[2], keys.mean(0))
    with pytest.raises(BadInput, match="pin one"):
        keyframes(keys[:0], 4)
    with pytest.raises(BadInput, match="frames per key are 0"):
        keyframes(keys, 0)


def test_a_circle_of_keyframes_is_nearly_a_circle() -> None:
    angles = torch.arange(8, dtype=torch.float64) * math.pi / 4
    loop = keyframes(torch.stack([angles.cos(), angles.sin()], 1), 10)
    # The bound of Hall and Meyer (1976) for cubic splines, 5/384 h^4 times the fourth derivative.
    assert float((norm(loop) - 1).abs().max()) < 5 / 384 * (math.pi / 4) ** 4


# Paths.


def test_straight_walks_come_back_and_have_no_curvature() -> None:
    z = normal(50, D)
    walk = Straight(normal(D, seed=1))
    both = path(walk, z, 10, 0.7, both_sides=True)
    assert both.shape == (21, 50, D)
    assert torch.equal(both[10], z)
    assert torch.allclose(both[0] + both[-1], 2 * z)
    assert torch.allclose(both[-1], z + 7 * walk.sigma)
    assert torch.equal(path(walk, z, 10, 0.7), both[10:])
    assert float(return_error(walk, z, 10, 0.7).max()) < 1e-13
    assert float(curvature(both).max()) < 1e-13
    # On a grid that floating numbers hold exactly, to the bit.
    grid = Straight((8 * walk.sigma).round() / 8)
    start = (64 * z).round() / 64
    assert not return_error(grid, start, 10, 0.5).any()


def test_a_walk_that_turns_is_curved() -> None:
    turning = Shifts(torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]))
    points = path(turning, torch.zeros(1, 2), 3)
    assert points[-1].tolist() == [[2.0, 2.0]]
    assert float(curvature(points)[0]) == pytest.approx(1.0)
    assert float(return_error(turning, torch.zeros(1, 2), 3)[0]) == 0.0
    with pytest.raises(BadInput, match="2 points"):
        curvature(points[:2])


# Axes.


def test_a_sweep_changes_one_axis() -> None:
    z = normal(3, D)
    values = axes.prior_values(5)
    swept = axes.sweep(z, 2, values)
    assert swept.shape == (5, 3, D)
    assert torch.allclose(swept[:, :, 2], values.double()[:, None].expand(5, 3))
    rest = [k for k in range(D) if k != 2]
    assert torch.equal(swept[..., rest], z[:, rest].expand(5, 3, D - 1))
    assert values.tolist() == [-3.0, -1.5, 0.0, 1.5, 3.0]
    with pytest.raises(BadInput, match="axis is 7"):
        axes.sweep(z, D, values)


def test_the_posterior_range_holds_98_percent() -> None:
    codes = 2 * normal(20_000, 3) + 1
    values = axes.posterior_values(codes, 1, 9)
    inside = (codes[:, 1] >= values[0]) & (codes[:, 1] <= values[-1])
    assert float(inside.double().mean()) == pytest.approx(0.98, abs=1e-3)
    # 2.326 sigmas of a normal law.
    assert float(values[-1]) == pytest.approx(1 + 2 * 2.326, abs=0.15)


def test_dead_axes_are_left_out_and_move_nothing() -> None:
    means = torch.tensor([1.0, 0.0, 0.6, 0.0]) * normal(4000, 4)
    log_variance = torch.tensor([0.1, 1.0, 0.5, 1.0]).double().log().expand(4000, 4)
    told = axes.nats(means, log_variance)
    # Of a normal posterior of mean m and variance v: (m^2 + v - 1 - log v) / 2.
    expected = 0.5 * (means[:, 0].square().mean() + 0.1 - 1 - math.log(0.1))
    assert float(told[0]) == pytest.approx(float(expected))
    assert float(told[1]) == 0.0
    live = axes.axes(means, log_variance)
    assert live.vectors.argmax(1).tolist() == [0, 2]
    decoder = LinearGenerator(torch.diag(torch.tensor([3.0, 0.0, 1.0, 0.0])))
    z = torch.zeros(1, 4)
    for axis in range(4):
        pictures = decoder.decode(axes.sweep(z, axis, axes.prior_values(3))[:, 0])
        assert bool((pictures != pictures[1]).any()) == (axis in (0, 2))
    with pytest.raises(BadInput, match="every axis is dead"):
        axes.axes(0 * means, 0 * log_variance)


# Directions without labels.


def test_principal_components_of_a_linear_map_are_its_left_singular_vectors() -> None:
    B = normal(9, 5)
    U, S, _ = torch.linalg.svd(B, full_matrices=False)
    w = white(500, 5) @ B.mT + 4.0
    found = pca.pca(w)
    assert same_lines(found.vectors, U.mT)
    assert torch.allclose(found.sigmas, S)
    assert torch.allclose(found.scores, S.square())
    # One sigma of the walk is one standard deviation of the codes.
    moved = found.walk(0).step(w[:1], 0, 1.0) - w[:1]
    assert float(norm(moved)) == pytest.approx(float(S[0]))
    assert torch.allclose(spread(found.vectors, w), S)
    # The side of the Gram matrix makes no difference.
    few = w[:4]
    assert same_lines(pca.pca(few).vectors, torch.linalg.svd(few - few.mean(0))[2][:3])
    with pytest.raises(BadInput, match="count is 6; these codes have 1 to 5"):
        pca.pca(w, 6)
    with pytest.raises(BadInput, match="1 of them"):
        pca.pca(w[:1])


def test_components_of_features_are_carried_back_to_the_latents() -> None:
    A = normal(20, D)
    _, S, Vh = torch.linalg.svd(A, full_matrices=False)
    z = white(400, D)
    found = pca.feature_pca(z, z @ A.mT, 3)
    assert same_lines(found.vectors, Vh[:3])
    assert torch.allclose(found.sigmas, torch.ones(3).double())
    assert torch.allclose(found.scores, S[:3].square())
    # One sigma of the walk moves the features by one sigma of the component.
    moved = found.walk(1).step(z[:1], 0, 1.0) - z[:1]
    assert float(norm(moved @ A.mT)) == pytest.approx(float(S[1]))


def test_sefa_is_the_singular_value_decomposition_of_a_linear_map() -> None:
    A = normal(12, D)
    generator = LinearGenerator(A)
    _, S, Vh = torch.linalg.svd(A)
    found = sefa.sefa(generator.first_linear(), normalized=False)
    assert same_lines(found.vectors, Vh)
    assert torch.allclose(found.scores, S.square())
    # The first one moves the picture most.
    others = random_directions(D, 1000, torch.Generator().manual_seed(0)).vectors.double()
    moved = norm(generator.decode(others).flatten(1))
    best = norm(generator.decode(found.vectors[:1]).flatten(1))
    assert bool((moved <= best).all())
    assert float(best) == pytest.approx(float(S[0]))


def test_sefa_gives_every_feature_the_same_weight() -> None:
    A = normal(12, D)
    A[3] = 0.0
    louder = A * torch.linspace(1, 50, 12).double()[:, None]
    found = sefa.sefa(A, 4)
    assert torch.allclose(sefa.sefa(louder, 4).vectors, found.vectors)
    assert not same_lines(
        sefa.sefa(louder, normalized=False).vectors, sefa.sefa(A, normalized=False).vectors, 1e-2
    )
    # All but the silent feature have unit norm, so the eigenvalues add up to their number.
    assert float(sefa.sefa(A).scores.sum()) == pytest.approx(11.0)
    assert bool((sefa.sefa(A).scores.diff() <= 0).all())
    with pytest.raises(BadInput, match="count is 8"):
        sefa.sefa(A, 8)


def test_random_directions_are_uniform_units() -> None:
    rng = torch.Generator().manual_seed(0)
    found = random_directions(3, 20_000, rng)
    assert torch.allclose(norm(found.vectors), torch.ones(20_000))
    moment = found.vectors.mT @ found.vectors / 20_000
    assert torch.allclose(moment, torch.eye(3) / 3, atol=0.01)
    codes = normal(500, D) * 2.5
    some = random_directions(D, D, rng, codes=codes, orthogonal=True)
    assert torch.allclose(some.vectors @ some.vectors.mT, torch.eye(D).double(), atol=1e-12)
    assert torch.allclose(some.sigmas, (codes @ some.vectors.mT).std(0, correction=0))
    again = random_directions(D, 2, torch.Generator().manual_seed(5))
    assert torch.equal(
        again.vectors, random_directions(D, 2, torch.Generator().manual_seed(5)).vectors
    )
    with pytest.raises(BadInput, match="count is 8; it must be 1 to 7"):
        random_directions(D, D + 1, rng, orthogonal=True)


# Directions with labels.


def planted(n: int = 4000) -> tuple[Tensor, Tensor, Tensor]:
    """A unit vector, latents, and labels that depend on it with some noise."""
    v = normal(D, seed=3)
    v = v / norm(v)
    codes = normal(n, D, seed=4)
    return v, codes, codes @ v + 0.3 * normal(n, seed=5) > 0.2


def test_labels_give_a_planted_direction_back() -> None:
    v, codes, labels = planted()
    for rule in (supervised.class_means, supervised.logistic):
        assert float(rule(codes, labels) @ v) > 0.995
    # Whatever the scale of an axis: a plane's normal changes as the inverse of it.
    scale = torch.logspace(-1, 1, D).double()
    there = supervised.logistic(codes * scale, labels)
    assert float(there @ (v / scale) / norm(v / scale)) > 0.99
    found = supervised.directions(v[None], 2 * codes)
    assert float(found.sigmas) == pytest.approx(2.0, rel=0.05)


def test_correlated_latents_mislead_means_and_not_the_regression() -> None:
    v, codes, _ = planted()
    other = normal(D, seed=9)
    other = other - (other @ v) * v
    # Moves along v come with moves along another direction.
    codes = codes + (codes @ v)[:, None] * other
    labels = codes @ v + 0.3 * normal(len(codes), seed=5) > 0.2
    assert float(supervised.logistic(codes, labels) @ v) > 0.99
    assert float(supervised.class_means(codes, labels) @ v) < 0.7


def test_separable_labels_have_an_answer() -> None:
    v, codes, _ = planted()
    assert float(supervised.logistic(codes, codes @ v > 0) @ v) > 0.999


def test_the_regression_is_where_its_gradient_vanishes() -> None:
    _, codes, labels = planted(500)
    x, _ = supervised._standardized(codes)
    x = torch.cat([x, torch.ones_like(x[:, :1])], 1)
    w = supervised._newton(x, labels.double(), 0.1)
    ridge = torch.tensor([0.1] * D + [0.0], dtype=torch.float64)
    slope = x.mT @ ((x @ w).sigmoid() - labels.double()) / 500 + ridge * w
    assert float(slope.abs().max()) < 1e-12


def test_projection_takes_the_others_out() -> None:
    v = normal(D)
    others = normal(2, D, seed=1)
    left = supervised.without(v, torch.cat([others, others[:1]]))
    assert float((others @ left).abs().max()) < 1e-12
    assert float(norm(left)) == pytest.approx(1.0)
    # No more than that is taken.
    basis = torch.linalg.qr(others.mT)[0]
    expected = v - basis @ (basis.mT @ v)
    assert same_lines(left[None], (expected / norm(expected))[None])
    with pytest.raises(BadInput, match="nothing is left"):
        supervised.without(others[0] - others[1], others)


def test_labels_that_say_nothing_are_refused() -> None:
    _, codes, labels = planted(20)
    with pytest.raises(BadInput, match="all alike"):
        supervised.class_means(codes, torch.ones(20, dtype=torch.bool))
    with pytest.raises(BadInput, match="20 of type bool"):
        supervised.logistic(codes, labels[:5])
    with pytest.raises(BadInput, match="penalty is 0"):
        supervised.logistic(codes, labels, 0.0)


def test_angles_that_count_as_none_are_far_from_rounding() -> None:
    assert torch.finfo(torch.float64).eps ** 0.5 < interpolation.NEARLY_OPPOSITE
