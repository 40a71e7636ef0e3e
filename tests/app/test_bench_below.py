"""What stands below the stage in a race, where table and curves take turns."""

from __future__ import annotations

from typing import Any

from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from app.pages.bench_below import SIDE_BY_SIDE, Below
from widgets.curves.legend import Swatch
from widgets.score_table import Column, ScoreTable

NAMES = ["Wiener filter", "Total variation", "Plug-and-play"]


def test_curves_out_of_sight_of_the_table_have_a_legend(qtbot: Any) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    column = QVBoxLayout(window)
    below = Below(window)
    column.addWidget(below)
    below.set_table(ScoreTable([Column("psnr", "PSNR")]), NAMES)
    window.resize(SIDE_BY_SIDE - 200, 300)
    window.show()
    qtbot.waitExposed(window)

    def legend() -> list[str]:
        """Names that can be seen, each beside a piece of its line."""
        lines = [swatch.parentWidget() for swatch in below.findChildren(Swatch)]
        return [line.findChild(QLabel).text() for line in lines if line.isVisible()]

    # The table itself is one.
    assert legend() == []
    below._lines.click()
    assert legend() == NAMES
    below._numbers.click()
    assert legend() == []
    below._lines.click()
    window.resize(SIDE_BY_SIDE + 200, 300)
    qtbot.waitUntil(lambda: legend() == [])
    window.resize(SIDE_BY_SIDE - 200, 300)
    qtbot.waitUntil(lambda: legend() == NAMES)
    # Another choice of methods, and none.
    below.set_table(ScoreTable([Column("psnr", "PSNR")]), NAMES[:2])
    assert legend() == NAMES[:2]
    below.set_table(None)
    assert legend() == []
