"""Proximal matching: its losses and stages, training that resumes, and what is left behind."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch

from engine.method import BadInput, State
from engine.models import lpn_recipes
from engine.models.card import ModelCard, checksum
from engine.models.lpn_train import train
from engine.models.proximal import Batch, Stage, Trainer, fit, matching_loss, stage_at, total_steps
from engine.nets.lpn import ConvexLine, ConvexPicture

STAGES = [Stage("l1", 3, 1e-2), Stage("match", 4, 1e-3, gamma=2.0, last=1e-4)]


def test_distance_is_over_a_whole_picture() -> None:
    f, x = torch.full((2, 1, 4, 4), 0.5), torch.zeros(2, 1, 4, 4)
    loss = matching_loss(f, Batch(x, x), "match", 2.0)
    assert float(loss) == pytest.approx(1 - math.exp(-16 * 0.25 / 4))
    assert float(matching_loss(f, Batch(x, x), "l1")) == 0.5
    assert float(matching_loss(f, Batch(x, x), "l2")) == 0.25


@pytest.mark.parametrize("loss", ["l1", "l2", "match"])
def test_weights_average_over_the_noise(loss: str) -> None:
    x = torch.tensor([[0.0], [1.0], [3.0]])
    f = torch.tensor([[0.5], [2.0]])
    weights = torch.tensor([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0]])
    each = [
        sum(
            float(weights[i, j])
            * float(matching_loss(f[i : i + 1], Batch(x[j : j + 1], f), loss, 0.7))  # type: ignore[arg-type]
            for j in range(3)
        )
        for i in range(2)
    ]
    whole = matching_loss(f, Batch(x, f, weights), loss, 0.7)  # type: ignore[arg-type]
    assert float(whole) == pytest.approx(sum(each) / 2, rel=1e-5)


def test_stages_follow_each_other() -> None:
    assert total_steps(STAGES) == 7
    assert stage_at(STAGES, 2) == (STAGES[0], 1e-2)
    stage, rate = stage_at(STAGES, 5)
    assert stage.gamma == 2.0
    assert rate == pytest.approx(1e-3 - 0.5 * 9e-4)
    assert stage_at(STAGES, 99) == (STAGES[1], 1e-4)


def test_gammas_fall_and_steps_add_up() -> None:
    for stages in (lpn_recipes.line_stages(700), lpn_recipes.picture_stages(801, 2e-3, 784)):
        gammas = [stage.gamma for stage in stages if stage.loss == "match"]
        assert gammas == sorted(gammas, reverse=True)
        assert stages[0].loss == "l1"
    assert total_steps(lpn_recipes.line_stages(700)) == 700
    assert gammas[-1] == pytest.approx(0.08 * 28)


def draw(step: int, seed: int) -> Batch:
    rng = torch.Generator().manual_seed(seed * 1000 + step)
    x = torch.rand(8, 1, generator=rng)
    return Batch(x, x + 0.3 * torch.randn(8, 1, generator=rng))


def trainer() -> Trainer:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Trainer(ConvexLine(width=6, hidden=2))


def test_resumed_with_equal_bits(tmp_path: Path) -> None:
    whole = list_of_bits(fit({"": trainer()}, {"": STAGES}, draw, seed=1))
    for state in fit({"": trainer()}, {"": STAGES}, draw, seed=1):
        if state.step == 4:
            state.save(tmp_path / "state")
            break
    loaded = State.load(tmp_path / "state")
    rest = list_of_bits(fit({"": trainer()}, {"": STAGES}, draw, seed=1, state=loaded))
    assert rest == whole[4:]
    assert len(whole) == 7


def list_of_bits(states: object) -> list[tuple[float, list[float]]]:
    return [
        (s.scalars["loss"], torch.cat([t.flatten() for t in s.tensors.values()]).tolist())
        for s in states  # type: ignore[attr-defined]
    ]


def test_constrained_weights_stay_above_zero_at_every_step() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = ConvexPicture(1, 4, size=8)
    trained = Trainer(network)
    stages = [Stage("l1", 5, 0.5)]

    def pictures(step: int, seed: int) -> Batch:
        rng = torch.Generator().manual_seed(step)
        return Batch(torch.rand(2, 1, 8, 8, generator=rng), torch.rand(2, 1, 8, 8, generator=rng))

    clamped = 0
    for _ in fit({"": trained}, {"": stages}, pictures, seed=0):
        least = [float(w.detach().min()) for w in network.constrained()]
        assert min(least) >= 0.0
        clamped += least.count(0.0)
    assert clamped, "the steps were too small to need a projection"
    assert all(float(trained.mean[n].min()) >= 0 for n in ("last.weight", "all.weight"))


def test_the_command_line_leaves_weights_and_a_card(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--out", str(tmp_path / "out"), "--steps", "24", "--every", "10"]
    train("lpn-line", options)
    card = ModelCard.read(tmp_path / "out")
    assert card.id == "lpn-line"
    assert card.steps == 24
    assert card.sha256 == checksum(tmp_path / "out" / "weights.safetensors")
    assert card.metrics["error_on_3_matched"] > 0
    steps = [json.loads(line)["step"] for line in capsys.readouterr().err.splitlines()]
    assert steps == [10, 20, 24]
    with pytest.raises(BadInput, match="holds a checkpoint"):
        train("lpn-line", options)
    with pytest.raises(BadInput, match=r"mnist\.npz"):
        train("lpn-digits", ["--data", str(tmp_path), "--out", str(tmp_path / "digits")])
