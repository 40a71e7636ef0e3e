from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, model_validator

from engine.headless import parse_set
from engine.method import BadInput, Settings, knob
from engine.settings import dump, errors, fields_of, flat, make, nested, retuned


class Deep(Settings):
    edge: int = knob(3, title="Edge", help="h", ge=1, le=9, when={"shape": ["round"]})
    shape: Literal["round", "flat"] = knob("round", title="Shape", help="h")


class Blur(Settings):
    sigma: float = knob(1.0, title="Sigma", help="h", unit="px", ge=0.1, le=20, live=True)
    deep: Deep = knob(Deep(), title="Deep", help="h", when={"sigma": [1.0]})


class Problem(Settings):
    kind: Literal["blur", "none"] = knob(
        "blur", title="Kind", help="h", titles={"blur": "A blur"}, group="Damage"
    )
    factor: Literal[2, 3, 4] = knob(3, title="Factor", help="h")
    on: bool = knob(True, title="On", help="h")
    blur: Blur = knob(Blur(sigma=2.5), title="Blur", help="h", when={"kind": ["blur"]}, folded=True)
    note: str = knob("", title="Note", help="h")
    part: float | None = knob(None, title="Part", help="h", ge=0, le=1, live=True)

    @model_validator(mode="after")
    def _whole(self) -> Problem:
        if self.note == "bad":
            raise ValueError("a bad note\nin two lines")
        return self


FIELDS = {field.name: field for field in fields_of(Problem)}


def test_nested_settings_become_dotted_names() -> None:
    assert list(FIELDS) == [
        "kind",
        "factor",
        "on",
        "blur.sigma",
        "blur.deep.edge",
        "blur.deep.shape",
        "note",
        "part",
    ]


def test_a_field_says_how_it_is_drawn() -> None:
    sigma = FIELDS["blur.sigma"]
    assert (sigma.kind, sigma.minimum, sigma.maximum, sigma.unit) == ("float", 0.1, 20, "px")
    assert sigma.live
    assert sigma.folded
    assert FIELDS["on"].kind == "bool"
    assert FIELDS["note"].kind == "text"
    assert FIELDS["part"].kind == "float"
    assert FIELDS["part"].default is None


def test_a_group_declared_with_values_keeps_them() -> None:
    assert FIELDS["blur.sigma"].default == 2.5
    assert make(Problem, {"blur.deep.edge": 4}).blur.sigma == 2.5


def test_choices_have_titles_and_text_values() -> None:
    assert [(c.value, c.title) for c in FIELDS["kind"].choices] == [
        ("blur", "A blur"),
        ("none", "None"),
    ]
    assert FIELDS["factor"].default == "3"
    assert [c.value for c in FIELDS["factor"].choices] == ["2", "3", "4"]


def test_conditions_become_absolute_and_add_up() -> None:
    assert FIELDS["blur.sigma"].when == {"kind": ["blur"]}
    assert FIELDS["blur.deep.edge"].when == {
        "kind": ["blur"],
        "blur.sigma": [1.0],
        "blur.deep.shape": ["round"],
    }


def test_a_nested_field_belongs_to_its_group() -> None:
    assert FIELDS["kind"].group == "Damage"
    assert FIELDS["blur.deep.edge"].group == "Blur"


def test_an_annotation_no_widget_draws_is_refused() -> None:
    class Odd(Settings):
        many: list[int] = knob([], title="Many", help="h")

    with pytest.raises(TypeError, match="many"):
        fields_of(Odd)


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"blur.sigma": 99}, "blur.sigma: 99 is above 20 (allowed 0.1 to 20 px)"),
        ({"blur.sigma": "99"}, "blur.sigma: 99 is above 20 (allowed 0.1 to 20 px)"),
        ({"blur": {"sigma": 0}}, "blur.sigma: 0 is below 0.1 (allowed 0.1 to 20 px)"),
        ({"blur.sigma": "x"}, "blur.sigma: 'x' is not a number (allowed 0.1 to 20 px)"),
        (
            {"blur.sigma": "nan"},
            "blur.sigma: nan is not a finite number (allowed 0.1 to 20 px)",
        ),
        ({"blur.deep.edge": 2.5}, "blur.deep.edge: 2.5 is not a whole number (allowed 1 to 9)"),
        ({"kind": "fog"}, "kind: 'fog' is not one of the choices (allowed blur, none)"),
        ({"factor": 5}, "factor: 5 is not one of the choices (allowed 2, 3, 4)"),
        ({"on": "perhaps"}, "on: 'perhaps' is neither true nor false"),
        ({"note": "bad"}, "Value error, a bad note in two lines"),
    ],
)
def test_a_refusal_names_field_value_and_what_is_allowed(values: dict[str, Any], line: str) -> None:
    with pytest.raises(BadInput) as caught:
        make(Problem, values)
    assert str(caught.value) == line


