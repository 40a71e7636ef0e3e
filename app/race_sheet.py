"""One page that tells a comparison: pictures, curves, numbers, and what was set.

The same drawing becomes a PNG, pixel by pixel, or a PDF, whose text and curves stay sharp. It
is made from run folders alone, so a race and a choice of kept runs give the same sheet. Always
dark on white, whatever the window wears: it is for paper and slides.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PySide6.QtCore import (
    QBuffer,
    QCoreApplication,
    QIODevice,
    QMarginsF,
    QPointF,
    QRectF,
    QSize,
    QSizeF,
    Qt,
)
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetricsF,
    QImage,
    QImageReader,
    QPageSize,
    QPainter,
    QPdfWriter,
    QPen,
)

from app import export, run_words, words
from app.files import write_atomic
from app.page_state import defaults, flatten, matching_preset
from app.race_scores import SECONDS, Score, scores
from app.run_row import RunRow, input_name
from engine.catalogue import BenchSpec, Catalogue, MethodSpec
from widgets import theme
from widgets.curves.frame import Frame
from widgets.curves.grid import position_ticks, value_ticks
from widgets.curves.series import logarithms, thinned
from widgets.tokens import LIGHT

#: What a sheet can be written as.
ENDINGS = (".png", ".pdf")
#: Width of the sheet, and of a picture's longer side at most, in units of a pixel.
WIDTH, LARGEST = 2000, 1024
_EDGE, _GAP = 48, 16
_INK, _QUIET, _LINE = QColor(LIGHT.text), QColor(LIGHT.secondary), QColor(LIGHT.line)
_CURVES_HEIGHT = 300
_MOST_CURVES = 3
#: Enlarged more, a picture shows its pixels.
_SMOOTH_TO = 2.0
#: PDF points per unit: an A4 page in landscape is as wide as the sheet.
_POINTS = 842.0 / WIDTH


@dataclass(frozen=True)
class Shown:
    """A picture of the sheet."""

    title: str
    caption: str
    image: QImage


@dataclass(frozen=True)
class Lines:
    """A plot of the sheet: one line of (step, value) points per run, None where it has none."""

    title: str
    unit: str
    logarithmic: bool
    reference: float | None
    points: list[list[tuple[float, float]] | None]


@dataclass(frozen=True)
class Sheet:
    """All that a sheet shows."""

    title: str
    facts: str
    names: list[str]
    pictures: list[Shown]
    plots: list[Lines]
    scores: list[Score]
    values: list[list[float | None]]
    foot: str


def sheet(rows: Sequence[RunRow], catalogue: Catalogue) -> Sheet:
    """What there is to show of runs of one bench.

    Raises:
        OSError: they are of several benches, or none of them left a picture.
    """
    bench = next((b for b in catalogue.benches if b.id == rows[0].bench), None)
    if bench is None or any(row.bench != bench.id for row in rows):
        raise OSError(_tr("only runs of one bench, which is installed, go on one sheet"))
    methods = [m for row in rows for m in catalogue.methods if m.id == row.method]
    wanted = scores(bench, methods)
    values = [_values(row, wanted) for row in rows]
    names = [row.title or row.method for row in rows]
    pictures = _pictures(rows, bench, names, wanted, values)
    if not pictures:
        raise OSError(_tr("these runs left no pictures"))
    title = _tr("{n} methods on one picture").format(n=len(rows))
    return Sheet(
        title=title,
        facts=_facts(rows, bench, methods),
        names=names,
        pictures=pictures,
        plots=_plots(rows, bench),
        scores=wanted,
        values=values,
        foot=_foot(rows),
    )


def write(rows: Sequence[RunRow], catalogue: Catalogue, file: Path) -> Path:
    """Write the sheet as ``file``: PNG or PDF by its ending, one of ``ENDINGS``.

    Raises:
        OSError: it cannot be written, or there is nothing to show.
    """
    if file.suffix.lower() not in ENDINGS:
        text = _tr("{name} ends in {suffix}; allowed: {known}")
        known = ", ".join(ENDINGS)
        raise OSError(text.format(name=file.name, suffix=file.suffix or "-", known=known))
    whole = sheet(rows, catalogue)
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    (_pdf if file.suffix.lower() == ".pdf" else _png)(whole, buffer)
    write_atomic(file, bytes(buffer.data().data()))
    return file


def kinds() -> str:
    """The choices of a file dialog."""
    return _tr("Sheet as picture (*.png);;Sheet as document (*.pdf)")


def _png(whole: Sheet, into: QBuffer) -> None:
    drawing = _Drawing(whole)
    image = QImage(QSize(WIDTH, math.ceil(drawing.height())), QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.white)
    painter = QPainter(image)
    drawing.paint(painter)
    painter.end()
    image.save(into, "PNG")  # type: ignore[call-overload]


def _pdf(whole: Sheet, into: QBuffer) -> None:
    drawing = _Drawing(whole)
    writer = QPdfWriter(into)
    writer.setTitle(whole.title)
    writer.setCreator("Priorbench")
    # As high as it needs to be: a sheet is one page.
    size = QSizeF(WIDTH * _POINTS, drawing.height() * _POINTS)
    writer.setPageSize(QPageSize(size, QPageSize.Unit.Point, "sheet"))
    writer.setPageMargins(QMarginsF(0, 0, 0, 0))
    painter = QPainter(writer)
    scale = writer.logicalDpiX() / 72.0 * _POINTS
    painter.scale(scale, scale)
    drawing.paint(painter)
    painter.end()


class _Drawing:
    """Lays the sheet out and paints it, in units of which it is ``WIDTH`` wide."""

    def __init__(self, whole: Sheet) -> None:
        self._whole = whole
        count = len(whole.pictures)
        columns = count if count <= 5 else math.ceil(count / 2)
        self._columns = columns
        self._cell = (WIDTH - 2 * _EDGE - (columns - 1) * _GAP) / columns
        first = whole.pictures[0].image
        self._picture_height = self._cell * first.height() / first.width()
        # In whole squares a picture may leave some of its place, which the next row takes.
        squares = enlarged(first, QSizeF(self._cell, self._picture_height))
        drawn = squares.height() if squares.width() > first.width() else self._picture_height
        self._row_height = 64 + drawn + 2 * _GAP
        self._facts_height = _text_height(whole.facts, _font(20), WIDTH - 2 * _EDGE)

    def height(self) -> float:
        """How high the whole is."""
        rows = math.ceil(len(self._whole.pictures) / self._columns)
        plots = _CURVES_HEIGHT + _GAP if self._whole.plots else 0
        table = 40 * (len(self._whole.names) + 1) + _GAP
        return _EDGE + 56 + self._facts_height + 24 + rows * self._row_height + plots + table + 80

    def paint(self, painter: QPainter) -> None:
        """From the top down."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        y = float(_EDGE)
        _write(painter, QRectF(_EDGE, y, WIDTH - 2 * _EDGE, 44), self._whole.title, 34, 700)
        y += 56
        box = QRectF(_EDGE, y, WIDTH - 2 * _EDGE, self._facts_height + 4)
        _write(painter, box, self._whole.facts, 20, color=_QUIET, wrap=True)
        y += self._facts_height + 24
        y = self._paint_pictures(painter, y)
        if self._whole.plots:
            y = self._paint_plots(painter, y)
        y = self._paint_table(painter, y)
        foot = QRectF(_EDGE, y + 12, WIDTH - 2 * _EDGE, 24)
        _write(painter, foot, self._whole.foot, 16, color=_QUIET)

    def _paint_pictures(self, painter: QPainter, y: float) -> float:
        for index, shown in enumerate(self._whole.pictures):
            row, column = divmod(index, self._columns)
            left = _EDGE + column * (self._cell + _GAP)
            top = y + row * self._row_height
            _write(painter, QRectF(left, top, self._cell, 30), shown.title, 22, 600)
            caption = QRectF(left, top + 30, self._cell, 26)
            _write(painter, caption, shown.caption, 18, color=_QUIET)
            place = QRectF(left, top + 64, self._cell, self._picture_height)
            image = enlarged(shown.image, place.size())
            if image.width() > shown.image.width():
                painter.drawImage(QRectF(place.topLeft(), QSizeF(image.size())), image)
            else:
                painter.drawImage(place, image)
        return y + math.ceil(len(self._whole.pictures) / self._columns) * self._row_height

    def _paint_plots(self, painter: QPainter, y: float) -> float:
        plots = self._whole.plots
        width = (WIDTH - 2 * _EDGE - (len(plots) - 1) * 2 * _GAP) / len(plots)
        for index, plot in enumerate(plots):
            left = _EDGE + index * (width + 2 * _GAP)
            heading = f"{plot.title}, {plot.unit}" if plot.unit else plot.title
            _write(painter, QRectF(left, y, width, 28), heading, 18, 600)
            area = QRectF(left + 60, y + 40, width - 64, _CURVES_HEIGHT - 80)
            _paint_lines(painter, area, plot)
        return y + _CURVES_HEIGHT + _GAP

    def _paint_table(self, painter: QPainter, y: float) -> float:
        whole = self._whole
        name_width = (WIDTH - 2 * _EDGE) * 0.28
        width = (WIDTH - 2 * _EDGE - name_width) / max(1, len(whole.scores))
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        best = [_best(score, [v[i] for v in whole.values]) for i, score in enumerate(whole.scores)]
        for i, score in enumerate(whole.scores):
            box = QRectF(_EDGE + name_width + i * width, y, width, 40)
            _write(painter, box, f"{score.title} {score.unit}".strip(), 18, 600, _QUIET, right)
        for row, name in enumerate(whole.names, start=1):
            top = y + 40 * row
            painter.setPen(QPen(_LINE, 1))
            painter.drawLine(QPointF(_EDGE, top), QPointF(WIDTH - _EDGE, top))
            painter.setPen(_pen(row - 1))
            painter.drawLine(QPointF(_EDGE, top + 20), QPointF(_EDGE + 34, top + 20))
            _write(painter, QRectF(_EDGE + 46, top, name_width - 46, 40), name, 20, 500)
            for i, value in enumerate(whole.values[row - 1]):
                text = "–" if value is None else f"{value:.{whole.scores[i].digits}f}"
                wins = value is not None and value == best[i]
                box = QRectF(_EDGE + name_width + i * width, top, width, 40)
                color = QColor(LIGHT.accent) if wins else _INK
                _write(painter, box, text, 20, 700 if wins else 400, color, right)
        return y + 40 * (len(whole.names) + 1) + _GAP


