"""The history page, driven like a person would."""

from __future__ import annotations

import csv
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import psutil
import pytest
from PIL import Image
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QDesktopServices
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QFileDialog,
    QLineEdit,
    QPushButton,
    QWidget,
)
from pytestqt.qtbot import QtBot

from app import dialogs, export, owners
from app.pages.history import HistoryPage
from app.run_index import RunIndex
from app.run_row import RunRow, repeat_of, request_of
from engine.catalogue import (
    BenchSpec,
    Catalogue,
    Choice,
    FieldSpec,
    MethodSpec,
    PanelSpec,
    SeriesSpec,
)
from widgets import theme

MakeRun = Callable[..., Path]

CATALOGUE = Catalogue(
    benches=(
        BenchSpec(
            id="restoration",
            title="Restore a picture",
            verb="Restore",
            summary="",
            icon="restore",
            inputs=(),
            fields=(
                FieldSpec(
                    name="damage",
                    title="What happened to it?",
                    kind="choice",
                    default="blur",
                    choices=(Choice("blur", "Blur"), Choice("noise", "Noise only")),
                ),
                FieldSpec(
                    name="blur.sigma",
                    title="Width",
                    kind="float",
                    default=1.6,
                    unit="px",
                    when={"damage": ["blur"]},
                ),
            ),
            panels=(
                PanelSpec(name="damaged", title="Damaged", kind="image"),
                PanelSpec(name="restored", title="Restored", kind="image"),
                PanelSpec(
                    name="quality",
                    title="Quality",
                    kind="curve",
                    series=(SeriesSpec("psnr", "Quality, PSNR", "dB"),),
                ),
            ),
        ),
    ),
    methods=(
        MethodSpec(
            id="restoration.wiener",
            bench="restoration",
            title="Wiener filter",
            summary="",
            source="",
            fields=(FieldSpec(name="noise", title="Noise level", kind="float", default=0.01),),
            presets=(),
            panels=(),
        ),
    ),
)


@pytest.fixture
def page(qtbot: QtBot, qapp: QApplication, index: RunIndex, make_run: MakeRun) -> HistoryPage:
    """Five runs: the newest first is run4."""
    for n in range(5):
        make_run(
            f"run{n}",
            created=f"2026-11-1{n}T10:00:00+00:00",
            inputs={"picture": "sample:coffee" if n == 2 else "sample:astronaut"},
            status="failed" if n == 1 else "finished",
            metrics={"psnr": 25.0 + n},
            seed=n,
            error="Out of memory." if n == 1 else "",
        )
    index.sync()
    theme.apply(qapp, "dark")
    page = HistoryPage(index, CATALOGUE)
    qtbot.addWidget(page)
    page.resize(1216, 714)
    with qtbot.waitExposed(page):
        page.show()
    page.activateWindow()
    qtbot.waitUntil(page.isActiveWindow)
    return page


def ids(page: HistoryPage) -> list[str]:
    return [row.id for row in page.model.rows]


def selected(page: HistoryPage) -> list[str]:
    return [row.id for row in page.list.chosen()]


def click_row(page: HistoryPage, row: int, modifier: Qt.KeyboardModifier) -> None:
    place = page.list.visualRect(page.model.index(row)).center()
    QTest.mouseClick(page.list.viewport(), Qt.MouseButton.LeftButton, modifier, place)


NONE, CONTROL = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ControlModifier


def test_an_empty_history_teaches(qtbot: QtBot, index: RunIndex) -> None:
    page = HistoryPage(index, CATALOGUE)
    qtbot.addWidget(page)
    page.show()
    assert page._pages.currentWidget() is page._empty
    assert page.heading().subtitle == ""
    with qtbot.waitSignal(page.start_wanted):
        page._empty.action.click()


def test_the_newest_run_is_shown_with_everything(page: HistoryPage) -> None:
    assert ids(page) == ["run4", "run3", "run2", "run1", "run0"]
    assert selected(page) == ["run4"]
    assert page.heading().subtitle == "5 runs"
    texts = {w.text() for w in page.details.findChildren(QWidget) if hasattr(w, "text")}
    # Text of labels: numbers with units, settings by their titles, where it came from.
    assert {"29.0 dB", "Quality, PSNR", "Blur", "1.60 px", "Noise level", "4"} <= texts
    assert page.details.name.text() == "Wiener filter · astronaut"


def test_a_failed_run_says_why(page: HistoryPage) -> None:
    page.show_run("run1")
    texts = {w.text() for w in page.details.findChildren(QWidget) if hasattr(w, "text")}
    assert "Out of memory." in texts
    assert "28.1 dB" not in texts


