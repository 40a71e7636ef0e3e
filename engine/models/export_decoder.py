"""Export the decoder of a generator to ONNX: a latent in, a picture out."""

from __future__ import annotations

import warnings
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from engine.models.export import TOLERANCE, ParityError
from engine.models.session import OnnxSession

#: Latents up to this many deviations of the prior are compared.
_FAR = 3.0


class _Decoder(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, z: Tensor) -> Tensor:
        picture: Tensor = self.network.decode(z)  # type: ignore[operator]
        return picture


@torch.no_grad()
def export_decoder(network: nn.Module, path: Path, *, seed: int = 0) -> float:
    """Write ``decode(z)`` with a free batch; ``z`` (n, d) to ``picture`` (n, C, H, W) in [0, 1].

    Returns:
        The largest difference to torch, over latents of the prior, stretched ones and none.

    Raises:
        ParityError: the network has no decoder, or the difference exceeds ``TOLERANCE``; no file
            is left.
    """
    if not hasattr(network, "decode"):
        raise ParityError(f"{type(network).__name__} has no decoder")
    decoder = _Decoder(network).eval()
    latents: int = network.latent_dim  # type: ignore[assignment]
    with warnings.catch_warnings():
        # The exporter warns about its own internals; parity below is what counts.
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            decoder,
            (torch.zeros(2, latents),),
            input_names=["z"],
            output_names=["picture"],
            dynamic_shapes=({0: torch.export.Dim("batch", min=1, max=4096)},),
            dynamo=True,
            verbose=False,
        )
    if program is None:
        raise ParityError("the exporter returned nothing")
    part = path.with_name(path.name + ".part")
    onnx.save(program.model_proto, str(part))
    worst = _parity(decoder, part, seed)
    if not worst <= TOLERANCE:
        part.unlink()
        raise ParityError(f"ONNX differs from torch by {worst:.2e}, more than {TOLERANCE:.0e}")
    part.replace(path)
    return worst


def _parity(decoder: _Decoder, path: Path, seed: int) -> float:
    session = OnnxSession(path)
    rng = torch.Generator().manual_seed(seed)
    drawn: Tensor = decoder.network.sample(7, rng)  # type: ignore[operator]
    given = (drawn, _FAR * drawn[:1], torch.zeros_like(drawn[:3]))
    return max(float((decoder(z) - session(z)).abs().max()) for z in given)
