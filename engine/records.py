"""The folder of one run: what is written when, so that no half-written run can be seen.

``request.json`` is there from the start, ``events.jsonl`` grows with every step,
``checkpoint.*`` lets a killed run go on, and ``run.json`` appears last, when every
output it names is in place. Every file is written under another name and renamed.
"""

from __future__ import annotations

import platform
import shutil
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

import msgspec

from engine.messages import RunRequest
from engine.store import Store

RECORD_SCHEMA = 1
#: Present while outputs are being written; a later run in the same folder removes it.
SAVING = ".saving"
THUMBNAIL = "thumbnail.png"
_LIBRARIES = (
    "priorbench",
    "torch",
    "numpy",
    "scipy",
    "scikit-image",
    "pillow",
    "onnxruntime",
    "diffusers",
)

Status = Literal["running", "finished", "cancelled", "failed", "interrupted"]


class InputRecord(msgspec.Struct, frozen=True):
    """A file that a run read: SHA-256 of its bytes, and where it was."""

    hash: str
    path: str


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The truth about a run, as ``run.json`` keeps it.

    ``params`` and ``problem`` are flat (dotted names), as at the start; ``events`` are
    ``[n, kind, value]``, sent with the n-th resume (counted from 0); ``seconds`` is time
    spent computing.
    """

    schema: int = RECORD_SCHEMA
    id: str
    method: str
    title: str
    created: str
    status: Status
    error: str = ""
    params: dict[str, Any] = {}
    problem: dict[str, Any] = {}
    inputs: dict[str, InputRecord] = {}
    priors: dict[str, str] = {}
    backend: str = "torch"
    device: str = "cpu"
    threads: int = 0
    seeds: dict[str, int] = {}
    versions: dict[str, str] = {}
    seconds: float = 0.0
    steps: int = 0
    events: list[tuple[int, str, Any]] = []
    metrics: dict[str, float] = {}
    curves: dict[str, list[tuple[int, float]]] = {}
    outputs: dict[str, str] = {}
    request: RunRequest


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """``request.json``: a run that began. Its ``status`` is ``running`` until it is closed."""

    schema: int = RECORD_SCHEMA
    id: str
    method: str
    title: str
    created: str
    status: Status = "running"
    request: RunRequest


def now() -> str:
    """This moment as ISO 8601 UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def versions() -> dict[str, str]:
    """The versions that a run's numbers depend on."""
    found = {"python": platform.python_version(), "platform": platform.platform()}
    for library in _LIBRARIES:
        for name in (library, f"{library}-gpu"):
            try:
                found[library] = metadata.version(name)
                break
            except metadata.PackageNotFoundError:
                continue
    return found


def write_json(path: Path, value: Any) -> None:
    """Write a struct or plain value so that ``path`` holds the old or the new text, whole."""
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(msgspec.json.format(msgspec.json.encode(value), indent=1))
    part.replace(path)


def read_opening(folder: Path) -> Opening:
    """The ``request.json`` of a folder.

    Raises:
        OSError: there is none.
        msgspec.MsgspecError: it is not one.
    """
    return msgspec.json.decode((folder / "request.json").read_bytes(), type=Opening)


def read_record(folder: Path) -> RunRecord:
    """The ``run.json`` of a folder.

    Raises:
        OSError: there is none (the run did not end, or not yet).
        msgspec.MsgspecError: it is not one.
    """
    return msgspec.json.decode((folder / "run.json").read_bytes(), type=RunRecord)


def has_checkpoint(folder: Path) -> bool:
    """Whether a run in this folder can go on from a saved state."""
    return (folder / "checkpoint.safetensors").is_file()


def clear(folder: Path) -> None:
    """Remove what an earlier run left in ``folder``; files that no run wrote stay."""
    try:
        earlier = list(read_record(folder).outputs.values())
    except (OSError, msgspec.MsgspecError):
        earlier = []
    # First what says that there is a run, so that an interruption leaves none.
    names = ("run.json", "request.json", "checkpoint.safetensors", "checkpoint.json")
    for name in (*names, "events.jsonl", THUMBNAIL, *(Path(n).name for n in earlier)):
        (folder / name).unlink(missing_ok=True)
    sweep(folder)


def sweep(folder: Path) -> None:
    """Remove what a killed run had not finished writing."""
    for name in (
        "run.json",
        "request.json",
        "checkpoint.safetensors",
        "checkpoint.json",
        THUMBNAIL,
    ):
        (folder / f"{name}.part").unlink(missing_ok=True)
    shutil.rmtree(folder / SAVING, ignore_errors=True)


def repetition(record: RunRecord) -> RunRequest:
    """The request that gives a run's numbers again: the same values, events and backend.

    Device and threads are pinned as well, for sums depend on them. An input is taken from
    the store, as it was then, where it is still kept.
    """
    inputs = {}
    for name, kept in record.inputs.items():
        sample = kept.path.startswith("sample:")
        stored = not sample and Store().get(kept.hash) is not None
        inputs[name] = f"store:{kept.hash}" if stored else kept.path
    return msgspec.structs.replace(
        record.request,
        params=record.params,
        problem=record.problem,
        inputs=inputs,
        device=record.device,
        backend=record.backend,
        threads=record.threads,
        replay=record.events,
    )
