"""The hand-written gradient leaves for ONNX without autograd, and computes the same there."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from engine.models import export_prox as module
from engine.models.export import ParityError
from engine.models.session import OnnxSession
from engine.nets.lpn import ConvexPicture


def network() -> ConvexPicture:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return ConvexPicture(1, 4, strides=(1, 2), beta=30.0, center=0.5)


@pytest.mark.slow
def test_exported_it_computes_the_same_at_other_sizes(tmp_path: Path) -> None:
    worst = module.export_prox(network(), tmp_path / "prox.onnx")
    assert worst < 1e-5
    y = torch.rand(3, 1, 18, 44, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = network()(y)
    assert torch.allclose(OnnxSession(tmp_path / "prox.onnx")(y), expected, atol=1e-5)
    assert float(expected.std()) > 1e-3


def test_what_is_no_prox_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ParityError, match="not a prox"):
        module.export_prox(nn.Identity(), tmp_path / "x.onnx")
    assert not list(tmp_path.glob("x.onnx*"))
