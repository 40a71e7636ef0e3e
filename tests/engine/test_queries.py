"""What the engine says of values before a run."""

from __future__ import annotations

from typing import Any

import pytest

from engine.plan import declaration
from engine.queries import _validate


def told(method: str, params: dict[str, Any] | None = None, **problem: Any) -> dict[str, Any]:
    args = {"method": f"restoration.{method}", "params": params or {}, "problem": problem}
    return dict(_validate(args).value)


@pytest.mark.parametrize(
    "method", ["ddrm", "diffpir", "lpn", "pigdm", "plug_and_play", "total_variation", "wiener"]
)
@pytest.mark.parametrize("damage", ["overexposed", "light_blur", "lost_phase"])
def test_a_damage_that_a_method_cannot_undo_is_told_before_a_run(method: str, damage: str) -> None:
    answer = told(method, damage=damage)
    assert answer["errors"] == {"problem.damage": answer["unfit"]}
    title = declaration(f"restoration.{method}")[0].title
    assert answer["unfit"].startswith(f"{title} does not fit: “")
    assert "is not a linear damage" in answer["unfit"]
    # In the words of the page.
    assert "“Out of focus”" in answer["unfit"]
    assert damage not in answer["unfit"]
    assert told(method, damage="blur") == {"errors": {}, "unfit": ""}


@pytest.mark.parametrize("method", ["red_diff", "dps", "flowchef"])
def test_methods_of_every_damage_take_those_that_are_not_linear(method: str) -> None:
    assert told(method, damage="lost_phase")["errors"] == {}


def test_what_makes_pictures_of_nothing_takes_every_damage() -> None:
    assert told("score_sde", damage="lost_phase")["unfit"]
    assert not told("score_sde", {"task": "generate"}, damage="lost_phase")["unfit"]


@pytest.mark.parametrize(
    ("method", "task", "title"),
    [
        ("score_sde", "generate", "Make new pictures"),
        ("score_sde", "likelihood", "Judge a picture"),
        ("flowchef", "class", "Draw a picture of a class"),
        ("flowchef", "edit", "Change what is in the hole"),
    ],
)
def test_what_does_not_restore_cannot_race(method: str, task: str, title: str) -> None:
    named = {"subject": "face"} if method == "flowchef" else {}
    args: dict[str, Any] = {"method": f"restoration.{method}", "params": {"task": task, **named}}
    if task == "edit":
        args["problem"] = {"damage": "missing"}
    assert _validate(args).value["errors"] == {}
    wrong = _validate({**args, "racing": True}).value["errors"]
    assert wrong.keys() == {"task"}
    assert f"“{title}”" in wrong["task"]
    assert "allowed: “Restore" in wrong["task"]
    # With the knobs of a preset it can.
    assert _validate({**args, "params": {}, "racing": True}).value["errors"] == {}


def test_a_picture_without_a_hole_is_told_before_it_is_to_be_filled() -> None:
    answer = told("flowchef", {"task": "edit"}, damage="blur")
    assert answer["errors"] == {"problem.damage": answer["unfit"]}
    assert "“Out of focus” leaves no hole" in answer["unfit"]
    assert not told("flowchef", {"task": "edit", "subject": "face"}, damage="missing")["errors"]
    assert not told("flowchef", damage="blur")["errors"]


def test_a_class_is_asked_for_at_its_knob() -> None:
    answer = told("flowchef", {"task": "class"}, damage="noise")
    assert answer["unfit"].startswith("FlowChef does not fit: choose one of face; ")
    assert answer["errors"]["subject"].startswith("Choose one of face; ")


def test_values_that_are_wrong_come_first() -> None:
    answer = told("ddrm", damage="lost_phase", noise=9)
    assert answer["errors"].keys() == {"problem.noise"}
    assert not answer["unfit"]
