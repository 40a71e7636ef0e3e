"""The table of a race: values, the best of them, sorting, and widths that do not jump."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from widgets import theme
from widgets.score_table import Column, ScoreTable

COLUMNS = [
    Column("psnr", "PSNR", "dB", "Higher is better.", 2, "high"),
    Column("mismatch", "Residual", "σ"),
    Column("seconds", "Time", "s", "", 1, "low"),
]


@pytest.fixture
def table(qtbot, qapp):
    theme.apply(qapp, "dark")
    widget = ScoreTable(COLUMNS)
    qtbot.addWidget(widget)
    widget.set_contestants([("a", "First"), ("b", "Second"), ("c", "Third")])
    widget.resize(widget.sizeHint())
    widget.show()
    qtbot.waitExposed(widget)
    return widget


def click(table, column):
    head = table.horizontalHeader()
    x = head.sectionViewportPosition(column) + head.sectionSize(column) // 2
    QTest.mouseClick(head.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(x, head.height() // 2))


def names(table):
    return [line[0] for line in table.rows()[1:]]


def bold(table, column):
    place = 2 + [c.key for c in COLUMNS].index(column)
    lines = range(table.rowCount())
    return [table.item(row, 0).text() for row in lines if table.item(row, place).font().bold()]


def test_values_are_read_with_their_digits_and_units(table):
    table.set_value("a", "psnr", 31.4159)
    table.set_value("b", "psnr", -2.0)
    table.set_state("a", "Done", "after 8 steps")
    head, first, second, third = table.rows()
    assert head == ["Method", "State", "PSNR dB", "Residual σ", "Time s"]
    assert first == ["First", "Done", "31.42", "–", "–"]
    assert second[2] == "−2.00"
    assert third[2:] == ["–", "–", "–"]
    assert table.horizontalHeaderItem(2).toolTip() == "Higher is better."
    assert table.value("a", "psnr") == 31.4159
    table.set_value("a", "psnr", None)
    assert table.rows()[1][2] == "–"


def test_the_best_of_each_column_is_marked_where_one_is_best(table):
    for key, psnr, mismatch, seconds in (("a", 30, 1.0, 9), ("b", 32, 0.5, 4), ("c", 31, 2.0, 4)):
        table.set_value(key, "psnr", psnr)
        table.set_value(key, "mismatch", mismatch)
        table.set_value(key, "seconds", seconds)
    assert not bold(table, "psnr")
    table.mark()
    assert bold(table, "psnr") == ["Second"]
    assert bold(table, "mismatch") == []
    assert bold(table, "seconds") == ["Second", "Third"]
    table.mark(False)
    assert not bold(table, "psnr")


def test_all_alike_is_nobodys_victory(table):
    for key in "abc":
        table.set_value(key, "psnr", 30.0)
    table.mark()
    assert not bold(table, "psnr")


def test_a_heading_sorts_and_the_unknown_comes_last(table):
    table.set_value("a", "psnr", 9.5)
    table.set_value("b", "psnr", 10.5)
    click(table, 2)
    up = names(table)
    click(table, 2)
    down = names(table)
    assert sorted([up[:2], down[:2]]) == [["First", "Second"], ["Second", "First"]]
    assert up[2] == down[2] == "Third"
    # It stays sorted while values change.
    table.set_value("a", "psnr", 11.5)
    assert names(table)[:2] == up[:2]


def test_nothing_jumps_and_everything_fits(table):
    def edges():
        head = table.horizontalHeader()
        return [head.sectionViewportPosition(c) for c in range(table.columnCount())]

    before = edges()
    table.set_state("a", "Warming up")
    table.set_value("a", "psnr", 31.41)
    table.set_value("b", "seconds", 888.8)
    assert edges() == before
    assert not table.horizontalScrollBar().isVisible()
    assert not table.verticalScrollBar().isVisible()
    measure = table.fontMetrics().horizontalAdvance
    for row in range(table.rowCount()):
        for column in range(1, table.columnCount()):
            assert measure(table.item(row, column).text()) < table.columnWidth(column)


def test_styles_follow_the_theme(table, qapp):
    table.set_value("a", "psnr", 1.0)
    table.set_value("b", "psnr", 2.0)
    table.mark()
    theme.apply(qapp, "light")
    color = table.item(1, 2).foreground().color()
    assert color == theme.color("accent")


def test_names_stay_whole_and_the_table_scrolls_where_it_is_too_narrow(table, qtbot):
    title = "Learned proximal network"
    table.set_contestants([("a", title), ("b", "Second")])
    table.set_value("a", "psnr", 31.4)
    need = table.fontMetrics().horizontalAdvance(title) + table.iconSize().width()
    table.resize(table.minimumSizeHint())
    assert table.columnWidth(0) > need
    bar = table.horizontalScrollBar()
    assert bar.maximum() > 0
    # With room for all, nothing scrolls, and names have what is left.
    table.resize(table.sizeHint())
    assert bar.maximum() == 0
    table.resize(table.sizeHint().width() + 100, 200)
    whole = sum(table.columnWidth(c) for c in range(table.columnCount()))
    assert whole == table.viewport().width()
