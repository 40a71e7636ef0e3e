"""Actions are declared once and agree with menus, shortcuts and the palette."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from app.actions import ACTIONS, MENUS, ActionSet, Facts, spec
from app.palette import Entry, search
from widgets import icons

EVERYTHING = Facts(
    bench=True,
    engine=True,
    picture=True,
    result=True,
    resumable=True,
    undo="Noise",
    redo="Noise",
    examples=True,
)


def test_declarations_are_whole() -> None:
    assert [n for n, c in Counter(a.id for a in ACTIONS).items() if c > 1] == []
    keys = Counter(a.shortcut for a in ACTIONS if a.shortcut)
    assert [k for k, c in keys.items() if c > 1] == []
    assert {a.menu for a in ACTIONS} == set(MENUS)
    assert {a.icon for a in ACTIONS if a.icon} <= set(icons.names())
    assert all(a.title for a in ACTIONS)
    with pytest.raises(KeyError, match="no\\.such"):
        spec("no.such")


def test_what_cannot_be_done_says_why(qtbot: Any) -> None:
    from PySide6.QtWidgets import QWidget

    window = QWidget()
    qtbot.addWidget(window)
    actions = ActionSet(window)
    for declared in ACTIONS:
        action = actions[declared.id]
        assert action.isEnabled() == (not actions.reason(declared.id))
        assert action.toolTip()
        if not action.isEnabled():
            assert action.toolTip() == actions.reason(declared.id)
    actions.refresh(EVERYTHING)
    usable = {a.id for a in ACTIONS if actions[a.id].isEnabled()}
    assert {"run.start", "file.save", "edit.undo", "run.resume"} <= usable
    assert not {"run.pause", "run.cancel"} & usable
    assert actions["edit.undo"].text() == "Undo: Noise"
    told: list[tuple[str, bool]] = []
    actions.triggered.connect(lambda *what: told.append(what))
    actions["run.start"].trigger()
    actions["view.log"].trigger()
    assert told == [("run.start", False), ("view.log", True)]


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("tv", "Total variation"),
        ("total", "Total variation"),
        ("plug", "Plug-and-play"),
        ("savr", "Save the result"),
        ("coffee", "Coffee"),
        ("pnp", "Plug-and-play"),
    ],
)
def test_the_palette_finds_what_is_meant(query: str, first: str) -> None:
    titles = ["Wiener filter", "Native size", "Total variation", "Plug-and-play", "Coffee"]
    titles += ["Save the result", "Show the run's folder", "Put the panels back", "Pause"]
    found = search([Entry(t, t, "Action") for t in titles], query)
    assert found[0].title == first


def test_the_palette_prefers_what_can_be_used() -> None:
    entries = [
        Entry("a", "Pause", "Run", disabled="Nothing is running"),
        Entry("b", "Paste", "Edit"),
    ]
    assert [e.id for e in search(entries, "pa")] == ["b", "a"]
    assert search(entries, "xyz") == []
    assert [e.id for e in search(entries, "")] == ["b", "a"]
