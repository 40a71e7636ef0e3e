"""The look of the whole application: one theme at a time, applied and changed live.

Use::

    theme.apply(app, "system")              # or "dark", "light"
    theme.color("accent")                   # QColor of the present theme
    theme.changed.connect(self._repaint)    # a bound method: it does not keep self alive
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Literal

from PySide6.QtCore import QCoreApplication, QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication, QWidget

from widgets import stylesheet, tokens
from widgets.tokens import DARK, LIGHT, SeriesStyle, Theme

Mode = Literal["system", "light", "dark"]
MODES: tuple[Mode, ...] = ("system", "light", "dark")
FONTS = Path(__file__).parent.parent / "assets" / "fonts"


class _Keeper(QObject):
    """Holds the present theme; the one object of this module that has signals."""

    changed = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.theme: Theme = DARK
        self.mode: Mode = "system"
        self.text_scale = 1.0
        self.reduced_motion = False
        self.following = False

    def follow(self) -> None:
        """The system's color scheme changed."""
        app = QApplication.instance()
        if self.mode == "system" and isinstance(app, QApplication):
            apply(app, "system", self.text_scale)


_keeper = _Keeper()
#: Emitted with the new ``Theme`` after it, or another text scale, has been applied.
changed = _keeper.changed


def theme() -> Theme:
    """The theme that is shown."""
    return _keeper.theme


def mode() -> Mode:
    """What was asked for: ``system`` follows the desktop."""
    return _keeper.mode


def text_scale() -> float:
    """Factor on all type sizes."""
    return _keeper.text_scale


def color(name: str, alpha: float = 1.0) -> QColor:
    """The token ``name`` of the present theme; ``alpha`` from 0 to 1.

    Raises:
        KeyError: there is no such color.
    """
    if name not in _keeper.theme.color_names():
        known = ", ".join(_keeper.theme.color_names())
        raise KeyError(f"color {name!r} is unknown; known: {known}")
    found = QColor(getattr(_keeper.theme, name))
    found.setAlphaF(alpha)
    return found


def series(index: int) -> SeriesStyle:
    """How curve ``index`` is drawn in the present theme."""
    return _keeper.theme.series(index)


def set_reduced_motion(on: bool) -> None:
    """Switch every animation of the widgets off (or on again)."""
    _keeper.reduced_motion = on


def reduced_motion() -> bool:
    """Whether a person asked for no animation."""
    return _keeper.reduced_motion


def motion(milliseconds: int) -> int:
    """How long an animation may take: at most 150 ms, 0 under reduced motion."""
    return 0 if _keeper.reduced_motion else min(milliseconds, 150)


def scaled(pixels: float) -> int:
    """A type size after the text scale, in pixels."""
    return max(1, round(pixels * _keeper.text_scale))


@lru_cache(maxsize=1)
def family() -> str:
    """Family of the bundled font, or of the system's where the files are missing."""
    found = ""
    for path in sorted(FONTS.glob("*.otf")):
        number = QFontDatabase.addApplicationFont(str(path))
        if number >= 0 and not found:
            found = QFontDatabase.applicationFontFamilies(number)[0]
    return found or QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont).family()


def font(size: int = tokens.SIZE_BASE, weight: int = 400) -> QFont:
    """The text font at ``size`` pixels (before the text scale), digits of equal width."""
    made = QFont(family())
    made.setPixelSize(scaled(size))
    made.setWeight(QFont.Weight(weight))
    made.setFeature(QFont.Tag("tnum"), 1)
    made.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    return made


def set_role(widget: QWidget, role: str) -> None:
    """Give a widget one of the style sheet's roles (``hint``, ``section``, ``title``, …)."""
    widget.setProperty("role", role)
    refresh(widget)


def refresh(widget: QWidget) -> None:
    """Let the style sheet see a property that changed."""
    style = widget.style()
    style.unpolish(widget)
    style.polish(widget)
    widget.update()


def system_theme() -> Theme:
    """What the desktop asks for; dark where it does not say, as pictures show best on it."""
    scheme = QGuiApplication.styleHints().colorScheme()
    return LIGHT if scheme == Qt.ColorScheme.Light else DARK


def apply(app: QCoreApplication, mode: Mode = "system", text_scale: float = 1.0) -> Theme:
    """Dress ``app`` and everything it shows, now and when the desktop's scheme changes.

    Args:
        app: the running ``QApplication``.
        mode: ``system`` follows the desktop; ``light`` and ``dark`` stay.
        text_scale: factor on all type sizes, 0.8 to 2.

    Raises:
        ValueError: ``mode`` or ``text_scale`` is not allowed.
    """
    if mode not in MODES:
        raise ValueError(f"theme mode {mode!r} is unknown; allowed: {', '.join(MODES)}")
    if not 0.8 <= text_scale <= 2.0:
        raise ValueError(f"text_scale {text_scale} is not allowed; it lies between 0.8 and 2")
    if not isinstance(app, QApplication):
        raise TypeError("a theme needs a QApplication")
    hints = QGuiApplication.styleHints()
    if not _keeper.following:
        hints.colorSchemeChanged.connect(_keeper.follow)
        _keeper.following = True
    before = _keeper.theme, _keeper.text_scale
    _keeper.mode, _keeper.text_scale = mode, text_scale
    _ask_platform(mode)
    _keeper.theme = {"light": LIGHT, "dark": DARK}.get(mode) or system_theme()
    if app.style().name() != "fusion":
        app.setStyle("Fusion")
    app.setPalette(_palette(_keeper.theme))
    app.setFont(font())
    app.setStyleSheet(stylesheet.build(_keeper.theme, family(), text_scale))
    if (_keeper.theme, _keeper.text_scale) != before:
        changed.emit(_keeper.theme)
    return _keeper.theme


def _ask_platform(mode: Mode) -> None:
    """Let native parts (title bar, file dialog) wear the same; platforms may ignore it."""
    hints = QGuiApplication.styleHints()
    if mode == "system":
        hints.unsetColorScheme()
        return
    wanted = Qt.ColorScheme.Dark if mode == "dark" else Qt.ColorScheme.Light
    if hints.colorScheme() != wanted:
        hints.setColorScheme(wanted)


def _palette(shown: Theme) -> QPalette:
    """The palette for what the style sheet does not reach: items, links, selections."""
    role, group = QPalette.ColorRole, QPalette.ColorGroup
    palette = QPalette()
    plain = {
        role.Window: shown.window,
        role.Base: shown.surface,
        role.AlternateBase: shown.raised,
        role.Button: shown.raised,
        role.ToolTipBase: shown.control,
        role.WindowText: shown.text,
        role.Text: shown.text,
        role.ButtonText: shown.text,
        role.ToolTipText: shown.text,
        role.BrightText: shown.red,
        role.PlaceholderText: shown.hint,
        role.Highlight: shown.accent_ground,
        role.HighlightedText: shown.text,
        role.Accent: shown.accent,
        role.Link: shown.accent,
        role.LinkVisited: shown.accent,
        role.Light: shown.control,
        role.Midlight: shown.control,
        role.Mid: shown.line,
        role.Dark: shown.line,
        role.Shadow: shown.window,
    }
    for which, value in plain.items():
        palette.setColor(which, QColor(value))
    for which in (role.WindowText, role.Text, role.ButtonText, role.HighlightedText):
        palette.setColor(group.Disabled, which, QColor(shown.disabled))
    return palette
