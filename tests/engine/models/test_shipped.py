"""The small networks that ship do what their cards say, on the small sample pictures."""

import pytest
import torch
from torch import Tensor

from engine.data.pictures import read_picture
from engine.data.samples import samples
from engine.models import zoo
from engine.models.flow_student import centered_denoiser, ode_end, travel

SCORES = {"emoji": "emoji-score", "clothing": "fashion-score"}
FLOWS = {"emoji-flow": "emoji-score", "fashion-flow": "fashion-score"}
KINDS = {
    "clothing-trousers": "trousers",
    "clothing-ankle-boot": "ankle boot",
    "clothing-handbag": "bag",
}


def needs(name: str) -> None:
    if not zoo.available(name):
        pytest.skip(f"{name} is not here")


def sample(name: str, channels: int) -> Tensor:
    picture = torch.from_numpy(read_picture(samples()[name].path).array.copy()).float()
    return picture.permute(2, 0, 1)[None, :channels]


@pytest.mark.parametrize(
    "name", [*SCORES.values(), *FLOWS, "emoji-classifier", "fashion-classifier"]
)
def test_the_card_is_whole(name: str) -> None:
    needs(name)
    card, network = zoo.card(name), zoo.network(name)
    assert card.parameters == sum(p.numel() for p in network.parameters())
    assert card.command.startswith(f"priorbench train {name} --data ../shared/data/")
    assert card.data_terms
    assert all(key.startswith("held_back") or "flow" in name for key in card.metrics)
    assert card.summary.count(".") >= 1


@pytest.mark.parametrize(("kind", "name"), SCORES.items())
def test_a_score_network_removes_most_of_the_noise(kind: str, name: str) -> None:
    needs(name)
    denoiser = zoo.load_denoiser(name)
    rng = torch.Generator().manual_seed(0)
    pictures = [sample(s, denoiser.channels) for s in samples() if s.startswith(kind)]
    clean = torch.cat(pictures)
    for sigma, left in ((0.1, 0.5), (0.5, 0.3), (20.0, 0.02)):
        noisy = clean + sigma * torch.randn(clean.shape, generator=rng)
        error = float((denoiser(noisy, sigma) - clean).square().mean().sqrt())
        assert error < left * sigma, sigma


@pytest.mark.parametrize(("kind", "name"), SCORES.items())
def test_both_backends_agree(kind: str, name: str) -> None:
    needs(name)
    one, two = (zoo.load_denoiser(name, backend=b) for b in ("onnx", "torch"))
    x = torch.rand(3, one.channels, 32, 32, generator=torch.Generator().manual_seed(0))
    levels = torch.tensor([0.005, 0.5, 25.0])
    torch.testing.assert_close(one(x, levels), two(x, levels), atol=1e-4, rtol=0)


@pytest.mark.parametrize(("student", "teacher"), FLOWS.items())
def test_a_student_is_straighter_and_nearer_in_few_steps(student: str, teacher: str) -> None:
    needs(student)
    rng = torch.Generator().manual_seed(11)
    channels = zoo.card(student).arguments["channels"]
    z = torch.randn(6, channels, 32, 32, generator=rng)
    after, before = (centered_denoiser(zoo.network(n)) for n in (student, teacher))
    end = ode_end(before, z)
    (new, straight), (old, curved) = (travel(e, z, 4) for e in (after, before))
    assert straight < 0.5 * curved
    assert float((new - end).square().mean()) < 0.5 * float((old - end).square().mean())


def test_the_clothing_classifier_tells_samples_apart_under_noise() -> None:
    needs("fashion-classifier")
    classifier = zoo.load_classifier("fashion-classifier")
    rng = torch.Generator().manual_seed(0)
    for name, kind in KINDS.items():
        clean = sample(name, 1)
        for sigma in (0.02, 0.25):
            noisy = clean + sigma * torch.randn(clean.shape, generator=rng)
            told = classifier.class_names[int(classifier(noisy, sigma).argmax())]
            assert told == kind, (name, sigma)


def test_at_overwhelming_noise_the_classifier_is_not_sure() -> None:
    needs("fashion-classifier")
    classifier = zoo.load_classifier("fashion-classifier")
    noise = 20 * torch.randn(16, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    assert classifier(noise, 20.0).exp().max() < 0.5
