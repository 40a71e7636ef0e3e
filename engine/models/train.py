"""Train a shipped network from the command line: resumable, and written with its card."""

from __future__ import annotations

import argparse
import json
import platform
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from engine.method import BadInput, State
from engine.models.card import ModelCard, checksum
from engine.models.photo_denoiser import PhotoDenoiser, evaluate, read_folder
from engine.models.training import Schedule, fit
from engine.nets.denoiser_unet import DenoiserUNet

CARDS = {
    "photo-denoiser": {
        "title": "Photo denoiser",
        "summary": "Removes Gaussian noise of any strength from photographs; the learned prior "
        "of plug-and-play restoration, and a score of noisy photographs.",
        "data": "BSDS500 without the 68 pictures of CBSD68: 432 photographs of 481x321 pixels, "
        "12 of them held back to watch the training (Arbelaez et al., TPAMI 2011)",
        "data_terms": "The licence of the photographs is not stated with the data; the original "
        "page is commonly quoted as allowing non-commercial research and education. The "
        "weights inherit these terms: use them for research and teaching, and cite "
        "Arbelaez et al. 2011.",
        "limits": "Trained on 432 small photographs on a CPU. It knows Gaussian noise only, and "
        "smooths fine texture more than the large published networks do.",
        "published": {
            "CBM3D": "30.7 dB at sigma 25/255 (Dabov et al. 2007)",
            "DnCNN": "31.2 dB at sigma 25/255 (Zhang et al. 2017)",
            "DRUNet": "31.7 dB at sigma 25/255, 32 M parameters (Zhang et al. 2021)",
        },
    }
}


def parser() -> argparse.ArgumentParser:
    """Options of ``train photo-denoiser``."""
    p = argparse.ArgumentParser(prog="priorbench train photo-denoiser")
    p.add_argument("--data", type=Path, required=True, help="folder of training photographs")
    p.add_argument("--test", type=Path, help="folder of test photographs for the card")
    p.add_argument("--out", type=Path, required=True, help="where weights and card go")
    p.add_argument("--work", type=Path, help="where checkpoints go (default: OUT/training)")
    p.add_argument("--steps", type=int, default=22_000)
    p.add_argument("--rate", type=float, default=1e-3)
    p.add_argument("--batch", type=int, default=16)
    p.add_argument("--patch", type=int, default=64, help="side of a training patch, pixels")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--device", default="cpu")
    p.add_argument("--every", type=int, default=500, help="steps between checkpoints")
    p.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    return p


def denoiser_of(state: State, architecture: dict[str, object]) -> DenoiserUNet:
    """The network with the averaged weights of a training state."""
    network = DenoiserUNet(**architecture)  # type: ignore[arg-type]
    weights = {k[5:]: v for k, v in state.tensors.items() if k.startswith("mean.")}
    network.load_state_dict({k: v.detach().clone().cpu() for k, v in weights.items()})
    return network.to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload,no-any-return]


def train(argv: Sequence[str]) -> None:
    """Train ``photo-denoiser`` and write ``weights.safetensors`` and ``card.json`` to ``--out``."""
    options = parser().parse_args(argv)
    work: Path = options.work or options.out / "training"
    work.mkdir(parents=True, exist_ok=True)
    stem = work / "checkpoint"
    recipe = PhotoDenoiser(
        read_folder(options.data),
        batch=options.batch,
        patch=options.patch,
        device=options.device,
    )
    state, before = None, 0.0
    if options.resume and stem.with_suffix(".safetensors").exists():
        state = State.load(stem)
        before = float(state.scalars["seconds"])
    elif stem.with_suffix(".safetensors").exists():
        raise BadInput(f"resume: {work} holds a checkpoint; add --resume or choose another --work")
    schedule = Schedule(steps=options.steps, rate=options.rate)
    crops = [p[:, 30:286, 30:286] for p in recipe.held_back]
    began, losses = time.monotonic(), []
    start = state
    for state in fit(recipe, schedule, seed=options.seed, state=start, device=options.device):
        losses.append(state.scalars["loss"])
        if state.step % options.every == 0 or state.step == options.steps:
            seconds = before + time.monotonic() - began
            state.scalars["seconds"] = seconds
            state.save(stem)
            network = denoiser_of(state, recipe.architecture)
            watched = evaluate(_whole(network), crops)
            line = {
                "step": state.step,
                "seconds": round(seconds),
                "loss": round(sum(losses) / len(losses), 5),
                "rate": schedule(state.step - 1),
                **{k: round(v, 3) for k, v in watched.items()},
            }
            losses.clear()
            sys.stderr.write(json.dumps(line) + "\n")
            sys.stderr.flush()
    if state is None or state.step < options.steps:
        raise BadInput(f"steps: the checkpoint is already past {options.steps}", "steps")
    _write(options, recipe, state)


def _whole(network: DenoiserUNet) -> Callable[[Tensor, float], Tensor]:
    def denoise(x: Tensor, sigma: float) -> Tensor:
        x = x.contiguous(memory_format=torch.channels_last)
        with torch.inference_mode():
            estimate: Tensor = network(x, torch.tensor([sigma]))
        return estimate

    return denoise


def _write(options: argparse.Namespace, recipe: PhotoDenoiser, state: State) -> None:
    network = denoiser_of(state, recipe.architecture)
    half = {k: v.half().contiguous() for k, v in network.state_dict().items()}
    weights = options.out / "weights.safetensors"
    save_file(half, weights)
    network.load_state_dict({k: v.float() for k, v in half.items()})
    metrics = {f"held_back_{k}": v for k, v in evaluate(_whole(network), recipe.held_back).items()}
    if options.test:
        tests = evaluate(_whole(network), read_folder(options.test))
        metrics |= {f"{options.test.name}_{k}": v for k, v in tests.items()}
    command = ["priorbench", "train", "photo-denoiser", "--data", str(options.data)]
    for name in ("test", "steps", "rate", "batch", "patch", "seed", "out"):
        if (value := getattr(options, name)) is not None:
            command += [f"--{name}", str(value)]
    ModelCard(
        id="photo-denoiser",
        architecture="engine.nets.denoiser_unet.DenoiserUNet",
        arguments=recipe.architecture,
        parameters=sum(p.numel() for p in network.parameters()),
        dtype="float16",
        sha256=checksum(weights),
        command=shlex.join(command),
        seed=options.seed,
        steps=options.steps,
        seconds=round(float(state.scalars["seconds"]), 1),
        hardware=f"{options.device}, {torch.get_num_threads()} threads, {platform.machine()}",
        metrics={k: round(v, 3) for k, v in metrics.items()},
        versions={"python": platform.python_version(), "torch": torch.__version__},
        **CARDS["photo-denoiser"],  # type: ignore[arg-type]
    ).write(options.out)


if __name__ == "__main__":
    train(sys.argv[1:])
