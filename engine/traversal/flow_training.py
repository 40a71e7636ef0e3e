"""Training of potential flows on a frozen generator, as a generator of states.

Source: Y. Song, T. A. Keller, N. Sebe, M. Welling, Latent Traversals in Generative Models as
Potential Flows, ICML 2023, https://arxiv.org/abs/2304.12944. K potentials are trained together: a
batch holds equally many latents for each, and every latent has a time and a sign of its own. A
judge learns to tell from two neighboring pictures which potential led from one to the other, and
the potentials learn to be told apart, to change the picture, and to obey the wave equation.
"""

from __future__ import annotations

from collections.abc import Generator as Coroutine
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.method import BadInput, State
from engine.models.training import pack, unpack
from engine.nets.potential_field import PairJudge, PotentialField
from engine.traversal.generator import Generator
from engine.traversal.potentials import (
    Operator,
    Potential,
    flow,
    flow_wave_loss,
    jacobian_term,
    pair_at,
    picture_change,
    rest_loss,
)

Numbers = dict[str, float]
#: Share of the confusion matrix that a step keeps: a running count of about fifty batches.
REMEMBERED = 0.98


@dataclass(frozen=True, kw_only=True)
class FlowPlan:
    """How potentials are trained. All but ``count``, ``width`` may change on the way.

    Attributes:
        count: K, how many potentials.
        width: of their hidden layers; None takes 64, or the latent's size where that is more.
        steps: T, of a two-sided path: half of them on each side. At least 4.
        batch: latents of an iteration, rounded up to a multiple of K.
        iterations: how many.
        rate: of Adam.
        wave: weight of the wave equation.
        rest: weight of the rest condition.
        jacobian: weight of the change of the picture, which is made large.
        scale_free: whether these two weigh large and small potentials alike; else as the authors
            have them, who give both the weight 1.
        distinct: weight of telling the potentials apart.
        operator: ``laplacian``, or the row sums of the published code.
        length: of every step; None takes the gradient's own.
        both_sides: walk half of the latents backwards. To the judge, backwards and forwards are
            the same potential, so that no two of them are one way and its opposite.
        detach: keep training from looking through the walk.
        learn_speed: learn the wave speeds; else they stay.
    """

    count: int = 8
    width: int | None = None
    steps: int = 10
    batch: int = 64
    iterations: int = 3000
    rate: float = 1e-3
    wave: float = 1.0
    rest: float = 3.0
    jacobian: float = 0.1
    scale_free: bool = True
    distinct: float = 1.0
    operator: Operator = "laplacian"
    length: float | None = None
    both_sides: bool = True
    detach: bool = False
    learn_speed: bool = True

    def __post_init__(self) -> None:
        """Raises ``BadInput`` for numbers that no training can have."""
        for name, least in (("count", 1), ("steps", 4), ("batch", 1), ("iterations", 1)):
            value = getattr(self, name)
            if value < least:
                raise BadInput(f"{name} is {value}; it must be {least} or more", name)

    @property
    def half(self) -> int:
        """Steps on one side."""
        return self.steps // 2


def usual_width(latent_dim: int) -> int:
    """The width of the potentials of a latent space: 64, or its size made even."""
    return max(64, latent_dim + latent_dim % 2)


