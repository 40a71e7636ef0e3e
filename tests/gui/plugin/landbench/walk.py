"""Stands where it is told to stand, and waits.

Source: none but this file.
"""

from __future__ import annotations

import torch

from engine.catalogue import PresetSpec
from engine.messages import Nudge, Pointer
from engine.method import Idle, Method, Settings, Solver, State, knob
from landbench.bench import MAP


class Params(Settings):
    start: float = knob(0.5, title="Start", help="Where it begins, across.", ge=0, le=1)


def solve(problem, params, rng, state=None) -> Solver:
    at, log, k = torch.tensor([params.start, 0.5]), [], 0
    if state is not None:
        at, log, k = state.tensors["at"], state.scalars["log"], state.step
    while True:
        events = yield Idle(State(k, None, {"at": at}, {"log": log}))
        for event in events:
            if isinstance(event, Pointer):
                log = [*log, event.phase]
                at = torch.tensor([event.x, event.y]) / MAP
            elif isinstance(event, Nudge):
                at = (at + torch.tensor([event.dx, event.dy]) / MAP).clamp(0, 1)
        k += 1


METHOD = Method(
    title="Walk",
    bench="land",
    summary="Stands where it is told to stand.",
    source="this file",
    params=Params,
    solve=solve,
    presets=[PresetSpec("default", "Default", {})],
    races=False,
    interactive=True,
)
