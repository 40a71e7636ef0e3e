"""One input of a bench: bundled samples as thumbnails, and what is chosen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtGui import QImage, QImageReader, QResizeEvent
from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from app.page_state import sample_reference
from app.thumbnails import cached_thumbnail
from engine.catalogue import InputSpec
from widgets.parts import HintLabel, LinkButton, Thumbnail

COLUMNS, FIRST = 4, 8
_EDGE = 50
#: The longer side of a quick look, in pixels.
_QUICK = 512


def quick_look(reference: str) -> Any | None:
    """A small picture of an input, (H, W, 3) uint8, without the engine; None where unknown."""
    path = cached_thumbnail(reference) if reference.startswith("sample:") else Path(reference)
    reader = QImageReader(str(path))
    reader.setAutoTransform(True)
    size = reader.size()
    if not path.is_file() or not size.isValid():
        return None
    if max(size.width(), size.height()) > _QUICK:
        reader.setScaledSize(size.scaled(_QUICK, _QUICK, Qt.AspectRatioMode.KeepAspectRatio))
    image = reader.read().convertToFormat(QImage.Format.Format_RGB888)
    if image.isNull():
        return None
    import numpy as np

    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1)
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()


class Samples(QWidget):
    """The samples of one input. ``chosen(reference)``, ``wanted(reference)`` for a thumbnail."""

    chosen = Signal(str)
    wanted = Signal(str)

    def __init__(self, spec: InputSpec, parent: QWidget) -> None:
        super().__init__(parent)
        self._spec = spec
        self._pictures: dict[str, Thumbnail] = {}
        self._titles: dict[str, str] = {}
        self._waiting: list[str] = []
        self._name = ""
        self._own: Thumbnail | None = None
        self._all = False
        self._grid = QGridLayout()
        self._grid.setSpacing(6)
        self._caption = HintLabel("", self)
        self._more = LinkButton("", self)
        self._more.clicked.connect(self._toggle)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(self._grid)
        column.addWidget(self._more, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self._caption)
        for sample in spec.samples:
            reference = sample_reference(sample.value)
            picture = Thumbnail(sample.title, None, self, size=_EDGE)
            picture.setObjectName(reference)
            picture.clicked.connect(self._on_click)
            cached = cached_thumbnail(reference)
            if cached.is_file():
                picture.set_source(cached)
            else:
                self._waiting.append(reference)
            self._pictures[reference] = picture
            self._titles[reference] = sample.title
        self._arrange()

    def ask_missing(self) -> None:
        """Want the thumbnails that are not known yet, of those in sight."""
        shown = [name for name in self._waiting if not self._pictures[name].isHidden()]
        for name in shown:
            self._waiting.remove(name)
            self.wanted.emit(name)

    def set_thumbnail(self, reference: str, array: Any) -> None:
        """A sample's thumbnail came; keep it for the next start."""
        if reference not in self._pictures:
            return
        self._pictures[reference].set_source(array)
        path = cached_thumbnail(reference)
        height, width = array.shape[:2]
        image = QImage(array.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError:
            # Without a cache the next start only asks again.
            return
        image.save(str(path), "PNG")

    def show_choice(self, reference: str, thumbnail: Any = None) -> None:
        """Mark what is chosen; a person's own file gets a place of its own in front."""
        for name, picture in self._pictures.items():
            picture.setChecked(name == reference)
        own = bool(reference) and reference not in self._pictures
        if own:
            if self._own is None:
                self._own = Thumbnail("", None, self, size=_EDGE)
                self._own.clicked.connect(self._on_click)
            if self._own.objectName() != reference or thumbnail is not None:
                self._own.setObjectName(reference)
                self._own.set_title(Path(reference).name)
                self._own.set_source(thumbnail if thumbnail is not None else _readable(reference))
        if self._own is not None:
            self._own.setChecked(own)
        name = self._titles.get(reference, Path(reference).name)
        if name != self._name:
            # Its size is told once it was read.
            self._name = name
            self.say("")
        self._arrange()

    def say(self, facts: str) -> None:
        """The line below: name, size, and that files can be dropped."""
        parts = [part for part in (self._name, facts) if part]
        drop = self.tr("or drop a file anywhere") if parts else self.tr("Drop a file anywhere")
        parts.append(drop)
        self._caption.setText(" · ".join(parts))

    def minimumSizeHint(self) -> QSize:
        """Thumbnails shrink with the panel; they never hold it open."""
        return QSize(COLUMNS * 36 + 18, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Thumbnails fill the width of the panel."""
        super().resizeEvent(event)
        edge = (self.width() - 6 * (COLUMNS - 1)) // COLUMNS
        edge = max(36, min(edge, 84))
        for picture in [*self._pictures.values(), *([self._own] if self._own else [])]:
            picture.set_size(QSize(edge, edge))

    def _arrange(self) -> None:
        order = ([self._own] if self._own is not None else []) + list(self._pictures.values())
        room = len(order) if self._all else FIRST
        chosen = next((p for p in order if p.isChecked()), None)
        shown = order[:room]
        if chosen is not None and chosen not in shown:
            # What is chosen is always to be seen.
            shown = [*shown[:-1], chosen]
        for picture in order:
            self._grid.removeWidget(picture)
            picture.setVisible(picture in shown)
        for place, picture in enumerate(shown):
            self._grid.addWidget(picture, place // COLUMNS, place % COLUMNS)
        self._grid.setColumnStretch(COLUMNS, 1)
        hidden = len(order) - len(shown)
        self._more.setVisible(hidden > 0 or self._all)
        self._more.setText(
            self.tr("Fewer") if self._all else self.tr("{n} more samples").format(n=hidden)
        )

    @Slot()
    def _toggle(self) -> None:
        self._all = not self._all
        self._arrange()
        self.ask_missing()

    @Slot()
    def _on_click(self) -> None:
        sender = self.sender()
        if not isinstance(sender, Thumbnail):
            return
        if sender.isChecked():
            self.chosen.emit(sender.objectName())
        elif self._spec.required:
            # What was pressed is chosen already, and stays so.
            sender.setChecked(True)
        else:
            self.chosen.emit("")


def _readable(reference: str) -> str | None:
    return reference if Path(reference).is_file() else None
