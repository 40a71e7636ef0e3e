"""The history page: every run that was ever made here, found again and used again."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QItemSelectionModel, QPoint, Qt, QTimer, QUrl, Signal, Slot
from PySide6.QtGui import QDesktopServices, QHideEvent, QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QMenu,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app import dialogs, export, places, race_sheet
from app.actions import Facts
from app.background import Background
from app.files import reason
from app.header import Heading
from app.pages.base import Page
from app.pages.history_compare import RunComparison
from app.pages.history_details import RunDetails
from app.pages.history_filters import HistoryFilters
from app.pages.history_list import RunList, RunModel
from app.run_index import RunIndex
from app.run_row import RunRow
from engine.catalogue import Catalogue
from widgets.parts import Banner, EmptyState

#: How often a shown page looks for runs of other windows and lets times grow older.
WATCH_MS = 1500


class HistoryPage(Page):
    """Lists, searches, compares, names, exports and deletes runs.

    ``reopen``, ``repeat`` and ``resume`` carry a ``RunRow``; the window acts on them.
    ``start_wanted`` asks for the start page.
    """

    reopen = Signal(object)
    repeat = Signal(object)
    resume = Signal(object)
    start_wanted = Signal()

    def __init__(
        self, index: RunIndex, catalogue: Catalogue, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._index = index
        self.model = RunModel(catalogue, self)
        self.filters = HistoryFilters()
        self.list = RunList(self.model, self)
        self.details = RunDetails(catalogue)
        self.comparison = RunComparison(catalogue)
        self.banner = Banner()
        self._work = Background(self)
        self._total = -1
        self._build()
        self._connect()
        self._watch = QTimer(self)
        self._watch.setInterval(WATCH_MS)
        self._watch.timeout.connect(self._look)
        self.refresh()

    # --- what the window asks ------------------------------------------------------------

    def heading(self) -> Heading:
        """Title, and how many runs are kept."""
        runs = self.tr("one run") if self._total == 1 else self.tr("{n} runs").format(n=self._total)
        return Heading(title=self.tr("History"), subtitle=runs if self._total > 0 else "")

    def facts(self) -> Facts:
        """A delete can be undone from the Edit menu."""
        can = self._index.can_undo_delete
        return Facts(undo=self.tr("Delete") if can else "")

    def do(self, action_id: str, checked: bool) -> bool:
        """Undo a delete; leave everything else to the window."""
        if action_id == "edit.undo" and self._index.can_undo_delete:
            self.undo_delete()
            return True
        return False

    def entered(self) -> None:
        """Show what is new."""
        self.refresh()
        focus = QApplication.focusWidget()
        if focus is None or not self.isAncestorOf(focus):
            self.filters.text.setFocus(Qt.FocusReason.OtherFocusReason)

    def set_catalogue(self, catalogue: Catalogue) -> None:
        """Use the titles and units of another catalogue."""
        self.model.set_catalogue(catalogue)
        self.details.catalogue = self.comparison.catalogue = catalogue

    def refresh(self) -> None:
        """Search again; selection and scroll position stay."""
        chosen = {row.id for row in self.list.chosen()}
        self.filters.set_methods(self._index.methods())
        rows = self._index.search(**self.filters.asked())
        total = self._index.count()
        self.model.set_rows(rows)
        self._select(chosen)
        if not self.list.chosen() and rows:
            self._select({rows[0].id})
        self._show_selection()
        if total == 0:
            self._pages.setCurrentWidget(self._empty)
        else:
            self._pages.setCurrentWidget(self._body)
            self._left.setCurrentWidget(self.list if rows else self._nothing)
        if total != self._total:
            self._total = total
            self.facts_changed.emit()

    def show_run(self, run_id: str) -> None:
        """Select a run, clearing the search where it hides the run."""
        if self.model.position(run_id) < 0:
            self.filters.reset()
        self._select({run_id})
        self._show_selection()

    # --- doing ---------------------------------------------------------------------------

    def delete(self, rows: list[RunRow], *, permanently: bool = False) -> None:
        """Delete runs; runs that are being computed stay and the banner says so."""
        if not rows or (permanently and not self._sure(rows)):
            return
        position = self.model.position(rows[0].id)
        try:
            gone = self._index.delete([row.id for row in rows], permanently=permanently)
        except OSError as error:
            text = self.tr("Nothing was deleted: the folder cannot be changed ({reason}).")
            self.banner.show_message(text.format(reason=reason(error)), "error")
            return
        self.refresh()
        left = min(position, len(self.model.rows) - 1)
        if left >= 0:
            self._select({self.model.rows[left].id})
        self._say_deleted(len(gone), len(rows) - len(gone), permanently=permanently)
        self.facts_changed.emit()

    def undo_delete(self) -> None:
        """Bring back what was deleted last."""
        try:
            back = self._index.undo_delete()
        except OSError as error:
            text = self.tr("The runs cannot be brought back ({reason}); they are still kept aside.")
            self.banner.show_message(text.format(reason=reason(error)), "error")
            return
        self.banner.hide()
        self.refresh()
        self._select({row.id for row in back})
        self.facts_changed.emit()

    # --- building ------------------------------------------------------------------------

    def _build(self) -> None:
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        self._pages = QStackedWidget()
        outer.addWidget(self._pages)
        self._empty = EmptyState(
            "history",
            self.tr("No runs yet"),
            self.tr(
                "Every run is kept here with its picture, its numbers and all its settings,\n"
                "so that it can be opened again, compared, repeated and taken away."
            ),
            self.tr("Try an example on the start page"),
        )
        self._nothing = EmptyState("search", self.tr("No run fits"), "", self.tr("Show all runs"))
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(16, 16, 12, 12)
        column.setSpacing(12)
        column.addWidget(self.filters)
        column.addWidget(self.banner)
        self._left = QStackedWidget()
        self._left.addWidget(self.list)
        self._left.addWidget(self._nothing)
        column.addWidget(self._left, 1)
        self._right = QStackedWidget()
        self._right.addWidget(self.details)
        self._right.addWidget(self.comparison)
        self._pick = EmptyState("history", self.tr("Choose a run on the left"))
        self._right.addWidget(self._pick)
        panel = QFrame()
        panel.setProperty("role", "panel")
        inner = QVBoxLayout(panel)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.addWidget(self._right)
        self._body = QSplitter(Qt.Orientation.Horizontal)
        self._body.setChildrenCollapsible(False)
        self._body.addWidget(left)
        self._body.addWidget(panel)
        left.setMinimumWidth(400)
        panel.setMinimumWidth(340)
        self._body.setStretchFactor(0, 3)
        self._body.setStretchFactor(1, 2)
        self._body.setSizes([720, 480])
        self._pages.addWidget(self._body)
        self._pages.addWidget(self._empty)

    def _connect(self) -> None:
        self.filters.changed.connect(self.refresh)
        self.filters.text.left_down.connect(self._to_list)
        self.list.opened.connect(self._on_opened)
        self.list.selectionModel().selectionChanged.connect(self._show_selection)
        self.list.customContextMenuRequested.connect(self._menu)
        self._empty.acted.connect(self.start_wanted)
        self._nothing.acted.connect(self.filters.reset)
        self.banner.acted.connect(self.undo_delete)
        details = self.details
        details.reopen.connect(self.reopen)
        details.repeat.connect(self.repeat)
        details.resume.connect(self.resume)
        details.show_folder.connect(self._show_folder)
        details.delete.connect(self._delete_one)
        details.renamed.connect(self._rename)
        details.noted.connect(self._note)
        details.export_zip.connect(self._export_zip)
        details.export_files.connect(self._export_files)
        details.export_picture.connect(self._export_picture)
        self.comparison.delete.connect(self.delete)
        self.comparison.export_table.connect(self._export_table)
        self.comparison.export_sheet.connect(self._export_sheet)
        self._work.done.connect(self._on_exported)
        self._work.failed.connect(self._on_export_failed)
        for keys, slot in (
            (QKeySequence.StandardKey.Find, self._to_search),
            (QKeySequence("/"), self._to_search),
        ):
            QShortcut(keys, self, slot, context=Qt.ShortcutContext.WidgetWithChildrenShortcut)
        for key, slot in ((Qt.Key.Key_Delete, self._delete_chosen), ("Shift+Del", self._destroy)):
            QShortcut(QKeySequence(key), self.list, slot, context=Qt.ShortcutContext.WidgetShortcut)

    # --- selection -----------------------------------------------------------------------

    def _select(self, ids: set[str]) -> None:
        selection = self.list.selectionModel()
        if {row.id for row in self.list.chosen()} == ids:
            return
        selection.clearSelection()
        places = [n for n, row in enumerate(self.model.rows) if row.id in ids]
        for place in places:
            selection.select(self.model.index(place), QItemSelectionModel.SelectionFlag.Select)
        if places:
            first = self.model.index(places[0])
            selection.setCurrentIndex(first, QItemSelectionModel.SelectionFlag.NoUpdate)
            self.list.scrollTo(first)

    @Slot()
    def _show_selection(self) -> None:
        chosen = self.list.chosen()
        if len(chosen) == 1:
            self.details.show_run(chosen[0])
            self._right.setCurrentWidget(self.details)
        elif chosen:
            self.comparison.show_runs(chosen)
            self._right.setCurrentWidget(self.comparison)
        else:
            self._right.setCurrentWidget(self._pick)

    @Slot()
    def _to_search(self) -> None:
        self.filters.text.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.filters.text.selectAll()

    @Slot()
    def _to_list(self) -> None:
        self.list.setFocus(Qt.FocusReason.OtherFocusReason)

    @Slot(object)
    def _on_opened(self, row: RunRow) -> None:
        (self.resume if row.shown_status == "interrupted" else self.reopen).emit(row)

    @Slot(QPoint)
    def _menu(self, at: QPoint) -> None:
        chosen = self.list.chosen()
        if not chosen:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        if len(chosen) == 1:
            details = self.details
            menu.addAction(details.primary.text(), details.primary.click)
            menu.addAction(self.tr("Repeat"), details.again.click)
            menu.addAction(self.tr("Show the folder"), partial(self._show_folder, chosen[0]))
            menu.addSeparator()
        menu.addAction(self.tr("Export table…"), partial(self._export_table, chosen))
        menu.addSeparator()
        menu.addAction(self.tr("Delete"), self._delete_chosen)
        menu.addAction(self.tr("Delete for good…"), self._destroy)
        menu.popup(self.list.viewport().mapToGlobal(at))

    # --- names, notes, deleting ----------------------------------------------------------

    @Slot(object, str)
    def _rename(self, row: RunRow, name: str) -> None:
        self._update(row, name=name)

    @Slot(object, str)
    def _note(self, row: RunRow, note: str) -> None:
        self._update(row, note=note)

    def _update(self, row: RunRow, **changes: str) -> None:
        try:
            self._index.update(row.id, **changes)
        except OSError as error:
            text = self.tr("This cannot be kept: the run's folder cannot be written ({reason}).")
            self.banner.show_message(text.format(reason=reason(error)), "error")
        self.refresh()

    @Slot(object)
    def _delete_one(self, row: RunRow) -> None:
        self.delete([row])

    @Slot()
    def _delete_chosen(self) -> None:
        self.delete(self.list.chosen())

    @Slot()
    def _destroy(self) -> None:
        self.delete(self.list.chosen(), permanently=True)

    def _sure(self, rows: list[RunRow]) -> bool:
        what = rows[0].heading if len(rows) == 1 else self.tr("{n} runs").format(n=len(rows))
        return dialogs.ask(
            self,
            self.tr("Delete {what} for good?").format(what=what),
            self.tr("The folder with all results is removed. This cannot be undone."),
            self.tr("Delete for good"),
            danger=True,
        )

    def _say_deleted(self, gone: int, stayed: int, *, permanently: bool) -> None:
        parts = []
        if gone:
            parts.append(
                self.tr("One run was deleted.")
                if gone == 1
                else self.tr("{n} runs were deleted.").format(n=gone)
            )
        if stayed:
            parts.append(self.tr("A run that is being computed stays: cancel it first."))
        undo = self.tr("Undo") if gone and not permanently else ""
        self.banner.show_message(" ".join(parts), "warning" if stayed else "info", undo)

    # --- taking away ---------------------------------------------------------------------

    @Slot(object)
    def _show_folder(self, row: RunRow) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(row.folder))

    @Slot(object)
    def _export_zip(self, row: RunRow) -> None:
        self._save_as(f"{export.file_stem(row)}.zip", partial(export.zip_run, row))

    @Slot(object)
    def _export_picture(self, row: RunRow) -> None:
        name = f"{export.file_stem(row)}.png"
        catalogue = self.model.catalogue
        self._save_as(name, partial(export.before_and_after, row, catalogue))

    @Slot(object)
    def _export_files(self, row: RunRow) -> None:
        place = places.folder(self, self.tr("Results into a folder"))
        if place:
            self._work.start(partial(export.copy_results, row, place))

    @Slot(object)
    def _export_table(self, rows: list[RunRow]) -> None:
        self._save_as("runs.csv", partial(export.write_table, rows))

    @Slot(object)
    def _export_sheet(self, rows: list[RunRow]) -> None:
        write = partial(race_sheet.write, rows, self.comparison.catalogue)
        self._save_as("comparison.png", write, race_sheet.kinds())

    def _save_as(self, name: str, write: Callable[[Path], object], kinds: str = "") -> None:
        path = places.save_as(self, self.tr("Export"), name, kinds)
        if path:
            path = path if path.suffix else path.with_suffix(Path(name).suffix)
            self._work.start(partial(_write_to, write, path))

    @Slot(object)
    def _on_exported(self, place: Path) -> None:
        text = self.tr("Exported to {place}").format(place=place)
        self.notice.emit("info", text)
        self.banner.show_message(text, "success")

    @Slot(str)
    def _on_export_failed(self, why: str) -> None:
        text = self.tr("The export failed: {reason}. The run itself is safe.")
        self.banner.show_message(text.format(reason=why), "error")

    # --- watching ------------------------------------------------------------------------

    @Slot()
    def _look(self) -> None:
        if self._index.changed_elsewhere():
            self.refresh()
        self.list.viewport().update()

    def showEvent(self, event: QShowEvent) -> None:
        """Look for changes while the page is seen."""
        super().showEvent(event)
        self._watch.start()

    def hideEvent(self, event: QHideEvent) -> None:
        """Cost nothing while it is not."""
        super().hideEvent(event)
        self._watch.stop()
        self.list.thumbnails.stop()


def _write_to(write: Callable[[Path], object], path: Path) -> Path:
    write(path)
    return path
