"""The map's share of the engine: how often it answers a drag, and what decoding costs.

    python tests/benchmarks/map_engine.py [--generator digits-map] [--seconds 6]

Without window and process: the scheduler drives the map, and a hand sends it a move every 8 ms.
First nothing else runs, then a training takes its turns as well, whose steps a second are
compared with those that it takes alone. What is drawn counts, in pictures a second, and its age
since the move it belongs to. Then ONNX Runtime against eager torch for the decoder, as ratios of
medians that take turns. Exit code 1 where the map answers less often than the bars ask for.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import torch
from _common import table

from engine.jobs import Scheduler
from engine.messages import Frame, JobState, Pointer, Progress, RunRequest, Send, Start
from engine.method import BadInput
from engine.queries import make_run
from engine.traversal import sources
from engine.traversal.decoding import FastDecoder

#: Answers a second alone and beside a training, and the least share of the training's own speed.
ALONE, BESIDE, SHARE = 30.0, 15.0, 0.10
#: Seconds between two moves, and of one circle on the map.
MOVE, CIRCLE = 0.008, 2.0
TRAINING = "traversal.latent_quantization"


class Desk:
    """A scheduler, and what comes out of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.scheduler = Scheduler(make_run, self.take)
        self.states: dict[str, str] = {}
        self.steps: dict[str, int] = {}
        #: When the newest move was made, and how old pictures were when they came.
        self.moved = 0.0
        self.ages: list[float] = []

    def take(self, event: Any) -> None:
        if isinstance(event, JobState):
            self.states[event.job] = event.state
            if event.state == "failed":
                raise BadInput(f"{event.job}: {event.text}")
        elif isinstance(event, Progress):
            self.steps[event.job] = event.step
        elif isinstance(event, Frame) and event.panel == "picture" and self.moved:
            self.ages.append(time.perf_counter() - self.moved)

    def start(self, job: str, method: str, problem: dict[str, Any], priority: Any) -> None:
        request = RunRequest(method=method, problem=problem)
        folder = str(self.folder / job)
        self.scheduler.command(Start(job=job, request=request, folder=folder, priority=priority))
        while self.states.get(job) not in ("running", "idle"):
            self.scheduler.turn()
        for _ in range(20):
            self.scheduler.turn()

    def work(self, seconds: float, hand: bool) -> float:
        """Let all jobs work; with a ``hand`` that circles on the map. Returns the real seconds."""
        began = due = time.perf_counter()
        self.ages.clear()
        if hand:
            self.send("press", 0.0)
        while (now := time.perf_counter()) < began + seconds:
            if hand and now >= due:
                # Moves that came due during a long step come at once, as they would from a pipe.
                while due <= now:
                    self.send("move", due - began)
                    due += MOVE
            if not self.scheduler.turn():
                time.sleep(min(0.001, max(0.0, due - time.perf_counter())))
        self.moved = 0.0
        if hand:
            self.send("release", seconds)
        return time.perf_counter() - began

    def send(self, phase: Any, at: float) -> None:
        turn = 2 * math.pi * at / CIRCLE
        x, y = 240 + 150 * math.cos(turn), 240 + 150 * math.sin(turn)
        # At rest before it is let go, so that nothing glides on.
        seconds = at + (1.0 if phase == "release" else 0.0)
        self.scheduler.command(Send("map", Pointer("map", phase, x, y, seconds=seconds)))
        self.moved = time.perf_counter()


def drags(generator: str, seconds: float, folder: Path) -> tuple[list[tuple[str, ...]], bool]:
    """Rows of the table of drags, and whether the bars are met."""
    desk = Desk(folder)
    desk.start("map", "traversal.map", {"generator": generator}, "interactive")
    desk.work(0.5, hand=True)
    took = desk.work(seconds, hand=True)
    alone = list(desk.ages)
    rows = [_row("nothing else", alone, took, "")]
    desk.start("training", TRAINING, {}, "training")
    before = desk.steps["training"]
    took = desk.work(seconds, hand=False)
    own = (desk.steps["training"] - before) / took
    before = desk.steps["training"]
    took = desk.work(seconds, hand=True)
    share = (desk.steps["training"] - before) / took / own
    rows.append(_row("a training", desk.ages, took, f"{100 * share:.0f} %"))
    good = len(alone) / seconds >= ALONE and len(desk.ages) / took >= BESIDE and share >= SHARE
    desk.scheduler.shutdown(checkpoint=False)
    return rows, good


def _row(name: str, ages: list[float], took: float, share: str) -> tuple[str, ...]:
    late = sorted(ages)[int(0.95 * (len(ages) - 1))] if ages else math.nan
    middle = median(ages) if ages else math.nan
    rate = f"{len(ages) / took:.0f}"
    return name, rate, f"{1000 * middle:.1f}", f"{1000 * late:.1f}", share


def decoders(rounds: int) -> list[tuple[str, ...]]:
    """Rows that compare ONNX Runtime with eager torch for every generator with an export."""
    rows = []
    for name in sources.generators():
        generator = sources.load(name)
        try:
            ways = {way: FastDecoder(generator, way) for way in ("torch", "onnx")}
        except BadInput:
            continue
        for count in (1, 22, 225):
            z = generator.sample(count, torch.Generator().manual_seed(0))
            took: dict[str, list[float]] = {way: [] for way in ways}
            for turn in range(rounds + 3):
                for way, decode in ways.items():
                    began = time.perf_counter()
                    decode(z)
                    if turn >= 3:
                        took[way].append(1000 * (time.perf_counter() - began))
            eager, onnx = (median(took[way]) for way in ("torch", "onnx"))
            rows.append((name, str(count), f"{eager:.2f}", f"{onnx:.2f}", f"{eager / onnx:.2f}"))
    return rows


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--generator", default=next(iter(sources.generators())))
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--rounds", type=int, default=60, help="of the decoders")
    parser.add_argument("--threads", type=int, default=0, help="of torch; 0 keeps its number")
    args = parser.parse_args(argv)
    if args.threads:
        torch.set_num_threads(args.threads)
    print(f"{args.generator}, {torch.get_num_threads()} threads")
    try:
        with tempfile.TemporaryDirectory() as folder:
            rows, good = drags(args.generator, args.seconds, Path(folder))
    except BadInput as error:
        print(error, file=sys.stderr)
        return 2
    table(("beside the map", "pictures/s", "age, ms", "95 %", "its own speed"), rows)
    print()
    found = decoders(args.rounds)
    table(("decoder", "latents", "eager, ms", "ONNX, ms", "eager/ONNX"), found)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
