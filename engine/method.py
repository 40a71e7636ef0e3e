"""How a method is declared, and what its generator yields.

A method is one module::

    class Params(Settings):
        steps: int = knob(8, title="Steps", ge=1, le=100, help="...")

    def solve(problem, params, rng, state=None):
        ...
        yield State(step=0, total=params.steps, tensors={"x": x})

    METHOD = Method(title="...", ..., params=Params, solve=solve)

Its id is its module path below ``engine``. The generator is primed with ``next`` and
then always sent a tuple of events (``engine.messages.UserEvent``). Its first yield is the
state it starts from: step 0, or, given ``state``, that very state once more. So a resumed
run takes its next step at the same resume as a run that was never stopped.
"""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from engine.catalogue import ExampleSpec, InputSpec, PanelSpec, PresetSpec, Stage, holds
from engine.messages import Tune, UserEvent


class BadInput(ValueError):
    """What a person gave cannot be used: one clear line, and the field at fault.

    ``suggestion`` maps dotted fields to values that can be used instead, where they are known.
    """

    def __init__(
        self, text: str, field: str = "", suggestion: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(text)
        self.field = field
        self.suggestion = dict(suggestion or {})


class Settings(BaseModel):
    """Base of ``Params`` and of a bench's problem: unknown names are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def knob(
    default: Any,
    *,
    title: str,
    help: str,
    unit: str = "",
    ge: float | None = None,
    le: float | None = None,
    step: float | None = None,
    scale: Literal["linear", "log"] = "linear",
    decimals: int = 2,
    group: str = "",
    folded: bool = False,
    live: bool = False,
    titles: dict[str, str] | None = None,
    kind: str | None = None,
    when: dict[str, list[Any]] | None = None,
) -> Any:
    """A pydantic field that also says how it is drawn.

    ``titles`` gives the words of a ``Literal`` field's options; ``when`` maps sibling
    fields to the values under which this one applies; ``kind`` overrides the kind that
    the annotation implies (``mask``, ``file``, ``picture``).
    """
    extra: dict[str, Any] = {
        "unit": unit,
        "step": step,
        "scale": scale,
        "decimals": decimals,
        "group": group,
        "folded": folded,
        "live": live,
        "titles": titles or {},
        "kind": kind,
        "when": when or {},
    }
    return Field(
        default, title=title, description=help, ge=ge, le=le, json_schema_extra={"knob": extra}
    )


@dataclass
class State:
    """Everything a method needs to go on, and everything its panels show.

    ``tensors`` and ``scalars`` (JSON values) are borrowed: valid until the next resume.
    ``step`` counts finished steps; ``total`` is None where there is no end. Where what a person
    does on a picture moves live knobs, the scalar ``knobs`` has their values by dotted name, and
    the window's knobs follow.
    """

    step: int
    total: int | None
    tensors: dict[str, Tensor] = field(default_factory=dict)
    scalars: dict[str, Any] = field(default_factory=dict)

    def save(self, stem: Path, rng: torch.Generator | None = None) -> None:
        """Write ``stem.safetensors`` and ``stem.json``, each temporary then renamed.

        Raises ``OSError`` where they cannot be written.
        """
        tensors = {k: v.detach().contiguous().cpu().clone() for k, v in self.tensors.items()}
        if rng is not None:
            tensors["__rng__"] = rng.get_state().clone()
        head = {"step": self.step, "total": self.total, "scalars": self.scalars}
        arrays, header = stem.with_suffix(".safetensors"), stem.with_suffix(".json")
        part = arrays.with_name(arrays.name + ".part")
        try:
            save_file(tensors, part, metadata={"state": json.dumps(head)})
        except SafetensorError as error:
            # It wraps what the system said, of which a full disk is the common one.
            number = re.search(r"os error (\d+)", str(error))
            code = int(number.group(1)) if number else errno.EIO
            raise OSError(code, os.strerror(code), str(part)) from error
        part.replace(arrays)
        part = header.with_name(header.name + ".part")
        part.write_text(json.dumps(head, indent=1))
        part.replace(header)

    @classmethod
    def load(cls, stem: Path, rng: torch.Generator | None = None, device: str = "cpu") -> State:
        """Read what ``save`` wrote; puts ``rng`` where it was."""
        with safe_open(stem.with_suffix(".safetensors"), framework="pt", device=device) as file:
            head = json.loads(file.metadata()["state"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        saved = tensors.pop("__rng__", None)
        if rng is not None and saved is not None:
            rng.set_state(saved.cpu())
        return cls(head["step"], head["total"], tensors, head["scalars"])


@dataclass
class Idle:
    """Nothing to do until an event comes; headless, this ends the run."""

    state: State


@dataclass
class Paced:
    """A step of something that is played: the next one is due ``seconds`` later.

    An event is answered at once. Where nobody watches, nothing waits.
    """

    state: State
    seconds: float


Yield = State | Idle | Paced
Solver = Generator[Yield, tuple[UserEvent, ...], None]
#: ``solve(problem, params, rng, state=None)``; ``rng`` is a CPU generator.
Solve = Callable[..., Solver]


@dataclass(frozen=True, kw_only=True)
class Method:
    """The declaration of a method; ``engine.discovery`` checks that it is whole."""

    title: str
    bench: str
    summary: str
    source: str
    params: type[Settings]
    solve: Solve
    presets: Sequence[PresetSpec]
    panels: Sequence[PanelSpec] = ()
    url: str = ""
    help: str = ""
    #: Models (asset names) that the method can use; the first is the default.
    priors: Sequence[str] = ()
    #: Whether its result answers the bench's problem, so that it can race other methods on it.
    races: bool = True
    #: Whether it waits for a person most of the time, so that its steps come before other runs'.
    interactive: bool = False
    #: Fields of the bench's problem that play no part in it, so that nobody is asked for them.
    unused: Sequence[str] = ()
    #: Fields of the bench's problem that always have this value with it: nobody is asked for them.
    fixed: Mapping[str, Any] = field(default_factory=dict)
    #: Knobs and the values under which ``fixed`` counts; always where there are none.
    fixed_when: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    #: Knobs and the values under which its result answers the bench's problem: else it is not
    #: measured against that, and cannot race.
    answers_when: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    #: The panel that it is about, a picture or a plot; where it is empty, the pictures compared.
    lead: str = ""
    #: ``preview(params, context) -> (pictures, facts)`` in place of the bench's, where its knobs,
    #: and not the problem, say what it works on.
    preview: Callable[[Any, Context], tuple[dict[str, Tensor], dict[str, Any]]] | None = None
    #: ``fits(params, problem)`` raises ``BadInput`` where the method cannot work on a problem with
    #: such settings, so that it is said before a run.
    fits: Callable[[Any, Any], None] | None = None
    order: int = 100

    def fixed_under(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """What is fixed of the bench's problem while the knobs, by dotted name, are these."""
        return dict(self.fixed) if holds(self.fixed_when, params) else {}


def tuned(params: Any, events: Sequence[UserEvent]) -> Any:
    """``params`` with the live values of any ``Tune`` among ``events`` applied.

    The driver has validated them, so this only copies.
    """
    for event in events:
        if isinstance(event, Tune):
            params = params.model_copy(update=event.values)
    return params


@dataclass(frozen=True, kw_only=True)
class Context:
    """What a bench gets to build a problem: where to compute and how to reach inputs and models.

    ``rng`` draws what belongs to the problem (noise, masks); the method has its own.
    ``inputs`` maps an input's name to a local file that was checked to exist.
    ``sample_seed`` seeds what is drawn neither by the problem nor by the method.
    """

    device: str
    rng: torch.Generator
    inputs: dict[str, Path]
    backend: str = "auto"
    sample_seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Used:
    """What a run turned out to compute with, for its record."""

    backend: str = "torch"
    #: Model name to the checksum of its weights.
    priors: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What the methods of one bench share: the problem, what is observed, what is kept.

    Attributes:
        problem: settings of the problem.
        build: ``build(settings, context) -> problem``; raises ``BadInput``.
        observe: ``observe(problem, state) -> {metric: number}``, cheap, each step. A metric
            that cannot be known (no truth) is absent, never zero.
        pictures: ``pictures(problem, state) -> {panel: (H, W, 3) uint8 CPU tensor}``.
        save: ``save(problem, state, folder) -> {output name: file name}``, open formats.
        preview: ``preview(settings, context) -> (pictures, facts)``: what the page shows
            before Run; ``facts`` are JSON (size said, warnings, notes).
        thumbnail: output name whose file the gallery and the history show.
        smaller: ``smaller(settings) -> {dotted problem field: value}``: a problem of about
            half the memory, offered after out of memory; empty where there is none.
        used: ``used(problem) -> Used``: backend and models that the problem has loaded.
        stage: how the page lays out the image panels; on ``explore`` they are, in this order, a
            map, a picture and strips.
    """

    title: str
    verb: str
    summary: str
    icon: str
    problem: type[Settings]
    inputs: Sequence[InputSpec]
    panels: Sequence[PanelSpec]
    build: Callable[[Any, Context], Any]
    observe: Callable[[Any, State], dict[str, float]]
    pictures: Callable[[Any, State], dict[str, Tensor]]
    save: Callable[[Any, State, Path], dict[str, str]]
    preview: Callable[[Any, Context], tuple[dict[str, Tensor], dict[str, Any]]]
    examples: Sequence[ExampleSpec] = ()
    thumbnail: str = ""
    smaller: Callable[[Any], dict[str, Any]] | None = None
    used: Callable[[Any], Used] | None = None
    stage: Stage = "compare"
    order: int = 100
