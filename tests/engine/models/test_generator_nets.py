"""What every generator's network promises: shapes, derivatives, parts, and a way out to ONNX."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn

from engine.method import BadInput
from engine.models.export_decoder import export_decoder
from engine.models.session import OnnxSession
from engine.nets.quantized import QuantizedAutoencoder
from engine.nets.style_gan import StyleGenerator
from engine.nets.vae import ConvVAE
from engine.traversal.generator import Decoder
from engine.traversal.potentials import picture_change

VAE: dict[str, Any] = {"channels": 3, "size": 32, "latent_dim": 5, "width": 8, "hidden": 16}
QLAE: dict[str, Any] = {**VAE, "values": 4}
GAN: dict[str, Any] = {"channels": 3, "widths": (8, 8, 8, 8), "latent_dim": 5}
KINDS: dict[str, tuple[type[nn.Module], dict[str, Any]]] = {
    "vae": (ConvVAE, VAE),
    "qlae": (QuantizedAutoencoder, QLAE),
    "gan": (StyleGenerator, GAN),
}
#: Of a finite difference in float64. Larger ones meet kinks of rectified units, where there is no
#: derivative, among the tens of thousands that a picture passes through.
NEAR = 1e-7
each = pytest.mark.parametrize("kind", KINDS)


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def made(kind: str, **changed: Any) -> nn.Module:
    cls, arguments = KINDS[kind]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return cls(**(arguments | changed)).eval().requires_grad_(False)


def decoder(network: nn.Module) -> Decoder:
    return cast(Decoder, network)


@each
def test_shapes_and_ranges(kind: str) -> None:
    of = decoder(made(kind))
    z = of.sample(3, rng())
    assert z.shape == (3, of.latent_dim) == (3, 5)
    pictures = of.decode(z)
    assert pictures.shape == (3, *of.shape) == (3, 3, 32, 32)
    assert 0 <= float(pictures.min()) < float(pictures.max()) <= 1
    codes = of.encode(pictures)
    assert (codes is None) == (kind == "gan")
    if codes is not None:
        assert codes.shape == z.shape
    assert of.prior == ("quantized" if kind == "qlae" else "gaussian")


@pytest.mark.parametrize("kind", ["vae", "qlae"])
def test_pictures_of_64_pixels_and_one_channel(kind: str) -> None:
    of = decoder(made(kind, size=64, channels=1))
    pictures = of.decode(of.sample(2, rng()))
    assert pictures.shape == (2, 1, 64, 64)
    assert of.encode(pictures).shape == (2, 5)  # type: ignore[union-attr]
    with pytest.raises(BadInput, match="size is 48"):
        made(kind, size=48)


@pytest.mark.parametrize("size", [32, 64])
def test_an_even_start_keeps_latents_in_sight_and_begins_with_the_mean_picture(size: int) -> None:
    """How much pictures of different latents differ, in the numbers before the sigmoid."""
    color = torch.tensor([0.9, 0.5, 0.1])
    pictures = color[:, None, None].expand(4, 3, size, size)
    seen = torch.rand(64, 3, size, size, generator=rng(1)).round()
    torch.manual_seed(0)
    network = ConvVAE(3, size, 8)
    z = network.sample(64, rng())
    with torch.no_grad():
        faint = network.logits(z).std(0).mean(), network.encode(seen).std(0).mean()
        network.start_even(pictures)
        logits, codes = network.logits(z), network.encode(seen)
    assert max(faint) < 0.01
    assert 0.3 < float(logits.std(0).mean()) < 3
    assert float(codes.std(0).mean()) > 10 * faint[1]
    assert torch.allclose(logits.mean((0, 2, 3)).sigmoid(), color, atol=0.1)


@each
def test_a_latent_alone_says_what_the_picture_is(kind: str) -> None:
    """Same seed, same bits; and no picture depends on its neighbors in a batch."""
    of, again = decoder(made(kind)), decoder(made(kind))
    z = of.sample(4, rng(1))
    assert torch.equal(z, again.sample(4, rng(1)))
    assert not torch.equal(z, of.sample(4, rng(2)))
    pictures = of.decode(z)
    assert torch.equal(pictures, again.decode(z))
    torch.testing.assert_close(of.decode(z[2:3]), pictures[2:3], atol=1e-6, rtol=0)


@each
def test_the_forward_derivative_is_that_of_finite_differences(kind: str) -> None:
    network = made(kind).double()
    of = decoder(network)
    z = of.sample(3, rng()).double()
    step = torch.randn(z.shape, generator=rng(1), dtype=torch.float64)
    seen: list[Tensor] = []

    def kept(v: Tensor) -> Tensor:
        seen.append(of.decode(v))
        return seen[-1]

    change, pictures = picture_change(kept, z, step)
    slope = (of.decode(z + NEAR * step) - of.decode(z - NEAR * step)) / (2 * NEAR)
    torch.testing.assert_close(change, slope.square().flatten(1).mean(1), rtol=1e-5, atol=1e-12)
    exact = torch.func.jvp(of.decode, (z,), (step,))[1]
    torch.testing.assert_close(exact, slope, rtol=1e-4, atol=1e-7)
    torch.testing.assert_close(pictures, of.decode(z))
    assert float(change.min()) > 0


@each
def test_the_change_of_a_picture_can_be_made_large(kind: str) -> None:
    """Training potentials takes the gradient of the forward derivative."""
    of = decoder(made(kind).double())
    z = of.sample(2, rng()).double()
    step = torch.randn(z.shape, generator=rng(1), dtype=torch.float64)

    def mean_change(at: Tensor, v: Tensor) -> Tensor:
        return picture_change(of.decode, at, v)[0].mean()

    at, v = z.clone().requires_grad_(), step.clone().requires_grad_()
    slopes = torch.autograd.grad(mean_change(at, v), (at, v))
    for slope, moves in zip(slopes, ((1.0, 0.0), (0.0, 1.0)), strict=True):
        way = torch.randn(z.shape, generator=rng(2), dtype=torch.float64)
        ahead, behind = (
            mean_change(z + s * moves[0] * NEAR * way, step + s * moves[1] * NEAR * way)
            for s in (1, -1)
        )
        expected = float((ahead - behind) / (2 * NEAR))
        assert float((slope * way).sum()) == pytest.approx(expected, rel=1e-3)


def first_layers(network: nn.Module) -> list[nn.Module]:
    if isinstance(network, ConvVAE):
        return [network.dense[0]]
    if isinstance(network, QuantizedAutoencoder):
        return [network.first]
    assert isinstance(network, StyleGenerator)
    return [layer.style for layer in network.styled()]


@each
def test_the_first_linear_map_is_what_the_first_layers_do(kind: str) -> None:
    network = made(kind)
    of = decoder(network)
    heard: list[Tensor] = []
    hooks = [
        layer.register_forward_hook(lambda _, given, out: heard.append(out))
        for layer in first_layers(network)
    ]
    z, step = of.sample(1, rng()), torch.randn(1, 5, generator=rng(1))
    outputs = []
    for latent in (z, z + step):
        heard.clear()
        of.decode(latent)
        outputs.append(torch.cat(heard, 1))
    for hook in hooks:
        hook.remove()
    matrix = of.first_linear()
    assert not matrix.requires_grad
    torch.testing.assert_close((outputs[1] - outputs[0])[0], matrix @ step[0], atol=1e-5, rtol=0)


def composed(network: nn.Module, z: Tensor) -> Tensor:
    """The picture that the blocks make one after the other."""
    blocks = decoder(network).blocks()
    h = z
    if isinstance(network, ConvVAE):
        for block in blocks:
            h = block(h)
        return h
    if isinstance(network, QuantizedAutoencoder):
        first, second, *up = blocks
        style = second(first(z).relu()).relu()
    else:
        up, style = list(blocks), z
    h = cast(Tensor, network.start).expand(len(z), -1, -1, -1)
    for block in up[:-1]:
        h = block(h, style)
    return torch.sigmoid(up[-1](h))


@each
def test_the_blocks_in_order_are_the_decoder(kind: str) -> None:
    network = made(kind)
    z = decoder(network).sample(2, rng())
    torch.testing.assert_close(composed(network, z), decoder(network).decode(z))
    held = {id(p) for block in decoder(network).blocks() for p in block.parameters()}
    assert held <= {id(p) for p in network.parameters()}


@each
def test_the_decoder_leaves_for_onnx(kind: str, tmp_path: Path) -> None:
    network = made(kind)
    worst = export_decoder(network, tmp_path / "decoder.onnx")
    assert worst < 1e-4
    session: Callable[..., Tensor] = OnnxSession(tmp_path / "decoder.onnx")
    z = decoder(network).sample(5, rng(4))
    torch.testing.assert_close(session(z), decoder(network).decode(z), atol=1e-4, rtol=0)
