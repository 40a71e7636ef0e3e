"""What can be checked of the look: nothing cut off, everything named, panels remembered."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from PySide6.QtCore import QMimeData, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QLabel,
    QLineEdit,
    QSlider,
    QToolButton,
    QWidget,
)

from app import application
from app.actions import ActionSet
from app.pages.bench_curves import HEIGHT, NARROWEST
from app.pages.start import StartPage
from app.pages.start_cards import BenchCard, MethodCard
from engine.catalogue import Catalogue
from widgets.curve_plot import CurvePlot
from widgets.parts import ElidedLabel

ICON_ONLY = Qt.ToolButtonStyle.ToolButtonIconOnly
SIZES = [(1280, 800), (1920, 1080)]


def cut_off(root: QWidget) -> list[str]:
    """Labels and buttons in sight whose text does not fit into them."""
    found = []
    for part in root.findChildren(QWidget):
        if not part.isVisible() or part.visibleRegion().isEmpty():
            continue
        if isinstance(part, QLabel) and not isinstance(part, ElidedLabel) and not part.wordWrap():
            wide = part.fontMetrics().horizontalAdvance(part.text())
        elif isinstance(part, QToolButton) and part.toolButtonStyle() == ICON_ONLY:
            continue
        elif isinstance(part, QAbstractButton) and part.text():
            wide = part.fontMetrics().horizontalAdvance(part.text().replace("&", ""))
        else:
            continue
        if wide > part.width() + 1:
            found.append(f"{type(part).__name__} {part.text()!r}: {wide} > {part.width()}")
    return found


def unnamed(root: QWidget) -> list[str]:
    """Controls that the keyboard reaches but a screen reader could not name."""
    kinds = (QAbstractButton, QComboBox, QLineEdit, QSlider)
    return [
        f"{type(part).__name__} {part.objectName()}"
        for part in root.findChildren(QWidget)
        if isinstance(part, kinds)
        and part.isVisible()
        and part.focusPolicy() & Qt.FocusPolicy.TabFocus
        and not (part.accessibleName() or getattr(part, "text", str)() or part.toolTip())
    ]


@pytest.mark.parametrize("size", SIZES)
def test_no_text_is_cut_off_and_every_control_has_a_name(open_window: Any, size: Any) -> None:
    driver = open_window(engine=False, size=size)
    window = driver.window
    for theme in ("dark", "light"):
        window.preferences.set(theme=theme)
        for key in ("start", "restoration", "history", "models", "settings"):
            window.show_page(key)
            driver.bot.wait(50)
            assert cut_off(window) == []
            assert unnamed(window) == []


def test_panels_collapse_come_back_and_are_remembered(open_window: Any) -> None:
    driver = open_window(engine=False)
    window = driver.window
    window.show_page("restoration")
    area = driver.bench.area
    left, right = (window.actions_[f"view.{side}"] for side in ("left", "right"))
    driver.until(lambda: left.isChecked() and right.isChecked())
    window.resize(1000, 800)
    driver.until(lambda: not area.is_shown("left") and not area.is_shown("right"))
    left.trigger()
    assert area.is_shown("left")
    window.resize(1280, 800)
    driver.until(lambda: area.is_shown("right"))
    right.trigger()
    assert not area.is_shown("right")
    driver.close()

    again = open_window(engine=False)
    again.window.show_page("restoration")
    assert again.bench.area.is_shown("left")
    assert not again.bench.area.is_shown("right")
    again.window.actions_["view.layout"].trigger()
    assert again.bench.area.is_shown("right")


@pytest.fixture
def start_page(qtbot: Any) -> Callable[[Catalogue], StartPage]:
    holder = QWidget()
    qtbot.addWidget(holder)

    def make(catalogue: Catalogue) -> StartPage:
        page = StartPage(catalogue, list, ActionSet(holder))
        qtbot.addWidget(page)
        page.resize(1216, 768)
        page.show()
        qtbot.waitExposed(page)
        return page

    return make


def test_the_start_page_shows_benches_that_have_methods(
    catalogue: Catalogue, start_page: Any, qtbot: Any
) -> None:
    bench = catalogue.bench("restoration")
    empty = msgspec.structs.replace(bench, id="planning", title="Planning")
    page = start_page(msgspec.structs.replace(catalogue, benches=(bench, empty)))
    assert len(page.findChildren(BenchCard)) == 1
    methods = page.findChildren(MethodCard)
    assert len(methods) == len(catalogue.methods_of("restoration"))
    chosen: list[tuple[str, str]] = []
    page.bench_chosen.connect(lambda *ids: chosen.append(ids))
    qtbot.mouseClick(methods[0], Qt.MouseButton.LeftButton)
    assert chosen == [("restoration", catalogue.methods[0].id)]


def test_several_benches_are_cards_with_their_methods_as_chips(
    catalogue: Catalogue, start_page: Any
) -> None:
    bench = catalogue.bench("restoration")
    names = ("planning", "restoration", "reconstruction", "traversal")
    benches = tuple(msgspec.structs.replace(bench, id=name, verb=name.title()) for name in names)
    methods = tuple(
        msgspec.structs.replace(m, id=f"{name}.{m.id}", bench=name)
        for name in names
        for m in catalogue.methods
    )
    page = start_page(Catalogue(benches=benches, methods=methods))
    cards = page.findChildren(BenchCard)
    assert len(cards) == 4
    assert page.findChildren(MethodCard) == []
    assert len({card.y() for card in cards}) == 1
    assert max(card.geometry().right() for card in cards) <= page.width()


def test_a_file_held_over_the_window_is_welcomed_by_a_frame(
    open_window: Any, tmp_path: Path
) -> None:
    window = open_window(engine=False).window
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "a.png"))])
    copy, left = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    none = Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(window.rect().center(), copy, data, left, none)
    QApplication.sendEvent(window, enter)
    assert window._drop_frame.isVisible()
    assert window._drop_frame.size() == window.size()
    QApplication.sendEvent(window, QDragLeaveEvent())
    assert not window._drop_frame.isVisible()


def test_a_window_without_any_method_says_so(open_window: Any, fresh_home: Path) -> None:
    driver = open_window(engine=False)
    driver.window.set_catalogue(Catalogue(broken={"engine.magic": "it does not import"}))
    assert driver.window.page_id == "start"
    texts = [label.text() for label in driver.window.page.findChildren(QLabel)]
    assert any("engine.magic" in text for text in texts)
    driver.window.take_file(fresh_home / "picture.png")
    assert "picture.png" in driver.window.banner.text()


def test_an_error_in_the_window_is_shown_and_the_window_lives(open_window: Any) -> None:
    driver = open_window(engine=False)
    net = application.ErrorNet(driver.window)
    try:
        error = ValueError("a hand slipped")
        sys.excepthook(type(error), error, None)
        driver.until(driver.window.banner.isVisible)
        assert "a hand slipped" in driver.window.banner.text()
        driver.window.show_page("restoration")
        assert driver.window.page_id == "restoration"
    finally:
        net.release()
    assert sys.excepthook is sys.__excepthook__


def test_the_title_of_a_curve_is_read_whole_in_the_narrowest_card(
    qtbot: Any, catalogue: Catalogue
) -> None:
    cut = []
    for owner in (*catalogue.benches, *catalogue.methods):
        for panel in owner.panels:
            if panel.kind != "curve" or len(panel.series) != 1:
                continue
            plot, series = CurvePlot(panel.title), panel.series[0]
            qtbot.addWidget(plot)
            plot.set_series([(series.metric, series.title, series.unit, series.decimals)])
            plot.append(series.metric, 1, 38.88 if series.unit == "dB" else 0.8888)
            plot.resize(NARROWEST, HEIGHT)
            plot.show()
            title = plot._entries[0].title
            if title.shown_text() != title.text():
                cut.append(f"{owner.id}: {title.shown_text()}")
    assert not cut


def test_the_panel_of_a_race_is_as_wide_as_that_of_one_method(open_window: Any) -> None:
    driver = open_window(engine=False, size=(1280, 800))
    window = driver.window
    window.show_page("restoration")
    page = window.bench("restoration")
    panel = page.area._panels["right"]
    driver.bot.wait(50)
    usual = panel.width()
    racers = page.race.able
    page.race.toggle()
    # Every method once, four at a time, each with its longest preset.
    for start in range(0, len(racers), 4):
        chosen = tuple(racers[start : start + 4])
        race = msgspec.structs.replace(page.state.race, methods=chosen)
        page.model.replace(msgspec.structs.replace(page.state, race=race), "Race")
        for name in chosen:
            preset = max(page.methods[name].presets, key=lambda preset: len(preset.title))
            page.race._on_preset(name, preset.name)
        driver.bot.wait(50)
        assert panel.width() == usual, chosen
        assert cut_off(window) == []
