"""Train a learned proximal network from the command line: resumable, written with its card."""

from __future__ import annotations

import argparse
import json
import platform
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

from engine.method import BadInput, State
from engine.models.card import ModelCard, checksum
from engine.models.lpn_recipes import TEXTS, Task, digits_task, line_task, photos_task
from engine.models.proximal import Trainer, fit, stage_at

#: Steps, batch, rate and noise of a training, where nothing else is asked for.
USUAL = {
    "lpn-line": (6_000, 0, 0.0, 1.0),
    "lpn-digits": (2_400, 48, 2e-3, 0.1),
    "lpn-photos": (5_000, 16, 2e-3, 0.05),
}


def parser(model: str) -> argparse.ArgumentParser:
    """Options of ``train MODEL``."""
    steps, batch, rate, sigma = USUAL[model]
    p = argparse.ArgumentParser(prog=f"priorbench train {model}")
    p.add_argument("--out", type=Path, required=True, help="where weights and card go")
    p.add_argument("--work", type=Path, help="where checkpoints go (default: OUT/training)")
    p.add_argument("--steps", type=int, default=steps)
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--every", type=int, default=250, help="steps between checkpoints")
    p.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    if model != "lpn-line":
        p.add_argument("--data", type=Path, required=True, help="folder of the training pictures")
        p.add_argument("--batch", type=int, default=batch)
        p.add_argument("--rate", type=float, default=rate)
        p.add_argument("--sigma", type=float, default=sigma, help="noise that the prox removes")
    return p


def task_of(model: str, options: argparse.Namespace) -> Task:
    """The training that the options ask for."""
    if model == "lpn-line":
        return line_task(options.steps)
    make = digits_task if model == "lpn-digits" else photos_task
    return make(options.data, options.steps, options.batch, options.rate, options.sigma)


def train(model: str, argv: Sequence[str]) -> None:
    """Train ``model`` and write ``weights.safetensors`` and ``card.json`` to ``--out``.

    Raises:
        BadInput: the data are not there, or a checkpoint is in the way.
    """
    options = parser(model).parse_args(argv)
    work = options.work or options.out / "training"
    work.mkdir(parents=True, exist_ok=True)
    options.out.mkdir(parents=True, exist_ok=True)
    stem = work / "checkpoint"
    start, state, before = None, None, 0.0
    if stem.with_suffix(".safetensors").exists():
        if not options.resume:
            raise BadInput(f"resume: {work} holds a checkpoint; add --resume or choose another")
        start = state = State.load(stem)
        before = float(start.scalars["seconds"])
    task = task_of(model, options)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(options.seed)
        network = task.network()
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    trainers = {
        f"{part}.": Trainer(network.get_submodule(part))  # type: ignore[arg-type]
        for part in task.parts
    }
    stages = {f"{part}.": list(parts) for part, parts in task.parts.items()}
    began, losses = time.monotonic(), []
    total = 0
    for state in fit(trainers, stages, task.batch, seed=options.seed, state=start):
        total = state.total or 0
        losses.append(next(iter(state.scalars.values())))
        if state.step % options.every == 0 or state.step == total:
            state.scalars["seconds"] = before + time.monotonic() - began
            state.save(stem)
            _say(
                state,
                sum(losses) / len(losses),
                stage_at(next(iter(stages.values())), state.step - 1),
            )
            losses.clear()
    if state is None or state.step < total or not total:
        raise BadInput(f"steps: the checkpoint is already past {options.steps}", "steps")
    for trainer in trainers.values():
        trainer.use_mean()
    write(model, options, task, network, state)


def _say(state: State, loss: float, now: tuple[object, float]) -> None:
    line = {
        "step": state.step,
        "seconds": round(state.scalars["seconds"]),
        "loss": round(loss, 6),
        "stage": str(now[0]),
        "rate": now[1],
    }
    sys.stderr.write(json.dumps(line) + "\n")
    sys.stderr.flush()


def write(
    model: str, options: argparse.Namespace, task: Task, network: nn.Module, state: State
) -> None:
    """Write the weights in float32 (a potential is a sum of many small numbers) and the card."""
    weights = options.out / "weights.safetensors"
    save_file({k: v.contiguous() for k, v in network.state_dict().items()}, weights)
    measured = task.measure(network.eval())
    sigma = getattr(options, "sigma", 1.0)
    command = ["priorbench", "train", model]
    for name, value in vars(options).items():
        if value is not None and name not in ("work", "every", "resume"):
            command += [f"--{name}", str(value)]
    ModelCard(
        id=model,
        architecture=f"{type(network).__module__}.{type(network).__name__}",
        arguments=task.arguments,
        parameters=sum(p.numel() for p in network.parameters()),
        dtype="float32",
        sha256=checksum(weights),
        command=shlex.join(command),
        seed=options.seed,
        steps=state.step,
        seconds=round(float(state.scalars["seconds"]), 1),
        hardware=f"cpu, {torch.get_num_threads()} threads, {platform.machine()}",
        metrics={"sigma": sigma} | {k: round(v, 4) for k, v in measured.items()},
        versions={"python": platform.python_version(), "torch": torch.__version__},
        **TEXTS[model],
    ).write(options.out)
