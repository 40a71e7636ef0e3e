"""Disentanglement, completeness and informativeness, from which codes trees look at.

Source: C. Eastwood, C. Williams, A Framework for the Quantitative Evaluation of Disentangled
Representations, ICLR 2018, https://openreview.net/forum?id=By-7dz-AZ. Boosted trees are what
disentanglement_lib and the tables since take; random forests are one of the authors' own choices.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from scipy.stats import entropy
from torch import Tensor

from engine.traversal.metrics.samples import Floats, arrays, split

Trees = Literal["boosted", "forest"]
#: What keeps the logarithm of an importance of zero finite.
_LEAST = 1e-11


@dataclass(frozen=True)
class DCI:
    """The three numbers, and what is shown with them.

    Attributes:
        disentanglement: 1 where every code matters to one factor, 0 where to all alike.
        completeness: 1 where every factor rests on one code, 0 where on all alike.
        informativeness: share of the held-back samples whose factors the trees tell right.
        importance: (d, f), how much code i matters to factor j; columns sum to 1, or to 0.
    """

    disentanglement: float
    completeness: float
    informativeness: float
    importance: Tensor


def dci(
    factors: Tensor,
    codes: Tensor,
    *,
    trees: Trees = "boosted",
    most: tuple[int, int] = (10_000, 5_000),
) -> DCI:
    """Fit trees that tell each factor from the codes.

    Args:
        factors: (n, f), int64.
        codes: (n, d).
        trees: ``boosted``, 100 rounds of depth 3 for each value of a factor, takes minutes;
            ``forest``, 30 trees of depth 6 that look at all codes, takes a thirtieth of that. The
            depth is chosen so that the two agree (``tests/benchmarks/disentanglement.py``).
        most: samples to learn from and to be judged on.
    """
    f, z = arrays(factors, codes)
    learned, judged = split(len(z), most)
    importance = np.zeros((z.shape[1], f.shape[1]))
    right = []
    for j, factor in enumerate(f.T):
        model = _model(trees)
        model.fit(z[learned], factor[learned])
        importance[:, j] = model.feature_importances_
        right.append(float((model.predict(z[judged]) == factor[judged]).mean()))
    return DCI(
        disentanglement(importance),
        completeness(importance),
        float(np.mean(right)),
        torch.from_numpy(importance),
    )


def disentanglement(importance: Floats) -> float:
    """One less the entropy of each code's importances (d, f), weighted by what the code matters."""
    return _focus(importance)


def completeness(importance: Floats) -> float:
    """The same over the codes, for each factor."""
    return _focus(importance.T)


def _focus(rows: Floats) -> float:
    """One less the mean entropy of ``rows``, in units of its largest, weighted by their sums."""
    total = rows.sum()
    if total == 0:
        return 0.0
    if rows.shape[1] == 1:
        return 1.0
    spread = entropy(rows + _LEAST, base=rows.shape[1], axis=1)
    return float(((1 - spread) * rows.sum(1)).sum() / total)


def _model(trees: Trees) -> Any:
    # Here and not above: the engine starts without the second that scikit-learn takes to import.
    from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier

    if trees == "boosted":
        return GradientBoostingClassifier(
            n_estimators=100, learning_rate=0.1, max_depth=3, random_state=0
        )
    return RandomForestClassifier(n_estimators=30, max_depth=6, max_features=None, random_state=0)
