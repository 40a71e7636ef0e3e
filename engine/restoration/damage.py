"""What happened to the picture: the damage a person chooses, and its forward operator."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Literal

import torch

from engine.data.pictures import read_painted
from engine.method import BadInput, Settings, knob
from engine.operators import (
    Boundary,
    Downsample,
    GaussianBlur,
    Grayscale,
    Identity,
    LightBlur,
    Mask,
    MotionBlur,
    Operator,
    Overexposure,
    PhaseRetrieval,
    painted_mask,
    random_mask,
    rectangle_mask,
)

Damage = Literal[
    "noise",
    "blur",
    "motion",
    "missing",
    "low_resolution",
    "lost_color",
    "overexposed",
    "light_blur",
    "lost_phase",
]


class Blur(Settings):
    """Out of focus."""

    sigma: float = knob(
        1.6,
        title="Blur width",
        help="How far a point of light spreads: sigma, the standard deviation of a Gaussian, "
        "in pixels of the working picture.",
        unit="px",
        ge=0.3,
        le=10.0,
        step=0.1,
        decimals=1,
    )


class Motion(Settings):
    """The camera moved."""

    length: float = knob(
        15.0,
        title="Distance moved",
        help="Length of the straight track while the shutter was open, in pixels of the "
        "working picture.",
        unit="px",
        ge=1.0,
        le=61.0,
        step=1.0,
        decimals=0,
    )
    angle: float = knob(
        30.0,
        title="Direction",
        help="Angle of the track, counter-clockwise from the horizontal.",
        unit="°",
        ge=-90.0,
        le=90.0,
        step=1.0,
        decimals=0,
    )


def _edge(default: float, title: str, side: str) -> float:
    edge: float = knob(
        default,
        title=title,
        help=f"{title} edge of the hole, in percent of the picture from the {side}.",
        unit="%",
        ge=0.0,
        le=100.0,
        step=1.0,
        decimals=0,
    )
    return edge


class Rectangle(Settings):
    """A hole with straight edges."""

    left: float = _edge(40.0, "Left", "left")
    top: float = _edge(40.0, "Top", "top")
    right: float = _edge(55.0, "Right", "left")
    bottom: float = _edge(55.0, "Bottom", "top")


class Missing(Settings):
    """Pixels that are gone."""

    kind: Literal["random", "rectangle", "painted"] = knob(
        "random",
        title="Which pixels are missing",
        help="Scattered at random, a rectangle, or what you paint on the picture.",
        titles={"random": "Scattered", "rectangle": "Rectangle", "painted": "Painted by hand"},
    )
    fraction: float = knob(
        0.5,
        title="Missing share of all pixels",
        help="How many of the pixels are gone; 0.5 is every second one.",
        ge=0.01,
        le=0.98,
        step=0.01,
        when={"kind": ["random"]},
    )
    rectangle: Rectangle = knob(
        Rectangle(), title="Hole", help="Where the hole is.", when={"kind": ["rectangle"]}
    )


class LowResolution(Settings):
    """Too few pixels."""

    factor: Literal[2, 3, 4] = knob(
        2,
        title="Enlarge by",
        help="How many times fewer pixels there are along each side.",
        titles={"2": "2 ×", "3": "3 ×", "4": "4 ×"},
    )


class Overexposed(Settings):
    """Bright parts are all white."""

    gain: float = knob(
        2.0,
        title="Exposed too long by",
        help="How many times too bright it is; whatever comes out above white is cut off. The "
        "field calls undoing it HDR reconstruction.",
        unit="×",
        ge=1.0,
        le=8.0,
        step=0.1,
        decimals=1,
    )


class BlurredLight(Settings):
    """The light was blurred in the lens, and the sensor saturates."""

    sigma: float = knob(
        1.6,
        title="Blur width",
        help="How far light spreads in the lens: the standard deviation of a Gaussian, in "
        "pixels of the working picture.",
        unit="px",
        ge=0.3,
        le=10.0,
        step=0.1,
        decimals=1,
    )
    gamma: float = knob(
        2.2,
        title="Gamma",
        help="How picture values follow light: 2.2 is what cameras and screens use, 1 is in "
        "proportion.",
        ge=1.0,
        le=3.0,
        step=0.1,
        decimals=1,
    )
    saturation: float = knob(
        1.0,
        title="Saturation",
        help="How strongly the sensor flattens bright light; near 0 it does not.",
        ge=0.05,
        le=4.0,
        step=0.05,
    )


Details = Blur | Motion | Missing | LowResolution | Overexposed | BlurredLight


def make_operator(
    damage: Damage,
    settings: Details | None,
    shape: tuple[int, int, int],
    rng: torch.Generator,
    painted: Path | None = None,
    *,
    wrapped: bool = False,
) -> Operator:
    """The forward operator for pictures of ``shape``; blurs get real (padded) borders, or
    ``wrapped`` ones.

    ``settings`` is the group that belongs to ``damage``; ``painted`` the mask picture.
    Draws from ``rng`` (the same amount whatever the sliders say) only for scattered pixels.

    Raises:
        BadInput: a mask that is absent or unusable.
    """
    boundary: Boundary = "periodic" if wrapped else "padded"
    match damage, settings:
        case "blur", Blur():
            return GaussianBlur(shape, settings.sigma, boundary)
        case "motion", Motion():
            return MotionBlur(shape, settings.length, math.radians(settings.angle), boundary)
        case "missing", Missing():
            return Mask(_known(settings, (shape[1], shape[2]), rng, painted), shape[0])
        case "low_resolution", LowResolution():
            return Downsample(shape, settings.factor)
        case "lost_color", _:
            return Grayscale(shape)
        case "overexposed", Overexposed():
            return Overexposure(shape, settings.gain)
        case "light_blur", BlurredLight():
            return LightBlur(shape, settings.sigma, settings.gamma, settings.saturation, boundary)
        case "lost_phase", _:
            return PhaseRetrieval(shape)
        case _:
            return Identity(shape)


def _known(
    settings: Missing, size: tuple[int, int], rng: torch.Generator, painted: Path | None
) -> torch.Tensor:
    if settings.kind == "random":
        return random_mask(size, settings.fraction, rng)
    if settings.kind == "rectangle":
        hole = settings.rectangle
        try:
            return rectangle_mask(
                size, (hole.left / 100, hole.top / 100, hole.right / 100, hole.bottom / 100)
            )
        except BadInput as error:
            raise BadInput(
                f"problem.missing.rectangle: from {hole.left:g} to {hole.right:g} % across and "
                f"{hole.top:g} to {hole.bottom:g} % down is no usable hole; left must be below "
                "right, top below bottom, and some of the picture must stay",
                "problem.missing.rectangle.left",
            ) from error
    if painted is None:
        raise BadInput(
            "mask: nothing is painted yet; paint what is missing on the picture, or choose "
            "scattered or rectangle",
            "inputs.mask",
        )
    return painted_mask(read_painted(painted), size)
