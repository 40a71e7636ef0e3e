"""The bench of trouble: a square picture that a method fills."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine.catalogue import PanelSpec, SeriesSpec
from engine.method import Bench, Context, Settings, State, knob


class Problem(Settings):
    size: int = knob(16, title="Size", help="Edge of the picture.", unit="px", ge=4, le=2048)


@dataclass
class Square:
    size: int


def pictures(problem: Square, state: State) -> dict[str, Tensor]:
    gray = state.tensors["x"].clamp(0, 1).mul(255).round().to(torch.uint8)
    return {"square": gray[:, :, None].expand(-1, -1, 3)}


def save(problem: Square, state: State, folder: Path) -> dict[str, str]:
    (folder / "square.bin").write_bytes(state.tensors["x"].numpy().tobytes())
    return {"square": "square.bin"}


def preview(settings: Problem, context: Context) -> tuple[dict[str, Tensor], dict[str, Any]]:
    shade = torch.rand(settings.size, settings.size, 1, generator=context.rng)
    return {"clean": shade.expand(-1, -1, 3)}, {"size": settings.size}


BENCH = Bench(
    title="Trouble",
    verb="Suffer",
    summary="Fill a square, or fail to.",
    icon="trouble",
    problem=Problem,
    inputs=[],
    panels=[
        PanelSpec(name="square", title="Square", kind="image"),
        PanelSpec(name="means", title="Mean", kind="curve", series=(SeriesSpec("mean", "Mean"),)),
    ],
    build=lambda settings, context: Square(settings.size),
    observe=lambda problem, state: {"mean": float(state.tensors["x"].mean())},
    pictures=pictures,
    save=save,
    preview=preview,
    smaller=lambda settings: {"size": settings.size // 2} if settings.size >= 8 else {},
)
