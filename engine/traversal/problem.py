"""The problem that all methods of the bench share: a generator, and the picture to start from."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from engine.data.pictures import read_picture, resize
from engine.method import Context, Settings, knob
from engine.traversal import sources
from engine.traversal.decoding import FastDecoder
from engine.traversal.generator import Generator
from engine.traversal.inversion import best_of
from engine.traversal.sources import Codes

if TYPE_CHECKING:
    GeneratorName = str
else:
    GeneratorName = Literal[tuple(sources.generators())]

#: Latents of which the one nearest to a picture is where its optimization starts.
CANDIDATES = 128
#: Side of a person's own picture, where it is kept as it was brought.
LARGEST = 256


class TraversalSettings(Settings):
    """Whose latent space is walked through, and from where."""

    generator: GeneratorName = knob(
        next(iter(sources.generators())),
        title="What makes the pictures?",
        help="The generator: it turns a few numbers, the latent, into a picture. The field calls "
        "it the decoder of a VAE, or the synthesis network of a GAN.",
        titles=sources.generators(),
    )
    start: int = knob(
        0,
        title="Starting picture",
        help="Which of the generator's pictures you start from. Every number is another one. A "
        "picture of your own counts in its place.",
        ge=0,
        le=9999,
    )
    own: Literal["encode", "fit"] = knob(
        "encode",
        title="Your own picture",
        help="How its latent is found: by the generator's encoder at once, or by small steps "
        "that bring the generated picture closer to yours. A generator without an encoder "
        "always takes the steps.",
        titles={"encode": "Encode it", "fit": "Approach it step by step"},
        folded=True,
        group="Own picture",
    )


@dataclass
class Problem:
    """A generator, ready to be walked through.

    Attributes:
        generator: with gradients, on the device.
        decoder: the same for the eye.
        codes: latents that say where the generator is at home.
        start: the latent to start from, (1, d).
        target: a person's own picture (1, C, H, W) as the generator knows pictures, or None.
        picture: the same in its own colors, its middle square (1, C, S, S), S at most ``LARGEST``.
        fits: whether ``start`` is still to be brought closer to ``target``.
        notes: what a person should know, one line each.
        still: what is drawn once and shown again.
    """

    settings: TraversalSettings
    generator: Generator
    decoder: FastDecoder
    codes: Codes
    start: Tensor
    target: Tensor | None
    fits: bool
    device: str = "cpu"
    picture: Tensor | None = None
    notes: list[str] = field(default_factory=list)
    still: dict[str, Any] = field(default_factory=dict)

    def starts(self, count: int) -> Tensor:
        """``count`` latents to walk from, (count, d): the start, and the pictures after it."""
        others = [self.latent(self.settings.start + k) for k in range(1, count)]
        return torch.cat([self.start, *others])

    def latent(self, number: int) -> Tensor:
        """The latent (1, d) of the generator's picture ``number``."""
        return picture_number(self.generator, number)


def picture_number(generator: Generator, number: int) -> Tensor:
    """The latent (1, d) of a generator's picture ``number``, the same at every call."""
    with torch.no_grad():
        return generator.sample(1, torch.Generator().manual_seed(number)).float()


def squared(path: Path) -> tuple[Tensor, bool, list[str]]:
    """The middle square of a picture file (1, C, S, S), whether it is gray, and notes."""
    picture = read_picture(path)
    notes = list(picture.notes)
    side = min(picture.height, picture.width)
    top, left = (picture.height - side) // 2, (picture.width - side) // 2
    if picture.height != picture.width:
        notes.append("only its middle square is used")
    return picture.tensor()[..., top : top + side, left : left + side], picture.gray, notes


def fitted(x: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """A square picture as a generator of pictures of ``shape`` knows them, (1, C, H, W)."""
    x = resize(x.float(), *shape[1:])
    return x.mean(1, keepdim=True) if shape[0] == 1 else x.expand(-1, shape[0], -1, -1)


def kept(x: Tensor) -> Tensor:
    """A square picture with at most ``LARGEST`` pixels a side."""
    side = min(LARGEST, x.shape[-1])
    return resize(x.float(), side, side)


@torch.no_grad()
def build(settings: TraversalSettings, context: Context) -> Problem:
    """Load the generator and find the latent to start from."""
    generator = sources.load(settings.generator, context.device)
    decoder = FastDecoder(generator, context.backend)
    start, target, fits = picture_number(generator, settings.start), None, False
    picture: Tensor | None = None
    notes: list[str] = []
    if "picture" in context.inputs:
        brought, gray, notes = squared(context.inputs["picture"])
        picture = kept(brought).to(context.device)
        target = fitted(brought, generator.shape).to(context.device)
        if generator.shape[0] == 1 and not gray:
            notes.append("its colors become gray")
        encoded = generator.encode(target)
        if encoded is not None:
            start = encoded.float()
        else:
            candidates = generator.sample(CANDIDATES, torch.Generator().manual_seed(0))
            start = best_of(decoder, candidates.float(), target)
        fits = encoded is None or settings.own == "fit"
    return Problem(
        settings=settings,
        generator=generator,
        decoder=decoder,
        codes=sources.codes_of(settings.generator).to(context.device),
        start=start,
        target=target,
        fits=fits,
        device=context.device,
        picture=picture,
        notes=notes,
    )
