"""How each network of the zoo is trained: its recipe, its usual options, its card's words."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.data import fashion_mnist, noto_emoji
from engine.data.small_pictures import SmallPictures
from engine.models.flow_student import FlowStudent
from engine.models.noise_classifier import NoiseClassification
from engine.models.photo_denoiser import PhotoDenoiser, read_folder
from engine.models.plan import EMOJI_DATA, Plan
from engine.models.score_prior import ScorePrior
from engine.models.traversal_plans import TRAVERSAL


def _photo_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--test", type=Path, help="folder of test photographs for the card")
    parser.add_argument("--patch", type=int, default=64, help="side of a training patch, pixels")


def _photo(options: argparse.Namespace) -> PhotoDenoiser:
    return PhotoDenoiser(
        read_folder(options.data),
        batch=options.batch,
        patch=options.patch,
        device=options.device,
    )


#: Mean and deviation of the training pixels in centered units, every group weighing the same.
EMOJI = {"channels": 3, "mean": 0.554, "deviation": 0.588, "sigma_min": 0.002, "sigma_max": 25.0}
FASHION = {"channels": 1, "mean": -0.562, "deviation": 0.664, "sigma_min": 0.002, "sigma_max": 25.0}
_WIDTHS = {"size": 32, "fold": 2, "widths": (64, 128), "blocks": 2, "embedding": 128}

_FASHION_DATA = {
    "data": "Fashion-MNIST (Xiao, Rasul and Vollgraf 2017): the 60,000 training pictures of "
    "28x28 pixels in the middle of a black 32x32 square; 64 of the test pictures are held back "
    "for the numbers here and in the benchmarks.",
    "data_terms": "Fashion-MNIST, Copyright Zalando SE, MIT license.",
}
_FOUR_WAYS = (
    " One network is four priors: with a(t) and s(t) of a process, D(x/a, s/a) gives the "
    "score of the variance-exploding, the variance-preserving and the sub-VP process, and the "
    "velocity of the rectified flow of independent coupling (Karras et al. 2022)."
)
_FLOW = (
    "A rectified flow whose paths from noise to picture are nearly straight, so that a few "
    "steps suffice; the reflowed student of "
)
_PAIRS = (
    " It learned pairs of noise and the end of the teacher's ODE from it (Liu et al. 2022), "
    "starting from the teacher's weights (Lee et al. 2024). As a denoiser it is biased towards "
    "the one picture at its path's end: use it as a flow. Straightness is the mean over 25 steps "
    "of ||(z - x0) - v||^2 per pixel in units of [-1, 1]; before is the teacher."
)
_FLOW_LIMITS = (
    "Trained on a CPU in minutes on few pairs, so paths from new noises are straighter than the "
    "teacher's, not straight: one step is a blurred picture, several steps sharpen it."
)
_CLASSES = "Tells the kind of a noisy picture at every noise level, to steer samplers: "
_CLASS_LIMITS = (
    "A small network for steering, trained in minutes; the numbers are shares of 64 held-back "
    "pictures under four noises, so they are good to some five in a hundred."
)
_KARRAS = "Karras et al. 2022, unconditional CIFAR-10, 56 M parameters: FID 1.97 (not comparable)"


#: The sets by name: reader, network arguments, and the options' help.
_SETS: dict[str, tuple[Callable[[Path], SmallPictures], dict[str, Any], str]] = {
    "emoji": (noto_emoji.load, EMOJI, "folder of noto_emoji_72_rgba.npz"),
    "fashion": (fashion_mnist.load, FASHION, "folder of fashion_mnist.npz"),
}


def _score(which: str) -> Callable[[argparse.Namespace], ScorePrior]:
    load, of_set, _ = _SETS[which]

    def recipe(options: argparse.Namespace) -> ScorePrior:
        return ScorePrior(
            load(options.data), of_set | _WIDTHS, batch=options.batch, device=options.device
        )

    return recipe


def _classification(which: str) -> Callable[[argparse.Namespace], NoiseClassification]:
    load, of_set, _ = _SETS[which]

    def recipe(options: argparse.Namespace) -> NoiseClassification:
        pictures = load(options.data)
        return NoiseClassification(
            pictures,
            of_set | {"class_names": pictures.class_names, "size": 32},
            batch=options.batch,
            device=options.device,
        )

    return recipe


def _flow_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--pairs", type=int, default=2_000, help="noises that the teacher ends")


def _flow(teacher: str) -> Callable[[argparse.Namespace], FlowStudent]:
    def recipe(options: argparse.Namespace) -> FlowStudent:
        return FlowStudent(
            teacher,
            options.work,
            pairs=options.pairs,
            batch=options.batch,
            seed=options.seed,
            device=options.device,
        )

    return recipe


PLANS: dict[str, Plan] = {
    plan.id: plan
    for plan in (
        Plan(
            id="photo-denoiser",
            recipe=_photo,
            data_help="folder of training photographs",
            steps=22_000,
            batch=16,
            add_options=_photo_options,
            texts={
                "title": "Photo denoiser",
                "summary": "Removes Gaussian noise of any strength from photographs; the learned "
                "prior of plug-and-play restoration, and a score of noisy photographs.",
                "data": "BSDS500 without the 68 pictures of CBSD68: 432 photographs of 481x321 "
                "pixels, 12 of them held back to watch the training (Arbelaez et al., TPAMI 2011)",
                "data_terms": "The licence of the photographs is not stated with the data; the "
                "original page is commonly quoted as allowing non-commercial research and "
                "education. The weights inherit these terms: use them for research and teaching, "
                "and cite Arbelaez et al. 2011.",
                "limits": "Trained on 432 small photographs on a CPU. It knows Gaussian noise "
                "only, and smooths fine texture more than the large published networks do.",
                "published": {
                    "CBM3D": "30.7 dB at sigma 25/255 (Dabov et al. 2007)",
                    "DnCNN": "31.2 dB at sigma 25/255 (Zhang et al. 2017)",
                    "DRUNet": "31.7 dB at sigma 25/255, 32 M parameters (Zhang et al. 2021)",
                },
            },
        ),
        Plan(
            id="emoji-score",
            recipe=_score("emoji"),
            data_help=_SETS["emoji"][2],
            steps=6_000,
            batch=64,
            average=0.999,
            every=200,
            texts={
                "title": "Emoji score",
                "summary": "Knows what small emoji look like at every noise level from 0.002 to "
                "25: the prior of the samplers on 32x32 color pictures." + _FOUR_WAYS,
                "published": {"EDM": _KARRAS},
                "limits": "Trained on one CPU core for about an hour. It knows emoji of 32x32 "
                "pixels on white; samples have right colors and outlines, but often no object "
                "that a person could name.",
                **EMOJI_DATA,
            },
        ),
        Plan(
            id="fashion-score",
            recipe=_score("fashion"),
            data_help=_SETS["fashion"][2],
            steps=2_400,
            batch=64,
            average=0.998,
            every=200,
            texts={
                "title": "Clothing score",
                "summary": "Knows what small gray pictures of clothing look like at every noise "
                "level from 0.002 to 25: the prior of the samplers on 32x32 gray pictures."
                + _FOUR_WAYS,
                "published": {"EDM": _KARRAS},
                "limits": "Trained on a CPU for well under an hour. It knows the ten kinds of "
                "clothing of Fashion-MNIST, centered on black, and no other pictures.",
                **_FASHION_DATA,
            },
        ),
        Plan(
            id="emoji-flow",
            recipe=_flow("emoji-score"),
            add_options=_flow_options,
            data_help=_SETS["emoji"][2],
            steps=400,
            batch=64,
            rate=5e-4,
            average=0.99,
            every=100,
            texts={
                "title": "Emoji flow",
                "summary": _FLOW + "the emoji score." + _PAIRS,
                "published": {},
                "limits": _FLOW_LIMITS,
                **EMOJI_DATA,
            },
        ),
        Plan(
            id="fashion-flow",
            recipe=_flow("fashion-score"),
            add_options=_flow_options,
            data_help=_SETS["fashion"][2],
            steps=400,
            batch=64,
            rate=5e-4,
            average=0.99,
            every=100,
            texts={
                "title": "Clothing flow",
                "summary": _FLOW + "the clothing score." + _PAIRS,
                "published": {},
                "limits": _FLOW_LIMITS,
                **_FASHION_DATA,
            },
        ),
        Plan(
            id="emoji-classifier",
            recipe=_classification("emoji"),
            data_help=_SETS["emoji"][2],
            steps=500,
            batch=128,
            average=0.99,
            every=100,
            texts={
                "title": "Emoji classifier",
                "summary": _CLASSES + "emoji (six kinds, told by their code points).",
                "published": {},
                "limits": _CLASS_LIMITS + " The kinds are unequal: half of the base names are "
                "people or things, and a code point is a rough label.",
                **EMOJI_DATA,
            },
        ),
        Plan(
            id="fashion-classifier",
            recipe=_classification("fashion"),
            data_help=_SETS["fashion"][2],
            steps=600,
            batch=128,
            average=0.99,
            every=100,
            texts={
                "title": "Clothing classifier",
                "summary": _CLASSES + "clothing (ten kinds).",
                "published": {},
                "limits": _CLASS_LIMITS,
                **_FASHION_DATA,
            },
        ),
    )
} | TRAVERSAL
