"""The loop that iterative solvers share, so that a method's module holds only its step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor

from engine.messages import UserEvent
from engine.method import Settings, Solver, State, tuned
from engine.restoration.priors import Prior
from engine.restoration.tuning import chosen, restored

S = TypeVar("S", bound=Settings)
Tensors = dict[str, Tensor]
Numbers = dict[str, float]
#: ``step(k, tensors, params) -> (tensors, numbers)``: all that follows step ``k`` (from 0).
Step = Callable[[int, Tensors, S], tuple[Tensors, Numbers]]


def stepped(
    params: S,
    state: State | None,
    *,
    total: int | None,
    first: Callable[[], Tensors],
    step: Step[S],
    prior: Prior | None = None,
    done: Callable[[Tensors], bool] | None = None,
    facts: dict[str, Any] | None = None,
) -> Solver:
    """Yield the states of a solver whose next state follows from its last one.

    The step gets the knobs as they are then, runs without gradients unless it asks for
    them, and names the numbers for the curves. ``calls`` and ``backwards`` (passes through
    ``prior`` so far) are added to them. ``tensors["x"]`` is the estimate, in [0, 1]. A
    solver that chooses its steps has no ``total``; it ends where ``done`` says so. ``facts``
    are further scalars of every state.
    """
    params = restored(params, state)
    if state is None:
        with torch.no_grad():
            k, tensors, numbers = 0, first(), {}
    else:
        k, tensors = state.step, state.tensors
        numbers = state.scalars["curves"]
    live, calm = chosen(params), torch.no_grad()
    while True:
        scalars = {**(facts or {}), "live": live, "curves": numbers}
        events: tuple[UserEvent, ...] = yield State(k, total, tensors, scalars)
        if events:
            params = tuned(params, events)
            live = chosen(params)
        if (total is not None and k >= total) or (done is not None and done(tensors)):
            return
        before = _cost(prior)
        spent = {name: numbers.get(name, 0.0) for name in before}
        with calm:
            tensors, numbers = step(k, tensors, params)
        after = _cost(prior)
        numbers = numbers | {name: spent[name] + after[name] - before[name] for name in after}
        k += 1


def _cost(prior: Prior | None) -> Numbers:
    if prior is None:
        return {}
    return {"calls": float(prior.calls), "backwards": float(prior.backwards)}
