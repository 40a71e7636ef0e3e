"""Curves: what is stored, what is drawn, what is read and what is exported."""

from __future__ import annotations

import csv
import gc
import itertools
import math
import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QElapsedTimer, QEvent, QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QGuiApplication, QImage, QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from widgets import theme
from widgets.curve_plot import CurvePlot
from widgets.curves.frame import Frame
from widgets.curves.grid import left_for, position_ticks, title_place, value_ticks
from widgets.curves.legend import series_pen
from widgets.curves.ranges import (
    SteadyRange,
    linear_ticks,
    log_ticks,
    position_text,
    rounded_out,
    steady_end,
    tick_text,
    value_text,
)
from widgets.curves.series import Series, logarithms, thinned


@pytest.fixture
def plot(qtbot, qapp):
    theme.apply(qapp, "dark")
    widget = CurvePlot("Quality, PSNR")
    qtbot.addWidget(widget)
    widget.set_series([("psnr", "PSNR", "dB")])
    widget.resize(328, 168)
    widget.show()
    qtbot.waitExposed(widget)
    return widget


@pytest.fixture
def several(qtbot, qapp):
    theme.apply(qapp, "dark")
    widget = CurvePlot("Loss")
    qtbot.addWidget(widget)
    widget.set_series([("a", "Training", ""), ("b", "Validation", "bits")])
    widget.resize(400, 220)
    widget.show()
    qtbot.waitExposed(widget)
    return widget


def move(widget, at):
    point = QPointF(at)
    none = Qt.MouseButton.NoButton
    place = QPointF(widget.mapToGlobal(point))
    modifiers = Qt.KeyboardModifier.NoModifier
    event = QMouseEvent(QEvent.Type.MouseMove, point, place, none, none, modifiers)
    QApplication.sendEvent(widget, event)


def value_of(plot, index=0):
    return plot._entries[index].value.text()


# Stored and drawn.


def test_appended_values_are_stored_drawn_and_shown(plot, qtbot):
    for step in range(300):
        plot.append("psnr", step, 20 + step / 100)
    x, y = plot.data("psnr")
    assert (x == np.arange(300)).all()
    assert y == pytest.approx(20 + np.arange(300) / 100)
    qtbot.waitUntil(lambda: value_of(plot) == "22.99 dB")
    drawn_x, drawn_y = plot.canvas.drawn(0)
    assert (drawn_x == x).all()
    assert (drawn_y == y).all()


def test_drawing_is_bounded_however_fast_values_come(plot, qtbot):
    drawn = []
    redraw = plot.canvas.redraw
    plot.canvas.redraw = lambda: (drawn.append(1), redraw())
    clock = QElapsedTimer()
    clock.start()
    step = 0
    while clock.elapsed() < 400:
        plot.append("psnr", step, 1.0)
        step += 1
        QApplication.processEvents()
    assert step > 20
    assert 2 <= len(drawn) <= clock.elapsed() / 50 + 1
    del plot.canvas.redraw


def test_a_hidden_plot_keeps_values_and_catches_up(plot, qtbot):
    plot.hide()
    plot.set_data("psnr", [0, 1, 2], [1.0, 2.0, 3.0])
    qtbot.waitUntil(lambda: value_of(plot) == "3.00 dB")
    assert plot.canvas.drawn(0)[0].size == 0
    plot.show()
    qtbot.waitUntil(lambda: plot.canvas.drawn(0)[0].size == 3)


def test_clear_forgets_values_and_keeps_the_declaration(plot, qtbot):
    plot.set_data("psnr", [0, 1], [1.0, 2.0])
    plot.clear()
    assert plot.data("psnr")[0].size == 0
    assert value_of(plot) == "–"
    assert plot.keys() == ["psnr"]
    with pytest.raises(KeyError):
        plot.append("ssim", 0, 1.0)
    with pytest.raises(ValueError, match="curve psnr: 2 positions for 1 values"):
        plot.set_data("psnr", [0, 1], [1.0])


