"""What the benchmarks share: a screen, the engine's declarations, a wait, a table."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec


class CannotRun(RuntimeError):
    """Something that the measurement needs is missing."""


@contextlib.contextmanager
def screen() -> Iterator[None]:
    """An X screen of our own, so that nothing else draws on it; else the one that is there."""
    program = shutil.which("Xvfb")
    if program is None:
        if not os.environ.get("DISPLAY"):
            raise CannotRun("there is no screen and no Xvfb")
        yield
        return
    reading, writing = os.pipe()
    command = [program, "-displayfd", str(writing), "-screen", "0", "1600x1000x24", "-nolisten"]
    # Ended from outside, a benchmark still takes its screen with it.
    handler = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    server = subprocess.Popen(
        [*command, "tcp"],
        pass_fds=[writing],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    os.close(writing)
    before = {name: os.environ.get(name) for name in ("DISPLAY", "QT_QPA_PLATFORM")}
    try:
        with os.fdopen(reading) as number:
            display = number.readline().strip()
        if not display:
            raise CannotRun("Xvfb did not start")
        os.environ.update(DISPLAY=f":{display}", QT_QPA_PLATFORM="xcb")
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        server.terminate()
        server.wait()
        signal.signal(signal.SIGTERM, handler)


@contextlib.contextmanager
def fresh_home(*, catalogue: bool = True) -> Iterator[Path]:
    """Empty settings and history; with ``catalogue`` as from the second start on."""
    before = os.environ.get("PRIORBENCH_HOME")
    with tempfile.TemporaryDirectory(prefix="priorbench-bench-") as folder:
        os.environ["PRIORBENCH_HOME"] = folder
        try:
            if catalogue:
                _keep_catalogue()
            yield Path(folder)
        finally:
            if before is None:
                os.environ.pop("PRIORBENCH_HOME")
            else:
                os.environ["PRIORBENCH_HOME"] = before


def _keep_catalogue() -> None:
    from app import catalogue_cache, engine_cli
    from app.files import write_atomic
    from engine.catalogue import Catalogue

    done = subprocess.run(
        engine_cli.command("catalogue"),
        env=engine_cli.environment(),
        capture_output=True,
        check=True,
    )
    known = msgspec.json.decode(done.stdout, type=Catalogue)
    kept = catalogue_cache.Cached(catalogue_cache.current_key(), known)
    write_atomic(catalogue_cache.cache_file(), msgspec.json.encode(kept))


def until(condition: Callable[[], object], what: str, seconds: float = 120.0) -> None:
    """Run Qt's event loop until ``condition`` holds."""
    from PySide6.QtCore import QEventLoop, QTimer

    loop = QEventLoop()
    deadline = time.monotonic() + seconds
    look = QTimer(interval=20)
    look.timeout.connect(lambda: (condition() or time.monotonic() > deadline) and loop.quit())
    look.start()
    loop.exec()
    look.stop()
    if not condition():
        raise CannotRun(f"{what} did not happen within {seconds:g} s")


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """Print rows under their heads, the first column to the left."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    for row in [head, *rows]:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        print("  ".join(cells), flush=True)
