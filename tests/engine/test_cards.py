"""Cards of the start page: which run is behind each, and what is drawn of it."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from engine import cards
from engine.discovery import card_of_example, installed
from engine.method import BadInput


def test_every_method_and_example_has_a_card_that_would_be_accepted() -> None:
    from engine.plan import plan

    catalogue = installed().catalogue
    made = dict(cards.requests())
    assert {method.id for method in catalogue.methods} <= set(made)
    bench = catalogue.bench("restoration")
    for example in bench.examples:
        request = made[card_of_example(bench.id, example.title)]
        assert request.inputs == example.inputs
        assert example.problem.items() <= request.problem.items()
    for request in made.values():
        plan(request)


def test_an_example_shows_itself_and_not_its_method() -> None:
    catalogue = installed().catalogue
    shown = [e.thumbnail for b in catalogue.benches for e in b.examples]
    assert all(".example." in name for name in shown)
    assert len(set(shown)) == len(shown)


def test_a_card_is_damaged_at_the_left_and_restored_at_the_right() -> None:
    black, white = Image.new("RGB", (100, 50)), Image.new("RGB", (100, 50), (200, 200, 200))
    card = np.asarray(cards.halved(black, white))
    assert card.shape == (192, 384, 3)
    assert card[:, :190].max() == 0
    assert card[:, 194:].min() == 200


def test_an_unknown_card_is_refused() -> None:
    with pytest.raises(BadInput, match="nothing"):
        list(cards.requests(["nothing"]))
