"""Numbers as people write and read them, and sliders' scales. No widget."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication

_SLIDER_STOPS = 1000
_LOG_STOPS = 200


def tr(words: str) -> str:
    """The words in the person's language."""
    return QCoreApplication.translate("Form", words)


def text(value: float, decimals: int) -> str:
    """``value`` with ``decimals`` places, or with as many as its first three digits need.

    0.25 at two places is ``0.25``; 0.0123 at two places is ``0.0123``, never ``0.01``.
    """
    plain = f"{value:.{decimals}f}"
    if value == 0 or abs(float(plain) - value) <= 1e-9 * abs(value):
        return plain
    more = f"{value:.3g}"
    if "e" in more:
        return more.replace("e-0", "e-") if abs(value) < 1 else plain
    return more if len(more.partition(".")[2]) > decimals else plain


def parse(typed: str) -> float:
    """The number in ``typed``: digits with a point or a comma, or a fraction of two.

    Raises:
        ValueError: there is no number in it; one line for the person.
    """
    cleaned = typed.replace("\N{NO-BREAK SPACE}", "").replace(" ", "").replace(",", ".")
    cleaned = cleaned.replace("\N{MINUS SIGN}", "-").rstrip("%")
    over, slash, under = cleaned.partition("/")
    try:
        value = float(over) / float(under) if slash else float(over)
    except ValueError:
        raise ValueError(tr("Not a number")) from None
    except ZeroDivisionError:
        raise ValueError(tr("Divided by zero")) from None
    if not math.isfinite(value):
        raise ValueError(tr("Not a finite number"))
    return value


def limits(show: Callable[[float], str], low: float | None, high: float | None) -> str:
    """What is allowed, in one line."""
    if low is None and high is not None:
        return tr("At most {0}").format(show(high))
    if high is None and low is not None:
        return tr("At least {0}").format(show(low))
    if low is None or high is None:
        return tr("Any number")
    return tr("Between {0} and {1}").format(show(low), show(high))


def whole(value: float, low: float, high: float) -> int:
    """The nearest whole number inside the limits."""
    nearest = round(value)
    if nearest > high:
        return math.floor(high)
    if nearest < low:
        return math.ceil(low)
    return nearest


@dataclass(frozen=True)
class Scale:
    """Maps a number to a slider's stop and back.

    A log scale that starts at zero or below keeps its first stop for the lower limit and
    spreads the others over four decades.
    """

    low: float
    high: float
    log: bool
    integer: bool
    decimals: int
    step: float

    @classmethod
    def of(
        cls,
        low: float,
        high: float,
        *,
        log: bool,
        integer: bool,
        decimals: int,
        step: float | None,
    ) -> Scale:
        """A scale; without ``step`` a round hundredth of the range or the last shown digit."""
        if log and integer and low <= 0 and high <= 1:
            log = False
        finest = 1.0 if integer else 10.0**-decimals
        chosen = step if step else finest
        if not step and not log and math.isfinite(high - low):
            chosen = max(finest, _round_step((high - low) / 100))
        return cls(low, high, log, integer, decimals, max(chosen, 1.0) if integer else chosen)

    @property
    def stops(self) -> int:
        """Highest stop of the slider; the lowest is 0."""
        if self.log:
            return _LOG_STOPS
        count = (self.high - self.low) / self.step
        return round(count) if 1 <= count <= _SLIDER_STOPS else _SLIDER_STOPS

    def value_at(self, stop: int) -> int | float:
        """The number at a stop, rounded to what is shown, inside the limits."""
        if stop <= 0:
            raw = self.low
        elif stop >= self.stops:
            raw = self.high
        elif self.log:
            first, last = self._log_ends()
            part = (stop - 1) / (self.stops - 1) if self.low <= 0 else stop / self.stops
            raw = float(f"{math.exp(first + part * (last - first)):.3g}")
        else:
            raw = self.low + stop / self.stops * (self.high - self.low)
            raw = round(raw, max(self.decimals, _places(self.step)))
        return self.inside(raw)

    def stop_of(self, value: float) -> int:
        """The stop nearest to a number."""
        if self.log:
            if value <= self.low:
                return 0
            first, last = self._log_ends()
            part = (math.log(max(value, math.exp(first))) - first) / (last - first)
            if self.low <= 0:
                return 1 + round(part * (self.stops - 1))
            return round(part * self.stops)
        return round((value - self.low) / (self.high - self.low) * self.stops)

    def stepped(self, value: float, steps: int) -> int | float:
        """The number ``steps`` keyboard steps away: a twentieth of a decade on a log scale."""
        if not self.log:
            grid = value + steps * self.step
            return self.inside(round(grid, max(self.decimals, _places(self.step))))
        if value <= 0:
            return self.inside(math.exp(self._log_ends()[0]) if steps > 0 else self.low)
        moved = float(f"{value * 10 ** (steps / 20):.3g}")
        if self.integer and round(moved) == round(value):
            moved = value + math.copysign(1, steps)
        if self.low <= 0 and steps < 0 and moved < math.exp(self._log_ends()[0]):
            moved = self.low
        return self.inside(moved)

    def inside(self, value: float) -> int | float:
        """``value`` within the limits, whole where it has to be."""
        bounded = min(max(value, self.low), self.high)
        return whole(bounded, self.low, self.high) if self.integer else float(bounded)

    def _log_ends(self) -> tuple[float, float]:
        first = self.low if self.low > 0 else self.high * 1e-4
        if self.low <= 0 and self.integer:
            first = 1.0
        return math.log(first), math.log(self.high)


def _round_step(rough: float) -> float:
    """The largest of 1, 2, 5 times a power of ten that is not above ``rough``."""
    power = 10.0 ** math.floor(math.log10(rough)) if rough > 0 else 1.0
    return next((m * power for m in (5, 2, 1) if m * power <= rough * (1 + 1e-9)), power)


def _places(step: float) -> int:
    """Decimal places of a step, at most 9."""
    return len(f"{step:.9f}".rstrip("0").partition(".")[2])
