"""The recipe of the reflowed students: straight paths from noise to a teacher's samples.

Rectified flow with one reflow (Liu et al. 2022): pairs ``(z, x0)`` are noise and the end
of the teacher's probability-flow ODE from it; the student learns the velocity ``z - x0`` on
the straight line between them. It starts from the teacher's weights, read as a flow by the
change of variables of ``engine.nets.score_unet`` (Lee et al. 2024), and stays a denoiser:
``v = (x_t - D(x_t / (1 - t), t / (1 - t))) / t``. Everything here is in centered units.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from engine.models import zoo
from engine.models.precision import mixed
from engine.nets.score_unet import ScoreUNet

#: The flow starts here; at 1 itself the change of variables divides by zero.
T_MAX = 0.999
#: Pairs per file and per evaluation of the teacher.
CHUNK = 100
#: Steps of the teacher's ODE, and the greatest and least noise of it, centered units.
ODE_STEPS, ODE_MAX, ODE_MIN = 20, 50.0, 0.01
#: The pairs that judge a student come from chunks that no training reaches.
FRESH = 1_000_000
#: ``D(c, s)`` in centered units, ``s`` one number for all.
Estimate = Callable[[Tensor, float], Tensor]


def centered_denoiser(network: nn.Module) -> Estimate:
    """A network of [0, 1] units as ``D(c, s)``, without gradient."""

    @torch.no_grad()
    def estimate(c: Tensor, s: float) -> Tensor:
        x = ((c + 1) / 2).contiguous(memory_format=torch.channels_last)
        clean: Tensor = network(x, torch.full((len(c),), s / 2))
        return 2 * clean - 1

    return estimate


def ode_end(estimate: Estimate, z: Tensor, steps: int = ODE_STEPS) -> Tensor:
    """Where the probability-flow ODE leads from ``z``: DPM-Solver++(2M) of Lu et al. 2022.

    In ``x_t / a`` the equation is that of the variance-exploding process; the noise levels
    are those of Karras et al. 2022 with rho 7.
    """
    ramp = torch.linspace(ODE_MAX ** (1 / 7), ODE_MIN ** (1 / 7), steps).pow(7).tolist()
    x = ramp[0] * z
    before, last_step = None, 0.0
    for here, there in zip(ramp, [*ramp[1:], 0.0], strict=True):
        clean = estimate(x, here)
        if there == 0:
            return clean
        step = float(torch.tensor(here / there).log())
        direction = clean
        if before is not None:
            ahead = step / (2 * last_step)
            direction = (1 + ahead) * clean - ahead * before
        x = there / here * x + (1 - there / here) * direction
        before, last_step = clean, step
    raise AssertionError("the last noise level is zero")


def velocity(estimate: Estimate, x: Tensor, t: float) -> Tensor:
    """The flow's velocity ``E[z - x0 | x_t = x]`` at time ``t`` in (0, ``T_MAX``]."""
    return (x - estimate(x / (1 - t), t / (1 - t))) / t


def travel(estimate: Estimate, z: Tensor, steps: int) -> tuple[Tensor, float]:
    """Euler steps from ``z`` to a picture, and how straight they were.

    Returns:
        The picture, and ``S = mean over t of ||(z - x0) - v||^2`` per pixel along the path
        that the flow itself took to ``x0`` (Liu et al. 2022); 0 is a straight line.
    """
    times = torch.linspace(T_MAX, 0, steps + 1).tolist()
    x, velocities = z, []
    for t, following in pairwise(times):
        v = velocity(estimate, x, t)
        velocities.append(v)
        x = x - (t - following) * v
    straight = torch.stack([((z - x) - v).square().mean() for v in velocities])
    return x, float(straight.mean())


