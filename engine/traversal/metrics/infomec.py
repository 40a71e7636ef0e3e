"""InfoM, InfoE and InfoC: whether each code tells of one factor, whether the factors can be read,
and whether each factor is told by one code.

Source: K. Hsu, W. Dorrell, J. Whittington, J. Wu, C. Finn, Disentanglement via Latent
Quantization, NeurIPS 2023, https://arxiv.org/abs/2305.18378, in the authors' stand-alone
definition: 10 neighbors, dead codes by their range, explicitness on the samples it was fitted to.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.traversal.metrics.information import nmi
from engine.traversal.metrics.samples import Floats, Ints, arrays, labeled, numbered

#: A continuous code is dead whose range is at most this share of the widest one's.
DEAD_SHARE = 1 / 20
_ITERATIONS = 100


@dataclass(frozen=True)
class InfoMEC:
    """The three numbers, 1 at best and 0 by chance, and what is shown with them.

    Attributes:
        modularity: InfoM, how much each live code keeps to one factor.
        explicitness: InfoE, how much of the factors a linear probe reads from all codes.
        compactness: InfoC, how much each factor keeps to one live code.
        nmi: (f, d), what code j tells of factor i as a share of the factor's entropy. A live code
            whose column sums to nearly nothing is a dial that turns and says nothing.
        live: bool (d,), the codes that are not dead.
    """

    modularity: float
    explicitness: float
    compactness: float
    nmi: Tensor
    live: Tensor


def infomec(
    factors: Tensor, codes: Tensor, *, discrete: bool = False, neighbors: int = 10
) -> InfoMEC:
    """Measure codes (n, d) against factors (n, f), int64; the authors take n = 10,000.

    Args:
        discrete: the codes' values are labels (indices of a codebook), not quantities.
        neighbors: of the estimate of mutual information for continuous codes.
    """
    shares = nmi(factors, codes, discrete=discrete, neighbors=neighbors)
    alive = live(codes, discrete=discrete).cpu()
    told = shares[:, alive.numpy()]
    return InfoMEC(
        modularity=concentration(told.T),
        explicitness=explicitness(factors, codes, discrete=discrete),
        compactness=concentration(told),
        nmi=torch.from_numpy(shares),
        live=alive,
    )


def live(codes: Tensor, *, discrete: bool = False) -> Tensor:
    """Which codes (n, d) are not dead: bool (d,)."""
    ranges = codes.amax(0) - codes.amin(0)
    return ranges > 0 if discrete else ranges > DEAD_SHARE * ranges.max()


def concentration(shares: Floats) -> float:
    """How much of each row of ``shares`` (rows, columns) lies in one column: 0 evenly, 1 all.

    The mean share of the largest entry, less what an even spread has. Rows of zeros, which
    have no share to speak of, count as evenly spread; one column alone is all there is; nothing
    at all is 0.
    """
    rows, columns = shares.shape
    if not rows or not columns or not shares.any():
        return 0.0
    if columns == 1:
        return 1.0
    total = shares.sum(1)
    even = 1 / columns
    largest = np.where(total > 0, shares.max(1) / np.where(total > 0, total, 1.0), even)
    return float((largest.mean() - even) / (1 - even))


def explicitness(factors: Tensor, codes: Tensor, *, discrete: bool = False) -> float:
    """InfoE: the share of the factors' entropy that a logistic regression on the codes removes.

    Unregularized, multinomial, classes balanced, at most 100 steps of L-BFGS, judged on the samples
    that it was fitted to. From nothing, balanced classes are guessed evenly, which costs the log of
    their number.
    """
    f, z = arrays(factors, codes)
    inputs = _one_hot(z) if discrete else _standardized(z)
    shares = []
    for factor in f.T:
        labels = numbered(factor)
        guessed = float(np.log(labels.max() + 1))
        shares.append((guessed - _log_loss(inputs, labels)) / guessed)
    return float(np.mean(shares))


def _standardized(z: Floats) -> Floats:
    spread = z.std(0)
    return np.asarray((z - z.mean(0)) / np.where(spread > 0, spread, 1.0), dtype=np.float64)


def _one_hot(z: Floats) -> Floats:
    columns = [np.eye(labels.max() + 1)[labels] for labels in labeled(z)]
    return np.concatenate(columns, axis=1)


def _log_loss(inputs: Floats, labels: Ints) -> float:
    # Here and not above: the engine starts without the second that scikit-learn takes to import.
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    # An infinite C is no penalty; the word for it has changed between versions.
    probe = LogisticRegression(
        C=np.inf, class_weight="balanced", solver="lbfgs", max_iter=_ITERATIONS, tol=1e-4
    )
    with warnings.catch_warnings():
        # The steps are part of the definition: where classes are separable there is no end.
        warnings.simplefilter("ignore", ConvergenceWarning)
        probe.fit(inputs, labels)
    told = probe.predict_proba(inputs)[np.arange(len(labels)), labels]
    # A sure and wrong answer would cost infinitely much; it is charged what float64 can tell.
    return float(-np.log(np.maximum(told, np.finfo(np.float64).eps)).mean())
