"""Frames from process to process: shared-memory slots over a queue that pickles.

    python tests/benchmarks/frames.py [--frames 60] [--side 2000]

The sender may be two frames ahead of the reader on both ways, every frame is read, and the
reader checks that it is the right one. By slots only a note goes through the pipe.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from multiprocessing.connection import Connection
from multiprocessing.queues import Queue
from statistics import median

import numpy as np
from _common import CannotRun, table

from engine.frames import NoRoom, Segment

AHEAD = 2


def by_slots(name: str, shape: tuple[int, ...], frames: int, line: Connection) -> None:
    """The sender of the first way."""
    picture = np.zeros(shape, np.uint8)
    segment = Segment.attach(name, picture.nbytes)
    for step in range(1, frames + 1):
        if step > AHEAD:
            line.recv()
        picture[0, 0], picture[-1, -1] = step % 256, step % 256
        line.send(segment.write(picture, step)[1])
    line.recv()
    segment.close()


def by_queue(shape: tuple[int, ...], frames: int, queue: Queue) -> None:
    """The sender of the second way: a copy for each frame, as the queue pickles it later."""
    picture = np.zeros(shape, np.uint8)
    for step in range(1, frames + 1):
        picture[0, 0], picture[-1, -1] = step % 256, step % 256
        queue.put(picture.copy())


def check(picture: np.ndarray, step: int) -> None:
    if not (picture[0, 0, 0] == picture[-1, -1, -1] == step % 256):
        raise CannotRun(f"frame {step} did not arrive whole")


def read_slots(shape: tuple[int, ...], frames: int) -> float:
    """Frames in a second, from the first that arrived to the last."""
    context = multiprocessing.get_context("spawn")
    try:
        segment = Segment.create(f"pbframes-{os.getpid():x}", int(np.prod(shape)))
    except NoRoom as error:
        raise CannotRun(str(error)) from error
    ours, theirs = context.Pipe()
    sender = context.Process(target=by_slots, args=(segment.name, shape, frames, theirs))
    sender.start()
    seen, began = 0, 0.0
    try:
        for step in range(1, frames + 1):
            ours.recv()
            shown = segment.read(seen)
            # Two frames ahead never overtakes the reader: there are three slots.
            if shown is not None:
                seen = shown.sequence
                check(shown.array, shown.step)
            ours.send(step)
            began = began or time.perf_counter()
        took = time.perf_counter() - began
        if seen != frames:
            raise CannotRun("the last frame did not arrive")
    finally:
        ours.close()
        sender.join()
        segment.unlink()
    return (frames - 1) / took


def read_queue(shape: tuple[int, ...], frames: int) -> float:
    """Frames in a second, from the first that arrived to the last."""
    context = multiprocessing.get_context("spawn")
    queue = context.Queue(AHEAD)
    sender = context.Process(target=by_queue, args=(shape, frames, queue))
    sender.start()
    began = 0.0
    for step in range(1, frames + 1):
        check(queue.get(), step)
        began = began or time.perf_counter()
    took = time.perf_counter() - began
    sender.join()
    return (frames - 1) / took


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--side", type=int, default=2000, help="pixels; 2000 makes 12 MB")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args(argv)
    shape = (args.side, args.side, 3)
    try:
        rates = [
            (read_queue(shape, args.frames), read_slots(shape, args.frames))
            for _ in range(args.rounds)
        ]
    except CannotRun as error:
        print(error, file=sys.stderr)
        return 2
    queue, slots = (median(way) for way in zip(*rates, strict=True))
    print(f"frames of {np.prod(shape) / 1e6:.1f} MB, median of {args.rounds} rounds")
    table(
        ("way", "frames/s", "ratio"),
        [
            ("multiprocessing.Queue", f"{queue:.0f}", "1.00"),
            ("shared-memory slots", f"{slots:.0f}", f"{slots / queue:.2f}"),
        ],
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
