"""Constants of an operator, computed once in float64 and handed out as a tensor needs them."""

from __future__ import annotations

import torch
from torch import Tensor

_COMPLEX = {torch.float32: torch.complex64, torch.float64: torch.complex128}


class Table:
    """A float64 or complex128 constant that follows the number type and device of its user."""

    def __init__(self, values: Tensor) -> None:
        self.values = values
        self._copies: dict[tuple[torch.dtype, torch.device], Tensor] = {}

    def like(self, x: Tensor) -> Tensor:
        """The constant in the precision and on the device of ``x`` (real or complex)."""
        key = (x.dtype, x.device)
        if key not in self._copies:
            self._copies[key] = self._copied(x)
        return self._copies[key]

    def _copied(self, x: Tensor) -> Tensor:
        real = x.real.dtype if x.is_complex() else x.dtype
        if real not in _COMPLEX:
            raise TypeError(f"operators work in float32 and float64, not {x.dtype}")
        dtype = _COMPLEX[real] if self.values.is_complex() else real
        # First the type: some devices have no float64.
        return self.values.to(dtype).to(x.device)
