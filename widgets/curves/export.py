"""Curves as a table of values."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from widgets.curves.series import Series


def table(series: Sequence[Series], x_title: str) -> list[list[str]]:
    """A header and one row per position; empty where a curve has no value there.

    Numbers are written so that reading them back gives the same bits.
    """
    positions = np.unique(np.concatenate([s.x for s in series] or [np.empty(0)]))
    head = [x_title, *(f"{s.title} ({s.unit})" if s.unit else s.title for s in series)]
    columns = [dict(zip(s.x.tolist(), s.y.tolist(), strict=True)) for s in series]
    rows = [head]
    for position in positions.tolist():
        values = [column.get(position, np.nan) for column in columns]
        rows.append([_number(position), *("" if np.isnan(v) else _number(v) for v in values)])
    return rows


def write_csv(path: str | Path, series: Sequence[Series], x_title: str) -> None:
    """Write `table` as UTF-8 CSV, first to a temporary name; OSError when that fails."""
    target = Path(path)
    part = target.with_name(f".{target.name}.part")
    try:
        with part.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(table(series, x_title))
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
