"""The problem that all restoration methods share: a picture, its damage, a measurement."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from engine.data.pictures import read_picture, resize, working_size
from engine.method import BadInput, Context, Settings, knob
from engine.models.pretrained import load_pretrained
from engine.models.served import Denoiser
from engine.models.zoo import load_denoiser
from engine.operators import LinearOperator, Mask, Operator, divisible
from engine.restoration.damage import (
    Blur,
    BlurredLight,
    Damage,
    Details,
    LowResolution,
    Missing,
    Motion,
    Overexposed,
    make_operator,
)
from engine.restoration.metrics import Similarity

#: The rounding of an 8-bit picture: no measurement is less noisy than this.
QUIET = 1.0 / (255.0 * 12.0**0.5)
#: SSIM looks through a window of 11 pixels.
SMALLEST = 11
#: A small picture keeps at least so many pixels a side when it is reduced.
FEWEST = 4
#: Pictures up to this side wrap around at their edges: icons on a plain ground, for which a
#: prior of exactly their size has no room for an unseen border.
WRAPPED = 32


#: The damages and what they are called; those that are not linear come last.
DAMAGES: dict[str, str] = {
    "noise": "Noise",
    "blur": "Out of focus",
    "motion": "Camera moved",
    "missing": "Missing pixels",
    "low_resolution": "Too small",
    "lost_color": "Lost color",
    "overexposed": "Overexposed",
    "light_blur": "Blurred light",
    "lost_phase": "Lost phase",
}
NONLINEAR = ("overexposed", "light_blur", "lost_phase")


class RestorationSettings(Settings):
    """What happened to the picture, and the size at which it is worked on."""

    damage: Damage = knob(
        "blur",
        title="What happened to it?",
        help="The damage to undo. The field calls it the forward operator.",
        titles=DAMAGES,
    )
    blur: Blur = knob(Blur(), title="Blur", help="Out of focus.", when={"damage": ["blur"]})
    motion: Motion = knob(
        Motion(), title="Motion", help="The camera moved.", when={"damage": ["motion"]}
    )
    missing: Missing = knob(
        Missing(), title="Missing", help="Pixels are gone.", when={"damage": ["missing"]}
    )
    low_resolution: LowResolution = knob(
        LowResolution(),
        title="Low resolution",
        help="Too few pixels.",
        when={"damage": ["low_resolution"]},
    )
    overexposed: Overexposed = knob(
        Overexposed(),
        title="Exposure",
        help="Bright parts are all white.",
        when={"damage": ["overexposed"]},
    )
    light_blur: BlurredLight = knob(
        BlurredLight(),
        title="Blurred light",
        help="The light was blurred in the lens, and the sensor saturates.",
        when={"damage": ["light_blur"]},
    )
    noise: float = knob(
        0.01,
        title="Noise",
        help="Standard deviation of the grain, as a fraction of black to white. 0.01 is "
        "2.55 of 255 (a good camera), 0.1 is 25.5 of 255 (dusk).",
        ge=0.0,
        le=0.5,
        step=0.005,
        decimals=3,
    )
    already_damaged: bool = knob(
        False,
        title="Already damaged",
        help="Nothing is added to the picture; say above what happened to it and how strongly. "
        "No truth is known then, so no quality can be measured.",
    )
    full_size: bool = knob(
        False,
        title="Every pixel",
        help="Work at the full size of the picture, in tiles. Large photographs take long.",
        group="Size",
        folded=True,
    )
    working_size: int = knob(
        768,
        title="Working size",
        help="The longer side to which a larger picture is reduced first.",
        unit="px",
        ge=32,
        le=4096,
        step=32,
        when={"full_size": [False]},
        group="Size",
        folded=True,
    )
    bits: Literal[8, 16] = knob(
        8,
        title="Save with",
        help="Bits per color of the restored picture that is kept.",
        titles={"8": "8 bits", "16": "16 bits"},
        group="Size",
        folded=True,
    )


#: Of a method that works on the picture as it is given, and undoes no damage: ``Method.fixed``.
UNTOUCHED = {"damage": "noise", "noise": 0.0, "already_damaged": True}


@dataclass
class Problem:
    """One measurement ``y = A x + sigma noise`` and what is known about it.

    Attributes:
        operator: A, for pictures of ``operator.shape_in``; ``operator.crop`` gives the
            visible picture of an estimate.
        measurement: y, ``(1, c, h, w)``, not clipped.
        sigma: standard deviation of the noise, never below ``QUIET``.
        truth: ``(1, 3, H, W)`` in [0, 1], or None where nobody knows it.
        notes: what a person should know, one line each.
    """

    operator: Operator
    measurement: Tensor
    sigma: float
    truth: Tensor | None
    settings: RestorationSettings
    device: str = "cpu"
    backend: str = "auto"
    notes: list[str] = field(default_factory=list)
    denoisers: dict[str, Denoiser] = field(default_factory=dict)
    #: Pictures of panels that do not change, kept once they are made.
    still: dict[str, Tensor] = field(default_factory=dict)

    @property
    def known(self) -> Tensor | None:
        """Bool (c, h, w), true where measured; None where nothing is missing."""
        return self.operator.known if isinstance(self.operator, Mask) else None

    @property
    def linear(self) -> LinearOperator:
        """The operator, for a method that undoes linear damages only.

        Raises:
            BadInput: the damage is not linear.
        """
        if not isinstance(self.operator, LinearOperator):
            raise _not_linear(self.settings.damage)
        return self.operator

    @cached_property
    def count(self) -> int:
        """How many numbers were measured."""
        return int(self.known.sum()) if self.known is not None else self.measurement.numel()

    @cached_property
    def similarity(self) -> Similarity | None:
        """SSIM to the truth, where there is one."""
        return None if self.truth is None else Similarity(self.truth)

    def denoiser(self, name: str, tile: int | None = None) -> Denoiser:
        """A trained denoiser on this run's device and backend; loaded once."""
        if name not in self.denoisers:
            self.denoisers[name] = load_denoiser(name, self.device, self.backend, tile)
        return self.denoisers[name]

    def pretrained(self, source: str) -> Denoiser:
        """A network that a person brings; the run's record names where it was found."""
        denoiser = load_pretrained(source, self.device, self.backend)
        return self.denoisers.setdefault(denoiser.name, denoiser)


