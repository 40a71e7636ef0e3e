"""Numbers, scales and fields, without a window."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from widgets.form import Choice, Field, field_from, numbers
from widgets.form.numbers import Scale

finite = st.floats(allow_nan=False, allow_infinity=False)


def number(**more):
    values = {"name": "a.x", "title": "X", "kind": "float", "default": 1.0, **more}
    return Field(**values)


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("12", 12),
        (" 0,5 ", 0.5),
        ("25/255", 25 / 255),
        ("1e-3", 1e-3),
        ("\N{MINUS SIGN}3", -3),
        ("50 %", 50),
        ("2.5 / 255", 2.5 / 255),
    ],
)
def test_people_write_numbers_in_many_ways(typed, value):
    assert numbers.parse(typed) == pytest.approx(value)


@pytest.mark.parametrize("typed", ["", "abc", "1/0", "1/2/3", "nan", "inf", "1..2"])
def test_what_is_no_number_is_said(typed):
    with pytest.raises(ValueError, match=r"(?i)not a|divided"):
        numbers.parse(typed)


@pytest.mark.parametrize(
    ("value", "decimals", "shown"),
    [
        (0.25, 2, "0.25"),
        (0.0123, 2, "0.0123"),
        (25 / 255, 2, "0.098"),
        (1e-8, 2, "1e-8"),
        (31.4159, 2, "31.42"),
        (100, 0, "100"),
        (0, 2, "0.00"),
        (12345.678, 1, "12345.7"),
    ],
)
def test_numbers_keep_their_first_digits(value, decimals, shown):
    assert numbers.text(value, decimals) == shown


@given(finite, st.integers(0, 4))
def test_shown_numbers_are_close_to_the_truth(value, decimals):
    shown = float(numbers.text(value, decimals))
    assert abs(shown - value) <= max(0.006 * abs(value), 0)


@given(
    st.floats(-1e4, 1e4),
    st.floats(1e-3, 1e4),
    st.booleans(),
    st.booleans(),
    st.integers(0, 4),
    st.data(),
)
def test_scales_stay_inside_and_come_back(low, width, log, integer, decimals, data):
    if integer:
        low, width = math.floor(low), math.ceil(width)
    high = low + width
    if log and high <= 0:
        low, high = 0.0, width
    scale = Scale.of(low, high, log=log, integer=integer, decimals=decimals, step=None)
    stop = data.draw(st.integers(0, scale.stops))
    value = scale.value_at(stop)
    assert low <= value <= high
    assert not integer or isinstance(value, int)
    assert 0 <= scale.stop_of(value) <= scale.stops
    assert scale.value_at(0) == pytest.approx(low)
    assert scale.value_at(scale.stops) == pytest.approx(high)
    steps = data.draw(st.sampled_from([-10, -1, 1, 10]))
    moved = scale.stepped(value, steps)
    assert low <= moved <= high
    assert (moved - value) * steps >= 0


@given(st.data())
def test_a_fine_scale_finds_its_stop_again(data):
    scale = Scale.of(0.0, 1.0, log=False, integer=False, decimals=2, step=None)
    stop = data.draw(st.integers(0, scale.stops))
    assert scale.stops == 100
    assert scale.stop_of(scale.value_at(stop)) == stop


def test_a_log_scale_of_whole_numbers_never_sticks():
    scale = Scale.of(1, 1000, log=True, integer=True, decimals=0, step=None)
    value, seen = 1, []
    while value < 1000:
        moved = scale.stepped(value, 1)
        assert moved > value
        value = moved
        seen.append(value)
    assert len(seen) < 120


def test_a_log_scale_reaches_zero_where_zero_is_allowed():
    scale = Scale.of(0.0, 1.0, log=True, integer=False, decimals=2, step=None)
    assert scale.value_at(0) == 0
    assert scale.value_at(1) == pytest.approx(1e-4)
    assert scale.stop_of(0) == 0
    assert scale.stepped(1e-4, -1) == 0
    assert scale.stepped(0, 1) == pytest.approx(1e-4)


@given(st.floats(-1e6, 1e6))
def test_numbers_inside_the_limits_are_kept_exactly(value):
    assert number(minimum=-1e6, maximum=1e6).accept(value) == value


@given(finite)
def test_numbers_outside_are_moved_to_the_limit(value):
    field = number(minimum=-2, maximum=3.5)
    assert field.accept(value) == min(max(value, -2), 3.5)


@given(finite)
def test_whole_numbers_stay_whole(value):
    field = number(kind="int", default=3, minimum=1, maximum=100)
    accepted = field.accept(value)
    assert isinstance(accepted, int)
    assert 1 <= accepted <= 100


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        (number(), "1", "a.x: '1' is not a number"),
        (number(), math.nan, "not finite"),
        (number(), True, "not a number"),
        (number(kind="bool", default=True), 1, "neither true nor false"),
        (number(kind="text", default=""), 3, "not a text"),
        (number(kind="choice", default="a", choices=[("a", "A")]), "b", "allowed: a"),
    ],
)
def test_values_of_another_kind_are_refused_with_the_reason(field, value, words):
    with pytest.raises(ValueError, match=words):
        field.accept(value)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"minimum": 2, "maximum": 1}, "a.x: minimum 2 is not below maximum 1"),
        ({"kind": "choice", "default": "a"}, "needs options"),
        ({"kind": "colour"}, "unknown"),
        ({"kind": "choice", "default": "z", "choices": [("a", "A")]}, "default of a.x"),
    ],
)
def test_a_contradictory_declaration_names_the_field(more, words):
    with pytest.raises(ValueError, match=words):
        number(**more)


def test_typed_numbers_are_judged_by_the_limits():
    field = number(kind="int", default=5, minimum=1, maximum=50, unit="px")
    assert field.read("12 px") == 12
    with pytest.raises(ValueError, match="Between 1 px and 50 px"):
        field.read("51")
    with pytest.raises(ValueError, match="whole"):
        field.read("1.5")
    with pytest.raises(ValueError, match="At least 1 px"):
        number(kind="int", default=5, minimum=1, unit="px").read("0")
    with pytest.raises(ValueError, match="At most 9"):
        number(kind="int", default=5, maximum=9).read("10")


def test_fields_are_made_from_foreign_declarations():
    class Option:
        value, title, help = "a", "A", "first"

    class Spec:
        name, title, kind, default = "x", "X", "choice", "a"
        choices = (Option(),)
        unknown = 3

    field = field_from(Spec())
    assert field.choices == (Choice("a", "A", "first"),)
    assert field.show("a") == "A"
    from_mapping = number(kind="choice", default="a", choices=[{"value": "a", "title": "A"}])
    assert from_mapping.choices == (Choice("a", "A"),)
    assert field.accept("a") == "a"
    assert number(kind="file", default=None).accept(None) == ""
