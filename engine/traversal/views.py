"""Which directions a page offers, and the plane that its map opens with."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from engine.data.factors import Factor
from engine.method import BadInput
from engine.traversal import axes as axes_rule
from engine.traversal import supervised
from engine.traversal.paths import Directions, spread
from engine.traversal.pca import pca
from engine.traversal.plane import WITHIN, Plane, plane_through
from engine.traversal.problem import Problem
from engine.traversal.random_directions import random_directions
from engine.traversal.sefa import sefa

Rule = Literal["axes", "pca", "sefa", "random", "supervised"]
RULES: dict[str, str] = {
    "axes": "Axes of the latent",
    "pca": "Principal components",
    "sefa": "SeFa, from the weights",
    "random": "Random directions",
    "supervised": "Told by labels",
}
#: A map reaches so many sigmas from its middle.
REACH = 3.0
#: Directions of known latents this short have no spread to be walked in.
FLAT = 1e-6


def found(problem: Problem, rule: Rule, seed: int = 0) -> tuple[Directions, list[str]]:
    """All directions of a rule, the one that matters most first, and their titles.

    Raises:
        BadInput: (field ``rule``) nobody knows the labels that ``supervised`` needs.
    """
    d, codes = problem.generator.latent_dim, problem.codes
    match rule:
        case "axes":
            return _axes(problem)
        case "pca":
            directions = pca(codes.z)
            share = directions.scores / directions.scores.sum()
            titles = [f"{100 * float(part):.0f} % of the spread" for part in share]
            return directions, _numbered("Component", titles)
        case "sefa":
            weights = sefa(problem.generator.first_linear().to(codes.z))
            titles = [f"eigenvalue {float(score):.2f}" for score in weights.scores]
            return _spread(weights, codes.z), _numbered("SeFa", titles)
        case "random":
            rng = torch.Generator().manual_seed(seed)
            made = random_directions(d, d, rng, orthogonal=True)
            return _spread(made, codes.z), _numbered("Random", [""] * d)
        case "supervised":
            return _told(problem)


def _axes(problem: Problem) -> tuple[Directions, list[str]]:
    codes = problem.codes
    if codes.log_variance is not None:
        directions = axes_rule.axes(codes.z, codes.log_variance)
        which = directions.vectors.argmax(1).tolist()
        told = [f"{float(score):.2f} nats" for score in directions.scores]
        return directions, [f"Axis {k + 1}\n{text}" for k, text in zip(which, told, strict=True)]
    sigmas = spread(torch.eye(codes.z.shape[1]).to(codes.z), codes.z)
    order = sigmas.argsort(descending=True)
    order = order[sigmas[order] > FLAT]
    vectors = torch.eye(codes.z.shape[1]).to(codes.z)[order]
    titles = [f"Axis {k + 1}\nspread {float(sigmas[k]):.2f}" for k in order.tolist()]
    return Directions(vectors, sigmas[order], sigmas[order]), titles


def _told(problem: Problem) -> tuple[Directions, list[str]]:
    """One direction for each factor that a plane can part."""
    codes = problem.codes
    if codes.factors is None:
        raise BadInput(
            f"rule: nobody labels the pictures of {problem.generator.title} (allowed: a generator "
            "of pictures with known factors, or another rule)",
            "rule",
        )
    vectors, titles, live = [], [], codes.live
    for column, kind in enumerate(codes.kinds):
        for value, labels in _parted(codes.factors[:, column], kind):
            if labels.any() and not labels.all():
                vector = torch.zeros_like(codes.z[0])
                vector[live] = supervised.logistic(codes.z[:, live], labels)
                vectors.append(vector)
                titles.append(f"{kind.title}\n{value}")
    return supervised.directions(torch.stack(vectors), codes.z), titles


def _parted(values: Tensor, kind: Factor) -> list[tuple[str, Tensor]]:
    """Which latents have more of a factor than others; of a category, each value and the rest."""
    if kind.kind == "category" and kind.values <= 10:
        return [(f"number {k}", values == k) for k in range(kind.values)]
    return [("more of it", values >= kind.values / 2)]


def _numbered(word: str, told: list[str]) -> list[str]:
    return [f"{word} {k}\n{text}".strip() for k, text in enumerate(told, 1)]


def _spread(directions: Directions, z: Tensor) -> Directions:
    """The same with sigmas that are the spread of known latents along them."""
    vectors = directions.vectors.to(z)
    return Directions(vectors, spread(vectors, z).clamp_min(FLAT), directions.scores.to(z))


def first_plane(problem: Problem) -> tuple[Plane, tuple[str, str]]:
    """The plane that a map opens with: a latent of two numbers itself, else two live axes."""
    return plane_along(problem, problem.start, "axes", 1, 2)


def plane_along(
    problem: Problem, z: Tensor, rule: Rule, across: int, up: int, seed: int = 0
) -> tuple[Plane, tuple[str, str]]:
    """The plane through ``z`` (1, d) along two directions of a rule, counted from 1, and titles.

    A number beyond the last direction is the last; two that are one are two neighbors.
    """
    codes = problem.codes
    if codes.z.shape[1] == 2:
        reach = max(REACH, float(codes.z.abs().quantile(0.995)), float(z.abs().max()) / WITHIN)
        right, above = torch.eye(2).to(z)
        origin = torch.zeros(2).to(z)
        return Plane(origin, reach * right, reach * above), ("First number", "Second number")
    directions, titles = found(problem, rule, seed)
    count = len(directions.vectors)
    if count < 2:
        raise BadInput(f"rule: “{RULES[rule]}” has one direction here, and a map needs two", "rule")
    one = min(across, count) - 1
    two = min(up, count) - 1
    if one == two:
        two = one + 1 if one + 1 < count else one - 1
    # The posterior means of a VAE spread less than its prior where an axis says little.
    sigmas = directions.sigmas
    plane = plane_through(
        z,
        directions.vectors[one],
        directions.vectors[two],
        codes.z,
        (REACH * float(sigmas[one]), REACH * float(sigmas[two])),
    )
    return plane, (titles[one].split("\n")[0], titles[two].split("\n")[0])