def test_a_logarithmic_axis_leaves_gaps_for_zeros(plot):
    plot.set_log(True)
    plot.set_data("psnr", [0, 1, 2, 3, 4], [100.0, 0.0, 1.0, -5.0, 0.01])
    plot.canvas.redraw()
    x, y = plot.canvas.drawn(0)
    assert x.tolist() == [0, 1, 2, 3, 4]
    assert y[[0, 2, 4]].tolist() == [2.0, 0.0, -2.0]
    assert np.isnan(y[[1, 3]]).all()
    low, high = plot.canvas.frame().y
    assert low <= -2 <= 2 <= high
    assert plot.data("psnr")[1].tolist() == [100.0, 0.0, 1.0, -5.0, 0.01]


@pytest.mark.parametrize("values", [[0.0, 0.0], [np.nan, np.nan], [np.inf, 1.0], [7.0, 7.0]])
@pytest.mark.parametrize("log", [False, True])
def test_degenerate_values_are_drawn_without_complaint(plot, values, log):
    plot.set_log(log)
    plot.set_data("psnr", [0, 1], values)
    plot.canvas.redraw()
    assert not plot.grab().isNull()
    low, high = plot.canvas.frame().y
    assert low < high


def test_the_reference_is_in_range_on_both_axes(plot):
    plot.set_data("psnr", [0, 1], [10.0, 20.0])
    plot.set_reference(1.0, "noise level")
    for log in (False, True):
        plot.set_log(log)
        low, high = plot.canvas.frame().y
        position = plot.canvas.reference_position()
        assert position == (0.0 if log else 1.0)
        assert low <= position <= high
    plot.set_reference(None)
    assert plot.canvas.reference_position() is None


def test_the_x_axis_shows_all_steps_to_come(plot):
    plot.set_x_range(0, 100)
    plot.set_data("psnr", [0, 63], [1.0, 2.0])
    plot.canvas.redraw()
    assert plot.canvas.frame().x == (0, 100)
    plot.set_x_range(None)
    plot.canvas.redraw()
    assert plot.canvas.frame().x == (0, 75)


# Read.


def test_the_mouse_reads_the_nearest_value(plot, qtbot):
    plot.set_data("psnr", [0, 50, 100], [1.0, 2.0, 3.0])
    plot.canvas.redraw()
    at = plot.canvas.frame().area.center().toPoint()
    with qtbot.waitSignal(plot.cursorMoved) as moved:
        move(plot.canvas, at + QPoint(3, 0))
    assert moved.args == [50.0]
    assert value_of(plot) == "step 50 · 2.00 dB"
    QApplication.sendEvent(plot.canvas, QEvent(QEvent.Type.Leave))
    assert value_of(plot) == "3.00 dB"


def test_keys_walk_over_the_values_of_all_curves(several):
    several.set_data("a", [0, 1, 2, 3], [4.0, 3.0, 2.0, 1.0])
    several.set_data("b", [1.5], [9.0])
    several.canvas.redraw()
    walked = []
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Left, Qt.Key.Key_Left, Qt.Key.Key_Home):
        QTest.keyClick(several.canvas, key)
        walked.append(several.canvas.cursor_x())
    assert walked == [3.0, 2.0, 1.5, 0.0]
    QTest.keyClick(several.canvas, Qt.Key.Key_End)
    assert several.canvas.cursor_x() == 3.0
    assert [value_of(several, i) for i in (0, 1)] == ["1.00", "step 3 · –"]
    QTest.keyClick(several.canvas, Qt.Key.Key_Escape)
    assert several.canvas.cursor_x() is None
    assert [value_of(several, i) for i in (0, 1)] == ["1.00", "9.00 bits"]


def test_names_and_values_reach_screen_readers(several):
    several.set_data("a", [0, 1], [4.0, 3.0])
    several.canvas.set_cursor(0)
    assert several.canvas.accessibleName() == "Loss"
    assert several.canvas.accessibleDescription() == "Training 4.00, Validation –"


# Look.


def test_curves_of_one_plot_differ_in_color_and_in_dash(several):
    pens = [series_pen(index) for index in range(6)]
    assert len({pen.color().name() for pen in pens}) == 6
    assert len({tuple(pen.dashPattern()) for pen in pens}) == 6
    assert series_pen(0, first=1).color() == series_pen(1).color()