class FlowStudent:
    """Recipe for ``engine.models.training.fit``.

    Args:
        teacher: id of the score network of the zoo.
        work: folder of the pairs; those that lie there are not made again.
        pairs: how many pairs to learn from.
        batch: pairs per step.
        seed: of the noises of the pairs.
    """

    kind: type[nn.Module] = ScoreUNet

    def __init__(
        self, teacher: str, work: Path, *, pairs: int, batch: int, seed: int, device: str = "cpu"
    ) -> None:
        self.teacher = zoo.network(teacher)
        self.architecture: dict[str, Any] = dict(zoo.card(teacher).arguments)
        self.architecture["sigma_max"] = T_MAX / (1 - T_MAX) / 2
        self.batch = batch
        self.seed = seed
        self.device = device
        chunks = [self._pairs(work, index) for index in range(-(-pairs // CHUNK))]
        self.z, self.x0 = (torch.cat(part)[:pairs] for part in zip(*chunks, strict=True))

    def _noise(self, chunk: int, count: int) -> Tensor:
        rng = torch.Generator().manual_seed((self.seed * 1_000_003 + chunk) % 2**32)
        channels, size = self.architecture["channels"], self.architecture["size"]
        return torch.randn(count, channels, size, size, generator=rng)

    def _pairs(self, work: Path, index: int) -> tuple[Tensor, Tensor]:
        path = work / f"pairs-{self.seed}-{index:05d}.safetensors"
        z = self._noise(index, CHUNK)
        if not path.exists():
            x0 = ode_end(centered_denoiser(self.teacher), z)
            part = path.with_suffix(".part")
            save_file({"x0": x0.contiguous()}, part)
            part.replace(path)
            sys.stderr.write(f"{path.name}\n")
        return z, load_file(path)["x0"]

    def network(self) -> nn.Module:
        """The teacher, as the student's beginning."""
        student = ScoreUNet(**self.architecture)
        student.load_state_dict(self.teacher.state_dict())
        return student

    def loss(self, network: nn.Module, step: int, seed: int) -> Tensor:
        """Flow matching on the pairs: squared error of the velocity, ``t`` even in its range."""
        rng = torch.Generator().manual_seed((seed * 1_000_003 + step) % 2**32)
        which = torch.randint(len(self.z), (self.batch,), generator=rng)
        # Not quite to 0, where the velocity divides rounding errors by t.
        t = (T_MAX * torch.rand(self.batch, generator=rng)).clamp_min(0.005).to(self.device)
        return self._error(network, self.z[which], self.x0[which], t)

    def _error(self, network: nn.Module, z: Tensor, x0: Tensor, t: Tensor) -> Tensor:
        z, x0, s = z.to(self.device), x0.to(self.device), (t / (1 - t))
        noisy = (x0 + s.reshape(-1, 1, 1, 1) * z + 1) / 2
        with mixed(self.device):
            estimate = network(noisy.contiguous(memory_format=torch.channels_last), s / 2)
        # (x_t - D) / t - (z - x0) is (x0 - D) / t.
        error = (x0 - (2 * estimate.float() - 1)).square().mean((1, 2, 3))
        weighted: Tensor = error / t.square()
        return weighted.mean()

    def watch(self, network: nn.Module) -> dict[str, float]:
        """Root mean square error ([0, 1] units) of one step to the teacher's end, fresh pairs."""
        z, end = self._fresh(32)
        one, _ = travel(centered_denoiser(network), z, 1)
        return {"one_step_rmse": _rmse(one, end)}

    def measure(self, network: nn.Module, options: argparse.Namespace) -> dict[str, float]:
        """Straightness and few-step errors on fresh pairs, of the teacher and of the student."""
        z, end = self._fresh(64)
        metrics = {}
        for when, net in (("before", self.teacher), ("after", network)):
            estimate = centered_denoiser(net)
            _, metrics[f"straightness_{when}"] = travel(estimate, z, 25)
            for name, steps in (("one_step", 1), ("four_step", 4)):
                metrics[f"{name}_rmse_{when}"] = _rmse(travel(estimate, z, steps)[0], end)
        return metrics

    def _fresh(self, count: int) -> tuple[Tensor, Tensor]:
        z = self._noise(FRESH, count)
        return z, ode_end(centered_denoiser(self.teacher), z)


def _rmse(a: Tensor, b: Tensor) -> float:
    """In [0, 1] units, of centered pictures."""
    return float((a - b).square().mean().sqrt()) / 2
