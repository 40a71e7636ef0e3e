"""A client of a real engine that remembers everything it was told, for tests."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.engine_client import OVER, EngineClient
from engine.entry import Settings
from engine.messages import JobState, Log, Metrics, RunRequest

PLUGIN = Path(__file__).parent / "plugin"
PATIENCE = 30_000


class Engine:
    """A client and everything it said."""

    def __init__(self, qtbot: Any, folder: Path, **options: Any) -> None:
        self.qtbot = qtbot
        self.folder = folder
        self.states: list[str] = []
        self.events: list[Any] = []
        self.frames: list[tuple[str, str, Any, int, bool]] = []
        self.crashes: list[Any] = []
        self.overdue: list[str] = []
        self.readies: list[Any] = []
        quick = Settings(parent=0, heartbeat=0.25, checkpoint_every=0.2)
        self.client = EngineClient(settings=options.pop("settings", quick), **options)
        self.client.state.connect(self.states.append)
        self.client.event.connect(self._remember)
        self._moved = 0.0
        self.client.frame.connect(lambda *frame: self.frames.append(frame))
        self.client.crashed.connect(self.crashes.append)
        self.client.cancel_overdue.connect(self.overdue.append)
        self.client.ready.connect(self.readies.append)

    def wait(self, condition: Callable[[], Any], timeout: int = PATIENCE) -> float:
        """Run the event loop until ``condition``; returns the seconds that took."""
        began = time.monotonic()
        self.qtbot.waitUntil(lambda: bool(condition()), timeout=timeout)
        return time.monotonic() - began

    def _remember(self, event: Any) -> None:
        self.events.append(event)
        if isinstance(event, Metrics):
            self._moved = time.monotonic()

    def wait_until_stuck(self) -> None:
        """Wait until no job has moved for a while: a step does not end."""
        self.wait(lambda: time.monotonic() - self._moved > 0.7)

    def ready(self) -> None:
        self.client.start()
        self.wait(lambda: self.readies)

    def walk(self, name: str = "run", *, resume: bool = False, **values: Any) -> str:
        options = {k: values.pop(k) for k in ("paused", "priority") if k in values}
        return self.client.start_job(
            request(**values), self.folder / name, resume=resume, **options
        )

    def states_of(self, job: str) -> list[str]:
        return [e.state for e in self.events if isinstance(e, JobState) and e.job == job]

    def state(self, job: str) -> str:
        """The last that was heard of a job; empty before anything was."""
        return (self.states_of(job) or [""])[-1]

    def last(self, job: str) -> JobState:
        return [e for e in self.events if isinstance(e, JobState) and e.job == job][-1]

    def over(self, job: str) -> JobState:
        """Wait for the end of a job."""
        self.wait(lambda: self.state(job) in OVER)
        return self.last(job)

    def steps(self, job: str) -> list[int]:
        return [e.step for e in self.events if isinstance(e, Metrics) and e.job == job]

    def lines(self) -> list[str]:
        return [e.text for e in self.events if isinstance(e, Log)]


def request(size: int = 16, seed: int = 7, **params: Any) -> RunRequest:
    return RunRequest(method="trouble.walk", params=params, problem={"size": size}, seed=seed)
