"""What a direction changes, where the factors of the pictures are known: one curve for each.

Factors are read from latents, so that rows can be read as fast as they are drawn. The reader learns
from latents of pictures with known factors: a plane, and what it leaves over by kernel ridge
regression (B. Schölkopf, A. Smola, Learning with Kernels, 2002). A factor that it cannot tell of
pictures that it did not learn from is left out: the latent does not hold it. A generator without
an encoder has no such latents; there a classifier reads the pictures themselves.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from engine.data.factors import Factor
from engine.models import zoo
from engine.nets.factor_reader import FactorReader
from engine.traversal.canvas import COLORS, Canvas, fitting, words
from engine.traversal.drawn import FACTORS, Drawn
from engine.traversal.heat_map import GROUND, TEXT
from engine.traversal.metrics.selectivity import Selectivity, selectivity
from engine.traversal.problem import Problem
from engine.traversal.sources import data_of

#: One of so many latents judges, the others are learned from.
JUDGING = 6
#: Ridge of the kernel, its widths in median distances, and of the plane.
RIDGE, WIDTHS, FLAT_RIDGE = 1e-2, (0.25, 0.5, 1.0), 1e-4
#: A factor is told if this part of its variance is, of latents that were not learned from.
TOLD = 0.25
#: A largest change below this is none that a person would see.
HARDLY = 0.04

#: Width of the picture, of the space around a plot, and height of a plot and of a line of text.
WIDTH, SPACE, PLOT, LINE = 480, 10, 62, 20
#: Sizes of a title and of all other words: a small window shows the picture smaller, to be read.
TITLE, LETTERS = 15, 14
_GRID = (44, 53, 66)


class CodeReader(Protocol):
    """Tells factors from latents."""

    @property
    def factors(self) -> tuple[Factor, ...]:
        """Those that it can tell, in the order of a reading's columns."""
        ...

    def read(self, z: Tensor) -> Tensor:
        """Readings (n, f) of latents (n, d), in units of a factor's values, between them too;
        of a category a whole number.
        """
        ...


class DrawnReader:
    """Reads the generator that is drawn by hand, exactly."""

    factors = FACTORS

    def __init__(self, generator: Drawn) -> None:
        self.generator = generator

    def read(self, z: Tensor) -> Tensor:
        """The factors of latents (n, 6), not rounded."""
        return self.generator.reading_of(z)


class LatentReader:
    """Learned from latents ``z`` (n, d) with known ``factors`` (n, f), int64, of these ``kinds``.

    Only numbers of the latent that are ``live``, bool (d,), are looked at.

    Attributes:
        factors: those that it can tell.
        told: of each of them, the part of its variance that it tells of what it did not learn.
    """

    def __init__(self, z: Tensor, factors: Tensor, kinds: Sequence[Factor], live: Tensor) -> None:
        self._live = live
        z = z[:, live].double()
        self._middle, self._scale = z.mean(0), z.std(0).clamp_min(1e-9)
        x = self._normed(z)
        judging = torch.arange(len(x), device=x.device) % JUDGING == 0
        self._known = x[~judging]
        self._median = float(torch.pdist(self._known[:400]).median().square())
        told, kept, models = [], [], []
        bases = {width: self._basis(width) for width in WIDTHS}
        for column, kind in enumerate(kinds):
            target = _spread_out(factors[:, column], kind)
            best, share = max(
                (self._fitted(bases[width], width, target, x, judging) for width in WIDTHS),
                key=lambda found: found[1],
            )
            if share >= TOLD:
                told.append(share)
                kept.append(kind)
                models.append(best)
        self.factors: tuple[Factor, ...] = tuple(kept)
        self.told = tuple(told)
        self._models = models

    def read(self, z: Tensor) -> Tensor:
        """Readings (n, f) of latents (n, d)."""
        x = self._normed(z[:, self._live].double())
        columns = [
            _gathered(self._answer(x, *model), kind)
            for model, kind in zip(self._models, self.factors, strict=True)
        ]
        return torch.stack(columns, 1) if columns else x.new_zeros(len(x), 0)

    def _normed(self, z: Tensor) -> Tensor:
        return (z - self._middle) / self._scale

    def _kernel(self, x: Tensor, width: float) -> Tensor:
        square = torch.cdist(x, self._known).square()
        return torch.exp(-square / (2 * width * self._median))

    def _basis(self, width: float) -> Tensor:
        kernel = self._kernel(self._known, width)
        basis: Tensor = torch.linalg.cholesky(kernel + RIDGE * torch.eye(len(kernel)).to(kernel))
        return basis

    def _fitted(
        self, basis: Tensor, width: float, target: Tensor, x: Tensor, judging: Tensor
    ) -> tuple[tuple[float, Tensor, Tensor], float]:
        """A model of ``target`` (n, k), and the part of the variance that it tells."""
        flat, wanted = _flat(self._known), target[~judging]
        ridge = FLAT_RIDGE * len(flat) * torch.eye(flat.shape[1]).to(flat)
        plane = torch.linalg.solve(flat.mT @ flat + ridge, flat.mT @ wanted)
        rest = torch.cholesky_solve(wanted - flat @ plane, basis)
        model = (width, plane, rest)
        missed = (self._answer(x[judging], *model) - target[judging]).square().sum()
        spread = (target[judging] - target[judging].mean(0)).square().sum()
        return model, 1.0 - float(missed / spread.clamp_min(1e-12))

    def _answer(self, x: Tensor, width: float, plane: Tensor, rest: Tensor) -> Tensor:
        return _flat(x) @ plane + self._kernel(x, width) @ rest


