"""Draws the map: what lies where, where real pictures are, the way that was walked."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.data.factors import Factor
from engine.method import State
from engine.traversal.canvas import (
    BLACK,
    COLORS,
    WHITE,
    Canvas,
    Color,
    Floats,
    arrow,
    disc,
    line,
    ring,
    words,
)
from engine.traversal.plane import SIDE, Plane
from engine.traversal.problem import Problem

#: Pictures across a map that shows what lies where.
TILES = 15
GROUND: Color = (21, 26, 33)
ACCENT: Color = (92, 207, 190)
#: What is drawn under dots and ways is darkened to this share, so that they stand out.
DIMMED = 0.5
#: Potentials from low to high.
LOW, HIGH = np.array([38.0, 62.0, 110.0]), np.array([232.0, 205.0, 150.0])
#: Size of the titles of axes: a map is often shown at half its size.
TITLE = 20
#: From one arrow on a landscape to the next, in its points.
ARROWS = 4


def draw(problem: Problem, state: State) -> Canvas:
    """The map of a state: (SIDE, SIDE, 3).

    A state says with its tensors ``plane`` (see ``Plane.tensor``), ``z`` (n, d) where one is,
    ``trail`` (m, d) where one was, ``keys`` (k, d), ``film`` (t, d) the way through them, ``walks``
    (w, t, d) other ways, ``landscape`` (s, s) and ``slopes`` (s, s, 2) a potential, its rows from
    low to high; and with the scalar ``look`` what is under them: ``ground`` (``pictures``,
    ``density`` or ``plain``), ``dots``, ``color`` (the factor that colors the dots, from 1; 0 for
    none), ``axes``, two titles.
    """
    plane = Plane.of(state.tensors["plane"])
    look = state.scalars.get("look", {})
    canvas = ground(problem, plane, look, state.tensors).copy()
    for index, walk in enumerate(state.tensors.get("walks", [])):
        way(canvas, plane, walk, COLORS[index % len(COLORS)], 1.6)
    if (film := state.tensors.get("film")) is not None and len(film):
        way(canvas, plane, film, WHITE, 1.6, 0.8)
    if (trail := state.tensors.get("trail")) is not None and len(trail):
        way(canvas, plane, trail, ACCENT, 2.0, fading=True)
    for number, (x, y) in enumerate(_pixels(plane, state.tensors.get("keys")), 1):
        disc(canvas, x, y, 11, WHITE)
        words(canvas, str(number), x, y + 0.5, size=16, color=BLACK, anchor="mm")
    for x, y in _pixels(plane, state.tensors["z"]):
        ring(canvas, x, y, 10.5, 4.6, BLACK)
        ring(canvas, x, y, 10.5, 2.6, ACCENT)
    return canvas


def ground(
    problem: Problem, plane: Plane, look: dict[str, Any], tensors: dict[str, Tensor]
) -> Canvas:
    """What is under everything, drawn once for a plane and a look; not to be drawn on."""
    seen = [plane.tensor(), *(tensors[k] for k in ("landscape", "slopes") if k in tensors)]
    key = (repr(sorted(look.items())), *(t.cpu().numpy().tobytes() for t in seen))
    kept = problem.still.get("ground")
    if kept is None or kept[0] != key:
        kept = problem.still["ground"] = (key, _drawn(problem, plane, look, tensors))
    canvas: Canvas = kept[1]
    return canvas


def _drawn(
    problem: Problem, plane: Plane, look: dict[str, Any], tensors: dict[str, Tensor]
) -> Canvas:
    kind = look.get("ground", "pictures")
    canvas = np.empty((SIDE, SIDE, 3), np.uint8)
    canvas[:] = GROUND
    dots = bool(look.get("dots", True))
    if "landscape" in tensors:
        canvas = _landscape(tensors["landscape"], tensors.get("slopes"))
    elif kind == "pictures":
        canvas = _pictures(problem, plane)
        if dots:
            canvas = (canvas * DIMMED + np.asarray(GROUND) * (1 - DIMMED)).astype(np.uint8)
    elif kind == "density":
        canvas = _density(plane.pixels(problem.codes.z).numpy())
    if dots:
        _dots(canvas, problem, plane, int(look.get("color", 0)))
    across, up = look.get("axes", ("", ""))
    words(canvas, across, SIDE - 8, SIDE - 8, size=TITLE, anchor="rs", shade=True)
    words(canvas, up, 8, 8, size=TITLE, anchor="la", shade=True)
    return canvas


def _pictures(problem: Problem, plane: Plane) -> Canvas:
    """A picture in each of TILES × TILES places."""
    pictures = problem.decoder(plane.grid(TILES))
    pictures = pictures[:, :3].expand(-1, 3, -1, -1)
    tile = SIDE // TILES
    shown = torch.nn.functional.interpolate(pictures, size=(tile, tile), mode="area")
    sheet = shown.reshape(TILES, TILES, 3, tile, tile).permute(0, 3, 1, 4, 2)
    canvas: Canvas = (sheet.reshape(SIDE, SIDE, 3) * 255).round().to(torch.uint8).cpu().numpy()
    return canvas


def _density(points: Floats) -> Canvas:
    """How much data is where: a soft count of the dots."""
    cells, spread = 60, 1.6
    edges = [[0, SIDE], [0, SIDE]]
    counts, _, _ = np.histogram2d(points[:, 1], points[:, 0], bins=cells, range=edges)
    reach = np.arange(-4, 5)
    kernel = np.exp(-0.5 * (reach / spread) ** 2)
    kernel /= kernel.sum()
    for axis in (0, 1):
        counts = np.apply_along_axis(np.convolve, axis, counts, kernel, "same")
    share = np.sqrt(counts / max(float(counts.max()), 1e-9))[..., None]
    small = np.asarray(GROUND) * (1 - share) + np.array([70.0, 110.0, 150.0]) * share
    canvas: Canvas = small.astype(np.uint8).repeat(SIDE // cells, 0).repeat(SIDE // cells, 1)
    return canvas


def _landscape(u: Tensor, slopes: Tensor | None) -> Canvas:
    """A potential from blue to sand, level lines, and arrows where its gradient points."""
    heights = u[None, None].float().cpu()
    smooth: Tensor = torch.nn.functional.interpolate(
        heights, size=(SIDE, SIDE), mode="bilinear", align_corners=True
    )[0, 0].flip(0)
    low, high = float(smooth.min()), float(smooth.max())
    share = ((smooth - low) / max(high - low, 1e-9)).numpy()[..., None]
    canvas = LOW * (1 - share) + HIGH * share
    bands = np.floor(share[..., 0] * 12)
    edge = np.zeros((SIDE, SIDE), bool)
    edge[1:] |= bands[1:] != bands[:-1]
    edge[:, 1:] |= bands[:, 1:] != bands[:, :-1]
    canvas[edge] *= 0.86
    drawn: Canvas = canvas.astype(np.uint8)
    if slopes is not None:
        _arrows(drawn, slopes.cpu().numpy())
    return drawn


def _arrows(canvas: Canvas, slopes: Floats) -> None:
    cells = range(ARROWS // 2, len(slopes), ARROWS)
    longest = max(float(np.linalg.norm(slopes, axis=-1).max()), 1e-9)
    scale = 0.8 * SIDE * ARROWS / len(slopes) / longest
    for row in cells:
        for column in cells:
            dx, dy = slopes[row, column] * scale
            x = column / (len(slopes) - 1) * (SIDE - 1)
            y = (1 - row / (len(slopes) - 1)) * (SIDE - 1)
            arrow(canvas, (x - dx / 2, y + dy / 2), (x + dx / 2, y - dy / 2), 1.3, BLACK, 0.65)


def _dots(canvas: Canvas, problem: Problem, plane: Plane, number: int) -> None:
    """The known latents as dots, colored by a factor; the values of a category are named."""
    points = plane.pixels(problem.codes.z).numpy()
    values, kind = _labels(problem, number)
    for (x, y), value in zip(points.tolist(), values.tolist(), strict=True):
        disc(canvas, x, y, 2.4, _color(value, kind), 0.9)
    if kind is not None and kind.kind == "category" and kind.values <= len(COLORS):
        for value in range(kind.values):
            mine = points[values == value]
            if len(mine):
                x, y = np.median(mine, axis=0).tolist()
                words(
                    canvas,
                    str(value),
                    x,
                    y,
                    size=22,
                    color=_color(value, kind),
                    anchor="mm",
                    shade=True,
                )


def _labels(problem: Problem, number: int) -> tuple[Any, Factor | None]:
    """The value of factor ``number`` (from 1; 0: none) of each known latent, and the factor."""
    codes = problem.codes
    if codes.factors is None or not 0 < number <= len(codes.kinds):
        return np.zeros(len(codes.z), int), None
    return codes.factors[:, number - 1].cpu().numpy(), codes.kinds[number - 1]


def _color(value: int, kind: Factor | None) -> Color:
    if kind is None:
        return (190, 200, 214)
    if kind.kind == "category":
        return COLORS[value % len(COLORS)]
    if kind.kind == "circular":
        turn = 2 * np.pi * value / kind.values
        parts = 0.55 + 0.42 * np.cos(turn - np.array([0.0, 2.1, 4.2]))
        return tuple(int(255 * part) for part in parts)  # type: ignore[return-value]
    share = value / max(1, kind.values - 1)
    return tuple(int(part) for part in LOW * (1 - share) * 1.6 + HIGH * share)  # type: ignore[return-value]


def way(
    canvas: Canvas,
    plane: Plane,
    latents: Tensor,
    color: Color,
    width: float,
    opacity: float = 1.0,
    *,
    fading: bool = False,
) -> None:
    """A way through latents (t, d) as it is seen on the map; ``fading`` towards its start."""
    points = _pixels(plane, latents)
    steps = max(1, len(points) - 1)
    for index, (a, b) in enumerate(pairwise(points), 1):
        seen = opacity * (index / steps if fading else 1.0)
        line(canvas, (a[0], a[1]), (b[0], b[1]), width, color, seen)


def _pixels(plane: Plane, latents: Tensor | None) -> list[tuple[float, float]]:
    if latents is None or not len(latents):
        return []
    return [(x, y) for x, y in plane.pixels(latents).tolist()]
