"""What a run was and reached, in the words that a visitor reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from PySide6.QtCore import QCoreApplication, QDateTime, QLocale

from app import words
from app.run_row import INTERRUPTED, RECORD, RunRow, flatten, input_name, read_json
from engine.catalogue import (
    BenchSpec,
    Catalogue,
    FieldSpec,
    MethodSpec,
    PanelSpec,
    SeriesSpec,
    holds,
)


def _tr(text: str) -> str:
    return QCoreApplication.translate("RunWords", text)


def moment(created: str) -> str:
    """Date and time of day here (23 Nov 2026, 21:29) from ISO 8601; empty where unknown."""
    try:
        when = datetime.fromisoformat(created)
    except ValueError:
        return ""
    when = when if when.tzinfo is not None else when.replace(tzinfo=UTC)
    return QLocale().toString(QDateTime(when.astimezone()), _tr("d MMM yyyy, HH:mm"))


def status(value: str) -> str:
    """The word for a status."""
    known = {
        "finished": _tr("Finished"),
        "cancelled": _tr("Cancelled"),
        "failed": _tr("Failed"),
        INTERRUPTED: _tr("Interrupted"),
        "queued": _tr("Waiting"),
        "preparing": _tr("Warming up"),
        "running": _tr("Running"),
        "paused": _tr("Paused"),
        "idle": _tr("Waiting for you"),
    }
    return known.get(value, value)


def panel_of(key: str, panels: Iterable[PanelSpec], params: Mapping[str, Any]) -> PanelSpec | None:
    """What is said of a picture under these knobs: by the first of ``panels`` that counts."""
    for panel in panels:
        if panel.name == key and holds(panel.when, params):
            return panel
    return None


def on_fixed(row: RunRow, method: MethodSpec) -> bool:
    """Whether a run was on the problem that its method fixes: an older one may not have been."""
    problem, fixed = flatten(row.problem), method.fixed_under(_knobs(row, method))
    return all(problem.get(name, value) == value for name, value in fixed.items())


def _knobs(row: RunRow, method: MethodSpec) -> dict[str, Any]:
    return {field.name: field.default for field in method.fields} | flatten(row.params)


def picture_titles(row: RunRow, catalogue: Catalogue) -> dict[str, str]:
    """What the bench's pictures of a kept run are called: anew by its method where that counts."""
    bench, method = _bench(row, catalogue), _method(row, catalogue)
    shared = [panel for panel in bench.panels if panel.kind == "image"] if bench else []
    again = method.panels if method is not None else ()
    if method is not None and not on_fixed(row, method):
        # It made the result in any case; of the rest it speaks as if its own problem had been.
        again = tuple(panel for panel in again if panel.name in {p.name for p in shared[:1]})
    params, titles = flatten(row.params), {}
    for panel in shared:
        said = panel_of(panel.name, (*again, panel), params) or panel
        titles[panel.name] = said.title.format_map(params)
    return titles


def metrics(row: RunRow, catalogue: Catalogue) -> list[tuple[str, str, str]]:
    """``(metric, title, text with unit)`` of a run, in the order in which its bench shows them."""
    titles = series_of(row, catalogue)
    names = [name for name in titles if name in row.metrics]
    names += sorted(row.metrics.keys() - titles.keys())
    shown = []
    for name in names:
        title, unit = titles.get(name, (name, ""))
        shown.append((name, title, f"{words.figure(row.metrics[name])} {unit}".strip()))
    return shown


def series_of(row: RunRow, catalogue: Catalogue) -> dict[str, tuple[str, str]]:
    """``{metric: (title, unit)}`` of all curves that bench and method declare, in order."""
    titles: dict[str, tuple[str, str]] = {}
    for owner in (_bench(row, catalogue), _method(row, catalogue)):
        for panel in owner.panels if owner is not None else ():
            for series in panel.series:
                titles.setdefault(series.metric, (_named(panel, series), series.unit))
    return titles


def _named(panel: PanelSpec, series: SeriesSpec) -> str:
    """What the bench page calls a curve, with the field's term: ``Quality (PSNR)``."""
    panel_word, own = panel.title.casefold(), series.title.casefold()
    if len(panel.series) > 1 or panel_word in own:
        return series.title
    if own in panel_word:
        return panel.title
    return f"{panel.title} ({series.title})"


