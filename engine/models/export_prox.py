"""Export a learned prox to ONNX: ``f(y)`` as it is written out by hand, without autograd."""

from __future__ import annotations

import math
import warnings
from pathlib import Path

import onnx
import torch
from torch import nn

from engine.models.export import TOLERANCE, ParityError
from engine.models.session import OnnxSession
from engine.nets.lpn import ConvexPicture


@torch.no_grad()
def export_prox(network: nn.Module, path: Path, *, seed: int = 0) -> float:
    """Write ``f`` with a free batch, and free sides that are multiples of the product of strides.

    Returns:
        The largest difference to torch on random pictures of three sizes.

    Raises:
        ParityError: the network is no prox of pictures, or the difference exceeds ``TOLERANCE``.
    """
    if not isinstance(network, ConvexPicture):
        raise ParityError(f"{type(network).__name__} is not a prox of pictures")
    cell = math.prod(network.strides)
    sides = [(network.size, network.size)] if network.size else [(24, 32), (40, 20), (64, 48)]
    free: dict[int, object] = {0: torch.export.Dim("batch", min=1, max=64)}
    if network.size is None:
        free[2] = cell * torch.export.Dim("rows", min=2, max=4096)
        free[3] = cell * torch.export.Dim("columns", min=2, max=4096)
    with warnings.catch_warnings():
        # The exporter warns about its own internals; parity below is what counts.
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            network.eval(),
            (torch.rand(2, network.channels, *sides[0]),),
            input_names=["y"],
            output_names=["x"],
            dynamic_shapes=(free,),
            dynamo=True,
            verbose=False,
        )
    if program is None:
        raise ParityError("the exporter returned nothing")
    part = path.with_name(path.name + ".part")
    onnx.save(program.model_proto, str(part))
    session = OnnxSession(part)
    rng = torch.Generator().manual_seed(seed)
    worst = 0.0
    for count, side in enumerate(sides, 1):
        y = torch.rand(count, network.channels, *side, generator=rng)
        worst = max(worst, float((network(y) - session(y)).abs().max()))
    if not worst <= TOLERANCE:
        part.unlink()
        raise ParityError(f"ONNX differs from torch by {worst:.2e}, more than {TOLERANCE:.0e}")
    part.replace(path)
    return worst
