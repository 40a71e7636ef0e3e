"""What was open comes back, whatever ended the window before."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from pytestqt.qtbot import QtBot

from app.sessions import OpenRun, Session, SessionKeeper, SessionStore, migrate
from engine.messages import RunRequest

RUN = OpenRun(bench="restoration", folder="/runs/one", request=RunRequest(method="a.b", seed=3))


@pytest.fixture
def sessions(home: Path) -> Path:
    folder = home / "sessions"
    folder.mkdir()
    return folder


def saved_by_another_process(folder: Path, page: str, *, clean: bool) -> None:
    code = (
        "import sys; from pathlib import Path; from app.sessions import *\n"
        "store = SessionStore(Path(sys.argv[1]))\n"
        "store.save(Session(page=sys.argv[2], clean=sys.argv[3] == 'True'))\n"
    )
    command = [sys.executable, "-c", code, str(folder), page, str(clean)]
    subprocess.run(command, check=True, cwd=Path(__file__).parents[2])


def test_nothing_at_a_first_start(sessions: Path) -> None:
    assert SessionStore(sessions / "none").take_over() is None


def test_a_closed_window_comes_back(sessions: Path) -> None:
    first = SessionStore(sessions)
    first.save(Session(clean=True, page="history", pages={"restoration": {"seed": 4}}, runs=[RUN]))
    taken = SessionStore(sessions).take_over()
    assert taken is not None
    assert (taken.page, taken.pages, taken.runs) == ("history", {"restoration": {"seed": 4}}, [RUN])


def test_a_killed_window_comes_back(sessions: Path) -> None:
    saved_by_another_process(sessions, "restoration", clean=False)
    taken = SessionStore(sessions).take_over()
    assert taken is not None
    assert (taken.page, taken.clean) == ("restoration", False)


def test_the_session_of_a_living_window_is_its_own(sessions: Path) -> None:
    SessionStore(sessions).save(Session(page="start"))
    assert SessionStore(sessions).take_over() is None


def test_two_windows_that_start_together_take_different_sessions(sessions: Path) -> None:
    saved_by_another_process(sessions, "one", clean=False)
    saved_by_another_process(sessions, "two", clean=False)
    pages = [SessionStore(sessions).take_over() for _ in range(3)]
    assert [page and page.page for page in pages] == ["two", "one", None]


def test_closed_sessions_do_not_pile_up(sessions: Path) -> None:
    for n in range(8):
        SessionStore(sessions).save(Session(page=str(n), clean=True))
    taken = SessionStore(sessions).take_over()
    assert taken is not None
    assert taken.page == "7"
    assert len(list(sessions.iterdir())) == 1


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"page": 3}', b'{"schema": "x"}', b"\xff"])
def test_a_damaged_session_is_kept_aside(sessions: Path, content: bytes) -> None:
    (sessions / "1-1.0.json").write_bytes(content)
    store = SessionStore(sessions)
    assert store.take_over() is None
    (aside,) = sessions.iterdir()
    assert aside.name in store.notice
    assert SessionStore(sessions).take_over() is None


def test_a_newer_session_is_left_alone(sessions: Path) -> None:
    (sessions / "1-1.0.json").write_text('{"schema": 99, "page": "start"}')
    store = SessionStore(sessions)
    assert store.take_over() is None
    assert (store.notice, [p.name for p in sessions.iterdir()]) == ("", ["1-1.0.json"])


def test_migrations_start_at_the_file_s_schema() -> None:
    chain = (lambda d: {**d, "page": d["tab"]}, lambda d: {**d, "page": d["page"] + "!"})
    assert migrate({"schema": 1, "tab": "a"}, chain)["page"] == "a!"
    assert migrate({"schema": 2, "page": "a"}, chain)["page"] == "a!"


def test_changes_are_written_soon_and_once(qtbot: QtBot, sessions: Path) -> None:
    asked: list[int] = []

    def collect() -> Session:
        asked.append(1)
        return Session(page="history")

    keeper = SessionKeeper(SessionStore(sessions), collect)
    for _ in range(50):
        keeper.touch()
    qtbot.waitUntil(lambda: any(sessions.glob("*.json")))
    assert len(asked) == 1
    keeper.touch()
    keeper.close()
    (file,) = sessions.iterdir()
    assert msgspec.json.decode(file.read_bytes(), type=Session).clean


def test_trouble_is_said_once(qtbot: QtBot, sessions: Path) -> None:
    blocked = sessions / "file"
    blocked.write_text("")
    keeper = SessionKeeper(SessionStore(blocked / "sessions"), Session)
    said: list[str] = []
    keeper.trouble.connect(said.append)
    keeper.flush()
    keeper.flush()
    assert len(said) == 1
