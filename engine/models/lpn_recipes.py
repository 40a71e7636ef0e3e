"""What each learned proximal network is trained on, and the words of its card."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from engine.method import BadInput
from engine.models.photo_denoiser import HELD_BACK, read_folder
from engine.models.proximal import Batch, Stage
from engine.nets.lpn import ConvexPicture, LinePair, Potential

#: Laplace numbers of a batch on the line (unit scale), and points at which noise is looked at.
LINE_NUMBERS, LINE_POINTS = 3000, 100
#: Half the stretch of the line on which the prox is learned.
LINE_REACH = 4.5
#: Shares of all steps and gammas of proximal matching on the line, after the L1 start.
LINE_GAMMAS = (0.5, 0.25, 0.12, 0.06, 0.03, 0.01)
#: The last gamma of picture trainings is this times the root of the number of pixels.
PICTURE_GAMMA = 0.08
#: Digits and crops that no training sees, and on which the card's numbers are measured.
TESTED = 512


def even_numbers(count: int, rng: torch.Generator) -> Tensor:
    """``count`` numbers in (0, 1) in order, equally far apart, moved together by chance.

    Systematic sampling: an average over them is right in the mean, and nearly exact where the
    function is smooth over the distance of two numbers.
    """
    numbers = (torch.arange(count) + torch.rand(1, generator=rng)) / count
    return numbers.clamp(1e-7, 1 - 1e-7)


def line_batch(step: int, seed: int, count: int = LINE_NUMBERS, points: int = LINE_POINTS) -> Batch:
    """Laplace numbers (unit scale) and noisy points (unit noise), with their likelihoods.

    The average over the noise is taken exactly: every point y is matched with every number x,
    weighted by how likely the noise is that leads from x to y. As only averages over x for a given
    y shape the minimizer, the points may lie evenly. The numbers are drawn twice as far out as they
    should lie, and count for less there (importance sampling): the far ones are rare otherwise.
    """
    # torch's CPU generator looks at the low 32 bits of a seed only.
    rng = torch.Generator().manual_seed((seed * 1_000_003 + step) % 2**32)
    u = even_numbers(count, rng) - 0.5
    x = -2.0 * u.sign() * torch.log1p(-2.0 * u.abs())
    y = LINE_REACH * (2.0 * even_numbers(points, rng)[:, None] - 1.0)
    return Batch(x[:, None], y, torch.softmax(-0.5 * (y - x).square() - 0.5 * x.abs(), 1))


def soft_threshold(y: Tensor, threshold: float = 1.0) -> Tensor:
    """The exact prox of ``threshold |x|``."""
    return y.sign() * (y.abs() - threshold).clamp_min(0.0)


def line_stages(steps: int) -> list[Stage]:
    """An L1 start and the falling gammas of proximal matching, in so many steps in all."""
    shares = (0.05, 0.05, 0.05, 0.07, 0.13, 0.25, 0.4)
    rates = (3e-3, 3e-3, 3e-3, 3e-3, 3e-3, 2e-3, 1.5e-3, 1e-5)
    counts = [max(1, round(share * steps)) for share in shares]
    counts[-1] = max(1, steps - sum(counts[:-1]))
    matching = zip(counts[1:], LINE_GAMMAS, rates[1:], rates[2:], strict=False)
    return [
        Stage("l1", counts[0], rates[0]),
        *(Stage("match", count, rate, gamma, last) for count, gamma, rate, last in matching),
    ]


def picture_stages(steps: int, rate: float, numbers: int) -> list[Stage]:
    """Half of the steps plain L1, then proximal matching at 8, 4, 2 and 1 times the last gamma.

    Args:
        numbers: pixels times channels of a training picture.
    """
    least = PICTURE_GAMMA * math.sqrt(numbers)
    start = steps // 2
    quarter = max(1, (steps - start) // 4)
    slow = 0.2 * rate
    ends = (1.0, 0.8, 0.6, 0.4, 0.1)
    return [
        Stage("l1", max(1, start), rate, last=slow),
        *(
            Stage("match", quarter, slow * ends[k], least * 2 ** (3 - k), slow * ends[k + 1])
            for k in range(4)
        ),
    ]


@dataclass(frozen=True, kw_only=True)
class Task:
    """One training, ready to run.

    Attributes:
        network: makes the untrained network; torch is seeded.
        parts: name of a part of the network (empty for all of it) to its stages.
        batch: ``batch(step, seed)``.
        measure: numbers of a trained network for its card.
    """

    network: Callable[[], nn.Module]
    arguments: dict[str, Any]
    parts: dict[str, list[Stage]]
    batch: Callable[[int, int], Batch]
    measure: Callable[[nn.Module], dict[str, float]]


def line_task(steps: int) -> Task:
    """``lpn-line``: both networks of a ``LinePair`` on the same Laplace numbers."""
    arguments: dict[str, Any] = {"width": 50, "hidden": 4, "beta": 20.0, "alpha": 0.0}
    matched = line_stages(steps)
    squared = [Stage("l2", sum(stage.steps for stage in matched), 3e-3, last=1e-5)]
    return Task(
        network=lambda: LinePair(**arguments),
        arguments=arguments,
        parts={"matched": matched, "squared": squared},
        batch=line_batch,
        measure=line_errors,
    )


@torch.no_grad()
def line_errors(pair: nn.Module) -> dict[str, float]:
    """Largest distance of both networks from the exact prox on [-3, 3]."""
    assert isinstance(pair, LinePair)
    y = torch.linspace(-3.0, 3.0, 1201)[:, None]
    exact = soft_threshold(y)
    return {
        "error_on_3_matched": float((pair.matched(y) - exact).abs().max()),
        "error_on_3_squared": float((pair.squared(y) - exact).abs().max()),
    }


def digits(folder: Path, part: str = "train") -> Tensor:
    """MNIST digits, uint8 ``(n, 1, 28, 28)``: the 60,000 to train on, or the 10,000 of ``test``.

    Raises:
        BadInput: the folder holds no ``mnist.npz``.
    """
    file = folder / "mnist.npz"
    if not file.is_file():
        raise BadInput(f"data: {folder} holds no mnist.npz", "data")
    with np.load(file) as arrays:
        return torch.from_numpy(arrays[f"x_{part}"])[:, None]


def noisy(clean: Tensor, sigma: float, rng: torch.Generator) -> Tensor:
    """Pictures with white noise, not clipped."""
    return clean + sigma * torch.randn(clean.shape, generator=rng)


def digits_task(folder: Path, steps: int, batch: int, rate: float, sigma: float) -> Task:
    """``lpn-digits``."""
    arguments: dict[str, Any] = {"channels": 1, "width": 32, "beta": 10.0, "size": 28}
    train, test = digits(folder), digits(folder, "test")[:TESTED]

    def draw(step: int, seed: int) -> Batch:
        rng = torch.Generator().manual_seed((seed * 1_000_003 + step) % 2**32)
        which = torch.randint(len(train), (batch,), generator=rng)
        clean = train[which].float() / 255
        return Batch(clean, noisy(clean, sigma, rng))

    return _picture_task(arguments, picture_stages(steps, rate, 28 * 28), draw, test, sigma)


def photos_task(folder: Path, steps: int, batch: int, rate: float, sigma: float) -> Task:
    """``lpn-photos``: crops of photographs, of which every 36th is kept out of training."""
    arguments: dict[str, Any] = {
        "channels": 3,
        "width": 32,
        "strides": [1, 2, 1, 2],
        "beta": 30.0,
        "alpha": 1e-3,
        "center": 0.5,
    }
    side = 40
    pictures = read_folder(folder)
    train = [p for i, p in enumerate(pictures) if i % HELD_BACK] or pictures
    test = torch.stack([p[:, 30:286, 30:286] for p in pictures[::HELD_BACK]])

    def draw(step: int, seed: int) -> Batch:
        rng = torch.Generator().manual_seed((seed * 1_000_003 + step) % 2**32)
        clean = torch.stack([crop(train, side, rng) for _ in range(batch)])
        return Batch(clean, noisy(clean, sigma, rng))

    stages = picture_stages(steps, rate, 3 * side * side)
    return _picture_task(arguments, stages, draw, test, sigma)


def crop(pictures: Sequence[Tensor], side: int, rng: torch.Generator) -> Tensor:
    """A random square of a random picture, mirrored half of the time, float32 in [0, 1]."""

    def below(count: int) -> int:
        return int(torch.randint(count, (1,), generator=rng))

    picture = pictures[below(len(pictures))]
    top, left = below(picture.shape[1] - side + 1), below(picture.shape[2] - side + 1)
    square = picture[:, top : top + side, left : left + side].float() / 255
    return square.flip(-1) if below(2) else square


def _picture_task(
    arguments: dict[str, Any],
    stages: list[Stage],
    draw: Callable[[int, int], Batch],
    test: Tensor,
    sigma: float,
) -> Task:
    return Task(
        network=lambda: ConvexPicture(**arguments),
        arguments=arguments,
        parts={"": stages},
        batch=draw,
        measure=lambda network: picture_numbers(network, test, sigma),
    )


@torch.no_grad()
def picture_numbers(network: nn.Module, pictures: Tensor, sigma: float) -> dict[str, float]:
    """PSNR in dB of held-back pictures with noise, before and after one prox."""
    assert isinstance(network, Potential)
    clean = pictures.float() / 255
    given = noisy(clean, sigma, torch.Generator().manual_seed(0))
    restored = torch.cat([network(part) for part in torch.split(given, 64)])

    def psnr(x: Tensor) -> float:
        errors = (x - clean).square().mean((1, 2, 3)).clamp_min(1e-12)
        return float((-10 * errors.log10()).mean())

    return {"held_back_psnr_noisy": psnr(given), "held_back_psnr_prox": psnr(restored)}


_CUT = (
    "Cut to what a CPU trains in minutes: {cut}. Source: Fang, Buchanan, Sulam, What's in a Prior? "
    "Learned Proximal Networks for Inverse Problems, ICLR 2024."
)
TEXTS: dict[str, dict[str, Any]] = {
    "lpn-line": {
        "title": "Learned prox on the line",
        "summary": "A proximal operator learned from Laplace numbers of unit scale with unit noise "
        "(soft-thresholding, once it is learned), and its twin trained by squared error.",
        "data": "Laplace numbers, drawn evenly as the training goes, and the noise averaged "
        "over exactly by its likelihood. No data set.",
        "data_terms": "Synthetic numbers; no terms.",
        "limits": _CUT.format(
            cut="some thousand steps instead of 44,000, made up for by the exact average over the "
            "noise; gamma goes on from 0.1 to 0.01, for at 0.1 even the exact minimizer is 0.11 "
            "away from soft-thresholding"
        ),
        "published": {
            "LPN": "in one dimension the paper shows figures, no numbers; 10,000 weights"
        },
    },
    "lpn-digits": {
        "title": "Learned prox of digits",
        "summary": "The proximal operator of a learned prior of handwritten digits of 28x28 "
        "pixels; the prior's value of a picture can be read from it.",
        "data": "MNIST: the 60,000 training digits; the numbers here are of the first 512 test "
        "digits (LeCun, Cortes, Burges 1998)",
        "data_terms": "The repository that carries the files says MIT; the terms of the original "
        "digits are not stated there. Cite LeCun et al. 1998.",
        "limits": _CUT.format(
            cut="32 channels instead of 64, and some thousand steps instead of 40,000"
        ),
        "published": {"LPN": "64 channels on 28x28 digits, sigma 0.1; figures of the prior only"},
    },
    "lpn-photos": {
        "title": "Learned prox of photographs",
        "summary": "The proximal operator of a learned prior of photographs of any size: a sum of "
        "one convex function over all places, so that it stays one prior at every size.",
        "data": "BSDS500 without the 68 pictures of CBSD68: 432 photographs of 481x321 pixels, "
        "12 of them held back for the numbers here (Arbelaez et al., TPAMI 2011)",
        "data_terms": "The licence of the photographs is not stated with the data; the original "
        "page is commonly quoted as allowing non-commercial research and education. The "
        "weights inherit these terms: use them for research and teaching, and cite "
        "Arbelaez et al. 2011.",
        "limits": _CUT.format(
            cut="32 channels and four layers instead of 256 and seven, crops of 40 pixels instead "
            "of 128, summed over places instead of seen as a whole, some thousand steps instead "
            "of 40,000"
        ),
        "published": {
            "LPN": "CelebA 128, deblurring at blur 1, noise 0.02: about 33.0 dB, as PnP-GS"
        },
    },
}