def test_typing_searches(page: HistoryPage, qtbot: QtBot) -> None:
    QTest.keyClicks(page.filters.text, "COFFEE wien")
    qtbot.waitUntil(lambda: ids(page) == ["run2"])
    assert selected(page) == ["run2"]
    QTest.keyClick(page.filters.text, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: len(ids(page)) == 5)
    QTest.keyClicks(page.filters.text, "nothing like it")
    qtbot.waitUntil(lambda: page._left.currentWidget() is page._nothing)
    page._nothing.action.click()
    assert len(ids(page)) == 5


def test_filters_and_order(page: HistoryPage) -> None:
    def choose(box: QComboBox, value: object) -> None:
        box.setCurrentIndex(box.findData(value))

    choose(page.filters.status, "failed")
    assert ids(page) == ["run1"]
    choose(page.filters.status, "")
    choose(page.filters.order, "oldest")
    assert ids(page)[0] == "run0"
    choose(page.filters.order, "best")
    assert ids(page)[0] == "run4"
    choose(page.filters.method, "restoration.wiener")
    assert len(ids(page)) == 5
    choose(page.filters.time, 0)
    assert ids(page) == []


def test_the_keyboard_reaches_everything(page: HistoryPage, qtbot: QtBot) -> None:
    page.filters.text.setFocus()
    QTest.keyClick(page.filters.text, Qt.Key.Key_Down)
    assert page.list.hasFocus()
    QTest.keyClick(page.list, Qt.Key.Key_Down)
    assert selected(page) == ["run3"]
    with qtbot.waitSignal(page.reopen) as told:
        QTest.keyClick(page.list, Qt.Key.Key_Return)
    assert told.args[0].id == "run3"
    QTest.keyClick(page.list, Qt.Key.Key_Delete)
    assert ids(page) == ["run4", "run2", "run1", "run0"]
    assert selected(page) == ["run2"]
    QTest.keyClick(page.list, Qt.Key.Key_A, CONTROL)
    assert len(selected(page)) == 4


def test_every_control_has_a_name_and_room(page: HistoryPage) -> None:
    for kind in (QAbstractButton, QComboBox, QLineEdit):
        for control in page.findChildren(kind):
            if control.isVisible() and control.focusPolicy() != Qt.FocusPolicy.NoFocus:
                text = control.text() if isinstance(control, QAbstractButton) else ""
                assert control.accessibleName() or text, control
                assert control.height() >= 24, control


def test_a_delete_is_undone(page: HistoryPage, index: RunIndex, qtbot: QtBot) -> None:
    click_row(page, 0, NONE)
    click_row(page, 2, CONTROL)
    assert selected(page) == ["run4", "run2"]
    page.comparison.delete.emit(page.list.chosen())
    assert ids(page) == ["run3", "run1", "run0"]
    assert "2 runs were deleted" in page.banner.text()
    assert page.facts().undo
    page.banner.action.click()
    assert ids(page) == ["run4", "run3", "run2", "run1", "run0"]
    assert set(selected(page)) == {"run4", "run2"}
    assert not page.facts().undo
    assert not page.do("edit.undo", False)


