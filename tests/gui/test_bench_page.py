"""What a bench page shows at which moment, with the engine's words said by the test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from app.pages.bench_masks import keep_mask

SIZE = 32


def gray(level: int, size: int = SIZE) -> np.ndarray:
    return np.full((size, size, 3), level, np.uint8)


@pytest.fixture
def page(open_window: Callable[..., Any]) -> Any:
    """The restoration page of a window without an engine."""
    driver = open_window(engine=False)
    driver.window.show_page("restoration")
    return driver.bench


def preview(page: Any, size: int = SIZE) -> None:
    """The engine's answer: what the damage does."""
    pictures = {"damaged": gray(90, size), "clean": gray(200, size)}
    facts = {"size": f"{size} × {size} px", "width": size, "height": size, "truth": True}
    page.preview.ready.emit(pictures, facts)


def begin(page: Any) -> None:
    """A run of what is set goes on."""
    page.desk.run.request = page.request()
    page.desk.run.started.emit(False)
    page.desk.run._become("running")


def finish(page: Any, level: int = 150) -> None:
    """It shows a result and ends."""
    page.desk.run.frame.emit("estimate", gray(level), 3, True)
    page.desk.run._become("finished")
    page.desk.run.ended.emit("")


def paint(page: Any) -> None:
    """A hole is painted by hand."""
    page.edits._on_paint()
    mask = np.zeros((SIZE, SIZE), np.uint8)
    mask[8:24, 8:24] = 255
    page.edits.choose("mask", keep_mask(mask))


def test_a_painted_hole_does_not_cover_what_filled_it(page: Any) -> None:
    stage = page.parts.stage.stage
    preview(page)
    paint(page)
    stage.set_tool(None)
    assert stage._scene(1.0).mask is not None
    begin(page)
    finish(page)
    assert stage.mask().any()
    assert stage._scene(1.0).mask is None
    # To paint more, it is seen where one has painted.
    stage.set_tool("brush")
    assert stage._scene(1.0).mask is not None
    stage.set_tool(None)
    page.desk.forget_result()
    page.facts_changed.emit()
    assert stage._scene(1.0).mask is not None
