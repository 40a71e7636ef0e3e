"""Words of the history: the same as those of the bench page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from app import export, page_state, run_words
from app.run_row import RunRow, read_folder
from engine.catalogue import Choice, FieldSpec, PanelSpec, SeriesSpec
from engine.discovery import installed


def panel(title: str, *series: str) -> PanelSpec:
    return PanelSpec(
        name=title.lower(),
        title=title,
        kind="curve",
        series=tuple(SeriesSpec(name.lower(), name) for name in series),
    )


def test_a_number_is_called_as_its_panel_with_the_field_s_term() -> None:
    def name(shown: PanelSpec) -> list[str]:
        return [run_words._named(shown, series) for series in shown.series]

    assert name(panel("Quality", "PSNR")) == ["Quality (PSNR)"]
    assert name(panel("Residuals", "x − z", "z − z before")) == ["x − z", "z − z before"]
    assert name(panel("Gamma", "Gamma")) == ["Gamma"]


def test_a_choice_between_numbers_is_told_by_its_title() -> None:
    bits = FieldSpec(
        name="bits", title="Save with", kind="choice", default=8, choices=(Choice("8", "8 bits"),)
    )
    assert run_words.value_text(bits, 8) == "8 bits"


def test_every_number_that_a_wiener_run_keeps_has_a_title() -> None:
    catalogue = installed().catalogue
    method = catalogue.method("restoration.wiener")
    metrics = {series.metric for panel in method.panels for series in panel.series}
    assert "settled" in metrics


def test_a_bench_opens_with_the_method_of_its_first_example() -> None:
    catalogue = installed().catalogue
    bench = catalogue.bench("restoration")
    methods = catalogue.methods_of(bench.id)
    assert page_state.initial(bench, methods).method == bench.examples[0].method


def titled(row: RunRow) -> list[str]:
    catalogue = installed().catalogue
    return [title for _, lines in run_words.settings(row, catalogue) for title, _ in lines]


def test_a_run_from_before_a_method_fixed_its_problem_is_told_as_it_was() -> None:
    catalogue = installed().catalogue
    fixed = catalogue.method("restoration.lpn_prior").fixed
    row = RunRow(id="a", folder="", method="restoration.lpn_prior", bench="restoration")
    rest = {"blur.sigma": 2.0, "working_size": 64, "full_size": False}

    row.problem, row.params = {**rest, **fixed}, {"noise": 0.3}
    assert titled(row) == ["Every pixel", "Working size", "Most noise"]
    titles = run_words.picture_titles(row, catalogue)
    assert (titles["estimate"], titles["damaged"]) == ("Judged now", "Untouched")

    row.problem = {**rest, **fixed, "damage": "blur", "already_damaged": False}
    told = ["What happened to it?", "Blur width", "Already damaged", "Every pixel", "Working size"]
    assert titled(row) == [*told, "Most noise"]
    titles = run_words.picture_titles(row, catalogue)
    assert (titles["estimate"], titles["damaged"]) == ("Judged now", "Damaged")


@pytest.mark.parametrize(
    ("method", "params", "titles"),
    [
        ("flowchef", {"task": "class", "samples": 1}, ["Damaged", "New picture"]),
        ("flowchef", {"task": "restore", "samples": 4}, ["Damaged", "Mean of 4 samples"]),
        ("wiener", {}, ["Damaged", "Restored"]),
    ],
)
def test_before_and_after_call_pictures_as_the_page_does(
    make_run: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    params: dict[str, Any],
    titles: list[str],
) -> None:
    row = read_folder(make_run("one", method=f"restoration.{method}", params=params))
    written: list[str] = []
    monkeypatch.setattr(
        ImageDraw.ImageDraw, "text", lambda _self, _xy, text, **_more: written.append(text)
    )
    assert row is not None
    export.before_and_after(row, installed().catalogue, tmp_path / "both.png")
    assert written == titles
    with Image.open(tmp_path / "both.png") as sheet:
        assert sheet.width > 2 * 48
