"""Train a shipped network from the command line: resumable, and written with its card."""

from __future__ import annotations

import argparse
import json
import platform
import shlex
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from engine.method import BadInput, State
from engine.models.card import ModelCard, checksum
from engine.models.plan import Plan, TrainedRecipe
from engine.models.plans import PLANS
from engine.models.training import Schedule, fit


@runtime_checkable
class Finishing(Protocol):
    """What a recipe offers whose network is not shipped as it was trained."""

    def finished(self, weights: dict[str, Tensor]) -> nn.Module:
        """The network that ships, on the CPU, made of the weights of the trained one."""
        ...


def parser(plan: Plan) -> argparse.ArgumentParser:
    """Options of ``train MODEL``: the common ones, then those of the plan."""
    p = argparse.ArgumentParser(prog=f"priorbench train {plan.id}")
    if plan.data_help:
        p.add_argument("--data", type=Path, required=True, help=plan.data_help)
    p.add_argument("--out", type=Path, required=True, help="where weights and card go")
    p.add_argument("--work", type=Path, help="where checkpoints go (default: OUT/training)")
    p.add_argument("--steps", type=int, default=plan.steps)
    p.add_argument("--rate", type=float, default=plan.rate)
    p.add_argument("--batch", type=int, default=plan.batch)
    p.add_argument("--average", type=float, default=plan.average, help="decay of the mean weights")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--device", default="cpu")
    p.add_argument("--every", type=int, default=plan.every, help="steps between checkpoints")
    p.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    plan.add_options(p)
    return p


def averaged(state: State, recipe: TrainedRecipe) -> nn.Module:
    """The network with the averaged weights of a training state."""
    means = {k[5:]: v for k, v in state.tensors.items() if k.startswith("mean.")}
    weights = {k: v.detach().clone().cpu() for k, v in means.items()}
    if isinstance(recipe, Finishing):
        network = recipe.finished(weights)
    else:
        network = recipe.kind(**recipe.architecture)
        network.load_state_dict(weights)
    return network.to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload,no-any-return]


def train(model: str, argv: Sequence[str]) -> None:
    """Train a model and write ``weights.safetensors`` and ``card.json`` to ``--out``."""
    plan = PLANS[model]
    options = parser(plan).parse_args(argv)
    options.work = options.work or options.out / "training"
    options.work.mkdir(parents=True, exist_ok=True)
    stem = options.work / "checkpoint"
    start, before = None, 0.0
    if options.resume and stem.with_suffix(".safetensors").exists():
        start = State.load(stem)
        before = float(start.scalars["seconds"])
    elif stem.with_suffix(".safetensors").exists():
        raise BadInput(
            f"resume: {options.work} holds a checkpoint; add --resume or choose another --work"
        )
    state, losses = start, defaultdict[str, list[float]](list)
    began = time.monotonic()
    recipe = plan.recipe(options)
    warmup = min(200, -(-options.steps // 10))
    schedule = Schedule(steps=options.steps, rate=options.rate, warmup=warmup)
    for state in fit(
        recipe,
        schedule,
        seed=options.seed,
        average=options.average,
        state=start,
        device=options.device,
    ):
        for name, loss in state.scalars.items():
            losses[name].append(loss)
        if state.step % options.every == 0 or state.step == options.steps:
            seconds = before + time.monotonic() - began
            state.scalars["seconds"] = seconds
            state.save(stem)
            watched = recipe.watch(averaged(state, recipe))
            line = {
                "step": state.step,
                "seconds": round(seconds),
                **{name: round(sum(of) / len(of), 5) for name, of in losses.items()},
                "rate": schedule(state.step - 1),
                **{f"held_back_{k}": round(v, 3) for k, v in watched.items()},
            }
            losses.clear()
            sys.stderr.write(json.dumps(line) + "\n")
            sys.stderr.flush()
    if state is None or state.step < options.steps:
        raise BadInput(f"steps: the checkpoint is already past {options.steps}", "steps")
    write(plan, options, recipe, state)


def write(plan: Plan, options: argparse.Namespace, recipe: TrainedRecipe, state: State) -> None:
    """Write the averaged weights of a state as float16, and the card with their numbers."""
    options.out.mkdir(parents=True, exist_ok=True)
    network = averaged(state, recipe)
    half = {k: v.half().contiguous() for k, v in network.state_dict().items()}
    weights = options.out / "weights.safetensors"
    save_file(half, weights)
    network.load_state_dict({k: v.float() for k, v in half.items()})
    ModelCard(
        id=plan.id,
        architecture=f"{recipe.kind.__module__}.{recipe.kind.__name__}",
        arguments=recipe.architecture,
        parameters=sum(p.numel() for p in network.parameters()),
        dtype="float16",
        sha256=checksum(weights),
        command=_command(plan, options),
        seed=options.seed,
        steps=options.steps,
        seconds=round(float(state.scalars["seconds"]), 1),
        hardware=f"{options.device}, {torch.get_num_threads()} threads, {platform.machine()}",
        metrics={k: round(v, 4) for k, v in recipe.measure(network, options).items()},
        versions={"python": platform.python_version(), "torch": torch.__version__},
        **plan.texts,
    ).write(options.out)


def _command(plan: Plan, options: argparse.Namespace) -> str:
    """The command that trains this again; where it kept its checkpoints does not matter."""
    command = ["priorbench", "train", plan.id]
    for name, value in vars(options).items():
        if value is not None and name not in ("work", "every", "resume", "device"):
            command += [f"--{name.replace('_', '-')}", str(value)]
    return shlex.join(command)