def test_a_change_of_theme_reaches_open_plots(plot, qapp):
    plot.set_data("psnr", [0, 1], [1.0, 2.0])
    dark = plot.image()
    theme.apply(qapp, "light")
    light = plot.image()
    theme.apply(qapp, "dark")
    assert light != dark
    assert light.pixelColor(light.width() // 2, 4).lightness() > 200


# Export.


def test_csv_has_every_value_to_the_bit(several, tmp_path):
    third = 1 / 3
    several.set_data("a", [0, 1, 2], [third, np.nan, 1e-300])
    several.set_data("b", [1, 2.5], [7.0, -0.1])
    path = tmp_path / "curves.csv"
    several.export_csv(path)
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["step", "Training", "Validation (bits)"]
    assert rows[1:] == [
        ["0", repr(third), ""],
        ["1", "", "7"],
        ["2", "1e-300", ""],
        ["2.5", "", "-0.1"],
    ]
    assert float(rows[1][1]) == third
    with pytest.raises(OSError, match="missing"):
        several.export_csv(tmp_path / "missing" / "curves.csv")


def test_png_is_the_card_at_twice_its_size(plot, tmp_path):
    plot.set_data("psnr", [0, 1, 2], [1.0, 2.0, 3.0])
    path = tmp_path / "curves.png"
    plot.export_png(path)
    image = QImage(str(path))
    assert image.size() == plot.size() * 2
    accent = theme.series(0).color.lower()
    found = {image.pixelColor(x, y).name() for x in range(80, 640, 2) for y in range(60, 300)}
    assert accent in found
    with pytest.raises(OSError, match="missing"):
        plot.export_png(tmp_path / "missing" / "curves.png")


def test_the_menu_offers_export_and_the_kind_of_axis(plot):
    menu = plot.build_menu()
    texts = [action.text() for action in menu.actions() if action.text()]
    assert texts == [
        "Save values as CSV …",
        "Save picture as PNG …",
        "Copy picture",
        "Logarithmic",
    ]
    menu.actions()[-1].trigger()
    assert plot.is_log()
    menu.actions()[2].trigger()
    assert QGuiApplication.clipboard().image().size() == plot.size() * 2
    QGuiApplication.clipboard().clear()
    menu.deleteLater()


def test_a_closed_plot_is_freed(qapp):
    plot = CurvePlot("Loss")
    plot.set_series([("a", "Training", ""), ("b", "Validation", "")])
    plot.set_data("a", [0, 1], [1.0, 2.0])
    plot.image()
    references = [weakref.ref(plot), weakref.ref(plot.canvas)]
    plot.close()
    plot.deleteLater()
    del plot
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()
    assert [r() for r in references] == [None, None]


# Arithmetic.


@given(st.floats(0, 100), st.floats(-5, 5), st.floats(1, 500), st.floats(0.1, 10))
def test_positions_and_columns_are_inverse(x, low, width, span):
    frame = Frame(QRectF(40, 8, width, 100), (low, low + 100 * span), (0, 1))
    assert frame.position(frame.column(low + x * span)) == pytest.approx(low + x * span, abs=1e-6)
    assert (frame.row(0), frame.row(1)) == (108, 8)


def test_missing_values_interrupt_the_line_and_a_lone_one_is_a_dot():
    frame = Frame(QRectF(0, 0, 100, 100), (0, 100), (0, 1))
    y = np.array([0, 1, np.nan, 0.5, np.inf, 0, 0, 0])
    lines = frame.lines(np.arange(8.0), y)
    assert [len(line) for line in lines] == [2, 2, 3]
    assert lines[1][0] == lines[1][1] == QPointF(3, 50)
    assert frame.lines(np.empty(0), np.empty(0)) == []


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=600))
def test_series_keep_what_is_appended(values):
    series = Series("a", "A")
    for index, value in enumerate(values):
        series.append(index, value)
    assert series.y.tolist() == values
    assert series.last() == values[-1]


@given(
    st.lists(st.integers(-1000, 1000), min_size=1, max_size=60, unique=True), st.floats(-2e3, 2e3)
)
def test_nearest_is_nearest(positions, at):
    series = Series("a", "A")
    series.replace(sorted(positions), positions)
    found = abs(series.x[series.nearest(at)] - at)
    assert found == min(abs(p - at) for p in positions)