class PictureReader:
    """Reads the pictures that latents become, with a classifier of all ``factors``.

    Args:
        decode: latents (n, d) to pictures (n, C, H, W) in [0, 1].
        network: the classifier; its answers are in the order of ``factors``.
    """

    def __init__(
        self, decode: Callable[[Tensor], Tensor], network: FactorReader, factors: Sequence[Factor]
    ) -> None:
        self.factors = tuple(factors)
        self._decode, self._network = decode, network

    @torch.no_grad()
    def read(self, z: Tensor) -> Tensor:
        """Readings (n, f) of latents (n, d): means of what the classifier holds likely."""
        answers = self._network(self._decode(z).cpu().float())
        columns = []
        for logits, kind in zip(answers, self.factors, strict=True):
            values = _spread_out(torch.arange(kind.values), kind)
            columns.append(_gathered(logits.double().softmax(1) @ values, kind))
        return torch.stack(columns, 1)


def _flat(x: Tensor) -> Tensor:
    return torch.cat([x, torch.ones_like(x[:, :1])], 1)


def _spread_out(values: Tensor, kind: Factor) -> Tensor:
    """A factor as numbers (n, k) between which lines make sense."""
    if kind.kind == "category":
        return torch.nn.functional.one_hot(values, kind.values).double()
    if kind.kind == "circular":
        turn = values.double() * (2 * math.pi / kind.values)
        return torch.stack([turn.cos(), turn.sin()], 1)
    return values.double()[:, None]


def _gathered(answer: Tensor, kind: Factor) -> Tensor:
    """The factor (n,) of what ``_spread_out`` made of it."""
    if kind.kind == "category":
        return answer.argmax(1).to(answer)
    if kind.kind == "circular":
        turn = torch.atan2(answer[:, 1], answer[:, 0]) / (2 * math.pi)
        return (turn % 1.0) * kind.values
    return answer[:, 0].clamp(0, kind.values - 1)


def reader_of(problem: Problem) -> CodeReader | None:
    """The reader of a problem's latents; None where nobody knows the factors."""
    if isinstance(problem.generator, Drawn):
        return DrawnReader(problem.generator)
    # On the CPU, as not every device has float64.
    codes = problem.codes.to("cpu")
    if codes.factors is None:
        return _picture_reader(problem)
    reader = LatentReader(codes.z, codes.factors, codes.kinds, codes.live)
    return reader if reader.factors else None


def _picture_reader(problem: Problem) -> PictureReader | None:
    """For a generator without an encoder, where a classifier of its set ships."""
    name = f"{problem.generator.name.partition('-')[0]}-reader"
    data = data_of(problem.generator)
    if data is None or not zoo.available(name):
        return None
    network = zoo.network(name)
    assert isinstance(network, FactorReader)
    return PictureReader(lambda z: problem.decoder(z.to(problem.device)), network, data.factors)


