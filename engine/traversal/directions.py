"""Classic directions of a latent space, side by side: one strip and one slider for each.

Sources: I. Higgins et al., beta-VAE, ICLR 2017 (sweeps of axes); E. Härkönen, A. Hertzmann, J.
Lehtinen, S. Paris, GANSpace, NeurIPS 2020, https://arxiv.org/abs/2004.02546 (principal components,
sliders in units of their deviation, several pictures moved together); Y. Shen, B. Zhou, SeFa, CVPR
2021, https://arxiv.org/abs/2007.06600 (directions in closed form from the weights).
"""

from __future__ import annotations

import math
from typing import Any, Literal

import torch
from torch import Tensor

from engine.catalogue import PanelSpec, PresetSpec
from engine.messages import Nudge, Pointer, UserEvent
from engine.method import BadInput, Idle, Method, Paced, Settings, Solver, State, knob, tuned
from engine.traversal.arrival import PACE, Arrival
from engine.traversal.factor_curves import CodeReader, changes, drawing, reader_of
from engine.traversal.kept import read_flow, read_kept, told
from engine.traversal.paths import Directions, Walk, between, led, path
from engine.traversal.plane import Plane, plane_through
from engine.traversal.problem import Problem
from engine.traversal.strips_view import Layout, layout
from engine.traversal.views import REACH, RULES, found

#: Strips at most, and pictures on each side of one.
ROWS, SIDE = 8, 5
#: The farthest that a slider goes, in sigmas.
FARTHEST = 8.0

Source = Literal["axes", "pca", "sefa", "random", "supervised", "race", "kept"]


_SIGMAS = "Sigmas. A row that is not there moves nothing."


class Sliders(Settings):
    """How far one is along each direction."""

    d1: float = knob(0.0, title="Row 1", help=_SIGMAS, unit="σ", ge=-8, le=8, live=True)
    d2: float = knob(0.0, title="Row 2", help=_SIGMAS, unit="σ", ge=-8, le=8, live=True)
    d3: float = knob(0.0, title="Row 3", help=_SIGMAS, unit="σ", ge=-8, le=8, live=True)
    d4: float = knob(0.0, title="Row 4", help=_SIGMAS, unit="σ", ge=-8, le=8, live=True)
    d5: float = knob(0.0, title="Row 5", help=_SIGMAS, unit="σ", ge=-8, le=8, live=True)
    d6: float = knob(0.0, title="Row 6", help=_SIGMAS, unit="σ", ge=-8, le=8, live=True)
    d7: float = knob(0.0, title="Row 7", help=_SIGMAS, unit="σ", ge=-8, le=8, live=True)
    d8: float = knob(0.0, title="Row 8", help=_SIGMAS, unit="σ", ge=-8, le=8, live=True)

    def values(self) -> list[float]:
        """All of them in order."""
        return [getattr(self, f"d{k}") for k in range(1, ROWS + 1)]


