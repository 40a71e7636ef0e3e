"""Widths of a bench page's side panels: a person's, whatever was in the panels meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget

from app.pages.bench_docks import Panel, PanelArea

WIDTHS = (264, 276)


@pytest.fixture
def area(qtbot: Any) -> Iterator[PanelArea]:
    window = QWidget()
    qtbot.addWidget(window)
    window.resize(1280, 600)
    made = PanelArea(window)
    made.resize(window.size())
    middle = QWidget()
    middle.setMinimumWidth(300)
    made.setCentralWidget(middle)
    for side in ("left", "right"):
        made.add_panel(side, Panel(side, side, content(), QWidget()))
    made.settle()
    window.show()
    qtbot.waitExposed(window)
    qtbot.waitUntil(lambda: widths(made) == WIDTHS)
    yield made
    window.close()


def content() -> QWidget:
    made = QWidget()
    QVBoxLayout(made).addWidget(QWidget())
    return made


def widths(area: PanelArea) -> tuple[int, ...]:
    return tuple(panel.width() for panel in area._panels.values())


def need(area: PanelArea, width: int) -> None:
    """The method panel shows something that is so wide."""
    panel = area._panels["right"]
    panel._content.layout().itemAt(0).widget().setMinimumWidth(width)
    panel._content.layout().activate()
    panel._fit()


def test_a_panel_is_as_wide_as_before_once_what_was_in_it_is_gone(
    area: PanelArea, qtbot: Any
) -> None:
    need(area, 340)
    qtbot.waitUntil(lambda: widths(area)[1] > 340)
    need(area, 0)
    qtbot.waitUntil(lambda: widths(area) == WIDTHS)


def test_a_small_window_takes_no_width_for_good(area: PanelArea, qtbot: Any) -> None:
    area.resize(760, 500)
    qtbot.waitUntil(lambda: not area.is_shown("left"))
    area.resize(1280, 600)
    qtbot.waitUntil(lambda: widths(area) == WIDTHS)


def test_a_width_that_a_person_dragged_is_kept(area: PanelArea, qtbot: Any) -> None:
    start = QPointF(area._panels["left"].geometry().right() + 2, 300)
    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    for kind, moved, button, held in (
        (QEvent.Type.MouseButtonPress, 0, left, left),
        (QEvent.Type.MouseMove, 60, none, left),
        (QEvent.Type.MouseButtonRelease, 60, left, none),
    ):
        at = start + QPointF(moved, 0)
        where = area.mapToGlobal(at)
        no_keys = Qt.KeyboardModifier.NoModifier
        QApplication.sendEvent(area, QMouseEvent(kind, at, where, button, held, no_keys))
        qtbot.wait(30)
    dragged = widths(area)[0]
    assert dragged > WIDTHS[0] + 40
    need(area, 340)
    qtbot.waitUntil(lambda: widths(area)[1] > 340)
    need(area, 0)
    qtbot.waitUntil(lambda: widths(area) == (dragged, WIDTHS[1]))
