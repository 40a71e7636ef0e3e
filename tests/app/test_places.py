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
