"""A race of methods on one photograph, driven as a person would drive it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from PIL import Image
from PySide6.QtCore import QPoint, Qt

from app import words
from app.page_state import with_preset
from app.run_row import read_folder, read_json
from engine.messages import RunRequest

NAMES = ("wiener", "total_variation", "plug_and_play", "diffpir")
METHODS = tuple(f"restoration.{name}" for name in NAMES)
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def photograph(tmp_path: Path) -> Path:
    """A part of a bundled photograph, small enough for a test."""
    from engine.data.samples import samples

    path = tmp_path / "portrait.png"
    with Image.open(samples()["astronaut"].path) as picture:
        picture.convert("RGB").crop((160, 40, 288, 168)).save(path)
    return path


@pytest.fixture
def racing(driver: Any, photograph: Path, qtbot: Any) -> Any:
    """The restoration page with four methods chosen for a race by hand."""
    page = driver.to_bench()
    page.take_file(photograph)
    driver.until(lambda: page.state.inputs["picture"] == str(photograph))
    driver.until(lambda: driver.stage.picture("damaged").shape == (128, 128, 3))
    header = driver.window.header
    qtbot.mouseClick(header._pills["run.race"], LEFT)
    assert page.state.race.on
    for name in METHODS:
        racer = page.parts.race.racers[name]
        if not racer.box.isChecked():
            press(racer.box, qtbot)
    assert page.state.race.methods == METHODS
    return page


def press(box: Any, qtbot: Any) -> None:
    qtbot.mouseClick(box, LEFT, pos=QPoint(10, box.height() // 2))


def choose(page: Any, method: str, preset: str) -> None:
    """Pick a preset in the line of a racer."""
    choice = page.parts.race.racers[method].choice
    choice.setCurrentIndex(choice.findData(preset))
    choice.activated.emit(choice.currentIndex())


def take_long(page: Any) -> None:
    """Let total variation outlast the others, on any machine: something is left to look at."""
    own = {
        METHODS[1]: {"steps": 1000, "tolerance": 1e-5},
        METHODS[2]: {"steps": 3},
        METHODS[3]: {"steps": 3, "samples": 1},
    }
    params = dict(page.state.params)
    for name, knobs in own.items():
        first = page.methods[name].presets[0].name
        params[name] = {**with_preset(page.state, page.methods[name], first).params[name], **knobs}
    page.model.replace(msgspec.structs.replace(page.state, params=params), "Steps")


def the_others_are_done(page: Any) -> bool:
    """Whether total variation is the only one that is left."""
    return [s == "finished" for s in states(page)] == [name != METHODS[1] for name in METHODS]


def states(page: Any) -> list[str]:
    return [lane.state for lane in page.desk.run.lanes]


def test_four_methods_race_are_cancelled_resumed_and_taken_away(
    driver: Any, racing: Any, tmp_path: Path, qtbot: Any
) -> None:
    page, window = racing, driver.window
    # Long enough that something is left to cancel.
    take_long(page)
    driver.press_run()
    lanes = page.desk.run.lanes
    keys = driver.stage.keys
    driver.until(lambda: all(name in keys() for name in METHODS))
    assert [pane.key for pane in driver.stage.panes()] == list(METHODS)
    # Nobody else may be chosen, and nothing changed, while they run.
    assert not page.parts.race.racers["restoration.dps"].box.isEnabled()
    assert not page.parts.input.form.row("noise").editor.slider.isEnabled()
    assert not window.actions_["run.race"].isEnabled()
    driver.until(lambda: the_others_are_done(page))
    qtbot.mouseClick(page.parts.bar.cancel_button, LEFT)
    driver.over()
    assert states(page).count("cancelled") == 1
    table = page.desk.table
    assert table.state_text("restoration.total_variation") == "Cancelled"
    halted = lanes[1].folder
    at = lanes[1].last_progress.step

    # It goes on where it was halted, in the same folder; those that are done stay as they are.
    kept = {lane.method: lane.folder for lane in lanes}
    written = [(folder / "run.json").stat().st_mtime_ns for folder in kept.values()]
    banner = page.parts.banner
    assert banner.action.text() == "Resume"
    qtbot.mouseClick(banner.action, LEFT)
    driver.until(lambda: page.desk.run.state == "running")
    driver.until(lambda: lanes[1].last_progress.step > at)
    assert {lane.method: lane.folder for lane in lanes} == kept
    _, quality = page.parts.curves.plots[quality_plot(page)].data("psnr@" + METHODS[1])
    assert len(quality) > 2
    driver.over()
    assert states(page) == ["finished"] * 4
    again = [(folder / "run.json").stat().st_mtime_ns for folder in kept.values()]
    assert [a == b for a, b in zip(written, again, strict=True)] == [True, False, True, True]
    record = read_json(halted / "run.json")
    assert record["status"] == "finished"
    assert record["steps"] == record["curves"]["psnr"][-1][0]

    # All had the same measurement, and the table says what their records say.
    records = [read_json(folder / "run.json") for folder in kept.values()]
    assert len({str(r["problem"]) + str(r["seeds"]) + str(r["inputs"]) for r in records}) == 1
    for method, r in zip(METHODS, records, strict=True):
        assert table.value(method, "psnr") == pytest.approx(r["metrics"]["psnr"])
        assert table.value(method, "calls") == r["metrics"].get("calls")
    assert table.value("restoration.plug_and_play", "calls") > 0
    assert table.value("restoration.wiener", "calls") is None
    best = max(METHODS, key=lambda m: table.value(m, "psnr"))
    row = next(i for i in range(4) if table.item(i, 0).text() == page.methods[best].title)
    assert table.item(row, 2).font().bold()

    # One page to take away, as a picture and as a document.
    png, pdf = tmp_path / "race.png", tmp_path / "race.pdf"
    page.results.save_to(png)
    driver.until(png.is_file)
    driver.until(lambda: not page.results._work.busy)
    page.results.save_to(pdf)
    driver.until(pdf.is_file)
    driver.until(lambda: not page.results._work.busy)
    with Image.open(png) as sheet:
        assert sheet.width == 2000
        assert len(sheet.convert("RGB").getcolors(2**24) or []) > 10_000
    data = pdf.read_bytes()
    assert data.startswith(b"%PDF-")
    assert data.count(b"/Type /Page\n") == 1
    assert not list(tmp_path.glob("*.part"))
    # A name that is neither is refused in words.
    page.results.save_to(tmp_path / "race.docx")
    driver.until(lambda: "race.docx" in banner.text())
    assert ".png, .pdf" in banner.text()

    # The history has all four, and gives the same sheet of those that are chosen there.
    assert len(window.index.search(status="finished")) == 4
    # Back to one method: the page is as before.
    window.actions_["run.race"].trigger()
    assert not page.state.race.on
    assert page.parts.method.isVisible()
    assert not page.parts.race.isVisible()
    driver.until(lambda: set(keys()) <= {"damaged", "clean"})
    assert page.desk is page.single


def quality_plot(page: Any) -> str:
    return next(name for name in page.parts.curves.plots if name.startswith("race.psnr"))


def test_one_after_another_each_has_the_machine_to_itself(
    driver: Any, racing: Any, qtbot: Any
) -> None:
    page = racing
    for name in (METHODS[0], METHODS[3]):
        press(page.parts.race.racers[name].box, qtbot)
    # The first one takes long enough to be looked at.
    first, second = page.state.race.methods
    assert (first, second) == METHODS[1:3]
    take_long(page)
    turns = page.parts.race._turns
    qtbot.mouseClick(turns.chips()[1], LEFT)
    assert not page.state.race.together
    seen: list[tuple[str, ...]] = []
    page.desk.run.changed.connect(lambda: seen.append(tuple(states(page))))
    driver.press_run()
    driver.until(lambda: first in driver.stage.keys())  # noqa: SIM118
    # Cancelled while one waits: that one does not begin, until both are resumed.
    driver.window.actions_["run.cancel"].trigger()
    driver.over()
    assert page.desk.run.state == "cancelled"
    assert states(page) == ["cancelled", "waiting"]
    assert driver.window.actions_["run.resume"].isEnabled()
    driver.window.actions_["run.resume"].trigger()
    driver.until(lambda: states(page) == ["finished"] * 2)
    assert ("running", "waiting") in seen
    assert not any(pair.count("running") > 1 for pair in seen)


def test_what_raced_stays_until_the_next_race_begins(
    driver: Any, racing: Any, tmp_path: Path, qtbot: Any
) -> None:
    """Another choice, and one method in between, take nothing of it away."""
    page, actions = racing, driver.window.actions_
    for name in METHODS[2:]:
        press(page.parts.race.racers[name].box, qtbot)
    take_long(page)
    driver.press_run()
    driver.until(lambda: states(page) == ["finished", "running"])
    driver.until(lambda: METHODS[1] in driver.stage.keys())  # noqa: SIM118
    actions["run.cancel"].trigger()
    driver.over()
    quality = page.desk.table.value(METHODS[0], "psnr")

    def still_there() -> bool:
        table, keys = page.desk.table, driver.stage.keys()
        lines = page.parts.curves.plots[quality_plot(page)]
        return (
            set(METHODS[:2]) <= set(keys)
            and table.value(METHODS[0], "psnr") == pytest.approx(quality)
            and table.state_text(METHODS[1]) == "Cancelled"
            and len(lines.data("psnr@" + METHODS[1])[1]) > 2
            and actions["file.save"].isEnabled()
            and actions["run.resume"].isEnabled()
            and page.parts.banner.action.text() == "Resume"
        )

    assert still_there()
    label = page.parts.bar.label
    assert "earlier choice" not in label.text()
    press(page.parts.race.racers[METHODS[2]].box, qtbot)
    assert page.state.race.methods == METHODS[:3]
    assert still_there()
    assert "earlier choice" in label.text()

    # One method in between.
    actions["run.race"].trigger()
    driver.until(lambda: not page.preview.pending)
    assert METHODS[0] not in driver.stage.keys()  # noqa: SIM118
    assert not page.parts.banner.isVisible()
    actions["run.race"].trigger()
    assert still_there()
    driver.until(lambda: not page.preview.pending)
    assert still_there()
    sheet = tmp_path / "race.png"
    page.results.save_to(sheet)
    driver.until(lambda: not page.results._work.busy)
    assert sheet.is_file()

    # It goes on, and the next one takes its place.
    actions["run.resume"].trigger()
    driver.until(lambda: page.desk.run.state == "running")
    actions["run.cancel"].trigger()
    driver.over()
    driver.press_run()
    driver.until(lambda: len(states(page)) == 3)
    assert page.desk.table.has(METHODS[2])
    assert "earlier choice" not in label.text()
    actions["run.cancel"].trigger()
    driver.over()

    # What was measured otherwise is another race.
    actions["run.race"].trigger()
    page.edits.set("problem:noise", 0.1)
    actions["run.race"].trigger()
    assert page.desk.run.lanes == []
    assert page.desk.table.has(METHODS[2])
    assert not actions["run.resume"].isEnabled()


def test_a_race_of_none_can_be_chosen_anew(racing: Any, qtbot: Any) -> None:
    panel = racing.parts.race
    for name in METHODS:
        press(panel.racers[name].box, qtbot)
    assert racing.state.race.methods == ()
    assert panel.isVisible()
    press(panel.racers[METHODS[0]].box, qtbot)
    assert racing.state.race.methods == METHODS[:1]


def test_one_that_cannot_go_on_leaves_the_others_alone(
    driver: Any, racing: Any, qtbot: Any
) -> None:
    page = racing
    # Of a picture whose light was clipped, these two take no part.
    page.edits.set("problem:damage", "overexposed")
    press(page.parts.race.racers["restoration.diffpir"].box, qtbot)
    press(page.parts.race.racers["restoration.red_diff"].box, qtbot)
    # As if they had not been judged before.
    page.race.desk.start(page.race.requests(), page.runs_folder, parent=page)
    driver.until(lambda: not page.desk.run.active and "finished" in states(page))
    table = page.desk.table
    found = dict(zip(page.state.race.methods, states(page), strict=True))
    assert found["restoration.red_diff"] == "finished"
    assert found["restoration.wiener"] == "failed"
    assert table.state_text("restoration.wiener") == "Failed"
    assert table.item(0, 1).toolTip()
    # All that failed are named, and what is the same for all is said once.
    text = page.parts.banner.text()
    assert text.startswith("Wiener filter, Total variation and Plug-and-play could not go on: ")
    assert text.count("could not go on") == text.count("is not a linear damage") == 1
    assert text.endswith("The others are not affected.")


def test_an_engine_that_dies_interrupts_one_and_all_come_to_their_end(
    driver: Any, racing: Any
) -> None:
    page = racing
    take_long(page)
    driver.press_run()
    driver.until(lambda: the_others_are_done(page))
    lane = page.desk.run.lanes[1]
    driver.window.client.control(lane.job, "checkpoint")
    driver.until(lambda: (lane.folder / "checkpoint.json").is_file())
    driver.kill_engine(lane.job)
    driver.until(lambda: lane.state == "interrupted")
    assert page.desk.run.state == "interrupted"
    assert "SIGKILL" in page.parts.banner.text()
    page.parts.banner.action.click()
    driver.until(lambda: lane.state == "running")
    driver.until(lambda: not page.desk.run.active)
    assert states(page) == ["finished"] * 4


def test_a_race_survives_the_closing_of_the_window(
    open_window: Any, photograph: Path, qtbot: Any
) -> None:
    first = open_window()
    page = first.to_bench()
    page.take_file(photograph)
    first.until(lambda: page.state.inputs["picture"] == str(photograph))
    first.window.actions_["run.race"].trigger()
    page.parts.race.ticked.emit("restoration.plug_and_play", False)
    take_long(page)
    assert page.state.race.methods == METHODS[:2]
    first.press_run()
    first.until(lambda: sorted(states(page)) == ["finished", "running"])
    folders = [lane.folder for lane in page.desk.run.lanes]
    assert first.close()
    assert [read_folder(folder).shown_status for folder in folders] == ["finished", "interrupted"]

    second = open_window()
    page = second.bench
    assert page.state.race.on
    assert states(page) == ["finished", "interrupted"]
    assert page.desk.table.value("restoration.wiener", "psnr") > 0
    assert "restoration.wiener" in second.stage.keys()  # noqa: SIM118
    qtbot.mouseClick(page.parts.banner.action, LEFT)
    second.until(lambda: states(page) == ["finished"] * 2)


def test_what_is_chosen_is_one_state_with_undo_and_limits(
    driver: Any, racing: Any, qtbot: Any
) -> None:
    page, window = racing, driver.window
    fifth = page.parts.race.racers["restoration.ddrm"]
    assert not fifth.box.isEnabled()
    assert "switch one off" in fifth.box.toolTip()
    choose(page, "restoration.plug_and_play", "faithful")
    requests = {r.method: r for r in page.race.requests()}
    assert all(isinstance(r, RunRequest) for r in requests.values())
    assert requests["restoration.plug_and_play"].params["steps"] == 24
    window.actions_["edit.undo"].trigger()
    requests = {r.method: r for r in page.race.requests()}
    assert requests["restoration.plug_and_play"].params["steps"] == 8
    shown = page.parts.race.racers["restoration.plug_and_play"].choice.currentData()
    assert shown == "fast"
    for name in METHODS[1:]:
        press(page.parts.race.racers[name].box, qtbot)
    assert page.state.race.methods == METHODS[:1]
    assert not page.parts.bar.primary.isEnabled()
    assert "two methods" in page.parts.bar.primary.toolTip()
    # What is set survives a restart, and methods that are gone do not come back.
    kept = msgspec.to_builtins(page.state)
    kept["race"]["methods"] = ["restoration.gone", *METHODS[:2]]
    page.restore(kept)
    assert page.state.race.methods == METHODS[:2]


def test_who_cannot_take_part_says_so_before_the_race(racing: Any, driver: Any, qtbot: Any) -> None:
    """In the words of the page, at its own line, and no race begins."""
    racing.edits.set("problem:damage", "lost_phase")
    panel = racing.parts.race
    driver.until(lambda: all(panel.racers[name]._error.text() for name in METHODS))
    told = panel.racers[METHODS[0]]._error.text()
    assert told.startswith("Wiener filter does not fit: “Lost phase” is not a linear damage")
    racing.start()
    assert not racing.desk.run.active
    assert racing.parts.banner.isVisible()
    # Those that are not ticked say it as well, and cannot be ticked; who can take part can.
    other, able = (panel.racers[f"restoration.{name}"] for name in ("ddrm", "dps"))
    driver.until(other._reason.text)
    assert other._reason.text().startswith("DDRM does not fit: ")
    for name in METHODS[1:]:
        press(panel.racers[name].box, qtbot)
    assert not other.box.isEnabled()
    assert other.box.toolTip() == other._reason.text()
    assert not panel.racers[METHODS[1]].box.isEnabled()
    assert able.box.isEnabled()
    assert not able._reason.text()
    # The method of the page takes no part: nothing is wrong with the damage itself.
    assert racing.state.method not in ("restoration.dps", "restoration.red_diff")
    press(panel.racers["restoration.dps"].box, qtbot)
    press(panel.racers["restoration.red_diff"].box, qtbot)
    press(panel.racers[METHODS[0]].box, qtbot)
    driver.until(lambda: not racing.answers.blocked)
    driver.until(lambda: not racing.parts.banner.isVisible())
    racing.edits.set("problem:damage", "blur")
    driver.until(lambda: not any(panel.racers[name]._error.text() for name in METHODS))


def test_a_race_shows_the_damage_that_is_set_and_not_that_of_the_chosen_method(
    driver: Any, small_picture: Path
) -> None:
    page = driver.to_bench()
    driver.drop(small_picture)
    driver.until(lambda: driver.stage.model.frame == (96, 96))
    for name, value in (("damage", "missing"), ("missing.fraction", 0.8), ("noise", 0.0)):
        page.edits.set(f"problem:{name}", value)
    stage, original = driver.stage, page.parts.stage.original

    def lost() -> float:
        """The share of the picture that is not as it was."""
        if not {"damaged", original} <= set(stage.keys()):
            return 0.0
        pair = stage.picture("damaged"), stage.picture(original)
        return float((pair[0] != pair[1]).any(axis=-1).mean())

    driver.until(lambda: 0.7 < lost() < 0.9)
    # It judges the picture as it was given, whatever is set.
    page.choose_method("restoration.lpn_prior")
    driver.until(lambda: stage.model.layers["damaged"].title == "Untouched")
    page.race.toggle()
    driver.until(lambda: 0.7 < lost() < 0.9)
    # What those that race cannot work on is said at the line of each.
    page.edits.set("problem:damage", "lost_phase")
    racers = page.parts.race.racers
    driver.until(lambda: all(racers[name]._error.text() for name in page.state.race.methods))


def test_what_is_set_to_another_task_says_so_at_its_line(
    racing: Any, driver: Any, qtbot: Any
) -> None:
    page, name = racing, "restoration.score_sde"
    page.edits.choose_method(name)
    page.edits._on_knob("task", "generate")
    press(page.parts.race.racers[METHODS[3]].box, qtbot)
    racer = page.parts.race.racers[name]
    press(racer.box, qtbot)
    driver.until(lambda: racer._error.text())
    assert "“What to do” is set to “Make new pictures”" in racer._error.text()
    assert "allowed: “Restore”" in racer._error.text()
    page.start()
    assert not page.desk.run.active
    choose(page, name, "fast")
    driver.until(lambda: not racer._error.text())
    assert page.state.params[name]["task"] == "restore"


def test_a_picture_out_of_nothing_is_no_restoration_by_another_method(
    driver: Any, small_picture: Path
) -> None:
    page, name = driver.to_bench(), "restoration.score_sde"
    page.take_file(small_picture)
    driver.until(lambda: page.state.inputs["picture"] == str(small_picture))
    page.edits.choose_method(name)
    for task, stays in (("restore", True), ("generate", False)):
        page.edits.choose_method(name)
        page.edits._on_knob("task", task)
        page.desk.shown = page.state.request()
        page.edits.choose_method(METHODS[0])
        assert page.answers.shows_result() is stays


def test_durations_go_with_the_size_of_the_picture(racing: Any, driver: Any) -> None:
    racer = racing.parts.race.racers["restoration.wiener"]
    small = words.duration(racer._method.presets[0], 128 * 128)
    driver.until(lambda: racer._time.text() == small)
    assert small != words.duration(racer._method.presets[0], words.USUAL_PIXELS)
