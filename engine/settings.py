"""Declared settings: their fields as data, and values from outside made into them.

Values come from forms, files and command lines under dotted names
(``{"blur.sigma": "1.6"}``); pydantic judges them, and every refusal becomes one line
that names the field, the value and what is allowed.
"""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import msgspec
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticUndefined

from engine.catalogue import Choice, FieldKind, FieldSpec
from engine.method import BadInput, Settings

_KINDS: dict[Any, FieldKind] = {
    bool: "bool",
    int: "int",
    float: "float",
    str: "text",
    Path: "file",
}


def knob_of(info: FieldInfo) -> dict[str, Any]:
    """The drawing hints that ``engine.method.knob`` left on a pydantic field."""
    extra = info.json_schema_extra
    hints = extra.get("knob", {}) if isinstance(extra, dict) else {}
    return hints if isinstance(hints, dict) else {}


def _plain(annotation: Any) -> Any:
    """The annotation without ``| None``."""
    if get_origin(annotation) in (Union, types.UnionType):
        inner = [a for a in get_args(annotation) if a is not type(None)]
        if len(inner) == 1:
            return inner[0]
    return annotation


def nested_model(info: FieldInfo) -> type[Settings] | None:
    """The settings model of a field that is a group of fields, else None."""
    annotation = _plain(info.annotation)
    if isinstance(annotation, type) and issubclass(annotation, Settings):
        return annotation
    return None


def options(info: FieldInfo) -> tuple[Any, ...]:
    """The members of a ``Literal`` field; empty for any other."""
    annotation = _plain(info.annotation)
    return get_args(annotation) if get_origin(annotation) is Literal else ()


def _bound(info: FieldInfo, *names: str) -> float | None:
    for constraint in info.metadata:
        for name in names:
            value = getattr(constraint, name, None)
            if value is not None:
                return float(value)
    return None


