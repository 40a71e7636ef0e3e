"""The generators that are here, and what is known of the pictures that they were trained on."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import torch
from torch import Tensor

from engine.data.factors import Factor, FactorSet, draw
from engine.data.pixel_faces import PixelFaces
from engine.data.rooms import Rooms
from engine.data.sprites import Sprites
from engine.data.stroke_digits import upright
from engine.models import zoo
from engine.traversal.drawn import FACTORS, Drawn
from engine.traversal.generator import Generator, load_generator

#: The generator that needs no weights.
BY_HAND = "drawn"
#: What a page opens with, where it ships: the first of these.
OPENING = ("digits-map", "sprites-vae", "rooms-vae", "faces-gan")
#: Latents by which a generator is known: dots of a map, spreads, components.
KNOWN = 600
#: A number of the latent that varies less than this part of what the liveliest does is dead.
LIVE = 0.1
#: What the class of a network offers that is a generator.
_OFFERED = ("sample", "decode", "encode", "first_linear", "blocks")


def _generates(architecture: str) -> bool:
    module, kind = architecture.rsplit(".", 1)
    if not module.startswith("engine.nets."):
        return False
    try:
        network = getattr(importlib.import_module(module), kind)
    except (ImportError, AttributeError):
        return False
    return all(hasattr(network, part) for part in _OFFERED)


@cache
def generators() -> dict[str, str]:
    """Id and title of every generator: the shipped ones, then the one drawn by hand."""
    shipped = {c.id: c.title for c in zoo.cards().values() if _generates(c.architecture)}
    first = [name for name in OPENING if name in shipped]
    ordered = first + [name for name in shipped if name not in first]
    return {name: shipped[name] for name in ordered} | {BY_HAND: Drawn.title}


def load(name: str, device: str = "cpu") -> Generator:
    """The generator called ``name``; ``BadInput`` if there is none, or its weights are damaged."""
    return Drawn(device=device) if name == BY_HAND else load_generator(name, device)


def data_of(generator: Generator) -> FactorSet | None:
    """The set of pictures with known factors that a shipped generator learned; None for others."""
    size, colored = generator.shape[1], generator.shape[0] == 3
    match generator.name.partition("-")[0]:
        case "digits":
            return upright(size)
        case "sprites":
            return Sprites(size, colored=colored)
        case "rooms":
            return Rooms(size)
        case "faces":
            return PixelFaces(size)
        case _:
            return None


@dataclass(frozen=True)
class Codes:
    """Latents that say where in its latent space a generator is at home.

    Attributes:
        z: (n, d), of real pictures where there is an encoder; else drawn from the prior.
        factors: what is known of them, in the order of ``kinds``: int64 (n, f), or None.
        kinds: the factors.
        log_variance: of the encoder's posteriors, whose means ``z`` are; None for others.
        real: whether they come from pictures.
    """

    z: Tensor
    factors: Tensor | None
    kinds: tuple[Factor, ...]
    log_variance: Tensor | None
    real: bool

    @property
    def live(self) -> Tensor:
        """Which numbers of the latent tell anything of pictures: bool (d,).

        A VAE leaves the others at their mean, with a trace of what the live ones tell. What is
        learned from standardized latents must not look at that trace: anywhere else it is noise.
        """
        spread = self.z.std(0)
        return spread > LIVE * spread.max()

    def to(self, device: str) -> Codes:
        """The same on another device."""
        factors = None if self.factors is None else self.factors.to(device)
        spread = None if self.log_variance is None else self.log_variance.to(device)
        return Codes(self.z.to(device), factors, self.kinds, spread, self.real)


@lru_cache(maxsize=8)
def codes_of(name: str) -> Codes:
    """The latents by which the generator called ``name`` is known, on the CPU."""
    return made_codes(load(name))


@torch.no_grad()
def made_codes(generator: Generator, count: int = KNOWN) -> Codes:
    """``count`` latents of a generator on the CPU, the same at every call."""
    rng = torch.Generator().manual_seed(1)
    if isinstance(generator, Drawn):
        z = generator.sample(count, rng)
        return Codes(z, generator.factors_of(z), FACTORS, None, real=False)
    data = data_of(generator)
    # As a generator without an encoder says: there are no latents of pictures.
    able = generator.encode(torch.zeros(1, *generator.shape)) is not None
    if data is None or not able:
        return Codes(generator.sample(count, rng), None, (), None, real=False)
    factors = draw(data, count, rng)
    pictures = data.render(factors)
    posterior: Any = getattr(getattr(generator, "network", None), "posterior", None)
    if posterior is not None:
        mean, log_variance = posterior(pictures)
        return Codes(mean.float(), factors, data.factors, log_variance.float(), real=True)
    encoded = generator.encode(pictures)
    assert encoded is not None
    return Codes(encoded.float(), factors, data.factors, None, real=True)
