"""Panels whose lines are drawn anew at every frame, beside curves that grow."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from types import SimpleNamespace

import msgspec
import numpy as np
import pytest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.pages.bench_curves import HEIGHT, CurvesPanel, panels_of
from app.pages.bench_run import RunDesk
from app.pages.moments import Moments
from engine.catalogue import BenchSpec, MethodSpec, PanelSpec, SeriesSpec

LOSS = PanelSpec(name="loss", title="Loss", kind="curve", series=(SeriesSpec("loss", "Loss"),))
PROX = PanelSpec(
    name="prox",
    title="What it learned",
    kind="plot",
    x_title="y",
    series=(SeriesSpec("loss", "Learned"), SeriesSpec("exact", "Exact")),
)


@pytest.fixture
def panel(qtbot: QtBot) -> Iterator[CurvesPanel]:
    parent = QWidget()
    qtbot.addWidget(parent)
    panel = CurvesPanel(parent)
    panel.set_panels([LOSS, PROX])
    yield panel
    parent.close()


def lines(slope: float) -> np.ndarray:
    y = np.linspace(-4, 4, 9, dtype=np.float32)
    return np.stack([y, slope * y, 0 * y])


def test_a_frame_replaces_the_lines(panel: CurvesPanel) -> None:
    assert panel.draws("prox")
    assert not panel.draws("loss")
    panel.draw("prox", lines(1.0))
    panel.draw("prox", lines(2.0))
    x, y = panel.plots["prox"].data("loss")
    assert x.tolist() == list(range(-4, 5))
    assert y.tolist() == [2.0 * v for v in x]
    assert not panel.plots["prox"].data("exact")[1].any()


def test_numbers_of_a_step_go_to_curves_only(panel: CurvesPanel) -> None:
    panel.draw("prox", lines(1.0))
    panel.append(1, {"loss": 0.5, "exact": 3.0})
    panel.set_total(100)
    assert panel.plots["loss"].data("loss")[1].tolist() == [0.5]
    assert len(panel.plots["prox"].data("loss")[0]) == 9
    assert panel.plots["prox"].canvas.x_range == (-4.0, 4.0)


def test_a_new_run_empties_both(panel: CurvesPanel) -> None:
    panel.draw("prox", lines(1.0))
    panel.append(1, {"loss": 0.5})
    panel.clear()
    assert not len(panel.plots["prox"].data("loss")[0])
    assert not len(panel.plots["loss"].data("loss")[0])


def test_kept_curves_leave_plots_alone(panel: CurvesPanel) -> None:
    panel.show_curves({"loss": [(0, 1.0), (1, 0.5)]})
    assert not len(panel.plots["prox"].data("loss")[0])
    assert panel.plots["loss"].data("loss")[1].tolist() == [1.0, 0.5]


def test_lines_of_another_number_are_refused(panel: CurvesPanel) -> None:
    with pytest.raises(ValueError, match="zip"):
        panel.draw("prox", lines(1.0)[:2])


def test_a_method_with_lines_of_its_own_gets_the_room() -> None:
    quality = PanelSpec(
        name="quality", title="Quality", kind="curve", series=(SeriesSpec("psnr", "PSNR"),)
    )
    bench = BenchSpec(
        id="b", title="B", verb="Do", summary="s", icon="i", inputs=(), fields=(), panels=(quality,)
    )

    def method(*panels: PanelSpec) -> MethodSpec:
        return MethodSpec(
            id="b.m",
            bench="b",
            title="M",
            summary="s",
            source="s",
            fields=(),
            presets=(),
            panels=panels,
        )

    assert panels_of(bench, method(LOSS)) == [quality, LOSS]
    assert panels_of(bench, method(LOSS, PROX)) == [LOSS, PROX]
    first = msgspec.structs.replace(LOSS, name="first", order=-1)
    assert panels_of(bench, method(LOSS, first)) == [first, quality, LOSS]


def test_the_plot_that_leads_is_drawn_here_and_seen_elsewhere(panel: CurvesPanel) -> None:
    panel.set_panels([PROX, LOSS], lead="prox")
    lead = panel.lead
    assert lead is panel.plots["prox"]
    assert panel._row.indexOf(lead) < 0 <= panel._row.indexOf(panel.plots["loss"])
    assert panel.draws("prox")
    panel.draw("prox", lines(3.0))
    assert lead is not None
    assert lead.has_values()
    # Whether it is seen is not for the row to say.
    lead.hide()
    panel.settle()
    assert lead.isHidden()
    panel.clear()
    assert lead.isHidden()
    assert not lead.has_values()
    panel.set_panels([PROX, LOSS])
    assert panel.lead is None
    assert panel._row.indexOf(lead) == 0


def test_it_is_higher_with_lines_than_with_curves_alone(panel: CurvesPanel) -> None:
    high = panel.height()
    panel.set_panels([LOSS])
    assert panel.height() < high
    assert set(panel.plots) == {"loss"}


def test_an_optional_curve_takes_no_room_before_it_has_values(panel: CurvesPanel) -> None:
    own = PanelSpec(
        name="own", title="Own", kind="curve", series=(SeriesSpec("own", "Own"),), optional=True
    )
    panel.set_panels([own])
    assert not panel.has_cards()
    panel.append(1, {"loss": 0.5})
    assert not panel.has_cards()
    panel.append(2, {"own": 12.0})
    assert panel.has_cards()
    panel.clear()
    assert not panel.has_cards()
    # A kept run that has it shows it, whatever the page showed before.
    panel.show_curves({"own": [(1, 12.0)]})
    assert panel.has_cards()


def test_frames_of_a_plot_go_to_the_curves_and_others_to_the_stage(panel: CurvesPanel) -> None:
    shown: list[str] = []
    stage = SimpleNamespace(
        result="estimate",
        compares=True,
        show_frame=lambda name, *_: shown.append(name),
        offer_plot=lambda name: shown.append(f"plot {name}"),
    )
    desk = SimpleNamespace(_curves=panel, _stage=stage, _moments=Moments())
    RunDesk._on_frame(desk, "prox", lines(3.0), 1, False)  # type: ignore[arg-type]
    RunDesk._on_frame(desk, "damaged", np.zeros((2, 2, 3), np.uint8), 1, False)  # type: ignore[arg-type]
    assert shown == ["plot prox", "damaged"]
    assert desk._moments[0].pictures.keys() == {"damaged"}
    assert panel.plots["prox"].data("loss")[1].tolist() == [3.0 * v for v in range(-4, 5)]


QUALITY = PanelSpec(
    name="quality", title="Quality", kind="curve", series=(SeriesSpec("psnr", "PSNR"),)
)


def test_a_curve_without_values_gives_its_room_away(panel: CurvesPanel) -> None:
    panel.set_panels([QUALITY, LOSS])
    assert not panel.plots["quality"].isHidden()
    panel.append(0, {})
    assert not panel.plots["quality"].isHidden()
    panel.append(1, {"loss": 0.5})
    assert panel.plots["quality"].isHidden()
    assert not panel.plots["loss"].isHidden()
    # What comes late is shown all the same, and a new run may have everything.
    panel.append(2, {"psnr": 20.0})
    assert not panel.plots["quality"].isHidden()
    panel.clear()
    assert not panel.plots["quality"].isHidden()


def test_curves_stay_after_a_run_that_failed_at_once(panel: CurvesPanel) -> None:
    panel.set_panels([QUALITY, LOSS])
    panel.clear()
    panel.settle()
    assert not panel.isHidden()
    assert not any(plot.isHidden() for plot in panel.plots.values())


def test_what_is_called_the_same_has_one_color(panel: CurvesPanel) -> None:
    learned = PanelSpec(
        name="learned",
        title="Prior",
        kind="plot",
        x_title="y",
        series=(SeriesSpec("prior", "Learned"), SeriesSpec("absolute", "Exact")),
    )
    panel.set_panels([QUALITY, PROX, LOSS, learned])
    styles = {name: plot._first_style for name, plot in panel.plots.items()}
    assert styles == {"quality": 0, "prox": 1, "loss": 2, "learned": 1}
    # Those that stay find other neighbors; their values stay, too.
    panel.append(1, {"psnr": 20.0})
    panel.set_panels([LOSS, QUALITY])
    assert [panel.plots[name]._first_style for name in ("loss", "quality")] == [0, 1]
    assert panel.plots["quality"].data("psnr")[1].tolist() == [20.0]


def test_what_stays_empty_under_the_knobs_is_not_waited_for(panel: CurvesPanel) -> None:
    panel.set_panels([QUALITY, LOSS])
    panel.set_idle(["quality"])
    assert panel.plots["quality"].isHidden()
    panel.clear()
    assert panel.plots["quality"].isHidden()
    panel.set_idle(())
    assert not panel.plots["quality"].isHidden()
    # What a run has left stays, whatever is set for the next one.
    panel.append(1, {"psnr": 20.0})
    panel.set_idle(["quality"])
    assert not panel.plots["quality"].isHidden()
    assert panel.plots["loss"].isHidden()


def test_kept_curves_have_an_axis_of_their_own(panel: CurvesPanel) -> None:
    canvas = panel.plots["loss"].canvas
    panel.set_total(120)
    panel.show_curves({"loss": [(0, 1.0), (8, 0.5)]})
    assert canvas.x_range == (0, 8)
    panel.clear()
    assert canvas.x_range is None


def test_many_curves_scroll_and_never_overlap(panel: CurvesPanel, qtbot: QtBot) -> None:
    several = [
        PanelSpec(name=f"p{n}", title=f"Mismatch to {n}", kind="curve", series=LOSS.series)
        for n in range(7)
    ]
    panel.set_panels(several)
    panel.parentWidget().resize(660, 400)
    panel.resize(652, panel.height())
    panel.parentWidget().show()
    qtbot.waitUntil(panel.horizontalScrollBar().isVisible)
    boxes = [plot.geometry() for plot in panel.plots.values()]
    assert all(box.width() >= 200 for box in boxes)
    assert all(a.right() < b.left() for a, b in pairwise(boxes))
    assert all(box.height() >= 160 for box in boxes)
    panel.set_panels(several[:2])
    qtbot.waitUntil(lambda: not panel.horizontalScrollBar().isVisible())
    assert panel.height() == HEIGHT


BARS = PanelSpec(
    name="quality",
    title="Disentangled",
    kind="bars",
    against="Others",
    series=(SeriesSpec("m", "Modular", better="high"), SeriesSpec("c", "Compact")),
)


def test_bars_stand_beside_curves_and_follow_their_frames(panel: CurvesPanel) -> None:
    panel.set_panels([BARS, LOSS])
    assert panel.height() == HEIGHT
    assert panel.draws("quality")
    assert not panel.draws("loss")
    frame = np.array([[0.8, 0.3], [0.6, -1.0]], np.float32)
    panel.draw("quality", frame)
    bars = panel.bars["quality"]
    assert bars.value("m") == pytest.approx(0.8)
    assert bars.mark("m") == pytest.approx(0.6)
    assert bars.foot() == "Others"
    panel.append(1, {"loss": 0.5, "m": 0.8})
    assert not bars.isHidden()
    panel.clear()
    assert not bars.has_values()
    panel.set_panels([LOSS])
    assert not panel.bars


def test_bars_that_nothing_is_known_of_give_their_room_away(panel: CurvesPanel) -> None:
    panel.set_panels([BARS, LOSS])
    panel.draw("quality", -np.ones((2, 2), np.float32))
    panel.append(1, {"loss": 0.5})
    assert panel.bars["quality"].isHidden()
    panel.draw("quality", np.array([[0.8, 0.3], [0.6, -1.0]], np.float32))
    panel.append(2, {"loss": 0.4})
    assert not panel.bars["quality"].isHidden()
