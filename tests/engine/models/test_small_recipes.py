"""The recipes of the small networks, on tiny networks and made pictures."""

import argparse
import json
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from small_zoo import SCORE, forget, ship, use
from torch import Tensor

from engine.data import fashion_mnist
from engine.data.small_pictures import SmallPictures
from engine.method import BadInput
from engine.models import plans, zoo
from engine.models.flow_student import T_MAX, FlowStudent, ode_end, travel, velocity
from engine.models.noise_classifier import NoiseClassification
from engine.models.score_prior import ScorePrior, noise_levels
from engine.models.train import train
from engine.nets.score_unet import ScoreUNet

RANGE = {"sigma_min": 0.002, "sigma_max": 25.0}
ARCHITECTURE = SCORE | RANGE | {"channels": 1, "mean": 0.0, "deviation": 0.6}


def pictures() -> SmallPictures:
    """Flat squares of two shades; the shade is the class."""
    labels = torch.arange(40) % 2
    flat = (60 + 120 * labels).to(torch.uint8)[:, None, None, None].expand(40, 1, 32, 32)
    return SmallPictures(
        train=flat,
        train_labels=labels,
        train_groups=torch.arange(40),
        held_back=flat[:8],
        held_back_labels=labels[:8],
        held_back_names=tuple("abcdefgh"),
        class_names=("dark", "light"),
        flips=False,
    )


def test_noise_levels_cover_their_range_and_no_more() -> None:
    levels = noise_levels(RANGE, 20_000, torch.Generator().manual_seed(0))
    assert levels.min() >= 0.002 * 0.999
    assert levels.max() <= 25 * 1.001
    assert float((levels > 5).float().mean()) > 0.02
    assert float((levels < 0.01).float().mean()) > 0.02
    assert 0.1 < float(levels.median()) < 0.5


def test_the_loss_of_a_silent_network_on_unit_pictures_is_one() -> None:
    """The weighting makes every level ask the same: the target has variance one."""
    recipe = ScorePrior(pictures(), ARCHITECTURE, batch=4)
    network = recipe.network()
    rng = torch.Generator().manual_seed(0)
    clean = 0.5 + 0.3 * torch.randn(64, 1, 32, 32, generator=rng)
    noise = torch.randn(clean.shape, generator=rng)
    for sigma in (0.01, 0.3, 20.0):
        with torch.no_grad():
            loss = recipe.weighted(network, clean, torch.full((64,), sigma), noise).mean()
        assert float(loss) == pytest.approx(1, abs=0.03)


