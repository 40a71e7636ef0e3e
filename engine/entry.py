"""The first thing an engine process runs; light, so that the window can name it.

Only the child imports ``engine.host`` and with it torch: by name, at run time.
"""

from __future__ import annotations

import faulthandler
import importlib
import io
import os
import signal
import sys
from multiprocessing.connection import Connection

import msgspec

#: Exit codes with a meaning, beside 0 (clean) and Python's 1 (an exception).
EXIT_PARENT_GONE = 70
EXIT_DEVICE_LOST = 71
EXIT_PROTOCOL = 72


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the window tells an engine at birth. Times in seconds.

    ``parent`` is the pid to watch; ``board`` names the segment in which the engine
    notes the job that it is working on; ``host`` is the module to run.
    """

    parent: int
    board: str = ""
    heartbeat: float = 1.0
    checkpoint_every: float = 10.0
    threads: int = 0
    host: str = "engine.host"


def run(connection: Connection, stdout: Connection, stderr: Connection, settings: Settings) -> None:
    """Become an engine: streams into the given pipes, then the host's main loop.

    Python's and native output both go through file descriptors 1 and 2, so these are
    what is redirected. The window reads the other ends: it sees the last lines even of
    a process that died in the middle of one.
    """
    for stream, number in ((stdout, 1), (stderr, 2)):
        os.dup2(_descriptor(stream), number)
        stream.close()
    sys.stdout, sys.stderr = (
        io.TextIOWrapper(
            io.BufferedWriter(io.FileIO(number, "w", closefd=False)),
            encoding="utf-8",
            errors="replace",
            line_buffering=True,
        )
        for number in (1, 2)
    )
    faulthandler.enable(file=2)
    # Ctrl-C in a terminal reaches both processes; the window decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _die_with_parent(settings.parent)
    host = importlib.import_module(settings.host)
    sys.exit(host.main(connection, settings))


def _descriptor(stream: Connection) -> int:
    if sys.platform == "win32":
        import msvcrt

        return msvcrt.open_osfhandle(stream.fileno(), os.O_APPEND)
    return stream.fileno()


def _die_with_parent(parent: int) -> None:
    """On Linux the kernel ends the engine with its window, even in a step without end."""
    if sys.platform != "linux":
        return
    import ctypes

    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(EXIT_PARENT_GONE)
