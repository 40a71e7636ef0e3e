"""Potential flows: curved ways through a latent space, learned while you watch.

Source: Y. Song, T. A. Keller, N. Sebe, M. Welling, Latent Traversals in Generative Models as
Potential Flows, ICML 2023, https://arxiv.org/abs/2304.12944. K potentials are trained on the frozen
generator; each pushes a latent along its gradient, obeys the wave equation, changes the picture,
and is told apart from the others by a judge that sees two neighboring pictures.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor

from engine.catalogue import PanelSpec, PresetSpec, SeriesSpec
from engine.messages import Pointer, UserEvent
from engine.method import Idle, Method, Paced, Settings, Solver, State, knob, tuned
from engine.traversal.arrival import PACE, Arrival
from engine.traversal.flow_page import confusions, landscape_on, strips_of
from engine.traversal.flow_training import FlowPlan, FlowTrainer, Numbers
from engine.traversal.plane import Plane
from engine.traversal.problem import Problem
from engine.traversal.strips_view import layout
from engine.traversal.views import first_plane

#: Iterations between two looks at the strips.
REDRAWN = 10
#: Potentials at most: as many strips find room.
MOST = 8


class Params(Settings):
    """Knobs of the training, and of what is seen of it."""

    count: int = knob(
        6,
        title="Potentials",
        help="How many ways are learned together; each becomes a strip.",
        ge=2,
        le=MOST,
    )
    path: int = knob(
        10,
        title="Steps of a way",
        help="Half of them forward, half backward.",
        ge=4,
        le=20,
        step=2,
    )
    iterations: int = knob(
        600,
        title="Training steps",
        help="A few hundred show what comes; a few thousand let it settle.",
        ge=1,
        le=100_000,
    )
    batch: int = knob(
        24,
        title="Latents per step",
        help="More are slower and steadier. The authors take 128 and more.",
        ge=8,
        le=256,
    )
    rate: float = knob(
        1e-3,
        title="Learning rate",
        help="How far a training step goes. The authors take 0.0001, for many more steps.",
        ge=1e-5,
        le=1e-2,
        scale="log",
        decimals=5,
        live=True,
    )
    wave: float = knob(
        1.0,
        title="Wave equation",
        help="How much a potential has to spread like a wave (the PDE term).",
        ge=0.0,
        le=100.0,
        group="Weights",
        live=True,
    )
    rest: float = knob(
        3.0,
        title="Start at rest",
        help="How much a flow has to begin gently (the initial condition).",
        ge=0.0,
        le=100.0,
        group="Weights",
        live=True,
    )
    jacobian: float = knob(
        0.1,
        title="Change the picture",
        help="How much every step has to change the picture (the Jacobian term, made large).",
        ge=0.0,
        le=10.0,
        group="Weights",
        live=True,
    )
    distinct: float = knob(
        3.0,
        title="Be told apart",
        help="How much the potentials have to differ in the eyes of the judge.",
        ge=0.0,
        le=10.0,
        group="Weights",
        live=True,
    )
    operator: Literal["laplacian", "published"] = knob(
        "laplacian",
        title="Space derivative",
        help="The wave equation has the Laplacian, the trace of the Hessian. The published code "
        "computes the Hessian's row sums in its place; try what that changes.",
        titles={"laplacian": "Laplacian", "published": "As in the published code"},
        group="Details",
        folded=True,
        live=True,
    )
    scale_free: bool = knob(
        True,
        title="Free of scale",
        help="Weigh large and small potentials alike in the terms of rest and change. Without, "
        "the terms are the published ones, whose weights are 1.",
        group="Details",
        folded=True,
        live=True,
    )
    learn_speed: bool = knob(
        True,
        title="Learn wave speeds",
        help="Each potential finds the speed of its waves; else it stays 1.",
        group="Details",
        folded=True,
        live=True,
    )
    detach: bool = knob(
        False,
        title="Short memory",
        help="A step answers for itself only, not for those that led to it: less memory for "
        "long ways.",
        group="Details",
        folded=True,
        live=True,
    )
    shown: int = knob(
        1,
        title="On the map",
        help="Which potential the map shows: high ground is sand, low ground blue, arrows point "
        "where it pushes.",
        ge=1,
        le=MOST,
        group="What is seen",
        live=True,
    )
    time: int = knob(
        1,
        title="At step",
        help="A potential changes with time: at step 0 it is to be flat.",
        ge=0,
        le=9,
        group="What is seen",
        live=True,
    )
    strength: float = knob(
        1.0,
        title="Strength",
        help="What every step of the strips is multiplied by.",
        ge=0.1,
        le=10.0,
        scale="log",
        group="What is seen",
        live=True,
    )
    play: int = knob(
        0,
        title="Play row",
        help="Lead the picture along a strip, forth and back; 0 stands still, and a number beyond "
        "the last strip is the last.",
        ge=0,
        le=MOST,
        group="What is seen",
        live=True,
    )

    def plan(self) -> FlowPlan:
        """What the trainer needs of them."""
        return FlowPlan(
            count=self.count,
            steps=self.path,
            batch=self.batch,
            iterations=self.iterations,
            rate=self.rate,
            wave=self.wave,
            rest=self.rest,
            jacobian=self.jacobian,
            scale_free=self.scale_free,
            distinct=self.distinct,
            operator=self.operator,
            detach=self.detach,
            learn_speed=self.learn_speed,
        )

    def seen(self) -> tuple[Any, ...]:
        """Whatever what is drawn depends on."""
        return self.shown, self.time, self.strength


class Page:
    """The potentials in training, and what is seen of them."""

    def __init__(self, problem: Problem, params: Params, seed: int) -> None:
        self.problem, self.seed = problem, seed
        self.trainer = FlowTrainer(problem.generator, params.plan(), seed)
        self.arrival = Arrival.of(problem)
        self.start = self.arrival.z
        self.plane, self.axes = first_plane(problem)
        self.frame = 0
        #: The column of each strip that is seen; the middle one is the start.
        self.column = params.plan().half
        self.row = 0
        self.views: dict[str, Tensor] = {}

    def look(self, params: Params) -> None:
        """Draw what is seen anew."""
        plan, field = params.plan(), self.trainer.field
        half = plan.half
        rows, speeds = strips_of(field, self.start, half, params.strength, plan.length)
        k = min(params.shown, field.count) - 1
        heights, slopes = landscape_on(field, k, self.plane, min(params.time, half - 1))
        steps = torch.arange(half).to(speeds)
        lines = [speeds.mean(0), speeds.amin(0), speeds.amax(0)]
        self.views = {
            "rows": rows,
            "walks": rows[k : k + 1],
            "landscape": heights,
            "slopes": slopes,
            "speed": torch.stack([steps, *lines]),
            "told": confusions(self.trainer.confusion),
        }

    def take(self, event: UserEvent, params: Params) -> bool:
        """A press on the map walks from there, one on a strip shows its picture.

        Returns whether the strips have to be drawn anew.
        """
        if not isinstance(event, Pointer) or event.phase == "release":
            return False
        if not self.arrival.over:
            if event.panel != "map" or event.phase != "press":
                return False
            self.arrival.stop()
        rows = self.views["rows"]
        if event.panel == "strips":
            place = layout(rows.shape[0], rows.shape[1], self.problem.generator.shape[-1])
            if (over := place.found(event.x, event.y)) is not None:
                self.row, self.column = over
            return False
        if event.panel == "map":
            self.start, self.column = self.plane.at(event.x, event.y), params.plan().half
            return True
        return False

    def play(self, params: Params) -> None:
        """Take the next picture of the strip that plays."""
        order = _forth_and_back(self.views["rows"].shape[1])
        self.frame = (self.frame + 1) % (len(order) * 2)
        self.row = min(params.play, self.trainer.field.count) - 1
        self.column = order[self.frame // 2]

    def state(self, step: int, params: Params, numbers: Numbers) -> State:
        """All of it, and what is drawn of it."""
        rows = self.views["rows"]
        z = self.start if self.arrival.over else self.arrival.z
        if self.column != params.plan().half:
            z = rows[self.row, self.column][None]
        order = _forth_and_back(rows.shape[1])
        speeds = [f"{float(c):.2f}" for c in self.trainer.field.speed.detach()]
        tensors = {
            "z": z,
            "plane": self.plane.tensor(),
            "start": self.start,
            "walk": rows[:, order].flatten(0, 1),
            **self.views,
            **self.trainer.tensors(),
            **{f"arrival.{k}": v for k, v in self.arrival.tensors.items()},
        }
        marks = [self.column if row == self.row else -1 for row in range(len(rows))]
        scalars: dict[str, Any] = {
            "look": {"dots": False, "axes": list(self.axes)},
            "titles": [f"Potential {k}\nwave speed {c}" for k, c in enumerate(speeds, 1)],
            "marks": marks,
            "curves": numbers,
            "kept": {
                "potentials": len(rows),
                "strength": params.strength,
                "half": params.plan().half,
            },
            "page": {
                "seed": self.seed,
                "frame": self.frame,
                "row": self.row,
                "column": self.column,
                "arrival": [self.arrival.taken, self.arrival.error],
            },
        }
        return State(step, params.iterations, tensors, scalars)

    def load(self, state: State) -> None:
        """Be where a state was."""
        tensors, page = state.tensors, state.scalars["page"]
        self.trainer.load(tensors)
        self.plane, self.start = Plane.of(tensors["plane"].clone()), tensors["start"].clone()
        self.axes = tuple(state.scalars["look"]["axes"])
        names = ("rows", "walks", "landscape", "slopes", "speed", "told")
        self.views = {name: tensors[name].clone() for name in names}
        self.frame, self.row, self.column = page["frame"], page["row"], page["column"]
        kept = {k: tensors[f"arrival.{k}"].clone() for k in self.arrival.tensors}
        self.arrival = Arrival(kept, *page["arrival"])


def told(parts: Numbers, count: int) -> Numbers:
    """What people are told of a step that trained ``count`` potentials: what panels declare."""
    numbers = {k: v for k, v in parts.items() if k in ("rest", "wave", "distinct")}
    if "accuracy" in parts:
        numbers |= {"accuracy": 100 * parts["accuracy"], "chance": 100 / count}
    return numbers


def _forth_and_back(columns: int) -> list[int]:
    """The columns of a strip from its middle to the right, to the left and home again."""
    middle = columns // 2
    return [*range(middle, columns), *range(columns - 2, -1, -1), *range(1, middle)]


def solve(
    problem: Problem, params: Params, rng: torch.Generator, state: State | None = None
) -> Solver:
    """Yield after every training step; then wait, to be dragged and played."""
    if state is None:
        seed = int(torch.randint(2**31, (1,), generator=rng))
    else:
        seed = int(state.scalars["page"]["seed"])
    page = Page(problem, params, seed)
    numbers: Numbers = {}
    step = 0
    if state is not None:
        page.load(state)
        step, numbers = state.step, state.scalars["curves"]
    else:
        page.look(params)
    while True:
        trains = page.arrival.over and step < params.iterations
        now = page.state(step, params, numbers)
        if trains:
            events = yield now
        else:
            moves = params.play > 0 or not page.arrival.over
            events = yield Paced(now, PACE) if moves else Idle(now)
        before, params = params, tuned(params, events)
        moved = [page.take(event, params) for event in events]
        anew = any(moved) or params.seen() != before.seen()
        if not page.arrival.over:
            numbers = page.arrival.go_on(problem)
            page.start = page.arrival.z
            anew = page.arrival.over
        elif trains:
            numbers = told(page.trainer.step(step, params.plan()), params.count)
            step += 1
            anew = anew or step % REDRAWN == 0 or step == params.iterations
        if anew:
            page.look(params)
        if params.play:
            page.play(params)


METHOD = Method(
    title="Potential flows",
    bench="traversal",
    summary="Curved ways through the latent space, each learned to change one thing of its own.",
    source="Song, Keller, Sebe, Welling 2023",
    url="https://arxiv.org/abs/2304.12944",
    params=Params,
    solve=solve,
    races=False,
    presets=(
        PresetSpec("watch", "Watch it learn", {}, "Six potentials, enough to see them part.", 40.0),
        PresetSpec(
            "settled",
            "Let it settle",
            {"iterations": 3000, "batch": 48},
            "The ways grow distinct and even.",
            250.0,
        ),
        PresetSpec(
            "published",
            "As published",
            {
                "operator": "published",
                "scale_free": False,
                "rest": 1.0,
                "jacobian": 1.0,
                "distinct": 1.0,
                "iterations": 3000,
            },
            "The terms of the published code, weights and all.",
            150.0,
        ),
    ),
    panels=(
        PanelSpec(
            name="accuracy",
            title="Told apart",
            kind="curve",
            series=(
                SeriesSpec("accuracy", "Judge is right", "%", better="high", decimals=1),
                SeriesSpec("chance", "By chance", "%", decimals=1),
            ),
            help="How often the judge tells from two neighboring pictures which potential led "
            "from one to the other. By chance it is once in the number of potentials.",
        ),
        PanelSpec(
            name="terms",
            title="Terms of the loss",
            kind="curve",
            series=(
                SeriesSpec("rest", "Rest", decimals=3),
                SeriesSpec("wave", "Wave", decimals=4),
                SeriesSpec("distinct", "Judge, nats", decimals=3),
            ),
            log_y=True,
            help="What is brought down: motion at the start, the error of the wave equation, and "
            "the judge's surprise.",
        ),
        PanelSpec(
            name="speed",
            title="Speed along the way",
            kind="plot",
            x_title="step",
            series=(
                SeriesSpec("mean", "Mean"),
                SeriesSpec("slowest", "Slowest"),
                SeriesSpec("fastest", "Fastest"),
            ),
            help="Length of the potentials' gradients along the strips: a flow starts at rest.",
        ),
        PanelSpec(
            name="told",
            title="Who is taken for whom",
            kind="image",
            help="Rows: the potential that moved the picture. Columns: what the judge said, in "
            "percent of the last fifty steps or so.",
        ),
    ),
    order=30,
)
