"""QLAE: watch an autoencoder learn dials, each with a few clicks, each for one thing.

Source: K. Hsu, W. Dorrell, J. Whittington, J. Wu, C. Finn, Disentanglement via Latent
Quantization, NeurIPS 2023, https://arxiv.org/abs/2305.18378. Every latent is rounded to one of a
few learned values, and the weights decay strongly: so it is cheapest to give every factor dials of
its own. The pictures are rendered from known factors, so that the match can be measured while it
grows.
"""

from __future__ import annotations

import re
from typing import Any, Literal

import torch
from torch import Tensor

from engine.catalogue import PanelSpec, PresetSpec, SeriesSpec
from engine.data.factors import FactorSet
from engine.data.pixel_faces import PixelFaces
from engine.data.rooms import Rooms
from engine.data.sprites import Sprites
from engine.data.stroke_digits import StrokeDigits
from engine.messages import Pointer, UserEvent
from engine.method import Context, Idle, Method, Settings, Solver, State, knob, tuned
from engine.models.quantized_autoencoder import QuantizationWeights
from engine.outputs import as_picture
from engine.traversal.heat_map import heat_map
from engine.traversal.problem import Problem, fitted, squared
from engine.traversal.quantized_training import JUDGED, Dials, Numbers, Trainer, judged_factors
from engine.traversal.strips_view import layout

#: Pictures that are shown beside their reconstructions, and dials at most.
SHOWN, MOST = 6, 16
#: The numbers of the bars, and what stands for one that is not known.
BARS, UNKNOWN = ("info_m", "info_e", "info_c"), -1.0
#: What a beta-VAE reached, in the order of the bars, by sets like ours: on Shapes3D, five seeds,
#: repeated independently of the authors.
BASELINE: dict[str, tuple[float, ...]] = {"rooms": (0.62, 0.93, 0.44)}
SETS: dict[str, FactorSet] = {
    "rooms": Rooms(32),
    "sprites": Sprites(32),
    "faces": PixelFaces(32),
    "digits": StrokeDigits(32),
}


class Params(Settings):
    """Knobs of the training."""

    data: Literal["rooms", "sprites", "faces", "digits"] = knob(
        "rooms",
        title="Pictures",
        help="What it learns from: pictures rendered here from known factors.",
        titles={name: of.title for name, of in SETS.items()},
    )
    latents: int = knob(
        12,
        title="Dials",
        help="How many numbers a latent has. The authors take twice as many as there are factors.",
        ge=2,
        le=MOST,
    )
    values: int = knob(10, title="Clicks", help="How many values a dial can take.", ge=2, le=12)
    steps: int = knob(
        1500,
        title="Training steps",
        help="The network that ships took many more; here one sees it begin.",
        ge=1,
        le=200_000,
    )
    batch: int = knob(32, title="Pictures per step", help="The authors take 128.", ge=8, le=256)
    rate: float = knob(
        1e-3,
        title="Learning rate",
        help="How far a training step goes.",
        ge=1e-5,
        le=1e-2,
        scale="log",
        decimals=5,
        live=True,
    )
    decay: float = knob(
        4.0,
        title="Weight decay",
        help="How strongly weights are pulled to zero: half of the method. The authors have 0.1 "
        "over 200,000 steps; so few steps ask for more. Set it to 0 and watch the dials blur.",
        ge=0.0,
        le=10.0,
        live=True,
    )
    quantize: float = knob(
        0.01,
        title="Pull on the clicks",
        help="How strongly the values of a dial are drawn to what the encoder says. At 0 they "
        "never move.",
        ge=0.0,
        le=1.0,
        decimals=3,
        group="Weights",
        live=True,
    )
    commit: float = knob(
        0.01,
        title="Pull on the encoder",
        help="How strongly the encoder is drawn to the values of the dials.",
        ge=0.0,
        le=1.0,
        decimals=3,
        group="Weights",
        live=True,
    )
    rows: int = knob(
        6,
        title="Strips",
        help="How many dials have a strip at once: the fewer, the larger.",
        ge=1,
        le=MOST,
        group="What is seen",
    )
    first: int = knob(
        1,
        title="First dial",
        help="The dial of the first strip; those after it follow.",
        ge=1,
        le=MOST,
        group="What is seen",
        live=True,
    )

    def weights(self) -> QuantizationWeights:
        """What counts beside the reconstruction."""
        return QuantizationWeights(quantize=self.quantize, commit=self.commit, decay=self.decay)


