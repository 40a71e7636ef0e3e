"""Directions that are kept with a run, and found again: what they need to be of use later.

Source: E. Härkönen et al., GANSpace, NeurIPS 2020, https://arxiv.org/abs/2004.02546, whose edits
can be shared because each keeps its name, its range and the generator that it belongs to.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from engine.method import BadInput
from engine.traversal.generator import Shipped
from engine.traversal.paths import Directions
from engine.traversal.problem import Problem


def told(problem: Problem, titles: list[str], rule: str, reach: float) -> list[dict[str, Any]]:
    """What ``path.json`` says of each direction."""
    generator = problem.generator
    checksum = generator.checksum if isinstance(generator, Shipped) else ""
    return [
        {
            "title": title.split("\n")[0],
            "rule": rule,
            "generator": generator.name,
            "checksum": checksum,
            "range": [-reach, reach],
            "sign": 1,
            "start": problem.settings.start,
        }
        for title in titles
    ]


def read_kept(name: str, problem: Problem) -> tuple[Directions, list[str]]:
    """The directions of an earlier run, and their titles.

    Args:
        name: its ``path.safetensors``, with ``path.json`` beside it.

    Raises:
        BadInput: (field ``file``) there are none, or they belong to another generator.
    """
    path = Path(name).expanduser()
    if not name or not path.is_file():
        raise BadInput(f"file: {name!r} is not there (allowed: path.safetensors of a run)", "file")
    try:
        tensors = load_file(path)
        known = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        vectors, sigmas = tensors["directions"], tensors["sigmas"]
        titles = [str(entry["title"]) for entry in known["directions"]]
        whose = str(known["generator"]), str(known["checksum"])
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise BadInput(f"file: {path.name} holds no directions ({error})", "file") from error
    generator = problem.generator
    mine = generator.name, generator.checksum if isinstance(generator, Shipped) else ""
    if whose != mine:
        raise BadInput(
            f"file: its directions belong to {whose[0]} (allowed: those of this {mine[0]})", "file"
        )
    if vectors.shape != (len(titles), generator.latent_dim) or len(sigmas) != len(titles):
        raise BadInput(f"file: {path.name} holds no directions of this latent", "file")
    vectors, sigmas = vectors.to(problem.start), sigmas.to(problem.start)
    return Directions(vectors, sigmas, torch.ones_like(sigmas)), titles