def enlarged(image: QImage, room: QSizeF) -> QImage:
    """A small picture in whole squares, as the window shows it; larger ones as they are."""
    zoom = min(room.width() / image.width(), room.height() / image.height())
    if zoom <= _SMOOTH_TO:
        return image
    # A document would leave it to its reader how a picture is enlarged.
    return image.scaled(image.size() * math.floor(zoom))


def _paint_lines(painter: QPainter, area: QRectF, plot: Lines) -> None:
    arrays = [np.array(points or np.empty((0, 2)), dtype=float) for points in plot.points]
    known = [
        (a[:, 0], logarithms(a[:, 1]) if plot.logarithmic else a[:, 1]) for a in arrays if a.size
    ]
    finite = [y[np.isfinite(y)] for _, y in known]
    finite = [y for y in finite if y.size]
    if not finite:
        return
    low, high = min(float(y.min()) for y in finite), max(float(y.max()) for y in finite)
    if plot.reference is not None and not plot.logarithmic:
        low, high = min(low, plot.reference), max(high, plot.reference)
    room = 0.05 * (high - low or 1.0)
    last = max(float(x.max()) for x, _ in known)
    frame = Frame(area, (0.0, last or 1.0), (low - room, high + room))
    right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
    center = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignVCenter
    ticks = value_ticks(low, high, area.height() / 1.4, plot.logarithmic)
    for at, text in zip(ticks.at, ticks.texts, strict=True):
        painter.setPen(QPen(_LINE, 1))
        painter.drawLine(QPointF(area.left(), frame.row(at)), QPointF(area.right(), frame.row(at)))
        box = QRectF(area.left() - 60, frame.row(at) - 12, 52, 24)
        _write(painter, box, text, 15, color=_QUIET, align=right)
    ticks = position_ticks(0.0, last, area.width() / 2)
    for at, text in zip(ticks.at, ticks.texts, strict=True):
        box = QRectF(frame.column(at) - 40, area.bottom() + 6, 80, 22)
        _write(painter, box, text, 15, color=_QUIET, align=center)
    box = QRectF(area.left(), area.bottom() + 26, area.width(), 22)
    _write(painter, box, _tr("steps"), 15, color=_QUIET, align=right)
    if plot.reference is not None and not plot.logarithmic:
        painter.setPen(QPen(_QUIET, 1.5, Qt.PenStyle.DashLine))
        row = frame.row(plot.reference)
        painter.drawLine(QPointF(area.left(), row), QPointF(area.right(), row))
    for index, array in enumerate(arrays):
        if not array.size:
            continue
        y = logarithms(array[:, 1]) if plot.logarithmic else array[:, 1]
        painter.setPen(_pen(index))
        for polyline in frame.lines(*thinned(array[:, 0], y, 500)):
            painter.drawPolyline(polyline)


