"""What the tables over several seeds share: mean and spread, verdicts, the command."""

from __future__ import annotations

import shlex
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path


def mean_and_spread(values: Sequence[float], decimals: int = 3) -> str:
    """``mean ± standard deviation`` of a sample; a single value has no spread."""
    if not values:
        return "-"
    mean = statistics.fmean(values)
    if len(values) < 2:
        return f"{mean:.{decimals}f}"
    return f"{mean:.{decimals}f} ± {statistics.stdev(values):.{decimals}f}"


def command() -> str:
    """The command that is running, from the root of the repository."""
    return shlex.join(["python", f"tests/benchmarks/{Path(sys.argv[0]).name}", *sys.argv[1:]])


def verdict(claim: str, met: bool) -> bool:
    """Print whether a claim holds; returns ``met``."""
    print(f"{'met' if met else 'MISSED'}: {claim}", flush=True)
    return met
