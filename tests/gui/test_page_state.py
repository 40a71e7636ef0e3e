"""The state of a page: keys, undo, JSON, and how requests become pages and back."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.page_state import (
    PageModel,
    PageState,
    UndoStack,
    changed_keys,
    decode,
    encode,
    from_request,
    initial,
    matching_preset,
    racer_requests,
    repaired,
    with_knob,
    with_method,
    with_preset,
    with_race,
    with_racer,
)
from engine.catalogue import BenchSpec, Catalogue, FieldSpec, InputSpec, MethodSpec, PresetSpec
from engine.messages import RunRequest


def method(name: str, **more: object) -> MethodSpec:
    return MethodSpec(
        id=f"toy.{name}",
        bench="toy",
        title=name,
        summary="",
        source="",
        fields=(
            FieldSpec(name="steps", title="Steps", kind="int", default=10),
            FieldSpec(name="prior.trust", title="Trust", kind="float", default=0.5),
        ),
        presets=(
            PresetSpec("fast", "Fast", {"steps": 5}),
            PresetSpec("long", "Long", {"steps": 50, "prior": {"trust": 0.9}}),
        ),
        panels=(),
        **more,
    )


ONE, TWO = method("one"), method("two")
BENCH = BenchSpec(
    id="toy",
    title="Toy",
    verb="Play",
    summary="",
    icon="",
    inputs=(
        InputSpec(name="picture", title="Picture", kind="picture", default="sample:cat"),
        InputSpec(name="mask", title="Mask", kind="mask", required=False),
    ),
    fields=(FieldSpec(name="blur.sigma", title="Blur", kind="float", default=1.0),),
    panels=(),
)
CATALOGUE = Catalogue(benches=(BENCH,), methods=(ONE, TWO))


def test_a_fresh_page_has_the_first_preset_and_every_default() -> None:
    state = initial(BENCH, [ONE, TWO])
    assert state.method == "toy.one"
    assert state.preset == "fast"
    assert state.value("params:steps") == 5
    assert state.value("problem:blur.sigma") == 1.0
    assert state.request().inputs == {"picture": "sample:cat"}


def test_each_method_keeps_its_own_values() -> None:
    state = initial(BENCH, [ONE, TWO]).with_values({"params:steps": 33})
    other = with_method(state, TWO)
    assert other.value("params:steps") == 5
    back = with_method(other, ONE)
    assert back.value("params:steps") == 33
    assert back.preset == ""


CURVE = method("curve", lead="prox")


def test_a_method_that_is_about_a_panel_shows_it_until_something_else_is_looked_at() -> None:
    state = initial(BENCH, [ONE, CURVE])
    assert state.view == {"mode": "wipe", "alone": ""}
    state = with_method(state.with_values({"view:mode": "side"}), CURVE)
    assert state.view == {"mode": "side", "alone": "prox"}
    # Chosen once more it is what it was, also where one has looked elsewhere.
    assert with_method(state, CURVE) == state
    away = state.with_values({"view:mode": "difference"})
    assert away.view == {"mode": "difference", "alone": ""}
    assert with_method(away, CURVE) == away
    assert repaired(away, BENCH, [ONE, CURVE]) == away
    catalogue = Catalogue(benches=(BENCH,), methods=(CURVE,))
    reopened = from_request(catalogue, RunRequest(method="toy.curve"), away)
    assert reopened.view == {"mode": "difference", "alone": "prox"}


def test_what_was_looked_at_before_is_there_again_behind_another_method() -> None:
    model = PageModel(initial(BENCH, [ONE, CURVE]))
    model.set("view:mode", "side")
    model.replace(with_method(model.state, CURVE), "Method")
    model.replace(with_method(model.state, ONE), "Method")
    assert model.state.view["mode"] == "side"
    model.undo()
    assert model.state.view == {"mode": "side", "alone": "prox"}
    model.undo()
    assert model.state.view == {"mode": "side", "alone": ""}
    model.redo()
    assert model.state.view == {"mode": "side", "alone": "prox"}
    # The same mode again is a look away from it.
    model.set("view:mode", "side")
    assert model.state.view == {"mode": "side", "alone": ""}


def test_a_page_kept_by_an_older_version_shows_what_it_showed() -> None:
    state = initial(BENCH, [ONE, CURVE])
    for old, now in (
        ({"mode": "panel:prox"}, {"mode": "wipe", "alone": "prox"}),
        ({"mode": "side"}, {"mode": "side", "alone": ""}),
        ({}, {"mode": "wipe", "alone": ""}),
    ):
        kept = msgspec.structs.replace(state, view=old)
        assert repaired(kept, BENCH, [ONE, CURVE]).view == now


def test_presets_are_recognized_from_their_values() -> None:
    state = with_preset(initial(BENCH, [ONE]), ONE, "long")
    values = state.params["toy.one"]
    assert values == {"steps": 50, "prior.trust": 0.9}
    assert matching_preset(ONE, values) == "long"
    assert matching_preset(ONE, {**values, "steps": 51}) == ""
    moved = with_knob(state, ONE, "steps", 51)
    assert moved.preset == ""
    assert with_knob(moved, ONE, "steps", 50).preset == "long"


def test_a_kept_request_becomes_the_page_it_came_from() -> None:
    page = initial(BENCH, [ONE]).with_values(
        {"params:steps": 7, "problem:blur.sigma": 2.5, "seed": 9, "inputs:mask": "m.png"}
    )
    assert (
        from_request(CATALOGUE, page.request(), initial(BENCH, [ONE])).request() == page.request()
    )


def test_a_request_with_names_that_are_gone_still_opens() -> None:
    request = RunRequest(
        method="toy.one", params={"gone": 1}, problem={"blur": {"sigma": 3.0}, "old": {"x": 1}}
    )
    state = from_request(CATALOGUE, request, PageState())
    assert state.problem == {"blur.sigma": 3.0}
    assert state.value("params:steps") == 10
    with pytest.raises(KeyError, match="unknown"):
        from_request(CATALOGUE, RunRequest(method="toy.three"), PageState())


def test_a_drag_is_one_step_back() -> None:
    model = PageModel(initial(BENCH, [ONE]))
    seen: list[frozenset[str]] = []
    model.observe(lambda _state, keys: seen.append(keys))
    for value in (1.5, 2.0, 2.5):
        model.set("problem:blur.sigma", value, "Blur")
    model.seal()
    model.set("problem:blur.sigma", 4.0, "Blur")
    model.undo()
    assert model.state.value("problem:blur.sigma") == 2.5
    assert model.undo_text == "Blur"
    model.undo()
    assert model.state.value("problem:blur.sigma") == 1.0
    assert model.undo_text == ""
    model.redo()
    assert model.state.value("problem:blur.sigma") == 2.5
    assert set(seen) == {frozenset({"problem:blur.sigma"})}


def test_the_same_value_again_is_no_change() -> None:
    model = PageModel(initial(BENCH, [ONE]))
    model.set("seed", 0)
    assert model.undo_text == ""


def test_unknown_keys_are_refused() -> None:
    with pytest.raises(KeyError, match="nonsense"):
        PageState().with_values({"nonsense": 1})
    with pytest.raises(KeyError, match="other"):
        PageState().value("other:x")


def test_the_stack_is_bounded() -> None:
    stack = UndoStack(PageState(), depth=5)
    for seed in range(20):
        stack.push(PageState(seed=seed), "seed")
    for _ in range(30):
        stack.undo()
    assert stack.state.seed == 15


def test_damaged_json_says_what_is_wrong() -> None:
    with pytest.raises(msgspec.ValidationError, match="seed"):
        decode('{"seed": "three"}')


KEYS = st.sampled_from(["problem:blur.sigma", "params:steps", "view:wipe"])
STEPS = st.lists(
    st.one_of(
        st.tuples(KEYS, st.integers(0, 5)), st.sampled_from(["undo", "redo", "seal", "method"])
    ),
    max_size=40,
)


@given(STEPS)
def test_undo_then_redo_is_the_identity_and_json_keeps_everything(steps: list[object]) -> None:
    model = PageModel(initial(BENCH, [ONE, TWO]))
    for step in steps:
        if isinstance(step, tuple):
            model.set(step[0], step[1])
        elif step == "method":
            wanted = TWO if model.state.method == ONE.id else ONE
            model.replace(with_method(model.state, wanted), "Method")
        else:
            getattr(model, str(step))()
        state = model.state
        assert decode(encode(state)) == state
        if model.undo_text:
            model.undo()
            model.redo()
            assert model.state == state


THREE, SHOW = method("three"), method("show", races=False)
MANY = [ONE, SHOW, TWO, THREE, method("four"), method("five")]
KNOWN = {m.id: m for m in MANY}


def test_a_race_begins_with_the_chosen_method_and_the_first_others() -> None:
    state = with_race(with_method(initial(BENCH, MANY), KNOWN["toy.four"]), MANY, True)
    assert state.race.on
    assert state.race.methods == ("toy.one", "toy.two", "toy.four")
    off = with_race(state, MANY, False)
    assert not off.race.on
    assert off.race.methods == state.race.methods
    # One that only shows something does not race, even if it is chosen.
    shown = with_race(with_method(initial(BENCH, MANY), SHOW), MANY, True)
    assert shown.race.methods == ("toy.one", "toy.two", "toy.three")


def test_racers_keep_the_order_of_the_bench_and_are_four_at_most() -> None:
    state = with_race(initial(BENCH, MANY), MANY, True)
    state = with_racer(state, MANY, "toy.five", True)
    assert state.race.methods == ("toy.one", "toy.two", "toy.three", "toy.five")
    assert with_racer(state, MANY, "toy.four", True) == state
    state = with_racer(state, MANY, "toy.two", False)
    assert with_racer(state, MANY, "toy.four", True).race.methods[2] == "toy.four"


def test_every_racer_runs_with_its_own_knobs_on_the_same_problem() -> None:
    state = with_race(initial(BENCH, MANY), MANY, True)
    state = with_preset(state, TWO, "long")
    assert state.preset == "fast"
    one, two, three = racer_requests(state, KNOWN)
    assert (one.params["steps"], two.params["steps"], three.params["steps"]) == (5, 50, 5)
    assert one.problem == two.problem == three.problem
    assert (one.seed, one.inputs) == (two.seed, two.inputs)
    assert [r.method for r in (one, two, three)] == ["toy.one", "toy.two", "toy.three"]


def test_knobs_of_methods_that_are_not_chosen_are_changes_of_the_race() -> None:
    state = with_race(initial(BENCH, MANY), MANY, True)
    assert changed_keys(state, with_preset(state, TWO, "long")) == {"race"}
    assert "race" not in changed_keys(state, with_preset(state, ONE, "long"))


def test_reopening_a_run_leaves_the_race_and_sessions_keep_it() -> None:
    state = with_race(initial(BENCH, MANY), MANY, True)
    assert decode(encode(state)) == state
    request = RunRequest(method="toy.one")
    catalogue = Catalogue(benches=(BENCH,), methods=tuple(MANY))
    reopened = from_request(catalogue, request, state)
    assert not reopened.race.on
    assert reopened.race.methods == state.race.methods
    left = repaired(state, BENCH, [ONE, THREE])
    assert left.race.methods == ("toy.one", "toy.three")
