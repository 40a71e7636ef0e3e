"""The trainings of the traversal bench's generators, a few steps each, from the command line."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from small_zoo import forget, use

from engine.cli import main
from engine.data.sprites import Sprites
from engine.models import (
    coverage,
    factor_recipe,
    plans,
    quantized_autoencoder,
    style_gan,
    traversal_plans,
    zoo,
)
from engine.models.card import ModelCard
from engine.models.picture_vae import PictureVAE, Ramp
from engine.models.quantized_autoencoder import QuantizedRecipe
from engine.models.train import parser
from engine.nets.factor_reader import FactorReader
from engine.nets.vae import ConvVAE
from engine.traversal.generator import load_generator

RENDERED = [name for name in traversal_plans.TRAVERSAL if name != "emoji-vae"]
#: Options that make a training small, beside those that all have.
SMALL = {
    "digits-map": (),
    "sprites-vae": ("--latents", "4"),
    "sprites-tcvae": ("--latents", "4"),
    "rooms-vae": ("--latents", "4"),
    "rooms-tcvae": ("--latents", "4"),
    "rooms-qlae": ("--latents", "4", "--values", "3"),
    "faces-gan": ("--reader-steps", "1"),
    "faces-reader": (),
}
GENERATORS = [name for name in RENDERED if name != "faces-reader"]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Few pictures to judge by, one thread, and a zoo that forgets."""
    monkeypatch.setattr(traversal_plans, "JUDGED", 6)
    monkeypatch.setattr(quantized_autoencoder, "COUNTED", 8)
    monkeypatch.setattr(quantized_autoencoder, "_CHUNK", 8)
    for name in ("STANDARD", "JUDGED", "WATCHED"):
        monkeypatch.setattr(style_gan, name, 8)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    forget()


def words(name: str, folder: Path, steps: int = 2, *more: str) -> list[str]:
    out, work = folder / "zoo" / name, folder / "work"
    size = ["--steps", str(steps), "--batch", "4", "--every", "2"]
    return ["train", name, "--out", str(out), "--work", str(work), *size, *SMALL[name], *more]


def options(name: str, *more: str) -> argparse.Namespace:
    plan = plans.PLANS[name]
    return parser(plan).parse_args(["--out", "unused", *SMALL[name], *more])


def test_every_rendered_generator_is_among_the_small_ones() -> None:
    assert set(SMALL) == set(RENDERED)


