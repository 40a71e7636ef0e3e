from itertools import pairwise

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QSize, Qt
from PySide6.QtGui import QColor, QHelpEvent, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QToolTip, QVBoxLayout, QWidget

from widgets.parts import (
    Banner,
    Card,
    CardButton,
    Chip,
    ChipGroup,
    ElidedCombo,
    ElidedLabel,
    EmptyState,
    FlowLayout,
    IconButton,
    LinkButton,
    Rail,
    Reveal,
    TabButton,
    TabRow,
    Thumbnail,
    to_pixmap,
)

LEFT = Qt.MouseButton.LeftButton
OPTIONS = [("noise", "Noise", "Grain"), ("blur", "Blur", ""), ("low", "Low resolution", "")]


@pytest.fixture
def show(qtbot):
    def shown(widget):
        qtbot.addWidget(widget)
        widget.show()
        qtbot.waitExposed(widget)
        return widget

    return shown


def test_a_chip_is_chosen_by_mouse(show, qtbot):
    group = show(ChipGroup(OPTIONS, name="Damage"))
    assert group.value() == "noise"
    with qtbot.waitSignal(group.changed) as told:
        qtbot.mouseClick(group.chips()[1], LEFT)
    assert told.args == ["blur"]
    with qtbot.assertNotEmitted(group.changed):
        qtbot.mouseClick(group.chips()[1], LEFT)


def test_arrow_keys_move_the_chosen_chip(show, qtbot):
    group = show(ChipGroup(OPTIONS))
    group.activateWindow()
    group.chips()[0].setFocus()
    qtbot.waitUntil(lambda: group.chips()[0].hasFocus())
    QTest.keyClick(group.chips()[0], Qt.Key.Key_Right)
    assert group.value() == "blur"


def test_setting_a_chip_by_program_is_silent_and_checked(show, qtbot):
    group = show(ChipGroup(OPTIONS))
    with qtbot.assertNotEmitted(group.changed):
        group.set_value("low")
    assert group.value() == "low"
    with pytest.raises(ValueError, match="noise, blur, low"):
        group.set_value("fog")


def test_new_options_keep_the_choice_if_it_is_still_there(show):
    group = show(ChipGroup(OPTIONS))
    group.set_value("blur")
    group.set_options([("blur", "Blur", ""), ("new", "New", "")])
    assert group.value() == "blur"
    group.set_options([("x", "X", ""), ("y", "Y", "")])
    assert group.value() == "x"
    assert len(group.chips()) == 2


def test_flow_wraps_and_leaves_out_hidden_items(show):
    host = QWidget()
    flow = FlowLayout(host, spacing=6)
    chips = [Chip(f"chip {i}") for i in range(6)]
    for chip in chips:
        flow.addWidget(chip)
    one_row = flow.heightForWidth(10_000)
    assert one_row == chips[0].sizeHint().height()
    width = 2 * chips[0].sizeHint().width() + 6
    assert flow.heightForWidth(width) == 3 * one_row + 2 * 6
    for chip in chips[2:]:
        chip.hide()
    assert flow.heightForWidth(width) == one_row
    host.resize(width, 200)
    show(host)
    assert chips[1].x() == chips[0].geometry().right() + 7


def test_flow_gives_its_items_back(qtbot):
    flow = FlowLayout()
    label = QLabel("x")
    qtbot.addWidget(label)
    flow.addWidget(label)
    assert flow.count() == 1
    assert flow.takeAt(0).widget() is label
    assert flow.takeAt(0) is None
    assert flow.itemAt(3) is None
    assert flow.minimumSize() == QSize(0, 0)


def rail():
    made = Rail()
    made.add("start", "Start", "home")
    made.add("restore", "Restore", "restore")
    made.add("settings", "Settings", "settings", foot=True)
    return made


def test_rail_tells_the_page_that_was_chosen(show, qtbot):
    pages = show(rail())
    assert pages.width() == 64
    assert pages.current() == "start"
    with qtbot.waitSignal(pages.activated) as told:
        qtbot.mouseClick(pages.button("restore"), LEFT)
    assert told.args == ["restore"]
    assert pages.current() == "restore"
    with qtbot.assertNotEmitted(pages.activated):
        pages.set_current("settings")
    assert pages.current() == "settings"


def test_rail_is_worked_by_keyboard(show, qtbot):
    pages = show(rail())
    pages.activateWindow()
    pages.button("start").setFocus()
    qtbot.waitUntil(lambda: pages.button("start").hasFocus())
    with qtbot.waitSignal(pages.activated) as told:
        QTest.keyClick(pages.button("start"), Qt.Key.Key_Down)
    assert told.args == ["restore"]


