import re

import pytest

from widgets import stylesheet
from widgets.tokens import DARK, LIGHT, contrast

THEMES = [DARK, LIGHT]


@pytest.mark.parametrize("theme", THEMES, ids=lambda t: t.name)
def test_every_text_is_readable_on_its_ground(theme):
    poor = {
        (text, ground): round(contrast(getattr(theme, text), getattr(theme, ground)), 2)
        for text, ground in theme.text_pairs()
        if contrast(getattr(theme, text), getattr(theme, ground)) < 4.5
    }
    assert poor == {}


@pytest.mark.parametrize("theme", THEMES, ids=lambda t: t.name)
def test_curves_and_controls_stand_out_from_their_ground(theme):
    for color in theme.series_colors:
        assert contrast(color, theme.surface) >= 4.5
    # The edge of a control that shows its state needs 3:1 (WCAG 1.4.11).
    for edge in ("accent", "hint", "amber", "red"):
        assert contrast(getattr(theme, edge), theme.surface) >= 3
        assert contrast(getattr(theme, edge), theme.raised) >= 3


def test_series_differ_by_more_than_color():
    styles = [DARK.series(i) for i in range(6)]
    assert len({s.dash for s in styles}) == 6
    assert len({s.marker for s in styles}) == 6
    assert DARK.series(6).color == DARK.series(0).color


def test_contrast_of_the_extremes():
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#777777", "#777777") == pytest.approx(1)


@pytest.mark.parametrize("theme", THEMES, ids=lambda t: t.name)
def test_style_sheet_is_whole(theme):
    sheet = stylesheet.build(theme, "Inter", 1.5)
    assert "$" not in sheet
    assert sheet.count("{") == sheet.count("}")
    for path in set(re.findall(r'url\("([^"]+)"\)', sheet)):
        assert (stylesheet.CONTROLS / theme.name / path.rsplit("/", 1)[1]).is_file(), path


@pytest.mark.parametrize("theme", THEMES, ids=lambda t: t.name)
def test_drawn_controls_use_the_tokens_only(theme):
    tokens = {getattr(theme, name).upper() for name in theme.color_names()}
    for file in (stylesheet.CONTROLS / theme.name).glob("*.svg"):
        used = {c.upper() for c in re.findall(r"#[0-9A-Fa-f]{6}", file.read_text())}
        assert used <= tokens, file.name


def test_a_sheet_in_use_puts_only_checked_colors_together():
    """Colors written out in the sheet are tokens; only the overlay on pictures is its own."""
    for theme in THEMES:
        tokens = {getattr(theme, name).upper() for name in theme.color_names()}
        used = set(re.findall(r"#[0-9A-Fa-f]{6}", stylesheet.build(theme, "Inter")))
        assert {c.upper() for c in used} <= tokens | {"#FFFFFF"}
