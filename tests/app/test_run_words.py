"""Words of the history: the same as those of the bench page."""

from __future__ import annotations

from app import page_state, run_words
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
