"""Learned proximal networks against what is proved of them, and against closed forms."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from engine.data.pictures import write_png
from engine.method import BadInput
from engine.models.proximal import Batch, Loss, Stage, Trainer, fit
from engine.nets.lpn import ConvexLine, ConvexPicture
from engine.operators import (
    Downsample,
    GaussianBlur,
    Grayscale,
    Identity,
    LinearOperator,
    Mask,
    random_mask,
)
from engine.restoration import learned_prox
from engine.restoration.data_step import DataStep
from engine.restoration.learned_prox import GaussianPotential, LearnedProx
from engine.restoration.lpn import Strength, admm_step, gradient_step, relaxed, strength
from engine.restoration.lpn_prior import second, spoiled, value
from engine.restoration.priors import GaussianPrior

SHAPE = (3, 12, 16)
OPERATORS: dict[str, LinearOperator] = {
    "noise": Identity(SHAPE),
    "blur": GaussianBlur(SHAPE, 1.6, "periodic"),
    "missing": Mask(random_mask(SHAPE[1:], 0.5, torch.Generator().manual_seed(0)), 3),
    "low resolution": Downsample(SHAPE, 2),
    "lost color": Grayscale(SHAPE),
}


def picture_prox(seed: int = 0, sigma: float = 0.05) -> LearnedProx:
    """An untrained network, curved strongly: what is proved holds for it as well."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = ConvexPicture(3, 6, beta=30.0, center=0.5, alpha=1e-3, gain=3.0).double()
    return LearnedProx(network, sigma=sigma)


def picture(seed: int = 1, channels: int = 3) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    return torch.rand(1, channels, *SHAPE[1:], generator=rng, dtype=torch.float64)


def measured(A: LinearOperator, sigma: float = 0.05) -> DataStep:
    rng = torch.Generator().manual_seed(2)
    clean = A(picture())
    noise = torch.randn(clean.shape, generator=rng, dtype=clean.dtype)
    y = clean + sigma * noise
    return DataStep(A, A(y) if isinstance(A, Mask) else y)


def admm(data: DataStep, prox: LearnedProx, at: Strength, steps: int) -> tuple[Tensor, list[float]]:
    z = x = picture(5)
    u = torch.zeros_like(z)
    certificates = []
    for _ in range(steps):
        x, u, z, certificate = admm_step(z, u, x, data, prox, at)
        certificates.append(certificate)
    return z, certificates


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("share", [1.0, 0.2])
def test_certificate_falls_inside_the_guarantee(name: str, share: float) -> None:
    A = OPERATORS[name]
    _, certificates = admm(measured(A), picture_prox(), Strength(1.05 * A.norm**2, share), 30)
    slack = 1e-10 * max(map(abs, certificates))
    assert all(b <= a + slack for a, b in itertools.pairwise(certificates))
    assert certificates[-1] < certificates[0] - 1e-4


@pytest.mark.parametrize("name", OPERATORS)
def test_the_data_step_knows_its_misfit_and_slope(name: str) -> None:
    data, z = measured(OPERATORS[name]), picture(5)
    x, squares = data.judged(z, 0.4, tol=1e-10)
    torch.testing.assert_close(x, data(z, 0.4, tol=1e-10))
    assert squares == pytest.approx(float((data.A(x) - data.y).square().sum()), rel=1e-9)
    slope, squares = data.slope(x)
    torch.testing.assert_close(slope, data.A.adjoint(data.A(x) - data.y))
    assert squares == pytest.approx(float((data.A(x) - data.y).square().sum()), rel=1e-9)


def test_certificate_can_rise_outside_of_it() -> None:
    """Else the test above could not fail."""
    A = OPERATORS["noise"]
    _, certificates = admm(measured(A), picture_prox(), Strength(0.2 * A.norm**2, 1.0), 30)
    assert any(b > a + 1e-3 for a, b in itertools.pairwise(certificates))


def test_certificate_is_the_augmented_lagrangian() -> None:
    A, prox, rho = OPERATORS["blur"], picture_prox(), 1.3
    data, z = measured(A), picture(5)
    x, u, z, certificate = admm_step(z, torch.zeros_like(z), z, data, prox, Strength(rho, 1.0))
    y, psi, residual = prox.invert(z, steps=400, tol=1e-9)
    assert float(residual[0]) < 1e-8
    R = float(prox.prior(y, z, psi)[0])
    h = 0.5 * float((A(x) - data.y).square().sum())
    coupling = float((u * (x - z)).sum() + 0.5 * (x - z).square().sum())
    assert certificate == pytest.approx(h + rho * (R + coupling), rel=1e-6)


