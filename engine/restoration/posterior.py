"""Several samples of the posterior at once: their mean, and where they disagree."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from engine.catalogue import PanelSpec, ScaleSpec, SeriesSpec
from engine.method import knob
from engine.operators import Operator
from engine.restoration.diffusion import uncentered
from engine.restoration.stepping import Tensors

#: The most samples that are drawn at once.
MOST = 16


def panels(**when: list[Any]) -> tuple[PanelSpec, ...]:
    """The panels of samples; they have a mean worth a look while the knobs in ``when`` say so."""
    several = {"samples": list(range(2, MOST + 1)), **when}
    return (
        PanelSpec(
            name="estimate",
            title="Mean of {samples} samples",
            kind="image",
            when=several,
            help="The average of all samples as they are now. It is smoother than each of them, "
            "and nearer to the original on average.",
        ),
        PanelSpec(
            name="samples",
            title="Samples",
            kind="image",
            help="Pictures that all explain the measurement; where they differ, it does not say.",
            optional=True,
        ),
        PanelSpec(
            name="spread",
            title="Uncertainty",
            kind="image",
            when=several,
            help="Standard deviation of the samples at each pixel, the mean over its colors: dark "
            "where they agree, light where they differ. It needs two samples at least. The end of "
            "the scale follows the run: all but one in a hundred pixels stay below it.",
            optional=True,
            scale=ScaleSpec(unit="of black to white"),
        ),
    )


PANELS = panels()
COST = PanelSpec(
    name="cost",
    title="Network passes",
    kind="curve",
    series=(
        SeriesSpec("calls", "Calls", better="low", decimals=0),
        SeriesSpec("backwards", "Backward", better="low", decimals=0),
    ),
    help="How often the network was run, and how often gradients went back through it.",
)


def samples_knob(default: int = 1) -> Any:
    """The knob ``samples`` of every method that draws from the posterior; ``panels`` counts on it
    to end at ``MOST``.
    """
    return knob(
        default,
        title="Samples",
        help="How many pictures are drawn at once. With more than one their average is shown, "
        "and where they disagree.",
        ge=1,
        le=MOST,
    )


def repeated(first: Tensor, count: int) -> Tensor:
    """``first`` (1, C, H, W) as the start of ``count`` samples."""
    return first.expand(count, -1, -1, -1).contiguous()


def summarized(x0: Tensor, operator: Operator) -> Tensors:
    """``pictured`` of samples ``x0`` (n, C, H, W) that are centered."""
    return pictured(uncentered(x0), operator)


def pictured(pictures: Tensor, operator: Operator) -> Tensors:
    """The tensors that show samples (n, C, H, W) in [0, 1]: ``x`` is their mean.

    With more than one, ``samples`` are pictures and ``spread`` (1, 1, H, W) their standard
    deviation, for the panels of these names.
    """
    if pictures.shape[0] == 1:
        return {"x": pictures}
    seen = operator.crop(pictures)
    return {
        "x": pictures.mean(0, keepdim=True),
        "samples": seen.clamp(0.0, 1.0),
        "spread": _deviation(seen).mean(1, keepdim=True),
    }


def spread_of(x0: Tensor) -> float:
    """Mean standard deviation of samples (n, C, H, W), in [0, 1] units; 0 for one sample."""
    return float(_deviation(uncentered(x0)).mean()) if x0.shape[0] > 1 else 0.0


def _deviation(pictures: Tensor) -> Tensor:
    # Torch's own std along the first dimension takes twenty times as long.
    apart = pictures - pictures.mean(0, keepdim=True)
    return apart.square_().sum(0, keepdim=True).div_(pictures.shape[0] - 1).sqrt_()
