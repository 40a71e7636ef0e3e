"""How long a person waits for each method: the first picture, a cancel, the end.

    python tests/benchmarks/waits.py [--method ID ...] [--whole]

Every method runs on its default preset and the bench's default picture (``--sample NAME``: on
another), driven by the client that the window uses. The engine is warm, as after
the first run of a day. A cancel is sent a second after the first picture; it counts until the
run is told to have stopped, its folder kept. ``--whole`` also runs every method to its end.

Exit code 1 if a first picture takes over 2 s, a cancel over 1 s, or a whole run over 60 s
whose preset does not say that it takes longer.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import psutil
from _common import CannotRun, fresh_home, table, until

from app.application import create
from app.engine_client import OVER, EngineClient
from engine.catalogue import MethodSpec
from engine.discovery import installed
from engine.messages import JobState, RunRequest

FIRST, CANCEL, KILLED, WHOLE = 2.0, 1.0, 3.0, 60.0


class Waiting:
    """One client, and when it heard what of the run it watches."""

    def __init__(self) -> None:
        self.client = EngineClient()
        self.client.event.connect(self._on_event)
        self.client.frame.connect(self._on_frame)
        self.client.crashed.connect(lambda _: self.lost.append(time.perf_counter()))
        self.client.ready.connect(lambda _: self.back.append(time.perf_counter()))
        self.lost: list[float] = []
        self.back: list[float] = []
        self.first = self.over = 0.0
        self.state = self.error = ""

    def _on_frame(self, job: str, panel: str, array: Any, step: int, final: bool) -> None:
        self.first = self.first or time.perf_counter()

    def _on_event(self, event: Any) -> None:
        if isinstance(event, JobState) and event.state in OVER:
            self.state, self.over, self.error = event.state, time.perf_counter(), event.text

    def start(self, request: RunRequest, folder: Path) -> tuple[str, float]:
        """Begin a run; its job and the seconds to its first picture."""
        self.first = self.over = 0.0
        self.state = ""
        folder.mkdir(parents=True)
        began = time.perf_counter()
        job = self.client.start_job(request, folder)
        until(lambda: self.first or self.state, "the first picture", 600)
        if self.state not in ("", "finished"):
            raise CannotRun(f"{request.method} ended as {self.state}: {self.error}")
        return job, self.first - began

    def cancelled(self, job: str) -> float | None:
        """Seconds from a cancel to the end; None if the run was over before."""
        pause = time.perf_counter() + 1.0
        until(lambda: time.perf_counter() > pause or self.state, "a second")
        if self.state:
            return None
        clicked = time.perf_counter()
        self.client.control(job, "cancel")
        until(lambda: self.state, "the end", 120)
        return self.over - clicked

    def ended(self) -> float:
        """Wait for the end of the run; when it was."""
        until(lambda: self.state, "the end of the run", 1800)
        return self.over

    def killed(self, request: RunRequest, folder: Path) -> tuple[float, float]:
        """Seconds from the engine's death to its cause being told, and to a new engine."""
        self.start(request, folder)
        self.lost, self.back = [], []
        victim = psutil.Process(self.client.pid)
        died = time.perf_counter()
        victim.kill()
        until(lambda: self.lost and self.back, "a new engine", 60)
        return self.lost[0] - died, self.back[0] - died


def requests(spec: MethodSpec, sample: str | None) -> RunRequest:
    """The default preset on the default problem."""
    inputs = {"picture": sample} if sample else {}
    return RunRequest(method=spec.id, params=dict(spec.presets[0].values), inputs=inputs)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--method", action="append", help="only this one (may be repeated)")
    parser.add_argument("--whole", action="store_true", help="also run to the end")
    parser.add_argument("--sample", help="a sample picture instead of the default one")
    args = parser.parse_args(argv)
    create()
    catalogue = installed().catalogue
    rows: list[tuple[str, ...]] = []
    missed = False
    with fresh_home(), tempfile.TemporaryDirectory() as scratch:
        waiting = Waiting()
        try:
            chosen = [m for m in catalogue.methods if not args.method or m.id in args.method]
            for number, spec in enumerate(chosen):
                wanted = requests(spec, args.sample)
                try:
                    if number == 0:
                        job, _ = waiting.start(wanted, Path(scratch, "warm"))
                        waiting.cancelled(job)
                    job, first = waiting.start(wanted, Path(scratch, f"{spec.id}-cancel"))
                    stopped = waiting.cancelled(job)
                    whole = None
                    if args.whole:
                        began = time.perf_counter()
                        waiting.start(wanted, Path(scratch, f"{spec.id}-whole"))
                        whole = waiting.ended() - began
                except CannotRun as error:
                    rows.append((spec.id, "-", "-", "-", str(error)))
                    missed = True
                    continue
                said = spec.presets[0].seconds or 0.0
                late = [
                    word
                    for word, over in (
                        ("first", first > FIRST),
                        ("cancel", (stopped or 0.0) > CANCEL),
                        ("whole", (whole or 0.0) > max(WHOLE, said)),
                    )
                    if over
                ]
                missed |= bool(late)
                rows.append(
                    (
                        spec.id,
                        f"{first:.2f}",
                        "over before" if stopped is None else f"{stopped:.2f}",
                        "-" if whole is None else f"{whole:.1f}",
                        f"says {said:g} s" + (f", LATE: {', '.join(late)}" if late else ""),
                    )
                )
            told, back = waiting.killed(requests(chosen[0], args.sample), Path(scratch, "killed"))
            missed |= max(told, back) > KILLED
        finally:
            waiting.client.stop()
    table(("method, default preset", "first s", "cancel s", "whole s", "verdict"), rows)
    verdict = "LATE" if max(told, back) > KILLED else "kept"
    print(f"\nengine killed: told after {told:.2f} s, a new one after {back:.2f} s: {verdict}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
