import pytest
import torch

from engine.nets.score_unet import Edge, ScoreUNet


def net(**more: object) -> ScoreUNet:
    torch.manual_seed(0)
    network = ScoreUNet(widths=(8, 16), blocks=1, embedding=16, mean=0.3, deviation=0.5, **more)
    torch.nn.init.normal_(network.tail.weight, std=0.1)
    return network.eval()


def test_untrained_it_is_the_best_guess_of_a_gaussian() -> None:
    """With a silent network the skip connection is the Wiener estimate of N(mean, deviation)."""
    network = net()
    torch.nn.init.zeros_(network.tail.weight)
    x, sigma = torch.rand(2, 3, 32, 32), torch.tensor([0.05, 2.0])
    mean, variance = 0.65, 0.25**2
    gain = (variance / (variance + sigma**2)).reshape(-1, 1, 1, 1)
    torch.testing.assert_close(network(x, sigma), mean + gain * (x - mean))


def test_without_noise_it_changes_nothing() -> None:
    x = torch.rand(1, 3, 32, 32)
    torch.testing.assert_close(net()(x, torch.tensor([0.0])), x, atol=2e-3, rtol=0)


def test_at_any_noise_the_answer_stays_in_scale() -> None:
    x, sigma = torch.rand(1, 3, 32, 32), 500.0
    noisy = x + sigma * torch.randn(x.shape, generator=torch.Generator().manual_seed(1))
    assert net()(noisy, torch.tensor([sigma])).abs().max() < 10


def test_the_noise_level_of_each_picture_is_its_own() -> None:
    x = torch.rand(1, 3, 32, 32).expand(2, -1, -1, -1)
    both = net()(x, torch.tensor([0.1, 1.0]))
    torch.testing.assert_close(both[1:], net()(x[:1], torch.tensor([1.0])))


@pytest.mark.parametrize(("inputs", "outputs"), [(12, 32), (32, 3), (16, 16)])
def test_padding_of_channels_while_training_changes_nothing(inputs: int, outputs: int) -> None:
    torch.manual_seed(2)
    edge, x = Edge(inputs, outputs), torch.rand(2, inputs, 8, 8)
    torch.testing.assert_close(edge.train()(x), edge.eval()(x))
