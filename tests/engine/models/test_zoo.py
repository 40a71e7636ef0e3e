import json
from pathlib import Path

import pytest
import torch

from engine.method import BadInput
from engine.models import export, zoo
from engine.models.session import OnnxSession
from engine.nets.denoiser_unet import DenoiserUNet

ships = pytest.mark.skipif(not zoo.available("photo-denoiser"), reason="weights are not here")


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[DenoiserUNet, Path]:
    torch.manual_seed(1)
    network = DenoiserUNet(3, (8, 12), (1, 1)).eval()
    path = tmp_path_factory.mktemp("onnx") / "tiny.onnx"
    assert export.export_denoiser(network, path) <= export.TOLERANCE
    return network, path


def test_an_export_computes_the_same_at_sizes_it_never_saw(
    exported: tuple[DenoiserUNet, Path],
) -> None:
    network, path = exported
    x, sigma = torch.rand(3, 3, 44, 100), torch.tensor([0.0, 0.3, 1.0])
    with torch.no_grad():
        expected = network.core(x, sigma)
    torch.testing.assert_close(OnnxSession(path)(x, sigma), expected, atol=1e-5, rtol=0)


def test_an_export_that_differs_is_refused_and_leaves_no_file(
    exported: tuple[DenoiserUNet, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "TOLERANCE", -1.0)
    folder = tmp_path / "export"
    folder.mkdir()
    with pytest.raises(export.ParityError, match="differs from torch"):
        export.export_denoiser(exported[0], folder / "bad.onnx")
    assert list(folder.iterdir()) == []


@ships
def test_both_backends_agree_on_an_odd_size() -> None:
    x = torch.rand(2, 3, 61, 83)
    sigma = torch.tensor([0.1, 0.4])
    one, two = (zoo.load_denoiser(backend=b) for b in ("torch", "onnx"))
    torch.testing.assert_close(one(x, sigma), two(x, sigma), atol=1e-4, rtol=0)
    assert (one.calls, one.backend, two.backend) == (1, "torch", "onnx")
    assert one.checksum == two.checksum == zoo.card("photo-denoiser").sha256


@ships
def test_tiles_agree_with_the_whole_picture() -> None:
    rng = torch.Generator().manual_seed(0)
    x = torch.nn.functional.interpolate(
        torch.rand(1, 3, 30, 20, generator=rng), scale_factor=16, mode="bilinear"
    )
    x = x + 0.1 * torch.randn(x.shape, generator=rng)
    whole, parts = zoo.load_denoiser(), zoo.load_denoiser(tile=256)
    error = (whole(x, 0.1) - parts(x, 0.1)).abs()
    assert parts.calls > 1
    assert error.mean() < 1e-3


def test_an_unknown_model_is_named_with_those_there_are() -> None:
    with pytest.raises(BadInput, match="'no-such' is not a model that ships"):
        zoo.load_denoiser("no-such")


@ships
def test_an_unknown_backend_is_named() -> None:
    with pytest.raises(BadInput, match="'jax' is not one of auto, torch, onnx"):
        zoo.load_denoiser(backend="jax")


@ships
def test_weights_that_are_not_the_cards_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = zoo.FOLDER / "photo-denoiser"
    target = tmp_path / "photo-denoiser"
    target.mkdir()
    (target / "card.json").write_bytes((source / "card.json").read_bytes())
    weights = bytearray((source / "weights.safetensors").read_bytes())
    weights[-1] ^= 1
    (target / "weights.safetensors").write_bytes(weights)
    monkeypatch.setattr(zoo, "FOLDER", tmp_path)
    zoo.network.cache_clear()
    with pytest.raises(BadInput, match="not those that its card names"):
        zoo.load_denoiser(backend="torch")
    zoo.network.cache_clear()


@ships
def test_the_card_is_whole() -> None:
    card = zoo.card("photo-denoiser")
    assert card.parameters == sum(p.numel() for p in zoo.network(card.id).parameters())
    assert card.command.startswith("priorbench train photo-denoiser --data")
    assert "inherit" in card.data_terms
    assert json.loads(card.model_dump_json())["metrics"]["cbsd68_psnr_sigma_25"] >= 31.2
