"""Decoding for the eye: pictures of latents without gradients, by whatever is fastest."""

from __future__ import annotations

import time

import torch
from torch import Tensor

from engine.method import BadInput
from engine.models import zoo
from engine.traversal.generator import Generator, Shipped

#: Latents that are decoded at once: more of them fill a core's cache.
CHUNK = 64


class FastDecoder:
    """``decoder(z)``: pictures (n, C, H, W) in [0, 1] of latents (n, d), without gradients.

    Args:
        generator: what decodes.
        backend: ``onnx`` serves the export that lies beside the weights through ONNX Runtime,
            ``torch`` the network itself; ``auto`` takes ONNX Runtime on the CPU where there is
            an export, torch elsewhere.

    Attributes:
        backend: what it came to.
        calls: latents decoded so far.
        seconds: time spent on them.

    Raises:
        BadInput: (field ``backend``) ``onnx`` is asked for, and there is no export.
    """

    def __init__(self, generator: Generator, backend: str = "auto") -> None:
        self._generator = generator
        self.calls = 0
        self.seconds = 0.0
        export = zoo.FOLDER / generator.name / "model.onnx"
        shipped = isinstance(generator, Shipped)
        there = shipped and export.is_file()
        on_cpu = not isinstance(generator, Shipped) or generator.device == "cpu"
        if backend == "auto":
            backend = "onnx" if there and on_cpu else "torch"
        if backend == "onnx" and not there:
            hint = f"; run `priorbench export {generator.name}`" if shipped else ""
            raise BadInput(f"backend: {generator.name} has no ONNX export{hint}", "backend")
        self.backend = backend
        self._session = None
        if backend == "onnx":
            from engine.models.session import OnnxSession

            self._session = OnnxSession(export)

    @torch.no_grad()
    def __call__(self, z: Tensor) -> Tensor:
        """Decode."""
        began = time.perf_counter()
        decode = self._session or self._generator.decode
        parts = [decode(part) for part in torch.split(z, CHUNK)]
        self.calls += len(z)
        self.seconds += time.perf_counter() - began
        return (parts[0] if len(parts) == 1 else torch.cat(parts)).clamp(0.0, 1.0)
