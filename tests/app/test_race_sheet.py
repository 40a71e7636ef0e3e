"""One page that compares runs: what is on it, as a picture and as a document."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from PIL import Image
from PySide6.QtCore import QSize, QSizeF
from PySide6.QtGui import QImage, QImageReader
from PySide6.QtWidgets import QApplication

from app import race_sheet
from app.race_scores import SECONDS, line, overlaid, scores
from app.run_row import RunRow, read_folder
from engine.catalogue import (
    BenchSpec,
    Catalogue,
    Choice,
    FieldSpec,
    MethodSpec,
    PanelSpec,
    PresetSpec,
    SeriesSpec,
)


def method(name: str, title: str, *panels: PanelSpec) -> MethodSpec:
    return MethodSpec(
        id=f"restoration.{name}",
        bench="restoration",
        title=title,
        summary="",
        source="",
        fields=(FieldSpec(name="noise", title="Noise level", kind="float", default=0.02),),
        presets=(PresetSpec("usual", "Usual", {"noise": 0.01}),),
        panels=panels,
    )


COST = PanelSpec(
    name="cost",
    title="Passes",
    kind="curve",
    series=(SeriesSpec("calls", "Calls", better="low", decimals=0),),
)
OWN = PanelSpec(name="own", title="Own", kind="curve", series=(SeriesSpec("weight", "Weight"),))
BENCH = BenchSpec(
    id="restoration",
    title="Restoration",
    verb="Restore",
    summary="",
    icon="",
    inputs=(),
    fields=(
        FieldSpec(
            name="damage",
            title="What happened?",
            kind="choice",
            default="noise",
            choices=(Choice("blur", "Out of focus"), Choice("noise", "Noise")),
        ),
        FieldSpec(
            name="blur.sigma",
            title="Blur width",
            kind="float",
            default=1.0,
            unit="px",
            when={"damage": ["blur"]},
        ),
        FieldSpec(name="whole", title="Every pixel", kind="bool", default=False),
        FieldSpec(name="side", title="Side", kind="int", default=768, folded=True),
        # A record has the number where the choice has its text.
        FieldSpec(
            name="bits",
            title="Save with",
            kind="choice",
            default="8",
            choices=(Choice("8", "8 bits"), Choice("16", "16 bits")),
            folded=True,
        ),
    ),
    panels=(
        PanelSpec(name="estimate", title="Restored", kind="image"),
        PanelSpec(name="damaged", title="Damaged", kind="image"),
        PanelSpec(name="clean", title="Original", kind="image"),
        PanelSpec(
            name="quality",
            title="Quality",
            kind="curve",
            series=(SeriesSpec("psnr", "PSNR", "dB", better="high"),),
        ),
        PanelSpec(
            name="mismatch",
            title="Mismatch",
            kind="curve",
            series=(SeriesSpec("mismatch", "Residual", "σ"),),
            reference=1.0,
        ),
    ),
)
METHODS = (method("wiener", "Wiener filter"), method("red", "RED-diff", COST, OWN))
CATALOGUE = Catalogue(benches=(BENCH,), methods=METHODS)


@pytest.fixture
def rows(make_run: Any, qapp: QApplication) -> list[RunRow]:
    numbers: list[dict[str, Any]] = [
        {"psnr": 28.1, "mismatch": 0.9},
        {"psnr": 30.2, "mismatch": 1.1, "calls": 50.0, "weight": 3.0},
    ]
    folders = [
        make_run(
            f"run-{spec.id}",
            method=spec.id,
            title=spec.title,
            metrics=metrics,
            problem={"damage": "blur", "blur": {"sigma": 1.6}, "bits": 8},
            seconds=3.0 + place,
            curves={"psnr": [[0, 20.0], [4, 28.0]], "mismatch": [[0, 3.0], [4, 1.0]]},
        )
        for place, (spec, metrics) in enumerate(zip(METHODS, numbers, strict=True))
    ]
    found = [read_folder(folder) for folder in folders]
    return [row for row in found if row is not None]


def test_columns_are_what_can_be_compared() -> None:
    wanted = scores(BENCH, METHODS)
    assert [score.metric for score in wanted] == ["psnr", "mismatch", "calls", SECONDS]
    assert [score.better for score in wanted] == ["high", "", "low", "low"]
    assert scores(BENCH, METHODS[:1])[-2].metric == "mismatch"
    quality, mismatch = overlaid(BENCH, METHODS)
    assert [s.metric for s in quality.series] == [line("psnr", m.id) for m in METHODS]
    assert [s.title for s in quality.series] == ["Wiener filter", "RED-diff"]
    assert mismatch.reference == 1.0


def test_a_sheet_says_what_was_set_and_what_came_of_it(rows: list[RunRow]) -> None:
    assert rows[0].problem["bits"] == 8
    whole = race_sheet.sheet(rows, CATALOGUE)
    assert whole.names == ["Wiener filter", "RED-diff"]
    assert whole.values == [[28.1, 0.9, None, 3.0], [30.2, 1.1, 50.0, 4.0]]
    assert [shown.title for shown in whole.pictures] == ["Damaged", "Wiener filter", "RED-diff"]
    assert whole.pictures[1].caption == "28.10 dB"
    shared, own = whole.facts.split("\n")
    assert shared == "astronaut · Out of focus · Blur width 1.60 px · Seed 7"
    assert own == "Wiener filter: Usual · RED-diff: Usual"
    assert [plot.title for plot in whole.plots] == ["Quality", "Mismatch"]
    assert whole.plots[1].reference == 1.0
    assert "7 s of computing" in whole.foot


def test_the_best_is_told_by_its_side() -> None:
    high, free, low, _ = scores(BENCH, METHODS)
    assert race_sheet._best(high, [1.0, None, 2.0]) == 2.0
    assert race_sheet._best(low, [1.0, None, 2.0]) == 1.0
    assert race_sheet._best(free, [1.0, 2.0]) is None
    assert race_sheet._best(high, [2.0, 2.0]) is None


def test_png_and_pdf_are_written_whole(rows: list[RunRow], tmp_path: Path) -> None:
    png = race_sheet.write(rows, CATALOGUE, tmp_path / "sheet.png")
    assert QImageReader(str(png)).size().width() == race_sheet.WIDTH
    with Image.open(png) as picture:
        # The very pixels of the runs' pictures are on it.
        colors = {color for _, color in picture.convert("RGB").getcolors(2**24) or []}
        for row in rows:
            with Image.open(row.path / "restored.png") as restored:
                assert restored.getpixel((4, 4)) in colors
    pdf = race_sheet.write(rows, CATALOGUE, tmp_path / "sheet.pdf")
    data = pdf.read_bytes()
    assert data.startswith(b"%PDF-")
    assert data.count(b"/Type /Page\n") == 1
    # Text stays text: the font is embedded.
    assert re.search(rb"/FontFile\d", data)
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize("count", [1, 2, 5, 6])
def test_any_number_of_runs_fits(rows: list[RunRow], tmp_path: Path, count: int) -> None:
    many = (rows * 3)[:count]
    file = race_sheet.write(many, CATALOGUE, tmp_path / "many.png")
    assert QImageReader(str(file)).size() != QSize()


def test_what_cannot_be_one_sheet_is_said(rows: list[RunRow], tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"sheet\.jpg ends in \.jpg; allowed: \.png, \.pdf"):
        race_sheet.write(rows, CATALOGUE, tmp_path / "sheet.jpg")
    (tmp_path / "file").write_text("in the way")
    for name in ("sheet.png", "sheet.pdf"):
        with pytest.raises(OSError, match="file"):
            race_sheet.write(rows, CATALOGUE, tmp_path / "file" / name)
    other = msgspec.structs.replace(rows[0], bench="planning")
    with pytest.raises(OSError, match="one bench"):
        race_sheet.write([rows[0], other], CATALOGUE, tmp_path / "sheet.png")
    for row in rows:
        for picture in row.path.glob("*.png"):
            picture.write_bytes(b"no picture")
    with pytest.raises(OSError, match="no pictures"):
        race_sheet.write(rows, CATALOGUE, tmp_path / "sheet.png")
    for row in rows:
        for picture in row.path.glob("*.png"):
            picture.unlink()
    with pytest.raises(OSError, match="no pictures"):
        race_sheet.write(rows, CATALOGUE, tmp_path / "sheet.png")
    assert not list(tmp_path.glob("*sheet*"))


def test_a_small_picture_is_enlarged_by_a_whole_number_into_squares() -> None:
    image = QImage(2, 2, QImage.Format.Format_RGB32)
    for place, gray in enumerate((0xFF000000, 0xFFFFFFFF, 0xFF404040, 0xFFC0C0C0)):
        image.setPixel(place % 2, place // 2, gray)
    large = race_sheet.enlarged(image, QSizeF(11, 11))
    assert large.size() == QSize(10, 10)
    seen = {(x // 5, y // 5, large.pixel(x, y)) for x in range(10) for y in range(10)}
    assert seen == {(x, y, image.pixel(x, y)) for x in range(2) for y in range(2)}
    # What is left of its place, the next row of a sheet takes.
    shown = [race_sheet.Shown(str(n), "", QImage(256, 256, image.format())) for n in range(6)]
    whole = race_sheet.Sheet("", "", [], shown, [], [], [], "")
    drawing = race_sheet._Drawing(whole)
    assert drawing._picture_height > 600
    assert drawing._row_height == 64 + 512 + 2 * race_sheet._GAP
    # What is nearly large enough keeps its smooth edges.
    assert race_sheet.enlarged(image, QSizeF(4, 4)) is image


def test_curves_name_what_their_positions_count(
    rows: list[RunRow], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    written: list[str] = []
    write = race_sheet._write
    monkeypatch.setattr(
        race_sheet, "_write", lambda *args, **more: (written.append(args[2]), write(*args, **more))
    )
    race_sheet.write(rows, CATALOGUE, tmp_path / "sheet.png")
    assert written.count("steps") == 2