def changes(reader: CodeReader, rows: Tensor) -> list[Selectivity]:
    """What each of ``rows`` (r, steps, d) changes, counted from its middle."""
    count, steps, d = rows.shape
    readings = reader.read(rows.reshape(-1, d).cpu()).reshape(count, steps, 1, -1)
    return [selectivity(row, reader.factors, steps // 2) for row in readings]


def drawing(
    found: Sequence[Selectivity], titles: Sequence[str], factors: Sequence[Factor], reach: float
) -> Tensor:
    """The curves of all rows as a picture (3, H, W) in [0, 1], two plots beside each other.

    Every plot has the changes from 0 to the largest of all rows, as shares of the farthest that a
    factor can be, over the row from ``-reach`` to ``reach`` sigmas. Where there are more factors
    than colors, those that change the most are drawn.
    """
    drawn = _most_changed(found)
    most = max((float(one.curves.max()) for one in found if one.curves.numel()), default=0.0)
    top = next(share for share in (0.25, 0.5, 1.0) if most <= share or share == 1.0)
    down, cell = -(-len(found) // 2), 2 * LINE + PLOT + SPACE
    legend = -(-(len(drawn) + (len(drawn) < len(factors))) // 2) * LINE + SPACE
    height = down * cell + LINE + legend
    across = (WIDTH - 3 * SPACE) // 2
    corners = [
        (SPACE + (k % 2) * (across + SPACE), (k // 2) * cell + 2 * LINE) for k in range(len(found))
    ]
    canvas = _lines(found, drawn, corners, (WIDTH, height), across, top)
    for one, title, (left, upper) in zip(found, titles, corners, strict=True):
        lines = title.split("\n")
        name = lines[0]
        words(canvas, name, left, upper - 2 * LINE + 2, size=fitting(name, across, TITLE))
        told = "hardly anything known"
        if one.factor is not None and float(one.curves.max()) >= HARDLY:
            told = f"{100 * one.share:.0f} % {_called(factors[one.factor])}"
        size = fitting(told, across - 52, LETTERS)
        words(canvas, told, left, upper - LINE + 2, size=size, color=TEXT)
        _at_right(canvas, f"{100 * top:.0f} %", left + across, upper - LINE + 2)
    bottom = down * cell - SPACE + 2
    for left in sorted({left for left, _ in corners}):
        words(canvas, f"−{reach:g} σ", left, bottom, size=LETTERS, color=TEXT)
        _at_right(canvas, f"{reach:g} σ", left + across, bottom)
    named = [_called(factors[k]) for k in drawn]
    if len(drawn) < len(factors):
        named.append(f"{len(factors) - len(drawn)} that change less")
    for k, name in enumerate(named):
        left = SPACE + (k % 2) * (across + SPACE)
        middle = down * cell + LINE + (k // 2) * LINE + LINE // 2
        if k < len(drawn):
            canvas[middle - 2 : middle + 2, left : left + 16] = COLORS[k]
        size = fitting(name, across - 24, LETTERS)
        words(canvas, name, left + 24, middle, size=size, color=TEXT, anchor="lm")
    return torch.from_numpy(canvas).permute(2, 0, 1).float() / 255


def _most_changed(found: Sequence[Selectivity]) -> list[int]:
    """Which factors are drawn, in order: as many as there are colors."""
    changed = torch.stack([one.curves.amax(0) for one in found]).amax(0)
    return sorted(changed.argsort(descending=True, stable=True)[: len(COLORS)].tolist())


def _called(factor: Factor) -> str:
    """A factor's title, without the list of its values."""
    return factor.title.partition(":")[0]


def _at_right(canvas: Canvas, text: str, x: float, y: float) -> None:
    words(canvas, text, x, y, size=LETTERS, color=TEXT, anchor="ra")


def _lines(
    found: Sequence[Selectivity],
    drawn: Sequence[int],
    corners: Sequence[tuple[int, int]],
    size: tuple[int, int],
    across: int,
    top: float,
) -> Canvas:
    """The plots without their words; drawn twice as large, for smooth edges."""
    image = Image.new("RGB", (2 * size[0], 2 * size[1]), GROUND)
    pen = ImageDraw.Draw(image)
    for one, (left, upper) in zip(found, corners, strict=True):
        box = (2 * left, 2 * upper, 2 * (left + across), 2 * (upper + PLOT))
        pen.rectangle(box, outline=_GRID, width=2)
        pen.line([(box[0] + across, box[1]), (box[0] + across, box[3])], fill=_GRID, width=2)
        places = np.linspace(box[0], box[2], len(one.curves))
        for color, curve in zip(COLORS, one.curves.T[drawn].tolist(), strict=False):
            points = [
                (x, box[3] - min(1.0, share / top) * (box[3] - box[1]))
                for x, share in zip(places.tolist(), curve, strict=True)
            ]
            pen.line(points, fill=color, width=5, joint="curve")
    return np.array(image.resize(size, Image.Resampling.BOX))