def test_rail_says_what_goes_on_in_a_page(show):
    pages = show(rail())
    plain = pages.button("restore").grab().toImage()
    pages.set_badge("restore", "running")
    assert pages.badge("restore") == "running"
    assert pages.button("restore").accessibleDescription() == "running"
    assert pages.button("restore").grab().toImage() != plain
    pages.set_badge("restore", "")
    assert pages.button("restore").accessibleDescription() == ""
    with pytest.raises(ValueError, match="restore"):
        pages.add("restore", "Again", "restore")


def test_banner_offers_the_next_step(show, qtbot):
    host = show(QWidget())
    banner = Banner(host)
    assert not banner.isVisibleTo(host)
    banner.show_message("The engine stopped.", "error", "Start again")
    assert banner.isVisibleTo(host)
    assert banner.level() == "error"
    assert banner.accessibleName() == "The engine stopped."
    with qtbot.waitSignal(banner.acted):
        qtbot.mouseClick(banner.action, LEFT)
    with qtbot.waitSignal(banner.closed):
        qtbot.mouseClick(banner.close_button, LEFT)
    assert not banner.isVisibleTo(host)
    banner.show_message("Fine", "info", closable=False)
    assert not banner.close_button.isVisibleTo(banner)
    assert not banner.action.isVisibleTo(banner)


def test_empty_state_teaches_and_acts(show, qtbot):
    empty = show(EmptyState("picture", "Drop a picture here", "or pick one", "Open…"))
    with qtbot.waitSignal(empty.acted):
        qtbot.mouseClick(empty.action, LEFT)
    empty.set_text("Nothing found")
    assert not empty.action.isVisible()
    assert not empty.hint.isVisible()


def test_a_card_is_one_button(show, qtbot):
    card = CardButton("Bring back half of the pixels")
    inner = QLabel("Restore · 20 s")
    card.add(inner)
    show(card)
    assert card.sizeHint().height() >= inner.sizeHint().height()
    with qtbot.waitSignal(card.clicked):
        QTest.mouseClick(card, LEFT, pos=inner.geometry().center())
    card.activateWindow()
    card.setFocus()
    with qtbot.waitSignal(card.clicked):
        QTest.keyClick(card, Qt.Key.Key_Space)


def test_a_card_has_a_title_row_for_an_action(show):
    card = Card("Recent")
    link = LinkButton("History")
    card.set_trailing(link)
    card.body.addWidget(QLabel("x"))
    show(card)
    assert link.x() > card.title_label.x()
    assert not show(Card()).title_label.isVisible()


def test_elided_label_shows_the_rest_on_hover(show):
    text = "A very long name of a picture file.png"
    label = ElidedLabel(text)
    label.resize(80, 20)
    show(label)
    assert label.text() == text
    assert label.shown_text() != text
    assert label.toolTip() == text
    label.resize(600, 20)
    assert label.shown_text() == text
    assert label.toolTip() == ""
    label.setToolTip("its own")
    label.resize(40, 20)
    assert label.toolTip() == "its own"


def test_thumbnail_is_chosen_and_shows_its_picture(show, qtbot):
    red = np.zeros((20, 40, 3), np.uint8)
    red[..., 0] = 255
    thumb = show(Thumbnail("astronaut", red, size=50))
    assert thumb.has_picture()
    assert thumb.accessibleName() == "astronaut"
    assert thumb.grab().toImage().pixelColor(25, 25).red() > 240
    with qtbot.waitSignal(thumb.toggled):
        qtbot.mouseClick(thumb, LEFT)
    thumb.set_source(None)
    assert not thumb.has_picture()


def test_pictures_come_from_files_images_and_arrays(tmp_path):
    image = QImage(30, 20, QImage.Format.Format_RGB888)
    image.fill(QColor("#336699"))
    path = tmp_path / "a.png"
    image.save(str(path))
    assert to_pixmap(path).size() == QSize(30, 20)
    assert to_pixmap(str(path), QSize(15, 10)).size() == QSize(15, 10)
    # Screens of 16 bit round colors.
    assert abs(to_pixmap(image).toImage().pixelColor(1, 1).blue() - 0x99) <= 8
    assert to_pixmap(to_pixmap(image)).size() == QSize(30, 20)
    assert to_pixmap(tmp_path / "missing.png").isNull()
    with pytest.raises(TypeError, match="ndarray"):
        to_pixmap(np.zeros((4, 4), np.float32))


