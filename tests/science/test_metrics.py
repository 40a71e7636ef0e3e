"""PSNR and SSIM against scikit-image; the mismatch of the truth is one."""

from __future__ import annotations

import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from engine.operators import GaussianBlur, Mask, random_mask
from engine.restoration import metrics
from engine.restoration.metrics import Similarity, mismatch, noise_of, psnr, ssim


def pair(height: int, width: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(seed)
    truth = torch.rand(1, 3, height, width, generator=rng)
    return truth, (truth + 0.1 * torch.randn(truth.shape, generator=rng)).clamp(0, 1)


@pytest.mark.parametrize("size", [(11, 11), (37, 50), (64, 12)])
@pytest.mark.parametrize("strip", [7, 512])
def test_ssim_is_scikit_images(
    size: tuple[int, int], strip: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "STRIP", strip)
    truth, other = pair(*size)
    expected = structural_similarity(
        truth[0].permute(1, 2, 0).double().numpy(),
        other[0].permute(1, 2, 0).double().numpy(),
        channel_axis=-1,
        data_range=1.0,
        gaussian_weights=True,
        use_sample_covariance=False,
    )
    assert ssim(other, truth) == pytest.approx(expected, abs=1e-5)
    assert ssim(other.double(), truth.double()) == pytest.approx(expected, abs=1e-10)


def test_psnr_is_scikit_images() -> None:
    truth, other = pair(20, 30)
    expected = peak_signal_noise_ratio(truth.numpy(), other.numpy(), data_range=1.0)
    assert psnr(other, truth) == pytest.approx(expected, abs=1e-4)


def test_the_same_picture_is_perfect_and_finite() -> None:
    truth, _ = pair(16, 16)
    assert psnr(truth, truth) == 100.0
    assert ssim(truth, truth) == pytest.approx(1.0)


@pytest.mark.parametrize("sigma", [0.01, 0.05, 0.2])
def test_noise_is_estimated_without_the_truth(sigma: float) -> None:
    rows, columns = torch.meshgrid(torch.arange(120.0), torch.arange(161.0), indexing="ij")
    picture = (0.5 + 0.4 * torch.sin(rows / 9) * torch.cos(columns / 11)).expand(1, 3, -1, -1)
    grain = torch.randn(picture.shape, generator=torch.Generator().manual_seed(0))
    assert noise_of(picture + sigma * grain) == pytest.approx(sigma, rel=0.05)


def test_ssim_needs_a_window_of_pixels() -> None:
    with pytest.raises(ValueError, match="11 x 11"):
        Similarity(torch.zeros(1, 3, 10, 40))


def test_the_truth_mismatches_by_the_noise_alone() -> None:
    rng = torch.Generator().manual_seed(0)
    truth = torch.rand(1, 3, 64, 64, generator=rng)
    known = random_mask((64, 64), 0.5, rng)
    for A in (GaussianBlur((3, 56, 56), 1.0, "padded"), Mask(known, 3)):
        y = A(truth)
        y = y + 0.05 * torch.randn(y.shape, generator=rng)
        y = A(y) if isinstance(A, Mask) else y
        count = int(A.known.sum()) if isinstance(A, Mask) else y.numel()
        assert mismatch(A, truth, y, 0.05, count) == pytest.approx(1.0, abs=0.02)
