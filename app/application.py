"""Opens the window: the Qt application, its look, its languages, and a net for errors.

Nothing heavy is imported before the window is seen; the engine starts right after.
"""

from __future__ import annotations

import logging
import logging.handlers
import sys
import threading
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from PySide6.QtCore import QLibraryInfo, QLocale, QObject, Qt, QTimer, QTranslator, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from app.folders import folders
from widgets import icons, theme

if TYPE_CHECKING:
    from app.window import MainWindow

TRANSLATIONS = Path(__file__).resolve().parent.parent / "assets" / "translations"
_log = logging.getLogger("priorbench.window")


def create(argv: Sequence[str] = ("priorbench",)) -> QApplication:
    """The application object, dressed; an existing one is used again."""
    present = QApplication.instance()
    if isinstance(present, QApplication):
        return present
    # Sizes of 125 % and 150 % stay what they are instead of being rounded.
    QGuiApplication.setHighDpiScaleFactorRoundingPolicy(
        Qt.HighDpiScaleFactorRoundingPolicy.PassThrough
    )
    # Wayland finds icon and name of a window by its desktop file, X11 by its class.
    QGuiApplication.setDesktopFileName("priorbench")
    app = QApplication(list(argv))
    app.setApplicationName("priorbench")
    app.setApplicationDisplayName("Priorbench")
    app.setWindowIcon(icons.app_icon())
    _translate(app)
    return app


def _translate(app: QApplication) -> None:
    """Install translations for the system's language, where there are any."""
    for name, place in (
        ("qtbase", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)),
        ("priorbench", str(TRANSLATIONS)),
    ):
        translator = QTranslator(app)
        if translator.load(QLocale(), name, "_", place):
            app.installTranslator(translator)


class ErrorNet(QObject):
    """Catches what no one caught: written to the log, shown as a line, the window lives on."""

    caught = Signal(str)

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        # Errors come from any thread; the queued signal brings them to the window's.
        self.caught.connect(self._show, Qt.ConnectionType.QueuedConnection)
        sys.excepthook = self._on_error
        threading.excepthook = self._on_thread_error

    def release(self) -> None:
        """Give Python its own hooks back."""
        sys.excepthook = sys.__excepthook__
        threading.excepthook = threading.__excepthook__

    def _on_error(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if issubclass(kind, KeyboardInterrupt):
            QApplication.quit()
            return
        text = "".join(traceback.format_exception(kind, error, trace))
        _log.error("%s", text)
        self.caught.emit(text)

    def _on_thread_error(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            self._on_error(args.exc_type, args.exc_value, args.exc_traceback)

    def _show(self, text: str) -> None:
        last = text.strip().splitlines()[-1]
        self._window.log.say("error", text)
        line = self.tr(
            "Something went wrong in the window ({error}). Nothing was lost; see the log."
        )
        self._window.banner.show_message(line.format(error=last), "error")


def _log_to_file() -> None:
    place = folders().cache / "log"
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError:
        return
    handler = logging.handlers.RotatingFileHandler(
        place / "window.log", maxBytes=1 << 20, backupCount=1, delay=True, encoding="utf-8"
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    _log.addHandler(handler)


def open_window(app: QApplication) -> MainWindow:
    """Make the window with everything that belongs to it, not shown yet."""
    from app.catalogue_cache import CatalogueCache
    from app.engine_client import EngineClient
    from app.preferences import Preferences
    from app.run_index import RunIndex
    from app.sessions import SessionStore
    from app.window import MainWindow

    places = folders()
    preferences = Preferences()
    wish = preferences.values
    theme.set_reduced_motion(wish.reduced_motion)
    theme.apply(app, wish.theme, wish.text_scale)
    index = RunIndex(places.index, preferences.all_runs_folders)
    cache = CatalogueCache()
    client = EngineClient(log_path=places.cache / "log" / "engine.log")
    store = SessionStore(places.sessions)
    window = MainWindow(client, index, preferences, cache.catalogue, store)
    client.setParent(window)
    cache.setParent(window)
    preferences.setParent(window)
    cache.changed.connect(window.set_catalogue)
    cache.failed.connect(window.no_catalogue)
    window.catalogue_cache = cache
    return window


def run() -> int:
    """Open the window and stay until it is closed; the exit code."""
    app = create(sys.argv[:1])
    _log_to_file()
    window = open_window(app)
    net = ErrorNet(window)
    if not window.preferences.values.geometry.get("window"):
        from app.window import center_on_screen

        center_on_screen(window)
    window.show()
    later = QTimer(window, singleShot=True, interval=0)
    later.timeout.connect(window.begin)
    later.start()
    code = app.exec()
    net.release()
    return code