def _not_linear(damage: str) -> BadInput:
    allowed = ", ".join(f"“{title}”" for name, title in DAMAGES.items() if name not in NONLINEAR)
    return BadInput(
        f"problem.damage: “{DAMAGES[damage]}” is not a linear damage (allowed: {allowed})",
        "problem.damage",
    )


def linear_only(params: Settings, problem: RestorationSettings) -> None:
    """For methods that undo linear damages only, whatever their knobs: ``Method.fits``."""
    if problem.damage in NONLINEAR:
        raise _not_linear(problem.damage)


def build(settings: RestorationSettings, context: Context) -> Problem:
    """Read the picture, apply the damage and add the noise.

    Raises:
        BadInput: the picture or mask cannot be used, or the values do not go together.
    """
    picture, notes = working_picture(settings, context.inputs["picture"])
    operator = _operator(settings, picture, context)
    if settings.already_damaged:
        measured = operator.shape_out == tuple(picture.shape[1:]) and not isinstance(operator, Mask)
        measurement, truth = picture if measured else operator(picture), None
    else:
        clean = operator(operator.extend(picture))
        measurement = clean + settings.noise * torch.randn(clean.shape, generator=context.rng)
        if isinstance(operator, Mask):
            measurement = operator(measurement)
        truth = picture.to(context.device)
    return Problem(
        operator=operator,
        measurement=measurement.to(context.device),
        sigma=max(settings.noise, QUIET),
        truth=truth,
        settings=settings,
        device=context.device,
        backend=context.backend,
        notes=notes,
    )


def _operator(settings: RestorationSettings, picture: Tensor, context: Context) -> Operator:
    damage, missing = settings.damage, settings.missing
    if settings.already_damaged and damage == "missing" and missing.kind == "random":
        raise BadInput(
            "problem.missing.kind: random pixels of a picture that is already damaged cannot "
            "be known (allowed rectangle, painted)",
            "problem.missing.kind",
        )
    if settings.already_damaged and damage == "lost_phase":
        raise BadInput(
            "problem.damage: lost_phase cannot be read from a picture, since its measurement is "
            "none (allowed: without already_damaged)",
            "problem.damage",
        )
    enlarged = settings.low_resolution.factor if _enlarges(settings) else 1
    channels, height, width = picture.shape[1:]
    details: dict[str, Details] = {
        "blur": settings.blur,
        "motion": settings.motion,
        "missing": missing,
        "low_resolution": settings.low_resolution,
        "overexposed": settings.overexposed,
        "light_blur": settings.light_blur,
    }
    shape = (channels, height * enlarged, width * enlarged)
    return make_operator(
        damage,
        details.get(damage),
        shape,
        context.rng,
        context.inputs.get("mask"),
        wrapped=max(shape[1:]) <= WRAPPED,
    )


def _enlarges(settings: RestorationSettings) -> bool:
    """Whether the picture given is the small one, so that the estimate has more pixels."""
    return settings.already_damaged and settings.damage == "low_resolution"


def working_picture(settings: RestorationSettings, path: Path) -> tuple[Tensor, list[str]]:
    """The picture (1, 3, H, W) at the size it is worked on, and notes about it.

    Raises:
        BadInput: the file cannot be read, or is too small.
    """
    factor = settings.low_resolution.factor if settings.damage == "low_resolution" else 1
    if settings.full_size:
        read = read_picture(path)
        picture, notes = read.tensor(), list(read.notes)
    else:
        side = settings.working_size // (factor if _enlarges(settings) else 1)
        entry = path.stat()
        picture, cached = _reduced(path, entry.st_mtime_ns, entry.st_size, side)
        notes = list(cached)
    if factor > 1 and not _enlarges(settings):
        height, width, note = divisible(picture.shape[2], picture.shape[3], factor)
        picture = picture[..., :height, :width].contiguous()
        notes += [note] if note else []
    needed = SMALLEST if _enlarges(settings) else max(SMALLEST, FEWEST * factor)
    if min(picture.shape[2:]) < needed:
        raise BadInput(
            f"picture: the file {path.name} is worked on at {picture.shape[3]} × "
            f"{picture.shape[2]} pixels; this damage needs {needed} × {needed}",
            "inputs.picture",
        )
    return picture, notes


@lru_cache(maxsize=4)
def _reduced(path: Path, changed: int, size: int, side: int) -> tuple[Tensor, tuple[str, ...]]:
    """Kept between previews: a slider must not decode a photograph at every move."""
    read = read_picture(path)
    height, width, note = working_size(read.height, read.width, side)
    notes = (*read.notes, note) if note else tuple(read.notes)
    return resize(read.tensor(), height, width), notes