class Params(Settings):
    """Knobs of the strips."""

    rule: Source = knob(
        "axes",
        title="Directions",
        help="What finds them: the latent's own axes, the components in which real latents vary "
        "most, the weights of the generator's first layer, chance, or labels. A race shows the "
        "same direction number of every rule, and of a flow that you trained; kept ones come from "
        "an earlier run.",
        titles=RULES | {"race": "Race: all rules", "kept": "Kept from a run"},
    )
    file: str = knob(
        "",
        title="Kept directions",
        help="path.safetensors of an earlier run on this generator.",
        kind="file",
        when={"rule": ["kept"]},
    )
    flow: str = knob(
        "",
        title="Trained flow",
        help="path.safetensors of an earlier run of potential flows on this generator: its curved "
        "way joins the race. Steps of all rows are equally long; 1 σ of a flow is 1 in the latent.",
        kind="file",
        when={"rule": ["race"]},
    )
    first: int = knob(
        1,
        title="First direction",
        help="The most telling is 1. A race shows this one of every rule.",
        ge=1,
        le=64,
        live=True,
    )
    rows: int = knob(
        6,
        title="Strips",
        help="How many directions are shown; there are as many as the latent has numbers.",
        ge=1,
        le=ROWS,
        when={"rule": ["axes", "pca", "sefa", "random", "supervised", "kept"]},
    )
    reach: float = knob(
        3.0,
        title="Reach",
        help="How far a strip goes on either side. Beyond 3 σ there are hardly any real pictures.",
        unit="σ",
        ge=0.5,
        le=FARTHEST,
        live=True,
    )
    pinned: int = knob(
        1,
        title="Pictures moved together",
        help="A direction that means one thing means it for every picture. The strips show the "
        "first.",
        ge=1,
        le=9,
        live=True,
    )
    play: int = knob(
        0,
        title="Play row",
        help="Lead the pictures back and forth along the strip of this number; 0 stands still, and "
        "a number beyond the last strip is the last.",
        ge=0,
        le=ROWS,
        live=True,
    )
    speed: int = knob(
        60,
        title="Pictures per round",
        help="Forth, back and to the start; 30 take a second.",
        ge=8,
        le=300,
        live=True,
    )
    names: str = knob(
        "",
        title="Names",
        help="What the rows mean to you, parted by commas; they are kept with the directions.",
    )
    sliders: Sliders = knob(Sliders(), title="Sliders", help="How far along each direction.")