@given(st.integers(0, 5000), st.integers(50, 400), st.integers(0, 100))
def test_thinning_loses_no_extreme_and_little_else(count, columns, seed):
    rng = np.random.default_rng(seed)
    x, y = np.arange(count, dtype=float), rng.normal(size=count)
    y[rng.random(count) < 0.1] = np.nan
    thin_x, thin_y = thinned(x, y, columns)
    assert len(thin_x) <= max(4 * columns + columns, 4 * columns)
    assert (np.diff(thin_x) > 0).all()
    assert np.array_equal(thin_y, y[thin_x.astype(int)], equal_nan=True)
    if np.isfinite(y).any():
        assert np.nanmax(thin_y) == np.nanmax(y)
        assert np.nanmin(thin_y) == np.nanmin(y)
        assert thin_x[0] == 0


def test_logarithms_of_zero_and_less_are_missing():
    found = logarithms(np.array([10.0, 0.0, -1.0, np.nan, 1e-5]))
    assert found[[0, 4]] == pytest.approx([1.0, -5.0])
    assert np.isnan(found[1:4]).all()


@given(st.floats(-1e9, 1e9), st.floats(0, 1e9))
def test_ranges_hold_their_values(low, span):
    start, end = rounded_out(low, low + span)
    slack = 1e-6 * max(abs(low), abs(low + span), 1e-6)
    assert start <= low + slack
    assert end >= low + span - slack
    assert end > start


def test_a_growing_curve_moves_its_range_seldom():
    steady = SteadyRange()
    values = 14 + 17.4 * (1 - np.exp(-np.arange(500) / 60))
    seen = [steady.update(values[0], values[: n + 1].max()) for n in range(500)]
    assert len(set(seen)) <= 10
    assert all(a[0] >= b[0] and a[1] <= b[1] for a, b in itertools.pairwise(seen))
    assert seen[-1][1] - seen[-1][0] < 1.6 * 17.4
    assert steady.update(14, 20) == seen[-1]
    assert steady.update(14, 14.5)[1] <= 15


@given(st.floats(0.1, 1e7))
def test_the_end_of_the_axis_is_a_little_beyond(value):
    assert value <= steady_end(value) <= max(10, value * 1.7)


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(1, 6))
def test_ticks_are_few_round_and_inside(low, span, count):
    ticks = linear_ticks(low, low + span, count)
    assert len(ticks) <= count * 1.3 + 2
    assert all(low - span * 1e-3 <= t <= low + span * (1 + 1e-3) for t in ticks)


def test_log_ticks_are_decades_or_one_two_five():
    assert log_ticks(-4, 0, 4) == [-4, -2, 0]
    assert [round(10**t) for t in log_ticks(0, 1)] == [1, 2, 5, 10]
    assert value_ticks(-3, 0, 110, logarithmic=True).texts == ["0.001", "0.01", "0.1", "1"]


def test_an_axis_never_has_one_number_alone():
    # Between 0.63 and 0.70 there is neither a 1, a 2 nor a 5.
    near = value_ticks(math.log10(0.63), math.log10(0.7), 110, logarithmic=True)
    assert len(near.at) >= 2
    assert all(abs(10**t - float(text)) < 1e-9 for t, text in zip(near.at, near.texts, strict=True))
    # A plot so low that one number fits well shows two all the same.
    assert value_ticks(0.0, 0.6, 30, logarithmic=False).texts == ["0", "0.5"]


def test_the_head_shows_no_more_decimals_than_are_worth_reading(plot):
    plot.set_series([("live", "Live dials", "", 0)])
    plot.append("live", 1, 12.0)
    assert plot._entries[0].value.text() == "–"
    plot._redraw()
    assert plot._entries[0].value.text() == "12"


