"""The toy bench: find a hidden vector, shown as a strip of gray squares."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from PIL import Image
from torch import Tensor

from engine.catalogue import ExampleSpec, InputSpec, PanelSpec, SeriesSpec
from engine.method import BadInput, Bench, Context, Settings, State, Used, knob


class Noise(Settings):
    kind: Literal["none", "normal"] = knob(
        "none", title="Noise", help="What disturbs the hidden vector.", titles={"none": "No noise"}
    )
    sigma: float = knob(
        0.1,
        title="Strength",
        help="Standard deviation.",
        unit="px",
        ge=0.1,
        le=20,
        when={"kind": ["normal"]},
    )


class Problem(Settings):
    size: int = knob(8, title="Size", help="Entries of the hidden vector.", ge=2, le=4096)
    zoom: Literal[1, 2, 4] = knob(2, title="Zoom", help="Edge of a square.")
    noise: Noise = knob(Noise(), title="Noise", help="Disturbance.")


@dataclass
class Hidden:
    vector: Tensor
    zoom: int
    device: str


def build(settings: Problem, context: Context) -> Hidden:
    if settings.size == 13:
        raise BadInput(
            "problem.size: 13 brings bad luck (allowed 2 to 4096 but 13)", "problem.size"
        )
    vector = torch.rand(settings.size, generator=context.rng)
    if settings.noise.kind == "normal":
        vector += settings.noise.sigma * torch.randn(settings.size, generator=context.rng)
    if "picture" in context.inputs:
        with Image.open(context.inputs["picture"]) as file:
            vector[0] = float(file.convert("L").getpixel((0, 0))) / 255
    return Hidden(vector.to(context.device), settings.zoom, context.device)


def observe(problem: Hidden, state: State) -> dict[str, float]:
    x = state.tensors["x"]
    return {"error": float((x - problem.vector).square().mean()), "worst": float("nan")}


def pictures(problem: Hidden, state: State) -> dict[str, Tensor]:
    return {"found": strip(state.tensors["x"], problem.zoom), "clean": strip(problem.vector, 1)}


def strip(x: Tensor, zoom: int) -> Tensor:
    gray = x.clamp(0, 1).mul(255).round().to(torch.uint8).cpu().repeat_interleave(zoom)
    return gray.expand(zoom, 3, -1).permute(0, 2, 1)


def save(problem: Hidden, state: State, folder: Path) -> dict[str, str]:
    text = "\n".join(str(v) for v in state.tensors["x"].tolist())
    (folder / "found.csv").write_text(text)
    Image.fromarray(pictures(problem, state)["found"].numpy()).save(folder / "found.png")
    return {"found": "found.png", "values": "found.csv"}


def preview(settings: Problem, context: Context) -> tuple[dict[str, Tensor], dict[str, Any]]:
    return {"clean": strip(build(settings, context).vector, 1)}, {"size": settings.size}


def smaller(settings: Problem) -> dict[str, Any]:
    return {"size": settings.size // 2} if settings.size >= 4 else {}


BENCH = Bench(
    title="Toy",
    verb="Find",
    summary="Find a hidden vector.",
    icon="toy",
    problem=Problem,
    inputs=[InputSpec(name="picture", title="Picture", kind="picture", required=False)],
    panels=[
        PanelSpec(name="found", title="Found", kind="image"),
        PanelSpec(
            name="errors", title="Error", kind="curve", series=(SeriesSpec("error", "Error"),)
        ),
    ],
    build=build,
    observe=observe,
    pictures=pictures,
    save=save,
    preview=preview,
    smaller=smaller,
    used=lambda problem: Used(backend="torch", priors={"toy": "0" * 64}),
    thumbnail="found",
    examples=[
        ExampleSpec(title="Small", method="toy.descent", problem={"size": 4}, seconds=1),
        ExampleSpec(title="Lost", method="toy.nowhere", problem={}, seconds=1),
    ],
)
