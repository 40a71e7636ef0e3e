"""Runs of the traversal bench on the generator that needs no weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.messages import Pointer, RunRequest
from engine.plan import plan
from engine.runs import Run
from engine.traversal.problem import Problem

DRAWN = {"generator": "drawn"}


def request(method: str, **params: Any) -> RunRequest:
    return RunRequest(method=f"traversal.{method}", problem=DRAWN, params=params, seed=4)


def begun(folder: Path, method: str, **params: Any) -> Run:
    run = Run(request(method, **params), folder)
    run.prepare()
    return run


def problem(method: str = "map", **settings: Any) -> Problem:
    wanted = RunRequest(method=f"traversal.{method}", problem=DRAWN | settings)
    agreed = plan(wanted)
    built: Problem = agreed.bench.build(agreed.problem, agreed.context())
    return built


def press(x: float, y: float, panel: str = "map", clicks: int = 1, at: float = 0.0) -> Pointer:
    return Pointer(panel, "press", x, y, clicks=clicks, seconds=at)


def move(x: float, y: float, panel: str = "map", at: float = 0.0) -> Pointer:
    return Pointer(panel, "move", x, y, seconds=at)


def release(x: float, y: float, panel: str = "map", at: float = 0.0) -> Pointer:
    return Pointer(panel, "release", x, y, seconds=at)
