"""A package with methods of its own, installed as any other package would be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.discovery import installed

PLUGIN = Path(__file__).parent / "plugin"


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Install the toy package for this test: its folder, from which it is found."""
    monkeypatch.syspath_prepend(PLUGIN)
    installed.cache_clear()
    yield PLUGIN
    installed.cache_clear()
