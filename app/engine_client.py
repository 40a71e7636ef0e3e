"""The window's side of the engine: commands out, events in as Qt signals, frames as arrays.

Everything here runs in the GUI thread; the threads of ``app.engine_line`` only carry
bytes, and what they bring is handled in short turns of the event loop.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import msgspec
from PySide6.QtCore import QObject, QTimer, Signal

from app.engine_arrivals import Arrivals, Message
from app.engine_line import Line, inline_array
from app.engine_memory import Crash, Job, Questions
from app.engine_output import Output
from app.slots import Slots, make_board, sweep
from engine.entry import Settings
from engine.frames import QUESTION
from engine.messages import (
    PROTOCOL,
    Command,
    Control,
    Event,
    Frame,
    Heartbeat,
    JobState,
    Log,
    Nudge,
    Panels,
    Pointer,
    Ready,
    Reply,
    RunRequest,
    Send,
    Shutdown,
    Start,
    Stroke,
    Tune,
)
from engine.transport import WrongProtocol

Priority = Literal["interactive", "run", "training"]
Action = Literal["pause", "resume", "step", "cancel", "checkpoint"]

#: Beats that may fail to come before the engine counts as not answering.
MISSED_BEATS = 4
#: A new engine may be silent this long while it loads (seconds).
LOADING = 60.0
#: Seconds after which a cancel that had no effect may be answered by force.
CANCEL_DEADLINE = 1.0
#: Engines that may die before they are ready, one after the other, until nobody tries again.
FAILED_STARTS = 2

OVER = ("finished", "cancelled", "failed")


class EngineClient(QObject):
    """Owns the engine process. Make and use it in the GUI thread.

    Args:
        settings: times and the like for the engine; ``parent`` and ``board`` are filled in.
        slots: the maker of shared-memory segments.
        log_path: file that keeps every line of the engine's output (8 MB at most).
        clock: seconds, for the heartbeat and the deadlines.
    """

    #: ``Ready`` of an engine, the first and each restarted one.
    ready = Signal(object)
    #: "starting", "ready", "busy", "not answering", "dead", "restarting"
    state = Signal(str)
    #: Every event but ``Frame``.
    event = Signal(object)
    #: job, panel, array (the receiver's own), step, final
    frame = Signal(str, str, object, int, bool)
    #: ``Crash``
    crashed = Signal(object)
    #: A job that was to be cancelled still runs: ``force_stop`` may be offered.
    cancel_overdue = Signal(str)

    def __init__(
        self,
        parent: QObject | None = None,
        *,
        settings: Settings | None = None,
        slots: Slots | None = None,
        log_path: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(parent)
        self._settings = settings or Settings(parent=0)
        self._slots = slots or Slots()
        self._clock = clock
        self._line: Line | None = None
        self._board = None
        self._state = "dead"
        self._is_ready = False
        self._failed_starts = 0
        self._jobs: dict[str, Job] = {}
        self._fallen: dict[str, Job] = {}
        self._running = ""
        self._questions = Questions()
        self._arrivals = Arrivals(self._take, self._show_lines, self)
        self._output = Output(log_path, self._arrivals.wake)
        self._silence = 0.0
        self._looked = 0.0
        self._watch = QTimer(self, interval=int(self._settings.heartbeat * 250))
        self._watch.timeout.connect(self._look)

    # --- life ------------------------------------------------------------------------

    @property
    def current_state(self) -> str:
        """The last value of ``state``."""
        return self._state

    @property
    def pid(self) -> int:
        """The engine's process id, 0 without an engine."""
        return self._line.process.pid if self._line else 0

    @property
    def jobs(self) -> dict[str, str]:
        """Jobs that are not over, with their states."""
        return {name: job.state for name, job in self._jobs.items()}

    def start(self) -> None:
        """Start the engine (at once) if there is none; ``ready`` follows."""
        if self._line is None:
            sweep()
            self._failed_starts = 0
            self._spawn("starting")

    def stop(self, timeout: float = 5.0) -> None:
        """Let the engine save its jobs and leave; after ``timeout`` seconds it is killed.

        Blocks until the process is gone. Events that came before its end are delivered.
        """
        line = self._line
        self._watch.stop()
        if line is not None:
            line.send(Shutdown())
            line.room.set()
            if not line.process.wait(timeout):
                line.process.kill()
            line.end()
            self._line = None
            for message in self._arrivals.rest():
                if isinstance(message, Event):
                    self._handle(message)
            self._show_output()
        self._clear_memory()
        self._jobs.clear()
        self._questions.waiting.clear()
        self._set_state("dead")

    def restart(self) -> None:
        """Replace an engine that does not answer; its present job is offered for resuming."""
        if self._line is None:
            self.start()
        else:
            self._line.process.kill()
            self._replace(self.tr("The engine was restarted on request."), report=True)

    def force_stop(self, job: str) -> None:
        """End a job that cannot be cancelled, by replacing the engine; the others go on."""
        if self._line is None or job not in self._jobs:
            return
        self._line.process.kill()
        self._tell_end(self._jobs.pop(job), "cancelled", self.tr("stopped by force"))
        self._replace(text="", report=False)

    # --- commands --------------------------------------------------------------------

    def send(self, command: Command) -> None:
        """Send any command; without an engine it is lost."""
        if self._line is not None:
            self._line.send(command)

    def start_job(
        self,
        request: RunRequest,
        folder: Path | str,
        resume: bool = False,
        *,
        paused: bool = False,
        priority: Priority = "run",
    ) -> str:
        """Run ``request``, keeping it in ``folder``; returns the job id. Starts a dead engine."""
        self.start()
        job = uuid.uuid4().hex[:12]
        start = Start(
            job=job,
            request=request,
            folder=str(folder),
            resume=resume,
            paused=paused,
            priority=priority,
        )
        self._jobs[job] = Job(start)
        self.send(start)
        return job

    def resume_job(self, job: str) -> bool:
        """Go on with the job that a crash interrupted, under its id; False if unknown."""
        if job not in self._fallen:
            return False
        self.start()
        self._continue(self._fallen.pop(job))
        return True

    def control(self, job: str, action: Action) -> None:
        """Steer a job."""
        entry = self._jobs.get(job)
        if entry is not None:
            if action == "cancel":
                entry.cancelled = True
                entry.deadline = self._clock() + CANCEL_DEADLINE
            elif action in ("pause", "step"):
                entry.paused = True
            elif action == "resume":
                entry.paused = False
        self.send(Control(job, action))

    def tune(self, job: str, values: dict[str, Any]) -> None:
        """Give live parameters new values."""
        if job in self._jobs:
            self._jobs[job].tuned |= values
        self.send(Send(job, Tune(values)))

    def point(self, job: str, event: Pointer | Nudge | Stroke) -> None:
        """Send a click, a drag, an arrow key or a brush stroke into a job."""
        self.send(Send(job, event))

    def query(self, kind: str, args: dict[str, Any], channel: str = "") -> int:
        """Ask; the ``Reply`` with the returned id comes as an ``event``.

        A newer question of the same kind and channel replaces an older one, whose reply
        then never comes. Without an engine it waits for one; one that an engine died over
        is answered with an error.
        """
        query = self._questions.ask(kind, channel, args)
        self.send(query)
        return query.id

    # --- engines come and go ---------------------------------------------------------

    def _spawn(self, state: str) -> None:
        self._board = make_board()
        settings = msgspec.structs.replace(
            self._settings, board=self._board.name if self._board else ""
        )
        self._is_ready = False
        self._running = ""
        self._silence, self._looked = 0.0, self._clock()
        self._line = Line(settings, self._arrivals.put, self._output.hear)
        for query in self._questions.waiting.values():
            self._line.send(query)
        self._watch.start()
        self._set_state(state)

    def _lost(self, error: Exception) -> None:
        """The line broke: the engine died, or it cannot be understood."""
        line = self._line
        if line is None:
            return
        if not line.process.wait(1.0):
            line.process.kill()
        text = str(error) if isinstance(error, WrongProtocol) else line.process.cause()
        self._replace(text, report=True)

    def _replace(self, text: str, *, report: bool) -> None:
        """Bury the engine, start another, and let it go on with what it can."""
        line, self._line = self._line, None
        if line is None:
            return
        line.end()
        # An engine ended on purpose has no culprit; what it was doing goes on.
        noted = self._board.read() if self._board else ""
        culprit = (self._running if noted in ("", QUESTION) else noted) * report
        # One that died over a question is not asked it again.
        asked = report and self._is_ready and (noted == QUESTION or not (culprit or self._board))
        tail = tuple(line.process.tails["stderr"])
        self._clear_memory()
        self._arrivals.rest()
        self._show_output()
        self._failed_starts = 0 if self._is_ready else self._failed_starts + 1
        restarting = self._failed_starts < FAILED_STARTS
        others, self._jobs = self._jobs, {}
        # What was to be cancelled is at its end, whichever engine it was in.
        cancelled = [others.pop(name) for name in list(others) if others[name].cancelled]
        fallen = others.pop(culprit, None)
        words = self.tr("the engine stopped while it worked on this. {cause}")
        lost = self._questions.give_up(words.format(cause=text)) if asked else []
        self._set_state("dead")
        if restarting:
            self._spawn("restarting")
        else:
            self._watch.stop()
        for reply in lost:
            self.event.emit(reply)
        for job in cancelled:
            self._tell_end(job, "cancelled", self.tr("cancelled; the engine was replaced"))
        if fallen is not None:
            self._fallen[culprit] = fallen
            self._tell_end(fallen, "failed", text)
        for name, job in others.items():
            if restarting:
                self._continue(job)
            else:
                self._fallen[name] = job
                self._tell_end(job, "failed", text)
        if report:
            self.crashed.emit(
                Crash(
                    cause=text,
                    lines=tail,
                    job=culprit if fallen is not None else "",
                    resumed=tuple(others) if restarting else (),
                    restarting=restarting,
                )
            )

    def _continue(self, job: Job) -> None:
        start = msgspec.structs.replace(job.start, resume=True, paused=job.paused)
        self._jobs[start.job] = Job(start)
        self.send(start)
        if job.tuned:
            self.tune(start.job, job.tuned)

    def _tell_end(self, job: Job, state: Literal["cancelled", "failed"], text: str) -> None:
        name, folder = job.start.job, job.start.folder
        self.event.emit(JobState(job=name, state=state, text=text, folder=folder))

    def _clear_memory(self) -> None:
        self._slots.release_all()
        if self._board is not None:
            self._board.unlink()
            self._board = None

    def _set_state(self, state: str) -> None:
        if state != self._state:
            self._state = state
            self.state.emit(state)

    # --- what the threads bring ------------------------------------------------------

    def _take(self, line: Line, message: Message) -> None:
        if line is not self._line:
            return
        self._silence = 0.0
        if isinstance(message, Exception):
            self._lost(message)
        elif isinstance(message, str):
            text = self.tr("From the engine: {problem}").format(problem=message)
            self.event.emit(Log(level="warning", text=text))
        else:
            self._handle(message)

    def _show_lines(self) -> None:
        for words in self._output.lines():
            self.event.emit(words)

    def _show_output(self) -> None:
        for words in (*self._output.lines(), *self._output.unshown()):
            self.event.emit(words)

    def _handle(self, message: Event) -> None:
        match message:
            case Frame():
                self._show(message)
                return
            case Ready():
                if message.protocol != PROTOCOL:
                    self._lost(WrongProtocol(f"the engine speaks protocol {message.protocol}"))
                    return
                self._is_ready = True
                self._failed_starts = 0
                self.ready.emit(message)
            case Heartbeat():
                self._running = message.running
            case JobState():
                self._track(message)
            case Panels():
                if message.job in self._jobs:
                    for attach in self._slots.open(message):
                        self.send(attach)
            case Reply():
                if not self._questions.answered(message):
                    return
        self.event.emit(message)
        self._answering()

    def _show(self, message: Frame) -> None:
        if message.slot >= 0:
            shown = self._slots.read(message.job, message.panel)
            if shown is not None:
                self.frame.emit(message.job, message.panel, shown.array, shown.step, False)
            return
        try:
            array = inline_array(message)
        except (TypeError, ValueError) as error:
            self.event.emit(Log(level="warning", text=f"a frame cannot be read: {error}"))
            return
        self.frame.emit(message.job, message.panel, array, message.step, message.final)

    def _track(self, message: JobState) -> None:
        job = self._jobs.get(message.job)
        if job is None:
            return
        job.state = message.state
        if message.state == "paused" and message.field:
            # Its end could not be written: it waits for a person, cancelled or not.
            job.paused, job.cancelled, job.deadline = True, False, 0.0
        if message.state in OVER:
            del self._jobs[message.job]
            self._slots.release(message.job)

    # --- the watch -------------------------------------------------------------------

    def _answering(self) -> None:
        if not self._is_ready or self._line is None:
            return
        active = any(job.state in ("preparing", "running") for job in self._jobs.values())
        self._set_state("busy" if active else "ready")

    def _look(self) -> None:
        """Called by a timer: count the silence, and cancels without effect.

        Silence is counted in the window's own ticks, and a late tick counts as one. So
        the time in which the window itself slept (a closed laptop, a stopped process)
        is never held against the engine.
        """
        now = self._clock()
        tick = self._watch.interval() / 1000
        self._silence += min(now - self._looked, 2 * tick)
        self._looked = now
        self._show_output()
        limit = MISSED_BEATS * self._settings.heartbeat if self._is_ready else LOADING
        if self._silence > limit and self._line is not None:
            self._set_state("not answering")
        for name, job in self._jobs.items():
            if job.deadline and now > job.deadline:
                job.deadline = 0.0
                self.cancel_overdue.emit(name)
