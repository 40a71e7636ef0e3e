"""Separated attribute predictability: how far the best single code is ahead of the next.

Source: A. Kumar, P. Sattigeri, A. Balakrishnan, Variational Inference of Disentangled Latent
Concepts from Unlabeled Observations, ICLR 2018, https://openreview.net/forum?id=H1kG7GZAW; a linear
support vector machine with C = 0.01 and balanced classes, as in disentanglement_lib.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.traversal.metrics.samples import Floats, Ints, arrays, split


@dataclass(frozen=True)
class SAP:
    """The score, and the share (d, f) of held-back samples whose factor j code i alone tells.

    A line cuts one code's range once for each value, so a factor of many values is told badly even
    by a perfect code: the score's best depends on the factors and is far below 1 for many values.
    """

    score: float
    accuracy: Tensor


def sap(factors: Tensor, codes: Tensor, *, most: tuple[int, int] = (10_000, 5_000)) -> SAP:
    """Tell each factor (n, f), int64, from each code (n, d) alone; the mean gap of the two best.

    Args:
        most: samples to learn from and to be judged on.
    """
    f, z = arrays(factors, codes)
    learned, judged = split(len(z), most)
    accuracy = np.zeros((z.shape[1], f.shape[1]))
    for i, code in enumerate(z.T):
        for j, factor in enumerate(f.T):
            told = _told(code[learned], factor[learned], code[judged])
            accuracy[i, j] = (told == factor[judged]).mean()
    best = np.sort(np.vstack([accuracy, np.zeros_like(accuracy[:1])]), axis=0)
    return SAP(float((best[-1] - best[-2]).mean()), torch.from_numpy(accuracy))


def _told(code: Floats, factor: Ints, asked: Floats) -> Ints:
    # Here and not above: the engine starts without the second that scikit-learn takes to import.
    from sklearn.svm import LinearSVC

    # The primal problem has the same answer as the dual one, and finds it without chance.
    machine = LinearSVC(C=0.01, class_weight="balanced", dual=False)
    machine.fit(code[:, None], factor)
    return np.asarray(machine.predict(asked[:, None]), dtype=np.int64)
