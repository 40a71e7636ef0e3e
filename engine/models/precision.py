"""Which numbers a training multiplies: short ones, where the device is quick with them."""

from __future__ import annotations

from functools import cache

import torch


@cache
def short(device: str) -> bool:
    """Whether a device multiplies bfloat16 faster than float32.

    A processor without instructions for bfloat16 takes it apart and together again: a step of
    a convolutional network is then several times slower than in float32.
    """
    kind = device.split(":")[0]
    if kind != "cpu":
        return True
    able = torch.cpu.get_capabilities()
    # Other architectures than x86 name theirs differently.
    return any(able.get(name, False) for name in ("amx_bf16", "avx512_bf16", "bf16"))


def mixed(device: str) -> torch.autocast:
    """Multiply and convolve in bfloat16 inside, where ``device`` is quick with it."""
    return torch.autocast(device.split(":")[0], torch.bfloat16, enabled=short(device))