@pytest.mark.parametrize("name", OPERATORS)
def test_objective_of_gradient_steps_falls(name: str) -> None:
    A, prox, x = OPERATORS[name], picture_prox(), picture(5)
    data, at = measured(A), Strength(1.05 * A.norm**2, 1.0)
    values = []
    for _ in range(30):
        x, _, objective = gradient_step(x, data, prox, at)
        values.append(objective)
    assert all(b <= a + 1e-10 * abs(a) for a, b in itertools.pairwise(values))


def gaussian(sigma: float) -> LearnedProx:
    variance = 0.04 * (0.5 * torch.eye(3, dtype=torch.float64) + 0.5)
    prior = GaussianPrior.power_law(SHAPE, variance, basis="fourier")
    return LearnedProx(GaussianPotential(prior, sigma), sigma=sigma)


def potential_of(prox: LearnedProx) -> GaussianPotential:
    assert isinstance(prox.network, GaussianPotential)
    return prox.network


def test_a_gaussian_prior_is_read_exactly() -> None:
    prox = gaussian(0.1)
    a, b = picture(7), 0.5 + 0.3 * (picture(8) - 0.5)
    nats = [value(prox, x, steps=300, tol=1e-10)[0] for x in (a, b)]
    log_density = potential_of(prox).gaussian.log_density
    assert float(nats[0] - nats[1]) == pytest.approx(
        float(log_density(b) - log_density(a)), rel=1e-5
    )


def test_admm_arrives_at_the_posterior_mean_of_a_gaussian() -> None:
    """With the whole prox and ``rho sigma_f^2 = sigma^2`` the objective is minus log posterior."""
    A, sigma, rho = OPERATORS["blur"], 0.05, 1.2
    prox = gaussian(sigma / math.sqrt(rho))
    data = measured(A, sigma)
    z, _ = admm(data, prox, Strength(rho, 1.0), 400)
    prior = potential_of(prox).gaussian
    slope = A.adjoint(A(z) - data.y) / sigma**2 - prior.score(z)
    assert float(slope.abs().max()) < 1e-6 * float(A.adjoint(data.y).abs().max()) / sigma**2


def test_strength_matches_the_noise_and_stays_inside() -> None:
    A = OPERATORS["blur"]
    quiet = strength(A, 0.01, 0.05, margin=1.05)
    assert quiet.rho == pytest.approx(1.05 * A.norm**2)
    assert quiet.rho * quiet.share * 0.05**2 == pytest.approx(0.01**2)
    loud = strength(A, 0.2, 0.05, margin=1.05)
    assert loud == Strength(pytest.approx(16.0), 1.0)  # type: ignore[arg-type]
    assert strength(A, 0.01, 0.05, margin=0.2, matched=False).share == 1.0


def test_a_share_of_the_prox_is_a_gradient_with_that_envelope() -> None:
    prox, v, d = picture_prox(), picture(3), picture(4) - 0.5
    f, _ = relaxed(prox, v, 0.3)
    _, ahead = relaxed(prox, v + 1e-5 * d, 0.3)
    _, behind = relaxed(prox, v - 1e-5 * d, 0.3)
    # The envelope is 1/2 ||v||^2 - psi_t(v), whose gradient is v - f_t(v).
    assert (ahead - behind) / 2e-5 == pytest.approx(float(((v - f) * d).sum()), rel=1e-4)


def test_inversion_finds_what_the_prox_maps_there() -> None:
    prox, y = picture_prox(), torch.cat([picture(3), picture(4), 0.5 * picture(6)])
    x = prox(y)
    found, psi, residual = prox.invert(x, steps=400, tol=1e-8)
    assert float(residual.max()) < 1e-7
    assert torch.allclose(prox(found), x, rtol=0, atol=1e-6)
    assert torch.allclose(psi, prox.evaluate(y)[1] + ((found - y) * x).sum((1, 2, 3)), rtol=1e-6)


