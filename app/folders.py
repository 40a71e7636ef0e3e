"""Where the workbench keeps what belongs to a person: runs, settings, sessions, cache.

``PRIORBENCH_HOME`` moves everything below one folder; otherwise each kind lies where
the platform keeps it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

HOME_VARIABLE = "PRIORBENCH_HOME"


@dataclass(frozen=True)
class Folders:
    """The places; none is made before something is written to it."""

    runs: Path
    index: Path
    store: Path
    settings: Path
    sessions: Path
    cache: Path


def folders() -> Folders:
    """The places for this user, read from the environment at each call."""
    home = os.environ.get(HOME_VARIABLE)
    if home:
        data = config = Path(home).expanduser().resolve()
        cache = data / "cache"
    else:
        # Imported here: the command line passes through this module on its way elsewhere.
        import platformdirs

        data = platformdirs.user_data_path("priorbench", appauthor=False)
        config = platformdirs.user_config_path("priorbench", appauthor=False)
        cache = platformdirs.user_cache_path("priorbench", appauthor=False)
    return Folders(
        runs=data / "runs",
        index=data / "index.sqlite",
        # Kept by the engine: input files by the hash of their content.
        store=data / "store",
        settings=config / "settings.json",
        sessions=data / "sessions",
        cache=cache,
    )