def test_a_batch_depends_on_seed_and_step_alone() -> None:
    one, two = (ScorePrior(pictures(), ARCHITECTURE, batch=4) for _ in range(2))
    one.draw(3, 1)
    for a, b in zip(one.draw(5, 1), two.draw(5, 1), strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(one.draw(5, 1)[2], one.draw(5, 2)[2])


def test_a_classifier_learns_the_shade() -> None:
    arguments = RANGE | {"class_names": ("dark", "light"), "channels": 1, "size": 32}
    arguments |= {"widths": (8, 8, 16), "embedding": 16}
    recipe = NoiseClassification(pictures(), arguments, batch=32)
    torch.manual_seed(0)
    network = recipe.network()
    adam = torch.optim.Adam(network.parameters(), 3e-3)
    for step in range(60):
        loss = recipe.loss(network, step, 0)
        loss.backward()  # type: ignore[no-untyped-call]
        adam.step()
        adam.zero_grad()
    told = recipe.watch(network.eval())
    assert told["accuracy_sigma_0.1"] > 0.95
    assert set(told) == {f"accuracy_sigma_{s}" for s in ("0.02", "0.1", "0.25", "0.5", "1")}


def gaussian(variance: float) -> object:
    """The denoiser of ``N(0, variance)``, centered units."""
    return lambda c, s: variance / (variance + s * s) * c


def test_the_ode_of_a_gaussian_ends_where_its_formula_says() -> None:
    """The flow of N(0, v) scales: the end is z times sqrt(v), up to the start's finite noise."""
    rng = torch.Generator().manual_seed(0)
    z = torch.randn(4, 1, 8, 8, generator=rng)
    variance = 0.25
    expected = z * math.sqrt(variance) * 50 / math.sqrt(50**2 + variance)
    end = ode_end(gaussian(variance), z, 40)  # type: ignore[arg-type]
    torch.testing.assert_close(end, expected, atol=0.01, rtol=0.01)


def test_velocity_is_that_of_the_independent_coupling() -> None:
    """For N(0, v): E[z - x0 | x_t] = x_t (t - (1 - t) v) / ((1 - t)^2 v + t^2)."""
    x, v = torch.randn(2, 1, 4, 4, generator=torch.Generator().manual_seed(1)), 0.3
    for t in (0.1, 0.5, T_MAX):
        factor = (t - (1 - t) * v) / ((1 - t) ** 2 * v + t**2)
        got = velocity(gaussian(v), x, t)  # type: ignore[arg-type]
        torch.testing.assert_close(got, x * factor, atol=1e-4, rtol=1e-4)


def test_a_straight_flow_has_no_curvature_and_a_curved_one_has() -> None:
    z = torch.randn(2, 1, 4, 4, generator=torch.Generator().manual_seed(1))
    target = torch.full_like(z, 0.2)
    end, straight = travel(lambda c, s: target, z, 10)
    torch.testing.assert_close(end, target, atol=2e-3, rtol=0)
    assert straight < 1e-4
    assert travel(gaussian(0.01), z, 10)[1] > 0.01  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    ship(tmp_path / "zoo", "teacher", ScoreUNet, ARCHITECTURE)
    use(monkeypatch, tmp_path / "zoo")
    yield tmp_path
    forget()


def test_a_student_starts_as_its_teacher_and_keeps_its_pairs(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.models.flow_student.CHUNK", 4)
    monkeypatch.setattr("engine.models.flow_student.ODE_STEPS", 3)
    options = {"pairs": 6, "batch": 4, "seed": 0}
    first = FlowStudent("teacher", folder, **options)
    assert first.x0.shape == first.z.shape == (6, 1, 32, 32)
    times = {p: p.stat().st_mtime_ns for p in folder.glob("pairs-*.safetensors")}
    assert len(times) == 2
    again = FlowStudent("teacher", folder, **options)
    assert torch.equal(first.x0, again.x0)
    assert {p: p.stat().st_mtime_ns for p in folder.glob("pairs-*.safetensors")} == times
    student, teacher = first.network().eval(), zoo.network("teacher")
    x = torch.rand(1, 1, 32, 32)
    torch.testing.assert_close(
        student(x, torch.tensor([0.3])), teacher(x, torch.tensor([0.3])), atol=1e-6, rtol=0
    )
    assert student.sigma_max == pytest.approx(499.5)


def test_the_loss_of_a_student_is_the_error_of_the_velocity(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.models.flow_student.CHUNK", 2)
    monkeypatch.setattr("engine.models.flow_student.ODE_STEPS", 2)
    student = FlowStudent("teacher", folder, pairs=2, batch=2, seed=0)
    seen: list[Tensor] = []

    class Constant(torch.nn.Module):
        def forward(self, x: Tensor, sigma: Tensor) -> Tensor:
            seen.append(sigma)
            return torch.full_like(x, 0.5)

    t = torch.tensor([0.5, 0.25])
    loss = student._error(Constant(), student.z, student.x0, t)
    x_t = (1 - t).reshape(-1, 1, 1, 1) * student.x0 + t.reshape(-1, 1, 1, 1) * student.z
    wrong = x_t / t.reshape(-1, 1, 1, 1) - (student.z - student.x0)
    assert float(loss) == pytest.approx(float(wrong.square().mean()), rel=1e-4)
    torch.testing.assert_close(seen[0], t / (1 - t) / 2)


def test_a_training_writes_a_card_that_the_zoo_can_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    np.savez(
        tmp_path / fashion_mnist.FILE,
        x_train=rng.integers(0, 255, (20, 28, 28), dtype=np.uint8),
        y_train=np.arange(20, dtype=np.uint8) % 10,
        x_test=rng.integers(0, 255, (64, 28, 28), dtype=np.uint8),
        y_test=np.arange(64, dtype=np.uint8) % 10,
    )
    out = tmp_path / "zoo" / "fashion-classifier"
    words = ["--data", str(tmp_path), "--out", str(out), "--work", str(tmp_path / "work")]
    words += ["--steps", "4", "--batch", "2", "--every", "2"]
    train("fashion-classifier", words)
    card = json.loads((out / "card.json").read_text())
    assert card["steps"] == 4
    assert "--batch 2" in card["command"]
    assert set(card["metrics"]) >= {"held_back_accuracy_sigma_0.1"}
    assert card["parameters"] == sum(
        t.numel() for t in load_file(out / "weights.safetensors").values()
    )
    use(monkeypatch, tmp_path / "zoo")
    assert zoo.load_classifier("fashion-classifier").class_names[9] == "ankle boot"
    forget()
    with pytest.raises(BadInput, match="add --resume"):
        train("fashion-classifier", words)


def test_every_plan_can_be_trained_by_name() -> None:
    assert set(plans.PLANS) <= set(zoo.TRAINERS)
    for name, plan in plans.PLANS.items():
        parser = argparse.ArgumentParser()
        plan.add_options(parser)
        assert plan.id == name
        assert plan.texts["data_terms"]
