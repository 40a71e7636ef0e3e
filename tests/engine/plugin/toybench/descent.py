"""Stochastic gradient descent on a quadratic.

Source: Robbins and Monro, A Stochastic Approximation Method, 1951.
"""

from __future__ import annotations

import torch

from engine.catalogue import PanelSpec, PresetSpec, SeriesSpec
from engine.method import Method, Settings, Solver, State, knob, tuned


class Schedule(Settings):
    rate: float = knob(
        0.2, title="Rate", help="Step length.", ge=0.001, le=1, scale="log", live=True
    )
    decay: float = knob(1.0, title="Decay", help="Factor per step.", ge=0.5, le=1)


class Params(Settings):
    steps: int = knob(20, title="Steps", help="How many steps.", ge=1, le=10**9)
    jitter: float = knob(0.01, title="Jitter", help="Noise of a step.", ge=0, le=1, live=True)
    schedule: Schedule = knob(Schedule(decay=0.99), title="Schedule", help="Step lengths.")


def solve(problem, params, rng, state=None) -> Solver:
    x, k, momentum = torch.zeros_like(problem.vector), 0, torch.zeros_like(problem.vector)
    if state is not None:
        x, momentum, k = state.tensors["x"], state.tensors["momentum"], state.step
    while True:
        rate = params.schedule.rate * params.schedule.decay**k
        now = State(k, params.steps, {"x": x, "momentum": momentum}, {"rate": rate})
        params = tuned(params, (yield now))
        if k >= params.steps:
            return
        noise = torch.randn(x.shape, generator=rng).to(x.device)
        momentum = 0.5 * momentum + (x - problem.vector) + params.jitter * noise
        x = x - rate * momentum
        k += 1


METHOD = Method(
    title="Gradient descent",
    bench="toy",
    summary="Walks downhill.",
    source="Robbins and Monro 1951",
    params=Params,
    solve=solve,
    presets=[
        PresetSpec("default", "Default", {}),
        PresetSpec("fast", "Fast", {"steps": 5, "schedule.rate": 0.5}),
    ],
    panels=[
        PanelSpec(name="rates", title="Rate", kind="curve", series=(SeriesSpec("rate", "Rate"),))
    ],
)
