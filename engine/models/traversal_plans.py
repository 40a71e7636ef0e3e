"""How each generator of the traversal bench is trained, and what it is trained on."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from torch import Tensor

from engine.data import noto_emoji
from engine.data.factors import FactorSet, draw
from engine.data.pixel_faces import PixelFaces
from engine.data.rooms import Rooms
from engine.data.sprites import Sprites
from engine.data.stream import Fresh, Labeled, generator
from engine.data.stroke_digits import upright
from engine.models.coverage import READER_STEPS
from engine.models.factor_recipe import FactorReading
from engine.models.picture_vae import Penalty, PictureVAE, Ramp
from engine.models.plan import EMOJI_DATA, Plan
from engine.models.quantized_autoencoder import QuantizationWeights, QuantizedRecipe
from engine.models.style_gan import StyleGan

#: Fresh pictures by which an autoencoder is judged.
JUDGED = 1_024
#: Beta moves over this part of a training, then it stays.
_RAMP = 0.6
#: Of QLAE's weights: a step takes the rate times this, and there are some thousand steps instead
#: of the authors' 200,000, after which their 0.1 has acted as much.
_DECAY = 3.0
SETS: dict[str, Callable[[int], FactorSet]] = {
    "digits": upright,
    "sprites": Sprites,
    "rooms": Rooms,
    "faces": PixelFaces,
}


def set_of(model: str, size: int) -> FactorSet | None:
    """The set that a model learned, by the first word of its id; None for pictures from files."""
    make = SETS.get(model.partition("-")[0])
    return make(size) if make else None


def _rendered(model: str, size: int) -> FactorSet:
    of = set_of(model, size)
    assert of is not None, model
    return of


def _judged(of: FactorSet) -> tuple[str, Tensor]:
    # Seeds below zero are nobody's.
    return "fresh", of.render(draw(of, JUDGED, generator(-1, 0)))


def _sized(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--size", type=int, default=32, choices=(32, 64), help="side in pixels")


def _vae_options(first: float, last: float, latents: int) -> Callable[[Any], None]:
    def add(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--latents", type=int, default=latents, help="numbers of a latent")
        parser.add_argument("--beta", type=float, default=last, help="weight of the penalty")
        parser.add_argument("--first-beta", type=float, default=first, help="the same at first")

    return add


def _sized_vae_options(first: float, last: float, latents: int) -> Callable[[Any], None]:
    add = _vae_options(first, last, latents)

    def both(parser: argparse.ArgumentParser) -> None:
        _sized(parser)
        add(parser)

    return both


def _ramp(options: argparse.Namespace) -> Ramp:
    return Ramp(options.first_beta, options.beta, max(1, int(_RAMP * options.steps)))


def _vae(model: str, penalty: Penalty = "kl") -> Callable[[argparse.Namespace], PictureVAE]:
    def recipe(options: argparse.Namespace) -> PictureVAE:
        of = _rendered(model, options.size)
        return PictureVAE(
            lambda seed: Fresh(of, seed),
            _judged(of),
            {"channels": of.channels, "size": of.size, "latent_dim": options.latents},
            beta=_ramp(options),
            penalty=penalty,
            batch=options.batch,
            device=options.device,
        )

    return recipe


def _emoji(options: argparse.Namespace) -> PictureVAE:
    pictures = noto_emoji.load(options.data)
    return PictureVAE(
        lambda seed: Labeled(pictures, seed),
        ("held_back", pictures.held_back.float() / 255),
        {"channels": 3, "size": 32, "latent_dim": options.latents, "width": 64, "hidden": 512},
        beta=_ramp(options),
        batch=options.batch,
        even=True,
        device=options.device,
    )


def _qlae_options(parser: argparse.ArgumentParser) -> None:
    _sized(parser)
    usual = QuantizationWeights()
    parser.add_argument("--latents", type=int, default=12, help="numbers of a latent")
    parser.add_argument("--values", type=int, default=10, help="of every codebook")
    parser.add_argument("--quantize", type=float, default=usual.quantize, help="see the source")
    parser.add_argument("--commit", type=float, default=usual.commit, help="see the source")
    parser.add_argument("--decay", type=float, default=_DECAY, help="of the weights")


def _qlae(options: argparse.Namespace) -> QuantizedRecipe:
    of = _rendered("rooms-qlae", options.size)
    return QuantizedRecipe(
        lambda seed: Fresh(of, seed),
        _judged(of),
        {
            "channels": of.channels,
            "size": of.size,
            "latent_dim": options.latents,
            "values": options.values,
        },
        weights=QuantizationWeights(
            quantize=options.quantize, commit=options.commit, decay=options.decay
        ),
        batch=options.batch,
        seed=options.seed,
        device=options.device,
    )


def _gan_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--gamma", type=float, default=1.0, help="weight of R1")
    parser.add_argument(
        "--reader-steps",
        type=int,
        default=READER_STEPS,
        help="training steps of the classifier that counts which values of factors are met",
    )


def _gan(options: argparse.Namespace) -> StyleGan:
    of = _rendered("faces-gan", 32)
    return StyleGan(
        of,
        lambda seed: Fresh(of, seed),
        {"channels": of.channels, "widths": (96, 64, 48, 32), "latent_dim": 64},
        gamma=options.gamma,
        batch=options.batch,
        device=options.device,
        reader_steps=options.reader_steps,
    )


def _reader(options: argparse.Namespace) -> FactorReading:
    return FactorReading(_rendered("faces-reader", 32), batch=options.batch, device=options.device)


_RENDERED = "Rendered by the program itself; no terms."
_SPRITES = {
    "data": "Sprites: a white square, ellipse or heart on black, of 6 sizes, 40 angles and 32 by "
    "32 places, with soft edges; drawn anew for every batch, every factor uniform.",
    "data_terms": _RENDERED,
}
_ROOMS = {
    "data": "Rooms: an object in the corner of a room; 10 hues each of floor, walls and object, 8 "
    "sizes, 4 shapes, 15 views; drawn anew for every batch, every factor uniform.",
    "data_terms": _RENDERED,
}
_FACES = {
    "data": "Pixel faces: 14 factors, skin, hair, eyes, brows, mouth, glasses, beard, width and "
    "tilt of the head, light and background; drawn anew for every batch, every factor uniform.",
    "data_terms": _RENDERED,
}
_JUDGED = (
    " Numbers are means over 1,024 fresh pictures, rebuilt from their posterior means; bce is the "
    "cross entropy of all pixels, floor the least that it can be with soft pixels."
)
_BETA = "A beta-VAE of {what}: {latents} latents, of which the live ones each came to say one thing"
_TC = "A beta-TCVAE of {what}: {latents} latents, whose dependence on each other costs extra"
_BLUR = "Trained in minutes: what tells little of the pixels, such as {weak}, is blurred."
_DSPRITES = {
    "beta-VAE": "dSprites 64x64, beta 4: bce 14.4 nats, KL 13.3 (the logs of Dubois et al.'s "
    "disentangling-vae; black and white pixels, floor 0)",
    "beta-TCVAE": "dSprites 64x64, beta 6.4: bce 25.2 nats, KL 11.4, 5 live latents (same source)",
}

_PLANS = (
    Plan(
        id="digits-map",
        recipe=_vae("digits-map"),
        add_options=_sized_vae_options(1.0, 1.0, 2),
        steps=9_000,
        batch=128,
        every=1_000,
        texts={
            "title": "Map of digits",
            "summary": "A VAE of two latents: all digits in 32 hands lie on one map, and between "
            "any two there are pictures." + _JUDGED,
            "data": "Stroke digits: the digits 0 to 9 in 32 hands and 5 slants, upright, of one "
            "size and one pen; drawn anew for every batch, every factor uniform.",
            "data_terms": _RENDERED,
            "limits": "Two numbers cannot hold ten digits and every hand: a hand is kept only "
            "where it changes much. It knows upright digits of one size alone.",
            "published": {},
        },
    ),
    Plan(
        id="sprites-vae",
        recipe=_vae("sprites-vae"),
        add_options=_sized_vae_options(8.0, 1.5, 10),
        steps=12_000,
        batch=128,
        every=1_000,
        texts={
            "title": "Sprites, beta-VAE",
            "summary": _BETA.format(what="sprites", latents=10) + "." + _JUDGED,
            "limits": _BLUR.format(weak="the angle and the shape"),
            "published": _DSPRITES,
            **_SPRITES,
        },
    ),
    Plan(
        id="sprites-tcvae",
        recipe=_vae("sprites-tcvae", "tc"),
        add_options=_sized_vae_options(8.0, 4.0, 10),
        steps=12_000,
        batch=128,
        every=1_000,
        texts={
            "title": "Sprites, beta-TCVAE",
            "summary": _TC.format(what="sprites", latents=10) + "." + _JUDGED,
            "limits": _BLUR.format(weak="the angle and the shape"),
            "published": _DSPRITES,
            **_SPRITES,
        },
    ),
    Plan(
        id="rooms-vae",
        recipe=_vae("rooms-vae"),
        add_options=_sized_vae_options(0.1, 2.0, 12),
        steps=10_000,
        batch=128,
        every=1_000,
        texts={
            "title": "Rooms, beta-VAE",
            "summary": _BETA.format(what="rooms", latents=12) + "." + _JUDGED,
            "limits": _BLUR.format(weak="the shape of the object"),
            "published": {},
            **_ROOMS,
        },
    ),
    Plan(
        id="rooms-tcvae",
        recipe=_vae("rooms-tcvae", "tc"),
        add_options=_sized_vae_options(0.1, 3.0, 12),
        steps=10_000,
        batch=128,
        every=1_000,
        texts={
            "title": "Rooms, beta-TCVAE",
            "summary": _TC.format(what="rooms", latents=12) + "." + _JUDGED,
            "limits": _BLUR.format(weak="the shape of the object"),
            "published": {},
            **_ROOMS,
        },
    ),
    Plan(
        id="rooms-qlae",
        recipe=_qlae,
        add_options=_qlae_options,
        steps=6_000,
        batch=64,
        every=1_000,
        texts={
            "title": "Rooms, quantized latents",
            "summary": "QLAE: every latent is a dial of ten clicks, so that a property is cheapest "
            "kept by a dial of its own. Numbers are means over 1,024 fresh pictures; bce is the "
            "cross entropy of all pixels, floor the least that it can be with soft pixels.",
            "limits": "Cut to what a processor trains in minutes: three convolutions each way "
            "instead of twelve, some thousand steps instead of 200,000, for which weights decay "
            "thirty times as fast. Source: Hsu, Dorrell, Whittington, Wu, Finn, Disentanglement "
            "via Latent Quantization, NeurIPS 2023.",
            "published": {
                "QLAE": "3D Shapes 64x64: InfoM 0.84, InfoE 0.97 in an independent retest of five "
                "seeds (not the same pictures)"
            },
            **_ROOMS,
        },
    ),
    Plan(
        id="emoji-vae",
        recipe=_emoji,
        add_options=_vae_options(0.05, 0.5, 48),
        data_help="folder of noto_emoji_72_rgba.npz",
        steps=4_000,
        batch=64,
        every=1_000,
        texts={
            "title": "Emoji, VAE",
            "summary": "A VAE of small emoji, to walk between them and to bring pictures of one's "
            "own. Numbers are means over the 64 held-back emoji, rebuilt from their posterior "
            "means; bce is the cross entropy of all pixels, floor the least that it can be.",
            "limits": "Emoji have few relatives, so that one it has not met is rebuilt as a "
            "blurred likeness; what is drawn from the prior is a colored blot with features.",
            "published": {},
            **EMOJI_DATA,
        },
    ),
    Plan(
        id="faces-gan",
        recipe=_gan,
        add_options=_gan_options,
        steps=6_000,
        batch=32,
        rate=2e-3,
        every=500,
        texts={
            "title": "Pixel faces, style GAN",
            "summary": "A small style GAN of pixel faces: crisp pictures, and a space of styles "
            "that is walked in. Of 4,096 samples and as many renderings, a classifier "
            "trained on renderings says which share of all values of all factors is met at least "
            "a quarter as often as is due (covered), how far the factors are from uniform "
            "(unevenness, total variation), and how far the features are from those of renderings "
            "(frechet, by this classifier alone, not FID).",
            "limits": "Trained on a processor with few pictures seen for a GAN: rare details are "
            "smeared, and eyes and glasses can differ left and right.",
            "published": {},
            **_FACES,
        },
    ),
    Plan(
        id="faces-reader",
        recipe=_reader,
        steps=3_000,
        batch=128,
        rate=2e-3,
        average=0.995,
        every=1_000,
        texts={
            "title": "Reader of pixel faces",
            "summary": "Tells each of the 14 factors of a pixel face, so that what a direction "
            "changes can be drawn where a generator has no encoder. Numbers are shares of 2,048 "
            "fresh pictures whose factor is read right.",
            "limits": "It has seen renderings alone; where a generator smears, it guesses. "
            "Eyebrows are the hardest.",
            "published": {},
            **_FACES,
        },
    ),
)
TRAVERSAL: dict[str, Plan] = {plan.id: plan for plan in _PLANS}
