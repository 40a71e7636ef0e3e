"""The state of a bench page as one serializable model, with undo.

Qt-free. Everything that a person can set on a page is in ``PageState``; the page draws
it and never keeps a second copy. A state round-trips through JSON, so sessions, the
run history and undo all speak of the same thing.

A value is named by a *key*: ``method``, ``seed``, ``problem:blur.sigma``,
``params:steps`` (of the chosen method), ``inputs:picture``, ``view:mode``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import msgspec

from engine.catalogue import BenchSpec, Catalogue, FieldSpec, MethodSpec
from engine.messages import RunRequest

STATE_SCHEMA = 1
#: States that undo remembers; one is a few hundred bytes.
UNDO_DEPTH = 200

_TOP = frozenset({"method", "preset", "seed", "device", "backend", "race"})
#: Methods that can race each other at once.
FEWEST, MOST = 2, 4
_SECTIONS = frozenset({"problem", "params", "inputs", "view"})

#: What is looked at on a fresh page.
_VIEW: dict[str, Any] = {"mode": "wipe", "alone": ""}
_OLD_ALONE = "panel:"

Observer = Callable[["PageState", frozenset[str]], None]


class RaceState(msgspec.Struct, frozen=True, kw_only=True):
    """Which methods race on the page's problem, where ``on``; each with its own knobs.

    ``together`` they take turns step by step, else one runs after another.
    """

    on: bool = False
    methods: tuple[str, ...] = ()
    together: bool = True


class PageState(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is set on one bench page.

    ``params`` holds the values of each method by its id, so that trying another method
    and coming back loses nothing. Field names are dotted paths, as in the catalogue.
    ``view`` holds JSON values: the ``mode`` that pictures are compared in, and the panel of the
    method that is looked at ``alone`` instead, as long as there is one. So the mode is still
    there with a method that has no such panel.
    """

    schema: int = STATE_SCHEMA
    bench: str = ""
    method: str = ""
    preset: str = ""
    params: dict[str, dict[str, Any]] = {}
    problem: dict[str, Any] = {}
    inputs: dict[str, str] = {}
    seed: int = 0
    device: str = "auto"
    backend: str = "auto"
    race: RaceState = RaceState()
    view: dict[str, Any] = {}

    def value(self, key: str) -> Any:
        """The value that ``key`` names; ``None`` where it is not set."""
        section, _, name = key.partition(":")
        if not name:
            return getattr(self, _checked(section, _TOP, key))
        return self._section(_checked(section, _SECTIONS, key)).get(name)

    def with_values(self, changes: Mapping[str, Any]) -> PageState:
        """A copy with ``{key: value}`` applied; a changed method counts first.

        A changed knob makes the preset a custom one, and a mode that is chosen ends the look at
        a panel alone, unless ``changes`` names them.
        """
        top = {k: v for k, v in changes.items() if ":" not in k}
        if any(key.startswith("params:") for key in changes):
            top.setdefault("preset", "")
        if "view:mode" in changes:
            changes = {"view:alone": "", **changes}
        for key in top:
            _checked(key, _TOP, key)
        state = msgspec.structs.replace(self, **top)
        for key, value in changes.items():
            section, _, name = key.partition(":")
            if not name:
                continue
            values = dict(state._section(_checked(section, _SECTIONS, key)))
            values[name] = value
            state = state._with_section(section, values)
        return state

    @property
    def knobs(self) -> dict[str, Any]:
        """The knobs of the chosen method."""
        return self._section("params")

    def request(self, fixed: Collection[str] = ()) -> RunRequest:
        """The run that this page describes; its inputs without the empty ones, its problem without
        the fields that the method has ``fixed``.
        """
        return RunRequest(
            method=self.method,
            params=dict(self._section("params")),
            problem={k: v for k, v in self.problem.items() if k not in fixed},
            inputs={k: v for k, v in self.inputs.items() if v},
            seed=self.seed,
            device=self.device,
            backend=self.backend,
            preset=self.preset,
        )

    def _section(self, section: str) -> dict[str, Any]:
        if section == "params":
            return self.params.get(self.method, {})
        return dict(getattr(self, section))

    def _with_section(self, section: str, values: dict[str, Any]) -> PageState:
        if section == "params":
            return msgspec.structs.replace(self, params={**self.params, self.method: values})
        return msgspec.structs.replace(self, **{section: values})


def _checked(name: str, known: frozenset[str], key: str) -> str:
    if name not in known:
        raise KeyError(f"{key!r} names nothing on a page; known: {', '.join(sorted(known))}")
    return name


