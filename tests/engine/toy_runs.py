"""Runs of the toy package: what the tests of runs share beside their fixtures."""

from __future__ import annotations

import dataclasses
from typing import Any

from engine.messages import RunRequest
from engine.method import Method
from engine.plan import declaration
from engine.runs import Run, Update

DESCENT = RunRequest(method="toy.descent", seed=3)


def finish(run: Run) -> Update:
    while (update := run.advance()).kind == "step":
        pass
    return update


def solved_by(solve: Any, **more: Any) -> Method:
    """The toy method with another generator."""
    return dataclasses.replace(declaration("toy.descent")[0], solve=solve, **more)