def _pen(index: int) -> QPen:
    style = LIGHT.series(index)
    pen = QPen(QColor(style.color), 3)
    if style.dash:
        pen.setDashPattern(list(style.dash))
    return pen


def _best(score: Score, values: Sequence[float | None]) -> float | None:
    known = {value for value in values if value is not None}
    if not score.better or len(known) < 2:
        return None
    return max(known) if score.better == "high" else min(known)


def _values(row: RunRow, wanted: Sequence[Score]) -> list[float | None]:
    known = {**row.metrics, SECONDS: row.seconds}
    return [known.get(score.metric) for score in wanted]


def _pictures(
    rows: Sequence[RunRow],
    bench: BenchSpec,
    names: Sequence[str],
    wanted: Sequence[Score],
    values: Sequence[Sequence[float | None]],
) -> list[Shown]:
    """What was given, every result, and what was looked for, as far as the runs left it."""
    titles = {panel.name: panel.title for panel in bench.panels if panel.kind == "image"}
    kept = [export.outputs(row) for row in rows]
    shared = {name: files[name] for files in reversed(kept) for name in titles if name in files}
    ordered = list(titles)
    given, truth = ordered[1:-1], ordered[-1:]
    shown = [Shown(titles[n], "", i) for n in given if n in shared and (i := _read(shared[n]))]
    for name, files, numbers in zip(names, kept, values, strict=True):
        image = _read(next(iter(files.values()))) if files else None
        if image is not None:
            shown.append(Shown(name, _caption(wanted, numbers), image))
    shown += [Shown(titles[n], "", i) for n in truth if n in shared and (i := _read(shared[n]))]
    return shown


