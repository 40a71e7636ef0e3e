"""The help window shows its picture, with no room lost around it."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QUrl
from PySide6.QtGui import QTextDocument
from PySide6.QtWidgets import QTextBrowser, QWidget

from app.pages.bench_help import show_help
from engine.discovery import installed


def test_the_picture_of_a_page_is_seen_whole(qtbot: Any) -> None:
    holder = QWidget()
    qtbot.addWidget(holder)
    holder.show()
    for method in installed().catalogue.methods[:3]:
        dialog = show_help(method, holder)
        text = dialog.findChild(QTextBrowser)
        assert text is not None
        kind = QTextDocument.ResourceType.ImageResource.value
        assert text.loadResource(kind, QUrl(f"{method.id}.webp"))
        qtbot.waitUntil(lambda text=text: text.document().size().height() > 200)
        assert not text.horizontalScrollBar().isVisible()
        dialog.accept()
