"""What it costs to be driven live: engine process, queue, frames and drawing over the bare loop.

    python tests/benchmarks/live_driving.py [--steps 40] [--threads 1]

One method on one picture does the same fixed work in four ways, which take turns: its
generator alone, the generator with every state measured (PSNR, SSIM, mismatch: the numbers a
person asked to see, which cost the same however it is driven), a ``Run`` without a window,
and the engine process with every frame drawn. Seconds count from the first step to the last,
so no start is in them. Being driven live costs the last over the second; the ratio says
something for steps of 50 ms or more. Exit code 1 if it is above the bar.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import torch
from _common import CannotRun, fresh_home, table, until
from PySide6.QtWidgets import QApplication

from app.application import create
from app.engine_client import OVER, EngineClient
from engine import seeds
from engine.inputs import keep
from engine.messages import JobState, Metrics, RunRequest
from engine.method import BadInput
from engine.plan import plan
from engine.runs import Run
from widgets.image_view import ImageStage

#: Largest cost of queue, frames and drawing over the measured generator.
BAR = 1.05
#: Knobs that keep a method from stopping early.
STEADY = {"restoration.total_variation": {"tolerance": 1e-5}}


def request(args: argparse.Namespace, steps: int) -> RunRequest:
    return RunRequest(
        method=args.method,
        params={"steps": steps, **STEADY.get(args.method, {})},
        problem={"working_size": args.size, "noise": 0.1},
        inputs={"picture": args.picture},
        device="cpu",
        threads=args.threads,
    )


def bare(wanted: RunRequest, *, measured: bool = False) -> tuple[float, int]:
    """Seconds from the first state to the last, and the steps between, of the generator alone.

    ``measured`` also takes the numbers of every state.
    """
    agreed = plan(wanted)
    agreed.inputs.update(keep(agreed, {}).files)
    torch.set_num_threads(wanted.threads)
    problem = agreed.bench.build(agreed.problem, agreed.context())
    rng = seeds.generator(agreed.seeds["method"])
    generator = agreed.method.solve(problem, agreed.params, rng, None)
    first = last = next(generator)
    began = time.perf_counter()
    with contextlib.suppress(StopIteration):
        while True:
            last = generator.send(())
            if measured:
                agreed.bench.observe(problem, last)
    return time.perf_counter() - began, last.step - first.step


def headless(wanted: RunRequest, folder: Path) -> tuple[float, int]:
    """The same of a ``Run``, which measures and records every step."""
    run = Run(wanted, folder)
    first = at = run.prepare()
    began = time.perf_counter()
    while at.kind != "done":
        at = run.advance()
    took = time.perf_counter() - began
    run.close("finished")
    return took, at.step - first.step


class Watcher:
    """A client that draws what it is sent."""

    def __init__(self) -> None:
        self.client = EngineClient()
        self.stage = ImageStage()
        self.stage.resize(900, 700)
        self.stage.show()
        self.times: list[tuple[int, float]] = []
        self.end = ""
        self.frames = 0
        self.client.event.connect(self._on_event)
        self.client.frame.connect(self._on_frame)

    def _on_event(self, event: Any) -> None:
        if isinstance(event, Metrics):
            self.times.append((event.step, time.perf_counter()))
        elif isinstance(event, JobState):
            self.end = event.state if event.state in OVER else self.end

    def _on_frame(self, job: str, panel: str, array: Any, step: int, final: bool) -> None:
        self.frames += 1
        self.stage.set_picture(panel, array, panel)

    def live(self, wanted: RunRequest, folder: Path) -> tuple[float, int]:
        """The same as this process hears it from the engine."""
        self.times, self.end = [], ""
        folder.mkdir(parents=True)
        self.client.start_job(wanted, folder)
        until(lambda: self.end, "the end of the run", 600)
        if self.end != "finished" or len(self.times) < 2:
            raise CannotRun(f"the run ended as {self.end!r}")
        (first, began), (last, ended) = self.times[0], self.times[-1]
        return ended - began, last - first


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--method", default="restoration.total_variation")
    parser.add_argument("--picture", default="sample:hubble")
    parser.add_argument("--size", type=int, default=1024, help="working size in pixels")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1, help="of torch, in every way")
    args = parser.parse_args(argv)
    create()
    names = ("bare generator", "measured generator", "headless Run", "live, drawn")
    ways: dict[str, list[float]] = {name: [] for name in names}
    with fresh_home(), tempfile.TemporaryDirectory() as scratch:
        watcher = Watcher()
        try:
            watcher.live(request(args, 2), Path(scratch, "first"))
            bare(request(args, 2))
            watcher.frames = 0
            wanted = request(args, args.steps)
            for number in range(args.rounds):
                runs = (
                    bare(wanted),
                    bare(wanted, measured=True),
                    headless(wanted, Path(scratch, f"run-{number}")),
                    watcher.live(wanted, Path(scratch, f"live-{number}")),
                )
                for name, (took, steps) in zip(ways, runs, strict=True):
                    ways[name].append(1000 * took / steps)
        except (BadInput, CannotRun) as error:
            print(error, file=sys.stderr)
            return 2
        finally:
            watcher.client.stop()
            watcher.stage.close()
            QApplication.processEvents()
    print(
        f"{args.method}, {args.picture}, {args.steps} steps, {args.threads} threads, "
        f"{watcher.frames / args.rounds:.0f} frames drawn per run, median of {args.rounds} rounds"
    )
    rows = []
    for name, took in ways.items():
        # Neighbors in time are compared, as the machine's speed drifts.
        ratios = [
            median(mine / theirs for mine, theirs in zip(took, ways[base], strict=True))
            for base in names[:2]
        ]
        rows.append((name, f"{median(took):.1f}", *(f"{ratio:.3f}" for ratio in ratios)))
    table(("way", "ms/step", "over bare", "over measured"), rows)
    return 0 if ratios[-1] <= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
