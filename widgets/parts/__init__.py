"""The small parts that pages are made of."""

from widgets.parts.banner import Banner, EmptyState
from widgets.parts.buttons import (
    Chip,
    ChipGroup,
    IconButton,
    LinkButton,
    PillButton,
    PrimaryButton,
    TabButton,
)
from widgets.parts.cards import Card, CardButton, Rule
from widgets.parts.combo import ElidedCombo
from widgets.parts.flow import FlowLayout
from widgets.parts.labels import ElidedLabel, HintLabel, IconLabel, SectionLabel, TextLabel
from widgets.parts.rail import Rail
from widgets.parts.reveal import Reveal
from widgets.parts.splitter import GapSplitter
from widgets.parts.tab_row import TabRow
from widgets.parts.thumbnail import Thumbnail, to_pixmap

__all__ = [
    "Banner",
    "Card",
    "CardButton",
    "Chip",
    "ChipGroup",
    "ElidedCombo",
    "ElidedLabel",
    "EmptyState",
    "FlowLayout",
    "GapSplitter",
    "HintLabel",
    "IconButton",
    "IconLabel",
    "LinkButton",
    "PillButton",
    "PrimaryButton",
    "Rail",
    "Reveal",
    "Rule",
    "SectionLabel",
    "TabButton",
    "TabRow",
    "TextLabel",
    "Thumbnail",
    "to_pixmap",
]
