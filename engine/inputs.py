"""The files that a run reads: hashed for its record, and kept for its repetition."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from engine.method import BadInput
from engine.plan import Plan
from engine.records import InputRecord
from engine.store import Store, digest


class Inputs(NamedTuple):
    """Files by input, their entries in the record, and what a person should know."""

    files: dict[str, Path]
    records: dict[str, InputRecord]
    notes: list[str]


def keep(plan: Plan, before: Mapping[str, str]) -> Inputs:
    """Hash the inputs of a plan, and keep a copy of those that could move or change.

    Args:
        plan: what is about to run.
        before: input to the hash it had when the run began, for one that goes on. A file
            that has changed since is taken from the store.

    Raises:
        BadInput: a file has changed, and the store no longer has it as it was.
    """
    files: dict[str, Path] = {}
    records: dict[str, InputRecord] = {}
    notes: list[str] = []
    for name, path in plan.inputs.items():
        reference, found = plan.references[name], digest(path)
        files[name] = path
        if before.get(name, found) != found:
            kept = Store().get(before[name])
            if kept is None:
                text = f"{name}: {path} is no longer the file that this run began with"
                raise BadInput(text, f"inputs.{name}")
            found, files[name] = before[name], kept
        elif not reference.startswith(("sample:", "store:")):
            try:
                Store().put(path)
            except OSError as error:
                notes.append(f"the file {path.name} could not be kept for a repetition ({error})")
        records[name] = InputRecord(hash=found, path=reference)
    return Inputs(files, records, notes)
