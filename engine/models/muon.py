"""Muon: momentum whose update is made orthogonal, for the matrices inside a network.

After Jordan et al. 2024 (Muon), with the step scaled to the root mean square of an Adam
step as in Liu et al. 2025, so that one learning rate serves both. ``torch.optim.Muon``
takes 2-D parameters only; the kernels of a convolution are 4-D, hence this one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from engine.models.precision import short

# The quintic of Jordan et al.: it drives every singular value towards 1 in five steps.
_A, _B, _C = 3.4445, -4.7750, 2.0315


def orthogonalize(matrices: Tensor, steps: int = 5) -> Tensor:
    """Bring a stack of matrices ``(n, rows, columns)`` near ``U V^T`` of their SVDs.

    Runs in bfloat16 where that is quick: only the direction matters, and singular values
    between 0.7 and 1.2 are good enough.
    """
    wide = matrices.shape[-2] <= matrices.shape[-1]
    x = matrices if wide else matrices.mT
    x = x.bfloat16() if short(x.device.type) else x.float()
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = _A * x + (_B * gram + _C * gram @ gram) @ x
    result: Tensor = (x if wide else x.mT).float()
    return result


class Muon(torch.optim.Optimizer):
    """Orthogonalized Nesterov momentum for parameters of two or more dimensions.

    Args:
        params: parameters; dimensions after the first are flattened to columns.
        lr: learning rate, in the units of an Adam step.
        momentum: decay of the running mean of the gradient.
    """

    def __init__(self, params: Iterable[Tensor], lr: float, momentum: float = 0.95) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> Any:
        """Take one step; parameters of equal shape are orthogonalized as one stack."""
        for group in self.param_groups:
            momentum = group["momentum"]
            stacks: dict[tuple[int, ...], list[tuple[Tensor, Tensor]]] = defaultdict(list)
            for parameter in group["params"]:
                state = self.state[parameter]
                if "momentum" not in state:
                    state["momentum"] = torch.zeros_like(parameter)
                mean = state["momentum"].lerp_(parameter.grad, 1 - momentum)
                ahead = parameter.grad.lerp(mean, momentum)
                stacks[tuple(parameter.shape)].append((parameter, ahead))
            for shape, members in stacks.items():
                updates = orthogonalize(torch.stack([u.reshape(shape[0], -1) for _, u in members]))
                scale = 0.2 * max(updates.shape[-2:]) ** 0.5
                for (parameter, _), update in zip(members, updates, strict=True):
                    parameter.add_(update.reshape(shape), alpha=-group["lr"] * scale)
        return None
