"""The priors a person can choose, and which one fits a picture."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator

from engine.method import BadInput, knob
from engine.models import zoo
from engine.models.pretrained_files import absolute
from engine.models.served import Denoiser
from engine.restoration.priors import Formula, PatchDenoiser, Prior, scale_mixture
from engine.restoration.problem import WRAPPED, Problem
from engine.restoration.wiener import photograph_prior

PriorName = Literal[
    "auto", "photo-denoiser", "emoji-score", "fashion-score", "gaussian", "mixture", "pretrained"
]
#: Where a person's own network is; made absolute, so that a record makes sense from anywhere.
Network = Annotated[str, AfterValidator(absolute)]
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
            "pretrained": "Your own network",
        },
    )


def network_knob() -> Any:
    """The knob ``network`` beside every ``prior``: where a person's own network is."""
    return knob(
        "",
        title="Own network",
        help="A diffusion network that others trained, as the diffusers library saves it: its "
        "folder, a file in it, or a name on the Hugging Face hub such as "
        "google/ddpm-celebahq-256, which the first run downloads. It must make pictures out of "
        "nothing but noise, pixel by pixel, and have its weights as safetensors; the picture "
        "must have the size that it knows, and a large network takes seconds for each step. "
        "Needs the optional extra `pretrained`.",
        kind="file",
        when={"prior": ["pretrained"]},
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


def load_prior(problem: Problem, name: str, network: str = "") -> Prior:
    """The prior called ``name``, ready for this problem's pictures.

    ``network`` says where ``pretrained`` is (``engine.models.pretrained``).

    Raises:
        BadInput: it does not ship, cannot be had, or knows pictures of another size only.
    """
    if name == "mixture":
        return Formula(PatchDenoiser(scale_mixture()))
    if name == "gaussian":
        return Formula(
            photograph_prior(
                problem.measurement, problem.linear, problem.sigma, known=problem.known
            )
        )
    if name == "pretrained":
        return _own(problem, network)
    name = fitting(problem) if name == "auto" else name
    denoiser = problem.denoiser(name)
    if not _fits(denoiser, problem):
        _, height, width = problem.operator.shape_in
        raise BadInput(
            f"prior: {zoo.card(name).title} knows pictures of {denoiser.size} × {denoiser.size} "
            f"pixels; this one is worked on at {width} × {height} (allowed: a small sample "
            "picture, or another prior)",
            "prior",
        )
    return denoiser


def _fits(denoiser: Denoiser, problem: Problem) -> bool:
    size = denoiser.size
    return size is None or problem.operator.shape_in[1:] == (size, size)


def _own(problem: Problem, network: str) -> Denoiser:
    """A person's own network, which a picture must fit together with what its damage adds."""
    denoiser = problem.pretrained(network)
    if denoiser.size is None or _fits(denoiser, problem):
        return denoiser
    _, height, width = problem.operator.shape_in
    raise BadInput(
        f"network: {denoiser.name} knows pictures of {denoiser.size} × {denoiser.size} pixels; "
        f"this one is worked on at {width} × {height} (allowed: "
        f"{_restorable(denoiser.size, problem)})",
        "network",
    )


def _restorable(size: int, problem: Problem) -> str:
    """Which picture of this damage a network of pictures of ``size`` can restore, in words."""
    operator = problem.operator
    beyond = operator.shape_in[1] - operator.shape_picture[1]
    side = size if size <= WRAPPED else size - beyond
    if side <= WRAPPED < size:
        return "another damage"
    picture = f"a picture of {side} × {side}"
    reduced = ", to which problem.working_size reduces a larger square one"
    return picture + reduced if side >= SMALL else picture
