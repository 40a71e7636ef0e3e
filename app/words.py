"""Numbers as a person reads them: two to four digits, units always."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from PySide6.QtCore import QCoreApplication

from engine.catalogue import PresetSpec

#: Pixels of the picture for which presets declare their seconds.
USUAL_PIXELS = 512 * 512


def _tr(text: str) -> str:
    return QCoreApplication.translate("Words", text)


def seconds(value: float) -> str:
    """``0.8 s``, ``12 s``, ``3 min``, ``1 h 20 min``."""
    if value < 0.95:
        return _tr("{n} s").format(n=f"{value:.1f}")
    if value < 100:
        return _tr("{n} s").format(n=round(value))
    minutes = round(value / 60)
    if minutes < 60:
        return _tr("{n} min").format(n=minutes)
    hours, minutes = divmod(minutes, 60)
    return _tr("{h} h {m} min").format(h=hours, m=minutes)


def weights(count: int) -> str:
    """How many weights a network has: ``61``, ``12 k``, ``2.4 M``."""
    if count < 1000:
        return str(count)
    return f"{count / 1e3:.0f} k" if count < 1e5 else f"{count / 1e6:.1f} M"


def expected(preset: PresetSpec, pixels: int) -> float | None:
    """Seconds that a preset takes on ``pixels``; None where it is unknown."""
    if preset.seconds is None or not preset.scales:
        return preset.seconds
    return preset.least + (preset.seconds - preset.least) * pixels / USUAL_PIXELS


def duration(preset: PresetSpec, pixels: int) -> str:
    """How long a preset takes on ``pixels``, such as ``about 12 s``; empty where it is unknown."""
    value = expected(preset, pixels)
    if value is None:
        return ""
    if value < 1:
        return _tr("under 1 s")
    return _tr("about {time}").format(time=seconds(value))


def size(count: int) -> str:
    """Bytes in decimal units: ``812 MB``, ``1.1 GB``."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            digits = 1 if unit == "GB" and value < 100 else 0
            return f"{value:.{digits}f} {unit}"
        value /= 1000
    return ""


def figure(value: float) -> str:
    """A number with about four digits, never in exponents where it can be avoided."""
    magnitude = abs(value)
    if magnitude >= 100:
        return f"{value:.0f}" if magnitude < 1e6 else f"{value:.3g}"
    if magnitude >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if magnitude >= 0.1 or value == 0 else f"{value:.3g}"


def ago(iso: str, now: datetime | None = None) -> str:
    """How long a moment (ISO 8601) lies back; the date where that is more than a week."""
    try:
        then = datetime.fromisoformat(iso)
    except ValueError:
        return ""
    if then.tzinfo is None:
        then = then.replace(tzinfo=UTC)
    past = ((now or datetime.now(UTC)) - then).total_seconds()
    if past < 60:
        return _tr("just now")
    if past < 3600:
        return _tr("{n} min ago").format(n=int(past // 60))
    if past < 86400:
        return _tr("{n} h ago").format(n=int(past // 3600))
    if past < 7 * 86400:
        days = int(past // 86400)
        return _tr("yesterday") if days == 1 else _tr("{n} days ago").format(n=days)
    return then.astimezone().strftime("%Y-%m-%d")


def sentence(text: str) -> str:
    """A line that begins and ends as sentences do."""
    text = text.strip()
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def listed(names: Sequence[str]) -> str:
    """Names as a sentence has them: ``A``, ``A and B``, ``A, B and C``."""
    if len(names) < 2:
        return "".join(names)
    return _tr("{names} and {last}").format(names=", ".join(names[:-1]), last=names[-1])
