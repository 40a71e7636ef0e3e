"""What a form needs to know of one value: plain data, no widget."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, NamedTuple

from widgets.form import numbers

Kind = Literal["int", "float", "bool", "choice", "text", "file", "mask", "picture"]
KINDS: tuple[Kind, ...] = ("int", "float", "bool", "choice", "text", "file", "mask", "picture")


class Choice(NamedTuple):
    """One option of a choice field."""

    value: Any
    title: str
    help: str = ""


@dataclass(frozen=True, kw_only=True)
class Field:
    """One value that a person can set.

    Attributes:
        name: dotted path, unique in its form.
        when: other fields (whole name, or a sibling's last part) and the values under which
            this field applies.
        live: may be moved while a run goes on.
        folded: lies in a part of the form that starts closed.
        suffixes: for files, what the file dialog offers (``.png``).

    Raises:
        ValueError: the declaration contradicts itself; names the field.
    """

    name: str
    title: str
    kind: Kind
    default: Any
    help: str = ""
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    scale: Literal["linear", "log"] = "linear"
    decimals: int = 2
    group: str = ""
    folded: bool = False
    live: bool = False
    choices: tuple[Choice, ...] = ()
    when: dict[str, list[Any]] = field(default_factory=dict)
    suffixes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "choices", tuple(_choices(self.choices)))
        if self.kind not in KINDS:
            raise ValueError(f"{self.name}: kind {self.kind!r} is unknown; known: {KINDS}")
        if self.bounded() and not self.low() < self.high():
            raise ValueError(
                f"{self.name}: minimum {self.minimum} is not below maximum {self.maximum}"
            )
        if self.kind == "choice" and not self.choices:
            raise ValueError(f"{self.name}: a choice needs options")
        try:
            self.accept(self.default)
        except ValueError as error:
            raise ValueError(f"default of {error}") from None

    def is_number(self) -> bool:
        """Whether the value is an int or a float."""
        return self.kind in ("int", "float")

    def bounded(self) -> bool:
        """Whether both limits are given, so that a slider can span them."""
        return self.is_number() and self.minimum is not None and self.maximum is not None

    def low(self) -> float:
        """The lower limit, or minus infinity."""
        return -math.inf if self.minimum is None else self.minimum

    def high(self) -> float:
        """The upper limit, or infinity."""
        return math.inf if self.maximum is None else self.maximum

    def term(self) -> str:
        """The field's word for it: the last part of its name."""
        return self.name.rsplit(".", 1)[-1].replace("_", " ")

    def accept(self, value: Any) -> Any:
        """``value`` in the field's type, numbers moved inside the limits.

        Raises:
            ValueError: it is of another kind, or no option; says what is allowed.
        """
        if self.is_number():
            return self._number(value)
        if self.kind == "bool":
            if isinstance(value, bool):
                return value
            raise self._refused(numbers.tr("{0} is neither true nor false"), value)
        if self.kind == "choice":
            for option in self.choices:
                if option.value == value:
                    return option.value
            allowed = ", ".join(str(c.value) for c in self.choices)
            raise self._refused(numbers.tr("{0} is not an option; allowed: {1}"), value, allowed)
        if value is None:
            return ""
        if isinstance(value, str):
            return value
        raise self._refused(numbers.tr("{0} is not a text"), value)

    def _refused(self, words: str, value: Any, *more: str) -> ValueError:
        return ValueError(f"{self.name}: {words.format(repr(value), *more)}")

    def _number(self, value: Any) -> int | float:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self._refused(numbers.tr("{0} is not a number"), value)
        if not math.isfinite(value):
            raise self._refused(numbers.tr("{0} is not finite"), value)
        inside = min(max(value, self.low()), self.high())
        return (
            numbers.whole(inside, self.low(), self.high()) if self.kind == "int" else inside * 1.0
        )

    def show(self, value: Any) -> str:
        """The value in words or digits, with its unit."""
        if self.is_number():
            digits = numbers.text(value, 0 if self.kind == "int" else self.decimals)
            return f"{digits} {self.unit}".rstrip()
        if self.kind == "choice":
            return next((c.title for c in self.choices if c.value == value), str(value))
        return str(value)

    def read(self, text: str) -> int | float:
        """The number that a person typed (``12``, ``0,5``, ``25/255``, with or without unit).

        Raises:
            ValueError: not a number, or outside the limits; one line for the person.
        """
        value = numbers.parse(text.removesuffix(self.unit) if self.unit else text)
        if not self.low() <= value <= self.high():
            raise ValueError(numbers.limits(self.show, self.minimum, self.maximum))
        if self.kind == "int" and value != round(value):
            raise ValueError(numbers.tr("Only whole numbers"))
        return int(value) if self.kind == "int" else float(value)


def _choices(raw: Iterable[Any]) -> Iterable[Choice]:
    for option in raw:
        if isinstance(option, Mapping):
            yield Choice(option["value"], option["title"], option.get("help", ""))
        elif hasattr(option, "value"):
            yield Choice(option.value, option.title, getattr(option, "help", ""))
        else:
            yield Choice(*option)


def field_from(spec: Any) -> Field:
    """A ``Field`` from any object that has its attributes (others are ignored)."""
    known = {f.name for f in fields(Field)}
    return Field(**{n: getattr(spec, n) for n in known if hasattr(spec, n)})
