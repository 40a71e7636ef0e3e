"""Dialogs for saving begin where this session saved last."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtWidgets import QFileDialog, QWidget
from pytestqt.qtbot import QtBot

from app import places


def test_the_folder_of_the_last_saving_is_where_the_next_begins(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    proposed: list[str] = []

    def save(_parent: QWidget, _title: str, name: str, _kinds: str) -> tuple[str, str]:
        proposed.append(name)
        return str(tmp_path / "one.png"), ""

    def folder(_parent: QWidget, _title: str, start: str) -> str:
        proposed.append(start)
        return ""

    monkeypatch.setattr(places, "_last", [])
    monkeypatch.setattr(QFileDialog, "getSaveFileName", save)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", folder)
    assert places.save_as(parent, "Save", "a.png") == tmp_path / "one.png"
    assert places.folder(parent, "Export") is None
    assert places.save_as(parent, "Save", "b.png") == tmp_path / "one.png"
    assert proposed == [str(Path.home() / "a.png"), str(tmp_path), str(tmp_path / "b.png")]


@pytest.mark.parametrize(
    ("typed", "kind", "written"),
    [
        ("one.png", "PNG, every bit (*.png)", "one.png"),
        ("one.png", "Film (*.mp4)", "one.mp4"),
        ("one", "Film (*.mp4)", "one.mp4"),
        # A kind of several endings takes any of them.
        ("one.png", "Picture (*.jpg *.png)", "one.png"),
        ("one.PNG", "Picture (*.jpg *.png)", "one.PNG"),
        ("one", "Picture (*.jpg *.png)", "one.jpg"),
        ("one.png", "Film (*.mp4 *.gif)", "one.mp4"),
        # Who types an ending means it.
        ("one.jpg", "PNG, every bit (*.png)", "one.jpg"),
        ("one.png", "", "one.png"),
    ],
)
def test_a_chosen_kind_is_what_is_written(
    qtbot: QtBot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    typed: str,
    kind: str,
    written: str,
) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    monkeypatch.setattr(places, "_last", [])
    monkeypatch.setattr(
        QFileDialog, "getSaveFileName", lambda *_a, **_k: (str(tmp_path / typed), kind)
    )
    monkeypatch.setattr(places, "ask", lambda *_a, **_k: pytest.fail("there is nothing to ask"))
    assert places.save_as(parent, "Save", "a.png", "…") == tmp_path / written


@pytest.mark.parametrize("agreed", [True, False])
def test_a_file_that_the_dialog_did_not_see_is_not_replaced_unasked(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, agreed: bool
) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    (tmp_path / "one.mp4").touch()
    asked: list[str] = []
    monkeypatch.setattr(places, "_last", [])
    monkeypatch.setattr(
        QFileDialog, "getSaveFileName", lambda *_a, **_k: (str(tmp_path / "one"), "Film (*.mp4)")
    )
    monkeypatch.setattr(places, "ask", lambda _p, title, *_a: asked.append(title) or agreed)
    assert places.save_as(parent, "Save", "a.png") == (tmp_path / "one.mp4" if agreed else None)
    assert asked == ["Replace one.mp4?"]
