"""What every generator of the bench is, whatever network it holds, and how one is loaded."""

from __future__ import annotations

import math
from typing import Literal, Protocol, cast

import torch
from torch import Tensor, nn

from engine.method import BadInput
from engine.models import zoo

PriorKind = Literal["gaussian", "uniform", "quantized"]
Shape = tuple[int, int, int]


class Decoder(Protocol):
    """The mathematics of a generator. A network that ships for this bench offers all of it."""

    @property
    def latent_dim(self) -> int:
        """How many numbers a latent has, d."""
        ...

    @property
    def shape(self) -> Shape:
        """Channels, height and width of a picture."""
        ...

    @property
    def prior(self) -> PriorKind:
        """How latents are distributed."""
        ...

    def sample(self, count: int, rng: torch.Generator) -> Tensor:
        """``count`` latents of the space that is walked in, (count, d); ``rng`` is on the CPU."""
        ...

    def decode(self, z: Tensor) -> Tensor:
        """Pictures (n, C, H, W) in [0, 1] of latents (n, d).

        Twice differentiable, by forward mode as well; a picture depends on its latent alone (no
        dropout, no batch statistics).
        """
        ...

    def encode(self, x: Tensor) -> Tensor | None:
        """Latents (n, d) of pictures (n, C, H, W), the means of an encoder; None without one."""
        ...

    def first_linear(self) -> Tensor:
        """What the first layers multiply a latent by, (features, d)."""
        ...

    def blocks(self) -> tuple[nn.Module, ...]:
        """The parts of the network in order, for methods that walk in features."""
        ...


class Generator(Decoder, Protocol):
    """A generator with a name."""

    @property
    def name(self) -> str:
        """Its id, such as ``sprites-vae``."""
        ...

    @property
    def title(self) -> str:
        """Its name for a person."""
        ...


#: What a network must have to be a generator.
OFFERED = ("latent_dim", "shape", "prior", "sample", "decode", "encode", "first_linear", "blocks")


class Shipped:
    """A generator that ships, with the name and the checksum of its card.

    Args:
        name: model id.
        title: name for a person.
        checksum: SHA-256 of the weights.
        network: the network, on ``device``.
    """

    def __init__(
        self, name: str, title: str, checksum: str, network: nn.Module, device: str = "cpu"
    ) -> None:
        self.name, self.title, self.checksum = name, title, checksum
        self.network, self.device = network, device
        self._made = cast(Decoder, network)
        self.latent_dim, self.shape, self.prior = (
            self._made.latent_dim,
            self._made.shape,
            self._made.prior,
        )

    def sample(self, count: int, rng: torch.Generator) -> Tensor:
        """``count`` latents (count, d) on the generator's device."""
        return self._made.sample(count, rng).to(self.device)

    def decode(self, z: Tensor) -> Tensor:
        """Pictures (n, C, H, W) in [0, 1] of latents (n, d)."""
        return self._made.decode(z)

    def encode(self, x: Tensor) -> Tensor | None:
        """Latents (n, d) of pictures (n, C, H, W); None without an encoder."""
        return self._made.encode(x)

    def first_linear(self) -> Tensor:
        """What the first layers multiply a latent by, (features, d)."""
        return self._made.first_linear()

    def blocks(self) -> tuple[nn.Module, ...]:
        """The parts of the network in order."""
        return self._made.blocks()


def load_generator(name: str, device: str = "cpu") -> Shipped:
    """A generator that ships, ready to sample, decode and differentiate.

    Raises:
        BadInput: unknown model, one that is no generator, or damaged weights.
    """
    card = zoo.card(name)
    network = zoo.network(name).to(device)
    missing = [part for part in OFFERED if not hasattr(network, part)]
    if missing:
        raise BadInput(f"generator: {name} is not a generator (no {missing[0]})", "generator")
    return Shipped(name, card.title, card.sha256, network, device)


class LinearGenerator:
    """``decode(z) = A z``: the one generator of which everything is known in closed form.

    Its pictures are not held to [0, 1].

    Args:
        A: (features, d), of any floating type, which latents and pictures share.
        shape: of a picture, with ``features`` pixels in all; one row by default.
    """

    name = "linear"
    title = "Linear map"
    prior: PriorKind = "gaussian"

    def __init__(self, A: Tensor, shape: Shape | None = None) -> None:
        self.A = A
        self.latent_dim = A.shape[1]
        self.shape = shape or (1, 1, A.shape[0])
        if math.prod(self.shape) != A.shape[0]:
            raise BadInput(f"shape {self.shape} does not hold {A.shape[0]} features", "shape")
        self._inverse: Tensor = torch.linalg.pinv(A)

    def sample(self, count: int, rng: torch.Generator) -> Tensor:
        """``count`` standard normal latents (count, d)."""
        return torch.randn(count, self.latent_dim, generator=rng, dtype=self.A.dtype).to(self.A)

    def decode(self, z: Tensor) -> Tensor:
        """``A z`` as pictures (n, C, H, W) of latents (n, d)."""
        return (z @ self.A.mT).reshape(len(z), *self.shape)

    def encode(self, x: Tensor) -> Tensor:
        """The latents (n, d) of least squares."""
        return x.flatten(1) @ self._inverse.mT

    def first_linear(self) -> Tensor:
        """``A``."""
        return self.A

    def blocks(self) -> tuple[nn.Module, ...]:
        """Nothing between latent and picture."""
        return ()
