"""What a person does during a run: brought into order, recorded, and read back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from engine.messages import Nudge, Pointer, Stroke, Tune, UserEvent
from engine.method import BadInput
from engine.settings import flat

_KINDS: dict[str, type[Tune] | type[Pointer] | type[Nudge] | type[Stroke]] = {
    "tune": Tune,
    "pointer": Pointer,
    "nudge": Nudge,
    "stroke": Stroke,
}


def coalesced(events: Iterable[UserEvent]) -> tuple[dict[str, Any], list[UserEvent]]:
    """The last value of every live field, and all clicks and strokes in their order."""
    values: dict[str, Any] = {}
    others: list[UserEvent] = []
    for event in events:
        if isinstance(event, Tune):
            values.update(flat(event.values))
        else:
            others.append(event)
    return values, others


def recorded(event: UserEvent) -> tuple[str, Any]:
    """Kind and JSON value of an event, as a run's record keeps it."""
    if isinstance(event, Tune):
        return "tune", event.values
    value = msgspec.to_builtins(event)
    value.pop("type")
    return type(event).__name__.lower(), value


def replayed(kind: str, value: Any) -> UserEvent:
    """The event that ``recorded`` turned into ``kind`` and ``value``.

    Raises:
        BadInput: this is no record of an event.
    """
    if kind == "tune" and isinstance(value, dict):
        return Tune(value)
    try:
        return msgspec.convert(value, _KINDS[kind]) if kind != "tune" else Tune({**value})
    except (KeyError, TypeError, msgspec.ValidationError) as error:
        raise BadInput(f"replay: {kind!r} is not a recorded event ({error})", "replay") from error
