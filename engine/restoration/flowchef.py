"""FlowChef: steer a rectified flow without a gradient through its network.

Source: M. Patel, S. Wen, D. N. Metaxas, Y. Yang, Steering Rectified Flow Models in the
Vector Field for Controlled Image Generation, ICCV 2025, https://arxiv.org/abs/2412.00100.

At each time the flow's own guess of the picture is ``x_0 = x_t - t v``. Where paths are
straight, ``x_0`` moves as ``x_t`` does, so the gradient of a loss by ``x_0`` serves as the
gradient by ``x_t``: no backward pass through the network. After the corrections the walk
goes on with the old velocity.

The step is in units of the measurement: ``x_t -= strength A^T (A x_0 - y) / |A|^2``. At
strength 1 an undamaged pixel is set to what was measured. The paper's ``s`` multiplies the
gradient of a mean squared error over ``m`` measured numbers, so its strength is
``2 s |A|^2 / m``: for its s = 500 on 64 x 64 x 3 it is 0.081, and the same for enlarging from
block means, where ``m`` and ``|A|^2`` shrink alike. Unlike ``s`` it does not depend on size.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from engine.catalogue import PanelSpec, PresetSpec, SeriesSpec
from engine.method import Method, Settings, Solver, State, knob
from engine.restoration.diffusion import centered, draw, uncentered
from engine.restoration.flow import (
    FlowName,
    Straightness,
    estimate,
    first_time,
    flow_knob,
    load_flow,
    times,
)
from engine.restoration.guidance import strength_knob, subject_knob
from engine.restoration.posterior import COST, panels, repeated, samples_knob, summarized
from engine.restoration.prior import Network, network_knob
from engine.restoration.priors import Prior
from engine.restoration.problem import UNTOUCHED, Problem, RestorationSettings
from engine.restoration.steering import Pull, Task, can_steer, steering
from engine.restoration.stepping import Numbers, Tensors, stepped

#: The task that undoes no damage, so that there is none.
_DRAWN = {"task": ["class"]}


class Params(Settings):
    """Knobs of FlowChef."""

    task: Task = knob(
        "restore",
        title="What for",
        help="Restore the picture; or draw a new one of a class; or keep the picture and let "
        "what is in its hole become one of a class.",
        titles={
            "restore": "Restore what was measured",
            "class": "Draw a picture of a class",
            "edit": "Change what is in the hole",
        },
    )
    subject: str = subject_knob(when={"task": ["class", "edit"]})
    prior: FlowName = flow_knob()
    network: Network = network_knob()
    steps: int = knob(
        40, title="Steps", help="How many steps lead from the noise to the picture.", ge=2, le=1000
    )
    samples: int = samples_knob()
    strength: float = knob(
        0.4,
        title="Pull of the measurement",
        help="How far each correction goes: at 1 it goes all the way to what was measured. With "
        "more steps take less: steps times pull is 16 in both presets.",
        ge=0.01,
        le=1.0,
        scale="log",
        live=True,
    )
    guidance: float = strength_knob(when={"task": ["class", "edit"]})
    inner: int = knob(
        1,
        title="Corrections per step",
        help="More corrections keep closer to the measurement.",
        ge=1,
        le=20,
    )
    stop: float = knob(
        0.02,
        title="Stop correcting at",
        help="The time, from 1 for noise to 0 for the picture, after which the flow is left to "
        "itself and cleans the grain that the corrections copied.",
        ge=0.0,
        le=1.0,
        step=0.01,
        live=True,
    )
    skipping: bool = knob(
        True,
        title="Skip the network's gradient",
        help="On, as the paper proposes, nothing goes back through the network; off, the true "
        "gradient is used, which takes about three times as long.",
    )
    compare: bool = knob(
        False,
        title="Compare with the true gradient",
        help="Draws how alike the quick and the true gradient are, at the price of a backward "
        "pass per step.",
        folded=True,
    )


@dataclass(frozen=True)
class Steered:
    """One step: pictures (B, C, H, W), centered.

    Attributes:
        x: at the following time.
        x0: the flow's guess of the picture, corrected.
        v: the velocity followed.
        loss: before the corrections; 0 where there were none.
        cosine: of the quick and the true gradient, mean over the batch; None if not asked.
    """

    x: Tensor
    x0: Tensor
    v: Tensor
    loss: float = 0.0
    cosine: float | None = None


def flowchef_step(
    x: Tensor,
    prior: Prior,
    t: float,
    following: float,
    pull: Pull | None,
    *,
    inner: int = 1,
    skipping: bool = True,
    compare: bool = False,
) -> Steered:
    """From time ``t`` to the ``following`` one, with one network call.

    Args:
        x: at ``t``, (B, C, H, W), centered.
        pull: the step to take against the loss, as ``pull(x_0) -> (step, loss)``; None
            follows the flow unsteered.
        inner: corrections, all with the velocity that was found first.
        skipping: whether the step at ``x_0`` is taken at ``x_t`` as it is. If not, it goes
            back through the network first, one backward pass for each correction.
        compare: whether to measure both for the first correction.
    """
    true = pull is not None and not skipping
    if pull is None or not (true or compare):
        x0 = estimate(prior, x, t)
        leaf = guess = None
    else:
        leaf = x.detach().requires_grad_(True)
        with torch.enable_grad():
            guess = estimate(prior, leaf, t, differentiable=True)
        x0 = guess.detach()
    v = (x - x0) * (1.0 / t)
    loss, cosine = 0.0, None
    for k in range(inner if pull is not None else 0):
        assert pull is not None
        step, now = pull(x0)
        loss = now if k == 0 else loss
        if guess is not None and leaf is not None and (true or k == 0):
            (back,) = torch.autograd.grad(guess, leaf, step, retain_graph=True)
            if k == 0:
                cosine = alike(step, back)
            step = back if true else step
        x, x0 = x - step, x0 - step
    return Steered(x.sub(v, alpha=t - following), x0, v, loss, cosine)


def alike(a: Tensor, b: Tensor) -> float:
    """Cosine of the angle between ``a`` and ``b`` (B, ...), mean over the batch."""
    cosines = torch.nn.functional.cosine_similarity(a.flatten(1), b.flatten(1), dim=1)
    return float(cosines.mean())


def solve(
    problem: Problem, params: Params, rng: torch.Generator, state: State | None = None
) -> Solver:
    """Yield the guess after each step; ``level`` holds the pictures on their way."""
    A = problem.operator
    prior = load_flow(problem, params.prior, params.network)
    walk = times(params.steps, prior.sigma_max)
    steer = steering(problem, params.task, params.subject, params.prior)

    def shown(x0: Tensor) -> Tensors:
        tensors = summarized(x0, A)
        if params.task != "restore":
            # Pictures that are made up have no mean worth a look: show the first.
            tensors["x"] = uncentered(x0[:1])
        return tensors

    def first() -> Tensors:
        begin = repeated(centered(steer.start), params.samples)
        noise = draw(begin, rng)
        t = first_time(prior.sigma_max)
        path = Straightness.begun(begin)
        return {
            "level": (1.0 - t) * begin + t * noise,
            "drift": path.drift,
            "power": path.power,
            **shown(begin),
        }

    def step(k: int, at: Tensors, params: Params) -> tuple[Tensors, Numbers]:
        t, following = walk[k], walk[k + 1]
        # The last step goes to the picture itself and is never corrected.
        steered = t > params.stop and following > 0.0
        done = flowchef_step(
            at["level"],
            prior,
            t,
            following,
            steer.pull(params.strength, params.guidance, t, t - following) if steered else None,
            inner=params.inner,
            skipping=params.skipping,
            compare=params.compare,
        )
        path = Straightness(at["drift"], at["power"], walk[0] - t).after(done.v, t - following)
        tensors = {
            "level": done.x,
            "drift": path.drift,
            "power": path.power,
            **shown(done.x0),
        }
        numbers = {"loss": done.loss} if steered else {}
        if done.cosine is not None:
            numbers["cosine"] = done.cosine
        return tensors, numbers | {"straightness": path.value()}

    yield from stepped(
        params,
        state,
        total=len(walk) - 1,
        first=first,
        step=step,
        prior=prior,
        facts={"restores": params.task == "restore"},
    )


def _fits(params: Params, problem: RestorationSettings) -> None:
    can_steer(params.task, params.subject, params.prior, problem.damage)


METHOD = Method(
    title="FlowChef",
    bench="restoration",
    summary="Walks from noise to a picture on nearly straight paths, steered cheaply at each step.",
    source="Patel, Wen, Metaxas, Yang 2025",
    url="https://arxiv.org/abs/2412.00100",
    params=Params,
    solve=solve,
    fits=_fits,
    presets=(
        PresetSpec(
            "fast",
            "Fast",
            {"steps": 40, "strength": 0.4, "stop": 0.02},
            "Forty steps: for small pictures, whose networks walk in straight lines.",
            20.0,
        ),
        PresetSpec(
            "faithful",
            "Faithful",
            {"steps": 200, "strength": 0.081, "stop": 0.0},
            "Two hundred steps and the paper's pull, corrected to the end.",
            100.0,
            least=1.5,
        ),
    ),
    panels=(
        *panels(task=["restore"]),
        PanelSpec(
            name="estimate",
            title="New picture",
            kind="image",
            when={"task": ["class", "edit"]},
            help="The first of the pictures that are drawn, as it is now.",
        ),
        PanelSpec(
            name="damaged",
            title="Untouched",
            kind="image",
            when=_DRAWN,
            help="The picture as it was given: what is drawn has its size.",
        ),
        PanelSpec(
            name="loss",
            title="What is steered against",
            kind="curve",
            series=(SeriesSpec("loss", "Loss"),),
            log_y=True,
            help="Mean squared difference to the measurement from black at -1 to white at 1, "
            "and how unlikely the class is (in nats), before each correction.",
        ),
        PanelSpec(
            name="straightness",
            title="Straightness",
            kind="curve",
            series=(SeriesSpec("straightness", "Path"),),
            help="Of the path: 1 for a straight line so far; the more it bends, the closer to 0.",
        ),
        PanelSpec(
            name="cosine",
            title="Quick and true gradient",
            kind="curve",
            series=(SeriesSpec("cosine", "Cosine"),),
            help="1 where the quick gradient points as the true one does; drawn only if the "
            "comparison is switched on, or the true gradient is used.",
            optional=True,
        ),
        COST,
    ),
    fixed=UNTOUCHED,
    fixed_when=_DRAWN,
    answers_when={"task": ["restore"]},
    priors=(
        "photo-denoiser",
        "emoji-flow",
        "fashion-flow",
        "emoji-score",
        "fashion-score",
    ),
    order=55,
)
