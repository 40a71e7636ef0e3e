"""A package with methods of its own, installed as any other package would be."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from toy_runs import DESCENT

from engine.discovery import installed
from engine.messages import RunRequest
from engine.plan import declaration
from engine.runs import Run

PLUGIN = Path(__file__).parent / "plugin"


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Install the toy package for this test: its folder, from which it is found."""
    monkeypatch.syspath_prepend(PLUGIN)
    installed.cache_clear()
    yield PLUGIN
    installed.cache_clear()


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    """Make prepared runs; those that a test leaves open are released after it."""
    runs: list[Run] = []

    def make(request: RunRequest = DESCENT, name: str = "run", **more: Any) -> Run:
        run = Run(request, tmp_path / name, **more)
        runs.append(run)
        run.prepare()
        return run

    yield make
    for run in runs:
        run.release()


@pytest.fixture
def instead(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Put another generator, or another part of the bench, under ``toy.descent``."""

    def put(solve: Any = None, **bench: Any) -> None:
        method, toy = declaration("toy.descent")
        method = dataclasses.replace(method, solve=solve or method.solve)
        toy = dataclasses.replace(toy, **bench)
        monkeypatch.setattr("engine.plan.declaration", lambda _: (method, toy))

    return put
