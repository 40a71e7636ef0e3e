"""The way to a person's own picture, which methods go before they are explored: step by step, live.

Source: J.-Y. Zhu, P. Krähenbühl, E. Shechtman, A. Efros, Generative Visual Manipulation on the
Natural Image Manifold, ECCV 2016, https://arxiv.org/abs/1609.03552.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from engine.traversal.inversion import approach, at_rest
from engine.traversal.problem import Problem

#: Steps in all, and those between two pictures.
STEPS, CHUNK = 240, 4
#: Seconds from one picture to the next.
PACE = 1 / 30


@dataclass
class Arrival:
    """How far the way is gone.

    Attributes:
        tensors: ``z``, ``m`` and ``v`` of ``inversion.approach``.
        taken: steps so far.
        error: mean squared error of a pixel before the last step; 0 before the first.
    """

    tensors: dict[str, Tensor]
    taken: int = 0
    error: float = 0.0

    @classmethod
    def of(cls, problem: Problem) -> Arrival:
        """At its start; at its end at once where nothing is to be approached."""
        return cls(at_rest(problem.start), taken=0 if problem.fits else STEPS)

    @property
    def over(self) -> bool:
        """Whether the latent is found."""
        return self.taken >= STEPS

    def end(self, step: int) -> int | None:
        """The step of a run that is at ``step`` by which it is found; None where it is."""
        return None if self.over else step + (STEPS - self.taken) // CHUNK

    def stop(self) -> None:
        """Take the latent as far as it is found: a person wants to go somewhere else."""
        self.taken = STEPS

    @property
    def z(self) -> Tensor:
        """The latent (1, d) as far as it is found."""
        return self.tensors["z"]

    def go_on(self, problem: Problem) -> dict[str, float]:
        """A few steps; the numbers that tell how near it has come."""
        assert problem.target is not None
        for _ in range(CHUNK):
            rate = 0.08 * (1 - 0.9 * self.taken / STEPS)
            self.tensors, self.error = approach(
                problem.generator, problem.target, self.tensors, self.taken, rate
            )
            self.taken += 1
        return {"own_psnr": -10 * math.log10(max(self.error, 1e-10))}
