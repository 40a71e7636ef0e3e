import re

import pytest
from PySide6.QtCore import QSize
from PySide6.QtGui import QColor, QIcon
from PySide6.QtWidgets import QToolButton

from widgets import icons, theme

NEEDED = {
    *("home", "restore", "plan", "rebuild", "explore", "history", "models", "settings", "open"),
    *("save", "copy", "play", "pause", "step", "stop", "repeat", "delete", "search", "help"),
    *("brush", "eraser", "rectangle", "undo", "redo", "fit", "hundred", "wipe", "side"),
    *("difference", "folder", "log", "close", "warning", "error", "check", "info", "reset"),
    *("chevron-down", "chevron-up", "chevron-left", "chevron-right", "more", "external"),
    *("engine", "plus"),
}


def inked(pixmap):
    """Colors of the clearly drawn pixels."""
    image = pixmap.toImage()
    points = ((x, y) for x in range(image.width()) for y in range(image.height()))
    colors = (image.pixelColor(x, y) for x, y in points)
    return {c.name().upper() for c in colors if c.alpha() == 255}


def test_every_icon_is_there_and_drawn():
    assert set(icons.names()) >= NEEDED
    for name in icons.names():
        assert inked(icons.pixmap(name, 40, QColor("#123456"))) == {"#123456"}, name


def test_icons_share_grid_and_stroke():
    for name in icons.names():
        drawing = (icons.FOLDER / f"{name}.svg").read_text()
        assert 'viewBox="0 0 20 20"' in drawing, name
        assert set(re.findall(r'stroke-width="([^"]+)"', drawing)) <= {"1.7"}, name


def test_icons_stay_inside_their_grid():
    for name in icons.names():
        image = icons.pixmap(name, 80).toImage()
        border = [
            (a, b)
            for a in range(80)
            for b in (0, 79)
            if image.pixelColor(a, b).alpha() > 128 or image.pixelColor(b, a).alpha() > 128
        ]
        assert not border, name


def test_an_icon_follows_theme_and_state(qapp):
    icon, size = icons.icon("play"), QSize(20, 20)
    dark = inked(icon.pixmap(size))
    assert dark == {theme.theme().secondary}
    assert inked(icon.pixmap(size, QIcon.Mode.Disabled)) == {theme.theme().disabled}
    on = icon.pixmap(size, QIcon.Mode.Normal, QIcon.State.On)
    assert inked(on) == {theme.theme().accent}
    theme.apply(qapp, "light")
    assert inked(icon.pixmap(size)) == {theme.theme().secondary}
    assert inked(icons.icon("play", "red").pixmap(size)) == {theme.theme().red}


def test_icons_are_sharp_on_dense_screens():
    dense = icons.icon("home").pixmap(QSize(20, 20), 2.0)
    assert dense.size() == QSize(40, 40)
    assert dense.devicePixelRatio() == 2.0


def test_an_icon_outlives_its_maker_in_a_button(qtbot):
    button = QToolButton()
    qtbot.addWidget(button)
    button.setIcon(QIcon(icons.icon("home")))
    button.show()
    assert not button.grab().isNull()


def test_unknown_icon_names_the_known_ones():
    with pytest.raises(KeyError, match="home"):
        icons.icon("house")


def test_the_application_icon_has_all_sizes():
    sizes = {s.width() for s in icons.app_icon().availableSizes()}
    assert {16, 32, 48, 256} <= sizes
