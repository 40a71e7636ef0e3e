"""Live knobs inside a state: a resumed run goes on with the values a person had chosen."""

from __future__ import annotations

from typing import Any, TypeVar

from engine.method import Settings, State
from engine.settings import knob_of

S = TypeVar("S", bound=Settings)


def chosen(params: Settings) -> dict[str, Any]:
    """The present values of the live knobs, as JSON scalars for ``State.scalars``."""
    fields = type(params).model_fields
    return {name: getattr(params, name) for name, info in fields.items() if knob_of(info)["live"]}


def restored(params: S, state: State | None) -> S:
    """``params`` with the live values that ``state`` was left with."""
    if state is None:
        return params
    return params.model_copy(update=state.scalars.get("live", {}))
