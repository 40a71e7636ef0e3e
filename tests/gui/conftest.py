"""The real window over the real engine, driven as a person would drive it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QFileDialog

from app import application, catalogue_cache, dialogs, engine_cli
from app.files import write_atomic
from app.window import MainWindow
from engine.catalogue import Catalogue
from widgets import theme

RESTORATION = "restoration"
#: Total variation goes on and on.
LONGEST = {"steps": 5000, "tolerance": 1e-5}
#: Milliseconds; generous, as other work may share the machine.
LONG = 120_000


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    """What is really installed."""
    done = subprocess.run(
        engine_cli.command("catalogue"),
        env=engine_cli.environment(),
        capture_output=True,
        check=True,
    )
    return msgspec.json.decode(done.stdout, type=Catalogue)


class Driver:
    """A person at the window."""

    def __init__(self, window: MainWindow, qtbot: Any) -> None:
        self.window, self.bot = window, qtbot

    @property
    def bench(self) -> Any:
        return self.window.bench(RESTORATION)

    @property
    def run(self) -> Any:
        return self.bench.desk.run

    def until(self, condition: Callable[[], object], timeout: int = LONG) -> None:
        self.bot.waitUntil(lambda: bool(condition()), timeout=timeout)

    def to_bench(self) -> Any:
        """On the restoration page, with the first preview on the stage."""
        self.window.show_page(RESTORATION)
        self.until(lambda: "damaged" in self.stage.keys())  # noqa: SIM118
        return self.bench

    @property
    def stage(self) -> Any:
        return self.bench.parts.stage.stage

    def drop(self, path: Path) -> None:
        """Drag a file from elsewhere onto the window and let it go."""
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(path))])
        where = self.window.rect().center()
        button, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        copy = Qt.DropAction.CopyAction
        enter = QDragEnterEvent(QPoint(where), copy, data, button, none)
        QApplication.sendEvent(self.window, enter)
        assert enter.isAccepted()
        QApplication.sendEvent(self.window, QDropEvent(QPointF(where), copy, data, button, none))

    def press_run(self) -> None:
        button = self.bench.parts.bar.primary
        self.until(button.isEnabled)
        self.bot.mouseClick(button, Qt.MouseButton.LeftButton)

    def long_run(self) -> None:
        """A run that does not end by itself while a test looks at it."""
        name = "restoration.total_variation"
        self.bench.choose_method(name)
        page = self.bench
        longest = {**page.state.params[name], **LONGEST}
        params = {**page.state.params, name: longest}
        page.model.replace(msgspec.structs.replace(page.state, params=params), "Steps")
        self.press_run()
        self.until(lambda: self.bench.desk.shown is not None)

    def kill_engine(self, job: str) -> None:
        """Let the engine die of a job: of one that runs while it has nothing else to answer."""
        client = self.window.client
        self.until(lambda: client._running == job and not client._questions.waiting)
        os.kill(client.pid, signal.SIGKILL)

    def over(self) -> None:
        self.until(lambda: not self.run.active)

    def close(self) -> bool:
        return self.window.close()


@pytest.fixture
def small_picture(tmp_path: Path) -> Path:
    """Something to restore: 96 pixels of waves and edges."""
    y, x = np.mgrid[0:96, 0:96] / 96.0
    waves = np.stack([0.5 + 0.4 * np.sin(9 * x + 3 * y), y, (x > 0.5) * 0.7], axis=-1)
    path = tmp_path / "waves.png"
    Image.fromarray((waves.clip(0, 1) * 255).astype(np.uint8)).save(path)
    return path


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """What the person says to questions, in order; the last answer stays. First: yes."""
    given = [True]

    def answer(*_args: object, **_more: object) -> bool:
        return given.pop(0) if len(given) > 1 else given[0]

    for place in ("app.dialogs", "app.pages.bench_run", "app.window_session"):
        monkeypatch.setattr(f"{place}.ask", answer)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_a, **_k: ("", ""))
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_a, **_k: ("", ""))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_a, **_k: "")
    assert callable(dialogs.ask)
    return given


@pytest.fixture
def open_window(
    qtbot: Any, qapp: QApplication, catalogue: Catalogue, answers: list[bool]
) -> Iterator[Callable[..., Driver]]:
    """Opens windows as the application does, and closes those that are left open."""
    opened: list[MainWindow] = []
    theme.set_reduced_motion(True)

    def make(*, engine: bool = True, size: tuple[int, int] = (1280, 800)) -> Driver:
        kept = catalogue_cache.Cached(catalogue_cache.current_key(), catalogue)
        write_atomic(catalogue_cache.cache_file(), msgspec.json.encode(kept))
        window = application.open_window(qapp)
        window.preferences.set(reduced_motion=True)
        opened.append(window)
        window.resize(*size)
        window.show()
        # Shortcuts reach an active window only.
        window.activateWindow()
        qtbot.waitUntil(window.isActiveWindow, timeout=LONG)
        if engine:
            window.begin()
        return Driver(window, qtbot)

    yield make
    answers[:] = [True]
    for window in opened:
        window.close()
        window.deleteLater()
    theme.set_reduced_motion(False)


@pytest.fixture
def driver(open_window: Callable[..., Driver]) -> Driver:
    """One window with an engine."""
    return open_window()
