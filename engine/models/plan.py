"""What the plan of a training says: its recipe, its usual options, its card's words."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from torch import nn

from engine.models.training import Recipe

#: What the cards of all that learn emoji say of them.
EMOJI_DATA = {
    "data": "Noto Emoji at 32x32 on white: 3,390 pictures of 1,635 base names, mirrored half of "
    "the time, every base name equally likely; 64 base names held back, chosen by the SHA-256 of "
    "the name without skin tones. Relatives of a held-back emoji under other base names (the same "
    "person as a man and as a woman) can be among the training pictures.",
    "data_terms": "Noto Emoji, Copyright Google: the font is under the SIL Open Font License 1.1, "
    "tools and most pictures under Apache 2.0. Both allow to use, change and pass on.",
}


class TrainedRecipe(Recipe, Protocol):
    """A recipe whose result can be judged and written with a card."""

    @property
    def kind(self) -> type[nn.Module]:
        """The class of the network."""
        ...

    @property
    def architecture(self) -> dict[str, Any]:
        """Its arguments."""
        ...

    def watch(self, network: nn.Module) -> dict[str, float]:
        """Numbers on held-back pictures, quick enough for every checkpoint."""
        ...

    def measure(self, network: nn.Module, options: argparse.Namespace) -> dict[str, float]:
        """The numbers of the card."""
        ...


def _none(parser: argparse.ArgumentParser) -> None:
    """No options beyond the common ones."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How one model is trained.

    Attributes:
        texts: the words of the card (``ModelCard`` fields).
        recipe: makes the recipe from the parsed options.
        data_help: what ``--data`` means; empty for a set that the program renders itself.
        add_options: declares options that only this model has.
        average: decay of the running mean of the weights.
        every: steps between checkpoints.
    """

    id: str
    texts: dict[str, Any]
    recipe: Callable[[argparse.Namespace], TrainedRecipe]
    steps: int
    batch: int
    data_help: str = ""
    rate: float = 1e-3
    average: float = 0.999
    every: int = 500
    add_options: Callable[[argparse.ArgumentParser], None] = _none
