"""The trained networks that ship, found by their cards, and how they are loaded."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Literal

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from engine.catalogue import ModelSpec
from engine.method import BadInput
from engine.models.card import ModelCard, checksum
from engine.models.tiling import tiled

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


class Denoiser:
    """A noise-conditional denoiser: ``denoiser(x, sigma)`` estimates the clean pictures.

    Attributes:
        name, checksum, backend, device: what a run's record says of its prior.
        calls: network forward passes so far (a tiled picture counts each tile).
        seconds: time spent in them.
    """

    def __init__(
        self,
        name: str,
        run: Callable[[Tensor, Tensor], Tensor],
        *,
        checksum: str,
        backend: str,
        device: str,
        multiple: int,
        tile: int | None,
    ) -> None:
        self.name = name
        self.checksum = checksum
        self.backend = backend
        self.device = device
        self.calls = 0
        self.seconds = 0.0
        self._run = run
        self._multiple = multiple
        self._tile = tile

    def __call__(self, x: Tensor, sigma: float | Tensor) -> Tensor:
        """Denoise ``x`` of shape ``(batch, 3, height, width)`` in [0, 1] units.

        Args:
            x: noisy pictures, not clipped.
            sigma: standard deviation of the noise, one for all or one per picture.
        """
        levels = torch.as_tensor(sigma, dtype=torch.float32).reshape(-1).expand(x.shape[0])
        began = time.perf_counter()
        with torch.inference_mode():
            if self._tile is None:
                result = self._once(x, levels)
            else:
                result = tiled(lambda part: self._once(part, levels), x, self._tile)
        self.seconds += time.perf_counter() - began
        # Out of inference mode, so that what follows may be differentiated or changed.
        return result.clone()

    def _once(self, x: Tensor, sigma: Tensor) -> Tensor:
        self.calls += 1
        height, width = x.shape[-2:]
        pad = (0, -width % self._multiple, 0, -height % self._multiple)
        padded = F.pad(x.float(), pad, mode="replicate")
        result: Tensor = self._run(padded, sigma)[..., :height, :width]
        return result.to(x.dtype)


def _torch_run(name: str, device: str) -> Callable[[Tensor, Tensor], Tensor]:
    placed = network(name).to(device)
    core: Callable[[Tensor, Tensor], Tensor] = placed.core  # type: ignore[assignment]

    def run(x: Tensor, sigma: Tensor) -> Tensor:
        return core(x.contiguous(memory_format=torch.channels_last), sigma.to(x.device))

    return run


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
    export = FOLDER / name / "model.onnx"
    if backend == "auto":
        backend = "onnx" if device == "cpu" and export.exists() else "torch"
    if backend == "onnx":
        if not export.exists():
            raise BadInput(
                f"backend: {name} has no ONNX export; run `priorbench export {name}`", "backend"
            )
        from engine.models.session import OnnxSession

        run: Callable[[Tensor, Tensor], Tensor] = OnnxSession(export, device)
    else:
        run = _torch_run(name, device)
    multiple: int = network(name).multiple  # type: ignore[assignment]
    return Denoiser(
        name,
        run,
        checksum=this.sha256,
        backend=backend,
        device=device,
        multiple=multiple,
        tile=tile,
    )


def _train_photo_denoiser(argv: Sequence[str]) -> None:
    from engine.models.train import train

    train(argv)


#: What ``priorbench train MODEL`` can train; each takes the options after the name.
TRAINERS: dict[str, Callable[[Sequence[str]], None]] = {"photo-denoiser": _train_photo_denoiser}


def export(name: str, out: Path | None = None) -> tuple[Path, float]:
    """Export a model to ONNX with a parity check; returns the file and the worst difference."""
    from engine.models.export import export_denoiser

    path = out or FOLDER / card(name).id / "model.onnx"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path, export_denoiser(network(name), path)