class FlowTrainer:
    """Potentials, their judge and Adam, on a frozen generator.

    Args:
        seed: of the initial weights and of every batch.
    """

    def __init__(self, generator: Generator, plan: FlowPlan, seed: int) -> None:
        self.generator, self.seed = generator, seed
        like = generator.sample(1, torch.Generator().manual_seed(0))
        width = plan.width or usual_width(generator.latent_dim)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.field = PotentialField(plan.count, generator.latent_dim, width).to(like)
            self.judge = PairJudge(generator.shape[0], plan.count).to(like)
        self._adam = torch.optim.Adam(
            [*self.field.parameters(), *self.judge.parameters()], lr=plan.rate
        )
        self.confusion = like.new_zeros(plan.count, plan.count)

    def step(self, k: int, plan: FlowPlan) -> Numbers:
        """Iteration ``k`` (from 0); its batch is a function of ``k`` and the seed alone.

        Returns:
            ``loss`` and its parts before weighting, those whose weight is not 0: ``rest``,
            ``wave``, ``jacobian`` (made large) and ``distinct`` (nats, with ``accuracy``, the
            running share of pairs that the judge tells right).
        """
        rng = torch.Generator().manual_seed((self.seed * 1_000_003 + k) % 2**32)
        for group in self._adam.param_groups:
            group["lr"] = plan.rate
        with torch.enable_grad():
            parts = self._parts(plan, rng)
            loss = sum(
                (weight * parts[name] for name, weight in _weights(plan).items() if name in parts),
                start=self.confusion.new_zeros(()),
            )
            self._adam.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
        if not plan.learn_speed:
            self.field.log_speed.grad = None
        self._adam.step()
        numbers = {name: float(value.detach()) for name, value in parts.items()}
        if "distinct" in parts:
            told = float(self.confusion.diagonal().sum() / self.confusion.sum())
            numbers["accuracy"] = told
        return {"loss": float(loss.detach()), **numbers}

    def _parts(self, plan: FlowPlan, rng: torch.Generator) -> dict[str, Tensor]:
        each = -(-plan.batch // plan.count)
        d = self.generator.latent_dim
        z = self.generator.sample(plan.count * each, rng).reshape(plan.count, each, d)
        times = torch.randint(plan.half - 1, z.shape[:2], generator=rng).to(z.device)
        back = torch.rand(z.shape[:2], generator=rng).to(z.device) < 0.5 * plan.both_sides
        sign = 1.0 - 2.0 * back.to(z)
        u: Potential = self.field
        flowed = flow(u, z, plan.half, sign=sign, length=plan.length, detach=plan.detach)
        parts = {}
        if plan.rest:
            parts["rest"] = rest_loss(flowed, plan.scale_free)
        if plan.wave:
            speed = self.field.speed[:, None]
            parts["wave"] = flow_wave_loss(u, flowed, speed, plan.operator, rng, plan.detach)
        pair = pair_at(flowed, times)
        before, after, step = (x.reshape(-1, d) for x in (pair.before, pair.after, pair.step))
        if plan.jacobian:
            change, first = picture_change(self.generator.decode, before, step)
            parts["jacobian"] = jacobian_term(change.reshape(times.shape), plan.scale_free)
        elif plan.distinct:
            first = self.generator.decode(before)
        if plan.distinct:
            second = self.generator.decode(after)
            parts["distinct"] = self._told_apart(first, second)
        return parts

    def _told_apart(self, first: Tensor, second: Tensor) -> Tensor:
        """The judge's cross entropy on pairs in the order in which they were walked."""
        logits, count = self.judge(first, second), self.judge.count
        truth = torch.arange(count, device=logits.device).repeat_interleave(len(logits) // count)
        seen = F.one_hot(truth, count).to(logits).mT @ F.one_hot(logits.argmax(1), count).to(logits)
        self.confusion = REMEMBERED * self.confusion + (1 - REMEMBERED) * seen
        return F.cross_entropy(logits, truth)

    def tensors(self) -> dict[str, Tensor]:
        """All that a checkpoint needs, borrowed: ``field.*``, ``judge.*``, ``adam.*``, and
        ``confusion`` (K, K), a running count of true potentials (rows) and told ones.
        """
        held = {f"field.{n}": p.detach() for n, p in self.field.named_parameters()}
        held |= {f"judge.{n}": p.detach() for n, p in self.judge.named_parameters()}
        return held | pack("adam", self._adam) | {"confusion": self.confusion}

    @torch.no_grad()
    def load(self, tensors: dict[str, Tensor]) -> None:
        """Go on from what ``tensors`` gave."""
        for prefix, network in (("field", self.field), ("judge", self.judge)):
            for name, parameter in network.named_parameters():
                parameter.copy_(tensors[f"{prefix}.{name}"])
        unpack("adam", self._adam, tensors)
        self.confusion = tensors["confusion"].clone()


def _weights(plan: FlowPlan) -> dict[str, float]:
    return {
        "rest": plan.rest,
        "wave": plan.wave,
        "jacobian": -plan.jacobian,
        "distinct": plan.distinct,
    }


def field_of(tensors: dict[str, Tensor]) -> PotentialField:
    """The potentials in the tensors of a state, copied, ready to be walked along."""
    weights = {n[6:]: v.detach().clone() for n, v in tensors.items() if n.startswith("field.")}
    count, width, latent_dim = weights["place.weight"].shape
    field = PotentialField(count, latent_dim, width).to(weights["place.weight"])
    field.load_state_dict(weights)
    return field.eval().requires_grad_(False)


def fit(
    generator: Generator, plan: FlowPlan, *, seed: int, state: State | None = None
) -> Coroutine[State, FlowPlan | None, None]:
    """Train potentials; yields the state at the start and after every iteration.

    What is sent in is the plan from then on. The states hold ``FlowTrainer.tensors()`` and as
    scalars the numbers of ``FlowTrainer.step``; given one as ``state``, the training goes on from
    it with equal bits on the CPU.
    """
    trainer = FlowTrainer(generator, plan, seed)
    numbers: Numbers = {}
    step = 0
    if state is not None:
        step, numbers = state.step, state.scalars
        trainer.load(state.tensors)
    while True:
        sent = yield State(step, plan.iterations, trainer.tensors(), dict(numbers))
        plan = sent or plan
        if step >= plan.iterations:
            return
        numbers = trainer.step(step, plan)
        step += 1
