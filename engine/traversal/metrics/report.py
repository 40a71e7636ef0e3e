"""All metrics of codes with known factors in one go, at live size or at published size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from engine.traversal.metrics.dci import dci
from engine.traversal.metrics.factor_vae import factor_vae
from engine.traversal.metrics.infomec import infomec
from engine.traversal.metrics.mig import mig
from engine.traversal.metrics.sap import sap

#: Samples of the metrics that only look, and those that the others learn from and are judged on.
LOOKED_AT, FULL, LIVE = 10_000, (10_000, 5_000), (2_000, 1_000)


@dataclass(frozen=True)
class Report:
    """What is known so far.

    Attributes:
        scores: ``info_m``, ``info_e``, ``info_c``, ``mig``, ``factor_vae``, ``dci_d``, ``dci_c``,
            ``dci_i``, ``sap``; all are best at 1, which SAP does not reach (see ``sap.SAP``).
        nmi: heat map (f, d): what code j tells of factor i.
        importance: heat map (d, f): how much code i matters to factor j.
        live: bool (d,), the codes that are not dead.
    """

    scores: dict[str, float] = field(default_factory=dict)
    nmi: Tensor | None = None
    importance: Tensor | None = None
    live: Tensor | None = None


def measure(
    factors: Tensor, codes: Tensor, *, discrete: bool = False, quick: bool = True
) -> Iterator[Report]:
    """Compute one metric after another; yields what is known after each.

    Args:
        factors: (n, f), int64, drawn at random: rows are taken as they come. Numbers to be set
            beside published ones need 15,000; fewer are split.
        codes: (n, d).
        discrete: the codes' values are labels, such as the indices of a codebook. InfoMEC and MIG
            count them; the other metrics know numbers only.
        quick: DCI by a forest, and DCI, SAP and FactorVAE on 2,000 and 1,000 samples.
    """
    most = LIVE if quick else FULL
    seen = slice(LOOKED_AT)
    info = infomec(factors[seen], codes[seen], discrete=discrete)
    scores = {
        "info_m": info.modularity,
        "info_e": info.explicitness,
        "info_c": info.compactness,
    }
    report = Report(scores, info.nmi, None, info.live)
    yield report
    report = _with(report, mig=mig(factors[seen], codes[seen], discrete=discrete))
    yield report
    voted = factor_vae(
        factors[seen],
        codes[seen],
        torch.Generator().manual_seed(0),
        train=most[0],
        test=most[1],
    )
    report = _with(report, factor_vae=voted.test)
    yield report
    report = _with(report, sap=sap(factors, codes, most=most).score)
    yield report
    trees = dci(factors, codes, trees="forest" if quick else "boosted", most=most)
    report = _with(
        report,
        dci_d=trees.disentanglement,
        dci_c=trees.completeness,
        dci_i=trees.informativeness,
    )
    yield replace(report, importance=trees.importance)


def report(factors: Tensor, codes: Tensor, *, discrete: bool = False, quick: bool = True) -> Report:
    """``measure`` to its end: all scores and the matrices for the heat maps."""
    return list(measure(factors, codes, discrete=discrete, quick=quick))[-1]


def evaluate(
    factors: Tensor, codes: Tensor, discrete: bool = False, quick: bool = True
) -> dict[str, float]:
    """The scores alone; see ``measure``."""
    return report(factors, codes, discrete=discrete, quick=quick).scores


def _with(report: Report, **scores: float) -> Report:
    return replace(report, scores={**report.scores, **scores})
