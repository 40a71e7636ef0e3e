"""Preferences survive restarts, damage and second windows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.preferences import MIGRATIONS, SCHEMA, Preferences, Values, migrate


def test_defaults_without_a_file(home: Path) -> None:
    preferences = Preferences()
    assert preferences.values == Values()
    assert preferences.runs_folder == home / "runs"
    assert not (home / "settings.json").exists()


def test_changes_are_kept_and_told(home: Path) -> None:
    preferences = Preferences()
    told: list[str] = []
    preferences.changed.connect(told.append)
    preferences.set(theme="dark", threads=2)
    preferences.set(theme="dark")
    assert told == ["theme", "threads"]
    again = Preferences()
    assert (again.values.theme, again.values.threads) == ("dark", 2)
    assert json.loads((home / "settings.json").read_text())["schema"] == SCHEMA


@pytest.mark.parametrize(
    ("name", "value"),
    [("theme", "blue"), ("threads", -1), ("threads", "two"), ("text_scale", 9.0), ("color", 1)],
)
def test_a_bad_value_is_refused_by_name(name: str, value: object) -> None:
    preferences = Preferences()
    with pytest.raises(ValueError, match=name):
        preferences.set(**{"device": "cpu", name: value})
    assert preferences.values == Values()


def test_two_windows_do_not_undo_each_other() -> None:
    first, second = Preferences(), Preferences()
    first.set(theme="light")
    second.set(threads=3)
    third = Preferences()
    assert (third.values.theme, third.values.threads) == ("light", 3)


def test_a_damaged_file_is_kept_aside(home: Path) -> None:
    (home / "settings.json").write_text("{theme: dark")
    preferences = Preferences()
    assert preferences.values == Values()
    (aside,) = home.glob("settings.damaged-*.json")
    assert aside.name in preferences.notice
    preferences.set(theme="dark")
    assert (Preferences().values.theme, Preferences().notice) == ("dark", "")


def test_one_bad_value_does_not_cost_the_others(home: Path) -> None:
    (home / "settings.json").write_text('{"schema": 1, "theme": "pink", "threads": 4}')
    preferences = Preferences()
    assert (preferences.values.theme, preferences.values.threads) == ("system", 4)
    assert "theme" in preferences.notice
    assert Preferences().values.threads == 4


def test_what_a_newer_version_wrote_is_not_lost(home: Path) -> None:
    (home / "settings.json").write_text('{"schema": 9, "theme": "dark", "stars": 5}')
    Preferences().set(threads=2)
    data = json.loads((home / "settings.json").read_text())
    assert data == {"schema": 9, "theme": "dark", "stars": 5, "threads": 2}


def test_migrations_run_in_order_from_the_file_s_schema() -> None:
    chain = (*MIGRATIONS, lambda d: {**d, "b": d.pop("a")}, lambda d: {**d, "b": d["b"] * 2})
    assert migrate({"schema": 1, "a": 2}, chain)["b"] == 4
    assert migrate({"a": 2}, chain)["b"] == 4
    assert migrate({"schema": 3, "b": 2}, chain)["b"] == 2


def test_a_folder_that_cannot_be_written_gives_one_line(home: Path, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    preferences = Preferences(blocked / "settings.json")
    preferences.set(theme="dark")
    assert preferences.values.theme == "dark"
    assert preferences.notice.count("\n") == 0
    assert "cannot be kept" in preferences.notice


def test_earlier_runs_folders_are_remembered(home: Path) -> None:
    preferences = Preferences()
    for folder in ("/one", "/two", "/one", ""):
        preferences.set(runs_folder=folder)
    places = Preferences().all_runs_folders
    assert places == [home / "runs", Path("/one"), Path("/two")]
    preferences.reset()
    assert Preferences().all_runs_folders == places


@given(st.binary(max_size=60))
def test_no_content_of_the_file_stops_the_start(fresh_home: Path, content: bytes) -> None:
    (fresh_home / "settings.json").write_bytes(content)
    preferences = Preferences()
    preferences.set(theme="light")
    assert Preferences().values.theme == "light"
