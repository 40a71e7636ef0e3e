"""One job of the scheduler, and what the scheduler wants of the run that it drives."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple, Protocol

import numpy.typing as npt

from engine.live import Live
from engine.messages import Event, PanelShape, Start, UserEvent

StateName = Literal[
    "queued", "preparing", "running", "idle", "paused", "finished", "cancelled", "failed"
]
Ending = Literal["finished", "cancelled"]


class UpdateLike(Protocol):
    """What ``advance`` returns; see ``engine.runs.Update``."""

    @property
    def kind(self) -> Literal["step", "idle", "done"]: ...
    @property
    def step(self) -> int: ...
    @property
    def total(self) -> int | None: ...
    @property
    def metrics(self) -> Mapping[str, float]: ...
    @property
    def rest(self) -> float: ...
    @property
    def moved(self) -> Mapping[str, Any]: ...


class Runnable(Protocol):
    """What the scheduler drives; ``engine.runs.Run`` is the one."""

    notes: list[str]
    #: Spent computing so far, in this process and in those before it.
    seconds: float
    #: What a person did since the last ``advance``, which gives it to the method.
    pending: list[UserEvent]

    @property
    def params(self) -> dict[str, Any]: ...
    @property
    def curves(self) -> dict[str, list[tuple[int, float]]]: ...
    @property
    def waiting(self) -> bool: ...
    def prepare(self) -> UpdateLike: ...
    def advance(self) -> UpdateLike: ...
    def pictures(self) -> Mapping[str, npt.NDArray[Any]]: ...
    def panels(self) -> tuple[PanelShape, ...]: ...
    def checkpoint(self) -> None: ...
    def close(self, status: Any, error: str = "") -> Any: ...
    def refuses(self, event: UserEvent) -> str: ...


class Mark(NamedTuple):
    seconds: float
    step: int


class Job:
    """One job between its start and its end."""

    def __init__(self, start: Start, emit: Callable[[Event], None]) -> None:
        self.start = start
        self.id = start.job
        self.run: Runnable | None = None
        self.prepared = False
        self.state: StateName = "queued"
        #: What came before there was a run to give it to.
        self.early: list[UserEvent] = []
        self.paused = start.paused
        self.once = False
        self.cancelled = False
        #: The end that it has reached, where it could not be written down yet.
        self.ending: Ending | None = None
        self.live = Live(start.job, start.priority, emit)
        self.step = 0
        self.total: int | None = None
        self.banked = 0.0
        self.since = 0.0
        self.marks: deque[Mark] = deque(maxlen=64)
        self.progress_due = 0.0
        #: Until when it rests, unless something happens to it.
        self.wake = 0.0
        self.checkpoint_due = 0.0

    @property
    def runnable(self) -> bool:
        if self.cancelled or not self.prepared:
            return True
        if self.paused:
            return self.once
        awaited = self.run is not None and not self.run.waiting
        return self.state != "idle" or self.once or awaited

    def resting(self, now: float) -> bool:
        """Whether its next step is not due yet, and nothing asks for it."""
        asked = self.cancelled or self.once or (self.run is not None and self.run.pending)
        return self.wake > now and not asked
