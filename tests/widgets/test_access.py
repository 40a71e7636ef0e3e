"""Everybody can reach, read and leave every widget."""

import gc
import itertools
import weakref

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QLabel,
    QLineEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import isValid

from widgets import theme
from widgets.engine_gauge import EngineGauge
from widgets.form import Field, Form
from widgets.job_bar import JobBar
from widgets.log_view import LogView
from widgets.parts import Banner, CardButton, ChipGroup, EmptyState, Rail, Thumbnail


def form():
    number = {"kind": "float", "default": 0.5, "minimum": 0.0, "maximum": 1.0}
    made = Form(
        [
            Field(name="a", title="Noise", **number),
            Field(
                name="b",
                title="Kind",
                kind="choice",
                default=1,
                choices=[(1, "One", ""), (2, "Two", "")],
            ),
            Field(
                name="c",
                title="Model",
                kind="choice",
                default=1,
                choices=[(i, f"Model {i}", "") for i in range(1, 9)],
            ),
            Field(name="d", title="Keep", kind="bool", default=True),
            Field(name="e", title="Label", kind="text", default=""),
            Field(name="f", title="Kernel", kind="file", default=""),
            Field(name="g", title="Mask", kind="mask", default=""),
            Field(name="h", title="Inner steps", folded=True, live=True, **number),
        ]
    )
    made.set_values({"a": 0.25, "g": "painted"})
    made.set_folded("More", False)
    return made


def rail():
    made = Rail()
    made.add("start", "Start", "home")
    made.add("restore", "Restore", "restore")
    return made


def banner():
    made = Banner()
    made.show_message("Stopped", "error", "Again")
    return made


MAKERS = {
    "form": form,
    "rail": rail,
    "job bar": JobBar,
    "log": LogView,
    "gauge": EngineGauge,
    "banner": banner,
    "chips": lambda: ChipGroup([("a", "A", ""), ("b", "B", "")], name="Letters"),
    "thumbnail": lambda: Thumbnail("astronaut"),
    "card": lambda: CardButton("Bring back half of the pixels"),
    "empty": lambda: EmptyState("picture", "Nothing", "Drop one", "Open…"),
}


@pytest.fixture(params=MAKERS)
def widget(request, qtbot):
    made = MAKERS[request.param]()
    qtbot.addWidget(made)
    made.resize(max(300, made.minimumWidth()), 700)
    made.show()
    qtbot.waitExposed(made)
    made.activateWindow()
    return made


def controls(root):
    """What a person operates; a spin box's line edit is part of the spin box."""
    for part in (root, *root.findChildren(QWidget)):
        if part.focusPolicy() == Qt.FocusPolicy.NoFocus or not part.isVisible():
            continue
        if isinstance(part, QLineEdit) and part.objectName() == "qt_spinbox_lineedit":
            continue
        if isinstance(part, QScrollArea) or part.focusProxy() is not None:
            continue
        yield part


def test_every_control_has_a_name(widget):
    nameless = [
        type(part).__name__
        for part in controls(widget)
        if not (
            part.accessibleName() or (isinstance(part, (QAbstractButton, QLabel)) and part.text())
        )
    ]
    assert nameless == []


def test_every_control_is_large_enough_to_hit(widget):
    small = {
        f"{type(part).__name__} {part.accessibleName()}": part.size().toTuple()
        for part in controls(widget)
        if min(part.width(), part.height()) < 24
    }
    assert small == {}


def test_tab_reaches_every_control_once(widget, qtbot):
    wanted = {
        part
        for part in controls(widget)
        if part.focusPolicy() & Qt.FocusPolicy.TabFocus
        and part.isEnabled()
        # Of a group, Tab reaches the chosen one; the arrow keys reach the others.
        and not (isinstance(part, QAbstractButton) and part.group() and not part.isChecked())
    }
    if not wanted:
        pytest.skip("nothing to operate")
    qtbot.waitUntil(widget.isActiveWindow)
    first = widget if widget in wanted else next(iter(wanted))
    first.setFocus()
    seen = []
    for _ in range(3 * len(wanted) + 3):
        current = QApplication.focusWidget()
        if current in seen:
            break
        seen.append(current)
        QTest.keyClick(current, Qt.Key.Key_Tab)
    assert set(seen) == wanted


def test_tab_follows_the_order_of_the_form(qtbot):
    made = form()
    qtbot.addWidget(made)
    made.show()
    qtbot.waitExposed(made)
    made.activateWindow()
    qtbot.waitUntil(made.isActiveWindow)
    made.row("a").editor.slider.setFocus()
    heights = []
    for _ in range(12):
        current = QApplication.focusWidget()
        heights.append(current.mapTo(made, current.rect().bottomLeft()).y())
        QTest.keyClick(current, Qt.Key.Key_Tab)
    falls = sum(1 for a, b in itertools.pairwise(heights) if b < a - 40)
    assert falls == 0


def test_larger_text_is_not_cut(widget, qapp, qtbot):
    theme.apply(qapp, "dark", 1.5)
    needed = widget.minimumSizeHint()
    widget.resize(max(420, needed.width()), 1100)
    QApplication.sendPostedEvents()
    cut = {
        f"{type(part).__name__} {part.text()}": (part.width(), part.sizeHint().width())
        for part in widget.findChildren(QAbstractButton)
        if part.isVisible() and part.text() and part.width() < part.minimumSizeHint().width()
    }
    assert cut == {}


@pytest.mark.parametrize("name", MAKERS)
def test_closed_widgets_die(name, qtbot):
    def make_and_close():
        host = QWidget()
        column = QVBoxLayout(host)
        made = MAKERS[name]()
        column.addWidget(made)
        host.show()
        qtbot.waitExposed(host)
        references = [weakref.ref(w) for w in (made, *made.findChildren(QWidget))]
        host.close()
        host.deleteLater()
        return references

    references = make_and_close()
    QApplication.sendPostedEvents(None, 52)
    gc.collect()
    alive = [r() for r in references if r() is not None and isValid(r())]
    assert alive == []
    # The long-lived theme still speaks, and reaches nobody who is gone.
    theme.apply(QApplication.instance(), "light")
