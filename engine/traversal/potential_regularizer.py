"""Potentials as a regularizer: a VAE trained so that its flows are real transformations.

Source: Y. Song, T. A. Keller, N. Sebe, M. Welling, Latent Traversals in Generative Models as
Potential Flows, ICML 2023, https://arxiv.org/abs/2304.12944 (potentials as a regularizer). The data
give pictures and what a transformation makes of them, step by step; encoder, decoder and one
potential for each transformation are trained together, so that walking a step is transforming a
step.

The first step of a flow is at rest: the latent after ``s + 1`` steps stands for the picture
transformed ``s`` times.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.data.factors import FactorSet, draw, position
from engine.method import BadInput
from engine.models.vae_losses import cross_entropy, normal_kl
from engine.nets.potential_field import PotentialField
from engine.traversal.paths import Shifts, Walk, path
from engine.traversal.potentials import (
    Operator,
    flow,
    flow_wave_loss,
    jacobian_term,
    pair_at,
    picture_change,
    rest_loss,
)

#: ``encode(x) -> (mean, log variance)``, (n, d) each, of pictures (n, C, H, W).
Posterior = Callable[[Tensor], tuple[Tensor, Tensor]]
#: ``logits(z)``: pictures (n, C, H, W) before the sigmoid, of latents (n, d).
Logits = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Transformed:
    """Pictures of [0, 1] and what K transformations make of them, equally many for each.

    Attributes:
        x: (K, m, C, H, W), as they were.
        now: transformed ``times`` times, row k by transformation k.
        later: transformed once more.
        times: (K, m) int64, 0 to ``half - 2``.
    """

    x: Tensor
    now: Tensor
    later: Tensor
    times: Tensor


@dataclass(frozen=True, kw_only=True)
class Weights:
    """What the terms of the loss count for.

    The authors have ones, and terms that are not free of scale.

    Attributes:
        kl: of the divergences from the prior.
        wave: of the wave equation.
        rest: of the rest condition.
        jacobian: of the change of the picture along a step, which is made large.
        scale_free: whether these two weigh large and small potentials alike.
        match: of the distance between walked and encoded latents.
    """

    kl: float = 1.0
    wave: float = 1.0
    rest: float = 1.0
    jacobian: float = 0.1
    scale_free: bool = True
    match: float = 1.0


def factor_steps(
    of: FactorSet, names: Sequence[str], each: int, half: int, rng: torch.Generator
) -> Transformed:
    """Pictures of a set, and what one more of a factor's values makes of them.

    Args:
        names: the factors that are the transformations, in their order; ordered ones start low
            enough to be transformed ``half - 1`` times, circular ones go around.
        each: pictures for each of them.
        half: steps of a walk, 2 or more.

    Raises:
        BadInput: an unknown factor, one without order, or one with too few values.
    """
    count = len(names)
    codes = draw(of, count * each, rng).reshape(count, each, -1)
    times = torch.randint(half - 1, (count, each), generator=rng)
    now, later = codes.clone(), codes.clone()
    for k, name in enumerate(names):
        column = position(of, name)
        factor = of.factors[column]
        room = factor.values - (half - 1)
        if factor.kind == "category" or (factor.kind == "ordered" and room < 1):
            raise BadInput(f"factor {name!r} cannot be moved {half - 1} steps in order", "factor")
        if factor.kind == "ordered":
            codes[k, :, column] = torch.randint(room, (each,), generator=rng)
        now[k, :, column] = (codes[k, :, column] + times[k]) % factor.values
        later[k, :, column] = (codes[k, :, column] + times[k] + 1) % factor.values
    shape = (count, each, of.channels, of.size, of.size)
    x, y, z = (of.render(c.flatten(0, 1)).reshape(shape) for c in (codes, now, later))
    return Transformed(x, y, z, times)


def regularized(
    field: PotentialField,
    encode: Posterior,
    logits: Logits,
    batch: Transformed,
    *,
    half: int,
    rng: torch.Generator,
    weights: Weights | None = None,
    operator: Operator = "laplacian",
) -> dict[str, Tensor]:
    """The loss of a VAE whose latents flow as its pictures are transformed.

    Args:
        field: one potential for each transformation.
        half: steps of a walk.
        rng: a CPU generator, for the latents' noise.

    Returns:
        ``loss``, and its parts before weighting: ``elbo``, the negative evidence bound of the
        pictures in nats; ``moved``, that of the transformed ones from walked latents; ``rest``,
        ``wave`` and ``jacobian`` (made large); ``place`` and ``pace``, mean squares of the distance
        of encoded from walked latents and of their steps.
    """
    weights = weights or Weights()
    if field.count != len(batch.x):
        raise BadInput(
            f"field has {field.count} potentials for {len(batch.x)} transformations", "count"
        )
    groups = batch.times.shape

    def flat(pictures: Tensor) -> Tensor:
        return pictures.flatten(0, 1)

    def drawn(mean: Tensor, log_variance: Tensor) -> Tensor:
        noise = torch.randn(mean.shape, generator=rng, dtype=mean.dtype).to(mean)
        return mean + (0.5 * log_variance).exp() * noise

    mean, spread = encode(flat(batch.x))
    later_mean, later_spread = encode(flat(batch.later))
    z = drawn(mean, spread)
    now, later = drawn(*encode(flat(batch.now))), drawn(later_mean, later_spread)
    flowed = flow(field, z.reshape(*groups, -1), half)
    pair = pair_at(flowed, batch.times)
    before, after, step = (v.flatten(0, 1) for v in (pair.before, pair.after, pair.step))
    change = picture_change(lambda v: logits(v).sigmoid(), before, step)[0].reshape(groups)

    def bound(x: Tensor, made: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
        divergence = normal_kl(mean, log_variance).sum(1)
        return (cross_entropy(made, flat(x)) + weights.kl * divergence).mean()

    parts = {
        "elbo": bound(batch.x, logits(z), mean, spread),
        "moved": bound(batch.later, logits(after), later_mean, later_spread),
        "rest": rest_loss(flowed, weights.scale_free),
        "wave": flow_wave_loss(field, flowed, field.speed[:, None], operator, rng),
        "jacobian": jacobian_term(change, weights.scale_free),
        "place": (now - before).square().mean(),
        "pace": (later - now - step).square().mean(),
    }
    loss = (
        parts["elbo"]
        + parts["moved"]
        + weights.wave * parts["wave"]
        + weights.rest * parts["rest"]
        - weights.jacobian * parts["jacobian"]
        + weights.match * (parts["place"] + parts["pace"])
    )
    return {"loss": loss, **parts}


def equivariance_error(
    walk: Walk, z: Tensor, decode: Callable[[Tensor], Tensor], truth: Tensor
) -> Tensor:
    """How far walking is from transforming: (steps,), summed absolute differences of a picture.

    Args:
        z: latents (n, d) of the pictures as they were.
        decode: latents (n, d) to pictures (n, C, H, W).
        truth: (steps, n, C, H, W), the pictures transformed 0, 1, ... times.

    Returns:
        For each number of transformations, the mean over the pictures.
    """
    points = path(walk, z, len(truth))[1:]
    with torch.no_grad():
        made = torch.stack([decode(latents) for latents in points])
    return (made - truth).abs().flatten(2).sum(2).mean(1)


def mean_shifts(start: Tensor, codes: Tensor) -> Shifts:
    """The walk of a VAE that was told nothing: the average shift of its codes for each step.

    Args:
        start: codes (n, d) of pictures.
        codes: (steps, n, d), of the pictures transformed 0, 1, ... times.
    """
    return Shifts(torch.cat([start[None], codes]).diff(dim=0).mean(1))
