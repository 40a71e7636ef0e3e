"""The map: the picture follows, flicks glide, key-frames are walked through and kept as films."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from walks import begun, move, press, problem, release

from engine.messages import Nudge, Tune
from engine.runs import Run
from engine.traversal import sources
from engine.traversal.plane import SIDE, Plane
from engine.traversal.strips_view import layout
from engine.traversal.views import plane_along

MIDDLE = (SIDE - 1) / 2


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    made = begun(tmp_path, "map")
    yield made
    made.release()


def plane(run: Run) -> Plane:
    return Plane.of(run.state.tensors["plane"])


def place(run: Run) -> list[float]:
    """Where the ring is, in pixels."""
    x, y = plane(run).pixels(run.state.tensors["z"])[0].tolist()
    return [x, y]


def keyed(run: Run, *places: tuple[float, float]) -> None:
    for x, y in places:
        run.advance((press(x, y), release(x, y), press(x, y, clicks=2), release(x, y)))


def test_headless_it_ends_at_once_and_leaves_its_pictures(run: Run, tmp_path: Path) -> None:
    assert run.waiting
    record = run.close("finished")
    assert {"map", "picture", "strips", "latents", "path"} <= record.outputs.keys()
    with Image.open(tmp_path / "picture.png") as picture:
        assert picture.size == (256, 256)
    told = json.loads((tmp_path / "path.json").read_text())
    assert told["generator"] == "drawn"
    assert load_file(tmp_path / "path.safetensors")["z"].shape == (1, 6)


def test_the_picture_is_that_of_the_point_under_the_press(run: Run) -> None:
    before = run.pictures()["picture"]
    update = run.advance((press(100.0, 333.0),))
    assert update.kind == "idle"
    assert place(run) == pytest.approx([100.0, 333.0], abs=1e-3)
    after = run.pictures()["picture"]
    assert (after != before).any()
    z = run.state.tensors["z"]
    run.advance((move(101.0, 300.0), move(250.0, 200.0)))
    assert place(run) == pytest.approx([250.0, 200.0], abs=1e-3)
    run.advance((move(100.0, 333.0),))
    assert torch.allclose(run.state.tensors["z"], z, atol=1e-5)
    assert np.array_equal(run.pictures()["picture"], after)


def test_a_drag_leaves_a_trail_and_the_strips_wait_for_its_end(run: Run) -> None:
    run.advance((press(100.0, 100.0),))
    rows = run.state.tensors["rows"]
    run.advance(tuple(move(100.0 + k, 120.0) for k in range(1, 100)))
    assert len(run.state.tensors["trail"]) == 60
    assert torch.equal(run.state.tensors["rows"], rows)
    run.advance((release(199.0, 120.0, at=9.0),))
    assert not torch.equal(run.state.tensors["rows"], rows)
    assert run.waiting


def test_beyond_the_edge_one_stays_at_it(run: Run) -> None:
    run.advance((press(10.0, 10.0), move(-1e9, 1e9)))
    assert place(run) == pytest.approx([0.0, SIDE - 1.0], abs=1e-3)


def test_a_flick_glides_on_and_comes_to_rest(run: Run) -> None:
    run.advance((press(100.0, 240.0),))
    for k in range(1, 6):
        run.advance((move(100.0 + 8 * k, 240.0, at=0.01 * k),))
    update = run.advance((release(140.0, 240.0, at=0.06),))
    ways = [place(run)[0]]
    while not run.waiting:
        assert update.rest > 0
        update = run.advance()
        ways.append(place(run)[0])
    steps = np.diff(ways)
    assert 5 < len(steps) < 200
    assert (steps > 0).all()
    assert (np.diff(steps) < 0).all()
    assert place(run)[1] == pytest.approx(240.0, abs=1e-2)


def test_a_drag_that_rested_does_not_glide(run: Run) -> None:
    run.advance((press(100.0, 240.0), move(140.0, 240.0, at=0.1), release(140.0, 240.0, at=1.0)))
    assert run.waiting


def test_a_glide_comes_back_from_the_edge(run: Run) -> None:
    run.advance((press(420.0, 240.0), move(470.0, 240.0), release(470.0, 240.0)))
    ways = [place(run)[0]]
    while not run.waiting:
        run.advance()
        ways.append(place(run)[0])
    assert max(ways) <= SIDE - 1 + 1e-3
    assert ways[-1] < max(ways) - 5


def test_arrow_keys_go_a_little(run: Run) -> None:
    run.advance((press(100.0, 100.0), release(100.0, 100.0), Nudge("map", 12.0, -3.0)))
    assert place(run) == pytest.approx([112.0, 97.0], abs=1e-2)


def test_key_frames_are_set_walked_and_dropped(run: Run) -> None:
    keyed(run, (100.0, 100.0), (380.0, 150.0), (240.0, 400.0))
    keys = run.state.tensors["keys"]
    assert len(keys) == 3
    film = run.state.tensors["film"]
    assert torch.equal(film[::24], keys)
    assert len(film) == 3 * 24
    update = run.advance((Tune({"play": True}),))
    frames = [run.state.tensors["z"][0]]
    for _ in range(3 * 24 - 1):
        assert update.rest > 0
        update = run.advance()
        frames.append(run.state.tensors["z"][0])
    assert torch.equal(torch.stack(frames), film.roll(-1, 0))
    run.advance((Tune({"press": "drop"}), press(381.0, 155.0)))
    assert torch.equal(run.state.tensors["keys"], keys[[0, 2]])


def test_a_walk_that_does_not_loop_ends_at_its_last_key(run: Run) -> None:
    keyed(run, (100.0, 100.0), (380.0, 150.0))
    run.advance((Tune({"loop": False, "way": "line", "speed": 5, "play": True}),))
    steps = 1
    while not run.waiting:
        run.advance()
        steps += 1
    assert steps == 5
    assert torch.equal(run.state.tensors["z"], run.state.tensors["keys"][1:])


@pytest.mark.parametrize("way", ["spline", "line", "arc"])
def test_every_way_leads_through_the_keys(run: Run, way: str) -> None:
    keyed(run, (100.0, 100.0), (380.0, 150.0), (240.0, 400.0))
    run.advance((Tune({"way": way, "speed": 10}),))
    film, keys = run.state.tensors["film"], run.state.tensors["keys"]
    assert torch.allclose(film[::10], keys, atol=1e-5)


def test_key_frames_are_sorted_by_dragging_their_pictures(run: Run) -> None:
    keyed(run, (100.0, 100.0), (380.0, 150.0), (240.0, 400.0))
    keys = run.state.tensors["keys"]
    at = layout(2, 11, 32)
    (first, top), (third, _) = at.corner(0, 0), at.corner(0, 2)
    run.advance((press(first + 9, top + 9, "strips"), release(third + 9, top + 9, "strips")))
    assert torch.equal(run.state.tensors["keys"], keys[[1, 2, 0]])
    assert torch.equal(run.state.tensors["z"], keys[:1])


def test_a_drag_on_a_strip_leads_along_it(run: Run) -> None:
    at = layout(2, 11, 32)
    rows = run.state.tensors["rows"]
    for row, column in ((0, 8), (1, 3)):
        x, y = (corner + at.side / 2 for corner in at.corner(row, column))
        run.advance((press(x, y, "strips"),))
        assert torch.allclose(run.state.tensors["z"][0], rows[row, column], atol=1e-5)
        # The strips stand still meanwhile; a hand may leave its row.
        run.advance((move(at.width + 99.0, 0.0, "strips"),))
        assert torch.equal(run.state.tensors["rows"], rows)
        assert torch.allclose(run.state.tensors["z"][0], rows[row, -1], atol=1e-5)
        run.advance((move(x, y, "strips"), release(x, y, "strips")))
        assert run.waiting
        rows = run.state.tensors["rows"]
        assert torch.allclose(rows[row, column], run.state.tensors["z"][0], atol=1e-5)
        assert run.state.scalars["marks"][row] == column
    assert len(run.state.tensors["trail"]) == 6


def test_a_drag_along_the_walk_is_at_its_places(run: Run) -> None:
    keyed(run, (100.0, 100.0), (380.0, 150.0), (240.0, 400.0))
    run.advance((Tune({"loop": False}),))
    at, film = layout(2, 11, 32), run.state.tensors["film"]
    x, y = (corner + at.side / 2 for corner in at.corner(1, 5))
    run.advance((press(x, y, "strips"),))
    assert torch.equal(run.state.tensors["z"][0], film[(len(film) - 1) // 2])
    assert run.state.scalars["marks"] == [-1, 5]
    # Held, it does not play away; let go, it plays on from there.
    run.advance((Tune({"play": True}), move(at.width + 0.0, y, "strips")))
    assert torch.equal(run.state.tensors["z"][0], film[-1])
    run.advance((move(x, y, "strips"),))
    assert run.waiting
    run.advance((release(x, y, "strips"),))
    assert torch.equal(run.state.tensors["z"][0], film[(len(film) - 1) // 2 + 1])


def test_beside_the_strips_nothing_is_dragged(run: Run) -> None:
    z = run.state.tensors["z"]
    run.advance((press(9.0, 9.0, "strips"), move(400.0, 9.0, "strips")))
    assert torch.equal(run.state.tensors["z"], z)


def test_another_plane_goes_through_where_one_is(run: Run) -> None:
    run.advance((press(100.0, 100.0), release(100.0, 100.0)))
    z = run.state.tensors["z"]
    before = plane(run)
    run.advance((Tune({"across": 3, "up": 4}),))
    assert torch.equal(run.state.tensors["z"], z)
    after = plane(run)
    assert not torch.allclose(before.right, after.right)
    assert torch.allclose(after.latents(after.places(z)), z, atol=1e-5)


@pytest.mark.parametrize("name", ["faces-gan", "digits-map", "drawn"])
def test_a_map_holds_the_latent_that_it_is_laid_through(name: str) -> None:
    if name not in sources.generators():
        pytest.skip(f"{name} does not ship")
    built = problem(generator=name)
    near, _ = plane_along(built, built.codes.z.mean(0)[None], "axes", 1, 2)
    for z in (built.start, 9.0 * torch.ones_like(built.start)):
        laid, _ = plane_along(built, z, "axes", 1, 2)
        place = laid.places(z)[0]
        assert float(place.abs().max()) <= 0.9 + 1e-5
        assert torch.allclose(laid.latents(place[None]), z, atol=1e-4)
        # What is a circle on one map is one on every other.
        sides = [float(p.right.norm() / p.up.norm()) for p in (near, laid)]
        assert sides[0] == pytest.approx(sides[1], rel=1e-4)


@pytest.mark.parametrize("ground", ["pictures", "density", "plain"])
def test_every_ground_is_drawn(run: Run, ground: str) -> None:
    plain = run.pictures()["map"]
    run.advance((Tune({"ground": ground, "dots": False, "color": 0}),))
    drawn = run.pictures()["map"]
    assert drawn.shape == (SIDE, SIDE, 3)
    assert (drawn != plain).any()


def test_a_tour_leaves_a_film_of_all_its_pictures(tmp_path: Path) -> None:
    run = begun(tmp_path, "map", play=True, loop=False)
    count = 1
    while not run.waiting:
        run.advance()
        count += 1
    assert count == 120
    record = run.close("finished")
    with Image.open(tmp_path / record.outputs["walk"]) as film:
        assert film.n_frames == count  # type: ignore[attr-defined]
    assert len(load_file(tmp_path / "path.safetensors")["walk"]) == count
