"""Latent quantization on the page: dials, what they tell, and training in steps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image
from walks import begun, move, press, problem, release

from engine.data.rooms import Rooms
from engine.data.sprites import Sprites
from engine.messages import RunRequest, Tune
from engine.models.quantized_autoencoder import QuantizationWeights
from engine.plan import plan
from engine.runs import Run
from engine.traversal.latent_quantization import BASELINE, METHOD, Page, Params, shape_of, short
from engine.traversal.problem import fitted
from engine.traversal.quantized_training import JUDGED, PART, Dials, Trainer
from engine.traversal.strips_view import layout

SMALL = {"data": "sprites", "latents": 4, "values": 5, "steps": 2, "batch": 8}


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    made = begun(tmp_path, "latent_quantization", **SMALL)
    yield made
    made.release()


def test_a_strip_turns_one_dial_through_all_its_clicks() -> None:
    page = Page(problem(), Params(**SMALL), seed=1)
    assert page.strips.shape == (4, 5, 1, 32, 32)
    with torch.no_grad():
        index = page.network.quantize(page.samples[:1]).index
        for row in range(4):
            for click in range(5):
                turned = index.clone()
                turned[0, row] = click
                shown = page.network.decode(page.network.codebooks.look_up(turned))[0]
                assert torch.allclose(page.strips[row, click], shown, atol=1e-5)


def test_a_press_turns_a_dial_and_another_lets_it_go(run: Run) -> None:
    encoded = run.state.tensors["at"].clone()
    click = (int(encoded[2]) + 1) % 5
    left, top = layout(4, 5, 32).corner(2, click)
    wanted = press(left + 5.0, top + 5.0, "strips")
    run.advance((wanted,))
    assert run.state.tensors["turned"].tolist() == [-1, -1, click, -1]
    assert int(run.state.tensors["at"][2]) == click
    assert run.state.scalars["marks"][2] == click
    run.advance((wanted,))
    assert run.state.tensors["turned"].tolist() == [-1] * 4


def test_a_drag_turns_the_dial_that_was_pressed(run: Run) -> None:
    at = layout(4, 5, 32)
    seen = []
    for k, column in enumerate((1, 3, 4)):
        x, y = (corner + 5.0 for corner in at.corner(2, column))
        event = press(x, y, "strips") if k == 0 else move(x, y - 100.0, "strips")
        run.advance((event,))
        seen.append(run.state.tensors["turned"].tolist())
    assert seen == [[-1, -1, click, -1] for click in (1, 3, 4)]
    run.advance((move(1e4, y, "strips"),))
    assert run.state.tensors["turned"].tolist() == [-1, -1, 4, -1]
    run.advance((release(x, y, "strips"), move(*at.corner(2, 0), "strips")))
    assert run.state.tensors["turned"].tolist() == [-1, -1, 4, -1]
    # A hand that trembles lets go as well.
    run.advance((press(x, y, "strips"), move(x + 1.0, y, "strips")))
    assert run.state.tensors["turned"].tolist() == [-1] * 4


def test_fewer_strips_than_dials_are_seen_from_any_dial_on(tmp_path: Path) -> None:
    run = begun(tmp_path, "latent_quantization", **SMALL | {"rows": 2})
    assert run.state.tensors["strips"].shape[0] == 2
    assert [title.split("\n")[0] for title in run.state.scalars["titles"]] == ["Dial 1", "Dial 2"]
    run.advance((Tune({"first": 3}),))
    assert [title.split("\n")[0] for title in run.state.scalars["titles"]] == ["Dial 3", "Dial 4"]
    click = (int(run.state.tensors["at"][3]) + 1) % 5
    left, top = layout(2, 5, 32).corner(1, click)
    run.advance((press(left + 5.0, top + 5.0, "strips"),))
    assert run.state.tensors["turned"].tolist() == [-1, -1, -1, click]
    # Beyond the last there are none: as many as there are stay seen.
    run.advance((Tune({"first": 16}),))
    assert run.state.scalars["page"]["first"] == 2
    run.release()


@pytest.mark.parametrize("data", ["rooms", "sprites"])
def test_bars_appear_once_pictures_are_judged(tmp_path: Path, data: str) -> None:
    steps = JUDGED // PART
    run = begun(tmp_path, "latent_quantization", **SMALL | {"data": data, "steps": steps})
    first = run.pictures()["quality"]
    assert first.shape == (2, 3)
    assert all(value == -1 for value in first[0])
    while not run.waiting:
        run.advance()
    last = run.pictures()["quality"]
    assert all(0 <= value <= 1 for value in last[0])
    # Only rooms are like the pictures of which others have told.
    assert last[1].tolist() == pytest.approx(BASELINE.get(data, (-1.0,) * 3))
    run.release()


def test_the_help_names_the_numbers_of_the_marks() -> None:
    (bars,) = [panel for panel in METHOD.panels if panel.kind == "bars"]
    assert all(f"{number:.2f}" in bars.help for number in BASELINE["rooms"])
    assert [series.metric for series in bars.series if not series.better] == ["info_c"]


def test_it_trains_and_then_waits(run: Run) -> None:
    before = run.state.tensors["net.head.weight"].clone()
    while not run.waiting:
        run.advance()
    assert run.state.step == 2
    assert not torch.equal(run.state.tensors["net.head.weight"], before)
    pictures = run.pictures()
    assert "map" not in pictures
    assert pictures["picture"].shape == (64, 6 * 32, 3)
    assert pictures["strips"].shape[0] == layout(4, 5, 32).height


def test_training_lowers_the_loss_and_every_picture_is_judged() -> None:
    trainer = Trainer(Sprites(16 * 2), Dials(latents=4, values=5), seed=0)
    assert JUDGED % PART == 0
    losses, done = [], 0
    for k in range(JUDGED // PART):
        numbers = trainer.step(k, 8, 2e-3, QuantizationWeights())
        losses.append(numbers["rebuilt"])
        done += trainer.look(k)
    assert done == 1
    # A few steps, and rounding differs between machines: it falls, that is all.
    assert losses[-1] < 0.97 * losses[0]
    with torch.no_grad():
        trainer.seen = trainer.network.quantize(trainer.pictures).index
    numbers, shares, alive = trainer.judge()
    assert shares.shape == (5, 4)
    assert numbers["live"] == float(alive.sum())
    assert all(0 <= numbers[name] <= 1 for name in ("info_m", "info_e", "info_c"))


def test_a_code_that_is_the_factors_is_judged_perfect() -> None:
    trainer = Trainer(Rooms(32), Dials(latents=6, values=15), seed=0)
    trainer.seen = trainer.factors.clone()
    for _ in range(12):
        numbers, shares, _ = trainer.judge()
    assert torch.allclose(shares.diagonal(), torch.ones(6), atol=1e-4)
    # Counting a few hundred pictures sees some information where there is none.
    assert numbers["info_m"] > 0.75
    assert numbers["info_c"] > 0.75
    assert numbers["info_e"] > 0.9


def test_dials_that_are_noise_tell_nothing() -> None:
    trainer = Trainer(Sprites(32), Dials(latents=5, values=4), seed=0)
    trainer.seen = torch.randint(4, (JUDGED, 5), generator=torch.Generator().manual_seed(3))
    for _ in range(4):
        numbers, _, _ = trainer.judge()
    assert numbers["info_m"] < 0.6
    assert numbers["info_e"] < 0.1


def test_titles_are_cut_as_far_as_they_are_told_apart() -> None:
    titles = ["Glasses: none, round", "Position, across", "Position, down", "Hue of the floor"]
    assert short(titles) == ["Glasses", "Position, across", "Position, down", "Hue of the floor"]


def test_an_own_picture_becomes_one_of_the_set() -> None:
    color = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert fitted(color, shape_of(Sprites(32))).shape == (1, 1, 32, 32)
    assert fitted(color[:, :1], shape_of(Sprites(32, colored=True))).shape == (1, 3, 32, 32)


def test_an_own_picture_keeps_its_colors_whatever_generator_was_chosen_before(
    tmp_path: Path,
) -> None:
    path = tmp_path / "red.png"
    Image.new("RGB", (50, 40), (200, 40, 0)).save(path)
    wanted = RunRequest(
        method="traversal.latent_quantization",
        problem={"generator": "digits-map"},
        params=SMALL | {"data": "rooms"},
        inputs={"picture": str(path)},
    )
    agreed = plan(wanted)
    assert agreed.bench.build(agreed.problem, agreed.context()).target.shape[1] == 1
    # What is seen before a run is what the method works on, and says nothing of a generator.
    assert agreed.method.preview is not None
    pictures, facts = agreed.method.preview(agreed.params, agreed.context())
    assert pictures["picture"].shape == (2 * 32, 3 * 32, 3)
    assert pictures["picture"][10, 10].tolist() == [200, 40, 0]
    assert facts["size"] == "32 × 32 px"
    assert facts["notes"][0] == "6 properties are known of every picture"
    assert "only its middle square is used" in facts["notes"]
    run = Run(wanted, tmp_path / "run")
    run.prepare()
    assert run.pictures()["picture"][10, 10].tolist() == [200, 40, 0]
    run.release()
