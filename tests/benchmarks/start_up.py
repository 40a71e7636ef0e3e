"""Time from the start of the process to a window that can be used, and its memory.

    python tests/benchmarks/start_up.py [--rounds 5]

Priorbench and a bare PySide6 window take turns on an X screen of their own. A window can be
used once it has drawn itself and the event loop has come round again. The very first start
has no list of methods from an earlier one: its window can be used, its benches come a little
later. Memory is that of the window's process, without the engine's.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from _common import CannotRun, fresh_home, screen, table

COLD, WARM, BARE = "Priorbench, very first", "Priorbench", "bare PySide6 window"


def open_bare() -> int:
    """The alternative: a window with nothing in it."""
    from PySide6.QtWidgets import QApplication, QMainWindow

    app = QApplication(["bare"])
    window = QMainWindow()
    window.resize(1280, 800)
    watch(window, app.quit)
    window.show()
    return app.exec()


def open_ours() -> int:
    """The application as it is, which is watched and closed."""
    from app import application, window

    shown = window.MainWindow.__init__

    def watched(self: Any, *args: Any, **more: Any) -> None:
        shown(self, *args, **more)
        watch(self, self.close)

    window.MainWindow.__init__ = watched  # type: ignore[method-assign]
    return application.run()


def watch(window: Any, after: Callable[[], object]) -> None:
    """Say when ``window`` has drawn itself and the event loop is free again."""
    from PySide6.QtCore import QEvent, QObject, QTimer

    class Eye(QObject):
        def __init__(self) -> None:
            super().__init__(window)
            self.seen = False

        def eventFilter(self, watched: QObject, event: QEvent) -> bool:
            if event.type() == QEvent.Type.UpdateRequest and not self.seen:
                self.seen = True
                # Behind what the window itself has put off until it can be seen.
                QTimer.singleShot(0, self, lambda: QTimer.singleShot(0, self, self.say))
            return False

        def say(self) -> None:
            now = time.monotonic()
            import psutil

            memory = psutil.Process().memory_info().rss
            print(json.dumps([now, memory, "torch" in sys.modules]), flush=True)
            after()

    window.installEventFilter(Eye())


def started(what: str) -> tuple[float, int, bool]:
    """Seconds to a usable window, bytes of its process, whether torch was imported."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, __file__, "--open", what], capture_output=True, text=True, timeout=120
    )
    try:
        ready, memory, torch = json.loads(done.stdout.splitlines()[0])
    except (IndexError, ValueError) as error:
        raise CannotRun(f"{what} did not open: {done.stderr.strip()[-500:]}") from error
    return ready - began, memory, torch


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--open", choices=["bare", "ours"], help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.open:
        return open_bare() if args.open == "bare" else open_ours()
    found: dict[str, list[tuple[float, int, bool]]] = {COLD: [], WARM: [], BARE: []}
    try:
        with screen():
            # Once unmeasured, so that none is the first to read the libraries from disk.
            started("bare")
            with fresh_home():
                started("ours")
            for _ in range(args.rounds):
                found[BARE].append(started("bare"))
                with fresh_home(catalogue=False):
                    found[COLD].append(started("ours"))
                with fresh_home():
                    found[WARM].append(started("ours"))
    except CannotRun as error:
        print(error, file=sys.stderr)
        return 2
    seconds = {name: median(f[0] for f in all_) for name, all_ in found.items()}
    memory = {name: median(f[1] for f in all_) for name, all_ in found.items()}
    torch = {name: any(f[2] for f in all_) for name, all_ in found.items()}
    table(
        ("window", "seconds", "ratio", "MB", "ratio", "torch imported"),
        [
            (
                name,
                f"{seconds[name]:.2f}",
                f"{seconds[name] / seconds[BARE]:.2f}",
                f"{memory[name] / 1e6:.0f}",
                f"{memory[name] / memory[BARE]:.2f}",
                "yes" if torch[name] else "no",
            )
            for name in found
        ],
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
