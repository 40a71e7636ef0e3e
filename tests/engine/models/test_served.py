"""Small networks as solvers call them: sizes, gray pictures, gradients and counts."""

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from small_zoo import SCORE, forget, ship, use
from torch import nn

from engine.method import BadInput
from engine.models import zoo
from engine.nets.classifier import NoiseClassifier
from engine.nets.score_unet import ScoreUNet


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("zoo")


@pytest.fixture(scope="module")
def networks(folder: Path) -> dict[str, nn.Module]:
    classes = {"class_names": ["a", "b", "c"], "widths": [8, 8, 16], "embedding": 16}
    return {
        "rgb": ship(folder, "rgb", ScoreUNet, SCORE | {"channels": 3}),
        "gray": ship(folder, "gray", ScoreUNet, SCORE | {"channels": 1}),
        "classes": ship(folder, "classes", NoiseClassifier, classes | {"channels": 1}),
    }


@pytest.fixture(autouse=True)
def small_zoo(
    monkeypatch: pytest.MonkeyPatch, folder: Path, networks: dict[str, nn.Module]
) -> Iterator[None]:
    use(monkeypatch, folder)
    yield
    forget()


def pictures(count: int, channels: int) -> torch.Tensor:
    rng = torch.Generator().manual_seed(8)
    return torch.rand(count, channels, 32, 32, generator=rng)


def test_an_export_of_one_size_is_served_with_any_batch(folder: Path) -> None:
    _, worst = zoo.export("rgb")
    assert worst <= 1e-4
    served, torched = zoo.load_denoiser("rgb"), zoo.load_denoiser("rgb", backend="torch")
    assert (served.backend, served.size, served.channels, served.sigma_max) == ("onnx", 32, 3, 25.0)
    for count in (1, 5):
        x = pictures(count, 3)
        torch.testing.assert_close(served(x, 0.3), torched(x, 0.3), atol=1e-4, rtol=0)
    (folder / "rgb" / "model.onnx").unlink()


def test_a_picture_of_another_size_names_both() -> None:
    denoiser = zoo.load_denoiser("rgb")
    with pytest.raises(BadInput, match=r"rgb knows .* 32 × 32 pixels only; .* has 48 × 64") as no:
        denoiser(torch.zeros(1, 3, 64, 48), 0.1)
    assert no.value.field == "prior"
    with pytest.raises(BadInput, match="32 × 32"):
        denoiser.differentiable(torch.zeros(1, 3, 16, 16), 0.1)
    assert denoiser.calls == 0


def test_an_rgb_prior_does_not_take_a_gray_picture() -> None:
    with pytest.raises(BadInput, match="3 channels; this one has 1"):
        zoo.load_denoiser("rgb")(torch.zeros(1, 1, 32, 32), 0.1)


def test_a_gray_prior_sees_rgb_through_the_mean_of_its_channels(
    networks: dict[str, nn.Module],
) -> None:
    x, sigma = pictures(2, 3), torch.tensor([0.2, 0.7])
    mean = (x[:, :1] + x[:, 1:2] + x[:, 2:]) / 3
    expected = networks["gray"](mean, sigma / math.sqrt(3)).expand(2, 3, 32, 32)
    denoiser = zoo.load_denoiser("gray")
    torch.testing.assert_close(denoiser(x, sigma), expected)
    torch.testing.assert_close(denoiser.differentiable(x, sigma), expected)
    torch.testing.assert_close(denoiser(mean, sigma), networks["gray"](mean, sigma))


def test_the_mean_of_the_channels_is_all_that_a_gray_gaussian_needs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On a Gaussian prior over gray pictures the formula is the Wiener estimate over RGB."""
    variance, sigma = 0.09, 0.4
    denoiser = zoo.load_denoiser("gray", backend="torch")
    monkeypatch.setattr(
        denoiser,
        "_run",
        lambda x, s: 0.5 + variance / (variance + s.square().reshape(-1, 1, 1, 1)) * (x - 0.5),
    )
    x = pictures(1, 3).double()
    pixel = x[0, :, 4, 5]
    prior = torch.full((3, 3), variance, dtype=torch.float64)
    gain = prior @ torch.linalg.inv(prior + sigma**2 * torch.eye(3, dtype=torch.float64))
    torch.testing.assert_close(denoiser(x, sigma)[0, :, 4, 5], 0.5 + gain @ (pixel - 0.5))


def test_gradients_are_those_of_the_network_and_are_counted(
    networks: dict[str, nn.Module],
) -> None:
    denoiser = zoo.load_denoiser("rgb")
    x = pictures(1, 3).requires_grad_()
    plain = pictures(1, 3).requires_grad_()
    estimate = denoiser.differentiable(x, 0.5)
    assert (denoiser.calls, denoiser.backwards) == (1, 0)
    probe = torch.ones_like(estimate)
    for count in (1, 2):
        (back,) = torch.autograd.grad(estimate, x, probe, retain_graph=True)
        assert (denoiser.calls, denoiser.backwards) == (1, count)
    (expected,) = torch.autograd.grad(networks["rgb"](plain, torch.tensor([0.5])), plain, probe)
    torch.testing.assert_close(back, expected)
    assert all(not p.requires_grad for p in zoo.network("rgb").parameters())


def test_a_call_has_no_gradient() -> None:
    denoiser = zoo.load_denoiser("rgb", backend="torch")
    assert not denoiser(pictures(1, 3).requires_grad_(), 0.1).requires_grad
    assert (denoiser.calls, denoiser.backwards) == (1, 0)


def test_a_classifier_gives_log_probabilities_and_gradients(
    networks: dict[str, nn.Module],
) -> None:
    classifier = zoo.load_classifier("classes")
    assert (classifier.class_names, classifier.size) == (("a", "b", "c"), 32)
    x = pictures(2, 1).requires_grad_()
    logs = classifier(x, torch.tensor([0.1, 3.0]))
    torch.testing.assert_close(logs.exp().sum(1), torch.ones(2))
    torch.testing.assert_close(logs, networks["classes"](x, torch.tensor([0.1, 3.0])))
    logs[:, 1].sum().backward()  # type: ignore[no-untyped-call]
    assert x.grad is not None
    assert x.grad.abs().max() > 0
    assert (classifier.calls, classifier.backwards) == (1, 1)
    with pytest.raises(BadInput, match="32 × 32"):
        classifier(torch.zeros(1, 1, 8, 8), 0.1)


def test_a_classifier_is_no_denoiser_and_the_other_way_round() -> None:
    with pytest.raises(BadInput, match="classes is not a denoiser"):
        zoo.load_denoiser("classes")
    with pytest.raises(BadInput, match="rgb is not a classifier"):
        zoo.load_classifier("rgb")
