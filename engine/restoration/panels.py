"""What the bench shows and keeps: numbers, live pictures, saved files, the preview."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine.catalogue import PanelSpec, SeriesSpec
from engine.data.pictures import resize, write_png
from engine.method import Context, State
from engine.operators import Mask, PhaseRetrieval
from engine.restoration.metrics import mismatch, nearest, noise_of, psnr
from engine.restoration.problem import Problem, RestorationSettings, build

#: Above this many pixels SSIM is measured at every n-th step only, and at the last.
SSIM_PIXELS = 1_000_000
#: The pictures of the comparison are at most this high.
COMPARISON_HEIGHT = 1024

PANELS = (
    PanelSpec(
        name="estimate",
        title="Restored",
        kind="image",
        help="The estimate as it is now.",
    ),
    PanelSpec(
        name="damaged",
        title="Damaged",
        kind="image",
        help="What the method was given: the measurement.",
    ),
    PanelSpec(
        name="clean",
        title="Original",
        kind="image",
        help="The picture before the damage. No method sees it; quality is measured with it.",
        optional=True,
    ),
    PanelSpec(
        name="quality",
        title="Quality",
        kind="curve",
        series=(SeriesSpec("psnr", "PSNR", "dB", better="high"),),
        help="Peak signal-to-noise ratio to the original; one dB more is 21 % less squared error. "
        "Where the phase is lost, a picture may come out turned by half, which no measurement can "
        "tell: then the turned one counts.",
    ),
    PanelSpec(
        name="similarity",
        title="Likeness",
        kind="curve",
        series=(SeriesSpec("ssim", "SSIM", better="high", decimals=3),),
        help="Structural similarity to the original; 1 is the same picture. Turned by half counts "
        "as the same where the phase is lost.",
    ),
    PanelSpec(
        name="mismatch",
        title="Mismatch",
        kind="curve",
        series=(SeriesSpec("mismatch", "Residual", "σ"),),
        reference=1.0,
        help="Mismatch to the measurement: how far the damaged estimate is from it, in units of "
        "the noise. Near 1 is right: below it noise is copied, above it the estimate does not "
        "explain what was measured.",
    ),
)


def visible(problem: Problem, state: State) -> Tensor:
    """The estimate as a picture (1, 3, H, W) in [0, 1]."""
    return problem.operator.crop(state.tensors["x"]).clamp(0.0, 1.0)


@torch.no_grad()
def observe(problem: Problem, state: State) -> dict[str, float]:
    """PSNR and SSIM (only where the truth is known), mismatch, and the method's own numbers.

    The latter alone where the state says that it does not restore (``restores`` is false):
    a picture made of nothing is not like the original, and need not be.
    """
    if not state.scalars.get("restores", True):
        return dict(state.scalars.get("curves", {}))
    seen: dict[str, float] = {}
    if problem.truth is not None and problem.similarity is not None:
        picture = nearest(problem.operator.alike(visible(problem, state)), problem.truth)
        seen["psnr"] = psnr(picture, problem.truth)
        every = math.ceil(picture.shape[-2] * picture.shape[-1] / SSIM_PIXELS)
        if state.step % every == 0 or state.step == state.total:
            seen["ssim"] = problem.similarity(picture)
    seen["mismatch"] = mismatch(
        problem.operator,
        state.tensors["x"],
        problem.measurement,
        problem.sigma,
        problem.count,
    )
    seen.update(state.scalars.get("curves", {}))
    return seen


def measured_picture(problem: Problem) -> Tensor:
    """The measurement as a picture as large as the estimate: enlarged, or gray in three colors.

    Magnitudes of a Fourier transform are shown on a logarithmic scale.
    """
    y = problem.measurement
    if isinstance(problem.operator, PhaseRetrieval):
        y = problem.operator.picture_of(y)
    _, height, width = problem.operator.shape_picture
    if y.shape[-2:] != (height, width):
        rows, columns = height // y.shape[-2], width // y.shape[-1]
        y = y.repeat_interleave(rows, -2).repeat_interleave(columns, -1)
    return y.expand(1, 3, height, width).clamp(0.0, 1.0)


@torch.no_grad()
def pictures(problem: Problem, state: State) -> dict[str, Tensor]:
    """The image panels, each (H, W, 3) uint8 on the CPU; no ``clean`` where nobody knows it."""
    return {"estimate": to_bytes(visible(problem, state)), **still_pictures(problem)}


def still_pictures(problem: Problem) -> dict[str, Tensor]:
    """The panels that do not change during a run; made once."""
    if not problem.still:
        problem.still["damaged"] = to_bytes(measured_picture(problem))
        if problem.truth is not None:
            problem.still["clean"] = to_bytes(problem.truth)
    return problem.still


def to_bytes(picture: Tensor) -> Tensor:
    """``(1, 3, H, W)`` in [0, 1] to ``(H, W, 3)`` uint8 on the CPU."""
    return (picture[0] * 255.0).round().to(torch.uint8).permute(1, 2, 0).contiguous().cpu()


@torch.no_grad()
def save(problem: Problem, state: State, folder: Path) -> dict[str, str]:
    """Write the restored, damaged and clean picture and one that compares them, as PNG."""
    restored = visible(problem, state).cpu()
    files = {"restored": restored, "damaged": measured_picture(problem).cpu()}
    if problem.truth is not None:
        files["clean"] = problem.truth.cpu()
    side_by_side = [files[name] for name in ("damaged", "restored", "clean") if name in files]
    height, width = restored.shape[-2:]
    if height > COMPARISON_HEIGHT:
        size = COMPARISON_HEIGHT, max(1, round(width * COMPARISON_HEIGHT / height))
        side_by_side = [resize(picture, *size) for picture in side_by_side]
    files["comparison"] = torch.cat(side_by_side, dim=-1)
    for name, picture in files.items():
        write_png(
            folder / f"{name}.png", picture, problem.settings.bits if name == "restored" else 8
        )
    return {name: f"{name}.png" for name in files}


@torch.no_grad()
def preview(
    settings: RestorationSettings, context: Context
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The damaged picture (and the clean one) before any run, and facts in words."""
    problem = build(settings, context)
    _, height, width = problem.operator.shape_picture
    facts: dict[str, Any] = {
        "width": width,
        "height": height,
        "size": f"{width} × {height} px",
        "notes": problem.notes,
        "truth": problem.truth is not None,
        "measured": problem.count,
    }
    if problem.truth is None and not isinstance(problem.operator, Mask):
        guess = noise_of(problem.measurement)
        facts["noise_estimate"] = guess
        facts["notes"] = [*problem.notes, f"its noise looks like {guess:.3f}"]
    if isinstance(problem.operator, Mask):
        facts["missing"] = 1.0 - problem.count / problem.measurement.numel()
    return still_pictures(problem), facts
