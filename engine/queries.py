"""Questions that are answered between steps, without a run.

Of the same kind and channel only the newest is answered: while a slider moves, the
previews it asked for on its way are never computed.
"""

from __future__ import annotations

import tempfile
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import psutil
import torch

from engine import settings
from engine.discovery import installed
from engine.failures import explain
from engine.frames import QUESTION
from engine.guard import Guard
from engine.job import Runnable
from engine.messages import Blob, Event, Query, Reply, RunRequest, Start
from engine.method import BadInput, Method
from engine.plan import declaration, overruled, plan
from engine.runs import Run

#: The longer side of the thumbnail that ``load`` answers with, in pixels.
THUMBNAIL = 384


class Answer(NamedTuple):
    """``value`` is JSON; ``arrays`` are sent as blobs."""

    value: dict[str, Any]
    arrays: Mapping[str, npt.NDArray[Any]] = MappingProxyType({})


class Desk:
    """Takes questions as they come and answers one at a time.

    ``find`` gives the run of a job, for questions about what it shows. ``note`` is told
    ``QUESTION`` while one is answered, so that a crash can be laid at its door.
    """

    def __init__(
        self,
        emit: Callable[[Event], None],
        find: Callable[[str], Runnable | None],
        note: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._emit = emit
        self._find = find
        self._note = note
        self._waiting: dict[tuple[str, str], Query] = {}
        self._newest: dict[tuple[str, str], int] = {}
        self._kinds: dict[str, Callable[[dict[str, Any]], Answer]] = {
            "catalogue": _catalogue,
            "models": _models,
            "load": _load,
            "validate": _validate,
            "preview": _preview,
            "estimate": _estimate,
            "pixel": self._pixel,
        }

    def ask(self, query: Query) -> None:
        """Put a question on the desk, in place of an older one of its kind and channel."""
        key = query.kind, query.channel
        if query.generation >= self._newest.get(key, query.generation):
            self._newest[key] = query.generation
            self._waiting[key] = query

    def answer(self) -> bool:
        """Answer the oldest question; False if there is none."""
        if not self._waiting:
            return False
        query = self._waiting.pop(next(iter(self._waiting)))
        self._note(QUESTION)
        self._emit(self._reply(query))
        self._note("")
        return True

    def _reply(self, query: Query) -> Reply:
        reply = Reply(
            id=query.id, kind=query.kind, channel=query.channel, generation=query.generation
        )
        change = msgspec.structs.replace
        ask = self._kinds.get(query.kind)
        if ask is None:
            text = f"kind: {query.kind!r} is unknown (known: {', '.join(self._kinds)})"
            return change(reply, error=text, field="kind")
        try:
            value, arrays = ask(query.args)
        except Exception as error:  # noqa: BLE001 - no question may end the engine
            failure = explain(error)
            if failure.trace:
                traceback.print_exception(error)
            return change(reply, error=failure.text, field=failure.field)
        return change(reply, value=value, blobs={n: _blob(a) for n, a in arrays.items()})

    def _pixel(self, args: dict[str, Any]) -> Answer:
        """The value of ``panel`` of ``job`` at ``x`` and ``y``: of a picture in [0, 1]."""
        run = self._find(_text(args, "job"))
        if run is None:
            raise BadInput("job: it is not here any more", "job")
        pictures = run.pictures()
        panel = _text(args, "panel")
        if panel not in pictures:
            known = ", ".join(pictures) or "none"
            raise BadInput(f"panel: {panel!r} is unknown (known: {known})", "panel")
        picture = pictures[panel]
        column, row = _whole(args, "x", picture.shape[1]), _whole(args, "y", picture.shape[0])
        white = 255 if picture.dtype == np.uint8 else 1
        return Answer({"values": [float(v) / white for v in np.atleast_1d(picture[row, column])]})


def make_run(start: Start) -> Run:
    """The run of a ``Start``; one that never began cannot be resumed and begins."""
    folder = Path(start.folder)
    begun = (folder / "request.json").is_file()
    return Run(start.request, folder, resume=start.resume and begun)


def _catalogue(args: dict[str, Any]) -> Answer:
    return Answer({"catalogue": msgspec.to_builtins(installed().catalogue)})


def _models(args: dict[str, Any]) -> Answer:
    from engine.models import zoo

    return Answer({"models": msgspec.to_builtins(zoo.models())})


def _load(args: dict[str, Any]) -> Answer:
    """Look at a picture file: its facts and a thumbnail (height, width, 3) uint8."""
    from engine.data import pictures

    path = pictures.resolve(_text(args, "path"))
    picture = pictures.read_picture(path)
    rows, columns, _ = pictures.working_size(picture.height, picture.width, THUMBNAIL)
    small = pictures.resize(picture.tensor(), rows, columns)[0].permute(1, 2, 0)
    facts = {
        "path": str(path),
        "width": picture.width,
        "height": picture.height,
        "format": picture.format,
        "bits": picture.bits,
        "gray": picture.gray,
        "alpha": picture.alpha,
        "notes": list(picture.notes),
        "bytes": path.stat().st_size,
    }
    return Answer(facts, {"thumbnail": _shown(small)})


def _validate(args: dict[str, Any]) -> Answer:
    """What is wrong with ``params`` and ``problem`` of a method: field to line.

    ``unfit`` is why the method cannot work on such a problem; it is among the errors, too. With
    ``racing`` knobs under which its result cannot be compared are wrong.
    """
    method, bench = declaration(_text(args, "method"))
    params, problem = args.get("params") or {}, args.get("problem") or {}
    knobs = {field.name: field.default for field in settings.fields_of(method.params)}
    fixed = method.fixed_under(knobs | settings.flat(params))
    asked = settings.flat(problem)
    problem = {**asked, **fixed}
    wrong = settings.errors(method.params, params)
    unusable = settings.errors(bench.problem, problem) | overruled(fixed, bench, asked)
    wrong |= {f"problem.{name}": text for name, text in unusable.items()}
    unfit = ""
    if method.fits is not None and not wrong:
        try:
            method.fits(settings.make(method.params, params), settings.make(bench.problem, problem))
        except BadInput as error:
            why = str(error).removeprefix(f"{error.field}: ")
            unfit = f"{method.title} does not fit: {why}"
            # At a knob of its own a method need not be named.
            shared = error.field.startswith("problem.")
            wrong[error.field] = unfit if shared else why[:1].upper() + why[1:]
    if args.get("racing"):
        wrong = {**_not_comparable(method, params), **wrong}
    return Answer({"errors": wrong, "unfit": unfit})


def _not_comparable(method: Method, params: dict[str, Any]) -> dict[str, str]:
    """Knobs with which the result of a method answers another question than the bench's."""
    wrong = {}
    given = settings.flat(params)
    for field in settings.fields_of(method.params):
        value, allowed = given.get(field.name, field.default), method.answers_when.get(field.name)
        if allowed is not None and value not in allowed:
            titles = {choice.value: f"“{choice.title}”" for choice in field.choices}
            known = ", ".join(titles.get(v, str(v)) for v in allowed)
            wrong[field.name] = (
                f"“{field.title}” is set to {titles.get(value, value)}, whose result cannot be "
                f"compared with the others (allowed: {known}; or choose a preset)"
            )
    return wrong


def _preview(args: dict[str, Any]) -> Answer:
    """What there is to see before any run: of the problem, or of what the method works on."""
    agreed = plan(_request(args))
    guard = Guard(agreed.seeds["problem"], agreed.threads)
    with guard(draws=True), torch.no_grad():
        if agreed.method.preview is not None:
            pictures, facts = agreed.method.preview(agreed.params, agreed.context())
        else:
            pictures, facts = agreed.bench.preview(agreed.problem, agreed.context())
    return Answer(facts, {name: _shown(picture) for name, picture in pictures.items()})


def _estimate(args: dict[str, Any]) -> Answer:
    """Seconds and bytes that a run will take, measured on its first step."""
    process = psutil.Process()
    before = process.memory_info().rss
    with tempfile.TemporaryDirectory(prefix="priorbench-") as folder:
        run = Run(_request(args), Path(folder))
        began = time.perf_counter()
        run.prepare()
        prepared = time.perf_counter()
        update = run.advance()
        stepped = time.perf_counter()
        memory = max(process.memory_info().rss - before, 0)
        run.close("cancelled")
    steps = update.total
    each = stepped - prepared
    seconds = None if steps is None else (prepared - began) + each * max(steps, 1)
    return Answer({"seconds": seconds, "bytes": memory, "steps": steps, "seconds_per_step": each})


def _request(args: dict[str, Any]) -> RunRequest:
    try:
        return msgspec.convert(args, RunRequest)
    except msgspec.ValidationError as error:
        raise BadInput(f"request: {error}", "request") from error


def _shown(picture: Any) -> npt.NDArray[Any]:
    """A tensor or array (height, width, channels) as uint8, floats in [0, 1] being scaled."""
    array: npt.NDArray[Any]
    array = picture.numpy(force=True) if isinstance(picture, torch.Tensor) else np.asarray(picture)
    if array.dtype != np.uint8:
        array = (np.clip(array, 0.0, 1.0) * 255.0).round().astype(np.uint8)
    return array


def _blob(array: npt.NDArray[Any]) -> Blob:
    return Blob(tuple(array.shape), str(array.dtype), np.ascontiguousarray(array).tobytes())


def _text(args: dict[str, Any], name: str) -> str:
    value = args.get(name)
    if not isinstance(value, str) or not value:
        raise BadInput(f"{name}: {value!r} is given where a text is needed", name)
    return value


def _whole(args: dict[str, Any], name: str, size: int) -> int:
    value = args.get(name)
    if not isinstance(value, int | float) or not 0 <= value < size:
        raise BadInput(f"{name}: {value!r} is outside (allowed 0 to {size - 1})", name)
    return int(value)
