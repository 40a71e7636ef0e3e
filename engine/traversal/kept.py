"""Directions that are kept with a run, and found again: what they need to be of use later.

Source: E. Härkönen et al., GANSpace, NeurIPS 2020, https://arxiv.org/abs/2004.02546, whose edits
can be shared because each keeps its name, its range and the generator that it belongs to.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from engine.method import BadInput
from engine.nets.potential_field import PotentialField
from engine.traversal.flow_training import field_of
from engine.traversal.generator import Shipped
from engine.traversal.paths import Directions, Walk
from engine.traversal.potentials import PotentialWalk
from engine.traversal.problem import Problem

_ALLOWED = "allowed: path.safetensors of an earlier run that kept some"


def told(
    problem: Problem, titles: list[str], rule: str, reach: float, values: Sequence[float]
) -> list[dict[str, Any]]:
    """What ``path.json`` says of each direction.

    Args:
        values: how far a person is along each; its sign is the side on which it was of use.
    """
    generator = problem.generator
    checksum = generator.checksum if isinstance(generator, Shipped) else ""
    return [
        {
            "title": title.split("\n")[0],
            "rule": rule,
            "generator": generator.name,
            "checksum": checksum,
            "range": [-reach, reach],
            "sign": -1 if value < 0 else 1,
            "start": problem.settings.start,
        }
        for title, value in zip(titles, values, strict=True)
    ]


@dataclass(frozen=True)
class KeptFlow:
    """Trained potentials, and ``half``, the steps that they were trained to walk on a side."""

    field: PotentialField
    half: int

    def walk(self, k: int, steps: int) -> Walk:
        """The walk along potential ``k``, whose time passes once in ``steps`` steps; a step of
        strength 1 goes 1 far in the latent space.
        """
        return _InTime(PotentialWalk(self.field, k, 1.0), self.half / steps, self.half - 1)


@dataclass(frozen=True)
class _InTime:
    """A walk whose time passes at another pace, and stands still at the end of its training."""

    walk: PotentialWalk
    pace: float
    last: int

    def step(self, z: Tensor, index: int, strength: float) -> Tensor:
        return self.walk.step(z, min(index * self.pace, self.last), strength)


def read_kept(name: str, problem: Problem) -> tuple[Directions, list[str]]:
    """The directions of an earlier run, and their titles; forward is where a person went.

    Args:
        name: its ``path.safetensors``, with ``path.json`` beside it.

    Raises:
        BadInput: (field ``file``) there are none, or they belong to another generator.
    """
    tensors, known = _read(name, problem, "file", "directions")
    generator = problem.generator
    try:
        vectors, sigmas = tensors["directions"], tensors["sigmas"]
        titles = [str(entry["title"]) for entry in known["directions"]]
        signs = [float(entry.get("sign", 1)) for entry in known["directions"]]
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise _without(name, "file", "directions") from error
    if vectors.shape != (len(titles), generator.latent_dim) or len(sigmas) != len(titles):
        raise _without(name, "file", "directions of this latent")
    vectors, sigmas = vectors.to(problem.start), sigmas.to(problem.start)
    turned = vectors * torch.tensor(signs).to(vectors)[:, None]
    return Directions(turned, sigmas, torch.ones_like(sigmas)), titles


def read_flow(name: str, problem: Problem) -> KeptFlow:
    """The potentials that an earlier run of potential flows trained.

    Args:
        name: its ``path.safetensors``, with ``path.json`` beside it.

    Raises:
        BadInput: (field ``flow``) there are none, or they belong to another generator.
    """
    tensors, known = _read(name, problem, "flow", "potentials")
    try:
        half = int(known["half"])
        field = field_of(tensors)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise _without(name, "flow", "potentials") from error
    if field.latent_dim != problem.generator.latent_dim or half < 2:
        raise _without(name, "flow", "potentials of this latent")
    return KeptFlow(field.to(problem.start), half)


def _read(
    name: str, problem: Problem, knob: str, what: str
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """What a run kept, if it is one of this generator."""
    if not name:
        raise BadInput(f"{knob}: choose the path.safetensors of an earlier run", knob)
    path = Path(name).expanduser()
    beside = path.with_suffix(".json")
    if not path.is_file():
        raise BadInput(f"{knob}: the file {name} is not there ({_ALLOWED})", knob)
    if not beside.is_file():
        raise BadInput(
            f"{knob}: the file {beside.name} is not beside {path.name}; it says whose {what} "
            "these are",
            knob,
        )
    try:
        tensors = load_file(path)
        known = json.loads(beside.read_text(encoding="utf-8"))
        whose = str(known["generator"]), str(known["checksum"])
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise _without(name, knob, what) from error
    generator = problem.generator
    mine = generator.name, generator.checksum if isinstance(generator, Shipped) else ""
    if whose != mine:
        title = str(known.get("title", whose[0]))
        other = f"“{title}”" if whose[0] != mine[0] else f"other weights of “{title}”"
        raise BadInput(
            f"{knob}: these {what} belong to {other} (allowed: those of “{generator.title}”)", knob
        )
    return tensors, known


def _without(name: str, knob: str, what: str) -> BadInput:
    return BadInput(f"{knob}: the file {Path(name).name} holds no {what} ({_ALLOWED})", knob)