class Page:
    """The autoencoder in training, and what is seen of it."""

    def __init__(self, problem: Problem, params: Params, seed: int) -> None:
        self.of, self.seed = SETS[params.data], seed
        dials = Dials(latents=params.latents, values=params.values)
        self.trainer = Trainer(self.of, dials, seed, problem.device)
        self.network = self.trainer.network.eval()
        self.samples = self.trainer.pictures[:SHOWN]
        if problem.picture is not None:
            own = fitted(problem.picture, shape_of(self.of)).to(self.samples)
            self.samples = torch.cat([own, self.samples[1:]])
        #: Where the first picture's dials stand; as encoded where no one has turned them.
        self.turned = torch.full((params.latents,), -1, dtype=torch.int64)
        self.at = torch.zeros(params.latents, dtype=torch.int64)
        #: The strip and the click that are dragged; -1 where none are.
        self.held = (-1, -1)
        #: The dial of the first strip, from 0.
        self.first = 0
        shape = (min(params.rows, params.latents), params.values, *self.samples.shape[1:])
        self.strips = torch.zeros(shape).to(self.samples)
        self.shares = torch.zeros(len(self.of.factors), params.latents)
        self.alive = torch.ones(params.latents, dtype=torch.bool)
        self.views: dict[str, Tensor] = {}
        self.show_from(params.first)
        self.look()

    def show_from(self, dial: int) -> None:
        """Let strips begin with a dial, counted from 1, as far as there are enough after it."""
        self.first = min(dial - 1, len(self.at) - len(self.strips))

    def look(self) -> None:
        """Draw everything anew."""
        for row in range(len(self.strips)):
            self.turn(row)
        self.views = {"picture": self.picture(), "nmi": self.map()}

    def map(self) -> Tensor:
        """What each dial tells of each factor, as a picture (3, H, W)."""
        names = short([factor.title for factor in self.of.factors])
        dials = [str(k) for k in range(1, len(self.at) + 1)]
        dead = (~self.alive).tolist()
        return heat_map(self.shares, names, dials, dead, down="factor", across="dial")

    @torch.no_grad()
    def turn(self, row: int) -> None:
        """Decode one strip: the first picture with each of its dial's values."""
        encoded = self.network.quantize(self.samples[:1]).index[0].cpu()
        self.at = torch.where(self.turned >= 0, self.turned, encoded)
        index = self.at.repeat(self.strips.shape[1], 1)
        index[:, self.first + row] = torch.arange(len(index))
        z = self.network.codebooks.look_up(index.to(self.samples.device))
        self.strips = self.strips.clone()
        self.strips[row] = self.network.decode(z).float()

    def take(self, event: UserEvent) -> bool:
        """A press on a strip turns its dial to that click, a drag goes on from there; a press where
        it was turned to lets it go again.
        """
        if not isinstance(event, Pointer) or event.panel != "strips":
            return False
        place = layout(self.strips.shape[0], self.strips.shape[1], self.of.size)
        if event.phase == "press":
            row, click = place.found(event.x, event.y) or (-1, -1)
        elif event.phase == "move":
            row, click = self.held[0], place.held_to(event.x)
        else:
            row, click = -1, -1
        # Within a picture a drag changes nothing, so that a hand that trembles lets go as well.
        before, self.held = self.held, (row, click)
        if row < 0 or (event.phase == "move" and self.held == before):
            return False
        dial = self.first + row
        self.turned = self.turned.clone()
        again = event.phase == "press" and int(self.turned[dial]) == click
        self.turned[dial] = -1 if again else click
        return True

    @torch.no_grad()
    def picture(self) -> Tensor:
        """Pictures above their reconstructions, (1, C, H, W); the first one's dials as turned."""
        index = self.network.quantize(self.samples).index
        index[0] = self.at.to(index)
        rebuilt = self.network.decode(self.network.codebooks.look_up(index)).float()
        both = torch.stack([self.samples, rebuilt])
        return both.permute(2, 0, 3, 1, 4).reshape(1, both.shape[2], 2 * self.of.size, -1)

    def state(self, step: int, params: Params, numbers: Numbers) -> State:
        """All of it, and what is drawn of it."""
        z = self.network.codebooks.look_up(self.at[None].to(self.samples.device)).detach()
        reached = [numbers.get(name, UNKNOWN) for name in BARS]
        seen = slice(self.first, self.first + len(self.strips))
        tensors = {
            "z": z,
            "strips": self.strips,
            "turned": self.turned,
            "at": self.at,
            "shares": self.shares,
            "alive": self.alive,
            "quality": torch.tensor([reached, BASELINE.get(self.of.name, (UNKNOWN,) * len(BARS))]),
            **self.views,
            **self.trainer.tensors(),
        }
        scalars: dict[str, Any] = {
            "titles": self.titles()[seen],
            "marks": self.at[seen].tolist(),
            "curves": numbers,
            "kept": {"data": self.of.name, "values": params.values},
            "page": {"seed": self.seed, "first": self.first, "held": list(self.held)},
        }
        return State(step, params.steps, tensors, scalars)

    def titles(self) -> list[str]:
        """What each dial tells the most of, as far as it is known."""
        found, names = [], short([factor.title for factor in self.of.factors])
        for k in range(len(self.at)):
            share, factor = self.shares[:, k].max(0)
            told = f"{names[int(factor)]}, {100 * float(share):.0f} %"
            if not self.alive[k]:
                told = "dead"
            elif float(share) <= 0.03:
                told = ""
            found.append(f"Dial {k + 1}\n{told}".strip())
        return found

    def load(self, state: State) -> None:
        """Be where a state was."""
        tensors = state.tensors
        self.trainer.load(tensors)
        page = state.scalars["page"]
        self.first, self.held = int(page["first"]), tuple(page["held"])
        self.turned, self.at = tensors["turned"].cpu().clone(), tensors["at"].cpu().clone()
        self.strips, self.shares = tensors["strips"].clone(), tensors["shares"].cpu().clone()
        self.alive = tensors["alive"].cpu().clone()
        self.views = {name: tensors[name].clone() for name in ("picture", "nmi")}


