"""What a method is, in the words of its own module."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QTextBlockFormat, QTextCursor
from PySide6.QtWidgets import QDialog, QHBoxLayout, QTextBrowser, QVBoxLayout, QWidget

from engine.catalogue import MethodSpec
from widgets import theme
from widgets.parts import PrimaryButton, TextLabel

#: Where the pictures of the pages lie, and the letter that stands for one in a text.
_PICTURES = Path(__file__).resolve().parents[2] / "assets" / "help"
_PICTURE = "\ufffc"


def show_help(method: MethodSpec, parent: QWidget) -> QDialog:
    """Open a window that explains the method; it does not block the page."""
    dialog = QDialog(parent)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setWindowTitle(method.title)
    dialog.resize(660, 640)
    column = QVBoxLayout(dialog)
    column.setContentsMargins(24, 20, 24, 16)
    column.setSpacing(8)
    column.addWidget(TextLabel(method.title, "title"))
    source = TextLabel(method.source, "secondary")
    source.setWordWrap(True)
    column.addWidget(source)
    text = QTextBrowser(dialog)
    text.setOpenExternalLinks(True)
    text.setAccessibleName(method.title)
    text.setSearchPaths([str(_PICTURES)])
    text.setFont(theme.font())
    words = method.help or method.summary
    if words.startswith("# "):
        # The window says the title itself.
        words = words.partition("\n")[2]
    link = f"\n\n[{method.url}]({method.url})" if method.url else ""
    text.setMarkdown(f"{words}{link}")
    _air(text)
    column.addWidget(text, 1)
    row = QHBoxLayout()
    row.addStretch(1)
    close = PrimaryButton(QCoreApplication.translate("Help", "Close"), dialog)
    close.clicked.connect(dialog.accept)
    row.addWidget(close)
    column.addLayout(row)
    dialog.show()
    return dialog


def _air(text: QTextBrowser) -> None:
    """Room between lines and paragraphs, which Markdown leaves to the reader."""
    cursor = QTextCursor(text.document())
    cursor.select(QTextCursor.SelectionType.Document)
    block = QTextBlockFormat()
    block.setBottomMargin(10)
    block.setLineHeight(135, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value)
    cursor.mergeBlockFormat(block)
    # A picture is a line as high as itself, and needs no room within it.
    block.setLineHeight(100, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value)
    at = text.document().begin()
    while at.isValid():
        if _PICTURE in at.text():
            QTextCursor(at).mergeBlockFormat(block)
        at = at.next()