def test_numbers_read_well():
    assert [value_text(v) for v in (31.4159, 1.03, 0.612, 123.456, 4321.9)] == [
        "31.42",
        "1.03",
        "0.6120",
        "123.5",
        "4322",
    ]
    assert value_text(-2.5, "dB") == "−2.50 dB"
    assert value_text(1.234e-5) == "1.23·10⁻⁵"
    # No more decimals than are worth reading; a count has none.
    shown = [value_text(*v) for v in ((12.0, "", 0), (0.0, "", 0), (63.69, "%", 1), (0.02, "%", 1))]
    assert shown == ["12", "0", "63.7 %", "0.0 %"]
    assert value_text(31.4159, "dB", 2) == "31.42 dB"
    assert value_text(0.61234, "", 2) == "0.6123"
    assert value_text(5e-4, "nats", 3) == "5.00·10⁻⁴ nats"
    assert value_text(None) == value_text(float("nan")) == "–"
    assert [tick_text(v, 0.5) for v in (0, 0.5, 1)] == ["0", "0.5", "1.0"]
    assert tick_text(1e-4, 1e-4) == "10⁻⁴"
    assert tick_text(2.5e6, 5e5) == "2.5·10⁶"
    assert position_text(12.0) == "12"
    assert position_text(1.5) == "1.5"
    assert position_ticks(0, 100, 300).texts == ["0", "20", "40", "60", "80", "100"]


def test_an_axis_always_has_two_numbers():
    for end in (1, 8, 40, 50, 120, 128, 999, 1000):
        assert len(position_ticks(0, end, 60).texts) >= 2


def test_a_value_that_stands_alone_is_a_dot_to_be_seen(plot):
    plot.append("psnr", 0, 20.0)
    image = plot.image(1.0)
    at = QPointF(plot.canvas.frame().column(0.0), plot.canvas.frame().row(20.0))
    middle = plot.canvas.mapTo(plot, at.toPoint())
    color = series_pen(0).color()
    for dx, dy in ((0, 0), (1, 1), (-1, 1), (-2, 0), (0, -2)):
        assert image.pixelColor(middle.x() + dx, middle.y() + dy) == color


def ink(image, area):
    """Whether anything is drawn in a part of a picture of the canvas."""
    ground = image.pixel(1, 1)
    columns = range(round(area.left()), round(area.right()))
    rows = range(round(area.top()), round(area.bottom()))
    return any(image.pixel(x, y) != ground for x in columns for y in rows)


@pytest.mark.parametrize("values", [(1.0, 1.0002), (2e-4, 9e-4), (-88888.0, 88888.0)])
def test_long_numbers_beside_the_axis_are_not_cut(plot, values):
    for step, value in enumerate(values):
        plot.append("psnr", step, value)
    plot._redraw()
    image = plot.canvas.grab().toImage()
    area = plot.canvas.frame().area
    assert area.left() > left_for(value_ticks(0.0, 1.0, 100, False))
    # The numbers begin after the edge and end before the curves.
    assert not ink(image, QRectF(0, 0, 1, image.height()))
    assert ink(image, QRectF(1, 0, area.left() - 9, area.bottom()))


def test_the_positions_say_what_they_count_where_there_is_room(plot):
    plot.set_x_range(0, 100)
    plot.append("psnr", 0, 20.0)
    plot._redraw()
    canvas = plot.canvas
    plain = canvas.grab().toImage()
    plot.set_x_title("noisy number")
    assert canvas.grab().toImage() != plain
    bottom = canvas.frame().area.bottom()
    # Too long for any gap between two numbers: on a line of its own, or nowhere in a low plot.
    plot.set_x_title("far too long to stand between two numbers")
    area = canvas.frame().area
    assert area.bottom() < bottom
    assert ink(canvas.grab().toImage(), QRectF(0, area.bottom() + 19, canvas.width(), 12))
    plot.resize(328, 130)
    assert canvas.height() - canvas.frame().area.bottom() == 18


def test_the_title_of_an_axis_stands_between_its_numbers():
    assert title_place([(0, 10), (90, 110)], 110, 30) == 35
    assert title_place([(0, 10), (40, 50)], 110, 30) == 80
    assert title_place([(0, 10), (40, 60)], 60, 30) is None
    assert title_place([], 60, 30) is None


def test_a_minus_looks_the_same_on_both_axes():
    assert position_ticks(-0.5, 0.5, 100).texts == ["−0.5", "0", "0.5"]
    assert tick_text(-0.5, 0.5) == "−0.5"
