"""A random walk that can be told to fail.

Source: none but this file.
"""

from __future__ import annotations

import ctypes
import faulthandler
import os
import sys
import threading
from typing import Literal

import torch

from engine.catalogue import PresetSpec
from engine.method import Method, Settings, Solver, State, knob, tuned

_never = threading.Event()


class Params(Settings):
    steps: int = knob(20, title="Steps", help="How many steps.", ge=1, le=1_000_000)
    delay: float = knob(0.0, title="Delay", help="Length of a step.", unit="ms", ge=0, le=1e6)
    gain: float = knob(0.1, title="Gain", help="Length of a stride.", ge=0, le=1, live=True)
    trouble: Literal[
        "none",
        "exception",
        "memory",
        "torch memory",
        "card",
        "crash",
        "python loop",
        "native call",
        "holding the lock",
        "flood",
    ] = knob("none", title="Trouble", help="What goes wrong.")
    at: int = knob(3, title="At", help="The step in which it goes wrong.", ge=0, le=1_000_000)


def solve(problem, params, rng, state=None) -> Solver:
    x, k = torch.full((problem.size, problem.size), 0.5), 0
    if state is not None:
        x, k = state.tensors["x"], state.step
    while True:
        params = tuned(params, (yield State(k, params.steps, {"x": x}, {"gain": params.gain})))
        if k >= params.steps:
            return
        if k == params.at:
            get_into(params.trouble)
        x = x + params.gain * torch.randn(x.shape, generator=rng)
        _never.wait(params.delay / 1000)
        k += 1


def get_into(trouble: str) -> None:
    match trouble:
        case "exception":
            raise ZeroDivisionError("the walk went over the edge\nand a second line")
        case "memory":
            raise MemoryError
        case "torch memory":
            torch.empty(1 << 50, dtype=torch.uint8)
        case "card":
            raise RuntimeError("CUDA error: an illegal memory access was encountered")
        case "crash":
            faulthandler._sigsegv()
        case "python loop":
            while True:
                pass
        case "native call":
            _never.wait(600)
        case "holding the lock":
            ctypes.PyDLL(None).sleep(600)
        case "flood":
            for number in range(60_000):
                sys.stdout.write(f"flood {number}\n")
            os.write(2, b"native words\n")


METHOD = Method(
    title="Walk",
    bench="trouble",
    summary="Walks at random.",
    source="this file",
    params=Params,
    solve=solve,
    presets=[PresetSpec("default", "Default", {})],
)
