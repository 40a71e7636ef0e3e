"""``priorbench`` and ``python -m app``.

The engine is spawned from here and imports this module again: the top stays light.
"""

from __future__ import annotations

import multiprocessing
import sys


def main() -> int:
    """Do what the command line says; the exit code."""
    multiprocessing.freeze_support()
    from app.cli import main as run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
