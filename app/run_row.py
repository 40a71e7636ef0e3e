"""One run as the history shows it, read from the folder that the engine keeps for it.

The folder is the truth; the index is a copy for searching. ``window.json`` is the one
file in a run folder that the window writes: the name and the note a person gave, and
which process has the run computed.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import msgspec

from app import owners
from app.files import write_atomic
from app.folders import folders
from engine.messages import RunRequest

RECORD, REQUEST, WINDOW = "run.json", "request.json", "window.json"
#: A run that did not end; also what one that nobody computes shows instead of "running".
INTERRUPTED = "interrupted"
#: What of a record a repetition keeps to, beside events and inputs.
_PINNED = ("params", "problem", "backend", "device", "threads")
_UNDER_WAY = frozenset({"queued", "preparing", "running", "idle", "paused"})


class RunRow(msgspec.Struct, kw_only=True):
    """One run. ``seconds`` of computing; ``created`` ISO 8601 in UTC; ``owner`` from ``owners``.

    ``thumbnail`` is a file name inside ``folder``; ``name`` and ``note`` are a person's words.
    """

    id: str
    folder: str
    method: str = ""
    bench: str = ""
    title: str = ""
    status: str = ""
    created: str = ""
    seconds: float = 0.0
    seed: int = 0
    params: dict[str, Any] = {}
    problem: dict[str, Any] = {}
    inputs: dict[str, Any] = {}
    metrics: dict[str, float] = {}
    versions: dict[str, str] = {}
    thumbnail: str = ""
    name: str = ""
    note: str = ""
    owner: str = ""

    @property
    def path(self) -> Path:
        """The run folder."""
        return Path(self.folder)

    @property
    def heading(self) -> str:
        """What the run is called: a person's name for it, else method and picture."""
        if self.name:
            return self.name
        things = [input_name(value) for value in self.inputs.values()]
        return " · ".join([self.title or self.method, *(t for t in things if t)])

    @property
    def under_way(self) -> bool:
        """Whether the folder says that the run has not ended."""
        return self.status in _UNDER_WAY

    @property
    def live(self) -> bool:
        """Whether a living process computes this run now."""
        return self.under_way and owners.alive(self.owner)

    @property
    def shown_status(self) -> str:
        """The status with runs of dead engines told apart."""
        return INTERRUPTED if self.under_way and not self.live else self.status

    def text(self) -> str:
        """Everything that a search looks through, without regard to case."""
        words = [self.name, self.note, self.title, self.method, self.id, self.created[:10]]
        words += [input_name(value) for value in self.inputs.values()]
        words += [str(value) for value in flatten(self.problem).values() if isinstance(value, str)]
        return " ".join(words).casefold()


def input_name(value: Any) -> str:
    """The short name of an input: ``sample:astronaut`` and ``/a/astronaut.png`` are astronaut."""
    if isinstance(value, dict):
        value = value.get("reference") or value.get("path") or ""
    text = str(value)
    if text.startswith("sample:"):
        return text.removeprefix("sample:")
    return "" if text.startswith("store:") else Path(text).stem


def flatten(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested values under dotted names, as forms and the command line write them."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            flat |= flatten(value, f"{name}.")
        else:
            flat[name] = value
    return flat


def read_json(path: Path) -> dict[str, Any] | None:
    """The JSON object in a file, or None where there is none that can be read."""
    try:
        data = msgspec.json.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError):
        return None
    return data if isinstance(data, dict) else None


