"""A learned prox as solvers call it, and the prior that is hidden in it.

Source: Z. Fang, S. Buchanan, J. Sulam, What's in a Prior? Learned Proximal Networks for Inverse
Problems, ICLR 2024; R. Gribonval, M. Nikolova, A characterization of proximity operators, JMIV
2020.

``f = grad psi`` of a convex psi is the prox of one function R: ``f(y)`` minimizes
``1/2 ||x - y||^2 + R(x)``, with ``R(f(y)) = <y, f(y)> - 1/2 ||f(y)||^2 - psi(y)``.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from engine.method import BadInput
from engine.models import zoo
from engine.nets.lpn import ConvexPicture, Potential
from engine.restoration.priors import GaussianPrior
from engine.restoration.problem import Problem
from engine.restoration.wiener import photograph_prior

LpnName = Literal["auto", "lpn-photos", "lpn-digits", "gaussian"]
#: Larger pictures are evaluated in parts of at most this side: that is also the quickest.
PART = 264
#: Pixels around a part, at least as many as its values depend on; whole cells of the coarsest grid.
HALO = 16


class LearnedProx:
    """``f`` of a potential on pictures ``(B, C, H, W)`` in [0, 1] units, counted and timed.

    A potential of gray pictures serves RGB as ``psi(y) = 3 psi_1(mean of the channels)``, whose
    gradient is the gray answer in all channels: still one convex function. Large pictures are
    evaluated in parts with all the surroundings that their values depend on, which gives the
    same function, not an average of several.

    Args:
        sigma: noise of the training.
        size: the only side that it knows, or None.

    Attributes:
        gray: it knows gray pictures.
        sigma: noise that one application removes, per number of the picture served.
        calls: evaluations of the network (a picture in parts counts each).
        backwards: always 0; the gradient is a formula, not a backward pass.
    """

    backwards = 0
    backend = "torch"

    def __init__(
        self,
        network: Potential,
        *,
        sigma: float,
        channels: int = 3,
        name: str = "",
        checksum: str = "",
    ) -> None:
        self.network = network
        self.name, self.checksum = name, checksum
        self.size: int | None = getattr(network, "size", None)
        own: int = getattr(network, "channels", channels)
        self.gray = own == 1
        self._widened = own == 1 and channels == 3
        self.sigma = sigma * (math.sqrt(3.0) if self._widened else 1.0)
        self.calls = 0
        self.seconds = 0.0

    def __call__(self, y: Tensor) -> Tensor:
        """``f(y)``."""
        return self.evaluate(y)[0]

    def known(self, y: Tensor) -> Tensor:
        """The nearest picture of the kind that the prior knows: without colors, if it is gray."""
        return y.mean(1, keepdim=True).expand(y.shape) if self._widened else y

    @torch.no_grad()
    def evaluate(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """``(f(y), psi(y))``, psi (B,) in float64.

        Raises:
            BadInput: (field ``prior``) a picture of a size that it does not know.
        """
        if self.size is not None and tuple(y.shape[-2:]) != (self.size, self.size):
            raise BadInput(
                f"prior: {self.name} knows pictures of {self.size} × {self.size} pixels; this one "
                f"is worked on at {y.shape[-1]} × {y.shape[-2]} (allowed: a picture of that size, "
                "or lpn-photos)",
                "prior",
            )
        began = time.perf_counter()
        seen = y.mean(1, keepdim=True) if self._widened else y
        f, psi = self._parts(seen.contiguous(memory_format=torch.channels_last))
        self.seconds += time.perf_counter() - began
        if self._widened:
            return f.expand(y.shape).contiguous(), 3.0 * psi
        return f.contiguous(), psi

    def _parts(self, y: Tensor) -> tuple[Tensor, Tensor]:
        network, (height, width) = self.network, y.shape[-2:]
        if not isinstance(network, ConvexPicture) or max(height, width) <= PART:
            self.calls += 1
            return network.evaluate(y)
        f, psi = torch.empty_like(y), network.plain(y)
        cell = math.prod(network.strides)
        for rows in _spans(height, cell):
            for columns in _spans(width, cell):
                self.calls += 1
                answer, local = network.local(y[..., rows.seen, columns.seen])
                f[..., rows.kept, columns.kept] = answer[..., rows.core, columns.core]
                psi += local[:, rows.cells, columns.cells].sum((1, 2))
        return f, psi

    def prior(self, y: Tensor, x: Tensor, psi: Tensor) -> Tensor:
        """``R(x)`` (B,) up to one constant, for an ``x`` with ``f(y) = x``; else a lower bound."""
        x, y = x.double(), y.double()
        return (x * y - 0.5 * x.square()).sum((1, 2, 3)) - psi

    def invert(
        self, x: Tensor, *, start: Tensor | None = None, steps: int = 40, tol: float = 1e-3
    ) -> tuple[Tensor, Tensor, Tensor]:
        """``y`` with ``f(y) = x``, by minimizing the convex ``psi(y) - <x, y>``.

        Nonlinear conjugate gradients (Polak and Ribiere); every picture of the batch has its own
        step lengths, and one that is solved stays where it is.

        Returns:
            ``y``, ``psi(y)`` and the relative residual ``||f(y) - x|| / ||x||`` (B,).
        """
        found = self.onward(x, self.begin(x if start is None else start, x), steps, tol)
        return found.y, found.psi, residual(found, x)

    def begin(self, y: Tensor, x: Tensor) -> Search:
        """The search for what is mapped to ``x``, before its first step from ``y``."""
        f, psi = self.evaluate(y)
        return Search(y.clone(), psi, x - f, x - f, torch.ones_like(psi))

    def onward(self, x: Tensor, at: Search, steps: int, tol: float = 1e-3) -> Search:
        """Some more steps of a search; it may be broken off and taken up again anywhere."""
        y, psi, r, d, length = at
        scale = _size(x)
        for _ in range(steps):
            going = _dot(r, r).sqrt() / scale > tol
            if not bool(going.any()):
                break
            slope = -_dot(r, d)
            # Where the direction is not downhill any more, begin afresh.
            d = torch.where(_wide(slope < 0, d), d, r)
            slope = torch.where(slope < 0, slope, -_dot(r, r))
            probe, _ = self.evaluate(y + _wide(length, d) * d)
            ahead = _dot(probe - x, d)
            # The slope along d grows (psi is convex): its zero, by the secant.
            best = length * slope / (slope - ahead).clamp_max(-1e-300)
            best = torch.minimum(best.clamp_min(0.0), 4.0 * length)
            best = torch.where(going, best, torch.zeros_like(best))
            after = y + _wide(best, d) * d
            f, value = self.evaluate(after)
            lower = _down(y, psi, after, value, x) & going
            fresh = x - f
            turn = (_dot(fresh, fresh - r) / _dot(r, r).clamp_min(1e-300)).clamp_min(0.0)
            d = torch.where(_wide(lower, d), fresh + _wide(turn, d) * d, r)
            y = torch.where(_wide(lower, y), after, y)
            r = torch.where(_wide(lower, r), fresh, r)
            psi = torch.where(lower, value, psi)
            length = torch.where(lower, best.clamp_min(1e-6), 0.25 * length)
        return Search(y, psi, r, d, length)


class Search(NamedTuple):
    """Where a search for ``f(y) = x`` stands: ``y`` and ``psi(y)``, what is left ``r = x - f(y)``,
    the direction ``d``, and the last length of a step (B,).
    """

    y: Tensor
    psi: Tensor
    r: Tensor
    d: Tensor
    length: Tensor


def residual(at: Search, x: Tensor) -> Tensor:
    """``||f(y) - x|| / ||x||`` (B,)."""
    return _dot(at.r, at.r).sqrt() / _size(x)


def _size(x: Tensor) -> Tensor:
    return _dot(x, x).sqrt().clamp_min(1e-12)


class _Span(NamedTuple):
    """A stretch that is kept, what must be seen for it, and where it lies in that: in pixels, and
    in cells of the coarsest grid.
    """

    kept: slice
    seen: slice
    core: slice
    cells: slice


def _spans(length: int, cell: int) -> Iterator[_Span]:
    """Stretches of about equal length, each beginning with a whole cell, that cover ``length``."""
    count = -(-length // PART)
    side = -(-length // (count * cell)) * cell
    for first in range(0, length, side):
        end = min(first + side, length)
        before = min(HALO, first)
        core = slice(before, before + end - first)
        cells = slice(before // cell, -(-core.stop // cell))
        yield _Span(slice(first, end), slice(first - before, min(end + HALO, length)), core, cells)


def _down(y: Tensor, psi: Tensor, after: Tensor, value: Tensor, x: Tensor) -> Tensor:
    """Whether ``psi(y) - <x, y>`` did not grow, up to rounding."""
    change = value - psi - _dot(after - y, x)
    return change <= 1e-7 * psi.abs()


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a.double() * b.double()).sum((1, 2, 3))


def _wide(values: Tensor, like: Tensor) -> Tensor:
    values = values if values.dtype == torch.bool else values.to(like.dtype)
    return values.reshape(-1, 1, 1, 1)


class GaussianPotential(Potential):
    """The potential of a Gaussian prior: its prox at noise ``sigma`` is the Wiener filter, so
    everything that solvers make of it has a closed form.
    """

    def __init__(self, prior: GaussianPrior, sigma: float) -> None:
        super().__init__()
        self.gaussian, self.sigma = prior, sigma

    def constrained(self) -> list[Tensor]:
        """It has no weights."""
        return []

    def evaluate(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """``(f(y), psi(y))`` for pictures of the prior's size."""
        f, mean = self.gaussian(y, self.sigma), self.gaussian.mean
        bent = 0.5 * (y - mean).double() * (f - mean).double()
        return f, (bent + (mean * y).double()).sum((1, 2, 3))


