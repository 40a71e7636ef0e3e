"""Widgets are tested dressed, and without animation."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from stage_hands import noise

from widgets import theme
from widgets.image_view import ImageStage


@pytest.fixture(autouse=True)
def dressed(qapp) -> Iterator[None]:
    theme.set_reduced_motion(True)
    theme.apply(qapp, "dark")
    yield
    theme.apply(qapp, "dark")
    theme.set_reduced_motion(False)


@pytest.fixture
def stage(qtbot, qapp):
    theme.apply(qapp, "dark")
    widget = ImageStage()
    qtbot.addWidget(widget)
    widget.resize(600, 400)
    widget.show()
    qtbot.waitExposed(widget)
    return widget


@pytest.fixture
def pair(stage):
    stage.set_picture("damaged", noise(), "Damaged")
    stage.set_picture("restored", noise(seed=1), "Restored")
    return stage
