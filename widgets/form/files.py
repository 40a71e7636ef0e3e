"""A line for a path, with a button to choose and room to drop."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QMimeData, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QWidget

from widgets import theme
from widgets.parts.buttons import IconButton

PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp")


class PathBox(QWidget):
    """``chosen`` carries a path as text: typed and finished, picked in the dialog, or dropped."""

    chosen = Signal(str)

    def __init__(
        self,
        title: str,
        suffixes: tuple[str, ...] = (),
        parent: QWidget | None = None,
        *,
        pictures: bool = False,
    ) -> None:
        super().__init__(parent)
        self._title = title
        self._suffixes = suffixes or (PICTURES if pictures else ())
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        self.line = QLineEdit()
        self.line.setAccessibleName(title)
        self.line.setPlaceholderText(self.tr("Drop a file here, or type its path"))
        self.line.setAcceptDrops(False)
        self.browse = IconButton("folder", self.tr("Choose a file"))
        self.browse.setAccessibleName(f"{title}: {self.browse.toolTip()}")
        row.addWidget(self.line, 1)
        row.addWidget(self.browse)
        self.setAcceptDrops(True)
        self.line.editingFinished.connect(self._typed)
        self.browse.clicked.connect(self._browse)
        self._path = ""

    def set_path(self, path: str) -> None:
        """Show a path; its end stays in sight."""
        self._path = path
        self.line.setText(path)
        self.line.setToolTip(path)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take one local file."""
        if self._dropped(event.mimeData()):
            event.acceptProposedAction()
            self._glow(True)

    def dragLeaveEvent(self, event: object) -> None:
        """It went away."""
        self._glow(False)

    def dropEvent(self, event: QDropEvent) -> None:
        """Use the file."""
        self._glow(False)
        path = self._dropped(event.mimeData())
        if path:
            event.acceptProposedAction()
            self.chosen.emit(path)

    @staticmethod
    def _dropped(data: QMimeData) -> str:
        local = [url.toLocalFile() for url in data.urls() if url.isLocalFile()]
        return local[0] if local else ""

    def _glow(self, on: bool) -> None:
        self.line.setProperty("drop", on)
        theme.refresh(self.line)

    def _typed(self) -> None:
        typed = self.line.text().strip()
        if typed != self._path:
            self.chosen.emit(typed)

    def _browse(self) -> None:
        dialog = QFileDialog(self, self._title)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        if self._suffixes:
            pattern = " ".join(f"*{suffix}" for suffix in self._suffixes)
            dialog.setNameFilters(
                [f"{self.tr('Fitting files')} ({pattern})", f"{self.tr('All files')} (*)"]
            )
        folder = Path(self._path).parent
        if self._path and folder.is_dir():
            dialog.setDirectory(str(folder))
        dialog.fileSelected.connect(self.chosen)
        dialog.open()