def encode(state: PageState) -> str:
    """The state as JSON."""
    return msgspec.json.encode(state).decode()


def decode(text: str | bytes) -> PageState:
    """A state from JSON; ``msgspec.ValidationError`` says what is wrong with it."""
    return msgspec.json.decode(text, type=PageState)


def to_builtins(state: PageState) -> dict[str, Any]:
    """The state as JSON values, for a session."""
    values: dict[str, Any] = msgspec.to_builtins(state)
    return values


def from_builtins(values: Any) -> PageState | None:
    """A state from JSON values; None where they are no state."""
    try:
        return msgspec.convert(values, PageState)
    except msgspec.ValidationError:
        return None


def repaired(state: PageState, bench: BenchSpec, methods: Iterable[MethodSpec]) -> PageState:
    """The state as far as the present declarations know it: what is gone is dropped,
    what is new has its default.
    """
    known = {method.id: method for method in methods}
    fresh = initial(bench, known.values())
    if state.method not in known:
        state = msgspec.structs.replace(state, method=fresh.method)
    problem = defaults(bench.fields)
    inputs = {spec.name: spec.default for spec in bench.inputs}
    inputs |= {name: path for name, path in state.inputs.items() if name in inputs}
    whole = msgspec.structs.replace(
        state,
        bench=bench.id,
        problem=problem | flatten(state.problem, problem),
        inputs=inputs,
        params={name: values for name, values in state.params.items() if name in known},
        race=msgspec.structs.replace(
            state.race, methods=tuple(m for m in state.race.methods if m in known)[:MOST]
        ),
        view=_view(state.view),
    )
    return _set_to(whole, known[whole.method]) if whole.method in known else whole


def _view(kept: Mapping[str, Any]) -> dict[str, Any]:
    """A view that was kept; older versions told in its mode what was looked at alone."""
    view = {**_VIEW, **kept}
    if str(view["mode"]).startswith(_OLD_ALONE):
        view |= {"mode": _VIEW["mode"], "alone": view["mode"].removeprefix(_OLD_ALONE)}
    return view


def defaults(fields: Iterable[FieldSpec]) -> dict[str, Any]:
    """``{field name: default}``."""
    return {field.name: field.default for field in fields}


def sample_reference(value: str) -> str:
    """What a request calls a bundled sample: ``sample:NAME``."""
    return value if value.startswith("sample:") else f"sample:{value}"