class Strips:
    """The directions, and how far one is along each."""

    def __init__(self, problem: Problem, params: Params, seed: int) -> None:
        self.problem, self.seed = problem, seed
        self.arrival = Arrival.of(problem)
        self.values = params.sliders.values()
        self.rounds = 0
        self.held = -1
        self.reader = reader_of(problem)
        self._changes: tuple[tuple[Any, ...], Tensor] | None = None
        self.find(params)

    def find(self, params: Params) -> None:
        """Look for the directions that are to be shown."""
        self.directions, self.titles = shown(self.problem, params, self.seed)
        #: The walk of the last row, where it is not straight.
        self.flow: Walk | None = None
        if params.rule == "race" and params.flow:
            self._join(params)
        names = [name.strip() for name in params.names.split(",")]
        for k, name in enumerate(names[: len(self.titles)]):
            if name:
                self.titles[k] = f"{name}\n{self.titles[k].replace(chr(10), ' ')}"

    def _join(self, params: Params) -> None:
        """The walk of a trained flow, as the last row."""
        kept = read_flow(params.flow, self.problem)
        k = min(params.first, kept.field.count) - 1
        self.flow = kept.walk(k, SIDE)
        self.titles.append(f"Potential flow\nPotential {k + 1}")
        # To the map, and wherever a vector is asked for, it is where it leads at first.
        away = self.flow.step(self.base(), 1, 1.0) - self.base()
        one = torch.ones(1).to(self.directions.sigmas)
        self.directions = Directions(
            torch.cat([self.directions.vectors, away]),
            torch.cat([self.directions.sigmas, one]),
            torch.cat([self.directions.scores, one]),
        )

    @property
    def count(self) -> int:
        """How many strips there are."""
        return len(self.titles)

    def numbered(self) -> list[str]:
        """The titles with the number by which knobs call their row."""
        return [f"{k} · {title}" for k, title in enumerate(self.titles, 1)]

    # --- what a person does --------------------------------------------------------------

    def take(self, event: UserEvent, params: Params) -> None:
        """A press or drag on a strip moves its slider, a double press puts it back to 0; on the
        map they move the first two, and so do arrow keys.
        """
        if not isinstance(event, Pointer | Nudge):
            return
        if not self.arrival.over:
            if isinstance(event, Pointer) and event.phase != "press":
                return
            self.arrival.stop()
        if isinstance(event, Nudge):
            if event.panel == "map" and self.count > 1:
                z = self.bent(self.base(), self.values, params) + self.shift(self.values)
                x, y = self.plane().pixels(z)[0].tolist()
                self._go(x + event.dx, y + event.dy)
        elif event.phase == "release":
            self.held = -1
        elif event.panel == "strips":
            self._slide(event, params)
        elif event.panel == "map" and self.count > 1 and (event.phase == "press" or self.held < 0):
            self._go(event.x, event.y)

    def _slide(self, event: Pointer, params: Params) -> None:
        place = self.place()
        if event.phase == "press":
            over = place.found(event.x, event.y)
            self.held = over[0] if over is not None else -1
        if 0 <= self.held < self.count:
            value = place.along(event.x) * params.reach
            self.values[self.held] = 0.0 if event.clicks > 1 else value

    def _go(self, x: float, y: float) -> None:
        plane = self.plane()
        wanted = plane.places(plane.at(x, y)) - plane.places(self.base()[:1])
        moves = self.directions.vectors[:2] * self.directions.sigmas[:2, None]
        # What one sigma of each moves on the map, as columns.
        made = (plane.places(plane.origin + moves) - plane.places(plane.origin[None])).mT
        values = torch.linalg.solve(made, wanted[0]).clamp(-FARTHEST, FARTHEST)
        self.values[:2] = [float(v) for v in values.cpu()]

    def followed(self, params: Params) -> Params:
        """The knobs with the sliders where strips were dragged to."""
        moved = {f"d{k}": value for k, value in enumerate(self.values, 1)}
        return params.model_copy(update={"sliders": Sliders(**moved)})

    def tune(self, before: Params, after: Params) -> None:
        """A slider that was moved in the window wins over where its strip was left."""
        self.values = after.sliders.values()
        if after.first != before.first:
            self.find(after)

    # --- where one is --------------------------------------------------------------------

    def starts(self, params: Params) -> Tensor:
        """The latents (n, d) that the sliders move."""
        return torch.cat([self.arrival.z, self.problem.starts(params.pinned)[1:]])

    def base(self) -> Tensor:
        """The first of them (1, d)."""
        return self.arrival.z

    def shift(self, values: list[float]) -> Tensor:
        """What the sliders of straight rows add to a latent, (d,)."""
        weights = torch.tensor(values[: self.count]).to(self.directions.sigmas)
        if self.flow is not None:
            weights[-1] = 0.0
        return (weights * self.directions.sigmas) @ self.directions.vectors

    def bent(self, z: Tensor, values: list[float], params: Params) -> Tensor:
        """Where the flow leads latents (n, d), if one takes part: before all straight ways."""
        if self.flow is None:
            return z
        return led(self.flow, z, values[self.count - 1], params.reach / SIDE)

    def way(self, k: int, z: Tensor, bent: Tensor, values: list[float], reach: float) -> Tensor:
        """Row ``k`` from ``z`` through where the others have led: (2 SIDE + 1, n, d).

        Args:
            z: latents (n, d), and ``bent`` where the flow has led them.
        """
        others = self.shift([0.0 if j == k else v for j, v in enumerate(values)])
        if self.flow is not None and k == self.count - 1:
            return path(self.flow, z, SIDE, reach / SIDE, both_sides=True) + others
        return path(self.directions.walk(k), bent + others, SIDE, reach / SIDE, both_sides=True)

    def place(self) -> Layout:
        """Where the strips lie on their panel."""
        return layout(self.count, 2 * SIDE + 1, self.problem.generator.shape[-1])

    def plane(self) -> Plane:
        """The map along the first two directions; one alone is shown over an axis."""
        vectors, sigmas = self.directions.vectors, self.directions.sigmas
        if len(vectors) > 1:
            up, sigma = vectors[1], float(sigmas[1])
        else:
            up, sigma = torch.zeros_like(vectors[0]), float(sigmas[0])
            up[vectors[0].abs().argmin()] = 1.0
        reach = (REACH * float(sigmas[0]), REACH * sigma)
        return plane_through(self.base(), vectors[0], up, self.problem.codes.z, reach)

    def leads(self, params: Params) -> int:
        """The row that plays, or else is kept as a film: from 0, none beyond the last."""
        return min(max(params.play, 1), self.count) - 1

    def played(self, params: Params) -> list[float]:
        """The sliders, that of the row that plays led along its strip."""
        values = list(self.values)
        if params.play:
            turn = self.rounds / params.speed
            values[self.leads(params)] = params.reach * _back_and_forth(turn)
        return values

    # --- what is kept and shown ----------------------------------------------------------

    def state(self, step: int, params: Params, numbers: dict[str, float]) -> State:
        """All of it, and what is drawn of it."""
        values = self.played(params)
        starts = self.starts(params)
        bent = self.bent(starts, values, params)
        ways = [
            self.way(k, starts[:1], bent[:1], values, params.reach)[:, 0] for k in range(self.count)
        ]
        rows = torch.stack(ways)
        walked = self.leads(params)
        tensors = {
            "z": bent + self.shift(values),
            "plane": self.plane().tensor(),
            "rows": rows,
            "walks": rows,
            "walk": _round(self.way(walked, starts, bent, values, params.reach), params.speed),
            "directions": self.directions.vectors,
            "sigmas": self.directions.sigmas,
            **{f"arrival.{k}": v for k, v in self.arrival.tensors.items()},
        }
        if self.reader is not None:
            tensors["changes"] = self._drawn(self.reader, params)
        marks = [SIDE + round(v / params.reach * SIDE) for v in values[: self.count]]
        axes = [title.split("\n")[0] for title in self.titles[:2]]
        scalars: dict[str, Any] = {
            "look": {"ground": "plain", "color": 1, "axes": [*axes, ""][:2]},
            "titles": self.numbered(),
            "marks": marks,
            "curves": numbers,
            "knobs": {f"sliders.d{k}": value for k, value in enumerate(self.values, 1)},
            "kept": {
                "directions": told(
                    self.problem, self.titles, params.rule, params.reach, self.values[: self.count]
                )
            },
            "strips": {
                "titles": self.titles,
                "values": self.values,
                "rounds": self.rounds,
                "held": self.held,
                "seed": self.seed,
                "arrival": [self.arrival.taken, self.arrival.error],
            },
        }
        return State(step, self.arrival.end(step), tensors, scalars)

    def _drawn(self, reader: CodeReader, params: Params) -> Tensor:
        """What the rows change of the picture that is started from, drawn.

        It does not follow the sliders: a hand moves them thirty times a second.
        """
        z, still = self.base(), [0.0] * self.count
        key = (params.reach, *self.titles, *z[0].tolist())
        if self._changes is None or self._changes[0] != key:
            rows = [self.way(k, z, z, still, params.reach)[:, 0] for k in range(self.count)]
            found = changes(reader, torch.stack(rows))
            self._changes = key, drawing(found, self.numbered(), reader.factors, params.reach)
        return self._changes[1]

    def load(self, state: State) -> None:
        """Be where a state was; straight directions were kept, curved ones were read again."""
        kept = state.scalars["strips"]
        self.values, self.rounds = list(kept["values"]), kept["rounds"]
        self.held = kept["held"]
        tensors = {k: state.tensors[f"arrival.{k}"].clone() for k in self.arrival.tensors}
        self.arrival = Arrival(tensors, *kept["arrival"])
        scores = torch.ones_like(state.tensors["sigmas"])
        self.directions = Directions(
            state.tensors["directions"].clone(), state.tensors["sigmas"].clone(), scores
        )
        self.titles = list(kept["titles"])