@pytest.mark.parametrize("name", GENERATORS)
def test_a_training_ends_as_a_generator(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(words(name, tmp_path)) == 0
    folder = tmp_path / "zoo" / name
    card = ModelCard.read(folder)
    assert (card.id, card.steps, card.dtype) == (name, 2, "float16")
    assert "--batch 4" in card.command
    for option in SMALL[name]:
        assert option in card.command
    assert card.metrics
    assert all(math.isfinite(number) for number in card.metrics.values())
    use(monkeypatch, tmp_path / "zoo")
    generator = load_generator(name)
    assert generator.checksum == card.sha256
    z = generator.sample(2, torch.Generator().manual_seed(0))
    pictures = generator.decode(z)
    assert pictures.shape == (2, *generator.shape)
    assert pictures.isfinite().all()
    assert z.shape == (2, generator.latent_dim)


def test_a_reader_is_trained_and_told_of_factor_by_factor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(factor_recipe, "JUDGED", 8)
    assert main(words("faces-reader", tmp_path)) == 0
    card = ModelCard.read(tmp_path / "zoo" / "faces-reader")
    of = traversal_plans.set_of("faces-reader", 32)
    assert of is not None
    each = [card.metrics[f"fresh_accuracy_{factor.name}"] for factor in of.factors]
    assert card.metrics["fresh_accuracy"] == pytest.approx(sum(each) / len(each), abs=1e-3)
    use(monkeypatch, tmp_path / "zoo")
    network = zoo.network("faces-reader")
    assert isinstance(network, FactorReader)
    assert network.read(of.render(torch.zeros(2, len(each), dtype=torch.int64))).shape == (
        2,
        len(each),
    )


@pytest.mark.parametrize("name", ["sprites-vae", "rooms-qlae", "faces-gan"])
def test_a_training_that_was_cut_off_goes_on_with_equal_bits(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One training of each kind: Adam, AdamW beside Adam, and two that take turns."""
    assert main(words(name, tmp_path / "whole", 4)) == 0
    kind = type(plans.PLANS[name].recipe(options(name)))

    def cut(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        # The state is saved before it is looked at.
        patch.setattr(kind, "watch", cut)
        assert main(words(name, tmp_path / "parts", 4)) == 130
    kept = json.loads((tmp_path / "parts" / "work" / "checkpoint.json").read_text())
    assert kept["step"] == 2
    assert main(words(name, tmp_path / "parts", 4, "--resume")) == 0
    for file in (f"zoo/{name}/weights.safetensors", "work/checkpoint.safetensors"):
        whole, parts = (load_file(tmp_path / part / file) for part in ("whole", "parts"))
        assert whole.keys() == parts.keys()
        for key, tensor in whole.items():
            assert torch.equal(tensor, parts[key]), key


def test_a_checkpoint_is_not_written_over_unasked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = words("digits-map", tmp_path)
    assert main(given) == 0
    assert main(given) != 0
    assert "add --resume" in capsys.readouterr().err


def test_beta_moves_by_equal_factors_and_stays() -> None:
    for ramp, seen in ((Ramp(0.5, 2.0, 4), [0.5, 1, 2, 2]), (Ramp(8.0, 2.0, 4), [8, 4, 2, 2])):
        assert [ramp(k) for k in (0, 2, 4, 9)] == pytest.approx(seen)
    recipe = plans.PLANS["sprites-vae"].recipe(
        options("sprites-vae", "--first-beta", "6", "--beta", "3", "--steps", "10")
    )
    assert isinstance(recipe, PictureVAE)
    assert recipe.beta == Ramp(6.0, 3.0, 6)


def test_a_batch_of_a_vae_is_a_function_of_step_and_seed() -> None:
    one, two = (plans.PLANS["sprites-vae"].recipe(options("sprites-vae")) for _ in range(2))
    assert isinstance(one, PictureVAE)
    assert isinstance(two, PictureVAE)
    one.draw(3, 1)
    for a, b in zip(one.draw(5, 1), two.draw(5, 1), strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(one.draw(5, 1)[0], one.draw(5, 2)[0])
    assert not torch.equal(one.draw(5, 1)[1], one.draw(6, 1)[1])


@pytest.mark.parametrize("penalty", ["kl", "tc"])
def test_a_vae_learns_in_a_few_steps(penalty: str) -> None:
    """The loss of the same pictures falls when steps are taken on it."""
    recipe = plans.PLANS["sprites-vae" if penalty == "kl" else "sprites-tcvae"].recipe(
        options("sprites-vae", "--batch", "8", "--first-beta", "1", "--beta", "1")
    )
    assert isinstance(recipe, PictureVAE)
    torch.manual_seed(0)
    network = recipe.network()
    (turn,) = recipe.turns(network, 2e-3)
    losses = []
    for _ in range(12):
        loss = turn.loss(network, 0, 0)
        loss.backward(inputs=turn.weights())
        for optimizer in turn.optimizers.values():
            optimizer.step()
            optimizer.zero_grad()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.9 * losses[0]


def test_an_even_recipe_begins_with_the_mean_of_its_own_first_pictures() -> None:
    given = options("rooms-vae", "--batch", "16")
    plain = plans.PLANS["rooms-vae"].recipe(given)
    assert isinstance(plain, PictureVAE)
    even = PictureVAE(
        plain.streams,
        (plain.called, plain.judged),
        plain.architecture,
        beta=plain.beta,
        batch=16,
        even=True,
    )
    mean = plain.streams(0).batch(0, 16)[0].mean((0, 2, 3))
    for recipe, same in ((plain, False), (even, True)):
        network = recipe.network()
        assert isinstance(network, ConvVAE)
        assert torch.allclose(network.last.bias.sigmoid(), mean) == same


def test_the_options_of_a_quantized_training_reach_its_recipe() -> None:
    given = ("--decay", "0.3", "--quantize", "0.02", "--commit", "0.05", "--size", "64")
    recipe = plans.PLANS["rooms-qlae"].recipe(options("rooms-qlae", *given))
    assert isinstance(recipe, QuantizedRecipe)
    assert (recipe.weights.decay, recipe.weights.quantize, recipe.weights.commit) == (
        0.3,
        0.02,
        0.05,
    )
    assert recipe.architecture == {"channels": 3, "size": 64, "latent_dim": 4, "values": 3}


def test_a_reader_is_always_the_same_and_learns_though_gradients_are_off() -> None:
    """It is asked for while a training is judged, where nothing else needs a gradient."""
    of = Sprites(16)
    with torch.no_grad():
        one = coverage.train_reader(of, steps=2, batch=8)
    two = coverage.train_reader(of, steps=2, batch=8)
    untrained = coverage.train_reader(of, steps=0, batch=8)
    for a, b, c in zip(one.parameters(), two.parameters(), untrained.parameters(), strict=True):
        assert torch.equal(a, b)
        assert not torch.equal(a, c)
        assert not a.requires_grad


def test_the_zoo_has_a_trainer_for_every_generator() -> None:
    assert set(traversal_plans.TRAVERSAL) <= set(zoo.TRAINERS)
