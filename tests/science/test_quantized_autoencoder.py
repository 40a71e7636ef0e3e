"""QLAE: what is chosen from the codebooks, what the codebooks learn from, and what decays."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from engine.method import BadInput
from engine.models.quantized_autoencoder import (
    QuantizationWeights,
    decaying,
    optimizers,
    quantized_loss,
    shares,
)
from engine.nets.quantized import Codebooks, QuantizedAutoencoder, normed


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def network() -> QuantizedAutoencoder:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = QuantizedAutoencoder(1, 32, latent_dim=3, values=4, width=8, hidden=16)
    with torch.no_grad():
        made.codebooks.values.add_(0.1 * torch.randn(3, 4, generator=rng(1)))
        made.head.weight.mul_(4)
    return made


def pictures(count: int = 8) -> Tensor:
    return torch.rand(count, 1, 32, 32, generator=rng(2))


def test_every_value_is_the_nearest_member_of_its_own_codebook() -> None:
    books = Codebooks(5, 7)
    with torch.no_grad():
        books.values.copy_(torch.randn(5, 7, generator=rng()))
    raw = 2 * torch.randn(200, 5, generator=rng(1))
    found = books(raw)
    for latent in range(5):
        members = books.values[latent].tolist()
        for number, value, index in zip(
            raw[:, latent].tolist(),
            found.values[:, latent].tolist(),
            found.index[:, latent].tolist(),
            strict=True,
        ):
            nearest = min(members, key=lambda member: abs(member - number))
            assert value == nearest == members[index]


def test_codebooks_start_evenly_spread() -> None:
    torch.testing.assert_close(Codebooks(2, 3).values.detach(), torch.tensor([[-0.5, 0, 0.5]] * 2))
    with pytest.raises(BadInput, match="values is 1; a codebook needs at least 2"):
        Codebooks(2, 1)


def test_codebooks_learn_from_the_quantization_term_alone() -> None:
    made, x = network(), pictures()
    quantized_loss(made, x, QuantizationWeights(quantize=0.0, commit=0.5))["loss"].backward()
    gradient = made.codebooks.values.grad
    assert gradient is None or not gradient.any()
    assert made.head.weight.grad.abs().sum() > 0


def test_the_gradient_of_a_codebook_is_the_closed_form() -> None:
    """Every value is pulled to the mean of what it stands for, as often as it is met."""
    made, x = network(), pictures()
    quantized_loss(made, x, QuantizationWeights(quantize=0.3, commit=0.5))["loss"].backward()
    with torch.no_grad():
        found = made.quantize(x)
    expected = torch.zeros(3, 4)
    for row in range(len(x)):
        for latent in range(3):
            index = int(found.index[row, latent])
            apart = made.codebooks.values[latent, index] - found.raw[row, latent]
            expected[latent, index] += 0.3 * 2 * apart.detach() / (3 * len(x))
    torch.testing.assert_close(made.codebooks.values.grad, expected)


def test_gradients_pass_straight_through_the_choice() -> None:
    books = Codebooks(2, 3)
    raw = torch.randn(6, 2, generator=rng(), requires_grad=True)
    found = books(raw)
    torch.testing.assert_close(found.through, found.values)
    weights = torch.randn(6, 2, generator=rng(1))
    (weights * found.through).sum().backward()
    assert raw.grad is not None
    torch.testing.assert_close(raw.grad, weights)
    assert books.values.grad is None


def test_weights_decay_and_biases_and_codebooks_do_not() -> None:
    """With gradients of zero, decay is all that moves a weight: by rate times decay of it."""
    made = network()
    before = {n: p.detach().clone() for n, p in made.named_parameters()}
    for parameter in made.parameters():
        parameter.grad = torch.zeros_like(parameter)
    for optimizer in optimizers(made, rate=0.01, decay=0.1).values():
        optimizer.step()
    for name, parameter in made.named_parameters():
        keeps = name.endswith("bias") or name.startswith("codebooks")
        expected = before[name] * (1.0 if keeps else 1 - 0.01 * 0.1)
        torch.testing.assert_close(parameter.detach(), expected, msg=name)
    weights, rest = decaying(made)
    assert len(weights) + len(rest) == len(before)


def test_samples_are_members_as_often_as_pictures_meet_them() -> None:
    made = network()
    made.set_shares(torch.tensor([[0.7, 0.3, 0.0, 0.0]] * 3))
    z = made.sample(4000, rng())
    members = made.codebooks.values.detach()
    for latent in range(3):
        assert set(z[:, latent].tolist()) <= set(members[latent, :2].tolist())
        often = float((z[:, latent] == members[latent, 0]).float().mean())
        assert often == pytest.approx(0.7, abs=0.03)


def test_shares_count_the_values_of_pictures() -> None:
    made = network()

    class Same:
        def batch(self, step: int, count: int) -> tuple[Tensor, Tensor]:
            return pictures(1).expand(count, -1, -1, -1), torch.zeros(count, 1)

    found = shares(made, Same(), 10)
    index = made.quantize(pictures(1)).index[0]
    torch.testing.assert_close(found, torch.nn.functional.one_hot(index, 4).float())


def test_the_norm_written_out_is_the_one_that_trains() -> None:
    x = 3 + 2 * torch.randn(2, 5, 6, 6, generator=rng())
    torch.testing.assert_close(normed(x, training=False), normed(x, training=True))
    torch.testing.assert_close(normed(x, training=False).mean((2, 3)), torch.zeros(2, 5))


def test_a_style_moves_features_of_its_own_picture_alone() -> None:
    made = network().eval()
    z = torch.randn(2, 3, generator=rng())
    with torch.no_grad():
        torch.testing.assert_close(made.decode(z)[:1], made.decode(z[:1]))
        assert (made.decode(z)[0] - made.decode(z)[1]).abs().max() > 1e-3
