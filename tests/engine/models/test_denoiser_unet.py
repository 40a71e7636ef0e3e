import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.nets.denoiser_unet import DenoiserUNet


@pytest.fixture(scope="module")
def network() -> DenoiserUNet:
    torch.manual_seed(3)
    return DenoiserUNet(3, (8, 12), (1, 1)).double().eval()


@given(height=st.integers(1, 33), width=st.integers(1, 33))
def test_any_size_comes_back_in_the_same_size(height: int, width: int) -> None:
    torch.manual_seed(0)
    tiny = DenoiserUNet(1, (4, 4), (1, 1))
    x = torch.rand(2, 1, height, width)
    assert tiny(x, torch.tensor([0.1, 0.5])).shape == x.shape


@pytest.mark.parametrize("factor", [0.25, 3.0, 40.0])
def test_scaling_picture_and_noise_scales_the_estimate(
    network: DenoiserUNet, factor: float
) -> None:
    x, sigma = torch.rand(2, 3, 20, 28).double(), torch.tensor([0.1, 0.4]).double()
    torch.testing.assert_close(network(factor * x, factor * sigma), factor * network(x, sigma))


def test_the_noise_level_matters(network: DenoiserUNet) -> None:
    x = torch.rand(1, 3, 16, 16).double()
    low, high = (network(x, torch.tensor([s]).double()) for s in (0.01, 0.5))
    assert not torch.allclose(low, high)


def test_widths_and_blocks_must_agree() -> None:
    with pytest.raises(ValueError, match="equal length"):
        DenoiserUNet(3, (8, 12), (1,))