def short(titles: list[str]) -> list[str]:
    """Titles without what follows a colon or comma, where they are still told apart."""
    cut = [re.split("[:,]", title)[0] for title in titles]
    return [a if cut.count(a) == 1 else b for a, b in zip(cut, titles, strict=True)]


def shape_of(of: FactorSet) -> tuple[int, int, int]:
    """Channels, height and width of a set's pictures."""
    return of.channels, of.size, of.size


@torch.no_grad()
def preview(params: Params, context: Context) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Pictures of the set that is to be learned from, a person's own in front, and facts."""
    of = SETS[params.data]
    notes: list[str] = []
    shown = of.render(judged_factors(of)[:SHOWN])
    if "picture" in context.inputs:
        brought, gray, notes = squared(context.inputs["picture"])
        shown = torch.cat([fitted(brought, shape_of(of)), shown[1:]])
        if of.channels == 1 and not gray:
            notes.append("its colors become gray")
    facts = {
        "size": f"{of.size} × {of.size} px",
        "color": of.channels == 3,
        "notes": [f"{len(of.factors)} properties are known of every picture", *notes],
    }
    # Two rows fill the room that there is before anything else is seen.
    sheet = torch.cat([torch.cat(list(row), 2) for row in shown.chunk(2)], 1)
    return {"picture": as_picture(sheet[None])}, facts


