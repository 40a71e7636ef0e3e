import pytest
from PySide6.QtGui import QColor, QFontDatabase, QFontInfo, QFontMetricsF, QGuiApplication, QPalette
from PySide6.QtWidgets import QLabel, QPushButton

from widgets import theme
from widgets.tokens import DARK, LIGHT


def wears(widget, color):
    """Whether a widget's left edge is drawn in a color (screens of 16 bit round it)."""
    drawn, wanted = widget.grab().toImage().pixelColor(3, widget.height() // 2), QColor(color)
    pairs = zip(drawn.getRgb(), wanted.getRgb(), strict=True)
    return all(abs(a - b) <= 8 for a, b in pairs)


def test_switching_the_theme_redraws_what_is_open(qapp, qtbot):
    button = QPushButton("Run")
    button.setProperty("kind", "primary")
    qtbot.addWidget(button)
    button.show()
    assert wears(button, DARK.accent)
    with qtbot.waitSignal(theme.changed) as told:
        theme.apply(qapp, "light")
    assert told.args == [LIGHT]
    assert theme.theme() is LIGHT
    assert wears(button, LIGHT.accent)
    assert qapp.palette().color(QPalette.ColorRole.Window).name().upper() == LIGHT.window


def test_applying_the_same_theme_again_tells_nobody(qapp, qtbot):
    with qtbot.assertNotEmitted(theme.changed):
        theme.apply(qapp, "dark")


def test_follows_the_system_while_it_runs(qapp, qtbot, monkeypatch):
    monkeypatch.setattr(theme, "system_theme", lambda: LIGHT)
    theme.apply(qapp, "system")
    assert theme.theme() is LIGHT
    monkeypatch.setattr(theme, "system_theme", lambda: DARK)
    hints = QGuiApplication.styleHints()
    hints.colorSchemeChanged.emit(hints.colorScheme())
    assert theme.theme() is DARK


def test_a_chosen_theme_stays_when_the_system_changes(qapp, monkeypatch):
    theme.apply(qapp, "light")
    monkeypatch.setattr(theme, "system_theme", lambda: DARK)
    hints = QGuiApplication.styleHints()
    hints.colorSchemeChanged.emit(hints.colorScheme())
    assert theme.theme() is LIGHT
    assert theme.mode() == "light"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(("blue",), "system, light, dark"), (("dark", 5.0), "between 0.8 and 2")],
)
def test_bad_arguments_say_what_is_allowed(qapp, arguments, words):
    with pytest.raises(ValueError, match=words):
        theme.apply(qapp, *arguments)


def test_unknown_color_names_the_known_ones():
    with pytest.raises(KeyError, match="accent"):
        theme.color("teal")
    assert theme.color("accent", 0.5).alphaF() == pytest.approx(0.5, abs=0.01)


def test_the_bundled_font_is_used(qapp):
    assert theme.family() == "Inter"
    assert QFontInfo(qapp.font()).family() == "Inter"
    assert qapp.font().pixelSize() == 13


def test_digits_have_one_width(qapp):
    metrics = QFontMetricsF(theme.font(13))
    assert len({round(metrics.horizontalAdvance(d * 20), 2) for d in "0123456789"}) == 1


def test_the_system_font_stands_in_where_the_files_are_missing(qapp, monkeypatch, tmp_path):
    theme.family.cache_clear()
    monkeypatch.setattr(theme, "FONTS", tmp_path)
    system = QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont).family()
    assert theme.family() == system
    theme.family.cache_clear()


def test_text_scale_reaches_font_and_sheet(qapp, qtbot):
    label = QLabel("Title")
    label.setProperty("role", "title")
    qtbot.addWidget(label)
    label.show()
    before = label.sizeHint().height()
    theme.apply(qapp, "dark", 1.5)
    assert qapp.font().pixelSize() == 20
    assert label.sizeHint().height() > before
    assert theme.text_scale() == 1.5


def test_motion_is_short_and_can_be_switched_off():
    theme.set_reduced_motion(False)
    assert theme.motion(400) == 150
    assert theme.motion(80) == 80
    theme.set_reduced_motion(True)
    assert theme.motion(80) == 0