def fitting(problem: Problem, picture: Tensor | None = None) -> str:
    """The prox that fits the problem's picture (or another): small gray ones are taken for digits.

    Where no weights ship, the Gaussian formula stands for them.
    """
    size = zoo.card("lpn-digits").arguments["size"] if zoo.available("lpn-digits") else 0
    shape = problem.operator.shape_in if picture is None else picture.shape
    gray = _gray(problem.measurement, problem.sigma) if picture is None else _gray(picture, 0.0)
    if tuple(shape[-2:]) == (size, size) and gray:
        return "lpn-digits"
    return "lpn-photos" if zoo.available("lpn-photos") else "gaussian"


def _gray(y: Tensor, sigma: float) -> bool:
    """Whether channels differ by no more than their noise."""
    apart = float((y - y.mean(1, keepdim=True)).square().mean())
    return apart < 1.5 * 2 / 3 * sigma**2 + 1e-6


def load_prox(problem: Problem, name: str, channels: int | None = None) -> LearnedProx:
    """The prox called ``name`` (``auto``: the one that fits), on the run's device and record.

    ``channels`` are those of the pictures it will be given; the problem's if None.

    Raises:
        BadInput: it does not ship, or its weights are damaged.
    """
    name = fitting(problem) if name == "auto" else name
    if name == "gaussian":
        prior = photograph_prior(
            problem.measurement, problem.linear, problem.sigma, known=problem.known
        )
        return LearnedProx(GaussianPotential(prior, problem.sigma), sigma=problem.sigma)
    card = zoo.card(name)
    network = zoo.network(name).to(problem.device)
    assert isinstance(network, Potential)
    prox = LearnedProx(
        network,
        sigma=card.metrics["sigma"],
        channels=channels or problem.operator.shape_in[0],
        name=name,
        checksum=card.sha256,
    )
    problem.denoisers[name] = prox  # type: ignore[assignment]
    return prox
