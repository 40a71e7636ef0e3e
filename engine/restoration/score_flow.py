"""Runs along the probability flow: pictures from noise, or a picture to noise and its likelihood.

Source: Y. Song et al., Score-Based Generative Modeling through Stochastic Differential
Equations, ICLR 2021, section 4.3, https://arxiv.org/abs/2011.13456.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from engine.method import Settings, Solver, State
from engine.restoration import likelihood
from engine.restoration.priors import Prior
from engine.restoration.score_panels import Showing, numbers
from engine.restoration.sde import (
    SDE,
    OdeState,
    Slope,
    Vector,
    as_pictures,
    estimate,
    ode_step,
)
from engine.restoration.stepping import Numbers, Tensors, stepped

S = TypeVar("S", bound=Settings)


def followed(
    params: S,
    state: State | None,
    *,
    sde: SDE,
    prior: Prior,
    showing: Showing,
    like: Tensor,
    begin: Callable[[], tuple[Vector, Tensors]],
    slope: Callable[[S, Tensors], Slope],
    span: tuple[float, float],
    tol: float,
) -> Solver:
    """Yield the states of a flow, one per accepted step; how many is not known before.

    Args:
        like: float64 (n, C, H, W): shape and place of the pictures, which come first in the
            vector; after them may come a log-determinant each.
        begin: the vector at the start, and tensors to be kept in every state.
        slope: of the vector, from the knobs and the tensors of the state.
        span: the times of start and end.
    """
    start, bound = span
    judges = bound > start

    def first() -> Tensors:
        y, kept = begin()
        x = as_pictures(y[: like.numel()], like)
        clean = x if judges else torch.zeros_like(x)
        shown = showing(None, x, clean, sde.a(start), sde.s(start), 0.0)
        return {**kept, **_tensors(OdeState(start, y)), **shown}

    def step(k: int, at: Tensors, params: S) -> tuple[Tensors, Numbers]:
        last = _state(at)
        now = ode_step(slope(params, at), last, bound, tol)
        x, score = _along(sde, now, like)
        ended = now.t == sde.end
        clean = x if ended else estimate(sde, x, score, now.t)
        since, done = ((t - start) / (bound - start) for t in (last.t, now.t))
        shown = showing(at, x, clean, sde.a(now.t), sde.s(now.t), done, since)
        seen = numbers(sde, score, now.t)
        if judges:
            seen |= _judgment(sde, now, like, 0.0 if now.t == bound else float(at["contrast"]))
        kept = {name: tensor for name, tensor in at.items() if name in ("signs", "contrast")}
        return {**kept, **_tensors(now), **shown}, seen

    yield from stepped(
        params,
        state,
        total=None,
        first=first,
        step=step,
        prior=prior,
        done=lambda at: _state(at).t == bound,
        facts={"restores": False},
    )


def _tensors(at: OdeState) -> Tensors:
    tensors = {
        "vector": torch.from_numpy(np.array(at.y)),
        "clock": torch.tensor([at.t, at.length], dtype=torch.float64),
    }
    if at.slope is not None:
        tensors["slope"] = torch.from_numpy(np.array(at.slope))
    return tensors


def _state(at: Tensors) -> OdeState:
    t, length = at["clock"].tolist()
    slope = at["slope"].cpu().numpy() if "slope" in at else None
    return OdeState(t, at["vector"].cpu().numpy(), slope, length)


def _along(sde: SDE, at: OdeState, like: Tensor) -> tuple[Tensor, Tensor]:
    """The pictures of a state and their score, which the slope of the flow holds."""
    assert at.slope is not None
    x = as_pictures(at.y[: like.numel()], like)
    slope = as_pictures(at.slope[: like.numel()], like)
    return x, 2.0 * (sde.drift(at.t) * x - slope) / sde.diffusion(at.t)


def _judgment(sde: SDE, at: OdeState, like: Tensor, contrast: float) -> Numbers:
    """Bits per dimension, and what the log-determinant contributes to them; mean of the batch."""
    encoded = likelihood.unpacked(sde, at.y, at.t, like, contrast)
    dimension = like[0].numel()
    bits = likelihood.bits_per_dim(encoded.log_density, dimension)
    share = -encoded.log_det / (dimension * math.log(2.0))
    return {"bits_per_dim": float(bits.mean()), "log_det_bits": float(share.mean())}