def shown(problem: Problem, params: Params, seed: int) -> tuple[Directions, list[str]]:
    """The directions of the strips, at most ``ROWS``, and their titles."""
    if params.rule == "kept":
        directions, titles = read_kept(params.file, problem)
    elif params.rule == "race":
        return _race(problem, params, seed)
    else:
        directions, titles = found(problem, params.rule, seed)
    first = min(params.first, len(titles)) - 1
    seen = slice(first, first + params.rows)
    return (
        Directions(directions.vectors[seen], directions.sigmas[seen], directions.scores[seen]),
        titles[seen],
    )


def _race(problem: Problem, params: Params, seed: int) -> tuple[Directions, list[str]]:
    """One direction of every rule that the generator has."""
    vectors, sigmas, titles = [], [], []
    for rule, words in RULES.items():
        try:
            directions, named = found(problem, rule, seed)  # type: ignore[arg-type]
        except BadInput:
            continue  # nobody knows the labels
        k = min(params.first, len(named)) - 1
        vectors.append(directions.vectors[k])
        sigmas.append(directions.sigmas[k])
        titles.append(f"{words}\n{named[k].split(chr(10))[0]}")
    raced = Directions(torch.stack(vectors), torch.stack(sigmas), torch.ones(len(titles)))
    return raced, titles


