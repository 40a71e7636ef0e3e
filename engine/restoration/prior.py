"""The priors a person can choose, and which one fits a picture."""

from __future__ import annotations

from typing import Any, Literal

from engine.method import BadInput, knob
from engine.models import zoo
from engine.restoration.priors import Formula, PatchDenoiser, Prior, scale_mixture
from engine.restoration.problem import Problem
from engine.restoration.wiener import photograph_prior

PriorName = Literal["auto", "photo-denoiser", "emoji-score", "fashion-score", "gaussian", "mixture"]
#: Side of the pictures that the small networks know.
SMALL = 32
#: Trained priors by what they know, best first.
TRAINED = ("photo-denoiser", "emoji-score", "fashion-score")


def prior_knob() -> Any:
    """The knob ``prior`` of every method that takes any denoiser as its prior."""
    return knob(
        "auto",
        title="Prior",
        help="What knows how pictures look: a trained network, or one of two formulas that "
        "need no training and show how much the network adds.",
        titles={
            "auto": "The one that fits the picture",
            "photo-denoiser": "Photographs, any size",
            "emoji-score": "Emoji, 32 × 32",
            "fashion-score": "Clothing, 32 × 32",
            "gaussian": "Formula: smooth everywhere",
            "mixture": "Formula: flat or textured",
        },
    )


def fitting(problem: Problem) -> str:
    """The trained prior for the problem's picture: small ones are emoji, or gray clothing."""
    if tuple(problem.operator.shape_picture[1:]) != (SMALL, SMALL):
        return "photo-denoiser"
    return "fashion-score" if _gray(problem) else "emoji-score"


def _gray(problem: Problem) -> bool:
    """Whether the measurement's three colors differ by no more than their noise."""
    y = problem.measurement
    if y.shape[1] != 3:
        return False
    apart = float((y - y.mean(1, keepdim=True)).square().mean())
    return apart < 1.5 * 2 / 3 * problem.sigma**2 + 1e-6


def load_prior(problem: Problem, name: str) -> Prior:
    """The prior called ``name``, ready for this problem's pictures.

    Raises:
        BadInput: it does not ship, or knows pictures of another size only.
    """
    if name == "mixture":
        return Formula(PatchDenoiser(scale_mixture()))
    if name == "gaussian":
        return Formula(
            photograph_prior(
                problem.measurement, problem.linear, problem.sigma, known=problem.known
            )
        )
    name = fitting(problem) if name == "auto" else name
    denoiser = problem.denoiser(name)
    _, height, width = problem.operator.shape_in
    if denoiser.size is not None and (height, width) != (denoiser.size, denoiser.size):
        raise BadInput(
            f"prior: {zoo.card(name).title} knows pictures of {denoiser.size} × {denoiser.size} "
            f"pixels; this one is worked on at {width} × {height} (allowed: a small sample "
            "picture, or another prior)",
            "prior",
        )
    return denoiser
