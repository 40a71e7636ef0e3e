"""The application's own line icons, tinted by the present theme and crisp at any scale.

``icon("play")`` gives a QIcon whose color follows the theme and the control's state by
itself: nothing has to be replaced when the theme changes.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QIconEngine, QImage, QPainter, QPixmap, QPixmapCache
from PySide6.QtSvg import QSvgRenderer

from widgets import theme

FOLDER = Path(__file__).parent.parent / "assets" / "icons"
#: Edge of the icons' grid in pixels.
GRID = 20


@lru_cache(maxsize=1)
def names() -> tuple[str, ...]:
    """All icons there are."""
    return tuple(sorted(p.stem for p in FOLDER.glob("*.svg") if p.stem != "app"))


@lru_cache(maxsize=256)
def _renderer(name: str) -> QSvgRenderer:
    if name != "app" and name not in names():
        raise KeyError(f"icon {name!r} is unknown; known: {', '.join(names())}")
    return QSvgRenderer(str(FOLDER / f"{name}.svg"))


def pixmap(name: str, size: int = GRID, color: QColor | str = "text", dpr: float = 1.0) -> QPixmap:
    """The icon in one color, ``size`` logical pixels wide at a device pixel ratio.

    Args:
        color: a ``QColor`` or the name of a theme color.

    Raises:
        KeyError: the icon or the color is unknown.
    """
    tint = theme.color(color) if isinstance(color, str) else color
    edge = max(1, round(size * dpr))
    key = f"priorbench-icon-{name}-{edge}-{tint.name(QColor.NameFormat.HexArgb)}-{dpr}"
    found = QPixmap()
    if QPixmapCache.find(key, found):
        return found
    image = QImage(edge, edge, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    _renderer(name).render(painter, QRectF(0, 0, edge, edge))
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceIn)
    painter.fillRect(image.rect(), tint)
    painter.end()
    made = QPixmap.fromImage(image)
    made.setDevicePixelRatio(dpr)
    QPixmapCache.insert(key, made)
    return made


class _Engine(QIconEngine):
    """Draws one icon in the color that the theme and the control's state ask for."""

    def __init__(self, name: str, color: str) -> None:
        super().__init__()
        self._name, self._color = name, color

    def _tint(self, mode: QIcon.Mode, state: QIcon.State) -> QColor:
        if mode == QIcon.Mode.Disabled:
            return theme.color("disabled")
        if self._color:
            return theme.color(self._color)
        if state == QIcon.State.On:
            return theme.color("accent")
        return theme.color("secondary" if mode == QIcon.Mode.Normal else "text")

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        """Draw centered and square into ``rect``."""
        edge = min(rect.width(), rect.height())
        device = painter.device()
        dpr = device.devicePixelRatioF() if device is not None else 1.0
        corner = rect.center() - QPoint((edge - 1) // 2, (edge - 1) // 2)
        painter.drawPixmap(corner, pixmap(self._name, edge, self._tint(mode, state), dpr))

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        """The icon at ``size`` device pixels."""
        return pixmap(self._name, min(size.width(), size.height()), self._tint(mode, state))

    def scaledPixmap(
        self, size: QSize, mode: QIcon.Mode, state: QIcon.State, scale: float
    ) -> QPixmap:
        """The icon at ``size`` logical pixels for a screen of ``scale``."""
        edge = min(size.width(), size.height())
        return pixmap(self._name, edge, self._tint(mode, state), scale)

    def clone(self) -> QIconEngine:
        """Another engine of the same icon."""
        return _Engine(self._name, self._color)


def icon(name: str, color: str = "") -> QIcon:
    """An icon that keeps to the theme.

    Args:
        color: name of a theme color; empty means quiet at rest, bright under the pointer,
            accent where checked.

    Raises:
        KeyError: the icon is unknown; the message lists the known ones.
    """
    _renderer(name)
    return QIcon(_Engine(name, color))


def app_icon() -> QIcon:
    """The application's own icon, in its own colors."""
    made = QIcon()
    renderer = _renderer("app")
    for edge in (16, 24, 32, 48, 64, 128, 256):
        image = QImage(edge, edge, QImage.Format.Format_ARGB32_Premultiplied)
        image.fill(Qt.GlobalColor.transparent)
        painter = QPainter(image)
        renderer.render(painter, QRectF(0, 0, edge, edge))
        painter.end()
        made.addPixmap(QPixmap.fromImage(image))
    return made
