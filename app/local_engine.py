"""One local engine process: its birth, its output streams, its end in words.

This is the local case of a transport; nothing but ``app.engine_client`` uses it.
"""

from __future__ import annotations

import atexit
import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from types import ModuleType

import msgspec
import psutil
from PySide6.QtCore import QCoreApplication

from engine.entry import EXIT_DEVICE_LOST, EXIT_PARENT_GONE, EXIT_PROTOCOL, Settings, run
from engine.transport import PipeTransport

#: Lines of each output stream that are kept to explain a crash.
TAIL = 40
#: Longer lines are cut; a flood without line ends must not fill memory.
LONGEST_LINE = 2000

_starting = threading.Lock()


class LocalEngine:
    """A spawned engine. ``said(stream, line)`` is called from reader threads."""

    def __init__(self, settings: Settings, said: Callable[[str, str], None]) -> None:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        streams = {name: context.Pipe(duplex=False) for name in ("stdout", "stderr")}
        settings = msgspec.structs.replace(settings, parent=os.getpid())
        ends = (theirs, streams["stdout"][1], streams["stderr"][1])
        self._process = context.Process(
            target=run, args=(*ends, settings), name="priorbench-engine"
        )
        with _starting, _without_main():
            self._process.start()
        # At exit multiprocessing waits for its children; one that nobody stopped is ended first.
        atexit.register(self.kill)
        for end in ends:
            end.close()
        self.transport = PipeTransport(ours)
        self.tails = {name: deque[str](maxlen=TAIL) for name in streams}
        self._readers = [
            threading.Thread(
                target=self._listen, args=(name, pair[0], said), name=f"engine-{name}", daemon=True
            )
            for name, pair in streams.items()
        ]
        for reader in self._readers:
            reader.start()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid or 0

    @property
    def alive(self) -> bool:
        """Whether the process is there."""
        return self._process.is_alive()

    def wait(self, timeout: float) -> bool:
        """Wait for the end of the process and of its output; False after ``timeout``."""
        self._process.join(timeout)
        if self._process.is_alive():
            return False
        for reader in self._readers:
            # A helper that outlives the engine may hold a stream open: do not wait for it.
            reader.join(0.5)
        return True

    def kill(self) -> None:
        """End the process and everything it started, now."""
        with contextlib.suppress(psutil.NoSuchProcess):
            family = psutil.Process(self.pid).children(recursive=True)
            self._process.kill()
            for member in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    member.kill()
        self._process.join(5.0)

    def release(self) -> None:
        """Let go of the line and of a process that has ended."""
        atexit.unregister(self.kill)
        self.transport.close()
        with contextlib.suppress(ValueError):
            self._process.close()

    def cause(self) -> str:
        """Why the process ended, in one sentence."""
        return words_for(self._process.exitcode)

    def _listen(self, name: str, stream: Connection, said: Callable[[str, str], None]) -> None:
        with contextlib.closing(stream):
            for line in _lines(stream):
                self.tails[name].append(line)
                said(name, line)


def words_for(code: int | None) -> str:
    """An exit code in words; negative ones are signals."""

    def tr(text: str) -> str:
        return QCoreApplication.translate("LocalEngine", text)

    if code is None:
        return tr("The engine stopped answering and was ended.")
    if code == EXIT_DEVICE_LOST:
        return tr("The graphics card reported an error.")
    if code == EXIT_PROTOCOL:
        return tr("Window and engine are from different releases; install both again.")
    if code == EXIT_PARENT_GONE:
        return tr("The engine lost its line to the window.")
    if code == 0:
        return tr("The engine left without being asked.")
    if code > 0:
        return tr("The engine ended with exit code {code}.").format(code=code)
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = str(-code)
    if name == "SIGKILL":
        return tr("The engine was killed (SIGKILL): memory ran out, or somebody ended it.")
    if name in ("SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL", "SIGABRT"):
        return tr("The engine crashed in native code ({name}).").format(name=name)
    return tr("The engine was ended by signal {name}.").format(name=name)


def _lines(stream: Connection) -> Iterator[str]:
    rest = b""
    while True:
        try:
            # Not ``recv_bytes`` on POSIX: what arrives is plain output without its framing.
            piece = (
                stream.recv_bytes() if sys.platform == "win32" else os.read(stream.fileno(), 65536)
            )
        except (OSError, EOFError):
            piece = b""
        *whole, rest = (rest + piece).split(b"\n")
        if not piece or len(rest) > LONGEST_LINE:
            whole, rest = [*whole, rest], b""
        for line in whole:
            text = line[:LONGEST_LINE].decode("utf-8", "replace").rstrip()
            if text:
                yield text
        if not piece:
            return


@contextlib.contextmanager
def _without_main() -> Iterator[None]:
    """Keep ``spawn`` from importing the application's main module again in the child."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
