"""Walks the land step by step and counts how often each part of it was seen.

Source: none but this file; it stands for the methods that compute while a person points.
"""

from __future__ import annotations

import torch

from engine.catalogue import PanelSpec, PresetSpec
from engine.messages import Pointer
from engine.method import Method, Settings, Solver, State, knob
from landbench.bench import MAP


class Params(Settings):
    steps: int = knob(100_000, title="Steps", help="How many steps.", ge=1, le=1_000_000)


def solve(problem, params, rng, state=None) -> Solver:
    at, seen, k = torch.tensor([0.5, 0.5]), torch.zeros(1, 1, 8, 8), 0
    if state is not None:
        at, seen, k = state.tensors["at"], state.tensors["seen"], state.step
    while True:
        events = yield State(k, params.steps, {"at": at, "seen": seen, "counts": seen.tanh()})
        if k >= params.steps:
            return
        for event in events:
            if isinstance(event, Pointer):
                at = torch.tensor([event.x, event.y]) / MAP
        at = (at + 0.01 * torch.randn(2, generator=rng)).clamp(0, 1)
        x, y = (at * 8).long().clamp(0, 7).tolist()
        seen = seen.clone()
        seen[0, 0, y, x] += 0.01
        k += 1


METHOD = Method(
    title="Survey",
    bench="land",
    summary="Counts what it sees.",
    source="this file",
    params=Params,
    solve=solve,
    presets=[PresetSpec("default", "Default", {})],
    panels=[PanelSpec(name="counts", title="Counts", kind="image")],
    races=False,
)
