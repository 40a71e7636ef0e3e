"""A VAE whose latents flow as its pictures are transformed."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from engine.data import factors
from engine.data.sprites import Sprites
from engine.method import BadInput
from engine.models.vae_losses import cross_entropy, normal_kl
from engine.nets.potential_field import PotentialField
from engine.traversal.paths import Straight, path
from engine.traversal.potential_regularizer import (
    Transformed,
    Weights,
    equivariance_error,
    factor_steps,
    mean_shifts,
    regularized,
)
from engine.traversal.potentials import PotentialWalk

HALF = 4


class Straightforward(PotentialField):
    """Potentials whose flows rest for a step and go straight from then on: ``u = v . z``."""

    def __init__(self, ways: Tensor) -> None:
        super().__init__(*ways.shape, width=4)
        self.ways = ways
        self.requires_grad_(False)

    def forward(self, z: Tensor, t: Tensor, which: Tensor | None = None) -> Tensor:
        ways = self.ways if which is None else self.ways[which]
        return t.clamp_max(1.0) * (z @ ways[:, :, None])[..., 0]


def test_nothing_is_left_to_learn_where_walking_is_transforming() -> None:
    rng = torch.Generator().manual_seed(0)
    ways = torch.tensor([[0.05, 0.0, 0.0, 0.02], [0.0, -0.04, 0.03, 0.0]])
    x = 0.3 + 0.4 * torch.rand(2, 5, 1, 2, 2, generator=rng)
    times = torch.randint(HALF - 1, (2, 5), generator=rng)

    def moved(steps: Tensor) -> Tensor:
        return x + (steps[..., None] * ways[:, None]).reshape(x.shape)

    def encode(pictures: Tensor) -> tuple[Tensor, Tensor]:
        # Latents are pictures, known for certain.
        mean = pictures.flatten(1)
        return mean, torch.full_like(mean, -30.0)

    def logits(z: Tensor) -> Tensor:
        return z.logit().reshape(-1, 1, 2, 2)

    batch = Transformed(x, moved(times), moved(times + 1), times)
    exact = Straightforward(ways)
    quiet = Weights(kl=0.0, wave=0.0, rest=0.0, jacobian=0.0, match=0.0)
    parts = regularized(exact, encode, logits, batch, half=HALF, rng=rng, weights=quiet)
    for name in ("place", "pace", "rest"):
        assert float(parts[name]) < 1e-10
    for name, pictures in (("elbo", batch.x), ("moved", batch.later)):
        flat = pictures.flatten(0, 1)
        assert float(parts[name]) == pytest.approx(float(cross_entropy(flat.logit(), flat).mean()))
    assert float(parts["loss"]) == pytest.approx(float(parts["elbo"] + parts["moved"]))
    # A decoder that is the identity changes by the step.
    assert float(parts["jacobian"]) == pytest.approx(
        float(ways.square().mean(1).log().mean()), abs=1e-3
    )
    wrong = regularized(
        Straightforward(-ways), encode, logits, batch, half=HALF, rng=rng, weights=quiet
    )
    assert float(wrong["pace"]) == pytest.approx(float((2 * ways).square().mean()), rel=1e-4)
    assert float(wrong["moved"]) > float(parts["moved"])
    # The walk of the field is then equivariant, and so is the mean shift of codes.
    z = x[0].flatten(1)
    truth = torch.stack([x[0] + s * ways[0].reshape(1, 1, 2, 2) for s in range(HALF)])
    for walk in (PotentialWalk(exact, 0), mean_shifts(z, truth.flatten(2))):
        error = equivariance_error(walk, z, lambda z: z.reshape(-1, 1, 2, 2), truth)
        assert error.shape == (HALF,)
        assert float(error.max()) < 1e-6
    lost = equivariance_error(Straight(0 * ways[0]), z, lambda z: z.reshape(-1, 1, 2, 2), truth)
    assert torch.allclose(lost, torch.arange(HALF) * ways[0].abs().sum(), atol=1e-6)


def test_the_loss_weighs_its_parts() -> None:
    torch.manual_seed(0)
    batch = factor_steps(Sprites(32), ("x", "scale"), 3, HALF, torch.Generator().manual_seed(0))
    vae, field = Vae(32, 5), PotentialField(2, 5, 8)

    def parts(weights: Weights) -> dict[str, float]:
        rng = torch.Generator().manual_seed(1)
        found = regularized(
            field, vae.posterior, vae.logits, batch, half=HALF, rng=rng, weights=weights
        )
        return {name: float(value.detach()) for name, value in found.items()}

    weights = Weights(kl=0.5, wave=2.0, rest=3.0, jacobian=5.0, match=7.0)
    p = parts(weights)
    expected = p["elbo"] + p["moved"] + 2 * p["wave"] + 3 * p["rest"] - 5 * p["jacobian"]
    assert p["loss"] == pytest.approx(expected + 7 * (p["place"] + p["pace"]))
    x = batch.x.flatten(0, 1)
    mean, log_variance = vae.posterior(x)
    kl = float(normal_kl(mean, log_variance).sum(1).mean().detach())
    heavy = parts(Weights(kl=1000.5))
    assert heavy["elbo"] - p["elbo"] == pytest.approx(1000 * kl, rel=1e-3)
    with pytest.raises(BadInput, match="3 potentials for 2 transformations"):
        regularized(
            PotentialField(3, 5, 8),
            vae.posterior,
            vae.logits,
            batch,
            half=HALF,
            rng=torch.Generator(),
        )


def test_pairs_of_a_set_move_one_factor() -> None:
    of = Sprites(32)
    names = ("x", "angle")
    made = factor_steps(of, names, 40, HALF, torch.Generator().manual_seed(0))
    again = factor_steps(of, names, 40, HALF, torch.Generator().manual_seed(0))
    assert made.x.shape == (2, 40, of.channels, 32, 32)
    assert torch.equal(made.later, again.later)
    assert int(made.times.min()) == 0
    assert int(made.times.max()) == HALF - 2
    # Without a step yet, nothing has happened; later is another picture.
    assert torch.equal(made.now[made.times == 0], made.x[made.times == 0])
    # A step to the right moves the middle of the ink by what one value of x does.
    ink = made.x.sum((2, 3)), made.later.sum((2, 3))
    ticks = torch.arange(32.0)
    middle = [(row * ticks).sum(-1) / row.sum(-1) for row in ink]
    moves = (middle[1] - middle[0])[0] / (made.times[0] + 1)
    codes = factors.sweep(of, factors.draw(of, 1, torch.Generator().manual_seed(0))[0], "x")
    ends = of.render(codes).sum((1, 2))
    ends = (ends * ticks).sum(-1) / ends.sum(-1)
    assert torch.allclose(moves, (ends[-1] - ends[0]) / (len(ends) - 1), atol=0.05)
    for name in ("shape", "scale"):
        with pytest.raises(BadInput, match=f"'{name}' cannot be moved 8 steps"):
            factor_steps(of, (name,), 2, 9, torch.Generator())


SIDE = 10


def spot(angle: Tensor) -> Tensor:
    """A round spot at these angles (n,) on a circle about the middle, (n, 1, SIDE, SIDE)."""
    ticks = torch.arange(SIDE) + 0.5
    across = torch.exp(-((ticks - 5 - 2.5 * angle.cos()[:, None]) ** 2) / 3)
    down = torch.exp(-((ticks - 5 - 2.5 * angle.sin()[:, None]) ** 2) / 3)
    return (down[:, :, None] * across[:, None])[:, None]


TURN = 0.45


def turned(each: int, rng: torch.Generator) -> Transformed:
    """Spots somewhere on most of the circle, and turned on."""
    angle = 4.2 * torch.rand(each, generator=rng)
    times = torch.randint(HALF - 1, (each,), generator=rng)
    return Transformed(
        spot(angle)[None],
        spot(angle + TURN * times)[None],
        spot(angle + TURN * (times + 1))[None],
        times[None],
    )


class Vae(nn.Module):
    def __init__(self, side: int, latent_dim: int) -> None:
        super().__init__()
        self.side = side
        self.down = nn.Sequential(
            nn.Flatten(),
            nn.Linear(side**2, 64),
            nn.Tanh(),
            nn.Linear(64, 64),
            nn.Tanh(),
            nn.Linear(64, 2 * latent_dim),
        )
        self.up = nn.Sequential(
            nn.Linear(latent_dim, 64),
            nn.Tanh(),
            nn.Linear(64, 64),
            nn.Tanh(),
            nn.Linear(64, side**2),
        )

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = self.down(x).chunk(2, 1)
        return mean, log_variance

    def logits(self, z: Tensor) -> Tensor:
        return self.up(z).reshape(-1, 1, self.side, self.side)  # type: ignore[no-any-return]


def test_a_regularized_vae_turns_what_a_plain_one_cannot() -> None:
    weights = Weights(kl=0.1, match=3.0)
    errors: dict[bool, Tensor] = {}
    spoiled: dict[bool, float] = {}
    start = 4.2 * torch.rand(200, generator=torch.Generator().manual_seed(99))
    truth = torch.stack([spot(start + TURN * s) for s in range(HALF)])
    for told in (False, True):
        torch.manual_seed(0)
        vae, field = Vae(SIDE, 3), PotentialField(1, 3, 16)
        adam = torch.optim.Adam([*vae.parameters(), *field.parameters()], lr=4e-3)
        # The plain one learns to reconstruct in fewer steps.
        for k in range(200 if told else 110):
            rng = torch.Generator().manual_seed(k)
            batch = turned(32, rng)
            if told:
                loss = regularized(
                    field, vae.posterior, vae.logits, batch, half=HALF, rng=rng, weights=weights
                )["loss"]
            else:
                x = torch.cat([batch.x, batch.now, batch.later], 1)[0]
                mean, spread = vae.posterior(x)
                z = mean + (spread / 2).exp() * torch.randn(mean.shape, generator=rng)
                kl = normal_kl(mean, spread).sum(1)
                loss = (cross_entropy(vae.logits(z), x) + weights.kl * kl).mean()
            adam.zero_grad()
            loss.backward()
            adam.step()

        def decode(z: Tensor, vae: Vae = vae) -> Tensor:
            return vae.logits(z).sigmoid()

        with torch.no_grad():
            codes = torch.stack([vae.posterior(x)[0] for x in truth])
            walk = PotentialWalk(field, 0) if told else mean_shifts(codes[0], codes)
            spoiled[told] = float((decode(codes[0]) - truth[0]).abs().sum((1, 2, 3)).mean())
        errors[told] = equivariance_error(walk, codes[0], decode, truth)
        assert path(walk, codes[0], HALF).shape == (HALF + 1, 200, 3)
    # Codes of a circle shift in all directions, so that their mean shift leads nowhere.
    assert bool((errors[True][2:] < 0.5 * errors[False][2:]).all())
    # Not at the cost of reconstruction.
    assert spoiled[True] < 1.2 * spoiled[False]
