"""The start page: what can be done here, examples that run at one click, recent runs.

With one bench its methods are small cards below; with several, each bench is a card and
its methods are chips. Cards of one row are of one height.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLayout,
    QMenu,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.actions import ActionSet, Facts
from app.buttons import ActionButton
from app.pages.base import Page
from app.pages.start_cards import BenchCard, ExampleCard, MethodCard, RecentCard
from app.run_row import RunRow
from engine.catalogue import Catalogue
from widgets.parts import (
    Card,
    EmptyState,
    HintLabel,
    IconButton,
    LinkButton,
    SectionLabel,
    TextLabel,
)

RECENT = 4
EXAMPLES = 6
_HEAD = 26
_NARROW, _WIDE = 760, 1040


class StartPage(Page):
    """Cards that lead everywhere. Signals carry ids; the window acts."""

    has_header = False

    bench_chosen = Signal(str, str)
    example_chosen = Signal(object)
    run_chosen = Signal(str)
    history_wanted = Signal()

    def __init__(
        self,
        catalogue: Catalogue,
        recent: Callable[[], list[RunRow]],
        actions: ActionSet,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._recent = recent
        self._shown_runs: list[RunRow] | None = None
        scroll = QScrollArea(self)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scroll)
        content = QWidget()
        scroll.setWidget(content)
        column = QVBoxLayout(content)
        column.setContentsMargins(28, 24, 28, 16)
        column.setSpacing(0)
        top = QHBoxLayout()
        top.addWidget(TextLabel(self.tr("What would you like to see?"), "display"))
        top.addStretch(1)
        find = actions["go.palette"]
        top.addWidget(ActionButton(find, self, text=find.shortcut().toString()))
        # This page has no header, so it carries the menu itself.
        self._menu_button = IconButton("more", self.tr("Menu"), self)
        self._menu_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        top.addWidget(self._menu_button)
        column.addLayout(top)
        column.addSpacing(6)
        column.addWidget(
            TextLabel(
                self.tr("Pick a bench, or drop a picture or a saved run anywhere in the window."),
                "secondary",
            )
        )
        column.addSpacing(20)
        self._cards = QGridLayout()
        self._cards.setSpacing(14)
        column.addLayout(self._cards, 10)
        self._lower = QHBoxLayout()
        self._lower.setSpacing(14)
        column.addLayout(self._lower, 4)
        column.addSpacing(20)
        self._methods = QGridLayout()
        self._methods.setSpacing(10)
        self._make_cards(catalogue)
        self._make_examples(catalogue)
        self._make_recent()
        if self._small:
            column.addWidget(SectionLabel(self.tr("Methods")))
            column.addSpacing(8)
        column.addLayout(self._methods)
        column.addStretch(8)

    def set_menu(self, menu: QMenu) -> None:
        """What the menu button opens."""
        self._menu_button.setMenu(menu)

    def facts(self) -> Facts:
        """Nothing is set here."""
        return Facts()

    def entered(self) -> None:
        """Look for new runs."""
        self.refresh()

    def refresh(self) -> None:
        """Show the newest runs."""
        runs = self._recent()[:RECENT]
        if runs == self._shown_runs:
            return
        self._shown_runs = runs
        _clear(self._runs)
        for run in runs:
            card = RecentCard(run, self)
            card.chosen.connect(self.run_chosen)
            self._runs.addWidget(card)
        if not runs:
            hint = HintLabel(
                self.tr("Every run is kept. The newest appear here, ready to be reopened.")
            )
            self._runs.addWidget(hint)
        self._runs.addStretch(1)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fewer columns where there is less room."""
        super().resizeEvent(event)
        if event.oldSize().width() != event.size().width():
            self._arrange()

    def changeEvent(self, event: QEvent) -> None:
        """Type sizes may have changed."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._arrange()

    def _make_cards(self, catalogue: Catalogue) -> None:
        """Large cards of several benches, or one beside the examples with its methods below."""
        self._all: list[QWidget] = []
        self._small: list[QWidget] = []
        benches = [b for b in catalogue.benches if catalogue.methods_of(b.id)]
        several = len(benches) > 1
        for bench in benches:
            methods = catalogue.methods_of(bench.id)
            card = BenchCard(bench, methods, self, chips=several)
            card.chosen.connect(self.bench_chosen)
            if several:
                self._all.append(card)
                continue
            self._lower.addWidget(card, 9)
            for method in methods:
                one = MethodCard(bench, method, self)
                one.chosen.connect(self.bench_chosen)
                self._small.append(one)
        if not benches:
            self._all.append(self._nothing(catalogue))

    def _nothing(self, catalogue: Catalogue) -> QWidget:
        lines = [f"{module}: {reason}" for module, reason in catalogue.broken.items()]
        if lines:
            card = Card(self.tr("No method could be loaded"), self)
            card.body.addWidget(HintLabel("\n".join(lines)))
            card.body.addStretch(1)
            return card
        return EmptyState(
            "search",
            self.tr("Looking for what is installed …"),
            self.tr("This happens once after an installation and takes a few seconds."),
            parent=self,
        )

    def _arrange(self) -> None:
        width = self.width()
        most = 2 if width < _NARROW else 3 if width < _WIDE else 4 if width < 1700 else 5
        _place(self._cards, self._all, most)
        _place(self._methods, self._small, 1 if width < _NARROW else 3 if width < 1700 else 4)
        self._cards.setContentsMargins(0, 0, 0, 16 if self._all else 0)
        wide = width >= _WIDE if self._small else width >= _NARROW
        self._lower.setDirection(
            QHBoxLayout.Direction.LeftToRight if wide else QHBoxLayout.Direction.TopToBottom
        )

    def _make_examples(self, catalogue: Catalogue) -> None:
        pairs = [
            (bench, example)
            for bench in catalogue.benches
            for example in bench.examples
            if catalogue.methods_of(bench.id)
        ]
        if not pairs:
            return
        card = Card(self.tr("Try this"), self)
        note = SectionLabel(self.tr("one click, under a minute"))
        # As high as the link in the card beside it, so that both begin on one line.
        note.setMinimumHeight(_HEAD)
        card.set_trailing(note)
        grid = QGridLayout()
        grid.setSpacing(10)
        columns = min(2, len(pairs))
        for index, (bench, example) in enumerate(pairs[:EXAMPLES]):
            one = ExampleCard(bench, example, self)
            one.chosen.connect(self.example_chosen)
            grid.addWidget(one, index // columns, index % columns)
        for column in range(columns):
            grid.setColumnStretch(column, 1)
        card.body.addLayout(grid, 1)
        card.body.addStretch(0)
        card.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._lower.addWidget(card, 17)

    def _make_recent(self) -> None:
        card = Card(self.tr("Recent"), self)
        link = LinkButton(self.tr("History"), self)
        link.setFixedHeight(_HEAD)
        link.clicked.connect(self.history_wanted)
        card.set_trailing(link)
        self._runs = QVBoxLayout()
        self._runs.setSpacing(8)
        card.body.addLayout(self._runs)
        card.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._lower.addWidget(card, 10)


def _place(grid: QGridLayout, cards: list[QWidget], most: int) -> None:
    """Cards row by row in at most so many columns; columns of one width, rows of one height."""
    if not cards:
        return
    rows = -(-len(cards) // min(most, len(cards)))
    # Even rows look settled: 5 cards in 4 columns become 3 + 2.
    columns = -(-len(cards) // rows)
    for index in range(grid.columnCount()):
        grid.setColumnStretch(index, 0)
    for index in range(grid.rowCount()):
        grid.setRowStretch(index, 0)
    for index, card in enumerate(cards):
        grid.addWidget(card, index // columns, index % columns)
    for index in range(columns):
        grid.setColumnStretch(index, 1)
    for index in range(rows):
        grid.setRowStretch(index, 1)


def _clear(layout: QLayout) -> None:
    while (item := layout.takeAt(0)) is not None:
        widget = item.widget()
        if widget is not None:
            widget.hide()
            widget.deleteLater()
