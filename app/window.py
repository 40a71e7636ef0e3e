"""The main window: rail, header, pages, log drawer, status line, put together.

It owns no logic of a page. It routes actions, files and kept runs to the page that they
belong to, and remembers what was open.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QGuiApplication,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import QHBoxLayout, QMainWindow, QStackedWidget, QVBoxLayout, QWidget

from app import window_session
from app.actions import ActionSet, Facts
from app.drops import dropped_files, is_kept_run
from app.header import Header
from app.log_drawer import LogDrawer
from app.pages.base import Page
from app.run_index import RunIndex
from app.run_keeper import RunKeeper
from app.run_row import RunRow
from app.status_line import StatusLine
from app.window_actions import WindowActions
from app.window_pages import Pages
from engine.catalogue import Catalogue, ExampleSpec
from widgets import icons, theme
from widgets.parts import Banner, Rail

if TYPE_CHECKING:
    from app.catalogue_cache import CatalogueCache
    from app.engine_client import EngineClient
    from app.engine_memory import Crash
    from app.preferences import Preferences
    from app.sessions import SessionStore

MINIMUM = (760, 560)


class MainWindow(QMainWindow):
    """The one window. ``shown_first`` comes when it can be used."""

    shown_first = Signal()

    def __init__(
        self,
        client: EngineClient,
        index: RunIndex,
        preferences: Preferences,
        catalogue: Catalogue,
        sessions: SessionStore | None = None,
    ) -> None:
        super().__init__()
        self.client, self.index, self.preferences = client, index, preferences
        self.catalogue = catalogue
        #: Where the catalogue comes from, where the window may ask for a newer one.
        self.catalogue_cache: CatalogueCache | None = None
        self.setWindowTitle("Priorbench")
        self.setWindowIcon(icons.app_icon())
        self.setMinimumSize(*MINIMUM)
        self.resize(1280, 800)
        self.setAcceptDrops(True)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        self.actions_ = ActionSet(self)
        self._was_shown = False
        self._build()
        self.keeper = RunKeeper(client, index, self)
        self.pages = Pages(self)
        self.commands = WindowActions(self)
        self._connect()
        self.pages.fill_rail()
        self.session = window_session.WindowSession(self, sessions)
        self.session.restore()
        for notice in (index.notice, preferences.notice):
            if notice:
                self.say("warning", notice)

    # --- pages ---------------------------------------------------------------------------

    @property
    def page(self) -> Page | None:
        """The page in front."""
        shown = self.stack.currentWidget()
        return shown if isinstance(shown, Page) else None

    @property
    def page_id(self) -> str:
        """The key of the page in front."""
        return self.rail.current()

    @Slot(str)
    def show_page(self, key: str) -> None:
        """Bring a page to the front, making it if it was not needed before."""
        page = self.pages.get(key)
        if page is None:
            return
        self.rail.set_current(key)
        self.stack.setCurrentWidget(page)
        self.header.setVisible(page.has_header)
        page.entered()
        self.refresh()
        self.session.touch()

    def bench(self, bench_id: str) -> Any:
        """The page of a bench, made if need be."""
        return self.pages.get(bench_id)

    def set_catalogue(self, catalogue: Catalogue) -> None:
        """Use another catalogue; pages on which nothing runs are made anew."""
        if catalogue == self.catalogue:
            return
        if self.pages.running():
            self.say("info", self.tr("New methods were found; they appear at the next start."))
            return
        self.catalogue = catalogue
        self.pages.rebuild()

    @Slot(str)
    def no_catalogue(self, why: str) -> None:
        """The catalogue cannot be made; what was cached still works."""
        self.say("error", self.tr("The installed methods cannot be listed: {why}").format(why=why))

    @Slot()
    def refresh(self) -> None:
        """Draw header, menus and buttons again from what the page in front says."""
        page = self.page
        facts = page.facts() if page is not None else Facts()
        self.actions_.refresh(facts)
        self.commands.check(page)
        if page is not None and page.has_header:
            self.header.show_heading(page.heading())
        self.pages.badge_all()

    # --- what the start page and the history ask for ---------------------------------------

    @Slot(str, str)
    def open_bench(self, bench_id: str, method: str = "") -> None:
        """Show a bench, with a method chosen where one is named."""
        self.show_page(bench_id)
        page = self.bench(bench_id)
        if method and page is not None and not page.desk.run.active:
            page.choose_method(method)

    @Slot(object)
    def try_example(self, example: ExampleSpec) -> None:
        """Show the bench of an example and run it."""
        bench_id = self.catalogue.method(example.method).bench
        self.show_page(bench_id)
        self.bench(bench_id).try_example(example)

    @Slot(object)
    def reopen(self, row: RunRow) -> None:
        """Show a kept run with all its settings and what it reached."""
        self._kept(row, "reopen")

    @Slot(object)
    def repeat(self, row: RunRow) -> None:
        """Run a kept run again, with everything that was done while it ran."""
        self._kept(row, "repeat")

    @Slot(object)
    def resume(self, row: RunRow) -> None:
        """Go on with an interrupted run."""
        self._kept(row, "resume")

    @Slot(str)
    def reopen_id(self, run_id: str) -> None:
        """``reopen`` by id."""
        row = self.index.get(run_id)
        if row is not None:
            (self.resume if row.shown_status == "interrupted" else self.reopen)(row)

    def _kept(self, row: RunRow, how: str) -> None:
        try:
            bench_id = self.catalogue.method(row.method).bench
        except KeyError:
            text = self.tr("{method} is not installed here; the run's files are in {folder}.")
            self.say("warning", text.format(method=row.method or row.heading, folder=row.folder))
            return
        self.show_page(bench_id)
        getattr(self.bench(bench_id).kept, how)(row)

    # --- telling ---------------------------------------------------------------------------

    @Slot(str, str)
    def say(self, level: str, text: str) -> None:
        """One line: into the log, and quietly or with a banner before the person's eyes.

        Nothing, said quietly, takes back what the status line still shows.
        """
        if not text:
            self.status.say("")
            return
        self.log.say(level, text)
        if level in ("warning", "error"):
            self.banner.show_message(text, level)  # type: ignore[arg-type]
        else:
            self.status.say(text)

    @Slot(str)
    def take_back(self, text: str) -> None:
        """Hide the banner, if this is what it still says."""
        if self.banner.text() == text:
            self.banner.hide()

    @Slot(object)
    def _on_crash(self, crash: Crash) -> None:
        self.log.say("error", crash.cause)
        for line in crash.lines:
            self.log.view.append("error", line, "stderr")
        if not crash.job or not crash.restarting:
            again = self.tr("It is starting again.") if crash.restarting else ""
            self.banner.show_message(f"{crash.cause} {again}".strip(), "error")

    @Slot(str)
    def _on_engine_state(self, state: str) -> None:
        self.status.set_engine(state)
        if state == "not answering":
            self.banner.show_message(
                self.tr("The engine does not answer. Your settings and kept runs are safe."),
                "warning",
                self.tr("Restart it"),
            )
        elif state in ("ready", "busy") and self.banner.action.isVisibleTo(self.banner):
            self.banner.hide()
        self.refresh()

    # --- files -----------------------------------------------------------------------------

    def take_file(self, path: Path) -> None:
        """Use a file from anywhere: a kept run is reopened, anything else goes to a bench."""
        if is_kept_run(path):
            row = self.index.take(path if path.is_dir() else path.parent)
            if row is not None:
                self.reopen(row)
                return
        page = self.page
        if page is not None and page.take_file(path):
            return
        for bench in self.pages.benches():
            self.show_page(bench)
            if self.bench(bench).take_file(path):
                return
        self.say("warning", self.tr("Nothing here takes {name}.").format(name=path.name))

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Files and pictures are welcome anywhere."""
        data = event.mimeData()
        if dropped_files(data) or data.hasImage():
            event.acceptProposedAction()
            self._drop_frame.setGeometry(self.rect())
            self._drop_frame.raise_()
            self._drop_frame.show()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """It went elsewhere."""
        self._drop_frame.hide()

    def dropEvent(self, event: QDropEvent) -> None:
        """Use the first file that was dropped."""
        self._drop_frame.hide()
        files = dropped_files(event.mimeData())
        if files:
            event.acceptProposedAction()
            self.take_file(files[0])
            if len(files) > 1:
                text = self.tr("Of {n} files the first is used.").format(n=len(files))
                self.say("info", text)
        elif event.mimeData().hasImage():
            event.acceptProposedAction()
            self.pages.paste_image(event.mimeData().imageData())

    # --- life ------------------------------------------------------------------------------

    @Slot()
    def begin(self) -> None:
        """What a window that can be seen already still needs: the engine, a true catalogue."""
        self.client.start()
        if self.catalogue_cache is not None and not self.catalogue_cache.fresh:
            self.catalogue_cache.refresh()

    def showEvent(self, event: QShowEvent) -> None:
        """The first time it is shown, it says so."""
        super().showEvent(event)
        if not self._was_shown:
            self._was_shown = True
            self.shown_first.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Remember the size."""
        super().resizeEvent(event)
        self.session.touch() if self._was_shown else None

    def closeEvent(self, event: QCloseEvent) -> None:
        """With a run going on it asks; then everything is kept, and the engine leaves."""
        if not self.session.may_close():
            event.ignore()
            return
        self.session.close()
        self.pages.close()
        if self.catalogue_cache is not None:
            self.catalogue_cache.stop()
        self.client.stop()
        self.index.close()
        event.accept()

    # --- building --------------------------------------------------------------------------

    def _build(self) -> None:
        center = QWidget(self)
        self.setCentralWidget(center)
        row = QHBoxLayout(center)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        self._row = row
        self.rail = Rail(center)
        row.addWidget(self.rail)
        column = QVBoxLayout()
        column.setSpacing(0)
        row.addLayout(column, 1)
        self.header = Header(self.actions_, center)
        self.banner = _WindowBanner(center)
        self.stack = QStackedWidget(center)
        self.log = LogDrawer(center)
        self.status = StatusLine(self.actions_, center)
        self._drop_frame = _DropFrame(self)
        column.addWidget(self.header)
        column.addWidget(self.banner.holder)
        column.addWidget(self.stack, 1)
        column.addWidget(self.log)
        column.addWidget(self.status)

    def renew_rail(self) -> None:
        """An empty rail in place of the old one."""
        old, self.rail = self.rail, Rail(self.centralWidget())
        self._row.replaceWidget(old, self.rail)
        old.hide()
        old.deleteLater()
        self.rail.activated.connect(self.show_page)

    def _connect(self) -> None:
        self.rail.activated.connect(self.show_page)
        self.actions_.triggered.connect(self.commands.run)
        self.client.event.connect(self.log.on_event)
        self.client.event.connect(self.status.on_event)
        self.client.state.connect(self._on_engine_state)
        self.client.crashed.connect(self._on_crash)
        self.banner.acted.connect(self.client.restart)
        self.keeper.kept.connect(self.pages.run_kept)
        self.preferences.changed.connect(self.commands.on_preference)
        self.index.on_notice = self._on_index_notice

    def _on_index_notice(self, text: str) -> None:
        self.say("warning", text)


class _DropFrame(QWidget):
    """A frame around the window while something that it takes is held over it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(QPen(theme.color("accent"), 4))
        painter.drawRect(self.rect().adjusted(2, 2, -2, -2))


class _WindowBanner(Banner):
    """A banner with room around it, which goes when the banner goes."""

    def __init__(self, parent: QWidget) -> None:
        self.holder = QWidget(parent)
        super().__init__(self.holder)
        room = QVBoxLayout(self.holder)
        room.setContentsMargins(12, 8, 12, 0)
        room.addWidget(self)

    def setVisible(self, on: bool) -> None:
        """Show or hide the room as well."""
        super().setVisible(on)
        self.holder.setVisible(on)


def center_on_screen(window: MainWindow) -> None:
    """Fit a fresh window into the screen and put it in the middle."""
    screen = QGuiApplication.primaryScreen()
    if screen is None:
        return
    room = screen.availableGeometry()
    window.resize(min(1440, room.width()), min(900, room.height()))
    frame = window.frameGeometry()
    frame.moveCenter(room.center())
    window.move(frame.topLeft())
