"""The cached catalogue: at once what was, soon what is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app import catalogue_cache, engine_cli
from app.catalogue_cache import CatalogueCache, load
from engine.catalogue import Catalogue, MethodSpec

SOME = Catalogue(
    methods=(
        MethodSpec(
            id="a.b", bench="a", title="B", summary="", source="", fields=(), presets=(), panels=()
        ),
    )
)


def test_a_first_start_is_empty_and_not_fresh(qtbot: QtBot) -> None:
    cache = CatalogueCache()
    assert (cache.catalogue, cache.fresh, load()) == (Catalogue(), False, Catalogue())


def test_what_is_stored_is_there_at_the_next_start(qtbot: QtBot) -> None:
    cache = CatalogueCache()
    with qtbot.waitSignal(cache.changed) as told:
        cache.store(SOME)
    assert told.args == [SOME]
    again = CatalogueCache()
    assert (again.catalogue, again.fresh, load()) == (SOME, True, SOME)


def test_a_changed_installation_keeps_the_old_until_the_new_is_there(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    CatalogueCache().store(SOME)
    monkeypatch.setattr(catalogue_cache, "current_key", lambda: "another")
    cache = CatalogueCache()
    assert (cache.catalogue, cache.fresh) == (SOME, False)


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b'{"key": "x", "catalogue": 3}', b"\xff"])
def test_a_damaged_cache_is_as_none(qtbot: QtBot, home: Path, content: bytes) -> None:
    (home / "cache").mkdir()
    (home / "cache" / "catalogue.json").write_bytes(content)
    assert CatalogueCache().catalogue == Catalogue()


def test_a_folder_that_cannot_be_written_still_has_a_catalogue(qtbot: QtBot, home: Path) -> None:
    (home / "cache").write_text("in the way")
    cache = CatalogueCache()
    cache.store(SOME)
    assert (cache.catalogue, cache.fresh) == (SOME, False)


def test_the_key_follows_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_cli, "ROOT", tmp_path)
    (tmp_path / "engine" / "restoration").mkdir(parents=True)
    method = tmp_path / "engine" / "restoration" / "new.py"
    keys = [catalogue_cache.current_key()]
    method.write_text("METHOD = 1")
    keys.append(catalogue_cache.current_key())
    method.write_text("METHOD = 2")
    keys.append(catalogue_cache.current_key())
    assert len(set(keys)) == 3
    assert catalogue_cache.current_key() == keys[-1]


def test_it_is_refreshed_beside_the_window(qtbot: QtBot) -> None:
    cache = CatalogueCache()
    with qtbot.waitSignal(cache.changed, timeout=60_000):
        cache.refresh()
        cache.refresh()
        assert cache.refreshing
    assert not cache.refreshing
    assert cache.fresh
    assert "restoration.wiener" in {m.id for m in cache.catalogue.methods}
    assert load() == cache.catalogue


def test_a_failing_engine_is_told_in_one_line(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = CatalogueCache()
    cache.store(SOME)
    broken = [sys.executable, "-c", "import sys; sys.exit('no torch here')"]
    monkeypatch.setattr(engine_cli, "command", lambda *_: broken)
    with qtbot.waitSignal(cache.failed, timeout=20_000) as told:
        cache.refresh()
    assert told.args == ["no torch here"]
    assert cache.catalogue == SOME
    monkeypatch.setattr(engine_cli, "command", lambda *_: ["/nowhere/python"])
    with qtbot.waitSignal(cache.failed, timeout=20_000):
        cache.refresh()
    assert not cache.refreshing


def test_closing_ends_a_refresh(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = [sys.executable, "-c", "import signal; signal.pause()"]
    monkeypatch.setattr(engine_cli, "command", lambda *_: waiting)
    cache = CatalogueCache()
    cache.refresh()
    cache.stop()
    assert not cache.refreshing


def test_set_up_makes_it_without_a_window(home: Path) -> None:
    command = [sys.executable, "-m", "app.catalogue_cache"]
    subprocess.run(command, check=True, env=engine_cli.environment())
    assert "restoration.wiener" in {m.id for m in load().methods}
