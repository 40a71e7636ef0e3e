"""Training as a generator: the same contract as a method, so it pauses and resumes alike.

A recipe says what is learned; this module steps it. The batch of a step is a function of
seed and step alone, and the state holds weights, their running mean and the optimizers,
so a training continued from a checkpoint goes on with equal bits on the CPU.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from engine.method import State
from engine.models.muon import Muon


class Recipe(Protocol):
    """What one network learns from."""

    def network(self) -> nn.Module:
        """A freshly initialized network (the caller has seeded torch)."""
        ...

    def loss(self, network: nn.Module, step: int, seed: int) -> Tensor:
        """The loss of one batch; the batch depends on ``(seed, step)`` alone."""
        ...


#: ``loss(network, step, seed)``.
Loss = Callable[[nn.Module, int, int], Tensor]


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One update within a step: what is lowered, and what moves the weights.

    Attributes:
        name: of the loss, among a state's scalars.
        loss: as that of a recipe; only the weights of ``optimizers`` follow it.
        optimizers: by the names under which a state keeps them, which no other turn uses. The
            rates that they come with are those of the schedule's height.
        clip: components of a gradient are held to this on either side of 0; None for no bound.
    """

    name: str
    loss: Loss
    optimizers: Mapping[str, torch.optim.Optimizer]
    clip: float | None = None

    def weights(self) -> list[nn.Parameter]:
        """Whatever the optimizers move."""
        groups = (g for o in self.optimizers.values() for g in o.param_groups)
        return [p for group in groups for p in group["params"]]


@runtime_checkable
class InTurns(Protocol):
    """What a recipe offers whose weights do not all follow one loss by the usual optimizers."""

    def turns(self, network: nn.Module, rate: float) -> Sequence[Turn]:
        """The updates of every step, in order; ``rate`` is the schedule's height."""
        ...


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Warm up, hold, then fall linearly to zero over the last ``decay`` part of all steps.

    Holding lets a training be prolonged: until the fall begins, the rate does not depend
    on the number of steps.
    """

    steps: int
    rate: float
    warmup: int = 200
    decay: float = 0.7

    def __call__(self, step: int) -> float:
        """Learning rate of step ``step`` (counted from 0)."""
        rise = min(1.0, (step + 1) / self.warmup)
        fall = min(1.0, (self.steps - step) / max(1.0, self.decay * self.steps))
        return self.rate * rise * fall


def _split(network: nn.Module) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Inner kernels go to Muon; first and last layer, and vectors, to Adam, as is usual."""
    named = [(n, p) for n, p in network.named_parameters() if p.requires_grad]
    edges = {named[0][0], named[-1][0]}
    inner = [p for n, p in named if p.ndim >= 2 and n not in edges]
    outer = [p for n, p in named if p.ndim < 2 or n in edges]
    return inner, outer


def pack(prefix: str, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """What an optimizer remembers, as tensors ``PREFIX.index.key``, borrowed."""
    return {
        f"{prefix}.{index}.{key}": torch.as_tensor(value)
        for index, values in optimizer.state_dict()["state"].items()
        for key, value in values.items()
    }


def unpack(prefix: str, optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Let an optimizer go on from what ``pack`` gave, copied."""
    saved = optimizer.state_dict()
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith(prefix + "."):
            _, index, key = name.split(".")
            state.setdefault(int(index), {})[key] = value.clone()
    optimizer.load_state_dict({"state": state, "param_groups": saved["param_groups"]})


def _usual(recipe: Recipe, network: nn.Module, rate: float, adam_rate: float) -> Turn:
    """Muon for what lies inside, Adam for the rest."""
    inner, outer = _split(network)
    adam = torch.optim.AdamW(outer, lr=adam_rate, betas=(0.9, 0.99), weight_decay=0.0)
    optimizers = {"muon": Muon(inner, lr=rate), "adam": adam}
    return Turn(name="loss", loss=recipe.loss, optimizers=optimizers)


def _take(turn: Turn, network: nn.Module, step: int, seed: int) -> float:
    """One update; returns the loss before it."""
    loss = turn.loss(network, step, seed)
    weights = turn.weights()
    loss.backward(inputs=weights)  # type: ignore[no-untyped-call]
    if turn.clip is not None:
        torch.nn.utils.clip_grad_value_(weights, turn.clip)
    for optimizer in turn.optimizers.values():
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return float(loss.detach())


def fit(
    recipe: Recipe,
    schedule: Schedule,
    *,
    seed: int,
    adam_rate: float = 5e-4,
    average: float = 0.999,
    state: State | None = None,
    device: str = "cpu",
) -> Iterator[State]:
    """Train; yields after every step a ``State`` whose tensors are

    ``net.*`` (weights), ``mean.*`` (their exponential moving average), ``muon.*`` and
    ``adam.*``; ``scalars["loss"]`` is the loss of the step. A recipe that trains in turns names
    its optimizers and losses itself. Tensors are borrowed: copy what must outlive the next step.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = recipe.network()
    network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    mean = {n: p.detach().clone() for n, p in network.named_parameters()}
    if isinstance(recipe, InTurns):
        turns = recipe.turns(network, schedule.rate)
    else:
        turns = [_usual(recipe, network, schedule.rate, adam_rate)]
    optimizers = {name: o for turn in turns for name, o in turn.optimizers.items()}
    start = 0
    if state is not None:
        start = state.step
        with torch.no_grad():
            for name, parameter in network.named_parameters():
                parameter.copy_(state.tensors[f"net.{name}"])
                mean[name].copy_(state.tensors[f"mean.{name}"])
        for name, optimizer in optimizers.items():
            unpack(name, optimizer, state.tensors)
    # Only now: an optimizer that has loaded a state has groups of its own.
    groups = [(g, g["lr"]) for o in optimizers.values() for g in o.param_groups]
    for step in range(start, schedule.steps):
        share = schedule(step) / schedule.rate
        for group, height in groups:
            group["lr"] = share * height
        losses = {turn.name: _take(turn, network, step, seed) for turn in turns}
        keep = min(average, (step + 1) / (step + 10))
        with torch.no_grad():
            for name, parameter in network.named_parameters():
                mean[name].lerp_(parameter, 1 - keep)
        tensors = {f"net.{n}": p.detach() for n, p in network.named_parameters()}
        tensors |= {f"mean.{n}": m for n, m in mean.items()}
        for name, optimizer in optimizers.items():
            tensors |= pack(name, optimizer)
        yield State(step + 1, schedule.steps, tensors, losses)