def _caption(wanted: Sequence[Score], numbers: Sequence[float | None]) -> str:
    """The first two numbers of which one side is better."""
    parts = [
        f"{value:.{score.digits}f} {score.unit or score.title}"
        for score, value in zip(wanted, numbers, strict=True)
        if score.better == "high" and value is not None
    ]
    return " · ".join(parts[:2])


def _plots(rows: Sequence[RunRow], bench: BenchSpec) -> list[Lines]:
    curves = [run_words.curves_of(row) for row in rows]
    found = []
    for panel in bench.panels:
        for series in panel.series if panel.kind == "curve" else ():
            points = [of.get(series.metric) for of in curves]
            if any(points):
                title = panel.title if len(panel.series) == 1 else series.title
                found.append(
                    Lines(title, series.unit or series.title, panel.log_y, panel.reference, points)
                )
    return found[:_MOST_CURVES]


def _facts(rows: Sequence[RunRow], bench: BenchSpec, methods: Sequence[MethodSpec]) -> str:
    """What they share, then the preset of each."""
    first = rows[0]
    flat = flatten(first.problem, [field.name for field in bench.fields])
    values = defaults(bench.fields) | flat
    shared = [name for value in first.inputs.values() if (name := input_name(value))]
    for field in bench.fields:
        value = values[field.name]
        text = run_words.value_text(field, value)
        # As a person reads them: a record has numbers where a choice has texts.
        told = not field.folded or text != run_words.value_text(field, field.default)
        if not told or value is False or not run_words.applies(field, values):
            continue
        shared.append(text if field.title.endswith("?") else f"{field.title} {text}")
    shared.append(_tr("Seed {seed}").format(seed=first.seed))
    own = [f"{row.title or row.method}: {_preset(row, methods)}".rstrip(": ") for row in rows]
    return " · ".join(shared) + "\n" + " · ".join(own)


