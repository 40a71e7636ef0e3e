"""A drawing board: waits for clicks and lights the square that is clicked.

Source: none but this file; it stands for the methods that are idle most of the time.
"""

from __future__ import annotations

import torch

from engine.catalogue import PanelSpec, PresetSpec
from engine.messages import Pointer, Stroke
from engine.method import Idle, Method, Settings, Solver, State, knob, tuned


class Params(Settings):
    light: float = knob(1.0, title="Light", help="How bright a click is.", ge=0, le=1, live=True)


def solve(problem, params, rng, state=None) -> Solver:
    x = torch.zeros_like(problem.vector)
    log, k = [], 0
    if state is not None:
        x, log, k = state.tensors["x"], state.scalars["log"], state.step
    while True:
        picture = x.expand(1, 4, -1)
        events = yield Idle(State(k, None, {"x": x, "board": picture}, {"log": log}))
        params = tuned(params, events)
        for event in events:
            if isinstance(event, Pointer) and event.phase == "press":
                x = x.clone()
                x[int(event.x) % len(x)] = params.light * torch.rand((), generator=rng)
                log = [*log, event.x]
            elif isinstance(event, Stroke):
                log = [*log, [list(p) for p in event.points]]
        k += 1


METHOD = Method(
    title="Drawing board",
    bench="toy",
    summary="Waits for clicks.",
    source="this file",
    params=Params,
    solve=solve,
    presets=[PresetSpec("default", "Default", {})],
    panels=[PanelSpec(name="board", title="Board", kind="image", pointer=True)],
    interactive=True,
)
