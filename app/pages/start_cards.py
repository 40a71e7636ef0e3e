"""The cards of the start page: a bench, a method, an example, a recent run."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QLinearGradient, QPainter, QPainterPath, QPaintEvent, QPixmap
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from app import words
from app.run_row import RunRow
from app.thumbnails import cached_thumbnail
from engine.catalogue import BenchSpec, ExampleSpec, MethodSpec
from widgets import icons, theme
from widgets.parts import (
    CardButton,
    Chip,
    ElidedLabel,
    FlowLayout,
    HintLabel,
    TextLabel,
    Thumbnail,
    to_pixmap,
)
from widgets.tokens import RADIUS_CARD

ASSETS = Path(__file__).parent.parent.parent / "assets"
#: Method chips on a bench card; the rest is counted.
CHIPS = 3


def asset(path: str) -> Path | None:
    """The file of a thumbnail below ``assets``, where it is there."""
    if not path:
        return None
    found = ASSETS / path
    return found if found.is_file() else None


class Cover(QWidget):
    """The picture on top of a card: fills its width, crops, rounds the upper corners."""

    def __init__(self, source: Path | None, icon: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pixmap = to_pixmap(source, QSize(960, 640)) if source is not None else QPixmap()
        self._icon = icon if icon in icons.names() else "picture"
        self.setMinimumHeight(96)
        self.setMaximumHeight(460)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def sizeHint(self) -> QSize:
        """Wide and rather low."""
        return QSize(240, 128)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The picture, or a quiet ground with the bench's icon."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        area = QRectF(self.rect())
        shape = QPainterPath()
        # The lower corners lie below the edge, so only the upper ones are seen round.
        shape.addRoundedRect(area.adjusted(0, 0, 0, RADIUS_CARD), RADIUS_CARD - 1, RADIUS_CARD - 1)
        painter.setClipPath(shape)
        if self._pixmap.isNull():
            ground = QLinearGradient(area.topLeft(), area.bottomRight())
            ground.setColorAt(0, theme.color("accent_ground"))
            ground.setColorAt(1, theme.color("control"))
            painter.fillRect(area, ground)
            mark = icons.pixmap(self._icon, 40, "accent", self.devicePixelRatioF())
            painter.drawPixmap(self.width() // 2 - 20, self.height() // 2 - 20, mark)
            return
        scaled = QRectF(self._pixmap.rect())
        factor = max(area.width() / scaled.width(), area.height() / scaled.height())
        wanted = QRectF(0, 0, area.width() / factor, area.height() / factor)
        # A little above the middle: faces and subjects lie there more often.
        wanted.moveLeft((scaled.width() - wanted.width()) / 2)
        wanted.moveTop((scaled.height() - wanted.height()) * 0.35)
        painter.drawPixmap(area, self._pixmap, wanted)


class _Card(CardButton):
    """Cover above, words below; the words keep their height and the cover takes the rest."""

    def __init__(self, name: str, source: Path | None, icon: str, parent: QWidget) -> None:
        super().__init__(name, parent, margin=1)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.add(Cover(source, icon))
        self.body.setStretch(0, 1)
        self.words = QVBoxLayout()
        self.words.setContentsMargins(14, 8, 14, 14)
        self.words.setSpacing(4)
        self.body.addLayout(self.words)

    def say(self, title: str, summary: str) -> None:
        """The words of the card."""
        heading = TextLabel(title, "strong")
        line = HintLabel(summary)
        line.setAlignment(Qt.AlignmentFlag.AlignTop)
        for part in (heading, line):
            part.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
            self.words.addWidget(part)


class BenchCard(_Card):
    """A bench with the first of its methods as chips. ``chosen(method id or "")``."""

    chosen = Signal(str, str)

    def __init__(
        self, bench: BenchSpec, methods: list[MethodSpec], parent: QWidget, *, chips: bool
    ) -> None:
        picture = asset(f"thumbnails/{bench.id}.png")
        if picture is None:
            found = (asset(m.thumbnail) for m in methods)
            picture = next((path for path in found if path is not None), None)
        super().__init__(bench.title, picture, bench.icon, parent)
        self._bench = bench.id
        self.say(bench.verb, bench.summary)
        self.clicked.connect(self._on_bench)
        row = QWidget()
        flow = FlowLayout(row)
        if chips:
            for method in methods[:CHIPS]:
                chip = Chip(method.title, row, checkable=False)
                chip.setObjectName(method.id)
                chip.setToolTip(method.summary)
                chip.clicked.connect(self._on_method)
                flow.addWidget(chip)
            if len(methods) > CHIPS:
                more = Chip(f"+{len(methods) - CHIPS}", row, checkable=False)
                more.setToolTip(", ".join(m.title for m in methods[CHIPS:]))
                more.clicked.connect(self._on_bench)
                flow.addWidget(more)
        else:
            start = Chip(self.tr("Open the bench"), row, checkable=False)
            start.clicked.connect(self._on_bench)
            flow.addWidget(start)
        self.words.addSpacing(4)
        self.words.addWidget(row)

    def _on_bench(self) -> None:
        self.chosen.emit(self._bench, "")

    def _on_method(self) -> None:
        sender = self.sender()
        if sender is not None:
            self.chosen.emit(self._bench, sender.objectName())


class _Row(CardButton):
    """A small picture and two lines beside it."""

    def __init__(
        self, title: str, line: str, picture: Path | None, parent: QWidget, *, edge: int = 56
    ) -> None:
        super().__init__(f"{title}, {line}", parent, margin=8, raised=True)
        inner = QWidget()
        row = QHBoxLayout(inner)
        row.setContentsMargins(0, 0, 4, 0)
        row.setSpacing(12)
        row.addWidget(Thumbnail(title, picture, size=edge, checkable=False))
        column = QVBoxLayout()
        column.setSpacing(2)
        heading = TextLabel(title, "strong")
        heading.setWordWrap(True)
        column.addStretch(1)
        column.addWidget(heading)
        column.addWidget(HintLabel(line))
        self.lines = column
        column.addStretch(1)
        row.addLayout(column, 1)
        self.add(inner)


class MethodCard(_Row):
    """One method. ``chosen(bench id, method id)``."""

    chosen = Signal(str, str)

    def __init__(self, bench: BenchSpec, method: MethodSpec, parent: QWidget) -> None:
        super().__init__(method.title, method.summary, asset(method.thumbnail), parent, edge=72)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMaximumHeight(140)
        self._bench, self._method = bench.id, method.id
        # Many authors do not fit; the card itself says them on hover, for it takes the mouse.
        source = ElidedLabel(method.source, "section")
        source.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.lines.insertWidget(self.lines.count() - 1, source)
        self.setToolTip(method.source)
        self.clicked.connect(self._on_click)

    def _on_click(self) -> None:
        self.chosen.emit(self._bench, self._method)


class ExampleCard(_Row):
    """One click starts it. ``chosen(ExampleSpec)``."""

    chosen = Signal(object)

    def __init__(self, bench: BenchSpec, example: ExampleSpec, parent: QWidget) -> None:
        line = f"{bench.verb} · {words.seconds(example.seconds)}"
        super().__init__(example.title, line, example_picture(example), parent, edge=72)
        # A large window gives the examples some of its height.
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMaximumHeight(180)
        self._example = example
        self.clicked.connect(self._on_click)

    def _on_click(self) -> None:
        self.chosen.emit(self._example)


class RecentCard(_Row):
    """A kept run; a click opens it with all its settings. ``chosen(run id)``."""

    chosen = Signal(str)

    def __init__(self, run: RunRow, parent: QWidget) -> None:
        picture = run.path / run.thumbnail if run.thumbnail else None
        if picture is not None and not picture.is_file():
            picture = None
        super().__init__(run.heading, recent_line(run), picture, parent, edge=44)
        self._id = run.id
        self.clicked.connect(self._on_click)

    def _on_click(self) -> None:
        self.chosen.emit(self._id)


def example_picture(example: ExampleSpec) -> Path | None:
    """The example's own thumbnail, else that of the sample it starts from, where known."""
    found = asset(example.thumbnail)
    for reference in example.inputs.values() if found is None else ():
        cached = cached_thumbnail(reference)
        if cached.is_file():
            return cached
    return found


def recent_line(run: RunRow) -> str:
    """``31.4 dB · 12 s · 2 min ago``; a run that did not finish says so first."""
    parts = []
    if run.shown_status != "finished":
        parts.append(run.shown_status)
    if "psnr" in run.metrics:
        parts.append(f"{run.metrics['psnr']:.1f} dB")
    if run.seconds:
        parts.append(words.seconds(run.seconds))
    return " · ".join([*parts, words.ago(run.created)])
