"""The trained networks that ship, found by their cards, and how they are loaded."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Literal

import torch
from safetensors.torch import load_file
from torch import nn

from engine.catalogue import ModelSpec
from engine.method import BadInput
from engine.models.card import ModelCard, checksum
from engine.models.served import Classifier, Denoiser, Run, torch_run

FOLDER = Path(__file__).resolve().parents[2] / "assets" / "models"
Backend = Literal["auto", "torch", "onnx"]
BACKENDS = ("auto", "torch", "onnx")


@cache
def cards() -> dict[str, ModelCard]:
    """The card of every shipped model, by id."""
    found = (ModelCard.read(path.parent) for path in sorted(FOLDER.glob("*/card.json")))
    return {card.id: card for card in found}


def available(name: str) -> bool:
    """Whether a model of this name ships."""
    return name in cards()


def models() -> list[ModelSpec]:
    """The shipped models as catalogue data."""
    return [
        ModelSpec(
            id=card.id,
            title=card.title,
            summary=card.summary,
            parameters=card.parameters,
            card=card.model_dump(),
        )
        for card in cards().values()
    ]


def card(name: str) -> ModelCard:
    """The card of a model; ``BadInput`` names the ones there are."""
    if not available(name):
        known = ", ".join(cards()) or "none"
        raise BadInput(f"prior: {name!r} is not a model that ships (there are: {known})", "prior")
    return cards()[name]


@cache
def network(name: str) -> nn.Module:
    """The network of a model on the CPU, in float32, with its weights verified.

    Raises:
        BadInput: there is no such model, or its weights are not those of its card.
    """
    this = card(name)
    weights = FOLDER / name / "weights.safetensors"
    if checksum(weights) != this.sha256:
        raise BadInput(f"prior: the weights of {name} are not those that its card names", "prior")
    module, kind = this.architecture.rsplit(".", 1)
    if not module.startswith("engine.nets."):
        raise BadInput(f"prior: {this.architecture} is not one of our networks", "prior")
    built: nn.Module = getattr(importlib.import_module(module), kind)(**this.arguments)
    built.load_state_dict({k: v.float() for k, v in load_file(weights).items()})
    return built.to(memory_format=torch.channels_last).eval().requires_grad_(False)  # type: ignore[call-overload,no-any-return]


def load_denoiser(
    name: str = "photo-denoiser",
    device: str = "cpu",
    backend: str = "auto",
    tile: int | None = None,
) -> Denoiser:
    """A shipped denoiser, ready to call.

    Args:
        name: model id.
        device: torch device name.
        backend: ``onnx`` serves the export through ONNX Runtime, ``torch`` the network
            itself; ``auto`` takes ONNX Runtime on the CPU, torch elsewhere.
        tile: evaluate in overlapping tiles of this side, pixels; None does it whole.

    Raises:
        BadInput: unknown model or backend, or damaged weights.
    """
    this = card(name)
    if backend not in BACKENDS:
        allowed = ", ".join(BACKENDS)
        raise BadInput(f"backend: {backend!r} is not one of {allowed}", "backend")
    placed = network(name).to(device)
    if not hasattr(placed, "core"):
        raise BadInput(f"prior: {name} is not a denoiser", "prior")
    export = FOLDER / name / "model.onnx"
    if backend == "auto":
        backend = "onnx" if device == "cpu" and export.exists() else "torch"
    if backend == "onnx":
        if not export.exists():
            raise BadInput(
                f"backend: {name} has no ONNX export; run `priorbench export {name}`", "backend"
            )
        from engine.models.session import OnnxSession

        run: Run = OnnxSession(export, device)
    else:
        run = torch.no_grad()(torch_run(placed))
    return Denoiser(
        name,
        run,
        placed,
        checksum=this.sha256,
        backend=backend,
        device=device,
        tile=tile,
    )


def load_classifier(name: str, device: str = "cpu") -> Classifier:
    """A shipped noise-conditional classifier, ready to call and to differentiate.

    Raises:
        BadInput: unknown model, one that is no classifier, or damaged weights.
    """
    this = card(name)
    placed = network(name).to(device)
    if not hasattr(placed, "class_names"):
        raise BadInput(f"prior: {name} is not a classifier", "prior")
    return Classifier(name, placed, checksum=this.sha256, backend="torch", device=device)


def _trainer(name: str, module: str = "train") -> Callable[[Sequence[str]], None]:
    def run(argv: Sequence[str]) -> None:
        importlib.import_module(f"engine.models.{module}").train(name, argv)

    return run


#: What ``priorbench train MODEL`` can train; each takes the options after the name.
TRAINERS: dict[str, Callable[[Sequence[str]], None]] = {
    name: _trainer(name)
    for name in (
        "photo-denoiser",
        "emoji-score",
        "fashion-score",
        "emoji-flow",
        "fashion-flow",
        "emoji-classifier",
        "fashion-classifier",
        "digits-map",
        "sprites-vae",
        "sprites-tcvae",
        "rooms-vae",
        "rooms-tcvae",
        "rooms-qlae",
        "emoji-vae",
        "faces-gan",
        "faces-reader",
    )
}
TRAINERS |= {n: _trainer(n, "lpn_train") for n in ("lpn-line", "lpn-digits", "lpn-photos")}


def export(name: str, out: Path | None = None) -> tuple[Path, float]:
    """Export a model to ONNX with a parity check; returns the file and the worst difference."""
    from engine.models.export import export_denoiser
    from engine.models.export_decoder import export_decoder
    from engine.models.export_prox import export_prox

    path = out or FOLDER / card(name).id / "model.onnx"
    path.parent.mkdir(parents=True, exist_ok=True)
    built = network(name)
    if hasattr(built, "decode"):
        return path, export_decoder(built, path)
    # A denoiser takes a noise level, a prox has its own.
    return path, (export_denoiser if hasattr(built, "core") else export_prox)(built, path)
