"""What the stage shows before there is a picture: what to do, and something to try at once."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QIcon, QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from widgets import icons, theme
from widgets.image_view.layer import checked_pixels, image_over
from widgets.parts.buttons import Chip

THUMBNAIL = QSize(72, 72)


class EmptyState(QWidget):
    """An invitation, an Open button and, where given, a row of samples to pick from."""

    openRequested = Signal()
    sampleChosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._sign = QLabel(alignment=Qt.AlignmentFlag.AlignCenter)
        self._title = QLabel(alignment=Qt.AlignmentFlag.AlignCenter)
        self._title.setWordWrap(True)
        self._open = Chip(self.tr("Open …"), self, checkable=False)
        self._open.clicked.connect(self.openRequested)
        self._row = QHBoxLayout()
        self._row.setSpacing(8)
        self._row.setAlignment(Qt.AlignmentFlag.AlignCenter)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 24, 24, 24)
        layout.setSpacing(12)
        layout.addStretch()
        layout.addWidget(self._sign)
        layout.addWidget(self._title)
        layout.addLayout(self._row)
        layout.addWidget(self._open, alignment=Qt.AlignmentFlag.AlignCenter)
        layout.addStretch()
        self.set_text("")
        theme.changed.connect(self._dress)
        self._dress()

    def set_text(self, text: str) -> None:
        """What to do; an empty text gives the usual invitation."""
        self._title.setText(text or self.tr("Drop a picture here, or pick one of these"))

    def set_samples(self, samples: Sequence[tuple[str, str, object]]) -> None:
        """Offer samples: (key, title, uint8 array (H, W, 3)) each, shown as buttons."""
        while (item := self._row.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.setParent(None)
                old.deleteLater()
        for key, title, array in samples:
            button = QToolButton(self)
            button.setIcon(QIcon(_thumbnail(array, key)))
            button.setIconSize(THUMBNAIL)
            button.setFixedSize(THUMBNAIL + QSize(12, 12))
            button.setToolTip(title)
            button.setAccessibleName(title)
            button.setProperty("sample", key)
            button.clicked.connect(self._choose)
            self._row.addWidget(button)

    def _choose(self) -> None:
        self.sampleChosen.emit(self.sender().property("sample"))

    def _dress(self, _theme: object = None) -> None:
        self._sign.setPixmap(icons.pixmap("picture", 32, "hint", self.devicePixelRatioF()))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """A dashed outline: the area that takes a drop."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.color("hint"), 1.2, Qt.PenStyle.DashLine))
        area = QRectF(self.rect()).adjusted(10.5, 10.5, -10.5, -10.5)
        painter.drawRoundedRect(area, 8, 8)


def _thumbnail(array: object, name: str) -> QPixmap:
    pixels = checked_pixels(array, name)
    image = image_over(pixels)
    edge = min(image.width(), image.height())
    square = image.copy((image.width() - edge) // 2, (image.height() - edge) // 2, edge, edge)
    # Twice the size on screen, which is what a high-density display shows.
    return QPixmap.fromImage(
        square.scaled(
            THUMBNAIL * 2,
            Qt.AspectRatioMode.IgnoreAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )
    )
