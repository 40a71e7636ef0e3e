"""One run, driven step by step: the command line and the engine process drive exactly this.

A ``Run`` turns a request into a primed generator, sends it what a person does, collects
the numbers, and keeps the folder from which the run can be resumed, repeated and shown.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError

from engine import records, seeds
from engine.cuda import InFlight
from engine.events import coalesced, recorded, replayed
from engine.failures import out_of_memory
from engine.guard import Guard
from engine.inputs import keep
from engine.ledger import Ledger
from engine.messages import PanelShape, RunRequest, Tune, UserEvent
from engine.method import BadInput, Idle, Paced, Settings, Solver, State, Used, Yield
from engine.outputs import Outputs, as_numbers, as_picture
from engine.plan import plan
from engine.records import InputRecord, RunRecord, Status
from engine.run_folder import RunFolder, resumable
from engine.settings import dump, make, retuned

#: Under this name a checkpoint's scalars hold the driver's part of the state.
_DRIVER = "__run__"


class Update(NamedTuple):
    """What one ``advance`` did. ``total`` is None where there is no end.

    ``rest`` is how many seconds the next step is to wait for, unless something happens; ``moved``
    are live values that the method itself has changed, as a hand on a picture told it to.
    """

    kind: Literal["step", "idle", "done"]
    step: int
    total: int | None
    metrics: dict[str, float]
    rest: float = 0.0
    moved: Mapping[str, Any] = MappingProxyType({})


class OutOfMemory(MemoryError):
    """Memory ran out; ``suggestion`` maps dotted fields to values that need less."""

    def __init__(self, text: str, suggestion: dict[str, Any]) -> None:
        super().__init__(text)
        self.suggestion = suggestion


class Run:
    """One run in one folder.

    ``prepare`` once, ``advance`` until it says ``done``, ``close`` at last. Whatever the
    method raises comes through; the run can then only be closed.

    Args:
        request: what to run.
        folder: where it is kept; an earlier run's files in it are replaced, unless
        resume: goes on from the checkpoint in ``folder``, or, if the run was killed before
            the first one, from the start.
        id: the run's name in the history; the folder's name if empty.

    Raises:
        BadInput: something in the request is refused, or there is nothing to resume.
    """

    def __init__(
        self, request: RunRequest, folder: Path, *, resume: bool = False, id: str = ""
    ) -> None:
        if resume and resumable(folder).method != request.method:
            raise BadInput(
                f"resume: the run in {folder} is one of {resumable(folder).method}", "resume"
            )
        self.folder = folder
        self.plan = plan(request, resume=resume)
        #: What a person should know, oldest first: the driver of the run may empty it.
        self.notes: list[str] = []
        #: What a person did since the last ``advance``; a checkpoint keeps it.
        self.pending: list[UserEvent] = []
        self.seconds = 0.0
        self.ledger = Ledger()
        self._kept = RunFolder(folder, self.plan, self.ledger, id)
        self._resume = resume
        self._params: Settings = self.plan.params
        self._guard = Guard(self.plan.seeds["method"], self.plan.threads)
        self._rng = seeds.generator(self.plan.seeds["method"])
        self._flight = InFlight(self.plan.device)
        self._replay = sorted(request.replay, key=lambda event: event[0])
        self._problem: Any = None
        self._generator: Solver | None = None
        self._state: State | None = None
        self._inputs: dict[str, InputRecord] = {}
        self._resumes = 0
        self._idle = self._done = False
        self._rest = 0.0
        self._warned: set[str] = set()
        self._moved: dict[str, Any] = {}
        # False while the generator computes: a state it was thrown out of is not whole.
        self._whole = False

    # --- driving -------------------------------------------------------------------------

    def prepare(self) -> Update:
        """Load the inputs, build the problem, and prime the generator or resume it.

        Raises:
            BadInput: an input or a combination of values is refused, or the folder cannot
                be written.
            OutOfMemory: the problem does not fit.

        Whatever it raises, the folder then says that the run failed; one that holds an
        earlier run stays as it was.
        """
        try:
            return self._prepare()
        except BaseException as error:
            # Who drives the run may not have got hold of it yet, so it ends itself.
            with contextlib.suppress(Exception):
                failed = isinstance(error, Exception)
                self.close("failed" if failed else "cancelled", str(error))
            self.release()
            raise

    def advance(self, events: Iterable[UserEvent] = ()) -> Update:
        """Resume the generator once, with ``pending`` and ``events``: what a person did.

        Values of live fields come first and as one event, clicks and strokes after them in
        their order. An idle run without events is left alone.

        Raises:
            BadInput: a value is refused; nothing was sent, and the run can go on.
            OutOfMemory: the step did not fit.
        """
        if self._generator is None:
            raise RuntimeError("the run is not prepared, or it is closed")
        pending, self.pending = self.pending, []
        values, sent = coalesced([*self._replayed(), *pending, *events])
        if self._done or (self._idle and not values and not sent):
            return self._update()
        if values:
            update = retuned(self._params, values)
            self._params = self._params.model_copy(update=update)
            self.ledger.note(self._resumes, Tune(values))
            sent.insert(0, Tune(update))
        for event in sent:
            if not isinstance(event, Tune):
                self.ledger.note(self._resumes, event)
        self._resumes += 1
        began = time.perf_counter()
        self._whole = False
        with self._memory_judged(), self._guard():
            self._flight.wait()
            try:
                yielded = self._generator.send(tuple(sent))
            except StopIteration:
                self._done, self._idle = True, False
            else:
                self._flight.mark()
                self._take(yielded)
        self._whole = True
        self._warn()
        self.seconds += time.perf_counter() - began
        return self._update()

    def refuses(self, event: UserEvent) -> str:
        """Why an event would be refused, as one line; empty if it is welcome."""
        try:
            if isinstance(event, Tune):
                retuned(self._params, event.values)
        except BadInput as error:
            return str(error)
        return ""

    def pictures(self) -> dict[str, NDArray[Any]]:
        """The image panels of the present state: panel to (height, width, 3) uint8, or to float32
        (height, width) where it has a scale.

        After them its plot panels: panel to (1 + series, points) float32, positions first; and its
        bars: panel to (2, series) float32, values and marks.
        """
        if self._state is None:
            return {}
        with self._guard(), torch.no_grad(), self._flight.copying():
            shown = dict(self.plan.bench.pictures(self._problem, self._state))
            for panel in self.plan.method.panels:
                tensor = self._state.tensors.get(panel.name)
                if panel.kind == "image" and panel.name not in shown and tensor is not None:
                    numbers = panel.scale is not None
                    shown[panel.name] = as_numbers(tensor) if numbers else as_picture(tensor)
                if panel.kind in ("plot", "bars") and tensor is not None:
                    shown[panel.name] = tensor.float()
            return {name: np.ascontiguousarray(t.cpu().numpy()) for name, t in shown.items()}

    def panels(self) -> tuple[PanelShape, ...]:
        """The image panels and the sizes of their pictures."""
        return tuple(
            PanelShape(name, tuple(picture.shape), str(picture.dtype))
            for name, picture in self.pictures().items()
        )

    @property
    def state(self) -> State:
        """The present state, borrowed: valid until the next ``advance``."""
        if self._state is None:
            raise RuntimeError("the run is not prepared, or it is closed")
        return self._state

    @property
    def params(self) -> dict[str, Any]:
        """The method's knobs as they are now, as flat JSON values."""
        return dump(self._params)

    @property
    def waiting(self) -> bool:
        """Whether nothing will happen without a person: idle, and nothing left to send."""
        replays = any(turn == self._resumes for turn, _, _ in self._replay)
        return self._idle and not self.pending and not replays

    @property
    def curves(self) -> dict[str, list[tuple[int, float]]]:
        """The numbers of all steps so far: metric to [(step, value), ...]."""
        return self.ledger.curves

    @property
    def leaks(self) -> list[str]:
        """Thread-wide modes that the method left open across a yield, in words."""
        return self._guard.leaks

    # --- keeping -------------------------------------------------------------------------

    def checkpoint(self) -> None:
        """Save ``checkpoint.{safetensors,json}``, from which a new process goes on.

        Raises ``OSError`` where it cannot be written; the earlier one is then still whole.
        """
        if self._state is None or not self._whole:
            return
        driver = {
            "method": self.plan.request.method,
            "resumes": self._resumes,
            "idle": self._idle,
            "done": self._done,
            "seconds": self.seconds,
            "params": dump(self._params),
            "metrics": self.ledger.metrics,
            "events_bytes": self.ledger.size(),
            "inputs": {name: kept.hash for name, kept in self._inputs.items()},
            "pending": [recorded(event) for event in self.pending],
        }
        state = replace(self._state, scalars={**self._state.scalars, _DRIVER: driver})
        state.save(self.folder / "checkpoint", self._rng)

    def close(self, status: Status, error: str = "") -> RunRecord:
        """Save the outputs and the record, and end the generator.

        A cancelled or interrupted run keeps a checkpoint to resume from. All have one while
        the outputs are written, so that nothing is lost with a process that is killed then.

        Raises ``OSError`` where the folder cannot be written: the run can be closed again.
        One that did not come so far that the folder is its own writes nothing.
        """
        if not self._kept.begun:
            self.release()
            return self.record(status, error=error)
        if status in ("cancelled", "interrupted"):
            self.checkpoint()
        elif status == "finished":
            # Without it a disk may just have room for the outputs.
            with contextlib.suppress(OSError):
                self.checkpoint()
        if status == "interrupted":
            # The window closes and may not wait for the outputs.
            self._write_record(status)
        outputs = Outputs(self.folder)
        try:
            self._save(outputs)
        except OSError:
            raise
        except Exception as failure:
            if status in ("finished", "interrupted"):
                raise
            # It did not end well, so its last state may be one that cannot be shown.
            self.notes.append(f"the last state could not be saved ({failure})")
        record = self._write_record(status, outputs.names, error)
        if status == "finished":
            for suffix in ("safetensors", "json"):
                (self.folder / f"checkpoint.{suffix}").unlink(missing_ok=True)
        self.release()
        return record

    def _write_record(
        self, status: Status, outputs: dict[str, str] | None = None, error: str = ""
    ) -> RunRecord:
        record = self.record(status, outputs, error)
        records.write_json(self.folder / "run.json", record)
        self._kept.say(status)
        return record

    def release(self) -> None:
        """End the generator and let go of everything; the folder stays as it is."""
        generator, self._generator = self._generator, None
        if generator is not None:
            with self._guard(draws=True):
                try:
                    generator.close()
                except Exception as error:  # noqa: BLE001 - the run is over and on record
                    self.notes.append(f"the method did not end cleanly ({error})")
        self.ledger.close()
        self._problem = self._state = None
        self._flight.clear()

    def record(
        self, status: Status, outputs: dict[str, str] | None = None, error: str = ""
    ) -> RunRecord:
        """The truth about the run so far."""
        agreed, request = self.plan, self.plan.request
        backend = "torch" if request.backend == "auto" else request.backend
        used = Used(backend=backend)
        if agreed.bench.used is not None and self._problem is not None:
            used = agreed.bench.used(self._problem)
        return RunRecord(
            id=self._kept.id,
            method=request.method,
            title=agreed.method.title,
            created=self._kept.created,
            status=status,
            error=error,
            params=dump(agreed.params),
            problem=dump(agreed.problem),
            inputs=self._inputs,
            priors=used.priors,
            backend=used.backend,
            device=agreed.device,
            threads=agreed.threads or torch.get_num_threads(),
            seeds={"seed": request.seed, **agreed.seeds},
            versions=records.versions(),
            seconds=round(self.seconds, 3),
            steps=self._state.step if self._state is not None else 0,
            events=self.ledger.events,
            metrics=self.ledger.metrics,
            curves=self.ledger.curves,
            outputs=outputs or {},
            request=request,
        )

    # --- inside --------------------------------------------------------------------------

    def _prepare(self) -> Update:
        began = time.perf_counter()
        self._kept.enter(resume=self._resume)
        state = self._load() if self._resume else None
        inputs = keep(self.plan, {name: kept.hash for name, kept in self._inputs.items()})
        self.plan = replace(self.plan, inputs=inputs.files)
        self._inputs = inputs.records
        self.notes += inputs.notes
        request, method = self.plan.request, self.plan.method
        was_idle = self._idle
        with self._memory_judged(), self._guard(draws=True):
            self._problem = self.plan.bench.build(self.plan.problem, self.plan.context())
            self._generator = method.solve(self._problem, self._params, self._rng, state)
            first = next(self._generator, None)
            if first is None:
                raise RuntimeError(f"{request.method} ended before it yielded a state")
            self._kept.begin()
            self._take(first, known=state is not None)
        if state is not None:
            # One that was idle waits again, whether or not its method says so at once.
            self._idle = was_idle
        self._whole = True
        self.seconds += time.perf_counter() - began
        return self._update()

    def _load(self) -> State | None:
        """The state to resume from, the driver's part of it put in place."""
        if not records.has_checkpoint(self.folder):
            return None
        try:
            state = State.load(self.folder / "checkpoint", self._rng, self.plan.device)
            driver = state.scalars.pop(_DRIVER)
        except (OSError, KeyError, TypeError, ValueError, SafetensorError) as error:
            raise BadInput(f"resume: the checkpoint is damaged ({error})", "resume") from error
        self._params = make(self.plan.method.params, driver["params"])
        self._resumes, self._done = driver["resumes"], driver["done"]
        self._idle = driver["idle"]
        self.pending = [replayed(kind, value) for kind, value in driver.get("pending", [])]
        self.seconds, self.ledger.metrics = driver["seconds"], driver["metrics"]
        self._inputs = {n: InputRecord(hash=h, path="") for n, h in driver["inputs"].items()}
        self.ledger.open(self.folder / "events.jsonl", driver["events_bytes"])
        return state

    def _replayed(self) -> list[UserEvent]:
        """The events of an earlier run that belong to the next resume."""
        return [replayed(kind, v) for turn, kind, v in self._replay if turn == self._resumes]

    def _take(self, yielded: Yield, *, known: bool = False) -> None:
        """Look at what the method yielded; ``known`` if its numbers are on record already."""
        self._idle = isinstance(yielded, Idle)
        self._rest = yielded.seconds if isinstance(yielded, Paced) else 0.0
        self._state = yielded if isinstance(yielded, State) else yielded.state
        if knobs := self._state.scalars.get("knobs"):
            self._follow(knobs)
        if known:
            return
        with torch.no_grad():
            seen = dict(self.plan.bench.observe(self._problem, self._state))
        for panel in self.plan.method.panels:
            for series in panel.series:
                value = self._state.scalars.get(series.metric)
                if isinstance(value, int | float):
                    seen.setdefault(series.metric, float(value))
        finite = {name: float(v) for name, v in seen.items() if math.isfinite(v)}
        self.ledger.observe(self._state.step, finite)

    def _follow(self, knobs: dict[str, Any]) -> None:
        """Let the run's values be what the method says of them, and note what has changed."""
        known = dump(self._params)
        self._moved = {name: value for name, value in knobs.items() if known.get(name) != value}
        if self._moved:
            update = retuned(self._params, self._moved)
            self._params = self._params.model_copy(update=update)

    def _warn(self) -> None:
        told = [f"{self.plan.request.method} leaves its {leak} set" for leak in self._guard.leaks]
        for text in (*told, *filter(None, [self.ledger.trouble])):
            if text not in self._warned:
                self._warned.add(text)
                self.notes.append(text)

    def _save(self, outputs: Outputs) -> None:
        if self._state is None:
            return
        with self._guard(draws=True), torch.no_grad():
            outputs.save(self.plan.bench, self._problem, self._state)
        if pictures := self.pictures():
            outputs.thumbnail(self.plan.bench.thumbnail, pictures)

    @contextlib.contextmanager
    def _memory_judged(self) -> Iterator[None]:
        """Turn running out of memory into a sentence with a smaller suggestion."""
        try:
            yield
        except Exception as error:
            if not out_of_memory(error):
                raise
            # The traceback's frames hold the very tensors that filled the memory.
            error.__traceback__ = None
            suggestion = self.plan.smaller()
            values = ", ".join(f"{name} = {value}" for name, value in suggestion.items())
            how = f"try {values or 'a smaller problem'}"
            text = f"There was not enough memory on {self.plan.device}; {how}."
            raise OutOfMemory(text, suggestion) from None

    def _update(self) -> Update:
        assert self._state is not None
        kind: Literal["step", "idle", "done"]
        kind = "done" if self._done else "idle" if self._idle else "step"
        rest = self._rest if kind == "step" else 0.0
        moved, self._moved = self._moved, {}
        state, metrics = self._state, self.ledger.metrics
        return Update(kind, state.step, state.total, metrics, rest, moved)
