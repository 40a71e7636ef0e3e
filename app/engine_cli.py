"""How the engine's command line is started in a process of its own.

The window and its command line never import torch; whatever needs it runs there.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def command(*arguments: str) -> list[str]:
    """Program and arguments of ``python -m engine ARGUMENTS``."""
    # -P: a folder named "engine" where the person works must not come before ours.
    return [sys.executable, "-P", "-m", "engine", *arguments]


def environment() -> dict[str, str]:
    """The environment of that process: as here, with our packages found first."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
