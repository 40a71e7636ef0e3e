"""A method as text for the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from engine.catalogue import BenchSpec, FieldSpec, MethodSpec

_WIDTH = 96


def as_text(method: MethodSpec, bench: BenchSpec) -> str:
    """Title, source, settings, presets and inputs of a method."""
    return "\n".join(_lines(method, bench))


def _lines(method: MethodSpec, bench: BenchSpec) -> Iterator[str]:
    yield f"{method.title} ({method.id})"
    yield from textwrap.wrap(method.summary, _WIDTH)
    yield f"Source: {method.source}" + (f"  {method.url}" if method.url else "")
    if method.help:
        yield ""
        for paragraph in method.help.strip().split("\n\n"):
            yield from textwrap.wrap(" ".join(paragraph.split()), _WIDTH)
            yield ""
    yield "Presets (--preset NAME)"
    for preset in method.presets:
        time = f", about {preset.seconds:g} s" if preset.seconds is not None else ""
        yield _row(preset.name, f"{preset.title}{time}. {preset.help}".strip())
    yield "Settings of the method (--set NAME=VALUE)"
    for field in method.fields:
        yield from _setting(field, "")
    yield "Settings of the problem (--set problem.NAME=VALUE)"
    hidden = method.unasked({field.name: field.default for field in method.fields})
    for field in [field for field in bench.fields if field.name not in hidden]:
        yield from _setting(field, "problem.")
    yield "Inputs (--input FILE, --mask FILE)"
    for spec in bench.inputs:
        need = "needed" if spec.required and not spec.default else "if wanted"
        default = f", {spec.default} if unsaid" if spec.default else ""
        yield _row(spec.name, f"{spec.title} ({spec.kind}, {need}{default})")
        for sample in spec.samples:
            yield _row(f"  sample:{sample.value}", sample.title)


def _setting(field: FieldSpec, prefix: str) -> Iterator[str]:
    yield _row(prefix + field.name, f"{field.title}: {field.help}")
    facts = [f"default {_shown(field.default)}"]
    if field.choices:
        facts.append("one of " + ", ".join(choice.value for choice in field.choices))
    elif field.minimum is not None and field.maximum is not None:
        facts.append(f"{field.minimum:g} to {field.maximum:g} {field.unit}".rstrip())
    if field.live:
        facts.append("can change during a run")
    for name, values in field.when.items():
        facts.append(f"where {prefix}{name} is {' or '.join(_shown(v) for v in values)}")
    yield _row("", "; ".join(facts))


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if value not in ("", None) else "empty"


def _row(name: str, text: str) -> str:
    indent = " " * 30
    first = f"  {name:<27} " if len(name) <= 27 else f"  {name}\n{indent}"
    body = textwrap.wrap(text, _WIDTH - 30) or [""]
    return first + f"\n{indent}".join(body)
