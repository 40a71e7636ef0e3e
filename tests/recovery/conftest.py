"""A real engine in a process of its own, with a bench that can get into trouble."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from watched_engine import PLUGIN, Engine

from app.slots import Slots
from engine.discovery import installed
from engine.frames import NoRoom, Segment


@pytest.fixture
def troubled(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The bench of trouble is installed, here and in engines started from here."""
    monkeypatch.syspath_prepend(str(PLUGIN))
    # An earlier test may have looked at what is installed without it.
    installed.cache_clear()
    yield PLUGIN
    installed.cache_clear()


@pytest.fixture
def make_engine(qtbot: Any, tmp_path: Path, troubled: Path) -> Iterator[Callable[..., Engine]]:
    made: list[Engine] = []

    def make(**options: Any) -> Engine:
        engine = Engine(qtbot, tmp_path, **options)
        made.append(engine)
        return engine

    yield make
    for engine in made:
        engine.client.stop(timeout=1.0)
        engine.client.deleteLater()


@pytest.fixture
def engine(make_engine: Callable[..., Engine]) -> Engine:
    """An engine that is ready."""
    started = make_engine()
    started.ready()
    return started


@pytest.fixture
def no_slots() -> Slots:
    """Shared memory without room."""

    def refuse(name: str, size: int) -> Segment:
        raise NoRoom(28, "no room")

    return Slots(refuse)
