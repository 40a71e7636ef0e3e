"""The metrics of disentanglement on codes of known worth: printed scores, seconds, and trees.

    python tests/benchmarks/disentanglement.py [--samples 10000] [--full] [--trees] [--codes ...]

The factors are those of the sprites. ``--full`` takes the published sizes and boosted trees, which
take minutes; ``--trees`` sets forests of several depths beside boosted trees. Seconds are processor
time of one thread.
"""

from __future__ import annotations

import argparse
import sys
import time

import torch
from _common import table
from torch import Tensor

from engine.data.factors import draw
from engine.data.sprites import Sprites
from engine.traversal.metrics import dci as trees
from engine.traversal.metrics.report import measure

EXTRA = 4


def codes_of(factors: Tensor, sizes: Tensor, kind: str, rng: torch.Generator) -> Tensor:
    """Codes as a model might give them: those of the factors in [-1.7, 1.7], and four more."""
    n, f = factors.shape
    clean = (factors + 0.5) / sizes * 3.4 - 1.7
    noise = torch.randn(n, EXTRA, generator=rng)
    if kind == "factors":
        return torch.cat([clean, 0.01 * noise], 1)
    z = torch.cat([clean + 0.15 * torch.randn(n, f, generator=rng), noise], 1)
    if kind == "one lost":
        z[:, 2] = torch.randn(n, generator=rng)
    if kind == "turned":
        z = z @ torch.linalg.qr(torch.randn(f + EXTRA, f + EXTRA, generator=rng))[0]
    if kind == "noise":
        z = torch.randn(n, f + EXTRA, generator=rng)
    return z


KINDS = ("factors", "noisy factors", "one lost", "turned", "noise")


def scores(factors: Tensor, sizes: Tensor, kinds: list[str], quick: bool) -> None:
    rows, seconds = [], {}
    for kind in kinds:
        z = codes_of(factors, sizes, kind, torch.Generator().manual_seed(1))
        began, known, spent = time.process_time(), set[str](), {}
        for part in measure(factors, z, quick=quick):
            now = time.process_time()
            spent[" ".join(sorted(set(part.scores) - known))] = now - began
            began, known, told = now, set(part.scores), part.scores
        rows.append((kind, *(f"{score:.3f}" for score in told.values())))
        seconds[kind] = spent
    table(("codes", *told), rows)
    print()
    names = list(seconds[kinds[0]])
    table(
        ("seconds", *(name.replace(" ", ", ") for name in names)),
        [(kind, *(f"{seconds[kind][name]:.2f}" for name in names)) for kind in kinds],
    )


def depths(factors: Tensor, sizes: Tensor, kinds: list[str]) -> None:
    from sklearn.ensemble import RandomForestClassifier

    rows = []
    usual = trees._model
    for kind in kinds:
        z = codes_of(factors, sizes, kind, torch.Generator().manual_seed(1))
        for name in ("boosted", "depth 4", "depth 6", "depth 8", "depth 12"):
            if name != "boosted":
                depth = int(name.split()[1])
                forest = RandomForestClassifier(
                    30, max_depth=depth, max_features=None, random_state=0
                )
                trees._model = lambda _, forest=forest: forest
            began = time.process_time()
            told = trees.dci(factors, z, most=(2000, 1000))
            spent = time.process_time() - began
            trees._model = usual
            numbers = (told.disentanglement, told.completeness, told.informativeness)
            rows.append((kind, name, *(f"{x:.3f}" for x in numbers), f"{spent:.1f}"))
    table(("codes", "trees", "dci_d", "dci_c", "dci_i", "seconds"), rows)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--trees", action="store_true")
    parser.add_argument("--codes", nargs="*", choices=KINDS, default=list(KINDS), metavar="KIND")
    args = parser.parse_args(argv)
    torch.set_num_threads(1)
    of = Sprites()
    factors = draw(of, args.samples, torch.Generator().manual_seed(0))
    varied = [i for i, factor in enumerate(of.factors) if factor.values > 1]
    sizes = torch.tensor([of.factors[i].values for i in varied])
    factors = factors[:, varied]
    if args.trees:
        depths(factors, sizes, args.codes)
    else:
        scores(factors, sizes, args.codes, not args.full)
    return 0


if __name__ == "__main__":
    sys.exit(main())
