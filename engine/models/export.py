"""Export a network to ONNX, and refuse an export that does not compute the same."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from engine.models.session import OnnxSession

#: Largest difference between torch and ONNX Runtime that an export may show, in [0, 1] units.
TOLERANCE = 1e-4


class ParityError(RuntimeError):
    """The exported network does not compute what the original does."""


class _Core(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor, sigma: Tensor) -> Tensor:
        result: Tensor = self.network.core(x, sigma)  # type: ignore[operator]
        return result


def _store_half(model: onnx.ModelProto) -> None:
    """Keep weights as float16 with a cast in front: half the file, the same float32 compute."""
    graph = model.graph
    casts = []
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT:
            continue
        values = numpy_helper.to_array(tensor)
        half = values.astype(np.float16)
        if values.size < 1024 or not np.array_equal(half.astype(np.float32), values):
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(half, name + "_half"))
        casts.append(helper.make_node("Cast", [name + "_half"], [name], to=TensorProto.FLOAT))
    for node in reversed(casts):
        graph.node.insert(0, node)


@torch.no_grad()
def export_denoiser(network: nn.Module, path: Path, *, seed: int = 0) -> float:
    """Write a denoiser ``(x, sigma)`` to ``path`` with free batch, height and width.

    Height and width must be multiples of ``network.multiple`` (the caller pads), or are
    ``network.size`` where the network knows one size only.

    Returns:
        The largest difference to torch, over three sizes and noise levels.

    Raises:
        ParityError: the difference exceeds ``TOLERANCE``; the file is removed.
    """
    core = _Core(network).eval()
    multiple: int = network.multiple  # type: ignore[assignment]
    channels: int = network.channels  # type: ignore[assignment]
    batch = torch.export.Dim("batch", min=1, max=64)
    free: dict[int, object] = {0: batch}
    height, width = _sides(network, 6, 8)
    size: int | None = network.size  # type: ignore[assignment]
    if size is None:
        free[2] = multiple * torch.export.Dim("rows", min=2, max=4096)
        free[3] = multiple * torch.export.Dim("columns", min=2, max=4096)
    example = (torch.rand(2, channels, height, width), torch.tensor([0.1, 0.2]))
    with warnings.catch_warnings():
        # The exporter warns about its own internals; parity below is what counts.
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            core,
            example,
            input_names=["x", "sigma"],
            output_names=["estimate"],
            dynamic_shapes=(free, {0: batch}),
            dynamo=True,
            verbose=False,
        )
    if program is None:
        raise ParityError("the exporter returned nothing")
    model = program.model_proto
    _store_half(model)
    part = path.with_name(path.name + ".part")
    onnx.save(model, str(part))
    worst = parity(core, part, seed)
    if not worst <= TOLERANCE:
        part.unlink()
        raise ParityError(f"ONNX differs from torch by {worst:.2e}, more than {TOLERANCE:.0e}")
    part.replace(path)
    return worst


def _sides(network: nn.Module, rows: int, columns: int) -> tuple[int, int]:
    """Height and width of a test picture, in multiples or as the network dictates."""
    size: int | None = network.size  # type: ignore[assignment]
    multiple: int = network.multiple  # type: ignore[assignment]
    return (size, size) if size else (rows * multiple, columns * multiple)


@torch.no_grad()
def parity(core: _Core, path: Path, seed: int = 0) -> float:
    """The largest absolute difference between torch and ONNX Runtime on random pictures."""
    session = OnnxSession(path)
    rng = torch.Generator().manual_seed(seed)
    channels: int = core.network.channels  # type: ignore[assignment]
    worst = 0.0
    for count, rows, columns in ((1, 4, 4), (2, 9, 5), (1, 12, 20)):
        x = torch.rand(count, channels, *_sides(core.network, rows, columns), generator=rng)
        sigma = torch.rand(count, generator=rng)
        worst = max(worst, float((core(x, sigma) - session(x, sigma)).abs().max()))
    return worst
