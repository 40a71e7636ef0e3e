"""Widgets are tested dressed, and without animation."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from widgets import theme


@pytest.fixture(autouse=True)
def dressed(qapp) -> Iterator[None]:
    theme.set_reduced_motion(True)
    theme.apply(qapp, "dark")
    yield
    theme.apply(qapp, "dark")
    theme.set_reduced_motion(False)
