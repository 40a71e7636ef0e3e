from pathlib import Path

import pytest
import torch

from engine.method import BadInput, State
from engine.models.muon import orthogonalize
from engine.models.photo_denoiser import PhotoDenoiser, read_folder
from engine.models.training import Schedule, fit

TINY = {"channels": 3, "widths": (8, 8), "blocks": (1, 1)}


def recipe() -> PhotoDenoiser:
    rng = torch.Generator().manual_seed(7)
    coarse = torch.randint(0, 256, (3, 1, 3, 6, 7), generator=rng, dtype=torch.uint8)
    pictures = [c.repeat_interleave(8, 2).repeat_interleave(8, 3)[0] for c in coarse]
    return PhotoDenoiser(pictures, batch=2, patch=32, architecture=TINY)


def snapshot(state: State) -> dict[str, torch.Tensor]:
    return {k: v.clone() for k, v in state.tensors.items()}


@pytest.mark.parametrize("shape", [(3, 16, 40), (2, 40, 16), (1, 24, 24)])
def test_muon_brings_singular_values_near_one(shape: tuple[int, int, int]) -> None:
    rng = torch.Generator().manual_seed(1)
    values = torch.linalg.svdvals(orthogonalize(torch.randn(shape, generator=rng), steps=8))
    assert values.min() > 0.5
    assert values.max() < 1.4


def test_a_resumed_training_goes_on_with_equal_bits(tmp_path: Path) -> None:
    schedule = Schedule(steps=6, rate=1e-3, warmup=2)
    whole = [snapshot(s) for s in fit(recipe(), schedule, seed=5)]
    first = fit(recipe(), schedule, seed=5)
    for _ in range(3):
        state = next(first)
    state.save(tmp_path / "checkpoint")
    first.close()
    rest = [
        snapshot(s)
        for s in fit(recipe(), schedule, seed=5, state=State.load(tmp_path / "checkpoint"))
    ]
    assert len(rest) == 3
    for name, tensor in whole[-1].items():
        assert torch.equal(tensor, rest[-1][name]), name


def test_training_lowers_the_loss() -> None:
    schedule = Schedule(steps=120, rate=2e-3, warmup=5)
    states = fit(recipe(), schedule, seed=0, adam_rate=2e-3)
    fresh = fresh_loss(next(states))
    for state in states:
        trained = state
    assert fresh_loss(trained) < 0.6 * fresh


def test_training_touches_no_global_random_numbers() -> None:
    before = torch.random.get_rng_state()
    next(fit(recipe(), Schedule(steps=2, rate=1e-3), seed=0))
    assert torch.equal(before, torch.random.get_rng_state())


def fresh_loss(state: State) -> float:
    """Mean loss over batches that no training here has seen."""
    network = recipe().network()
    network.load_state_dict({k[4:]: v for k, v in state.tensors.items() if k.startswith("net.")})
    with torch.no_grad():
        return sum(float(recipe().loss(network, step, seed=9)) for step in range(20)) / 20


def test_the_batch_depends_on_seed_and_step_alone() -> None:
    one, two = recipe(), recipe()
    one.draw(0, 1)
    for a, b in zip(one.draw(4, 1), two.draw(4, 1), strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(one.draw(4, 1)[0], one.draw(4, 2)[0])


def test_the_rate_rises_holds_and_falls_to_zero() -> None:
    schedule = Schedule(steps=1000, rate=0.5, warmup=10, decay=0.4)
    assert schedule(0) == pytest.approx(0.05)
    assert schedule(300) == schedule(599) == 0.5
    assert schedule(800) == pytest.approx(0.25)
    assert schedule(999) < 0.002


def test_a_folder_without_pictures_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="holds no JPEG"):
        read_folder(tmp_path)