def read_folder(folder: Path) -> RunRow | None:
    """The run kept in ``folder``, or None where there is no readable run."""
    request = read_json(folder / REQUEST)
    record = read_json(folder / RECORD)
    if record is None and request is None:
        return None
    if record is not None:
        status = _text(record.get("status")) or "failed"
    else:
        # A record that cannot be read leaves the request: the run can at least be repeated.
        status = "failed" if (folder / RECORD).exists() else "running"
    data: dict[str, Any] = {}
    for part in (request, record):
        if part is not None:
            inner = part.get("request")
            data |= inner if isinstance(inner, dict) else {}
            data |= part
    window = read_json(folder / WINDOW) or {}
    asked = _table(data.get("request")).get("inputs")
    method = _text(data.get("method"))
    thumbnail = "thumbnail.png" if (folder / "thumbnail.png").is_file() else ""
    return RunRow(
        id=_text(data.get("id")) or folder.name,
        folder=str(folder),
        method=method,
        bench=method.partition(".")[0],
        title=_text(data.get("title")) or method,
        status=status,
        created=_text(data.get("created")),
        seconds=_number(data.get("seconds")),
        seed=_seed(data),
        params=_table(data.get("params")),
        problem=_table(data.get("problem")),
        # As it was asked for: a sample by its name, not by where it lies on this machine.
        inputs=_table(asked or data.get("inputs")),
        metrics=_numbers(data.get("metrics")),
        versions={k: str(v) for k, v in _table(data.get("versions")).items()},
        thumbnail=thumbnail,
        name=_text(window.get("name")),
        note=_text(window.get("note")),
        owner=_text(window.get("owner")),
    )


def write_window_part(row: RunRow) -> None:
    """Keep what only the window knows beside the run.

    Raises:
        OSError: the run folder cannot be written.
    """
    part = {"name": row.name, "note": row.note, "owner": row.owner}
    write_atomic(row.path / WINDOW, msgspec.json.encode(part))


def request_of(row: RunRow) -> RunRequest:
    """What to ask the engine for to make this run again.

    The record's own request where it can be read (with backend and replay), else what
    the row holds.
    """
    for name in (RECORD, REQUEST):
        whole = read_json(row.path / name)
        if whole is not None and isinstance(whole.get("request"), dict):
            try:
                return msgspec.convert(whole["request"], RunRequest)
            except msgspec.ValidationError:
                continue
    return RunRequest(
        method=row.method,
        params=row.params,
        problem=row.problem,
        inputs={k: v for k, v in row.inputs.items() if isinstance(v, str)},
        seed=row.seed,
    )


def checkpoint_params(folder: Path) -> dict[str, Any]:
    """The method's values as the newest checkpoint has them, dotted; empty where there is none.

    Live values that were moved during the run are the moved ones.
    """
    head = read_json(folder / "checkpoint.json") or {}
    return _table(_table(_table(head.get("scalars")).get("__run__")).get("params"))


def repeat_of(row: RunRow) -> RunRequest:
    """The request that gives this run's numbers again.

    Backend, device and threads are pinned, what a person did is replayed, and an input is
    taken from the store, as it was then, where it is still kept.
    """
    request = request_of(row)
    record = read_json(row.path / RECORD)
    if record is None:
        return request
    inputs = dict(request.inputs)
    for name, kept in _table(record.get("inputs")).items():
        sha256 = _text(_table(kept).get("hash"))
        sample = inputs.get(name, "").startswith("sample:")
        if sha256 and not sample and any(folders().store.glob(f"{sha256}*")):
            inputs[name] = f"store:{sha256}"
    pinned = {name: record[name] for name in _PINNED if name in record}
    whole = {**msgspec.to_builtins(request), **pinned, "inputs": inputs}
    whole["replay"] = record.get("events") or request.replay
    try:
        return msgspec.convert(whole, RunRequest)
    except msgspec.ValidationError:
        return request


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _numbers(value: Any) -> dict[str, float]:
    pairs = _table(value).items()
    return {k: float(v) for k, v in pairs if isinstance(v, int | float) and math.isfinite(v)}


def _seed(data: dict[str, Any]) -> int:
    seed = data.get("seed")
    # SQLite holds 64 bits.
    return seed if isinstance(seed, int) and abs(seed) < 2**63 else 0
