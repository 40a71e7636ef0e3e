"""One bench page's run: started, steered, interrupted, resumed.

The page asks and shows; this object talks to the engine. It listens to the one job that
is the page's own and ignores every other, so messages of a replaced run cannot arrive.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal, Slot

from engine.messages import (
    Curves,
    Event,
    JobState,
    Metrics,
    Moved,
    Nudge,
    Panels,
    Pointer,
    Progress,
    RunRequest,
)

if TYPE_CHECKING:
    import numpy as np

    from app.engine_client import Action, EngineClient, Priority
    from app.engine_memory import Crash

ACTIVE = frozenset({"preparing", "running", "idle", "paused", "stopping"})
_OVER = frozenset({"finished", "cancelled", "failed"})
_STATES = {"queued": "preparing", "preparing": "preparing"}


def new_folder(runs: Path, method: str) -> Path:
    """A folder name for a new run: when, which method, and a few random letters."""
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    return runs / f"{stamp}-{method.rpartition('.')[2]}-{secrets.token_hex(3)}"


class RunController(QObject):
    """The run of one page; those of ``interactive`` methods come before other runs.

    ``state`` is one of ``none``, ``preparing``, ``running``, ``idle``, ``paused``,
    ``stopping``, ``finished``, ``cancelled``, ``failed``, ``interrupted``.
    """

    changed = Signal()
    started = Signal(object)
    progress = Signal(object)
    metrics = Signal(int, object)
    #: Live knobs that a hand on a picture has moved: name to value.
    moved = Signal(object)
    #: Metric to points, when a run goes on: everything up to there.
    curves = Signal(object)
    #: The panels that the run has pictures for, and its knobs, before the first of them.
    panels = Signal(object, object)
    frame = Signal(str, object, int, bool)
    failed = Signal(object)
    #: The run has ended and cannot be written down: why, and what to do. ``go_on`` tries again.
    unsaved = Signal(str)
    interrupted = Signal(object)
    #: A run that was to be cancelled (this page's, or the one before it) does not end.
    stuck = Signal()
    #: It has ended after all.
    freed = Signal()
    ended = Signal(str)

    def __init__(
        self,
        client: EngineClient,
        parent: QObject | None = None,
        *,
        interactive: Collection[str] = (),
    ) -> None:
        super().__init__(parent)
        self._client = client
        self._interactive = frozenset(interactive)
        self.job = ""
        self.state = "none"
        self.text = ""
        self.failed_field = ""
        self.request: RunRequest | None = None
        self.folder: Path | None = None
        self.last_progress: Progress | None = None
        self.values: dict[str, float] = {}
        #: Runs that were replaced and have not ended yet.
        self._leaving: set[str] = set()
        self._stuck = ""
        client.event.connect(self._on_event)
        client.frame.connect(self._on_frame)
        client.crashed.connect(self._on_crash)
        client.cancel_overdue.connect(self._on_overdue)

    @property
    def active(self) -> bool:
        """Whether a run of this page is going on."""
        return self.state in ACTIVE

    @property
    def resumable(self) -> bool:
        """Whether an interrupted run waits to be taken up again."""
        return self.state == "interrupted" and self.request is not None

    @property
    def share(self) -> float:
        """How much of it is done, 0..1, as far as that can be known."""
        if self.state == "finished":
            return 1.0
        last = self.last_progress
        return min(1.0, last.step / last.total) if last is not None and last.total else 0.0

    def start(self, request: RunRequest, folder: Path, *, resume: bool = False) -> None:
        """Start ``request`` in ``folder``; a run that is going on is cancelled first.

        Raises:
            OSError: the folder cannot be made.
        """
        self.leave()
        folder.mkdir(parents=True, exist_ok=True)
        self.request, self.folder = request, folder
        self.last_progress, self.values = None, {}
        priority: Priority = "interactive" if request.method in self._interactive else "run"
        self.job = self._client.start_job(request, folder, resume=resume, priority=priority)
        self._become("preparing")
        self.started.emit(resume)

    def leave(self) -> None:
        """Cancel a run that is going on, as another takes its place."""
        if self.active:
            self._leaving.add(self.job)
            self._client.control(self.job, "cancel")

    def resume(self) -> None:
        """Take an interrupted run up again from its newest checkpoint."""
        if self.request is None or self.folder is None:
            return
        if self.job and self._client.resume_job(self.job):
            self._become("preparing")
            self.started.emit(True)
        else:
            self.start(self.request, self.folder, resume=True)

    def adopt(self, request: RunRequest, folder: Path) -> None:
        """Offer to resume a run that an earlier window left behind."""
        self.request, self.folder, self.job = request, folder, ""
        self._become("interrupted")

    def pause(self) -> None:
        """Stop after the present step."""
        self._steer("pause")

    def go_on(self) -> None:
        """Continue after a pause."""
        self._steer("resume")

    def step(self) -> None:
        """One step, then pause."""
        self._steer("step")

    def cancel(self) -> None:
        """Stop; what was reached is kept."""
        if self.active and self.state != "stopping":
            self._client.control(self.job, "cancel")
            self._become("stopping")

    def force_stop(self) -> None:
        """Stop a run that does not answer by ending its process."""
        self._client.force_stop(self._stuck or self.job)

    def tune(self, values: dict[str, Any]) -> None:
        """New values of live knobs for the run that goes on."""
        if self.active:
            self._client.tune(self.job, values)

    def point(self, event: Pointer | Nudge) -> None:
        """Something was done on a picture of the run that goes on."""
        if self.active:
            self._client.point(self.job, event)

    def _steer(self, action: Action) -> None:
        if self.active and self.state != "stopping":
            self._client.control(self.job, action)

    def _become(self, state: str, text: str = "") -> None:
        self.state, self.text = state, text
        self.changed.emit()

    @Slot(object)
    def _on_event(self, event: Event) -> None:
        job = getattr(event, "job", "")
        if job and isinstance(event, JobState) and event.state in _OVER:
            self._leaving.discard(job)
            if job == self._stuck:
                self._stuck = ""
                self.freed.emit()
        if not self.job or job != self.job:
            return
        if isinstance(event, JobState):
            self._on_job_state(event)
        elif isinstance(event, Progress):
            self.last_progress = event
            self.progress.emit(event)
        elif isinstance(event, Metrics):
            self.values = event.values
            self.metrics.emit(event.step, event.values)
        elif isinstance(event, Moved):
            self.moved.emit(event.values)
        elif isinstance(event, Curves):
            self.curves.emit(event.curves)
        elif isinstance(event, Panels):
            self.panels.emit([panel.name for panel in event.panels], event.params)

    def _on_job_state(self, event: JobState) -> None:
        state = _STATES.get(event.state, event.state)
        unsaved = state == "paused" and bool(event.field)
        if self.state == "stopping" and state in ACTIVE and not unsaved:
            # The engine had not read the cancel yet when it sent this.
            return
        self.failed_field = event.field if state == "failed" else ""
        self._become(state, event.text)
        if unsaved:
            self.unsaved.emit(event.text)
        if state == "failed":
            self.failed.emit(event)
        if state in _OVER:
            self.ended.emit(str(self.folder))

    @Slot(str, str, object, int, bool)
    def _on_frame(self, job: str, panel: str, array: np.ndarray, step: int, final: bool) -> None:
        if job == self.job:
            self.frame.emit(panel, array, step, final)

    @Slot(object)
    def _on_crash(self, crash: Crash) -> None:
        # The client has already told the end of this job; what it was is known only now.
        if self.job and crash.job == self.job:
            self._become("interrupted", crash.cause)
            self.interrupted.emit(crash)

    @Slot(str)
    def _on_overdue(self, job: str) -> None:
        if job in self._leaving or (job == self.job and self.state == "stopping"):
            self._stuck = job
            self.stuck.emit()
