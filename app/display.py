"""Whether there is a screen to open a window on, asked before Qt is imported.

Without one Qt aborts the whole process; a person should get one clear line instead.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path


def problem(environment: Mapping[str, str] = os.environ) -> str:
    """Why no window can be opened; empty where one can."""
    if not sys.platform.startswith("linux") or environment.get("QT_QPA_PLATFORM"):
        return ""
    if environment.get("WAYLAND_DISPLAY"):
        return ""
    display = environment.get("DISPLAY", "")
    if not display:
        return "there is no screen (neither DISPLAY nor WAYLAND_DISPLAY is set)"
    if not _answers(display):
        return f"the screen {display!r} (DISPLAY) does not answer"
    return ""


def _answers(display: str) -> bool:
    """Whether an X server listens where ``host:number.screen`` says."""
    host, _, rest = display.rpartition(":")
    number = rest.partition(".")[0]
    if not number.isdigit():
        return False
    if host and host != "unix":
        try:
            socket.create_connection((host, 6000 + int(number)), timeout=2).close()
        except OSError:
            return False
        return True
    path = f"/tmp/.X11-unix/X{number}"  # where every X server puts it
    for address in (f"\0{path}", path):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            try:
                client.connect(address)
            except OSError:
                continue
            return True
    return Path(path).exists()
