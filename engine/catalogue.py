"""The catalogue as data: what the window needs to know to draw a method.

Plain structs without behavior, so that the window can read a cached catalogue
before torch is imported. ``engine.method`` makes them from declarations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

CATALOGUE_SCHEMA = 1

FieldKind = Literal["int", "float", "bool", "choice", "text", "file", "mask", "picture"]

#: How a bench's image panels are laid out: beside each other, or as a map with what it leads to.
Stage = Literal["compare", "explore"]


def holds(when: Mapping[str, Sequence[Any]], values: Mapping[str, Any]) -> bool:
    """Whether each field that a condition names has one of its values there."""
    return all(values.get(name) in allowed for name, allowed in when.items())


class Choice(msgspec.Struct, frozen=True):
    """One option of a choice field."""

    value: str
    title: str
    help: str = ""


class FieldSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One value that a person can set.

    ``name`` is a dotted path (``blur.sigma``); ``when`` maps other field names to the
    values under which this field applies; ``live`` means it may move during a run.
    """

    name: str
    title: str
    kind: FieldKind
    default: Any
    help: str = ""
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    scale: Literal["linear", "log"] = "linear"
    decimals: int = 2
    group: str = ""
    folded: bool = False
    live: bool = False
    choices: tuple[Choice, ...] = ()
    when: dict[str, list[Any]] = {}


class SeriesSpec(msgspec.Struct, frozen=True):
    """One line of a curve panel: ``metric`` names the number the bench observes.

    ``better`` is the side on which one run is better than another, where there is one;
    ``decimals`` are worth reading.
    """

    metric: str
    title: str
    unit: str = ""
    better: Literal["high", "low", ""] = ""
    decimals: int = 2


class ScaleSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What the colors of a picture stand for, where they are no colors but numbers.

    They run from 0, or from minus the end where ``signed``, to an end that follows the numbers and
    is said beside the colors in ``unit``.
    """

    unit: str = ""
    signed: bool = False


class PanelSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One live view. An image panel shows the array that ``name`` names: a picture or, where it
    has a ``scale``, numbers (height, width) that are drawn in false colors.

    An image panel of a method can have ``when``: it counts in runs in which the knobs named there,
    none of them ``live``, have one of those values, and in its title ``{knob}`` is the value of
    such a knob. One with the name of an image panel of the bench says that one anew, in its title
    and help; there can be several of these, of which the first that counts does. Below the stage
    panels of a lower ``order`` come first, and of the same order those of the bench.

    A plot panel draws lines that change as a whole: its array is (1 + series, points), and its
    first row are the positions, which ``x_title`` names. A bars panel draws a bar from 0 to 1 for
    each series, gray where neither side of it is better: its array is (2, series), the values, and
    where what ``against`` names stands, -1 for nothing; of a kept run they are curves. An
    ``optional`` one stays empty under some settings of its method. On one with a ``pointer``,
    presses, drags and releases are sent to the run that shows it, as ``engine.messages.Pointer`` in
    pixels of its array, and arrow keys as ``engine.messages.Nudge``.
    """

    name: str
    title: str
    kind: Literal["image", "curve", "plot", "bars"]
    series: tuple[SeriesSpec, ...] = ()
    x_title: str = ""
    against: str = ""
    log_y: bool = False
    reference: float | None = None
    help: str = ""
    optional: bool = False
    pointer: bool = False
    scale: ScaleSpec | None = None
    when: dict[str, list[Any]] = {}
    order: int = 0


class PresetSpec(msgspec.Struct, frozen=True):
    """Named values; ``seconds`` is the time on 2 cores at the default picture size. Where it
    ``scales``, it goes with the pixels, from the ``least`` that the steps of the smallest picture
    (32 × 32 pixels) take.
    """

    name: str
    title: str
    values: dict[str, Any]
    help: str = ""
    seconds: float | None = None
    scales: bool = True
    least: float = 0.0


class ExampleSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A one-click example of the start page."""

    title: str
    method: str
    problem: dict[str, Any]
    params: dict[str, Any] = {}
    inputs: dict[str, str] = {}
    seconds: float
    thumbnail: str = ""


class MethodSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One method, as the window, the command line and the run record see it.

    Its result answers the bench's problem while the knobs that ``answers_when`` names have one of
    those values: only then the bench's curves have numbers, and one that ``races`` can be compared
    with others. One that is ``interactive``
    waits for a person most of the time, and is answered before other runs. Of the bench's fields
    the ``unused`` ones play no part in it, and the ``fixed`` ones have that value and take no
    other while ``fixed_when`` holds for its knobs; one that ``previews`` shows before a run what
    its own knobs say. One with a ``lead`` is about that panel, which is the largest: a picture that
    is looked at alone, or a plot on the stage.
    """

    id: str
    bench: str
    title: str
    summary: str
    source: str
    url: str = ""
    help: str = ""
    fields: tuple[FieldSpec, ...]
    presets: tuple[PresetSpec, ...]
    panels: tuple[PanelSpec, ...]
    priors: tuple[str, ...] = ()
    races: bool = True
    interactive: bool = False
    unused: tuple[str, ...] = ()
    fixed: dict[str, Any] = {}
    fixed_when: dict[str, list[Any]] = {}
    answers_when: dict[str, list[Any]] = {}
    lead: str = ""
    previews: bool = False
    thumbnail: str = ""
    package: str = "priorbench"

    def fixed_under(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """What is fixed of the bench's problem while the knobs, by dotted name, are these."""
        return self.fixed if holds(self.fixed_when, params) else {}

    def unasked(self, params: Mapping[str, Any]) -> frozenset[str]:
        """The fields of the bench's problem that nobody is asked for under these knobs."""
        return frozenset({*self.unused, *self.fixed_under(params)})


class InputSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A file that a bench takes; ``samples`` are the bundled ones (``sample:NAME``)."""

    name: str
    title: str
    kind: Literal["picture", "mask"]
    required: bool = True
    default: str = ""
    samples: tuple[Choice, ...] = ()
    suffixes: tuple[str, ...] = ()


class BenchSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One bench: what its problem asks for, and the panels that all its methods share.

    On the stage ``explore`` its image panels are, in this order, a map, a picture and strips: the
    map left, the picture right, the strips below both.
    """

    id: str
    title: str
    verb: str
    summary: str
    icon: str
    inputs: tuple[InputSpec, ...]
    fields: tuple[FieldSpec, ...]
    panels: tuple[PanelSpec, ...]
    examples: tuple[ExampleSpec, ...] = ()
    stage: Stage = "compare"
    order: int = 100


class ModelSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A trained network as its model card tells it."""

    id: str
    title: str
    summary: str
    parameters: int
    card: dict[str, Any]


class Catalogue(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is installed. ``broken`` maps a module to why it was left out."""

    schema: int = CATALOGUE_SCHEMA
    benches: tuple[BenchSpec, ...] = ()
    methods: tuple[MethodSpec, ...] = ()
    models: tuple[ModelSpec, ...] = ()
    broken: dict[str, str] = {}

    def method(self, method_id: str) -> MethodSpec:
        """The method with this id; ``KeyError`` names the known ones."""
        for method in self.methods:
            if method.id == method_id:
                return method
        known = ", ".join(m.id for m in self.methods)
        raise KeyError(f"method {method_id!r} is unknown; known: {known}")

    def bench(self, bench_id: str) -> BenchSpec:
        """The bench with this id; ``KeyError`` names the known ones."""
        for bench in self.benches:
            if bench.id == bench_id:
                return bench
        known = ", ".join(b.id for b in self.benches)
        raise KeyError(f"bench {bench_id!r} is unknown; known: {known}")

    def methods_of(self, bench_id: str) -> list[MethodSpec]:
        """The methods of a bench, in catalogue order."""
        return [m for m in self.methods if m.bench == bench_id]
