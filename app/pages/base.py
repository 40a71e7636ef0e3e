"""What every page offers the window. A page has one job and knows no other page."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.actions import Facts
from app.header import Heading


class Page(QWidget):
    """One page. The window asks; the page tells it by ``facts_changed`` to ask again."""

    #: Heading or facts changed: header, menus and buttons are to be drawn again.
    facts_changed = Signal()
    #: ``(level, text)``: one line for the person that belongs to no part of the page.
    notice = Signal(str, str)
    #: A line that was said and does not hold any more.
    withdrawn = Signal(str)
    #: ``(level, text)``: a line for the log alone, for the page shows it by itself.
    logged = Signal(str, str)

    #: Whether the window shows its header above this page.
    has_header = True

    def heading(self) -> Heading:
        """What the header says."""
        return Heading()

    def facts(self) -> Facts:
        """What the rules of the actions look at."""
        return Facts()

    def do(self, action_id: str, checked: bool) -> bool:
        """Carry out an action; False where it is not this page's business."""
        return False

    def take_file(self, path: Path) -> bool:
        """Use a file that was dropped or opened; False where the page takes none."""
        return False

    def entered(self) -> None:
        """The page was just brought to the front."""
