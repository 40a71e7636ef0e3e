"""Separate random streams from the one seed of a run."""

from __future__ import annotations

import hashlib

import torch

#: What draws from a stream of its own, so that one never shifts another.
STREAMS = ("problem", "method", "samples")


def child_seeds(seed: int) -> dict[str, int]:
    """The seed of every stream, below 2**53 so that JSON readers keep it exact."""
    return {name: _child(seed, name) for name in STREAMS}


def _child(seed: int, name: str) -> int:
    digest = hashlib.sha256(f"priorbench:{seed}:{name}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 11


def generator(seed: int) -> torch.Generator:
    """A CPU generator at the start of a stream."""
    return torch.Generator().manual_seed(seed)
