"""The numbers and events of one run, in memory and as they come in ``events.jsonl``."""

from __future__ import annotations

import errno
import json
import os
from io import FileIO
from pathlib import Path
from typing import Any

from engine.events import recorded
from engine.messages import UserEvent


class Ledger:
    """Curves, metrics and events of a run.

    A disk that fills up does not stop the run: ``trouble`` then says so, once, and the
    numbers stay in memory, from where ``run.json`` gets them all.

    Attributes:
        curves: metric name to [(step, value), ...].
        metrics: the numbers of the present step.
        events: [(n, kind, value), ...], sent with the n-th resume.
    """

    def __init__(self) -> None:
        self.curves: dict[str, list[tuple[int, float]]] = {}
        self.metrics: dict[str, float] = {}
        self.events: list[tuple[int, str, Any]] = []
        self.trouble = ""
        self._file: FileIO | None = None

    def open(self, path: Path, keep: int = 0) -> None:
        """Go on after the first ``keep`` bytes of a file: read them, and drop the rest.

        Raises ``OSError`` where it cannot be written.
        """
        if keep and path.is_file():
            for line in path.read_bytes()[:keep].split(b"\n")[:-1]:
                entry = json.loads(line)
                if "event" in entry:
                    number, kind, value = entry["event"]
                    self.events.append((number, kind, value))
                else:
                    self._plot(entry["step"], entry["metrics"])
        self._file = path.open("ab", buffering=0)
        if self.size() > keep:
            self._file.truncate(keep)

    def observe(self, step: int, metrics: dict[str, float]) -> None:
        """The numbers of a step. Those of a step that is shown again replace the earlier."""
        self.metrics = metrics
        self._plot(step, metrics)
        self._write({"step": step, "metrics": metrics})

    def note(self, number: int, event: UserEvent) -> None:
        """An event that goes out with resume ``number``."""
        entry = (number, *recorded(event))
        self.events.append(entry)
        self._write({"event": entry})

    def size(self) -> int:
        """Bytes that ``open(path, keep)`` needs to come back to this moment."""
        return os.fstat(self._file.fileno()).st_size if self._file is not None else 0

    def close(self) -> None:
        """Close the file. Can be called again."""
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _plot(self, step: int, metrics: dict[str, float]) -> None:
        for name, value in metrics.items():
            curve = self.curves.setdefault(name, [])
            if curve and curve[-1][0] == step:
                curve.pop()
            curve.append((step, value))

    def _write(self, entry: dict[str, Any]) -> None:
        if self._file is None or self.trouble:
            return
        try:
            # Unbuffered: the line outlives a process that is killed next.
            line = json.dumps(entry, separators=(",", ":")).encode() + b"\n"
            if self._file.write(line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            self.trouble = f"events.jsonl cannot be written ({error.strerror or error})"