def solve(
    problem: Problem, params: Params, rng: torch.Generator, state: State | None = None
) -> Solver:
    """Yield after every training step; then wait for someone to turn the dials."""
    if state is None:
        seed = int(torch.randint(2**31, (1,), generator=rng))
    else:
        seed = int(state.scalars["page"]["seed"])
    page = Page(problem, params, seed)
    numbers: Numbers = {"live": float(params.latents)}
    step = 0
    if state is not None:
        page.load(state)
        step, numbers = state.step, state.scalars["curves"]
    while True:
        trains = step < params.steps
        now = page.state(step, params, numbers)
        events = yield now if trains else Idle(now)
        before, params = params, tuned(params, events)
        moved = [page.take(event) for event in events]
        if params.first != before.first:
            page.show_from(params.first)
            moved.append(True)
        if trains:
            told = page.trainer.step(step, params.batch, params.rate, params.weights())
            numbers = numbers | told
            if page.trainer.look(step):
                judged, page.shares, page.alive = page.trainer.judge()
                numbers = numbers | judged
                page.views = {"picture": page.picture(), "nmi": page.map()}
            page.turn(step % len(page.strips))
            step += 1
        if any(moved) or step == params.steps:
            page.look()


METHOD = Method(
    title="Latent quantization",
    bench="traversal",
    summary="Watch an autoencoder learn a panel of dials, each for one thing, and turn them.",
    source="Hsu, Dorrell, Whittington, Wu, Finn 2023",
    url="https://arxiv.org/abs/2305.18378",
    params=Params,
    solve=solve,
    races=False,
    unused=("generator", "start", "own"),
    preview=preview,
    presets=(
        PresetSpec("watch", "Watch it learn", {}, "Rooms, from nothing.", 60.0),
        PresetSpec(
            "blurred",
            "Without decay",
            {"decay": 0.0},
            "The other half of the method switched off: dials share their work.",
            60.0,
        ),
        PresetSpec("longer", "Longer", {"steps": 10_000, "decay": 2.0}, "Dials grow clean.", 400.0),
    ),
    panels=(
        PanelSpec(
            name="nmi",
            title="What each dial tells",
            kind="image",
            help=f"Rows: factors; columns: dials. Percent of what there is to know of a factor "
            f"that a dial tells, over {JUDGED} pictures. Clean dials have one bright entry.",
        ),
        PanelSpec(
            name="quality",
            title="Disentangled",
            kind="bars",
            against="β-VAE on Shapes3D, published",
            series=(
                SeriesSpec("info_m", "Modular (InfoM)", better="high"),
                SeriesSpec("info_e", "Explicit (InfoE)", better="high"),
                # Gray: dials that share a factor are no fault, and the method does not avoid it.
                SeriesSpec("info_c", "Compact (InfoC)"),
            ),
            help="Does a dial keep to one factor, can the factors be read, does a factor keep to "
            "one dial (gray, as the method does not aim at it). InfoE comes from a probe that "
            "learns along, and lags behind. For rooms, the marks are what a β-VAE reached on "
            "Shapes3D, which are rooms as well but not these: 0.62, 0.93 and 0.44.",
        ),
        PanelSpec(
            name="rebuilt",
            title="Reconstruction",
            kind="curve",
            series=(SeriesSpec("rebuilt", "Cross entropy", "nats", decimals=3),),
            log_y=True,
            help="Of a number of a picture. It cannot fall below the gray of the pictures.",
        ),
        PanelSpec(
            name="live",
            title="Dials in use",
            kind="curve",
            series=(SeriesSpec("live", "Live dials", decimals=0),),
            help="A dial that always stands at the same click is dead.",
        ),
    ),
    order=40,
)
