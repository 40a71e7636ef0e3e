"""Directions on the page: strips, sliders, races, and directions that are kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from walks import begun, move, press, problem, release

from engine.messages import RunRequest, Tune
from engine.method import BadInput
from engine.runs import Run
from engine.traversal.canvas import COLORS
from engine.traversal.drawn import GAINS
from engine.traversal.flow_training import field_of
from engine.traversal.paths import curvature
from engine.traversal.potentials import PotentialWalk
from engine.traversal.strips_view import layout
from engine.traversal.views import found

Begin = Callable[..., Run]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Begin]:
    runs: list[Run] = []

    def make(name: str = "run", **params: Any) -> Run:
        runs.append(begun(tmp_path / name, "directions", **params))
        return runs[-1]

    yield make
    for run in runs:
        run.release()


def test_sefa_finds_what_the_drawn_generator_is_made_of() -> None:
    built = problem()
    directions, titles = found(built, "sefa")
    rows = built.generator.A / torch.tensor(GAINS)[:, None]  # type: ignore[attr-defined]
    cosines = (directions.vectors * rows).sum(1).abs()
    assert torch.allclose(cosines, torch.ones(6), atol=1e-4)
    assert len(titles) == 6


def test_labels_find_it_as_well() -> None:
    built = problem()
    directions, titles = found(built, "supervised")
    rows = built.generator.A / torch.tensor(GAINS)[:, None]  # type: ignore[attr-defined]
    assert ((directions.vectors * rows).sum(1) > 0.97).all()
    assert titles[0] == "Position, across\nmore of it"


def test_a_slider_adds_its_sigmas_to_the_latent(start: Begin) -> None:
    run = start(rule="sefa")
    z = run.state.tensors["z"]
    vectors, sigmas = run.state.tensors["directions"], run.state.tensors["sigmas"]
    run.advance((Tune({"sliders.d2": 1.5, "sliders.d3": -2.0}),))
    moved = 1.5 * sigmas[1] * vectors[1] - 2.0 * sigmas[2] * vectors[2]
    assert torch.allclose(run.state.tensors["z"], z + moved, atol=1e-5)
    rows, marks = run.state.tensors["rows"], run.state.scalars["marks"]
    # Each strip leads through where all sliders stand; its mark says where on it that is.
    assert torch.allclose(rows[0, 5], run.state.tensors["z"][0], atol=1e-5)
    assert marks[:2] == [5, 5 + round(1.5 / 3 * 5)]
    run.advance((Tune({"sliders.d2": 0.0, "sliders.d3": 0.0}),))
    assert torch.equal(run.state.tensors["z"], z)


def test_strips_are_straight_and_reach_as_far_as_asked(start: Begin) -> None:
    run = start(rule="pca", reach=2.0)
    rows = run.state.tensors["rows"]
    steps = rows.diff(dim=1)
    assert torch.allclose(steps, steps[:, :1].expand_as(steps), atol=1e-5)
    sigmas = run.state.tensors["sigmas"]
    assert torch.allclose((rows[:, -1] - rows[:, 0]).norm(dim=1), 4 * sigmas, atol=1e-4)


def test_a_strip_has_the_color_of_its_line_on_the_map(start: Begin) -> None:
    run = start(rule="sefa", rows=3)
    shown, at = run.pictures(), layout(3, 11, 32)
    for row in range(3):
        _, top = at.corner(row, 0)
        assert (shown["strips"][top + at.side // 2, 0] == COLORS[row]).all()
    assert (shown["map"] == COLORS[0]).all(-1).any()


def test_a_strip_is_slid_on_and_put_back_by_a_double_press(start: Begin) -> None:
    run = start()
    at = layout(6, 11, 32)
    left, top = at.corner(2, 10)
    middle = at.side / 2
    run.advance((press(left + middle, top + 9, "strips"),))
    values = run.state.scalars["strips"]["values"]
    assert values[2] == pytest.approx(3.0, abs=0.05)
    assert values[:2] == [0.0, 0.0]
    run.advance((move(0.0, 0.0, "strips"), release(0.0, 0.0, "strips"), move(0.0, 0.0, "strips")))
    assert run.state.scalars["strips"]["values"][2] == -3.0
    run.advance((press(left + middle, top + 9, "strips", clicks=2),))
    assert run.state.scalars["strips"]["values"][2] == 0.0


def test_the_map_moves_the_first_two_directions(start: Begin) -> None:
    run = start(rule="random")
    run.advance((press(300.0, 200.0),))
    from engine.traversal.plane import Plane

    plane = Plane.of(run.state.tensors["plane"])
    assert plane.pixels(run.state.tensors["z"])[0].tolist() == pytest.approx([300, 200], abs=0.1)
    assert run.state.scalars["strips"]["values"][2:] == [0.0] * 6


def test_pinned_pictures_move_together(start: Begin) -> None:
    run = start(pinned=4)
    z = run.state.tensors["z"]
    assert z.shape == (4, 6)
    run.advance((Tune({"sliders.d1": 2.0}),))
    moved = run.state.tensors["z"] - z
    assert torch.allclose(moved, moved[:1].expand_as(moved), atol=1e-6)
    assert run.pictures()["picture"].shape == (64 + 1, 64 + 1, 3)


def test_a_row_plays_forth_and_back(start: Begin) -> None:
    run = start(play=2, speed=20)
    z = run.state.tensors["z"]
    seen = [run.advance() and run.state.tensors["z"] for _ in range(20)]
    assert torch.allclose(seen[-1], z, atol=1e-5)
    along = torch.cat([s - z for s in seen]) @ run.state.tensors["directions"][1]
    sigma = float(run.state.tensors["sigmas"][1])
    assert float(along.max()) == pytest.approx(3 * sigma, rel=1e-3)
    assert float(along.min()) == pytest.approx(-3 * sigma, rel=1e-3)
    assert not run.waiting
    run.advance((Tune({"play": 0}),))
    assert run.waiting


def test_a_row_beyond_the_last_plays_the_last(start: Begin) -> None:
    run = start(play=7, rows=2, speed=8)
    z = run.state.tensors["z"]
    run.advance()
    assert not run.waiting
    moved = run.state.tensors["z"] - z
    along = moved @ run.state.tensors["directions"][1]
    assert float(along) == pytest.approx(float(moved.norm()), rel=1e-3)
    assert float(along) > 0.1


def test_a_race_has_one_row_for_every_rule(start: Begin) -> None:
    run = start(rule="race", first=2)
    heads = [title.split("\n")[0] for title in run.state.scalars["titles"]]
    assert [head.split(" · ")[0] for head in heads] == list("12345")
    assert len({head.split(" · ")[1] for head in heads}) == 5
    single = start("sefa", rule="sefa")
    assert torch.allclose(run.state.tensors["directions"][2], single.state.tensors["directions"][1])


def test_directions_are_kept_with_names_and_come_back(start: Begin, tmp_path: Path) -> None:
    run = start(rule="sefa", names="left to right, rainbow", rows=3, reach=2.0)
    vectors = run.state.tensors["directions"].clone()
    run.close("finished")
    told = json.loads((tmp_path / "run" / "path.json").read_text())
    assert [entry["title"] for entry in told["directions"][:2]] == ["left to right", "rainbow"]
    assert told["directions"][0]["range"] == [-2.0, 2.0]
    file = str(tmp_path / "run" / "path.safetensors")
    again = start("again", rule="kept", file=file)
    assert torch.equal(again.state.tensors["directions"], vectors)
    assert again.state.scalars["titles"][1] == "2 · rainbow"
    other = {"generator": "sprites-vae", "title": "Sprites, beta-VAE"}
    for wrong, whose in (
        ({"checksum": "0" * 64}, "other weights of “Drawn by hand”"),
        (other, "“Sprites, beta-VAE”"),
    ):
        (tmp_path / "run" / "path.json").write_text(json.dumps({**told, **wrong}))
        said = rf"these directions belong to {whose} \(allowed: those of “Drawn by hand”\)"
        with pytest.raises(BadInput, match=said):
            start("wrong", rule="kept", file=file)


def test_a_kept_direction_comes_back_on_the_side_on_which_it_was_used(
    start: Begin, tmp_path: Path
) -> None:
    run = start(rule="sefa", rows=3)
    run.advance((Tune({"sliders.d1": 1.5, "sliders.d2": -2.0}),))
    vectors, z = run.state.tensors["directions"].clone(), run.state.tensors["z"].clone()
    run.close("finished")
    told = json.loads((tmp_path / "run" / "path.json").read_text())["directions"]
    assert [entry["sign"] for entry in told] == [1, -1, 1]
    assert [entry["start"] for entry in told] == [0, 0, 0]
    file = str(tmp_path / "run" / "path.safetensors")
    again = start("again", rule="kept", file=file)
    turned = torch.tensor([[1.0], [-1.0], [1.0]])
    assert torch.equal(again.state.tensors["directions"], turned * vectors)
    again.advance((Tune({"sliders.d1": 1.5, "sliders.d2": 2.0}),))
    assert torch.allclose(again.state.tensors["z"], z, atol=1e-6)


@pytest.mark.parametrize("content", [None, b"", b"nonsense"])
def test_a_file_without_directions_is_refused(
    start: Begin, tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "path.safetensors"
    told = "the file path.safetensors holds no directions"
    if content is not None:
        file.write_bytes(content)
        (tmp_path / "path.json").write_text("{}")
    else:
        told = f"the file {file} is not there"
    with pytest.raises(BadInput) as caught:
        start(rule="kept", file=str(file))
    assert caught.value.field == "file"
    # What a person did is said, and not what a library said of it.
    assert (
        str(caught.value) == f"file: {told} (allowed: path.safetensors of an earlier run that "
        "kept some)"
    )


def test_no_file_at_all_asks_for_one(start: Begin) -> None:
    with pytest.raises(BadInput, match=r"^file: choose the path\.safetensors of an earlier run$"):
        start(rule="kept")


def test_a_file_that_lost_its_companion_says_so(start: Begin, tmp_path: Path) -> None:
    (tmp_path / "path.safetensors").write_bytes(b"")
    with pytest.raises(BadInput, match=r"the file path\.json is not beside path\.safetensors"):
        start(rule="kept", file=str(tmp_path / "path.safetensors"))


@pytest.fixture
def flow(tmp_path: Path) -> str:
    """What a short training of potential flows keeps."""
    run = begun(tmp_path / "flow", "potential_flow", count=2, path=8, iterations=3)
    while run.advance().kind != "idle":
        pass
    run.close("finished")
    run.release()
    return str(tmp_path / "flow" / "path.safetensors")


def test_a_trained_flow_joins_the_race_and_its_row_is_curved(start: Begin, flow: str) -> None:
    run = start(rule="race", first=2, flow=flow, reach=2.0)
    titles, rows = run.state.scalars["titles"], run.state.tensors["rows"]
    assert titles[-1] == "6 · Potential flow\nPotential 2"
    assert len(titles) == len(rows) == 6
    walk = PotentialWalk(field_of(load_file(flow)), 1, length=0.4)
    z, steps = run.state.tensors["z"][:1], [run.state.tensors["z"][:1]]
    for index in range(5):
        # Four trained steps on five drawn ones: its time passes a little slower.
        steps.append(walk.step(steps[-1], min(0.8 * index, 3), 1.0))
    assert torch.allclose(rows[-1, 5:], torch.cat(steps), atol=1e-5)
    assert torch.allclose(rows[-1].diff(dim=0).norm(dim=1), torch.tensor(0.4), atol=1e-5)
    assert float(curvature(rows[-1, 5:, None])) > 1e-6
    # Its slider leads along it, between its points on straight lines.
    run.advance((Tune({"sliders.d6": 1.0}),))
    assert torch.allclose(run.state.tensors["z"][0], torch.lerp(rows[-1, 7], rows[-1, 8], 0.5))
    run.advance((Tune({"sliders.d6": 0.0, "sliders.d1": 1.0}),))
    straight = run.state.tensors["sigmas"][0] * run.state.tensors["directions"][0]
    assert torch.allclose(run.state.tensors["z"], z + straight, atol=1e-5)


def test_the_film_of_a_flow_lies_on_its_row(start: Begin, flow: str) -> None:
    run = start(rule="race", flow=flow, play=6, speed=8)
    film, row = run.state.tensors["walk"][:, 0], run.state.tensors["rows"][-1]
    # A quarter of the round is at its far end, three quarters at the other.
    assert torch.allclose(film[[0, 2, 6]], row[[5, 10, 0]], atol=1e-5)


def test_a_flow_of_another_generator_cannot_join(start: Begin, flow: str) -> None:
    told = Path(flow).with_suffix(".json")
    told.write_text(json.dumps(json.loads(told.read_text()) | {"checksum": "0" * 64}))
    with pytest.raises(BadInput, match="belong to") as caught:
        start(rule="race", flow=flow)
    assert caught.value.field == "flow"
    told.write_text(json.dumps(json.loads(told.read_text()) | {"checksum": ""}))
    kept = load_file(flow)
    save_file({k: v for k, v in kept.items() if not k.startswith("field.")}, flow)
    with pytest.raises(BadInput, match="holds no potentials") as caught:
        start("again", rule="race", flow=flow)
    assert caught.value.field == "flow"


def test_a_first_direction_beyond_the_last_is_the_last(start: Begin) -> None:
    run = start(rule="sefa", first=64)
    assert len(run.state.scalars["titles"]) == 1
    assert run.pictures()["strips"].shape[0] == layout(1, 11, 32).height


def test_a_repetition_shows_the_same_random_directions(tmp_path: Path) -> None:
    wanted = RunRequest(
        method="traversal.directions", problem={"generator": "drawn"}, params={"rule": "random"}
    )
    seen = []
    for name in "ab":
        run = Run(wanted, tmp_path / name)
        run.prepare()
        seen.append(run.state.tensors["directions"].clone())
        run.release()
    assert torch.equal(*seen)


def test_sliders_follow_a_strip_that_is_dragged(start: Begin) -> None:
    run = start()
    left, top = layout(6, 11, 32).corner(2, 10)
    update = run.advance((press(left + 16.0, top + 9, "strips"),))
    value = run.state.scalars["strips"]["values"][2]
    assert value > 2.0
    assert update.moved == {"sliders.d3": value}
    # Told once, and what is moved in the window afterwards leaves it where it is.
    assert not run.advance((release(left + 16.0, top + 9, "strips"),)).moved
    update = run.advance((Tune({"sliders.d1": 1.0, "reach": 2.5}),))
    assert not update.moved
    assert run.state.scalars["strips"]["values"][:3] == [1.0, 0.0, value]
    # Put back by the slider, it goes back.
    run.advance((Tune({"sliders.d3": 0.0}),))
    assert run.state.scalars["strips"]["values"][:3] == [1.0, 0.0, 0.0]


def test_a_run_that_goes_on_knows_where_strips_were_dragged(tmp_path: Path, start: Begin) -> None:
    run = start("first")
    left, top = layout(6, 11, 32).corner(2, 10)
    run.advance((press(left + 16.0, top + 9, "strips"),))
    value = run.state.scalars["strips"]["values"][2]
    run.close("interrupted")
    again = Run(run.plan.request, tmp_path / "first", resume=True)
    assert not again.prepare().moved
    again.advance((Tune({"sliders.d1": 1.0}),))
    assert again.state.scalars["strips"]["values"][:3] == [1.0, 0.0, value]
    again.release()