def _round(way: Tensor, pictures: int) -> Tensor:
    """Latents (t, n, d) led along a row ``way`` and back: the film that is kept."""
    times = [_back_and_forth(step / pictures) for step in range(pictures)]
    return between(way, SIDE * (1.0 + torch.tensor(times)))


def _back_and_forth(turn: float) -> float:
    """From 0 to 1, to -1 and back to 0 while ``turn`` goes from 0 to 1, and so on."""
    return math.sin(2 * math.pi * turn)


def solve(
    problem: Problem, params: Params, rng: torch.Generator, state: State | None = None
) -> Solver:
    """Yield the strips after every event, and at 30 pictures a second while a row plays."""
    if state is None:
        seed = int(torch.randint(2**31, (1,), generator=rng))
    else:
        seed = int(state.scalars["strips"]["seed"])
    with torch.no_grad():
        strips = Strips(problem, params, seed)
        numbers: dict[str, float] = {}
        step = 0
        if state is not None:
            strips.load(state)
            step, numbers = state.step, state.scalars["curves"]
            params = strips.followed(params)
    while True:
        with torch.no_grad():
            now = strips.state(step, params, numbers)
            goes_on = not strips.arrival.over or params.play > 0
        events = yield Paced(now, PACE) if goes_on else Idle(now)
        step += 1
        with torch.no_grad():
            before, params = params, tuned(params, events)
            strips.tune(before, params)
            for event in events:
                strips.take(event, params)
            params = strips.followed(params)
            numbers = {}
            if not strips.arrival.over:
                numbers = strips.arrival.go_on(problem)
            elif params.play:
                strips.rounds = (strips.rounds + 1) % params.speed


METHOD = Method(
    title="Directions",
    bench="traversal",
    summary="Slide along the directions that classic rules find, and see what each one means.",
    source="Härkönen et al. 2020; Shen, Zhou 2021",
    url="https://arxiv.org/abs/2004.02546",
    params=Params,
    solve=solve,
    races=False,
    interactive=True,
    presets=(
        PresetSpec("axes", "Axes", {}, "One number of the latent at a time.", 1.0),
        PresetSpec("pca", "Components", {"rule": "pca"}, "Where real latents vary most.", 1.0),
        PresetSpec("sefa", "SeFa", {"rule": "sefa"}, "From the weights alone.", 1.0),
        PresetSpec(
            "together",
            "Four together",
            {"pinned": 4, "rule": "pca"},
            "Does it mean the same for all?",
            1.0,
        ),
        PresetSpec(
            "race",
            "Race",
            {"rule": "race"},
            "The first direction of every rule, and of a flow that you trained.",
            1.0,
        ),
    ),
    panels=(
        PanelSpec(
            name="changes",
            title="What changes",
            kind="image",
            optional=True,
            help="Each row from its left end to its right, from the picture that you started with: "
            "how far every known factor is from where it is in the middle, in percent of the "
            "farthest that it can be. A direction that means one thing has one curve that rises; "
            "its share of all change stands above. Only factors that can be told from the latent "
            "are drawn.",
        ),
    ),
    order=20,
)
