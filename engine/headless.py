"""A run without a window: made from a command line, driven to its end or to Ctrl-C."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple, TextIO

import msgspec

from engine.failures import Failure, explain
from engine.messages import RunRequest
from engine.method import BadInput
from engine.plan import declaration
from engine.progress import Progress
from engine.records import RunRecord, read_record, repetition
from engine.run_folder import resumable
from engine.runs import Run

#: Seconds between two checkpoints, so that a kill loses little.
CHECKPOINT_EVERY = 20.0
SUCCESS, FAILED, BAD_INPUT, STOPPED = 0, 1, 2, 130


class Ending(NamedTuple):
    """How a run ended: the exit code, its record if it has one, and what went wrong."""

    code: int
    record: RunRecord | None
    failure: Failure | None = None


def parse_set(text: str) -> tuple[str, str, str]:
    """``problem.blur.sigma=1.6`` as ``("problem", "blur.sigma", "1.6")``, else ``"params"``.

    Raises:
        BadInput: it is not ``key=value``.
    """
    key, equals, value = text.partition("=")
    key = key.strip()
    if not equals or not key or key.startswith(".") or key.endswith(".") or ".." in key:
        raise BadInput(f"--set: {text!r} is not key=value (as in steps=50)", "set")
    if key.startswith("problem."):
        return "problem", key.removeprefix("problem."), value.strip()
    return "params", key, value.strip()


def with_settings(request: RunRequest, texts: Sequence[str]) -> RunRequest:
    """The request with every ``key=value`` applied; of one key the last counts."""
    values: dict[str, dict[str, Any]] = {
        "problem": dict(request.problem),
        "params": dict(request.params),
    }
    for text in texts:
        scope, name, value = parse_set(text)
        values[scope][name] = value
    return msgspec.structs.replace(request, problem=values["problem"], params=values["params"])


def with_inputs(request: RunRequest, files: Sequence[str], masks: Sequence[str] = ()) -> RunRequest:
    """The request with files: ``NAME=FILE``, or ``FILE`` for the first input of its kind.

    Raises:
        BadInput: the bench takes no such file.
    """
    _, bench = declaration(request.method)
    inputs = dict(request.inputs)
    for kind, given in (("picture", files), ("mask", masks)):
        names = [spec.name for spec in bench.inputs if spec.kind == kind]
        every = [spec.name for spec in bench.inputs]
        for text in given:
            name, equals, file = text.partition("=")
            if not (equals and name in every):
                if not names:
                    raise BadInput(f"{kind}: {request.method} takes none", f"inputs.{kind}")
                name, file = names[0], text
            named = file.startswith(("sample:", "store:"))
            # The folder of a run must make sense from anywhere.
            inputs[name] = file if named else str(Path(file).expanduser().absolute())
    return msgspec.structs.replace(request, inputs=inputs)


def repeated(method: str, folder: Path) -> RunRequest:
    """The request that repeats the run in ``folder``.

    Raises:
        BadInput: there is no record of a run of ``method``.
    """
    try:
        record = read_record(folder)
    except (OSError, msgspec.MsgspecError) as error:
        raise BadInput(f"repeat: there is no record of a run in {folder}", "repeat") from error
    if record.method != method:
        raise BadInput(f"repeat: the run in {folder} is one of {record.method}", "repeat")
    return repetition(record)


def to_resume(method: str, folder: Path) -> RunRequest:
    """The request of the run of ``method`` that ``folder`` can go on with.

    Raises:
        BadInput: there is none.
    """
    request = resumable(folder)
    if request.method != method:
        raise BadInput(f"resume: the run in {folder} is one of {request.method}", "resume")
    return request


class Stop:
    """Set by Ctrl-C (or a polite kill): the run ends after its present step."""

    def __init__(self) -> None:
        self.asked = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """The signal handler. A second signal does not wait for the step."""
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True


@contextmanager
def stoppable() -> Iterator[Stop]:
    """While this is open, SIGINT and SIGTERM only ask."""
    stop = Stop()
    before = {n: signal.signal(n, stop) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def drive(
    request: RunRequest, folder: Path, stream: TextIO, stop: Stop, *, resume: bool = False
) -> Ending:
    """Run to the end, telling progress on ``stream``. Idle without a person, it ends.

    Raises:
        BadInput: the request is refused before anything is written.
    """
    run = Run(request, folder, resume=resume)
    progress = Progress(stream)
    try:
        update = run.prepare()
        progress.show(update.step, update.total)
        due = time.monotonic() + CHECKPOINT_EVERY
        while update.kind != "done" and not run.waiting and not stop.asked:
            update = run.advance()
            progress.show(update.step, update.total)
            if time.monotonic() >= due:
                _save(run)
                due = time.monotonic() + CHECKPOINT_EVERY
        progress.show(update.step, update.total, last=True)
        ended = update.kind == "done" or run.waiting
        record = run.close("finished" if ended else "cancelled")
    except KeyboardInterrupt:
        return Ending(STOPPED, run.close("cancelled"))
    except Exception as error:  # noqa: BLE001 - whatever a method raises becomes a sentence
        return _failed(run, error)
    finally:
        for note in run.notes:
            stream.write(f"note: {note}\n")
    return Ending(SUCCESS if ended else STOPPED, record)


def _save(run: Run) -> None:
    """A checkpoint on the way; a full disk must not end the run."""
    try:
        run.checkpoint()
    except OSError as error:
        note = f"the run could not be saved on the way: {explain(error).text}"
        if note not in run.notes:
            run.notes.append(note)


def _failed(run: Run, error: Exception) -> Ending:
    failure = explain(error)
    error.__traceback__ = None
    refused = isinstance(error, BadInput)
    try:
        record = run.close("failed", failure.text)
    except Exception as second:  # noqa: BLE001 - the first error is the one to tell
        record = None
        if not refused:
            run.notes.append(f"the run left no record ({second})")
    return Ending(BAD_INPUT if refused else FAILED, record, failure)
