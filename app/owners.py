"""Which process owns a thing on disk, and whether that process still lives.

A process number alone is not enough, as systems give numbers again: a token also
holds when the process started.
"""

from __future__ import annotations

import os

import psutil

# Clocks are corrected while a process lives; a number is hardly given again this fast.
_TOLERANCE_S = 2.0


def token(pid: int | None = None) -> str:
    """``pid:started`` of a process, this one by default; empty if there is none."""
    try:
        process = psutil.Process(os.getpid() if pid is None else pid)
        return f"{process.pid}:{process.create_time():.2f}"
    except psutil.Error:
        return ""


def alive(owner: str) -> bool:
    """Whether the process that ``owner`` names still runs; an unreadable token is dead."""
    number, _, started = owner.partition(":")
    try:
        process = psutil.Process(int(number))
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        return abs(process.create_time() - float(started)) < _TOLERANCE_S
    except (psutil.Error, ValueError, OverflowError):
        return False
