"""The style GAN: R1 in closed form, modulation by its definition, latents that are standard."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.data.sprites import Sprites
from engine.data.stream import Fresh
from engine.models.style_gan import LAZY, StyleGan, r1_penalty
from engine.nets.style_gan import Adversaries, Discriminator, StyledConv, StyleGenerator

WIDTHS = (8, 8, 8)


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class Linear(nn.Module):
    """A discriminator of which everything is known: ``w . x + b``."""

    def __init__(self, numbers: int) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.randn(numbers, generator=rng(5)))
        self.b = nn.Parameter(torch.tensor(0.3))

    def forward(self, x: Tensor) -> Tensor:
        return (x.flatten(1) @ self.w + self.b).float()


def generator(seed: int = 0) -> StyleGenerator:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return StyleGenerator(1, WIDTHS, latent_dim=6).eval()


def test_r1_of_a_linear_discriminator_is_its_squared_weights() -> None:
    judge, x = Linear(48), torch.rand(5, 3, 4, 4, generator=rng())
    penalty = r1_penalty(judge, x)
    penalty.backward()
    torch.testing.assert_close(penalty, judge.w.square().sum())
    torch.testing.assert_close(judge.w.grad, 2 * judge.w.detach())
    assert judge.b.grad is None


def test_r1_is_taken_now_and_then_and_as_much_more_of_it() -> None:
    of = Sprites(16)
    recipe = StyleGan(
        of,
        lambda seed: Fresh(of, 0),
        {"channels": 1, "widths": WIDTHS, "latent_dim": 6},
        gamma=0.7,
        batch=4,
    )
    judge = Linear(256)
    both = Adversaries(generator(), judge)  # type: ignore[arg-type]
    plain = recipe.judging(both, 2 * LAZY + 1, 0)
    real = Fresh(of, 0).batch(2 * LAZY + 1, 4)[0]
    with torch.no_grad():
        made = both.generator(recipe._noise(2 * LAZY + 1, -1))
        expected = (F.softplus(-judge(real)) + F.softplus(judge(made))).mean()
    torch.testing.assert_close(plain, expected, atol=0.05, rtol=0.02)
    weighted = recipe.judging(both, 2 * LAZY, 0) - 0.5 * 0.7 * LAZY * judge.w.square().sum()
    no_r1 = StyleGan(of, recipe.streams, recipe.architecture, gamma=0.0, batch=4)
    torch.testing.assert_close(weighted, no_r1.judging(both, 2 * LAZY, 0), atol=1e-2, rtol=1e-4)


@pytest.mark.parametrize("doubles", [False, True])
def test_modulated_features_are_those_of_a_modulated_kernel(doubles: bool) -> None:
    """As StyleGAN2 defines it: the kernel scaled by the style, then brought to unit strength."""
    torch.manual_seed(1)
    layer = StyledConv(5, 7, 6, doubles=doubles).double()
    nn.init.normal_(layer.bias)
    x = torch.randn(3, 5, 4, 4, generator=rng(), dtype=torch.float64)
    w = torch.randn(3, 6, generator=rng(1), dtype=torch.float64)
    got = layer(x, w)
    for row in range(3):
        kernel = layer.weight * layer.style(w[row : row + 1])[0, :, None, None]
        # Leaky ReLU halves what is normal, and every pixel meets a quarter of a doubling kernel.
        strength = kernel.square().sum((1, 2, 3)) / (8 if doubles else 2)
        kernel = kernel * (strength + 1e-8).rsqrt()[:, None, None, None]
        one = x[row : row + 1]
        if doubles:
            out = F.conv_transpose2d(one, kernel.transpose(0, 1), stride=2, padding=1)
        else:
            out = F.conv2d(one, kernel, padding=1)
        expected = F.leaky_relu(out + layer.bias[:, None, None], 0.2)
        torch.testing.assert_close(got[row : row + 1], expected)


def test_standard_latents_give_the_same_pictures() -> None:
    made = generator()
    z = torch.randn(5, 6, generator=rng(3))
    with torch.no_grad():
        before = made(z)
        w = made.sample(4000, rng())
        made.standardize(w.mean(0), float(w.var(0).mean().sqrt()))
        torch.testing.assert_close(made(z), before, atol=1e-5, rtol=0)
        again = made.sample(4000, rng())
    torch.testing.assert_close(again.mean(0), torch.zeros(6), atol=1e-4, rtol=0)
    assert float(again.var(0).mean()) == pytest.approx(1, abs=1e-4)
    assert float(w.var(0).mean()) != pytest.approx(1, abs=0.01)


def test_the_first_linear_map_gives_the_change_of_all_styles() -> None:
    made = generator()
    w, step = torch.randn(2, 6, generator=rng())
    styles = [torch.cat([c.style(v[None])[0] for c in made.styled()]) for v in (w, w + step)]
    torch.testing.assert_close(made.first_linear() @ step, (styles[1] - styles[0]).detach())


def test_pictures_all_alike_are_found_out() -> None:
    """The discriminator sees how much a batch varies, whatever its pictures are."""
    torch.manual_seed(0)
    judge = Discriminator(1, WIDTHS)
    x = torch.rand(6, 1, 16, 16, generator=rng())
    with torch.no_grad():
        among, alone = judge(x)[0], judge(x[:1].expand(6, -1, -1, -1))[0]
    assert abs(float(among - alone)) > 1e-4
