"""Axis ranges that stay put while a curve grows, round tick values, and numbers as text."""

from __future__ import annotations

import math

SHRINK = 0.05
"""A range is tightened only when the values fill less than this share of it."""
HEADROOM = 0.25
"""Share of the values' span that is added on the side to which a range has to grow."""


def nice_step(span: float, count: int = 3) -> float:
    """A round step (1, 2 or 5 times a power of ten) that divides ``span`` about ``count`` times."""
    raw = span / count
    power = 10.0 ** math.floor(math.log10(raw))
    return next(step * power for step in (1.0, 2.0, 5.0, 10.0, 20.0) if step * power >= raw * 0.85)


def rounded_out(low: float, high: float) -> tuple[float, float]:
    """The narrowest range between round values that holds both; never empty."""
    if high - low <= abs(high) * 1e-9:
        pad = abs(high) * 0.1 or 1.0
        low, high = low - pad, high + pad
    step = nice_step(high - low, 5)
    return math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step


class SteadyRange:
    """A range that jumps seldom: it grows to round values and shrinks only when much too wide."""

    def __init__(self) -> None:
        self.low, self.high = 0.0, 1.0
        self._is_set = False

    def reset(self) -> None:
        """Start afresh with the next values."""
        self._is_set = False

    def update(self, low: float, high: float) -> tuple[float, float]:
        """The range to show for values from ``low`` to ``high``."""
        span = high - low
        if not self._is_set or span < SHRINK * (self.high - self.low):
            self.low, self.high = rounded_out(low, high)
        elif low < self.low or high > self.high:
            below = HEADROOM * span if low < self.low else 0.0
            above = HEADROOM * span if high > self.high else 0.0
            new = rounded_out(low - below, high + above)
            self.low, self.high = min(new[0], self.low), max(new[1], self.high)
        self._is_set = True
        return self.low, self.high


def steady_end(value: float) -> float:
    """The right end of an axis that holds ``value`` and need not move for a while after it."""
    if value <= 10:
        return 10.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(s * power for s in (1.0, 1.5, 2.0, 3.0, 5.0, 7.5, 10.0) if s * power >= value)


def linear_ticks(low: float, high: float, count: int = 3) -> list[float]:
    """Round values from ``low`` to ``high``, about ``count`` steps apart."""
    if not high > low:
        return []
    step = nice_step(high - low, count)
    first = math.ceil(low / step - 1e-6)
    last = math.floor(high / step + 1e-6)
    return [index * step for index in range(first, last + 1)]


def log_ticks(low: float, high: float, count: int = 4) -> list[float]:
    """Positions (log10) of ticks on a logarithmic axis: decades, or 1-2-5 within few of them."""
    decades = range(math.ceil(low - 1e-6), math.floor(high + 1e-6) + 1)
    if len(decades) >= 3:
        stride = math.ceil(len(decades) / count)
        return [float(d) for d in decades if d % stride == 0]
    parts = [math.log10(m) for m in (1, 2, 5)]
    found = [d + p for d in range(math.floor(low), math.ceil(high) + 1) for p in parts]
    return [t for t in found if low - 1e-6 <= t <= high + 1e-6]


def tick_text(value: float, step: float) -> str:
    """A tick value with just the digits its step needs."""
    if value == 0 or abs(value) < step * 1e-6:
        return "0"
    if abs(value) >= 1e5 or abs(value) < 1e-3:
        return scientific(value, 0 if step >= 10.0 ** math.floor(math.log10(abs(value))) else 1)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9)) if step < 1 else 0
    return f"{value:.{decimals}f}".replace("-", "−")


def value_text(value: float | None, unit: str = "", decimals: int | None = None) -> str:
    """A measured value with three to five digits and its unit; an en dash when there is none.

    ``decimals`` are worth reading: no more of them are shown, but those below 1 that it takes to
    tell small values apart, unless values are counts (0) or tenths (1).
    """
    if value is None or not math.isfinite(value):
        return "–"
    size = abs(value)
    coarse = decimals is not None and decimals < 2
    if size >= 1e5 or (0 < size < 1e-3 and not coarse):
        text = scientific(value, 2)
    else:
        places = 0 if size >= 1000 else 1 if size >= 100 else 2 if size >= 1 else 4
        if decimals is not None and (coarse or size >= 1):
            places = min(places, decimals)
        text = f"{value:.{places}f}".replace("-", "−")
    return f"{text} {unit}" if unit else text


def position_text(value: float) -> str:
    """A position on the x axis: whole numbers without decimals."""
    text = f"{value:.0f}" if float(value).is_integer() else f"{value:g}"
    return text.replace("-", "−")


def scientific(value: float, decimals: int) -> str:
    """``value`` as 1.5·10⁻⁴."""
    mantissa, exponent = f"{value:.{decimals}e}".split("e")
    power = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    head = "" if mantissa == "1" else f"{mantissa}·".replace("-", "−")
    return f"{head}10{power}"
