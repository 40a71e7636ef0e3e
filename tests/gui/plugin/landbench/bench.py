"""The land: red grows to the right, green downwards. A place is a picture in its color."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from engine.catalogue import PanelSpec, SeriesSpec
from engine.method import Bench, Context, Settings, State, knob

MAP, TILE, STEPS = 200, 16, 7


class Problem(Settings):
    shade: float = knob(0.2, title="Shade", help="How blue it is everywhere.", ge=0, le=1)


@dataclass
class Land:
    shade: float


def color(land: Land, at: Tensor) -> Tensor:
    """The colors (..., 3) of places (..., 2) in 0..1."""
    return torch.cat([at, torch.full_like(at[..., :1], land.shade)], -1)


def bytes_of(picture: Tensor) -> Tensor:
    return picture.clamp(0, 1).mul(255).round().to(torch.uint8)


def chart(land: Land, at: Tensor) -> Tensor:
    """The map (MAP, MAP, 3) with a white cross at a place."""
    axis = (torch.arange(MAP) + 0.5) / MAP
    places = torch.stack(torch.meshgrid(axis, axis, indexing="xy"), -1)
    picture = 0.2 + 0.5 * color(land, places)
    x, y = (at * MAP).long().clamp(0, MAP - 1).tolist()
    picture[y, max(0, x - 4) : x + 5] = 1
    picture[max(0, y - 4) : y + 5, x] = 1
    return bytes_of(picture)


def tile(land: Land, at: Tensor) -> Tensor:
    """The picture (TILE, TILE, 3) of a place: its color in a dark frame."""
    picture = color(land, at).expand(TILE, TILE, 3).clone()
    for edge in (0, TILE - 1):
        picture[edge] = picture[:, edge] = 0.1
    return bytes_of(picture)


def strips(land: Land, at: Tensor) -> Tensor:
    """Two directions, to the right and down, from the border to the border through a place."""
    rows = []
    for axis in (0, 1):
        row = []
        for value in torch.linspace(0, 1, STEPS):
            place = at.clone()
            place[axis] = value
            row.append(tile(land, place))
        rows.append(torch.cat(row, 1))
    return torch.cat(rows, 0)


def pictures(land: Land, state: State) -> dict[str, Tensor]:
    at = state.tensors["at"]
    shown = {"map": chart(land, at), "picture": tile(land, at)}
    if state.step:
        shown["strips"] = strips(land, at)
    return shown


def save(land: Land, state: State, folder: Path) -> dict[str, str]:
    shown = pictures(land, state)
    for name, picture in shown.items():
        Image.fromarray(picture.numpy()).save(folder / f"{name}.png")
    # The first output is not the picture: it is found by its name.
    return {name: f"{name}.png" for name in sorted(shown, reverse=True)}


def preview(settings: Problem, context: Context) -> tuple[dict[str, Tensor], dict[str, Any]]:
    land, middle = Land(settings.shade), torch.tensor([0.5, 0.5])
    facts = {"size": f"{TILE} × {TILE} px", "width": TILE, "height": TILE}
    return {"map": chart(land, middle), "picture": tile(land, middle)}, facts


BENCH = Bench(
    title="Land",
    verb="Explore",
    summary="A land of two colors.",
    icon="explore",
    problem=Problem,
    inputs=[],
    panels=[
        PanelSpec(name="map", title="Map", kind="image", pointer=True),
        PanelSpec(name="picture", title="Picture", kind="image"),
        PanelSpec(name="strips", title="Directions", kind="image"),
        PanelSpec(name="red", title="Red", kind="curve", series=(SeriesSpec("red", "Red"),)),
    ],
    build=lambda settings, context: Land(settings.shade),
    observe=lambda land, state: {"red": float(state.tensors["at"][0])},
    pictures=pictures,
    save=save,
    preview=preview,
    thumbnail="picture",
    stage="explore",
)
