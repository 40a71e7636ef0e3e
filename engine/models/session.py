"""ONNX Runtime sessions: tensors in, tensors out, on the device where they are."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch import Tensor


@cache
def _providers(device: str) -> tuple[str, ...]:
    """Providers for a torch device; CUDA only where its libraries really load."""
    if device.startswith("cuda") and "CUDAExecutionProvider" in (
        onnxruntime.get_available_providers()
    ):
        onnxruntime.preload_dlls()
        return ("CUDAExecutionProvider", "CPUExecutionProvider")
    return ("CPUExecutionProvider",)


class OnnxSession:
    """One exported network. Inputs by position, float32, one output.

    Args:
        path: the ``.onnx`` file.
        device: torch device name.
        threads: threads inside an operation; 0 takes torch's number.
    """

    def __init__(self, path: Path, device: str = "cpu", threads: int = 0) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or torch.get_num_threads()
        options.inter_op_num_threads = 1
        # Spinning threads would take the cores from torch between two calls.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        self.device = device
        self._session = onnxruntime.InferenceSession(
            str(path), options, providers=list(_providers(device))
        )
        self._names = [i.name for i in self._session.get_inputs()]
        self.provider: str = self._session.get_providers()[0]

    def __call__(self, *inputs: Tensor) -> Tensor:
        """Run the network on tensors of any device; the result lies where the first input does."""
        arrays = {
            name: np.ascontiguousarray(tensor.numpy(force=True), np.float32)
            for name, tensor in zip(self._names, inputs, strict=True)
        }
        (result,) = self._session.run(None, arrays)
        return torch.from_numpy(result).to(inputs[0].device)