def test_deleting_for_good_asks(
    page: HistoryPage, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([False, True])
    asked: list[str] = []

    def answer(_: object, title: str, *__: object, **___: object) -> bool:
        asked.append(title)
        return next(answers)

    monkeypatch.setattr(dialogs, "ask", answer)
    page.list.setFocus()
    QTest.keyClick(page.list, Qt.Key.Key_Delete, Qt.KeyboardModifier.ShiftModifier)
    assert len(ids(page)) == 5
    QTest.keyClick(page.list, Qt.Key.Key_Delete, Qt.KeyboardModifier.ShiftModifier)
    assert len(ids(page)) == 4
    assert not (home / "runs" / "run4").exists()
    assert "Wiener filter · astronaut" in asked[0]


def test_a_running_run_stays(page: HistoryPage, index: RunIndex, make_run: MakeRun) -> None:
    index.take(make_run("live", status="running"), owner=owners.token())
    page.refresh()
    page.delete(page.model.rows)
    assert ids(page) == ["live"]
    assert "cancel it first" in page.banner.text()


@pytest.mark.skipif(not Path("/proc").exists(), reason="a folder nobody can rename")
def test_a_delete_that_fails_changes_nothing(page: HistoryPage, home: Path) -> None:
    (home / "runs" / ".deleted").write_text("in the way")
    page.delete(page.list.chosen())
    assert len(ids(page)) == 5
    assert page.banner.level() == "error"


def test_names_and_notes_are_kept_and_found(page: HistoryPage, qtbot: QtBot) -> None:
    page.details.name.selectAll()
    QTest.keyClicks(page.details.name, "For the talk")
    QTest.keyClick(page.details.name, Qt.Key.Key_Return)
    page.details.note.setFocus()
    QTest.keyClicks(page.details.note, "look at the sky")
    page.filters.text.setFocus()
    qtbot.waitUntil(lambda: page.model.rows[0].note == "look at the sky")
    QTest.keyClicks(page.filters.text, "sky talk")
    qtbot.waitUntil(lambda: ids(page) == ["run4"])
    assert page.model.rows[0].heading == "For the talk"


def test_an_untouched_name_is_not_kept(page: HistoryPage, home: Path) -> None:
    page.details.name.setFocus()
    QTest.keyClick(page.details.name, Qt.Key.Key_Return)
    assert not (home / "runs" / "run4" / "window.json").exists()


def test_an_interrupted_run_is_resumed(
    page: HistoryPage, index: RunIndex, make_run: MakeRun, qtbot: QtBot
) -> None:
    index.take(make_run("stopped", status="running", created="2026-11-19T00:00:00+00:00"))
    page.refresh()
    page.show_run("stopped")
    assert page.details.primary.text() == "Resume"
    with qtbot.waitSignal(page.resume) as told:
        page.details.primary.click()
    assert told.args[0].id == "stopped"
    with qtbot.waitSignal(page.repeat):
        page.details.again.click()


def test_several_runs_are_compared(page: HistoryPage) -> None:
    page.list.selectAll()
    assert page._right.currentWidget() is page.comparison
    texts = [w.text() for w in page.comparison.findChildren(QWidget) if hasattr(w, "text")]
    assert "5 runs" in texts
    assert [t for t in texts if t.endswith(" dB")][:5] == [f"{29 - n}.0 dB" for n in range(5)]
    assert "Picture" in texts
    # The same in all of them, so it says nothing.
    assert "Noise level" not in texts


def test_chosen_runs_become_one_sheet(
    page: HistoryPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    page.list.selectAll()
    target = tmp_path / "taken" / "sheet.pdf"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_a, **_k: (str(target), ""))
    buttons = page.comparison.findChildren(QPushButton)
    button = next(b for b in buttons if b.text() == "Comparison sheet…")
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "Exported to" in page.banner.text())
    assert target.read_bytes().startswith(b"%PDF-")


def test_other_windows_are_noticed(
    page: HistoryPage, home: Path, make_run: MakeRun, qtbot: QtBot
) -> None:
    other = RunIndex(home / "index.sqlite")
    other.take(make_run("foreign", created="2026-11-30T00:00:00+00:00"))
    qtbot.waitUntil(lambda: ids(page)[0] == "foreign")
    other.close()


def test_the_folder_is_shown(page: HistoryPage, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()))
    page.details._on_folder()
    assert opened == [page.list.chosen()[0].folder]


def test_the_context_menu_offers_what_fits(page: HistoryPage, qtbot: QtBot) -> None:
    page._menu(QPoint(10, 10))
    from PySide6.QtWidgets import QMenu

    menus = [m for m in page.findChildren(QMenu) if m.isVisible()]
    assert "Repeat" in [a.text() for a in menus[0].actions()]
    menus[0].close()


# --- taking away --------------------------------------------------------------------------


def test_exports_are_written_beside_the_event_loop(
    page: HistoryPage, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = {"zip": tmp_path / "run", "png": tmp_path / "both.png", "csv": tmp_path / "t.csv"}

    def save(_: object, __: str, name: str, *___: object) -> tuple[str, str]:
        return str(wanted[Path(name).suffix[1:]]), ""

    monkeypatch.setattr(QFileDialog, "getSaveFileName", save)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path))
    details, row = page.details, page.list.chosen()[0]
    for signal in (details.export_zip, details.export_picture, details.export_files):
        with qtbot.waitSignal(page._work.done):
            signal.emit(row)
    with qtbot.waitSignal(page._work.done):
        page.comparison.export_table.emit(page.model.rows)
    assert page.banner.level() == "success"
    with zipfile.ZipFile(tmp_path / "run.zip") as archive:
        names = {Path(name).name for name in archive.namelist()}
    assert names >= {"run.json", "request.json", "restored.png", "thumbnail.png"}
    with Image.open(tmp_path / "both.png") as both:
        assert both.width > 2 * 48
    folder = tmp_path / "Wiener filter - astronaut"
    assert {p.name for p in folder.iterdir()} == {"run.json", "restored.png", "damaged.png"}
    lines = list(csv.DictReader((tmp_path / "t.csv").read_text("utf-8-sig").splitlines()))
    assert [line["psnr"] for line in lines] == ["29.0", "28.0", "27.0", "26.0", "25.0"]
    assert lines[0]["problem.blur.sigma"] == "1.6"


