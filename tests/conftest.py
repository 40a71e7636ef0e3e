"""Every test starts from fresh folders and must leave nothing behind."""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import tqdm
from hypothesis import HealthCheck, settings

# torch's exporter shows bars where tqdm is there; its monitor is a thread that would stay.
tqdm.tqdm.monitor_interval = 0

settings.register_profile(
    "steady",
    derandomize=True,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("steady")

#: Seconds that something may take to end by itself before it counts as left behind.
GRACE = 5.0
SHM = Path("/dev/shm")


@pytest.fixture(autouse=True)
def fresh_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings, history and caches of a first start, for this test alone."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("PRIORBENCH_HOME", str(home))
    return home


def _settled(left: object) -> bool:
    """Wait, running Qt's events if there are any, until ``left()`` is empty."""
    deadline = time.monotonic() + GRACE
    pause = threading.Event()
    while left():  # type: ignore[operator]
        if time.monotonic() > deadline:
            return False
        if app := _application():
            app.processEvents()
        pause.wait(0.01)
    return True


def _application():
    widgets = sys.modules.get("PySide6.QtWidgets")
    return widgets.QApplication.instance() if widgets else None


def _children() -> set[psutil.Process]:
    found = set()
    for child in psutil.Process().children(recursive=True):
        try:
            words = " ".join(child.cmdline())
            zombie = child.status() == psutil.STATUS_ZOMBIE
        except psutil.Error:
            continue
        # Python's resource tracker and pytest-xvfb's screen live as long as the session.
        if not zombie and "resource_tracker" not in words and "Xvfb" not in words:
            found.add(child)
    return found


def _segments() -> set[str]:
    """Our own segments, and those of the dead; another living window's are its own affair."""
    if not SHM.is_dir():
        return set()
    ours = os.getpid()
    return {
        path.name
        for path in SHM.glob("priorbench*")
        if (owner := _owner(path.name)) == ours or not psutil.pid_exists(owner)
    }


def _owner(segment: str) -> int:
    try:
        return int(segment.split("-")[1], 16)
    except (IndexError, ValueError):
        return os.getpid()


def _threads() -> set[threading.Thread]:
    return {
        t
        for t in threading.enumerate()
        if not isinstance(t, threading._DummyThread) and "pydev" not in t.name
    }


@pytest.fixture(autouse=True)
def nothing_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves a process, a thread or a shared-memory segment."""
    before = _children(), _threads(), _segments()
    yield
    for what, now, then in zip(
        ("child processes", "threads", "shared-memory segments"),
        (_children, _threads, _segments),
        before,
        strict=True,
    ):
        if not _settled(lambda now=now, then=then: now() - then):
            left = now() - then
            if what == "child processes":
                for child in left:
                    child.kill()
            pytest.fail(f"{what} left behind: {left}")


@pytest.fixture(autouse=True)
def no_widget_left_behind(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Fail a test that leaves a top-level widget, a running timer or a busy thread pool."""
    if not {"qtbot", "qapp"} & set(request.fixturenames):
        yield
        return
    from PySide6.QtCore import QThreadPool, QTimer
    from PySide6.QtWidgets import QApplication
    from shiboken6 import isValid

    started: dict[QTimer, str] = weakref.WeakKeyDictionary()  # type: ignore[assignment]
    start = QTimer.start

    def recording_start(timer: QTimer, *args: object) -> None:
        caller = sys._getframe(1)
        started[timer] = f"{caller.f_code.co_filename}:{caller.f_lineno}"
        start(timer, *args)

    monkeypatch.setattr(QTimer, "start", recording_start)
    application = QApplication.instance()
    known = set(QApplication.topLevelWidgets()) if application else set()
    yield
    gc.collect()

    def widgets() -> list[str]:
        return [
            f"{type(w).__name__} {w.objectName()!r} {w.windowTitle()!r}"
            for w in QApplication.topLevelWidgets()
            if w not in known and w.parent() is None
        ]

    def timers() -> list[str]:
        return [where for t, where in started.items() if isValid(t) and t.isActive()]

    QApplication.sendPostedEvents(None, 52)  # QEvent.DeferredDelete
    if not _settled(widgets):
        pytest.fail(f"widgets left behind: {widgets()}")
    if not _settled(timers):
        pytest.fail(f"timers left running, started at {timers()}")
    if not QThreadPool.globalInstance().waitForDone(int(GRACE * 1000)):
        pytest.fail("the global thread pool is still busy")


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return Path(__file__).resolve().parents[1]


@pytest.fixture
def shared_data(repository: Path) -> Path:
    """The folder of real data beside the checkout; skips where it is not there."""
    folder = repository.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the shared data are not here")
    return folder
