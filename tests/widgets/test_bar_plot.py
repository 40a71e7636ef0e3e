"""Bars: what they hold, what they say, and how they are drawn."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QSize
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from widgets import theme
from widgets.bar_plot import Bar, BarPlot


@pytest.fixture
def plot(qtbot: QtBot, qapp: QApplication) -> BarPlot:
    theme.apply(qapp, "dark")
    plot = BarPlot("Disentangled")
    qtbot.addWidget(plot)
    plot.set_bars([Bar("m", "Modular"), Bar("c", "Compact", quiet=True)])
    plot.set_against("Others")
    plot.resize(240, 168)
    return plot


def drawn(plot: BarPlot) -> QImage:
    return plot.grab().toImage()


def count(plot: BarPlot, color: str) -> int:
    """Pixels of a color of the theme."""
    image, wanted = drawn(plot), theme.color(color)
    size: QSize = image.size()
    pixels = ((x, y) for y in range(size.height()) for x in range(size.width()))
    return sum(image.pixelColor(x, y) == wanted for x, y in pixels)


def test_values_and_marks_are_told(plot: BarPlot) -> None:
    assert not plot.has_values()
    plot.set_values([0.75, 0.25], [0.5, -1])
    assert plot.has_values()
    assert (plot.value("m"), plot.mark("m")) == (0.75, 0.5)
    assert plot.mark("c") is None
    assert plot.foot() == "Others"
    assert plot.accessibleDescription() == "Modular 0.75 (Others 0.50), Compact 0.25"


def test_without_marks_nothing_is_said_of_them(plot: BarPlot) -> None:
    plot.set_values([0.75, -1], [-1, -1])
    assert plot.foot() == ""
    assert plot.value("c") is None
    plot.clear()
    assert not plot.has_values()


def test_as_many_values_as_bars(plot: BarPlot) -> None:
    with pytest.raises(ValueError, match="zip"):
        plot.set_values([0.5])


@pytest.mark.parametrize("name", ["dark", "light"])
def test_longer_bars_have_more_of_the_accent(plot: BarPlot, qapp: QApplication, name: str) -> None:
    theme.apply(qapp, name)
    plot.set_values([0.2, 0.0])
    short = count(plot, "accent")
    plot.set_values([0.8, 0.0])
    assert count(plot, "accent") > 3 * short > 0


def test_what_is_not_aimed_at_is_gray(plot: BarPlot) -> None:
    plot.set_values([0.0, 0.9])
    assert count(plot, "accent") == 0
    assert count(plot, "disabled") > 500
