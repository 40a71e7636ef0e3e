"""Tiny untrained networks that ship, in a folder of the test's own."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from engine.models import zoo
from engine.models.card import ModelCard, checksum

SCORE = {"size": 32, "widths": [8, 16], "blocks": 1, "embedding": 16}


def ship(folder: Path, name: str, kind: type[nn.Module], arguments: dict[str, Any]) -> nn.Module:
    """Write weights and card of a network with random weights; returns the network."""
    torch.manual_seed(3)
    network = kind(**arguments).eval().requires_grad_(False)
    for parameter in network.parameters():
        # Zero-initialized layers would make every answer trivial.
        parameter.copy_((parameter + 0.1 * torch.randn(parameter.shape)).half().float())
    target = folder / name
    target.mkdir(parents=True)
    weights = target / "weights.safetensors"
    save_file({k: v.half().contiguous() for k, v in network.state_dict().items()}, weights)
    ModelCard(
        id=name,
        title=name,
        summary="",
        architecture=f"{kind.__module__}.{kind.__name__}",
        arguments=arguments,
        parameters=sum(p.numel() for p in network.parameters()),
        dtype="float16",
        sha256=checksum(weights),
        data="",
        data_terms="",
        command="",
        seed=0,
        steps=0,
        seconds=0.0,
        hardware="",
        metrics={},
        published={},
        limits="",
        versions={},
    ).write(target)
    return network


def use(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let the zoo look into ``folder``; call ``forget`` when the test is over."""
    monkeypatch.setattr(zoo, "FOLDER", folder)
    forget()


def forget() -> None:
    """Drop what the zoo remembers of its folder."""
    zoo.network.cache_clear()
    zoo.cards.cache_clear()
