"""What a run of Score SDE shows: x_t, the estimate behind it, and the way it came."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.catalogue import PanelSpec, SeriesSpec
from engine.operators import Operator
from engine.outputs import PARTING
from engine.restoration.diffusion import rms, uncentered, unscaled
from engine.restoration.posterior import COST, panels, summarized
from engine.restoration.sde import SDE
from engine.restoration.stepping import Numbers, Tensors

#: States that the strip keeps, the height in pixels that they have there at most, and the
#: pixels between them.
KEPT, HEIGHT, GAP = 8, 96, 2

#: Tasks that undo no damage, so that there is none.
MADE = {"task": ["generate", "likelihood"]}

#: How likely a picture is comes first, where that is the question; then noise and time: they say
#: where one is when one looks back.
SCORE_PANELS = (
    PanelSpec(
        name="noisy",
        title="Noisy picture",
        kind="image",
        help="The picture with the noise that it has now, shown at the same contrast always.",
    ),
    PanelSpec(
        name="trajectory",
        title="The way",
        kind="image",
        help="Kept moments from left to right: above the noisy picture, below the clean "
        "picture that is expected behind it.",
    ),
    *panels(task=["restore"]),
    PanelSpec(
        name="estimate",
        title="New picture",
        kind="image",
        when={"task": ["generate"]},
        help="The first of the pictures that form out of noise, as it is expected now.",
    ),
    PanelSpec(
        name="estimate",
        title="Expected picture",
        kind="image",
        when={"task": ["likelihood"]},
        help="The clean picture that is expected behind the noise that is there by now.",
    ),
    PanelSpec(
        name="damaged",
        title="Untouched",
        kind="image",
        when=MADE,
        help="The picture as it was given: what is judged, or what new ones have their size from.",
    ),
    PanelSpec(
        name="likelihood",
        title="Bits per number",
        kind="curve",
        series=(
            SeriesSpec("bits_per_dim", "Per number", "bit"),
            SeriesSpec("log_det_bits", "Stretching", "bit"),
        ),
        reference=8.0,
        help="What one byte of the picture costs: 8 bits without any knowledge, where the line is, "
        "fewer the more the prior expected it. It is exact at the end of the way. A part comes "
        "from how much the way to noise stretches the surroundings of the picture.",
        optional=True,
        order=-2,
    ),
    PanelSpec(
        name="noise",
        title="Noise level",
        kind="curve",
        series=(SeriesSpec("sigma", "Sigma"),),
        log_y=True,
        help="Standard deviation of the noise, as a fraction of black to white.",
        order=-1,
    ),
    PanelSpec(
        name="time",
        title="Time",
        kind="curve",
        series=(SeriesSpec("time", "Time"),),
        help="Time of the diffusion: 1 is noise, 0 the picture.",
        order=-1,
    ),
    PanelSpec(
        name="score_norm",
        title="Size of the score",
        kind="curve",
        series=(SeriesSpec("score_norm", "Score × noise"),),
        reference=1.0,
        help="The score times the noise, per number of the picture. Near 1 the picture holds "
        "as much noise as it should; far from 1 it has left what the prior knows.",
    ),
    COST,
)


class Showing:
    """Makes the tensors of the panels, picture by picture."""

    def __init__(self, operator: Operator, *, restores: bool) -> None:
        self.operator = operator
        self.restores = restores

    def __call__(
        self,
        before: Tensors | None,
        x: Tensor,
        clean: Tensor,
        a: float,
        s: float,
        done: float,
        since: float = 0.0,
    ) -> Tensors:
        """Tensors of the state after ``before``.

        Args:
            x, clean: x_t and the estimate behind it, centered (n, 1 or 3, H, W).
            a, s: of the level of ``x``.
            done, since: parts of the way that are behind, now and in ``before``, 0 to 1.
        """
        channels = self.operator.shape_in[0]
        x, clean = (v.expand(-1, channels, -1, -1).to(torch.float32) for v in (x, clean))
        shown = summarized(clean, self.operator)
        if not self.restores:
            # Pictures made of nothing have no common mean worth a look: show the first.
            shown["x"] = uncentered(clean[:1])
        # Contrast of the picture itself is about 1/2 of black to white, and fades with a.
        noisy = self.operator.crop(unscaled(x[:1], math.hypot(a, s)).clamp_(0.0, 1.0))
        shown["noisy"] = noisy
        place = _place(done)
        if before is None or done == 1.0 or place > _place(since):
            above, below = _small(noisy), _small(self._first(clean))
            between = above.new_full((*above.shape[:2], GAP, above.shape[-1]), PARTING)
            tile = torch.cat([above, between, below], -2)
            shown["trajectory"] = _strip(before, tile, place)
        else:
            shown["trajectory"] = before["trajectory"]
        return shown

    def _first(self, clean: Tensor) -> Tensor:
        return self.operator.crop(uncentered(clean[:1]))


def _place(done: float) -> int:
    """Where the strip keeps the moment at which this part of the way is behind."""
    return min(int(done * KEPT), KEPT - 1)


def _strip(before: Tensors | None, tile: Tensor, place: int) -> Tensor:
    height, width = tile.shape[-2:]
    # A checkpoint of an older version can hold tiles of another height: those moments go.
    if before is None or before["trajectory"].shape[-2] != height:
        size = (1, tile.shape[1], height, KEPT * (width + GAP) - GAP)
        strip = tile.new_full(size, PARTING)
    else:
        strip = before["trajectory"].clone()
    left = place * (width + GAP)
    strip[..., left : left + width] = tile
    return strip


def _small(picture: Tensor) -> Tensor:
    height, width = picture.shape[-2:]
    picture = picture.clamp(0.0, 1.0)
    if height <= HEIGHT:
        return picture
    size = (HEIGHT, max(1, round(width * HEIGHT / height)))
    return F.interpolate(picture, size=size, mode="area")


def numbers(sde: SDE, score: Tensor, t: float) -> Numbers:
    """Noise, time and size of the score, for the curves."""
    size = rms(score) * sde.s(t)
    return {"sigma": 0.5 * sde.noise(t), "time": t, "score_norm": size}