def leaves(model: type[Settings], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Dotted name and pydantic field of every value, nested models walked through."""
    for name, info in model.model_fields.items():
        inner = nested_model(info)
        if inner is None:
            yield prefix + name, info
        else:
            yield from leaves(inner, f"{prefix}{name}.")


def fields_of(model: type[Settings]) -> tuple[FieldSpec, ...]:
    """The fields of a settings model as the window draws them.

    Nested models become dotted names; a nested field inherits the group, fold and
    conditions of the field that holds it, and every ``when`` becomes absolute.

    Raises:
        TypeError: an annotation that no widget can draw.
    """
    specs = tuple(_walk(model, None, "", {}, "", False))
    chosen = {s.name for s in specs if s.kind == "choice"}

    def words(when: dict[str, list[Any]]) -> dict[str, list[Any]]:
        return {k: [str(v) for v in vs] if k in chosen else vs for k, vs in when.items()}

    return tuple(msgspec.structs.replace(s, when=words(s.when)) if s.when else s for s in specs)


def _walk(
    model: type[Settings],
    holder: Settings | None,
    prefix: str,
    when: dict[str, list[Any]],
    group: str,
    folded: bool,
) -> Iterator[FieldSpec]:
    for name, info in model.model_fields.items():
        hints = knob_of(info)
        # A group may be declared with values of its own, which win over its model's defaults.
        default = getattr(holder, name) if holder is not None else _default(info)
        conditions = dict(when)
        for other, allowed in hints.get("when", {}).items():
            known = conditions.get(prefix + other, allowed)
            conditions[prefix + other] = [value for value in allowed if value in known]
        inside = hints.get("group") or group
        fold = bool(hints.get("folded")) or folded
        inner = nested_model(info)
        if inner is not None:
            within = default if isinstance(default, Settings) else None
            title = inside or info.title or ""
            yield from _walk(inner, within, f"{prefix}{name}.", conditions, title, fold)
        else:
            yield _field(prefix + name, info, default, conditions, inside, fold)


def _default(info: FieldInfo) -> Any:
    value = info.get_default(call_default_factory=True)
    return None if value is PydanticUndefined else value


def _field(
    path: str,
    info: FieldInfo,
    default: Any,
    when: dict[str, list[Any]],
    group: str,
    folded: bool,
) -> FieldSpec:
    hints, members = knob_of(info), options(info)
    annotation = _plain(info.annotation)
    kind: FieldKind | None = hints.get("kind") or ("choice" if members else _KINDS.get(annotation))
    if kind is None:
        raise TypeError(f"{path}: no widget draws a value of type {annotation!r}")
    if default is not None and (members or isinstance(default, Path)):
        default = str(default)
    titles = hints.get("titles") or {}
    return FieldSpec(
        name=path,
        title=info.title or "",
        kind=kind,
        default=default,
        help=info.description or "",
        unit=hints.get("unit", ""),
        minimum=_bound(info, "ge", "gt"),
        maximum=_bound(info, "le", "lt"),
        step=hints.get("step"),
        scale=hints.get("scale", "linear"),
        decimals=hints.get("decimals", 2),
        group=group,
        folded=folded,
        live=bool(hints.get("live")),
        choices=tuple(
            Choice(str(m), titles.get(str(m), str(m).replace("_", " ").capitalize()))
            for m in members
        ),
        when=when,
    )


# --- values from outside -----------------------------------------------------------------


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """``{"blur": {"sigma": 1.6}}`` as ``{"blur.sigma": 1.6}``; both forms may be mixed."""
    out: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            out.update(flat(value, f"{prefix}{name}."))
        else:
            out[prefix + name] = value
    return out


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """``{"blur.sigma": 1.6}`` as ``{"blur": {"sigma": 1.6}}``.

    Raises:
        BadInput: one name is both a value and a group.
    """
    out: dict[str, Any] = {}
    for path, value in flat(values).items():
        *groups, leaf = path.split(".")
        place = out
        for group in groups:
            place = place.setdefault(group, {})
            if not isinstance(place, dict):
                raise BadInput(f"{path}: {group} is given as a single value too", path)
        if isinstance(place.get(leaf), dict):
            raise BadInput(f"{path}: it is a group, not a single value", path)
        place[leaf] = value
    return out


def errors(model: type[Settings], values: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with ``values``: field name to a line without the name; empty if nothing."""
    return _judge(model, values)[1]


def make(model: type[Settings], values: Mapping[str, Any], prefix: str = "") -> Any:
    """The settings that ``values`` describe; what they leave out keeps its default.

    Raises:
        BadInput: the first refusal, its field named with ``prefix`` before it.
    """
    made, wrong = _judge(model, values, prefix)
    for name, text in wrong.items():
        path = f"{prefix}{name}" if name else prefix.rstrip(".")
        raise BadInput(f"{path}: {text}" if path else text, path)
    return made


def dump(settings: Settings) -> dict[str, Any]:
    """Settings as flat JSON values, as they are recorded."""
    return flat(settings.model_dump(mode="json"))


def retuned(current: Settings, values: Mapping[str, Any]) -> dict[str, Any]:
    """Live ``values`` as an update of the top-level fields of ``current``.

    Raises:
        BadInput: a name that is unknown or not live, or a value that is refused.
    """
    model = type(current)
    given = flat(values)
    live = {name: bool(knob_of(info).get("live")) for name, info in leaves(model)}
    for name in given:
        if name not in live:
            raise BadInput(f"{name}: {_unknown(name, list(live))}", name)
        if not live[name]:
            raise BadInput(f"{name}: it cannot change while the method runs", name)
    fresh = make(model, {**dump(current), **given})
    return {top: getattr(fresh, top) for top in {name.split(".")[0] for name in given}}


def _judge(
    model: type[Settings], values: Mapping[str, Any], prefix: str = ""
) -> tuple[Any, dict[str, str]]:
    known = dict(leaves(model))
    given = flat(values)
    wrong = {name: _unknown(name, list(known), prefix) for name in given if name not in known}
    for name, value in given.items():
        members = options(known[name]) if name in known else ()
        if members and isinstance(value, str) and value not in members:
            # Forms and command lines speak text; the members may be numbers.
            given[name] = next((m for m in members if str(m) == value), value)
    if wrong:
        return None, wrong
    try:
        return model.model_validate(nested({**_defaults(model), **given})), {}
    except BadInput as error:
        return None, {error.field: str(error).partition(": ")[2]}
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            parts = [str(part) for part in detail["loc"]]
            path = ".".join(parts)
            while path and path not in known and "." in path:
                path = path.rpartition(".")[0]
            wrong.setdefault(path, _refusal(detail, known.get(path)))
        return None, wrong


def _defaults(model: type[Settings]) -> dict[str, Any]:
    """Flat defaults, so that one given value of a group leaves its neighbors as declared."""
    try:
        return flat(model().model_dump())
    except ValidationError:
        return {}


def _unknown(name: str, known: list[str], prefix: str = "") -> str:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean {prefix}{near[0]}?" if near else ""
    listed = ", ".join(f"{prefix}{other}" for other in known) or "none"
    return f"there is no such setting{hint} (known: {listed})"


def _shown(value: Any) -> str:
    text = repr(value) if isinstance(value, str) else str(value)
    text = " ".join(text.split())
    return text if len(text) <= 60 else text[:57] + "…"


def allowed(info: FieldInfo) -> str:
    """What a field takes, in words: ``0.1 to 20 px``; empty if anything."""
    members = options(info)
    if members:
        return ", ".join(str(m) for m in members)
    unit = str(knob_of(info).get("unit") or "")
    low, high = _bound(info, "ge", "gt"), _bound(info, "le", "lt")
    if low is not None and high is not None:
        return f"{low:.12g} to {high:.12g} {unit}".strip()
    if low is not None:
        return f"at least {low:.12g} {unit}".strip()
    return f"at most {high:.12g} {unit}".strip() if high is not None else ""


def _refusal(detail: ErrorDetails, info: FieldInfo | None) -> str:
    value, kind = _shown(detail["input"]), detail["type"]
    bare = value.strip("'")  # a number is shown as one, though it was given as text
    if info is None:
        return " ".join(detail["msg"].split())
    text: str
    match kind:
        case "less_than_equal" | "less_than":
            text = f"{bare} is above {_bound(info, 'le', 'lt'):.12g}"
        case "greater_than_equal" | "greater_than":
            text = f"{bare} is below {_bound(info, 'ge', 'gt'):.12g}"
        case "int_parsing" | "int_type" | "int_from_float" | "int_parsing_size":
            text = f"{value} is not a whole number"
        case "float_parsing" | "float_type":
            text = f"{value} is not a number"
        case "finite_number":
            text = f"{bare} is not a finite number"
        case "bool_parsing" | "bool_type":
            text = f"{value} is neither true nor false"
        case "literal_error":
            text = f"{value} is not one of the choices"
        case _:
            text = f"{value} is refused: {' '.join(detail['msg'].split())}"
    limits = allowed(info)
    return f"{text} (allowed {limits})" if limits else text