def test_reveal_opens_at_once_without_motion_and_slides_with_it(show, qtbot):
    from widgets import theme

    host = QWidget()
    column = QVBoxLayout(host)
    reveal = Reveal(QLabel("inside"), shown=False)
    column.addWidget(reveal)
    show(host)
    reveal.set_open(True)
    assert reveal.isVisible()
    reveal.set_open(False)
    assert not reveal.isVisible()
    theme.set_reduced_motion(False)
    reveal.set_open(True)
    assert reveal.isVisible()
    qtbot.waitUntil(lambda: reveal.maximumHeight() > 10_000)
    reveal.set_open(False)
    reveal.set_open(True)
    qtbot.waitUntil(lambda: reveal.maximumHeight() > 10_000)
    inside = reveal.content
    qtbot.waitUntil(lambda: inside.height() >= inside.sizeHint().height())


def test_icon_buttons_have_names_and_room(show):
    button = show(IconButton("copy", "Copy"))
    assert button.accessibleName() == button.toolTip() == "Copy"
    assert min(button.width(), button.height()) >= 24


@pytest.fixture
def tab_row(show):
    row = TabRow()
    for text in ("Wipe", "Side by side", "Samples", "Uncertainty"):
        tab = TabButton(text)
        tab.setAutoExclusive(True)
        row.add(tab)
    row._tabs[0].setChecked(True)
    row.resize(row.sizeHint())
    return show(row)


def test_tabs_that_do_not_fit_wait_in_a_menu_and_are_never_squeezed(tab_row):
    assert tab_row.menu_tabs() == []
    assert tab_row._more.isHidden()
    for width in range(tab_row.minimumSizeHint().width(), tab_row.sizeHint().width()):
        tab_row.resize(width, tab_row.height())
        shown = [tab for tab in [*tab_row._tabs, tab_row._more] if tab.isVisible()]
        assert tab_row.menu_tabs()
        assert all(tab.width() >= tab.sizeHint().width() for tab in shown)
        assert all(tab_row.rect().contains(tab.geometry()) for tab in shown)
        edges = [tab.geometry() for tab in shown]
        assert all(a.right() < b.left() for a, b in pairwise(edges))


def test_the_menu_of_tabs_chooses_and_bears_the_title_of_the_choice(tab_row, qtbot):
    tab_row.resize(tab_row.sizeHint().width() - 10, tab_row.height())
    assert (tab_row._more.text(), tab_row._more.isChecked()) == ("More", False)
    last = tab_row._tabs[-1]
    menu = tab_row.build_menu()
    assert [action.text() for action in menu.actions()][-1] == "Uncertainty"
    with qtbot.waitSignal(last.clicked):
        menu.actions()[-1].trigger()
    assert last.isChecked()
    assert (tab_row._more.text(), tab_row._more.isChecked()) == ("Uncertainty", True)
    tab_row.resize(tab_row.sizeHint())
    assert last.isVisible()
    assert tab_row._more.isHidden()


def test_a_tab_that_is_gone_leaves_room_for_the_next(tab_row):
    tab_row.resize(tab_row.sizeHint().width() - 10, tab_row.height())
    tab_row.remove(tab_row._tabs[2])
    assert tab_row.menu_tabs() == []


def test_a_choice_that_finds_no_room_is_read_whole_on_hover(show, monkeypatch):
    combo = ElidedCombo(letters=6)
    for title, text in (("Short", ""), ("Corrections without a network", "Slow.")):
        combo.addItem(title)
        combo.setItemData(combo.count() - 1, text, Qt.ItemDataRole.ToolTipRole)
    combo.resize(combo.minimumSizeHint())
    show(combo)
    assert (combo.shown_text(), combo.tip()) == ("Short", "")
    combo.setCurrentIndex(1)
    assert combo.shown_text().endswith("…")
    assert combo.tip() == "Corrections without a network\nSlow."
    with monkeypatch.context() as patch:
        patch.setattr(QToolTip, "showText", lambda *_: pytest.fail("nobody asked for the tip"))
        for kind in (QEvent.Type.WhatsThis, QEvent.Type.QueryWhatsThis):
            QApplication.sendEvent(combo, QHelpEvent(kind, QPoint(5, 5), QPoint(5, 5)))
    QApplication.sendEvent(combo, QHelpEvent(QEvent.Type.ToolTip, QPoint(5, 5), QPoint(5, 5)))
    assert QToolTip.text() == combo.tip()
    QToolTip.hideText()
    # Its place decides how much is read.
    combo.resize(400, combo.height())
    assert combo.tip() == "Slow."