def test_a_picture_in_parts_is_one_prox(monkeypatch: pytest.MonkeyPatch) -> None:
    prox = picture_prox()
    y = torch.rand(1, 3, 75, 90, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    f, psi = prox.evaluate(y)
    monkeypatch.setattr(learned_prox, "PART", 32)
    parts, total = prox.evaluate(y)
    assert prox.calls == 1 + 9
    assert torch.allclose(parts, f, rtol=0, atol=1e-12)
    assert float(total[0]) == pytest.approx(float(psi[0]), rel=1e-12)


def test_a_gray_prior_serves_colors_as_one_potential() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = ConvexPicture(1, 4, size=8).double()
    prox = LearnedProx(network, sigma=0.1, channels=3)
    y = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    d = torch.randn(y.shape, generator=torch.Generator().manual_seed(1), dtype=y.dtype)
    f, _ = prox.evaluate(y)
    slope = (prox.evaluate(y + 1e-5 * d)[1] - prox.evaluate(y - 1e-5 * d)[1]) / 2e-5
    assert float(slope) == pytest.approx(float((f * d).sum()), rel=1e-5)
    assert torch.equal(f[:, 0], f[:, 2])
    assert prox.sigma == pytest.approx(0.1 * math.sqrt(3))


@pytest.mark.parametrize("loss", ["l2", "l1", "match"])
def test_every_loss_gives_a_gaussian_the_same_line(loss: Loss) -> None:
    """Posterior mean, median and mode of a Gaussian are one: a wrong scale of a loss shows."""
    tau, sigma = 1.0, 0.7

    def draw(step: int, seed: int) -> Batch:
        rng = torch.Generator().manual_seed(1000 * seed + step)
        u = (torch.arange(800) + torch.rand(800, generator=rng)) / 800
        x = tau * math.sqrt(2) * torch.erfinv(2 * u.clamp(1e-6, 1 - 1e-6) - 1)
        y = 2.5 * (2 * (torch.arange(40) + torch.rand(40, generator=rng)) / 40 - 1)
        weights = torch.softmax(-0.5 * ((y[:, None] - x) / sigma) ** 2, 1)
        return Batch(x[:, None], y[:, None], weights)

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        trainer = Trainer(ConvexLine(width=24, hidden=2), average=0.98)
    stages = [Stage(loss, 400, 1e-2, gamma=0.5, last=1e-4)]
    for _ in fit({"": trainer}, {"": stages}, draw, seed=0):
        pass
    y = torch.linspace(-2, 2, 81)[:, None]
    f = trainer.use_mean()(y).detach()
    assert float((f - y * tau**2 / (tau**2 + sigma**2)).abs().max()) < 0.05


def test_the_second_picture_of_a_blend_is_the_middle_of_a_file(tmp_path: Path) -> None:
    height, width = SHAPE[1:]
    wide = torch.zeros(3, 2 * height, 6 * width)
    wide[1, :, 2 * width : 4 * width] = 1.0
    write_png(tmp_path / "wide.png", wide)
    found = second(str(tmp_path / "wide.png"), picture(3).float())
    assert found.shape == (1, *SHAPE)
    torch.testing.assert_close(found[0].mean((1, 2)), torch.tensor([0.0, 1.0, 0.0]))
    assert second(str(tmp_path / "wide.png"), picture(3, 1)).shape == (1, 1, height, width)
    with pytest.raises(BadInput, match=r"other: picture 'none\.png' does not exist") as refused:
        second(str(tmp_path / "none.png"), picture(3))
    assert refused.value.field == "other"


def test_blur_and_blend_are_what_they_say() -> None:
    x, noise = picture(3), torch.zeros(1, *SHAPE)
    assert torch.equal(spoiled(x, "blur", 0.0, noise), x)
    mirrored = second("", x)
    assert torch.allclose(spoiled(x, "blend", 1.0, mirrored), x.flip(-1))
    assert torch.equal(spoiled(x, "blend", 0.5, mirrored), spoiled(mirrored, "blend", 0.5, x))
    even = torch.full_like(x, 0.3)
    assert torch.allclose(spoiled(even, "blur", 2.0, noise), even)
    assert float(spoiled(x, "blur", 2.0, noise).std()) < 0.5 * float(x.std())