def test_an_unknown_name_gets_a_hint() -> None:
    with pytest.raises(BadInput, match=r"blur\.sigm: .*did you mean blur\.sigma\?"):
        make(Problem, {"blur.sigm": 1})


def test_a_prefix_says_where_the_field_is() -> None:
    with pytest.raises(BadInput) as caught:
        make(Problem, {"blur.sigma": 99}, "problem.")
    assert caught.value.field == "problem.blur.sigma"
    assert str(caught.value).startswith("problem.blur.sigma: 99")


def test_every_error_is_told_by_field() -> None:
    wrong = errors(Problem, {"blur.sigma": 99, "on": "x"})
    assert set(wrong) == {"blur.sigma", "on"}
    assert errors(Problem, {}) == {}


def test_text_becomes_values() -> None:
    made = make(Problem, {"factor": "4", "on": "false", "blur.sigma": "1.5", "part": "0.5"})
    assert (made.factor, made.on, made.blur.sigma, made.part) == (4, False, 1.5, 0.5)


def test_values_and_groups_must_not_clash() -> None:
    with pytest.raises(BadInput):
        nested({"blur": 3, "blur.sigma": 1})
    with pytest.raises(BadInput):
        nested({"blur.sigma": 1, "blur": 3})


def test_live_values_update_whole_groups() -> None:
    current = make(Problem, {"blur.deep.edge": 5})
    update = retuned(current, {"blur.sigma": 4, "part": 1})
    assert update == {"blur": Blur(sigma=4, deep=Deep(edge=5)), "part": 1.0}


@pytest.mark.parametrize("values", [{"on": False}, {"blur.sigma": 99}, {"blur.sigmoid": 1}])
def test_what_is_not_live_or_not_allowed_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match=next(iter(values))):
        retuned(Problem(), values)


def outcome(call: Callable[[], Any]) -> tuple[Any, BadInput | None]:
    """What a call returns, or how it refuses."""
    try:
        return call(), None
    except BadInput as error:
        return None, error


names = st.text("abcxyz_", min_size=1, max_size=6)
paths = st.lists(names, min_size=1, max_size=3).map(".".join)
numbers = st.integers() | st.floats(allow_nan=False) | st.text(max_size=8) | st.booleans()


@given(st.dictionaries(paths, numbers, max_size=5))
def test_flat_undoes_nested(values: dict[str, Any]) -> None:
    tree, refusal = outcome(lambda: nested(values))
    if refusal is not None:
        assert refusal.field in values
    else:
        assert flat(tree) == values


@given(
    sigma=st.floats(0.1, 20),
    edge=st.integers(1, 9),
    kind=st.sampled_from(["blur", "none"]),
    factor=st.sampled_from([2, 3, 4]),
    on=st.booleans(),
)
def test_values_survive_the_command_line(
    sigma: float, edge: int, kind: str, factor: int, on: bool
) -> None:
    values = {
        "blur.sigma": sigma,
        "blur.deep.edge": edge,
        "kind": kind,
        "factor": factor,
        "on": on,
        "blur.deep.shape": "flat",
        "note": "a=b",
        "part": None,
    }
    said = [f"problem.{name}={value}" for name, value in values.items() if value is not None]
    parsed = [parse_set(text) for text in said]
    assert {scope for scope, _, _ in parsed} == {"problem"}
    assert dump(make(Problem, {name: value for _, name, value in parsed})) == values


@given(st.text(max_size=30))
def test_any_text_after_set_is_parsed_or_refused_in_one_line(text: str) -> None:
    parsed, refusal = outcome(lambda: parse_set(text))
    if refusal is not None:
        assert len(str(refusal).splitlines()) == 1
        assert refusal.field == "set"
    else:
        scope, name, _ = parsed
        assert scope in ("problem", "params")
        assert name
        assert "=" in text


@given(st.dictionaries(paths, numbers, min_size=1, max_size=3))
def test_any_values_are_taken_or_refused_in_one_line(values: dict[str, Any]) -> None:
    made, refusal = outcome(lambda: make(Problem, values))
    assert (made is None) != (refusal is None)
    assert len(str(refusal).splitlines()) == 1


def test_a_field_without_default_is_told_not_hidden() -> None:
    class Bare(Settings):
        must: int = Field(ge=0, le=3)

    assert errors(Bare, {}) == {"must": "{} is refused: Field required (allowed 0 to 3)"}
    assert make(Bare, {"must": 2}).must == 2


def test_a_mistyped_setting_of_the_problem_is_named_as_it_must_be_typed() -> None:
    with pytest.raises(BadInput, match=r"did you mean problem\.blur\.sigma\?"):
        make(Problem, {"blur.sigm": 1.0}, "problem.")
