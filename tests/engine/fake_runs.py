"""A run that computes nothing, on a clock that only moves when it is told to."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from engine.jobs import Scheduler
from engine.messages import (
    Control,
    JobState,
    Metrics,
    PanelShape,
    RunRequest,
    Send,
    Start,
    Tune,
    UserEvent,
)


class Update(NamedTuple):
    kind: str
    step: int
    total: int | None
    metrics: dict[str, float]
    rest: float = 0.0
    moved: dict[str, float] = {}  # noqa: RUF012


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class FakeRun:
    """Takes ``total`` steps of ``cost`` seconds; ``idle`` ones wait for events.

    One with a ``rest`` is played: it takes a step every so many seconds.
    """

    def __init__(self, clock: Clock, values: dict[str, Any]) -> None:
        self.clock = clock
        self.total: int | None = values.get("total", 10)
        self.cost: float = values.get("cost", 0.1)
        self.idle: bool = values.get("idle", False)
        self.raises: Callable[[int], None] = values.get("raises", lambda step: None)
        self.draw: float = values.get("draw", 0.0)
        self.rest: float = values.get("rest", 0.0)
        self.step = values.get("begin", 0)
        #: How often it cannot be closed.
        self.full: int = values.get("full", 0)
        self.params: dict[str, Any] = {"gain": 0.5}
        self.notes: list[str] = []
        self.seconds: float = values.get("seconds", 0.0)
        self.curves: dict[str, list[tuple[int, float]]] = values.get("curves", {})
        self.pending: list[UserEvent] = []
        self.replay: list[UserEvent] = list(values.get("replay", []))
        self.sent: list[UserEvent] = []
        self.saved: list[int] = []
        self.closed: list[tuple[str, str]] = []

    @property
    def waiting(self) -> bool:
        return self.idle and not (self.replay or self.pending)

    def update(self, kind: str) -> Update:
        return Update(kind, self.step, self.total, {"loss": 1.0 / (1 + self.step)}, self.rest)

    def prepare(self) -> Update:
        self.raises(-1)
        self.clock.now += self.cost
        return self.update("step")

    def advance(self) -> Update:
        events = (*self.replay[:1], *self.pending)
        del self.replay[:1], self.pending[:]
        self.sent += events
        self.clock.now += self.cost
        if self.idle and not events:
            return self.update("idle")
        self.raises(self.step)
        if self.step == self.total:
            return self.update("done")
        self.step += 1
        return self.update("idle" if self.idle else "step")

    def pictures(self) -> dict[str, np.ndarray]:
        self.clock.now += self.draw
        return {"panel": np.full((4, 4, 3), self.step % 256, np.uint8)}

    def panels(self) -> tuple[PanelShape, ...]:
        return (PanelShape("panel", (4, 4, 3)),)

    def refuses(self, event: UserEvent) -> str:
        return "gain: 9 is above 1" if isinstance(event, Tune) and event.values["gain"] > 1 else ""

    def checkpoint(self) -> None:
        self.saved.append(self.step)

    def close(self, status: str, error: str = "") -> None:
        if self.full:
            self.full -= 1
            raise OSError(errno.ENOSPC, "No space left on device", "/x/found.png")
        self.closed.append((status, error))


class Bench:
    """A scheduler with fake runs, and everything it emits."""

    def __init__(self, **options: Any) -> None:
        self.clock = Clock()
        self.events: list[Any] = []
        self.runs: dict[str, FakeRun] = {}
        self.values: dict[str, dict[str, Any]] = {}
        self.notes: list[str] = []
        self.scheduler = Scheduler(
            self.make, self.events.append, clock=self.clock, note=self.notes.append, **options
        )

    def make(self, start: Start) -> FakeRun:
        self.runs[start.job] = FakeRun(self.clock, self.values[start.job])
        return self.runs[start.job]

    def start(
        self,
        job: str,
        *,
        priority: str = "run",
        paused: bool = False,
        resume: bool = False,
        **values: Any,
    ) -> None:
        self.values[job] = values
        request = RunRequest(method="fake.run")
        folder = str(Path("runs", job))
        start = Start(job=job, request=request, folder=folder, priority=priority)
        start = msgspec.structs.replace(start, paused=paused, resume=resume)
        self.scheduler.command(start)

    def control(self, job: str, action: str) -> None:
        self.scheduler.command(Control(job, action))

    def tune(self, job: str, gain: float) -> None:
        self.scheduler.command(Send(job, Tune({"gain": gain})))

    def turns(self, most: int = 100_000) -> int:
        """Turn until nothing is left to do; returns how often."""
        for count in range(most):
            if not self.scheduler.turn():
                return count
        return most

    def of(self, kind: type, job: str = "a") -> list[Any]:
        return [e for e in self.events if isinstance(e, kind) and e.job == job]

    def states(self, job: str = "a") -> list[str]:
        return [e.state for e in self.of(JobState, job)]

    def steps(self, job: str = "a") -> list[int]:
        return [e.step for e in self.of(Metrics, job)]
