"""Scores of disentanglement on codes of which the answer is known."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.method import BadInput
from engine.traversal.metrics.dci import Trees, completeness, dci, disentanglement
from engine.traversal.metrics.factor_vae import FactorVAE, factor_vae
from engine.traversal.metrics.infomec import concentration, explicitness, infomec, live
from engine.traversal.metrics.mig import mig
from engine.traversal.metrics.report import evaluate, measure, report
from engine.traversal.metrics.sap import sap


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def drawn(n: int, factors: int, values: int, seed: int = 0) -> Tensor:
    return torch.randint(values, (n, factors), generator=rng(seed))


def turned(f: Tensor) -> Tensor:
    """Two factors as codes, turned by 45 degrees."""
    z = f.double()
    return torch.stack([z[:, 0] + z[:, 1], z[:, 0] - z[:, 1]], 1)


# The oracle table: ten factors of ten values.


@pytest.fixture(scope="module")
def ten() -> Tensor:
    return drawn(3000, 10, 10)


def voted(f: Tensor, z: Tensor) -> FactorVAE:
    return factor_vae(f, z, rng(1), train=2000, test=1000)


def test_codes_that_are_the_factors(ten: Tensor) -> None:
    z = ten.double()
    assert 0.9 <= mig(ten, z) <= 1.0
    assert mig(ten, z, discrete=True) == pytest.approx(mig(ten, z, bins=10))
    votes = voted(ten, z)
    assert votes.train >= 0.9
    assert votes.test >= 0.9
    trees = dci(ten, z, trees="forest", most=(1000, 1000))
    assert trees.disentanglement >= 0.9
    assert trees.completeness >= 0.9
    assert trees.informativeness >= 0.99
    assert trees.importance.argmax(0).tolist() == list(range(10))


def test_codes_of_zero(ten: Tensor) -> None:
    z = torch.zeros(3000, 10)
    assert mig(ten, z) <= 1e-9
    assert (voted(ten, z).train, voted(ten, z).test) == (0.0, 0.0)
    trees = dci(ten, z, trees="forest", most=(1000, 1000))
    assert (trees.disentanglement, trees.completeness) == (0.0, 0.0)
    assert trees.informativeness == pytest.approx(0.1, abs=0.05)
    assert sap(ten, z).score == 0.0
    info = infomec(ten, z)
    assert (info.modularity, info.compactness) == (0.0, 0.0)
    assert info.explicitness == pytest.approx(0.0, abs=1e-6)
    assert not info.live.any()


def test_codes_that_are_there_twice(ten: Tensor) -> None:
    z = torch.cat([ten, ten], 1).double()
    assert mig(ten, z) <= 1e-12
    assert sap(ten, z).score == 0.0
    assert voted(ten, z).test >= 0.9
    trees = dci(ten, z, trees="forest", most=(1000, 1000))
    assert trees.disentanglement >= 0.9
    assert trees.completeness == pytest.approx(1 - math.log(2) / math.log(20), abs=0.05)


def test_codes_in_a_random_order(ten: Tensor) -> None:
    order = torch.rand(ten.shape, generator=rng(2)).argsort(1)
    z = ten.gather(1, order).double()
    assert mig(ten, z) < 0.05
    assert voted(ten, z).test < 0.3
    trees = dci(ten, z, trees="forest", most=(1000, 1000))
    assert 0 <= trees.disentanglement < 0.1
    assert 0 <= trees.completeness < 0.1


def test_the_largest_of_two_codes_leads_by_what_the_other_lacks() -> None:
    # Of 3 bits the first code tells all and the second 1: a gap of two thirds.
    f = torch.cartesian_prod(torch.arange(8), torch.arange(2))
    z = torch.stack([f[:, 0], f[:, 0] // 4], 1).double()
    assert mig(f, z, discrete=True) == pytest.approx((2 / 3 + 0) / 2)
    # One code alone is ahead by all that it tells.
    assert mig(f, z[:, 1:], discrete=True) == pytest.approx((1 / 3 + 0) / 2)


# FactorVAE.


def test_a_vote_goes_to_the_code_that_stands_still() -> None:
    f = drawn(2000, 3, 5)
    noise = torch.randn(2000, 1, generator=rng(1))
    faint = 0.01 * f[:, :1]
    z = torch.cat([2.0 - f[:, 2:], noise, f[:, 1:2], faint, f[:, :1]], 1)
    votes = voted(f, z)
    assert votes.test == 1.0
    # Codes that hardly move are left out, though they stand still as well.
    assert votes.live.tolist() == [True, True, True, False, True]
    assert votes.votes.argmax(0).tolist() == [4, 2, 0]
    assert float(votes.votes.sum()) == 2000


def test_codes_that_mix_two_factors_win_the_votes_of_one() -> None:
    f = drawn(2000, 2, 10)
    assert voted(f, turned(f)).test == pytest.approx(0.5, abs=0.06)


def test_a_value_that_is_rare_is_held_with_the_samples_that_it_has() -> None:
    f = drawn(300, 2, 2)
    f[:2, 0] = 7
    assert voted(f, f.double()).test == 1.0
    with pytest.raises(BadInput, match="no value twice"):
        voted(torch.arange(50)[:, None], torch.randn(50, 2, generator=rng()))


# DCI, by the matrix of importances.


FIVE = 5 * np.eye(5)
FEW = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])


@pytest.mark.parametrize(
    ("importance", "d", "c"),
    [
        (FIVE, 1.0, 1.0),
        (FEW, 1.0, 1.0),
        (FIVE[:2], 1.0, 1.0),
        (np.vstack([FIVE, FIVE]), 1.0, 1 - math.log(2) / math.log(10)),
        (np.hstack([FIVE, FIVE]), 1 - math.log(2) / math.log(10), 1.0),
        (np.zeros((10, 10)), 0.0, 0.0),
        (np.ones((4, 3)), 0.0, 0.0),
        # Weighted: nine tenths of the importance are focused.
        (np.array([[9.0, 0.0], [0.5, 0.5]]), 0.9, None),
        (np.ones((1, 1)), 1.0, 1.0),
    ],
    ids=["diagonal", "empty", "missed", "redundant", "shared", "zero", "even", "weighted", "one"],
)
def test_focus_of_a_known_matrix(
    importance: np.ndarray[tuple[int, int], np.dtype[np.float64]], d: float, c: float | None
) -> None:
    assert disentanglement(importance) == pytest.approx(d, abs=1e-7)
    if c is not None:
        assert completeness(importance) == pytest.approx(c, abs=1e-7)


@pytest.mark.parametrize("trees", ["boosted", "forest"])
def test_trees_look_at_the_codes_that_tell(trees: Trees) -> None:
    f = drawn(900, 3, 4)
    noise = torch.randn(900, 2, generator=rng(1))
    z = torch.cat([noise[:, :1], f[:, [1, 0]] + 0.05 * noise, -f[:, 2:]], 1)
    told = dci(f, z, trees=trees)
    assert told.importance.argmax(0).tolist() == [2, 1, 3]
    assert told.importance.sum(0).tolist() == pytest.approx([1.0] * 3)
    assert told.disentanglement > 0.95
    assert told.completeness > 0.95
    assert told.informativeness > 0.97
    blind = dci(f, torch.zeros(900, 2), trees=trees)
    assert (blind.disentanglement, blind.completeness) == (0.0, 0.0)


def test_a_forest_agrees_with_boosted_trees() -> None:
    f = drawn(900, 3, 4)
    z = f + 0.6 * torch.randn(900, 3, generator=rng(1))
    z[:, 1] = 0.6 * z[:, 1] + 0.4 * z[:, 2]
    slow, quick = dci(f, z, trees="boosted"), dci(f, z, trees="forest")
    assert 0.2 < slow.disentanglement < 0.8
    assert quick.disentanglement == pytest.approx(slow.disentanglement, abs=0.1)
    assert quick.completeness == pytest.approx(slow.completeness, abs=0.1)
    assert quick.informativeness == pytest.approx(slow.informativeness, abs=0.05)


# SAP.


def test_two_values_are_told_by_one_code_or_by_none() -> None:
    f = drawn(600, 3, 2)
    z = torch.cat([f, torch.randn(600, 1, generator=rng(1))], 1).double()
    told = sap(f, z)
    assert told.score == pytest.approx(0.5, abs=0.06)
    assert torch.equal(told.accuracy.argmax(0), torch.arange(3))
    assert float(told.accuracy.amax(0).min()) == 1.0
    # With one code there is none to be ahead of.
    assert sap(f[:, :1], z[:, :1]).score == 1.0


# InfoMEC.


def test_labels_that_are_the_factors_are_perfect() -> None:
    f = drawn(10_000, 4, 5)
    info = infomec(f, f.double(), discrete=True)
    assert info.modularity == pytest.approx(1, abs=0.01)
    assert info.explicitness == pytest.approx(1, abs=0.01)
    assert info.compactness == pytest.approx(1, abs=0.01)
    assert torch.allclose(info.nmi, torch.eye(4, dtype=torch.float64), atol=0.01)


def test_labels_have_no_order() -> None:
    z = drawn(2000, 2, 6)
    f = z % 2
    info = infomec(f, z.double(), discrete=True)
    assert info.explicitness == pytest.approx(1, abs=0.01)
    again = infomec(f, torch.tensor([3, 0, 4, 1, 5, 2])[z].double(), discrete=True)
    assert torch.allclose(again.nmi, info.nmi)
    # As numbers they are beyond a linear probe.
    assert explicitness(f, z.double()) < 0.3


@pytest.mark.parametrize("discrete", [True, False])
def test_noise_explains_nothing(discrete: bool) -> None:
    f = drawn(10_000, 4, 5)
    z = drawn(10_000, 4, 10, seed=1).double()
    info = infomec(f, z, discrete=discrete)
    assert info.explicitness == pytest.approx(0, abs=0.01)
    assert float(info.nmi.max()) < 0.02


def test_codes_that_are_there_twice_stay_modular_and_lose_compactness() -> None:
    f = drawn(10_000, 4, 5)
    info = infomec(f, torch.cat([f, f], 1).double(), discrete=True)
    assert info.modularity == pytest.approx(1, abs=0.01)
    # A half where 1/8 is chance.
    assert info.compactness == pytest.approx((0.5 - 1 / 8) / (1 - 1 / 8), abs=0.01)
    assert info.explicitness == pytest.approx(1, abs=0.01)


def test_a_turn_by_45_degrees_takes_modularity_and_leaves_explicitness() -> None:
    f = drawn(10_000, 2, 10)
    plain, skew = infomec(f, f.double()), infomec(f, turned(f))
    assert plain.modularity == pytest.approx(1, abs=0.01)
    assert skew.modularity == pytest.approx(0, abs=0.02)
    assert skew.compactness == pytest.approx(0, abs=0.02)
    assert skew.explicitness == pytest.approx(plain.explicitness, abs=0.01)
    # With more factors it falls part of the way only.
    f = drawn(5000, 4, 5)
    info = infomec(f, torch.cat([turned(f[:, :2]), turned(f[:, 2:])], 1))
    assert info.modularity == pytest.approx((0.5 - 1 / 4) / (1 - 1 / 4), abs=0.02)


def test_dead_codes_are_left_out_by_their_range() -> None:
    f = drawn(2000, 3, 4)
    noise = torch.randn(2000, 2, generator=rng(1)).double()
    z = torch.cat([f.double(), 0.02 * noise[:, :1] / noise.abs().max(), noise[:, 1:]], 1)
    assert live(z).tolist() == [True, True, True, False, True]
    assert infomec(f, z[:, :4]).modularity == pytest.approx(1, abs=0.02)
    labels = torch.cat([f, f[:, :1] * 0 + 7], 1).double()
    assert live(labels, discrete=True).tolist() == [True, True, True, False]
    info = infomec(f, labels, discrete=True)
    assert info.compactness == pytest.approx(1, abs=0.02)
    assert info.nmi.shape == (3, 4)


def test_concentration_of_known_shares() -> None:
    assert concentration(np.eye(3)) == pytest.approx(1)
    assert concentration(np.ones((2, 5))) == pytest.approx(0)
    assert concentration(np.array([[2.0, 0.0], [0.0, 0.0]])) == pytest.approx(0.5)
    assert concentration(np.array([[0.3], [0.1]])) == 1.0
    assert concentration(np.zeros((3, 0))) == 0.0


def test_guessing_costs_the_log_of_the_classes_even_if_they_are_rare() -> None:
    # What the closed form stands for: the same probe with nothing to go by.
    f = torch.tensor([0] * 50 + [1] * 30 + [2] * 7)[:, None]
    assert explicitness(f, torch.zeros(87, 2)) == pytest.approx(0, abs=1e-6)


# All at once.


def test_one_report_of_all_scores() -> None:
    f = drawn(1500, 3, 4)
    z = torch.cat([f + 0.1 * torch.randn(1500, 3, generator=rng(1)), torch.zeros(1500, 1)], 1)
    parts = list(measure(f, z))
    assert [len(part.scores) for part in parts] == [3, 4, 5, 6, 9]
    whole = parts[-1]
    names = "info_m info_e info_c mig factor_vae sap dci_d dci_c dci_i"
    assert list(whole.scores) == names.split()
    for name, score in whole.scores.items():
        assert 0.2 < score < 0.8 if name == "sap" else 0.85 < score <= 1.0, name
    assert whole.nmi is not None
    assert whole.importance is not None
    assert whole.live is not None
    assert whole.nmi.shape == (3, 4)
    assert whole.importance.shape == (4, 3)
    assert whole.live.tolist() == [True, True, True, False]
    assert evaluate(f, z) == whole.scores
    counted = report(f, z.round(), discrete=True)
    assert counted.scores["info_e"] > 0.99


@pytest.mark.parametrize(
    ("f", "z", "message"),
    [
        (drawn(9, 2, 3).double(), torch.zeros(9, 2), "factors are torch.float64"),
        (drawn(9, 2, 3)[:, 0], torch.zeros(9, 2), r"factors have shape \(9,\)"),
        (drawn(9, 2, 3), torch.zeros(8, 2), r"codes have shape \(8, 2\); \(9, d\) is needed"),
        (drawn(9, 2, 3), torch.full((9, 2), torch.nan), "not finite"),
        (drawn(9, 2, 3) * torch.tensor([1, 0]), torch.zeros(9, 2), "number 1 is always 0"),
    ],
    ids=["type", "shape", "count", "nan", "constant"],
)
def test_what_cannot_be_measured_is_refused(f: Tensor, z: Tensor, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        mig(f, z)


def test_scikit_learn_is_imported_when_a_score_is_computed_and_not_before() -> None:
    code = "import sys, engine.traversal.metrics.report; print('sklearn' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout.strip() == "False"