def flatten(values: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Nested or dotted values as dotted ones; only those that ``names`` has."""
    flat: dict[str, Any] = {}
    pending = [("", values)]
    while pending:
        prefix, part = pending.pop()
        for name, value in part.items():
            path = f"{prefix}{name}"
            if isinstance(value, Mapping):
                pending.append((f"{path}.", value))
            else:
                flat[path] = value
    known = set(names)
    return {name: value for name, value in flat.items() if name in known}


def initial(bench: BenchSpec, methods: Iterable[MethodSpec]) -> PageState:
    """A fresh page: the method of the first example, else the first; first preset, defaults.

    Methods are listed from the oldest on; the first example is what a bench shows best.
    """
    methods = list(methods)
    shown = [m for example in bench.examples[:1] for m in methods if m.id == example.method]
    state = PageState(
        bench=bench.id,
        problem=defaults(bench.fields),
        inputs={spec.name: spec.default for spec in bench.inputs},
        view=dict(_VIEW),
    )
    return with_method(state, [*shown, *methods][0]) if methods else state


def with_method(state: PageState, method: MethodSpec) -> PageState:
    """The state with ``method`` chosen and what it is about seen; values given to it earlier are
    kept. Where it is the chosen one, nothing changes.
    """
    if method.id == state.method:
        return state
    state = _set_to(state, method)
    return msgspec.structs.replace(state, view=_looked_at(state.view, method))


def _set_to(state: PageState, method: MethodSpec) -> PageState:
    if method.id in state.params:
        kept = flatten(state.params[method.id], [f.name for f in method.fields])
        values = {**defaults(method.fields), **kept}
        preset = matching_preset(method, values)
    else:
        values = defaults(method.fields)
        preset = method.presets[0].name if method.presets else ""
        if method.presets:
            values |= flatten(method.presets[0].values, values)
    params = {**state.params, method.id: values}
    return msgspec.structs.replace(state, method=method.id, preset=preset, params=params)


def _looked_at(view: dict[str, Any], method: MethodSpec) -> dict[str, Any]:
    return {**view, "alone": method.lead} if method.lead else view


def with_knob(state: PageState, method: MethodSpec, name: str, value: Any) -> PageState:
    """The state with one knob of ``method`` moved, its preset named if it is one again."""
    moved = state.with_values({f"params:{name}": value})
    return msgspec.structs.replace(
        moved, preset=matching_preset(method, moved.params[state.method])
    )


def with_preset(state: PageState, method: MethodSpec, name: str) -> PageState:
    """The state with every knob of ``method`` as the preset ``name`` has it."""
    values = defaults(method.fields)
    for preset in method.presets:
        if preset.name == name:
            values |= flatten(preset.values, values)
    chosen = name if method.id == state.method else state.preset
    return msgspec.structs.replace(state, preset=chosen, params={**state.params, method.id: values})


def with_race(state: PageState, methods: Iterable[MethodSpec], on: bool) -> PageState:
    """The state with the race begun or left; the first time with the chosen method and the
    first others ticked, so that Run can be pressed at once.
    """
    able = [method.id for method in methods if method.races]
    ticked = [name for name in state.race.methods if name in able]
    if on and len(ticked) < FEWEST:
        wanted = [state.method, *ticked, *able]
        ticked = [name for name in dict.fromkeys(wanted) if name in able][: FEWEST + 1]
    race = RaceState(
        on=on, methods=tuple(sorted(ticked, key=able.index)), together=state.race.together
    )
    return msgspec.structs.replace(state, race=race)


def with_racer(state: PageState, methods: Iterable[MethodSpec], method: str, on: bool) -> PageState:
    """The state with one method ticked or not; more than ``MOST`` are not taken."""
    order = [m.id for m in methods]
    ticked = {*state.race.methods, method} if on else {*state.race.methods} - {method}
    if len(ticked) > MOST:
        return state
    race = msgspec.structs.replace(state.race, methods=tuple(sorted(ticked, key=order.index)))
    return msgspec.structs.replace(state, race=race)


def racer_requests(state: PageState, methods: Mapping[str, MethodSpec]) -> list[RunRequest]:
    """The runs of the race that is set, one per ticked method, all on the same problem."""
    racers = [methods[name] for name in state.race.methods]
    chosen = [(method, with_method(state, method)) for method in racers]
    return [own.request(method.fixed_under(own.knobs)) for method, own in chosen]


def matching_preset(method: MethodSpec, values: Mapping[str, Any]) -> str:
    """The preset that ``values`` are, or an empty string for custom values."""
    base = defaults(method.fields)
    for preset in method.presets:
        if {**base, **flatten(preset.values, base)} == dict(values):
            return preset.name
    return ""


def from_request(catalogue: Catalogue, request: RunRequest, seed_view: PageState) -> PageState:
    """The page that would make ``request``: how a kept run or an example is reopened.

    Values the request leaves out take their defaults; names that the catalogue no longer
    knows are dropped. ``seed_view`` lends what a request does not say (the view, the
    other methods' values). ``KeyError`` where the method is not installed.
    """
    method = catalogue.method(request.method)
    bench = catalogue.bench(method.bench)
    problem = defaults(bench.fields)
    problem |= flatten(request.problem, problem)
    params = defaults(method.fields)
    for preset in method.presets:
        if preset.name == request.preset:
            params |= flatten(preset.values, params)
    params |= flatten(request.params, params)
    inputs = {spec.name: spec.default if spec.required else "" for spec in bench.inputs}
    inputs |= {name: path for name, path in request.inputs.items() if name in inputs}
    return msgspec.structs.replace(
        seed_view,
        bench=bench.id,
        method=method.id,
        race=msgspec.structs.replace(seed_view.race, on=False),
        preset=matching_preset(method, params),
        params={**seed_view.params, method.id: params},
        problem=problem,
        inputs=inputs,
        view=_looked_at(seed_view.view, method),
        seed=request.seed,
        device=request.device,
        backend=request.backend,
    )


class UndoStack:
    """A bounded line of states with a position in it.

    ``push`` with the same ``merge`` key as the push before replaces the newest state, so
    a slider dragged through fifty values is one step back. ``seal`` ends such a gesture.
    """

    def __init__(self, state: PageState, depth: int = UNDO_DEPTH) -> None:
        self._states: list[tuple[PageState, str]] = [(state, "")]
        self._at = 0
        self._depth = depth
        self._open = ""

    @property
    def state(self) -> PageState:
        """The present state."""
        return self._states[self._at][0]

    @property
    def undo_text(self) -> str:
        """What ``undo`` would take back; empty where there is nothing."""
        return self._states[self._at][1] if self._at else ""

    @property
    def redo_text(self) -> str:
        """What ``redo`` would do again; empty where there is nothing."""
        ahead = self._at + 1
        return self._states[ahead][1] if ahead < len(self._states) else ""

    @property
    def before(self) -> PageState:
        """The state that ``undo`` would bring back; the present one where there is none."""
        return self._states[max(0, self._at - 1)][0]

    @property
    def ahead(self) -> PageState:
        """The state that ``redo`` would bring back; the present one where there is none."""
        return self._states[min(len(self._states) - 1, self._at + 1)][0]

    def push(self, state: PageState, text: str, merge: str = "") -> None:
        """Make ``state`` the present one; what was undone is forgotten."""
        del self._states[self._at + 1 :]
        if merge and merge == self._open and self._at:
            self._states[self._at] = (state, text)
        else:
            self._states.append((state, text))
            self._states = self._states[-self._depth :]
        self._at = len(self._states) - 1
        self._open = merge

    def seal(self) -> None:
        """End a gesture: the next push is a step of its own."""
        self._open = ""

    def undo(self) -> PageState:
        """One step back; at the first state it stays."""
        self.seal()
        self._at = max(0, self._at - 1)
        return self.state

    def redo(self) -> PageState:
        """One step forward; at the newest state it stays."""
        self.seal()
        self._at = min(len(self._states) - 1, self._at + 1)
        return self.state


class PageModel:
    """The state of a page, its undo stack, and those who want to know of changes."""

    def __init__(self, state: PageState) -> None:
        self._undo = UndoStack(state)
        self._observers: list[Observer] = []

    @property
    def state(self) -> PageState:
        """The present state."""
        return self._undo.state

    @property
    def undo_text(self) -> str:
        """What ``undo`` would take back."""
        return self._undo.undo_text

    @property
    def redo_text(self) -> str:
        """What ``redo`` would do again."""
        return self._undo.redo_text

    @property
    def undo_keys(self) -> frozenset[str]:
        """The keys that ``undo`` would change."""
        return changed_keys(self.state, self._undo.before)

    @property
    def redo_keys(self) -> frozenset[str]:
        """The keys that ``redo`` would change."""
        return changed_keys(self.state, self._undo.ahead)

    def observe(self, observer: Observer) -> None:
        """Call ``observer(state, changed keys)`` after every change."""
        self._observers.append(observer)

    def set(self, key: str, value: Any, text: str = "") -> None:
        """Change one value; consecutive changes of the same key are one undo step."""
        self.replace(self.state.with_values({key: value}), text or key, merge=key)

    def replace(self, state: PageState, text: str, merge: str = "") -> None:
        """Change many values in one undo step; an equal state changes nothing."""
        before = self.state
        if state == before:
            return
        self._undo.push(state, text, merge)
        self._tell(before)

    def seal(self) -> None:
        """A gesture ended (a slider was let go, a field was left)."""
        self._undo.seal()

    def undo(self) -> None:
        """Take the newest change back."""
        before = self.state
        self._undo.undo()
        self._tell(before)

    def redo(self) -> None:
        """Do again what was taken back."""
        before = self.state
        self._undo.redo()
        self._tell(before)

    def _tell(self, before: PageState) -> None:
        changed = changed_keys(before, self.state)
        if changed:
            for observer in self._observers:
                observer(self.state, changed)


def changed_keys(before: PageState, after: PageState) -> frozenset[str]:
    """The keys whose values differ between two states."""
    keys = {name for name in _TOP if getattr(before, name) != getattr(after, name)}
    for section in _SECTIONS:
        old, new = before._section(section), after._section(section)
        keys |= {f"{section}:{n}" for n in old.keys() | new.keys() if old.get(n) != new.get(n)}
    others = (before.params.keys() | after.params.keys()) - {before.method, after.method}
    if any(before.params.get(name) != after.params.get(name) for name in others):
        # Knobs of methods that are not chosen count where they race.
        keys.add("race")
    return frozenset(keys)


def live(keys: Iterable[str], method: MethodSpec) -> bool:
    """Whether all of these may change during a run: the view, and the live knobs of its method."""
    knobs = {f"params:{field.name}" for field in method.fields if field.live}
    # A moved knob names the preset anew.
    return all(key in knobs or key == "preset" or key.startswith("view:") for key in keys)
