"""The line on top of a page says nothing by halves, however narrow it is."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QPushButton, QWidget
from pytestqt.qtbot import QtBot

from app.actions import ActionSet
from app.header import HEIGHT, Header, Heading

HEADING = Heading(
    "Image restoration",
    "Race",
    source="Mardani, Song, Kautz, Vahdat 2024",
    actions=("file.save", "run.race", "file.example"),
    panels=True,
)


@pytest.fixture
def window(qtbot: QtBot) -> QWidget:
    made = QWidget()
    made.resize(1500, 200)
    qtbot.addWidget(made)
    made.show()
    return made


@pytest.fixture
def header(window: QWidget) -> Header:
    made = Header(ActionSet(window), window)
    made.show_heading(HEADING)
    made.show()
    return made


def narrowed(header: Header, width: int) -> None:
    header.resize(width, HEIGHT)
    # What was hidden or shown for the new width is laid out by an event of its own.
    QCoreApplication.sendPostedEvents()


def pills(header: Header) -> list[QPushButton]:
    """Those that are shown, from the left."""
    found = header.findChildren(QPushButton)
    return sorted((p for p in found if p.isVisible()), key=lambda p: p.x())


def test_a_pill_is_whole_or_in_the_menu(header: Header) -> None:
    seen = []
    for width in (1400, 1000, 760, 560, 400):
        narrowed(header, width)
        shown = [p for p in pills(header) if p is not header._source]
        seen.append(len(shown))
        for pill in shown:
            assert pill.width() >= pill.sizeHint().width(), (width, pill.text())
        assert header._title.width() >= header._title.sizeHint().width(), width
    assert seen[0] == 4
    assert seen == sorted(seen, reverse=True)
    assert seen[-1] < 4


def test_what_had_no_room_comes_back(header: Header) -> None:
    narrowed(header, 400)
    few = len(pills(header))
    narrowed(header, 1400)
    assert len(pills(header)) == 5 > few
    header.show_heading(Heading("Settings"))
    assert [p.text() for p in pills(header)] == ["Ctrl+K"]
