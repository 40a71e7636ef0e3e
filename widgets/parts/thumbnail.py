"""A small picture that can be chosen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QImage, QImageReader, QPainter, QPainterPath, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from widgets import icons, theme
from widgets.tokens import RADIUS_BUTTON


def to_pixmap(source: Any, bound: QSize | None = None) -> QPixmap:
    """A pixmap from a QPixmap, QImage, path or uint8 array (H, W, 3).

    Args:
        bound: files larger than this (device pixels) are decoded smaller, covering it.

    Returns:
        A null pixmap where a file cannot be read.

    Raises:
        TypeError: the source is of no known kind.
    """
    if source is None:
        return QPixmap()
    if isinstance(source, QPixmap):
        return source
    if isinstance(source, QImage):
        return QPixmap.fromImage(source)
    if isinstance(source, (str, Path)):
        reader = QImageReader(str(source))
        reader.setAutoTransform(True)
        size = reader.size()
        if bound is not None and size.isValid() and size.width() > bound.width():
            reader.setScaledSize(size.scaled(bound, Qt.AspectRatioMode.KeepAspectRatioByExpanding))
        return QPixmap.fromImage(reader.read())
    shape = getattr(source, "shape", ())
    if len(shape) == 3 and shape[2] == 3 and str(source.dtype) == "uint8":
        data = source.tobytes()
        height, width = int(shape[0]), int(shape[1])
        image = QImage(data, width, height, 3 * width, QImage.Format.Format_RGB888)
        return QPixmap.fromImage(image.copy())
    raise TypeError(f"no picture can be made from {type(source).__name__} {shape}")


class Thumbnail(QAbstractButton):
    """A rounded picture, cropped to fill; checkable ones show an accent ring when chosen."""

    def __init__(
        self,
        title: str = "",
        source: Any = None,
        parent: QWidget | None = None,
        *,
        size: QSize | int = 50,
        checkable: bool = True,
        radius: int = RADIUS_BUTTON,
    ) -> None:
        super().__init__(parent)
        self._radius = radius
        self._pixmap = QPixmap()
        self._fitted = QPixmap()
        self.setCheckable(checkable)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.set_size(QSize(size, size) if isinstance(size, int) else size)
        self.set_title(title)
        self.set_source(source)

    def set_size(self, size: QSize) -> None:
        """A width of 0 lets the layout choose it."""
        self._size = size
        if size.width() > 0:
            self.setFixedSize(size)
        else:
            self.setFixedHeight(size.height())
            self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_title(self, title: str) -> None:
        """What the picture is: its tip and accessible name."""
        self.setToolTip(title)
        self.setAccessibleName(title)

    def set_source(self, source: Any) -> None:
        """Show a picture (see ``to_pixmap``); None shows an empty frame."""
        bound = self._size * 2 if self._size.width() > 0 else QSize(640, 2 * self._size.height())
        self._pixmap = to_pixmap(source, bound)
        self._fitted = QPixmap()
        self.update()

    def has_picture(self) -> bool:
        """Whether there is something to see."""
        return not self._pixmap.isNull()

    def sizeHint(self) -> QSize:
        """As it was set."""
        return QSize(max(self._size.width(), 160), self._size.height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw picture, ring and focus."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        shape = QPainterPath()
        shape.addRoundedRect(area, self._radius, self._radius)
        painter.fillPath(shape, theme.color("control"))
        painter.setClipPath(shape)
        if self._pixmap.isNull():
            edge = min(24, self.height() // 2)
            shown = icons.pixmap("picture", edge, "hint", self.devicePixelRatioF())
            painter.drawPixmap(
                self.rect().center().x() - edge // 2, self.height() // 2 - edge // 2, shown
            )
        else:
            painter.drawPixmap(self.rect(), self._cropped())
        if not self.isEnabled():
            painter.fillPath(shape, theme.color("surface", 0.55))
        painter.setClipping(False)
        width, name = 1.0, "line"
        if self.hasFocus():
            width, name = 2.0, "text"
        elif self.isChecked():
            width, name = 2.0, "accent"
        elif self.underMouse() and self.isEnabled():
            name = "hint"
        painter.setPen(QPen(theme.color(name), width))
        painter.drawPath(shape)

    def _cropped(self) -> QPixmap:
        wanted = self.size() * self.devicePixelRatioF()
        if self._fitted.size() != wanted:
            scaled = self._pixmap.scaled(
                wanted,
                Qt.AspectRatioMode.KeepAspectRatioByExpanding,
                Qt.TransformationMode.SmoothTransformation,
            )
            corner = QRect(
                (scaled.width() - wanted.width()) // 2,
                (scaled.height() - wanted.height()) // 2,
                wanted.width(),
                wanted.height(),
            )
            self._fitted = scaled.copy(corner)
        return self._fitted
