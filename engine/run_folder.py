"""The folder of one run: when it becomes the run's own, and what it says from then on."""

from __future__ import annotations

from pathlib import Path

import msgspec

from engine import records
from engine.ledger import Ledger
from engine.messages import RunRequest
from engine.method import BadInput
from engine.plan import Plan
from engine.records import Opening, Status


def resumable(folder: Path) -> RunRequest:
    """The request of a run that did not finish, to give to ``Run(..., resume=True)``.

    Raises:
        BadInput: no run began in ``folder``, or it has finished.
    """
    try:
        opening = records.read_opening(folder)
    except (OSError, msgspec.MsgspecError) as error:
        raise BadInput(f"resume: there is no run to go on with in {folder}", "resume") from error
    if opening.status == "finished":
        raise BadInput(f"resume: the run in {folder} has finished", "resume")
    return opening.request


class RunFolder:
    """Where one run is kept.

    An earlier run's results in it stay until ``begin``, which is called when nothing can
    be refused any more.

    Attributes:
        id: the run's name in the history; the folder's name unless one is given.
        created: when it began first, ISO 8601.
        begun: whether the folder is this run's, so that it may be written to.
    """

    def __init__(self, path: Path, plan: Plan, ledger: Ledger, id: str = "") -> None:
        self.path = path
        self.id = id or path.resolve().name
        self.created = records.now()
        self.begun = False
        self._plan, self._ledger = plan, ledger

    def enter(self, *, resume: bool) -> None:
        """Make sure that there is a folder; go on with the run in it, or begin in an empty one.

        Raises:
            BadInput: it cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if resume:
                self._go_on()
            elif not any((self.path / name).exists() for name in ("request.json", "run.json")):
                self.begin()
        except OSError as error:
            raise self._refusal(error) from error

    def begin(self) -> None:
        """Take the folder for a new run: what an earlier one left goes away.

        Raises:
            BadInput: it cannot be written.
        """
        if self.begun:
            return
        try:
            records.clear(self.path)
            self.say("running")
            self._ledger.open(self.path / "events.jsonl")
        except OSError as error:
            raise self._refusal(error) from error
        self.begun = True

    def say(self, status: Status) -> None:
        """Write ``request.json``. Raises ``OSError`` where it cannot be written."""
        opening = Opening(
            id=self.id,
            method=self._plan.request.method,
            title=self._plan.method.title,
            created=self.created,
            status=status,
            request=self._plan.request,
        )
        records.write_json(self.path / "request.json", opening)

    def _go_on(self) -> None:
        records.sweep(self.path)
        opening = records.read_opening(self.path)
        self.id, self.created = opening.id, opening.created
        # Its end is no longer true; should this process die, the run was interrupted.
        (self.path / "run.json").unlink(missing_ok=True)
        self.say("running")
        self.begun = True
        if not records.has_checkpoint(self.path):
            self._ledger.open(self.path / "events.jsonl")

    def _refusal(self, error: OSError) -> BadInput:
        reason = error.strerror or str(error)
        return BadInput(f"out: cannot write into {self.path} ({reason})", "out")