def test_a_failing_export_leaves_nothing(
    page: HistoryPage, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "away"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(place / "x.zip"), ""))
    with qtbot.waitSignal(page._work.failed):
        page.details.export_zip.emit(page.list.chosen()[0])
    assert "The run itself is safe" in page.banner.text()
    assert not place.exists()


def test_copies_never_replace_each_other(
    index: RunIndex, make_run: MakeRun, tmp_path: Path
) -> None:
    row = index.take(make_run("one"))
    assert row is not None
    folders = [export.copy_results(row, tmp_path / "out") for _ in range(3)]
    assert len({*folders}) == 3


def test_a_record_cannot_name_files_elsewhere(
    make_run: MakeRun, index: RunIndex, home: Path
) -> None:
    (home / "secret.txt").write_text("x")
    row = index.take(make_run("one", outputs={"a": "../../secret.txt", "b": "restored.png"}))
    assert row is not None
    assert set(export.outputs(row)) == {"b"}


# --- doing it again -----------------------------------------------------------------------


def test_a_run_can_be_asked_for_again(make_run: MakeRun, index: RunIndex) -> None:
    folder = make_run("one", backend="torch", events=[[3, "Tune", {"values": {"noise": 0.02}}]])
    row = index.take(folder)
    assert row is not None
    request = request_of(row)
    assert (request.method, request.seed, request.backend) == ("restoration.wiener", 7, "auto")
    assert request.inputs == {"picture": "sample:astronaut"}
    again = repeat_of(row)
    assert again.backend == "torch"
    assert again.replay == [(3, "Tune", {"values": {"noise": 0.02}})]
    assert again.inputs == request.inputs
    for name in ("run.json", "request.json"):
        (folder / name).unlink()
    assert request_of(row).params == {"noise": 0.01}


def test_a_repeated_run_reads_what_it_read_then(
    make_run: MakeRun, index: RunIndex, home: Path
) -> None:
    sha256 = "ab" * 32
    (home / "store").mkdir()
    (home / "store" / f"{sha256}.png").write_bytes(b"")
    folder = make_run("one", inputs={"picture": "/photos/cat.png"}, device="cpu", threads=2)
    record = json.loads((folder / "run.json").read_text())
    record["inputs"] = {"picture": {"hash": sha256, "path": "/photos/cat.png"}}
    (folder / "run.json").write_text(json.dumps(record))
    row = index.take(folder)
    assert row is not None
    assert row.heading == "Wiener filter · cat"
    assert request_of(row).inputs == {"picture": "/photos/cat.png"}
    again = repeat_of(row)
    assert again.inputs == {"picture": f"store:{sha256}"}
    assert (again.device, again.threads) == ("cpu", 2)


# --- many ---------------------------------------------------------------------------------


def test_two_thousand_runs_list_quickly(qtbot: QtBot, index: RunIndex, home: Path) -> None:
    rows = [
        RunRow(
            id=f"run{n:04}",
            folder=str(home),
            method="restoration.wiener",
            bench="restoration",
            title="Wiener filter",
            status="finished",
            created=f"2026-{n % 11 + 1:02}-01T00:00:{n % 60:02}+00:00",
            inputs={"picture": f"/p/holiday {n}.jpg"},
            metrics={"psnr": 20 + n % 12},
            thumbnail="thumbnail.png",
        )
        for n in range(2000)
    ]
    index._transact(lambda: index._put(rows))
    started = perf_counter()
    page = HistoryPage(index, CATALOGUE)
    qtbot.addWidget(page)
    page.resize(1216, 714)
    with qtbot.waitExposed(page):
        page.show()
    shown = perf_counter() - started
    assert len(ids(page)) == 2000
    started = perf_counter()
    page.filters.text.setText("holiday 19")
    page.refresh()
    searched = perf_counter() - started
    assert len(ids(page)) == sum("19" in row.text() for row in rows)
    # Measured 0.15 s and 0.02 s; a page switch is allowed 0.2 s on an idle machine.
    assert shown < 1.5, f"{shown:.2f} s"
    assert searched < 0.3, f"{searched:.2f} s"
    assert len(page.list.thumbnails._known) + len(page.list.thumbnails._wanted) < 60


def test_opening_and_closing_does_not_grow(
    qtbot: QtBot, index: RunIndex, make_run: MakeRun
) -> None:
    for n in range(4):
        make_run(f"run{n}")
    index.sync()

    def use() -> None:
        page = HistoryPage(index, CATALOGUE)
        page.resize(1000, 700)
        page.show()
        QTest.qWait(1)
        page.list.selectAll()
        page.close()
        page.deleteLater()
        QTest.qWait(1)

    for _ in range(5):
        use()
    before = psutil.Process().memory_info().rss
    for _ in range(25):
        use()
    grown = (psutil.Process().memory_info().rss - before) / 1e6
    assert grown < 25, f"{grown:.1f} MB"
