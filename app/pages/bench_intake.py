"""How pictures come onto a page: opened, dropped, pasted, or one of the samples.

Nothing is taken before the engine has read it: a file that is no picture leaves the page
as it was, with one line that says why.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QBuffer, QIODevice, QObject, Signal, Slot
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QFileDialog, QWidget

from app.blobs import as_array
from app.files import write_atomic
from app.folders import folders
from engine.catalogue import InputSpec
from engine.messages import Event, Reply

if TYPE_CHECKING:
    from app.engine_client import EngineClient


class Intake(QObject):
    """Offers files to the engine. ``accepted(input, reference, facts, thumbnail)``."""

    accepted = Signal(str, str, object, object)
    refused = Signal(str)
    #: ``(reference, thumbnail array)`` of a sample that was looked at.
    sample = Signal(str, object)

    def __init__(self, client: EngineClient, channel: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._client = client
        self._channel = channel
        self._offered: dict[int, tuple[str, str]] = {}
        client.event.connect(self._on_event)

    def offer(self, name: str, reference: str) -> None:
        """Let the engine look at a file for the input ``name``; an answer follows."""
        number = self._client.query("load", {"path": reference}, f"{self._channel}/{name}")
        self._offered[number] = (name, reference)

    def look(self, reference: str) -> None:
        """Ask for the thumbnail of a sample."""
        channel = f"{self._channel}/{reference}"
        number = self._client.query("load", {"path": reference}, channel)
        self._offered[number] = ("", reference)

    def ask(self, spec: InputSpec) -> None:
        """Let the person choose a file."""
        endings = " ".join(f"*{suffix}" for suffix in spec.suffixes)
        kinds = self.tr("Pictures ({endings})").format(endings=endings) if endings else ""
        every = self.tr("All files (*)")
        path, _ = QFileDialog.getOpenFileName(
            self.parent(),  # type: ignore[arg-type]
            self.tr("Open: {title}").format(title=spec.title),
            "",
            f"{kinds};;{every}" if kinds else every,
        )
        if path:
            self.offer(spec.name, path)

    def paste(self, name: str, image: QImage) -> None:
        """Use a picture from the clipboard; it is kept in the cache by its content."""
        try:
            self.offer(name, str(keep_image(image, "pasted")))
        except OSError as error:
            text = self.tr("The picture cannot be pasted: the cache cannot be written ({reason}).")
            self.refused.emit(text.format(reason=error.strerror or error))

    @Slot(object)
    def _on_event(self, event: Event) -> None:
        if not isinstance(event, Reply) or event.id not in self._offered:
            return
        name, reference = self._offered.pop(event.id)
        if event.error:
            if name:
                file = Path(reference).name
                known = file in event.error
                self.refused.emit(event.error if known else f"{file}: {event.error}")
            return
        thumbnail = as_array(event.blobs["thumbnail"]) if "thumbnail" in event.blobs else None
        if name:
            self.accepted.emit(name, reference, event.value, thumbnail)
        elif thumbnail is not None:
            self.sample.emit(reference, thumbnail)


def keep_image(image: QImage, name: str) -> Path:
    """Write an image as ``name.png`` below the cache, in a folder named by its content.

    Raises:
        OSError: the cache cannot be written.
    """
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    if image.isNull() or not image.save(buffer, "PNG"):
        raise OSError("the picture cannot be encoded")
    data = bytes(buffer.data().data())
    path = folders().cache / name / hashlib.sha256(data).hexdigest()[:24] / f"{name}.png"
    if not path.is_file():
        write_atomic(path, data)
    return path