def curves_of(row: RunRow) -> dict[str, list[tuple[float, float]]]:
    """The kept curves of a run with two or more points; empty where there is no record."""
    record = read_json(row.path / RECORD) or {}
    try:
        curves = msgspec.convert(record.get("curves", {}), dict[str, list[tuple[float, float]]])
    except msgspec.ValidationError:
        return {}
    return {name: points for name, points in curves.items() if len(points) > 1}


def settings(row: RunRow, catalogue: Catalogue) -> list[tuple[str, list[tuple[str, str]]]]:
    """What was set, by heading: the bench's problem, then the method's knobs.

    Each is ``(title, value with unit)``; fields that do not apply are left out, values
    that the catalogue does not know keep their names.
    """
    sections = []
    method, problem = _method(row, catalogue), flatten(row.problem)
    hidden: set[str] = set()
    if method is not None:
        # A run from before the method fixed a field was made with what it says.
        fixed = method.fixed_under(_knobs(row, method)).items()
        hidden = {*method.unused, *(name for name, value in fixed if problem.get(name) == value)}
    parts = ((_bench(row, catalogue), problem, hidden), (method, flatten(row.params), set[str]()))
    for owner, flat, left_out in parts:
        fields = owner.fields if owner is not None else ()
        known = {field.name for field in fields}
        full = {field.name: field.default for field in fields} | flat
        lines = [
            (field.title, value_text(field, flat[field.name]))
            for field in fields
            if field.name in flat and field.name not in left_out and applies(field, full)
        ]
        lines += [(name, str(value)) for name, value in flat.items() if name not in known]
        if lines:
            sections.append((owner.title if owner is not None else _tr("Settings"), lines))
    return sections


def comparison(rows: list[RunRow], catalogue: Catalogue) -> list[tuple[str, list[str]]]:
    """What to read when runs stand beside each other: ``(title, one text per run)``.

    All their numbers, then only those settings that are not the same in all of them.
    """
    tables: list[dict[str, str]] = []
    numbers: dict[str, None] = {}
    for row in rows:
        figures = {title: text for _, title, text in metrics(row, catalogue)}
        numbers |= dict.fromkeys(figures)
        lines = {t: v for _, section in settings(row, catalogue) for t, v in section}
        facts = {_tr("Time"): words.seconds(row.seconds), _tr("Method"): row.title}
        pictures = [name for value in row.inputs.values() if (name := input_name(value))]
        facts |= {_tr("Picture"): ", ".join(pictures), _tr("Seed"): str(row.seed)}
        tables.append(figures | facts | lines)
    titles = dict.fromkeys([*numbers, *(title for table in tables for title in table)])
    compared = [(title, [table.get(title, "–") for table in tables]) for title in titles]
    return [(t, texts) for t, texts in compared if t in numbers or len(set(texts)) > 1]


def applies(field: FieldSpec, values: dict[str, Any]) -> bool:
    """Whether a field means anything under ``values``; conditions may name a sibling."""
    group = field.name.rpartition(".")[0]
    for name, allowed in field.when.items():
        sibling = f"{group}.{name}" if group else name
        if values.get(sibling, values.get(name)) not in allowed:
            return False
    return True


def value_text(field: FieldSpec, value: Any) -> str:
    """A value as a person reads it: a choice by its title, a number with its unit."""
    for choice in field.choices:
        if str(choice.value) == str(value):
            return choice.title
    if isinstance(value, bool):
        return _tr("On") if value else _tr("Off")
    if isinstance(value, int):
        return f"{value} {field.unit}".strip()
    if isinstance(value, float):
        return f"{words.figure(value)} {field.unit}".strip()
    if field.kind == "mask":
        return _tr("painted by hand") if value else _tr("none")
    return str(value)


def _bench(row: RunRow, catalogue: Catalogue) -> BenchSpec | None:
    return next((bench for bench in catalogue.benches if bench.id == row.bench), None)


def _method(row: RunRow, catalogue: Catalogue) -> MethodSpec | None:
    return next((method for method in catalogue.methods if method.id == row.method), None)