def _preset(row: RunRow, methods: Sequence[MethodSpec]) -> str:
    """The name of its preset, else its settings in words."""
    method = next((m for m in methods if m.id == row.method), None)
    if method is None:
        return ""
    base = defaults(method.fields)
    values = base | flatten(row.params, base)
    name = matching_preset(method, values)
    known = next((p.title for p in method.presets if p.name == name), "")
    if known:
        return known
    moved = [
        f"{field.title} {run_words.value_text(field, values[field.name])}"
        for field in method.fields
        if values[field.name] != base[field.name] and run_words.applies(field, values)
    ]
    return ", ".join(moved)


def _foot(rows: Sequence[RunRow]) -> str:
    when = run_words.moment(rows[0].created)
    seconds = words.seconds(sum(row.seconds for row in rows))
    versions = rows[0].versions
    made = " · ".join(
        f"{name} {versions[name]}" for name in ("priorbench", "torch") if name in versions
    )
    return " · ".join(
        part for part in (when, _tr("{time} of computing").format(time=seconds), made) if part
    )


def _read(path: Path) -> QImage | None:
    """A picture at a size that a sheet needs; None where the file is none."""
    reader = QImageReader(str(path))
    size = reader.size()
    if size.isValid() and max(size.width(), size.height()) > LARGEST:
        size.scale(LARGEST, LARGEST, Qt.AspectRatioMode.KeepAspectRatio)
        reader.setScaledSize(size)
    image = reader.read()
    return None if image.isNull() else image.convertToFormat(QImage.Format.Format_RGB32)


def _font(size: int, weight: int = 400) -> QFont:
    font = QFont(theme.family())
    font.setPixelSize(size)
    font.setWeight(QFont.Weight(weight))
    font.setFeature(QFont.Tag("tnum"), 1)
    return font


def _text_height(text: str, font: QFont, width: float) -> float:
    box = QFontMetricsF(font).boundingRect(
        QRectF(0, 0, width, 10_000), int(Qt.TextFlag.TextWordWrap), text
    )
    return box.height()


def _write(
    painter: QPainter,
    box: QRectF,
    text: str,
    size: int,
    weight: int = 400,
    color: QColor = _INK,
    align: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter,
    *,
    wrap: bool = False,
) -> None:
    font = _font(size, weight)
    painter.setFont(font)
    painter.setPen(color)
    if wrap:
        flags = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        painter.drawText(box, flags | int(Qt.TextFlag.TextWordWrap), text)
        return
    fitted = QFontMetricsF(font).elidedText(text, Qt.TextElideMode.ElideRight, box.width())
    painter.drawText(box, int(align), fitted)


def _tr(text: str) -> str:
    return QCoreApplication.translate("Sheet", text)
