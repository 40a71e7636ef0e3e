"""How long the window keeps a person waiting while the engine works flat out.

    python tests/benchmarks/event_loop.py [--seconds 15]

A timer asks the event loop of the real window for a turn every 10 ms, first while nothing
happens, then during a run of total variation with its frames, curves and log. A turn lasts
from one answer to the next, so one that something else in the window holds up is long.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from itertools import pairwise

from _common import CannotRun, fresh_home, screen, table, until

SHORT, STALL = 0.050, 0.200


def turns(seconds: float, going: Callable[[], bool]) -> list[float]:
    """Lengths of the event loop's turns for so long, or until ``going()`` is over."""
    from PySide6.QtCore import QEventLoop, Qt, QTimer

    loop, at = QEventLoop(), [time.perf_counter()]

    def tick() -> None:
        at.append(time.perf_counter())
        if at[-1] - at[0] > seconds or not going():
            loop.quit()

    timer = QTimer(interval=10, timerType=Qt.TimerType.PreciseTimer)
    timer.timeout.connect(tick)
    timer.start()
    loop.exec()
    timer.stop()
    return [after - before for before, after in pairwise(at)]


def measure(seconds: float) -> tuple[dict[str, list[float]], int]:
    """The turns of the idle and of the busy window, and the steps of the run meanwhile."""
    from app import application

    window = application.open_window(application.create(["priorbench"]))
    window.resize(1280, 800)
    window.show()
    window.begin()
    try:
        window.show_page("restoration")
        page = window.bench("restoration")
        stage = page.parts.stage.stage
        until(lambda: "damaged" in list(stage.keys()), "the preview")
        found = {"idle": turns(seconds, lambda: True)}
        page.choose_method("restoration.total_variation")
        page.edits._to_preset("exact", "Preset")
        until(page.parts.bar.primary.isEnabled, "the run button")
        page.parts.bar.primary.click()
        run = page.desk.run
        until(lambda: page.desk.shown is not None and run.last_progress, "the first frame")
        before = run.last_progress.step
        found["engine flat out"] = turns(seconds, lambda: run.active)
        steps = run.last_progress.step - before
    finally:
        # A window with a run going on would ask before it closes.
        run = window.bench("restoration").desk.run
        run.cancel()
        until(lambda: not run.active, "the end of the run")
        window.close()
        window.deleteLater()
    return found, steps


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=15.0)
    args = parser.parse_args(argv)
    try:
        with screen(), fresh_home():
            found, steps = measure(args.seconds)
    except CannotRun as error:
        print(error, file=sys.stderr)
        return 2
    worst = {name: max(all_) for name, all_ in found.items()}
    print(f"turns asked for every 10 ms; {steps} steps of the run meanwhile")
    table(
        ("window", "turns", "under 50 ms", "over 200 ms", "worst ms", "ratio"),
        [
            (
                name,
                f"{len(all_)}",
                f"{100 * sum(t < SHORT for t in all_) / len(all_):.2f} %",
                f"{sum(t > STALL for t in all_)}",
                f"{1000 * worst[name]:.1f}",
                f"{worst[name] / worst['idle']:.2f}",
            )
            for name, all_ in found.items()
        ],
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
