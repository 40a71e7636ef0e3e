"""Entropy and mutual information in nats: by counting, and from the distances of neighbors.

Source: A. Kraskov, H. Stoegbauer, P. Grassberger, Estimating mutual information, Phys. Rev. E 69,
2004 (two continuous variables, the first of its two estimators); B. Ross, Mutual information
between discrete and continuous data sets, PLoS ONE 9(2), 2014 (labels and a continuous variable;
what scikit-learn calls ``mutual_info_classif``, written out here so that the numbers do not move
with its versions).
"""

from __future__ import annotations

import numpy as np
from torch import Tensor

from engine.method import BadInput
from engine.traversal.metrics.samples import Floats, Ints, arrays, labeled, numbered

#: How far equal values are moved apart, in standard deviations: neighbors need an order.
_JITTER = 1e-10
#: Rounding of a standardized value, which a distance to it may be off by.
_ROUNDING = 1e-14


def binned(values: Floats, bins: int = 20) -> Ints:
    """Which of ``bins`` equal parts of their range each of ``values`` (n,) lies in."""
    edges = np.histogram_bin_edges(values, bins)
    return np.digitize(values, edges[1:-1]).astype(np.int64)


def entropy(labels: Ints) -> float:
    """Entropy of ``labels`` (n,) as they are counted."""
    p = np.bincount(numbered(labels)) / len(labels)
    return float(-(p * np.log(p)).sum())


def plug_in(a: Ints, b: Ints) -> float:
    """Mutual information of labels ``a`` and ``b`` (n,) as they are counted.

    Too large for few samples, by about ``(values of a - 1)(values of b - 1) / 2n``.
    """
    a, b = numbered(a), numbered(b)
    joint = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(joint, (a, b), 1.0 / len(a))
    apart = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
    there = joint > 0
    return float((joint[there] * np.log(joint[there] / apart[there])).sum())


def ksg(x: Floats, y: Floats, neighbors: int = 10) -> float:
    """Mutual information of continuous ``x`` and ``y`` (n,); 0 where it is estimated below.

    It cannot tell much more than ``log n``.
    """
    # Only here: a list of methods must not wait for SciPy.
    from scipy.spatial import KDTree
    from scipy.special import digamma

    _enough(len(x), neighbors)
    x, y = standardized(x, seed=0), standardized(y, seed=1)
    both = np.stack([x, y], 1)
    # The nearest to a point is the point itself.
    radius = np.asarray(KDTree(both).query(both, k=[neighbors + 1], p=np.inf)[0])[:, 0]
    counts = digamma(_within(x, x, radius)) + digamma(_within(y, y, radius))
    return max(0.0, float(digamma(neighbors) + digamma(len(x)) - counts.mean()))


def ross(labels: Ints, y: Floats, neighbors: int = 10) -> float:
    """Mutual information of ``labels`` (n,) and a continuous ``y`` (n,); 0 where below.

    A label with fewer than ``neighbors`` others takes as many as it has; one that is alone is
    left out. A constant ``y`` tells nothing.
    """
    from scipy.special import digamma

    _enough(len(y), neighbors)
    if y.min() == y.max():
        return 0.0
    counts = np.bincount(numbered(labels))[numbered(labels)]
    kept = counts > 1
    labels, counts = labels[kept], counts[kept]
    y = standardized(y[kept])
    radius = np.empty_like(y)
    for label in np.unique(labels):
        own = labels == label
        radius[own] = _reach(y[own], min(neighbors, int(own.sum()) - 1))
    near = np.minimum(neighbors, counts - 1)
    around = _within(y, y, radius)
    terms = digamma(near) - digamma(counts) - digamma(around)
    return max(0.0, float(digamma(len(y)) + terms.mean()))


def nmi(factors: Tensor, codes: Tensor, *, discrete: bool = False, neighbors: int = 10) -> Floats:
    """What each code tells of each factor, as a share of the factor's entropy: (f, d).

    Args:
        factors: (n, f), int64.
        codes: (n, d); values of a code that is ``discrete`` are taken as labels and counted.
        neighbors: of the estimate for continuous codes. It strays from [0, 1] a little.
    """
    f, z = arrays(factors, codes)
    shares = np.empty((f.shape[1], z.shape[1]))
    labels = labeled(z) if discrete else []
    for i, factor in enumerate(f.T):
        for j, code in enumerate(z.T):
            told = plug_in(factor, labels[j]) if discrete else ross(factor, code, neighbors)
            shares[i, j] = told / entropy(factor)
    return shares


def standardized(values: Floats, seed: int = 0) -> Floats:
    """``values`` (n,) with mean 0 and deviation 1, equal ones moved apart by next to nothing."""
    spread = values.std()
    scaled = (values - values.mean()) / (spread if spread > 0 else 1.0)
    jitter = np.random.default_rng(seed).standard_normal(len(values))
    return np.asarray(scaled + _JITTER * jitter, dtype=np.float64)


def _reach(values: Floats, neighbors: int) -> Floats:
    """How far from each of ``values`` (n,) its ``neighbors``-th neighbor is.

    In order, the nearest ones are a run of ``neighbors + 1`` values that holds it.
    """
    order = values.argsort()
    v = values[order]
    best = np.full(len(v), np.inf)
    for below in range(neighbors + 1):
        at = np.arange(below, len(v) - neighbors + below)
        farther = np.maximum(v[at] - v[at - below], v[at + neighbors - below] - v[at])
        best[at] = np.minimum(best[at], farther)
    reach = np.empty_like(best)
    reach[order] = best
    return reach


def _within(values: Floats, centers: Floats, radius: Floats) -> Ints:
    """How many of ``values`` are closer to each center than its radius, itself among them."""
    v = np.sort(values)
    inside = np.maximum(radius - _ROUNDING, 0.0)
    above = np.searchsorted(v, centers + inside, "right")
    below = np.searchsorted(v, centers - inside, "left")
    return np.asarray(above - below, dtype=np.int64)


def _enough(count: int, neighbors: int) -> None:
    if not 1 <= neighbors < count:
        raise BadInput(f"neighbors are {neighbors}; they must be 1 to {count - 1}", "neighbors")
