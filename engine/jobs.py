"""The scheduler: several runs interleaved step by step on one compute thread.

Time is shared by class: interactive jobs get six parts, runs three, training one; a
class without work leaves its part to the others, and inside a class jobs take turns. A
job that is paused or idle costs nothing. While a person's hand is at work, the gaps between its
events are interactive time too: else a long training step would begin in each of them, and the
picture would follow the hand no more often than that. Pure Python; knows neither process nor pipe.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import Any

from engine.failures import Failure, explain
from engine.fair import WEIGHTS, Fair
from engine.interrupt import Interrupted, Interrupter
from engine.job import Ending, Job, Mark, Runnable, StateName, UpdateLike
from engine.messages import (
    Attach,
    Control,
    Curves,
    Detach,
    Event,
    JobState,
    Log,
    Metrics,
    Moved,
    Panels,
    Progress,
    Send,
    Start,
    UserEvent,
)

#: Progress is sent at most this often (seconds).
PROGRESS_GAP = 0.05
#: Checkpoints may take at most this share of a job's time.
CHECKPOINT_SHARE = 0.01
#: A hand is at work for so long after its last event (seconds). A mouse tells of itself every
#: 8 ms, or 100 where the machine is busy.
HAND = 0.15
INTERACTIVE = "interactive"


class Scheduler:
    """Drives jobs; give it commands and call ``turn`` as long as it returns True.

    ``make`` turns a ``Start`` into a run. ``emit`` takes events and must not block.
    ``note`` is told the job that is worked on, so that a crash can be laid at its door.
    """

    def __init__(
        self,
        make: Callable[[Start], Runnable],
        emit: Callable[[Event], None],
        *,
        clock: Callable[[], float] = time.perf_counter,
        checkpoint_every: float = 10.0,
        note: Callable[[str], None] = lambda job: None,
        interrupter: Interrupter | None = None,
    ) -> None:
        self._make = make
        self._emit = emit
        self._clock = clock
        self._checkpoint_every = checkpoint_every
        self._note = note
        self._interrupter = interrupter or Interrupter()
        self._jobs: dict[str, Job] = {}
        self._classes = Fair()
        self._turns = {kind: Fair() for kind in WEIGHTS}
        #: Until when a hand is at work, and since when it has been waited for.
        self._hand = 0.0
        self._held: float | None = None
        #: Set when a device failed and the process must be replaced.
        self.device_lost = False

    @property
    def running(self) -> str:
        """The first job that computes at present, or ''."""
        return next((j.id for j in list(self._jobs.values()) if j.state == "running"), "")

    @property
    def waiting(self) -> int:
        """Jobs that are here, whatever they do."""
        return len(self._jobs)

    def find(self, job: str) -> Runnable | None:
        """The run of a job that is prepared; None if there is none."""
        entry = self._jobs.get(job)
        return entry.run if entry is not None and entry.prepared else None

    def command(self, command: Start | Control | Send | Attach | Detach) -> None:
        """Take a command. One for a job that is not here is refused with a log line."""
        if isinstance(command, Start):
            self._start(command)
            return
        job = self._jobs.get(command.job)
        if job is None:
            if not isinstance(command, Attach | Detach):
                text = f"{type(command).__name__} came for job {command.job}, which is not here"
                self._emit(Log(level="debug", text=text, job=command.job))
            return
        match command:
            case Control():
                self._control(job, command.action)
            case Send():
                self._event(job, command.event)
            case Attach():
                try:
                    job.live.attach(command)
                except OSError as error:
                    self._emit(Log(level="debug", text=str(error), job=job.id))
            case Detach():
                job.live.detach()

    @property
    def rest(self) -> float | None:
        """Seconds until a job that rests is due; None if there is none."""
        now = self._clock()
        wakes = [j.wake for j in self._jobs.values() if j.runnable and j.resting(now)]
        if self._held is not None:
            wakes.append(self._hand)
        return max(0.0, min(wakes) - now) if wakes else None

    def turn(self) -> bool:
        """One step of the job whose turn it is; False if no job has anything to do now."""
        job = self._next()
        if job is None:
            return False
        began = self._clock()
        self._note(job.id)
        try:
            self._work(job)
        except Interrupted:
            self._interrupted(job)
        except Exception as error:  # noqa: BLE001 - whatever a method raises ends that job only
            self._fail(job, error)
        self._note("")
        spent = max(self._clock() - began, 1e-6)
        kind = job.start.priority
        self._classes.charge(kind, spent / WEIGHTS[kind])
        if job.id in self._jobs:
            self._turns[kind].charge(job.id, spent)
        return True

    def shutdown(self, checkpoint: bool) -> None:
        """Save what runs (if asked), so that it can be resumed, and let go of everything."""
        for job in list(self._jobs.values()):
            saved = False
            if checkpoint and job.run is not None and job.prepared:
                try:
                    job.run.close("interrupted")
                    saved = True
                except Exception as error:  # noqa: BLE001 - the others must still be saved
                    self._log_failure(job, "could not be saved", error)
            kept = "saved; it can be resumed" if saved else "it can go on from its last checkpoint"
            self._state(job, "paused", text=kept)
            job.live.detach()
        self._jobs.clear()

    # --- commands --------------------------------------------------------------------

    def _start(self, start: Start) -> None:
        if start.job in self._jobs:
            text = f"job {start.job} is already here"
            self._emit(Log(level="error", text=text, job=start.job))
            return
        job = self._jobs[start.job] = Job(start, self._emit)
        self._state(job, "queued")

    def _control(self, job: Job, action: str) -> None:
        match action:
            case "cancel":
                job.cancelled = True
            case "pause" if not job.paused:
                job.paused = True
                self._settle(job)
            case "resume" if job.paused:
                job.paused = job.once = False
                if job.prepared:
                    job.since = self._clock()
                    job.marks.clear()
                    self._state(job, "running")
            case "step" if not job.cancelled:
                job.once = True
                if not job.paused:
                    job.paused = True
                    self._bank(job)
            case "checkpoint":
                job.checkpoint_due = 0.0
                if job.run is not None and not job.runnable:
                    self._save(job, job.run)

    def _event(self, job: Job, event: UserEvent) -> None:
        if job.run is None or not job.prepared:
            job.early.append(event)
        elif refusal := job.run.refuses(event):
            self._emit(Log(level="warning", text=refusal, job=job.id))
        else:
            job.run.pending.append(event)
            if job.start.priority == INTERACTIVE:
                self._hand = self._clock() + HAND

    # --- whose turn ------------------------------------------------------------------

    def _next(self) -> Job | None:
        ready: dict[str, list[str]] = {kind: [] for kind in WEIGHTS}
        now = self._clock()
        if self._held is not None:
            self._classes.charge(INTERACTIVE, (now - self._held) / WEIGHTS[INTERACTIVE])
            self._held = None
        for job in self._jobs.values():
            if job.runnable and not job.resting(now):
                ready[job.start.priority].append(job.id)
        kinds = [k for k, jobs in ready.items() if jobs or (k == INTERACTIVE and now < self._hand)]
        if not any(ready.values()):
            self._classes.rest()
            return None
        kind = self._classes.choose(kinds)
        if not ready[kind]:
            self._held = now
            return None
        return self._jobs[self._turns[kind].choose(ready[kind])]

    # --- one step --------------------------------------------------------------------

    def _work(self, job: Job) -> None:
        if job.cancelled:
            # One that only waits for a person has nothing left to break off: it is finished.
            ended = job.prepared and job.run is not None and job.run.waiting
            self._end(job, "finished" if ended else "cancelled")
        elif job.ending is not None:
            self._end(job, job.ending)
        elif job.run is None or not job.prepared:
            self._prepare(job)
        else:
            self._advance(job, job.run)

    def _prepare(self, job: Job) -> None:
        self._state(job, "preparing")
        with self._interrupter.inside(job.id):
            job.run = run = self._make(job.start)
            first = run.prepare()
        job.prepared = True
        for event in job.early:
            self._event(job, event)
        self._notes(job, run)
        self._emit(Panels(job.id, tuple(run.panels()), dict(run.params)))
        job.banked = run.seconds if job.start.resume else 0.0
        job.since = self._clock()
        job.checkpoint_due = job.since + self._checkpoint_every
        self._state(job, "running")
        self._count(job, first)
        if job.start.resume:
            # Copies, for the run goes on before they are sent.
            self._emit(Curves(job.id, {name: [*points] for name, points in run.curves.items()}))
        if job.paused:
            self._settle(job)
        else:
            self._show(job, run)

    def _advance(self, job: Job, run: Runnable) -> None:
        began = self._clock()
        with self._interrupter.inside(job.id):
            update = run.advance()
        job.wake = began + update.rest
        if update.kind == "step" or update.step != job.step:
            self._count(job, update)
        self._notes(job, run)
        if update.kind == "done":
            self._end(job, "finished")
            return
        now = self._clock()
        if job.once:
            job.once = False
            self._settle(job)
        elif update.kind == "idle":
            if job.state != "idle":
                self._bank(job)
                self._state(job, "idle")
                self._progress(job)
            self._show(job, run)
        else:
            if job.state == "idle":
                job.since = now
                job.marks.clear()
                self._state(job, "running")
            # Whoever sets a pace does so to be watched.
            if update.rest or job.live.due(now):
                self._show(job, run)
            if now >= job.progress_due:
                self._progress(job)
        if self._clock() >= job.checkpoint_due:
            self._save(job, run)

    def _count(self, job: Job, update: UpdateLike) -> None:
        job.step, job.total = update.step, update.total
        if update.metrics:
            self._emit(Metrics(job.id, update.step, dict(update.metrics)))
        if update.moved:
            self._emit(Moved(job.id, dict(update.moved)))

    def _notes(self, job: Job, run: Runnable) -> None:
        while run.notes:
            self._emit(Log(level="warning", text=run.notes.pop(0), job=job.id))

    def _show(self, job: Job, run: Runnable, *, final: bool = False) -> None:
        began = self._clock()
        job.live.show(run.pictures(), job.step, final=final)
        now = self._clock()
        job.live.spent(now, now - began)

    def _settle(self, job: Job) -> None:
        """The job is paused from here: show where it stands, and save it."""
        self._bank(job)
        if job.run is None or not job.prepared:
            return
        self._state(job, "paused")
        self._progress(job)
        try:
            self._show(job, job.run, final=True)
        except Exception as error:  # noqa: BLE001 - a command must not end the engine
            self._fail(job, error)
            return
        self._save(job, job.run)

    def _save(self, job: Job, run: Runnable) -> None:
        began = self._clock()
        try:
            run.checkpoint()
        except Exception as error:  # noqa: BLE001 - a full disk must not end a run
            self._log_failure(job, "could not be saved on the way", error)
        now = self._clock()
        job.checkpoint_due = now + max(self._checkpoint_every, (now - began) / CHECKPOINT_SHARE)

    # --- the end ---------------------------------------------------------------------

    def _end(self, job: Job, state: Ending) -> None:
        self._bank(job)
        if job.run is not None and job.prepared:
            self._progress(job)
            self._show(job, job.run, final=True)
            try:
                job.run.close(state)
            except OSError as error:
                if job.cancelled and job.ending is not None:
                    # It was tried again, and a person gave it up.
                    raise
                self._keep(job, state, error)
                return
            self._notes(job, job.run)
        self._drop(job, state)

    def _keep(self, job: Job, state: Ending, error: OSError) -> None:
        """The end cannot be written: pause, so that a person can make room and resume."""
        job.ending = state
        job.paused, job.once, job.cancelled = True, False, False
        text = f"The result could not be saved yet: {explain(error).text} Make room, then resume."
        self._state(job, "paused", text=text, field="out")

    def _interrupted(self, job: Job) -> None:
        """A step was ended by force; what it left is kept as far as it goes."""
        try:
            if job.run is not None:
                job.run.close("cancelled")
        except Exception as error:  # noqa: BLE001 - the job is over in any case
            self._log_failure(job, "was stopped within a step and left no result", error)
        self._drop(job, "cancelled", Failure(text="stopped in the middle of a step"))

    def _fail(self, job: Job, error: Exception) -> None:
        failure = explain(error)
        # The traceback holds the frames, and they hold the tensors that filled the memory.
        error.__traceback__ = None
        run, job.run = job.run, None
        try:
            if run is not None:
                run.close("failed", failure.text)
        except Exception as second:  # noqa: BLE001 - the first error is the one to tell
            self._log_failure(job, "left no record", second)
        del run
        self.device_lost = self.device_lost or failure.device_lost
        self._drop(job, "failed", failure)

    def _drop(self, job: Job, state: StateName, failure: Failure | None = None) -> None:
        self._jobs.pop(job.id, None)
        self._turns[job.start.priority].forget(job.id)
        job.live.detach()
        failure = failure or Failure(text="")
        self._state(
            job,
            state,
            text=failure.text,
            field=failure.field,
            suggestion=failure.suggestion,
            trace=failure.trace,
        )
        job.run = None
        if state == "failed":
            # What a failure leaves behind tends to hang in cycles, and it may be all memory.
            gc.collect()

    # --- telling ---------------------------------------------------------------------

    def _state(self, job: Job, state: StateName, **more: Any) -> None:
        job.state = state
        self._emit(JobState(job=job.id, state=state, folder=job.start.folder, **more))

    def _log_failure(self, job: Job, what: str, error: Exception) -> None:
        text = f"The run {what}: {explain(error).text}"
        self._emit(Log(level="warning", text=text, job=job.id))

    def _bank(self, job: Job) -> None:
        if job.state == "running":
            job.banked = self._elapsed(job)
            job.since = self._clock()

    def _elapsed(self, job: Job) -> float:
        return job.banked + (self._clock() - job.since if job.state == "running" else 0.0)

    def _progress(self, job: Job) -> None:
        now = self._elapsed(job)
        job.progress_due = self._clock() + PROGRESS_GAP
        job.marks.append(Mark(now, job.step))
        first = job.marks[0]
        rate = (job.step - first.step) / (now - first.seconds) if now > first.seconds else 0.0
        known = job.total is not None and rate > 0
        self._emit(
            Progress(
                job=job.id,
                step=job.step,
                total=job.total or 0,
                seconds=now,
                rate=rate,
                eta=(job.total - job.step) / rate if known and job.total else -1.0,
                computed=job.run.seconds if job.run is not None else 0.0,
            )
        )
