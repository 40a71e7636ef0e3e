"""Steering a diffusion towards a class with a classifier that knows noise.

Source: Y. Song et al., Score-Based Generative Modeling through Stochastic Differential
Equations, ICLR 2021, appendix I; P. Dhariwal, A. Nichol, Diffusion Models Beat GANs on Image
Synthesis, NeurIPS 2021, for the strength.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from engine.data import fashion_mnist, noto_emoji
from engine.method import BadInput, knob
from engine.models import zoo
from engine.restoration.diffusion import uncentered
from engine.restoration.sde import SDE, Score

#: Which classifier knows the classes of which prior's pictures.
CLASSIFIERS = {"emoji-score": "emoji-classifier", "fashion-score": "fashion-classifier"}
#: The classes of those pictures.
CLASSES = {"emoji-score": noto_emoji.CLASS_NAMES, "fashion-score": fashion_mnist.CLASS_NAMES}
#: So many classes are named where one is to be chosen; the help of the knob has them all.
NAMED = 10


class Classifier(Protocol):
    """Says what a noisy picture shows."""

    @property
    def class_names(self) -> Sequence[str]:
        """What the columns of its answer mean."""
        ...

    def __call__(self, x: Tensor, sigma: float | Tensor) -> Tensor:
        """Log probabilities (B, classes) of ``x`` (B, C, H, W) in [0, 1] units, differentiable."""
        ...


def _listed(names: Sequence[str]) -> str:
    # Names have commas of their own.
    return "; ".join(names)


def _choices(names: Sequence[str]) -> str:
    more = len(names) - NAMED
    return _listed(names[:NAMED]) + (f"; and {more} more" if more > 0 else "")


def class_needed(prior: str) -> BadInput:
    """No class is named: which there are for the pictures of ``prior``, or for all."""
    known = CLASSES.values() if prior not in CLASSES else [CLASSES[prior]]
    names = [name for part in known for name in part]
    return BadInput(f"subject: choose one of {_choices(names)}", "subject")


def subject_knob(**more: Any) -> Any:
    """The knob that names a class."""
    return knob(
        "",
        title="What to show",
        help="Name of a class of pictures to steer towards; empty steers nowhere. Small pictures "
        f"only. Emoji: {_listed(noto_emoji.CLASS_NAMES)}. Clothing: "
        f"{_listed(fashion_mnist.CLASS_NAMES)}. The beginning of a name will do.",
        **more,
    )


def strength_knob(**more: Any) -> Any:
    """The knob that says how strongly."""
    return knob(
        2.0,
        title="Steering",
        help="How strongly the classifier pulls: 1 is what probability theory asks for, more "
        "gives plainer and less varied pictures.",
        ge=0.0,
        le=20.0,
        step=0.5,
        live=True,
        **more,
    )


def classifier_for(prior: str, subject: str, device: str) -> tuple[Classifier, int]:
    """The classifier of a prior's pictures, and the number of the class called ``subject``.

    Raises:
        BadInput: the prior has no classifier, or that has no such class.
    """
    if prior not in CLASSIFIERS:
        raise BadInput(
            "subject: only pictures of the emoji and clothing networks can be steered "
            "(allowed: a 32 × 32 picture, or nothing to show)",
            "subject",
        )
    classifier: Classifier = zoo.load_classifier(CLASSIFIERS[prior], device)
    wanted = subject.strip().casefold()
    names = [name.casefold() for name in classifier.class_names]
    found = [k for k, name in enumerate(names) if name.startswith(wanted)]
    if wanted in names:
        found = [names.index(wanted)]
    if len(found) != 1:
        raise BadInput(
            f"subject: “{subject}” is no class that “{zoo.card(prior).title}” knows (allowed: "
            f"{_choices(classifier.class_names)})",
            "subject",
        )
    return classifier, found[0]


def pull(classifier: Classifier, index: int, sde: SDE, x: Tensor, t: float) -> Tensor:
    """Gradient of the log probability of class ``index`` by x_t = ``x`` (B, C, H, W), centered."""
    a, s = sde.a(t), sde.s(t)
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        chosen = classifier(uncentered(x / a), 0.5 * s / a)[:, index].sum()
        (slope,) = torch.autograd.grad(chosen, x)
    return slope


def guided(score: Score, classifier: Classifier, index: int, sde: SDE, strength: float) -> Score:
    """The score of pictures of one class: ``score + strength * pull``."""

    def both(x: Tensor, t: float) -> Tensor:
        return score(x, t) + strength * pull(classifier, index, sde, x, t)

    return both
