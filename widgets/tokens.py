"""The design tokens: colors of the two themes, type sizes, spacing and radii, without Qt."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import NamedTuple

#: Spacing steps in pixels; layouts use nothing between them.
SPACING = (4, 6, 8, 12, 16, 24)
#: Corner radii in pixels.
RADIUS_FIELD, RADIUS_BUTTON, RADIUS_CARD = 6, 8, 10
#: Type sizes in pixels, by role.
SIZE_BASE, SIZE_HINT, SIZE_SECTION, SIZE_TITLE, SIZE_DISPLAY = 13, 12, 11, 16, 24
#: Every control is at least this high, in pixels.
CONTROL_HEIGHT = 28


class SeriesStyle(NamedTuple):
    """How one curve of several is told apart: by color, and by dash or marker as well.

    ``dash`` is a Qt dash pattern in pen widths (empty: solid); ``marker`` the shape of its points.
    """

    color: str
    dash: tuple[float, ...]
    marker: str


_DASHES: tuple[tuple[tuple[float, ...], str], ...] = (
    ((), "o"),
    ((6, 3), "s"),
    ((1.5, 2.5), "t"),
    ((8, 3, 1.5, 3), "d"),
    ((3, 3), "+"),
    ((10, 3, 1.5, 3, 1.5, 3), "star"),
)


@dataclass(frozen=True)
class Theme:
    """One set of colors. Text colors reach 4.5:1 on every ground listed in ``text_pairs``."""

    name: str
    dark: bool
    # grounds
    window: str
    surface: str
    raised: str
    control: str
    hover: str
    line: str
    stage: str
    # texts
    text: str
    secondary: str
    hint: str
    # signals
    accent: str
    accent_ground: str
    accent_hover: str
    on_accent: str
    amber: str
    amber_ground: str
    red: str
    red_ground: str
    # small parts
    knob: str
    disabled: str
    series_colors: tuple[str, ...]

    def color_names(self) -> list[str]:
        """The tokens that are a single color."""
        return [f.name for f in fields(self) if str(getattr(self, f.name)).startswith("#")]

    def series(self, index: int) -> SeriesStyle:
        """Style of curve ``index``; colors and dashes repeat after six."""
        dash, marker = _DASHES[index % len(_DASHES)]
        return SeriesStyle(self.series_colors[index % len(self.series_colors)], dash, marker)

    def text_pairs(self) -> list[tuple[str, str]]:
        """Every (text token, ground token) that the style sheet and the widgets put together."""
        grounds = ("window", "surface", "raised", "control")
        texts = ("text", "secondary", "hint", "accent", "amber", "red")
        pairs = [(t, g) for t in texts for g in grounds]
        pairs += [("text", "hover"), ("secondary", "hover"), ("accent", "hover"), ("hint", "hover")]
        pairs += [("text", "accent_ground"), ("accent", "accent_ground")]
        pairs += [("on_accent", "accent"), ("on_accent", "accent_hover")]
        pairs += [("text", "amber_ground"), ("amber", "amber_ground"), ("accent", "amber_ground")]
        pairs += [("text", "red_ground"), ("red", "red_ground"), ("accent", "red_ground")]
        return pairs


DARK = Theme(
    name="dark",
    dark=True,
    window="#0E1116",
    surface="#151A21",
    raised="#1B212A",
    control="#242C37",
    hover="#2B3441",
    line="#2A3340",
    stage="#000000",
    text="#E8ECF2",
    secondary="#A3AFBF",
    hint="#98A4B4",
    accent="#5CCFBE",
    accent_ground="#1D4A45",
    accent_hover="#7ADDCF",
    on_accent="#06231F",
    amber="#F2B457",
    amber_ground="#33291A",
    red="#F2777A",
    red_ground="#3A2026",
    knob="#E8ECF2",
    disabled="#667283",
    # Accent first, then hues that keep apart for protanopes and deuteranopes by lightness.
    series_colors=("#5CCFBE", "#F0AE6B", "#8AB8F7", "#E79BCB", "#D9D06A", "#B8A5F5"),
)

LIGHT = Theme(
    name="light",
    dark=False,
    window="#F4F6F9",
    surface="#FFFFFF",
    raised="#F7F9FB",
    control="#E9EEF4",
    hover="#E8EDF3",
    line="#DBE2EA",
    stage="#000000",
    text="#17202B",
    secondary="#4E5C6B",
    hint="#5C6A7A",
    accent="#0A7567",
    accent_ground="#D3EFEA",
    accent_hover="#086156",
    on_accent="#FFFFFF",
    amber="#8F5900",
    amber_ground="#FBF1DF",
    red="#B3261E",
    red_ground="#FBE9E7",
    knob="#FFFFFF",
    disabled="#98A4B4",
    series_colors=("#0A7567", "#9A5416", "#2463B5", "#A8327E", "#6B6100", "#6A4BC0"),
)


def luminance(color: str) -> float:
    """Relative luminance of ``#RRGGBB``, 0 to 1 (WCAG 2.2)."""
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    """Contrast ratio of two ``#RRGGBB`` colors, 1 to 21 (WCAG 2.2)."""
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)
