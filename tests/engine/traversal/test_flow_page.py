"""Potential flows on the page: what is drawn is what the potentials do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from walks import begun, press, problem

from engine.messages import Tune
from engine.nets.potential_field import PotentialField
from engine.runs import Run
from engine.traversal.flow_page import CELLS, confusions, landscape_on, strips_of
from engine.traversal.paths import path
from engine.traversal.plane import Plane
from engine.traversal.potentials import PotentialWalk
from engine.traversal.strips_view import layout
from engine.traversal.views import first_plane

SMALL = {"count": 3, "path": 6, "batch": 9, "iterations": 3}


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    made = begun(tmp_path, "potential_flow", **SMALL)
    yield made
    made.release()


def field() -> PotentialField:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        return PotentialField(3, 6, 16)


def test_strips_are_the_walks_of_the_potentials() -> None:
    made = field()
    z = torch.randn(1, 6, generator=torch.Generator().manual_seed(0))
    rows, speeds = strips_of(made, z, 4, 1.0, None)
    assert rows.shape == (3, 9, 6)
    for k in range(3):
        walk = PotentialWalk(made, k)
        walked = path(walk, z, 4, both_sides=True)[:, 0]
        assert torch.allclose(rows[k], walked, atol=1e-5)
        assert torch.allclose(speeds[k], walk.along(path(walk, z, 4)[:-1])[1][:, 0], atol=1e-5)


def test_strength_lengthens_every_step() -> None:
    made = field()
    z = torch.randn(1, 6, generator=torch.Generator().manual_seed(0))
    one, two = (strips_of(made, z, 1, strength, None)[0] for strength in (1.0, 2.0))
    assert torch.allclose(two[:, 2] - z, 2 * (one[:, 2] - z), atol=1e-5)


def test_a_landscape_is_the_potential_and_its_slopes_its_differences() -> None:
    built, made = problem("potential_flow"), field()
    plane, _ = first_plane(built)
    heights, slopes = landscape_on(made, 1, plane, 2)
    assert heights.shape == (CELLS, CELLS)
    walk = PotentialWalk(made, 1)
    corner = (plane.origin - plane.right - plane.up)[None]
    assert float(heights[0, 0]) == pytest.approx(
        float(walk.potential(corner, torch.tensor([2.0])).detach()), abs=1e-5
    )
    # Along the map a height changes by slope times the square of the map's own length.
    width = 2 / (CELLS - 1)
    across = (heights[:, 2:] - heights[:, :-2]) / (2 * width) / plane.right.square().sum()
    assert torch.allclose(slopes[:, 1:-1, 0], across, atol=2e-3)
    up = (heights[2:] - heights[:-2]) / (2 * width) / plane.up.square().sum()
    assert torch.allclose(slopes[1:-1, :, 1], up, atol=2e-3)


def test_confusions_are_shown_as_shares_of_rows() -> None:
    counts = torch.tensor([[8.0, 0.0], [5.0, 5.0]])
    assert confusions(counts).shape[0] == 3
    assert torch.equal(confusions(counts), confusions(3 * counts))
    assert not torch.equal(confusions(counts), confusions(counts.mT))


def test_it_trains_and_then_waits_to_be_played(run: Run) -> None:
    before = {k: v.clone() for k, v in run.state.tensors.items() if k.startswith("field.")}
    for _ in range(3):
        assert run.advance().kind == "step" or run.waiting
    assert run.waiting
    assert run.state.step == 3
    assert any((run.state.tensors[k] != v).any() for k, v in before.items())
    z = run.state.tensors["z"]
    update = run.advance((Tune({"play": 2}),))
    seen = [run.state.tensors["z"]]
    assert update.rest > 0
    for _ in range(2 * 12):
        run.advance()
        seen.append(run.state.tensors["z"])
    row = run.state.tensors["rows"][1]
    met = {int((row - s).norm(dim=1).argmin()) for s in seen}
    assert met == set(range(7))
    run.advance((Tune({"play": 0}),))
    assert run.waiting
    assert run.state.step == 3
    assert z.shape == (1, 6)


def test_a_row_beyond_the_last_plays_the_last(run: Run) -> None:
    while not run.waiting:
        run.advance()
    run.advance((Tune({"play": 8}),))
    assert not run.waiting
    for _ in range(4):
        run.advance()
    marks = run.state.scalars["marks"]
    assert marks[:2] == [-1, -1]
    assert marks[2] > 3


def test_strips_start_where_the_map_is_pressed(run: Run) -> None:
    run.advance((press(120.0, 320.0),))
    plane = Plane.of(run.state.tensors["plane"])
    start = plane.at(120.0, 320.0)
    assert torch.allclose(run.state.tensors["rows"][:, 3], start.expand(3, -1), atol=1e-6)
    assert torch.equal(run.state.tensors["z"], start)


def test_a_press_on_a_strip_shows_its_picture(run: Run) -> None:
    left, top = layout(3, 7, 32).corner(2, 6)
    run.advance((press(left + 5.0, top + 5.0, "strips"),))
    assert torch.equal(run.state.tensors["z"][0], run.state.tensors["rows"][2, 6])
    assert run.state.scalars["marks"] == [-1, -1, 6]


def test_what_is_seen_follows_its_knobs_at_once(run: Run) -> None:
    views = {k: run.state.tensors[k].clone() for k in ("rows", "landscape", "walks")}
    run.advance((Tune({"shown": 2, "strength": 3.0}),))
    for name, before in views.items():
        assert not torch.equal(run.state.tensors[name], before)
    assert torch.equal(run.state.tensors["walks"][0], run.state.tensors["rows"][1])
