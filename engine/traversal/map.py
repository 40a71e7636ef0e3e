"""The map of a latent space: drag on it, and the picture follows.

Source: D. Kingma, M. Welling, Auto-Encoding Variational Bayes, ICLR 2014 (the learned manifold as a
map of pictures); T. White, Sampling Generative Networks, 2016, https://arxiv.org/abs/1609.04468
(walks between key-frames). The map is a plane through the latent space: all of it where a latent
has two numbers, else the plane that two chosen directions span where you are.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any, Literal

import torch
from torch import Tensor

from engine.catalogue import PresetSpec
from engine.messages import Nudge, Pointer, UserEvent
from engine.method import Idle, Method, Paced, Settings, Solver, State, knob, tuned
from engine.traversal.arrival import PACE, STEPS, Arrival
from engine.traversal.interpolation import keyframes, lerp, slerp
from engine.traversal.plane import Plane
from engine.traversal.problem import Problem
from engine.traversal.strips_view import layout
from engine.traversal.views import RULES, Rule, plane_along

#: Points of the way behind a drag, and pictures across a strip (odd: the middle one is here).
TRAIL, ACROSS = 60, 11
#: A key-frame is met as near as that (pixels).
MET = 18.0
#: A glide ends when it moves less than this share of the map. A drag that rested this long
#: (seconds) before it was let go does not begin one.
STILL, RESTED = 0.002, 0.1
#: Pictures of the tour over a map without key-frames, and how far from the edge it stays.
TOUR, INSIDE = 120, 0.78


class Params(Settings):
    """Knobs of the map."""

    press: Literal["go", "key", "drop"] = knob(
        "go",
        title="A press on the map",
        help="Goes there; or sets a key-frame there, through which the walk leads; or takes the "
        "nearest key-frame away. A double press sets a key-frame at any time.",
        titles={"go": "Goes there", "key": "Sets a key-frame", "drop": "Takes a key-frame away"},
        live=True,
    )
    play: bool = knob(
        False,
        title="Play",
        help="Walk through the key-frames in their order; without two of them, a tour over the "
        "map. Drag a key-frame's picture in the strips to change the order.",
        live=True,
    )
    loop: bool = knob(
        True, title="Loop", help="Return to the first key-frame and go on.", live=True
    )
    speed: int = knob(
        24,
        title="Pictures per key-frame",
        help="From one key-frame to the next; 30 take a second.",
        ge=4,
        le=120,
        live=True,
    )
    way: Literal["spline", "line", "arc"] = knob(
        "spline",
        title="Between key-frames",
        help="A smooth curve (cubic spline), straight lines, or arcs of great circles (slerp), "
        "which keep the distance from the middle.",
        titles={"spline": "A smooth curve", "line": "Straight lines", "arc": "Arcs"},
        live=True,
    )
    flick: float = knob(
        0.9,
        title="Glide",
        help="How much of its speed a flick keeps from one picture to the next; 0 stops at once.",
        ge=0.0,
        le=0.97,
        live=True,
    )
    ground: Literal["pictures", "density", "plain"] = knob(
        "pictures",
        title="Ground",
        help="What is drawn under the dots: the pictures that lie there, or how many real "
        "pictures do.",
        titles={"pictures": "Pictures", "density": "How much data", "plain": "Nothing"},
        group="Map",
        live=True,
    )
    dots: bool = knob(
        True,
        title="Dots",
        help="Latents of real pictures; of a generator without encoder, drawn from its prior.",
        group="Map",
        live=True,
    )
    color: int = knob(
        1,
        title="Color by factor",
        help="Which known factor colors the dots, in the order of the data; 0 for none.",
        ge=0,
        le=16,
        group="Map",
        live=True,
    )
    rule: Rule = knob(
        "axes",
        title="Directions",
        help="What spans the map of a latent that has more than two numbers.",
        titles=RULES,
        group="Plane",
    )
    across: int = knob(
        1,
        title="Across",
        help="Which direction leads to the right, the most telling first.",
        ge=1,
        le=64,
        group="Plane",
        live=True,
    )
    up: int = knob(
        2,
        title="Up",
        help="Which direction leads up. Change both on the way, to get anywhere in latent space.",
        ge=1,
        le=64,
        group="Plane",
        live=True,
    )


class Board:
    """Where one is, what was set, and what is going on."""

    def __init__(self, problem: Problem, params: Params) -> None:
        self.problem = problem
        self.arrival = Arrival.of(problem)
        self.z = self.arrival.z
        self.keys = self.z[:0]
        self.trail = self.z[:0]
        #: Where the strips lead through; they stand still during a drag.
        self.middle = self.z
        self.speed = torch.zeros(2)
        #: When the drag moved last, by the clock of its events.
        self.moved = 0.0
        #: The key-frame whose picture is carried, and the strip that is dragged along; -1 for none.
        self.lifted = self.held = -1
        self.dragging = self.gliding = False
        self.frame = 0
        self.turn(params)

    def turn(self, params: Params) -> None:
        """Lay the plane of the map anew through where one is."""
        self.plane, self.axes = plane_along(
            self.problem, self.z, params.rule, params.across, params.up, self.problem.settings.start
        )

    # --- what a person does --------------------------------------------------------------

    def take(self, event: UserEvent, params: Params) -> None:
        """A press, drag or release on the map or on the strips."""
        if not isinstance(event, Pointer | Nudge):
            return
        if not self.arrival.over:
            if isinstance(event, Pointer) and event.phase != "press":
                return
            self.arrival.stop()
            self.turn(params)
        if isinstance(event, Nudge):
            if event.panel == "map":
                self._nudge(event)
        elif event.panel == "map":
            {"press": self._press, "move": self._move, "release": self._release}[event.phase](
                event, params
            )
        elif event.panel == "strips":
            self._strips(event, params)

    def _press(self, event: Pointer, params: Params) -> None:
        x, y, again = event.x, event.y, event.clicks > 1
        self.moved = event.seconds
        self.gliding = False
        if params.press == "drop":
            self._drop(x, y)
            return
        self.dragging, self.speed = True, torch.zeros(2)
        if not again:
            self.z, self.trail = self.plane.at(x, y), self.z[:0]
        if again or params.press == "key":
            self.keys = torch.cat([self.keys, self.z])
            self.frame = 0
        self._leave_a_trail()

    def _move(self, event: Pointer, params: Params) -> None:
        if not self.dragging:
            return
        before, self.z = self.z, self.plane.at(event.x, event.y)
        moved = (self.plane.places(self.z) - self.plane.places(before))[0].cpu()
        self.speed = 0.5 * self.speed + 0.5 * moved
        self.moved = event.seconds
        self._leave_a_trail()

    def _release(self, event: Pointer, params: Params) -> None:
        if self.dragging:
            self.dragging = False
            thrown = event.seconds - self.moved < RESTED and float(self.speed.norm()) > 4 * STILL
            self.gliding = params.flick > 0 and thrown
            self.middle = self.z

    def _nudge(self, event: Nudge) -> None:
        x, y = self.plane.pixels(self.z)[0].tolist()
        self.gliding = False
        self.z = self.middle = self.plane.at(x + event.dx, y + event.dy)
        self._leave_a_trail()

    def _drop(self, x: float, y: float) -> None:
        if len(self.keys):
            away = (self.plane.pixels(self.keys) - torch.tensor([x, y])).norm(dim=1)
            nearest = int(away.argmin())
            if float(away[nearest]) <= MET:
                self.keys = torch.cat([self.keys[:nearest], self.keys[nearest + 1 :]])
                self.frame = 0

    def _strips(self, event: Pointer, params: Params) -> None:
        """Drag along a strip, and one is at that place of it; key-frames are sorted."""
        place = layout(2, ACROSS, self.problem.generator.shape[-1])
        found = place.found(event.x, event.y)
        row = found[0] if found is not None else -1
        keyed = len(self.keys) > 1
        if self.lifted >= 0 or (event.phase == "press" and keyed and row == 0):
            self._sort(event, found[1] if found is not None and row == 0 else -1)
            return
        if event.phase == "press":
            self.held, self.dragging, self.gliding = row, row >= 0, False
            self.speed = torch.zeros(2)
        elif event.phase == "release":
            if self.held >= 0:
                self.held, self.dragging, self.middle = -1, False, self.z
            return
        if self.held < 0:
            return
        if keyed:
            film = self.film(params)
            self.frame = round((place.along(event.x) + 1) / 2 * (len(film) - 1))
            self.z, self.trail = film[self.frame][None], self.z[:0]
        else:
            places = self.plane.places(self.middle)
            places[:, self.held] = place.along(event.x)
            self.z = self.plane.latents(places)
            self._leave_a_trail()

    def _sort(self, event: Pointer, over: int) -> None:
        """Drag a key-frame's picture to another place; pressed, one goes to it.

        Args:
            over: the picture of the key-frames' strip under the pointer; -1 beside them.
        """
        over = over if over < len(self.keys) else -1
        if event.phase == "press":
            self.lifted = over
            if over >= 0:
                self.z = self.middle = self.keys[over][None]
        elif event.phase == "release" and self.lifted >= 0:
            if over >= 0 and over != self.lifted:
                order = [k for k in range(len(self.keys)) if k != self.lifted]
                order.insert(over, self.lifted)
                self.keys = self.keys[order]
                self.frame = 0
            self.lifted = -1

    def _leave_a_trail(self) -> None:
        self.trail = torch.cat([self.trail, self.z])[-TRAIL:]

    # --- what goes on by itself ----------------------------------------------------------

    def film(self, params: Params) -> Tensor:
        """The way through the key-frames (t, d); without two of them, a tour over the map."""
        keys, per_key = self.keys, params.speed
        if len(keys) < 2:
            turn = torch.arange(TOUR) * (2 * math.pi / TOUR)
            places = INSIDE * torch.stack([turn.sin(), (2 * turn).sin()], 1)
            return self.plane.latents(places.to(keys))
        if params.way == "spline":
            return keyframes(keys, per_key, loop=params.loop)
        ends = torch.cat([keys, keys[:1]]) if params.loop else keys
        join = slerp if params.way == "arc" else lerp
        times = torch.arange(per_key) / per_key
        parts = [join(a, b, times) for a, b in pairwise(ends)]
        return torch.cat(parts if params.loop else [*parts, ends[-1:]])

    def plays(self, params: Params) -> bool:
        """Whether the walk is to go on."""
        on = params.loop or self.frame < len(self.film(params)) - 1
        return params.play and on and not self.dragging

    def advance(self, params: Params) -> dict[str, float]:
        """Take the next step of whatever goes on by itself."""
        if not self.arrival.over:
            numbers = self.arrival.go_on(self.problem)
            self.z = self.middle = self.arrival.z
            if self.arrival.taken == STEPS:
                self.turn(params)
            return numbers
        if self.gliding:
            self._glide(params)
        elif self.plays(params):
            film = self.film(params)
            self.frame = (self.frame + 1) % len(film)
            self.z = film[self.frame][None]
            self.trail = self.z[:0]
        return {}

    def _glide(self, params: Params) -> None:
        place = self.plane.places(self.z)[0].cpu() + self.speed
        # At an edge it comes back.
        self.speed = torch.where(place.abs() > 1, -self.speed, self.speed) * params.flick
        self.z = self.plane.latents(place.clamp(-1, 1)[None].to(self.z))
        self._leave_a_trail()
        if float(self.speed.norm()) < STILL:
            self.gliding = False
            self.middle = self.z

    # --- what is kept and shown ----------------------------------------------------------

    def state(self, step: int, params: Params, numbers: dict[str, float]) -> State:
        """All of it, and what is drawn of it."""
        film = self.film(params)
        keyed = len(self.keys) > 1
        rows, titles, marks = self._rows(film)
        tensors = {
            "z": self.z,
            "plane": self.plane.tensor(),
            "keys": self.keys,
            "trail": self.trail,
            "film": film if keyed else self.z[:0],
            # A tour is kept as a film where it was asked for.
            "walk": film if keyed or params.play else self.trail,
            "rows": rows,
            "middle": self.middle,
            "speed": self.speed,
            **{f"arrival.{k}": v for k, v in self.arrival.tensors.items()},
        }
        look = {"ground": params.ground, "dots": params.dots, "color": params.color}
        scalars: dict[str, Any] = {
            "look": look | {"axes": list(self.axes)},
            "titles": titles,
            "marks": marks,
            "curves": numbers,
            "kept": {"keys": len(self.keys), "way": params.way, "loop": params.loop},
            "board": {
                "moved": self.moved,
                "lifted": self.lifted,
                "held": self.held,
                "dragging": self.dragging,
                "gliding": self.gliding,
                "frame": self.frame,
                "arrival": [self.arrival.taken, self.arrival.error],
            },
        }
        return State(step, self.arrival.end(step), tensors, scalars)

    def load(self, state: State) -> None:
        """Be where a state was."""
        tensors, board = state.tensors, state.scalars["board"]
        self.z, self.keys, self.trail = (tensors[k].clone() for k in ("z", "keys", "trail"))
        self.middle, self.speed = tensors["middle"].clone(), tensors["speed"].cpu().clone()
        self.plane = Plane.of(tensors["plane"].clone())
        self.axes = tuple(state.scalars["look"]["axes"])
        self.moved, self.lifted, self.held = board["moved"], board["lifted"], board["held"]
        self.dragging, self.gliding = board["dragging"], board["gliding"]
        self.frame = board["frame"]
        kept = {k: tensors[f"arrival.{k}"].clone() for k in self.arrival.tensors}
        self.arrival = Arrival(kept, *board["arrival"])

    def _rows(self, film: Tensor) -> tuple[Tensor, list[str], list[int]]:
        """Through where one is, across and up; or the key-frames, and the walk through them."""
        if len(self.keys) > 1:
            even = torch.linspace(0, len(film) - 1, ACROSS).round().long()
            shown = torch.stack([torch.full_like(film[even], math.nan), film[even]])
            shown[0, : len(self.keys)] = self.keys[:ACROSS]
            at = int((even - self.frame).abs().argmin())
            return shown, [f"{len(self.keys)} key-frames\ndrag to sort", "The walk"], [-1, at]
        here = self.plane.places(self.middle)
        ticks = torch.linspace(-1, 1, ACROSS).to(here)
        rows = []
        for axis in (0, 1):
            places = here.repeat(ACROSS, 1)
            places[:, axis] = ticks
            rows.append(self.plane.latents(places))
        marks = [int((ticks - here[0, axis]).abs().argmin()) for axis in (0, 1)]
        return torch.stack(rows), list(self.axes), marks


def solve(
    problem: Problem, params: Params, rng: torch.Generator, state: State | None = None
) -> Solver:
    """Yield where one is after every event, and at 30 pictures a second while something plays."""
    with torch.no_grad():
        board = Board(problem, params)
        numbers: dict[str, float] = {}
        step = 0
        if state is not None:
            board.load(state)
            step, numbers = state.step, state.scalars["curves"]
    while True:
        with torch.no_grad():
            now = board.state(step, params, numbers)
            goes_on = not board.arrival.over or board.gliding or board.plays(params)
        events = yield Paced(now, PACE) if goes_on else Idle(now)
        step += 1
        with torch.no_grad():
            before, params = params, tuned(params, events)
            if (params.across, params.up) != (before.across, before.up):
                board.turn(params)
            if params.play and not before.play:
                board.frame = 0
            for event in events:
                board.take(event, params)
            numbers = board.advance(params)


METHOD = Method(
    title="Map",
    bench="traversal",
    summary="Drag on a map of the latent space, and the picture changes under your finger.",
    source="Kingma, Welling 2014; White 2016",
    url="https://arxiv.org/abs/1609.04468",
    params=Params,
    solve=solve,
    races=False,
    interactive=True,
    presets=(
        PresetSpec("drag", "Drag", {}, "The map waits for your finger.", 1.0),
        PresetSpec(
            "tour",
            "Tour",
            {"play": True, "loop": False, "dots": False},
            "It walks once over the map by itself, and leaves the walk as a film.",
            5.0,
        ),
        PresetSpec(
            "data",
            "Where the data is",
            {"ground": "density"},
            "Between the dots the generator has to guess.",
            1.0,
        ),
    ),
    order=10,
)
