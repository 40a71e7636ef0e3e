"""Steering a run, losing the engine, closing the window: nothing is lost."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt

from app.run_row import checkpoint_params, read_folder, read_json


def test_knobs_that_are_live_move_it_and_the_others_say_why_not(driver: Any, qtbot: Any) -> None:
    page = driver.to_bench()
    driver.long_run()
    trust, steps = (page.parts.method.form.row(name) for name in ("trust", "steps"))
    assert trust.editor.slider.isEnabled()
    assert not steps.editor.slider.isEnabled()
    assert "while it runs" in steps.toolTip()
    trust.editor.slider.setFocus()
    for _ in range(5):
        qtbot.keyClick(trust.editor.slider, Qt.Key.Key_Right)
    value = page.state.value("params:trust")
    assert value > 1.0

    driver.window.actions_["run.pause"].trigger()
    driver.until(lambda: driver.run.state == "paused")
    at = driver.run.last_progress.step
    assert page.parts.bar.primary.text() == "Resume"
    driver.window.actions_["run.step"].trigger()
    driver.until(lambda: driver.run.last_progress.step > at)
    driver.until(lambda: driver.run.state == "paused")
    driver.window.actions_["run.continue"].trigger()
    driver.until(lambda: driver.run.state == "running")

    # Another page in front; this one goes on and says so in the rail.
    driver.window.show_page("history")
    assert driver.window.rail.badge("restoration") == "running"
    driver.window.show_page("restoration")

    # Another picture has to wait, which is said as long as it holds.
    banner = driver.window.banner
    page.open_picture()
    assert banner.isVisible()
    assert banner.text().startswith("A run is going on")
    qtbot.mouseClick(page.parts.bar.cancel_button, Qt.MouseButton.LeftButton)
    driver.over()
    assert driver.run.state == "cancelled"
    assert not banner.isVisible()
    events = read_json(driver.run.folder / "run.json")["events"]
    assert any(event[2].get("trust") == value for event in events if isinstance(event[2], dict))
    assert trust.editor.slider.isEnabled()
    assert steps.editor.slider.isEnabled()


def test_run_again_replaces_after_asking(driver: Any, answers: list[bool]) -> None:
    page = driver.to_bench()
    driver.long_run()
    first = driver.run.job
    answers[:] = [False, True]
    page.start()
    assert driver.run.job == first
    page.start()
    assert driver.run.job != first
    driver.until(lambda: page.desk.shown is not None)
    driver.run.cancel()
    driver.over()
    driver.until(lambda: len(driver.window.index.search(status="cancelled")) == 2)


def test_a_person_looks_back_along_a_run(driver: Any, qtbot: Any) -> None:
    """The pictures of earlier steps come back, and the curves are read there."""
    page = driver.to_bench()
    page.choose_method("restoration.score_sde")
    page.edits._on_knob("prior", "gaussian")
    page.edits._on_knob("steps", 12)
    frames = []
    driver.run.frame.connect(lambda *what: frames.append((what[2], what[0], what[1].copy())))
    driver.press_run()
    driver.over()
    assert driver.run.state == "finished", driver.run.text
    bar, stage = page.parts.bar, driver.stage
    assert bar.look_back.isVisible()
    last = stage.picture("estimate").copy()
    bar.look_back.setFocus()
    qtbot.keyClick(bar.look_back, Qt.Key.Key_Home)
    first, _, seen = next(frame for frame in frames if frame[1] == "estimate")
    assert (stage.picture("estimate") == seen).all()
    assert (seen != last).any()
    sigma = page.parts.curves.plots["noise"]
    assert sigma.canvas.cursor_x() == max(first, 1)
    qtbot.keyClick(bar.look_back, Qt.Key.Key_End)
    assert (stage.picture("estimate") == last).all()
    assert sigma.canvas.cursor_x() == 12
    # Another run has other moments.
    page.start()
    assert not bar.look_back.isVisible()
    driver.run.cancel()
    driver.over()


def test_why_a_run_failed_goes_with_what_it_failed_for(driver: Any) -> None:
    page = driver.to_bench()
    page.choose_method("restoration.flowchef")
    page.edits._on_knob("task", "class")
    page.edits._on_knob("subject", "unicorn")
    driver.until(page.parts.bar.primary.isEnabled)
    page.start()
    driver.until(lambda: driver.run.state == "failed")
    assert page.parts.banner.isVisible()
    assert page.parts.bar.label.text().startswith("Failed")
    assert page.parts.curves.has_cards()
    page.edits._on_knob("subject", "face")
    assert not page.parts.banner.isVisible()
    assert page.parts.bar.label.text() == "Ready"


def test_a_picture_that_is_too_large_to_be_judged_is_made_small_by_one_press(driver: Any) -> None:
    page = driver.to_bench()
    page.choose_method("restoration.score_sde")
    page.edits._on_knob("task", "likelihood")
    driver.until(page.parts.bar.primary.isEnabled)
    page.start()
    driver.until(lambda: driver.run.state == "failed")
    banner = page.parts.banner
    assert banner.action.text() == "Try working size 32 px"
    mark = page.parts.method.form.row("prior").error()
    assert mark.startswith("How likely a picture is")
    assert mark in banner.text()
    banner.action.click()
    assert page.state.problem["working_size"] == 32
    driver.until(lambda: driver.run.state in ("running", "finished"))
    driver.until(lambda: page.desk.shown is not None)
    assert driver.stage.model.layers["estimate"].title.startswith("Expected picture")
    driver.run.cancel()
    driver.over()


def test_a_method_that_restores_nothing_begins_without_the_result_before(driver: Any) -> None:
    page = driver.to_bench()
    page.choose_method("restoration.wiener")
    driver.press_run()
    driver.over()
    driver.until(lambda: page.desk.shown is not None)
    page.choose_method("restoration.total_variation")
    assert page.desk.shown is not None, "what restores the same is there to be compared with"
    page.choose_method("restoration.lpn_prior")
    driver.until(lambda: page.desk.shown is None)
    assert page.parts.bar.label.text() == "Ready"


def test_a_killed_engine_is_explained_and_the_run_resumes(driver: Any) -> None:
    page = driver.to_bench()
    driver.long_run()
    driver.window.client.control(driver.run.job, "checkpoint")
    driver.until(lambda: (driver.run.folder / "checkpoint.json").is_file())
    step = driver.run.last_progress.step
    driver.kill_engine(driver.run.job)
    driver.until(lambda: driver.run.state == "interrupted")
    banner = page.parts.banner
    assert banner.isVisible()
    assert "SIGKILL" in banner.text()
    assert banner.action.text() == "Resume"
    banner.action.click()
    driver.until(lambda: driver.run.state == "running")
    driver.until(lambda: driver.run.last_progress.step > step)
    driver.run.cancel()
    driver.over()


def test_live_values_that_no_checkpoint_has_survive_a_killed_engine(driver: Any) -> None:
    page = driver.to_bench()
    driver.long_run()
    page.edits._on_knob("trust", 2.0)
    driver.window.client.control(driver.run.job, "checkpoint")
    driver.until(lambda: checkpoint_params(driver.run.folder).get("trust") == 2.0)
    driver.kill_engine(driver.run.job)
    driver.until(lambda: driver.run.state == "interrupted")
    page.edits._on_knob("trust", 4.0)
    page.parts.banner.action.click()
    driver.until(lambda: driver.run.state == "running")
    driver.run.pause()
    driver.until(lambda: driver.run.state == "paused")
    driver.run.step()
    driver.until(lambda: checkpoint_params(driver.run.folder).get("trust") == 4.0)
    driver.run.cancel()
    driver.over()
    # The history shows a resumed run with the values that it really has, and its curves.
    page.edits._on_knob("trust", 1.0)
    plots = page.parts.curves.plots.values()
    plot = next(p for p in plots if "psnr" in p.keys())  # noqa: SIM118 - a method
    plot.append("psnr", 1e6, 0.0)
    driver.window.resume(read_folder(driver.run.folder))
    assert page.state.value("params:trust") == 4.0
    assert not len(plot.data("psnr")[0])
    driver.until(lambda: len(plot.data("psnr")[0]))
    steps = plot.data("psnr")[0].tolist()
    assert steps[0] == 0
    assert len(steps) > 2
    assert steps == sorted(set(steps))
    assert steps[-1] < 1e6
    driver.run.cancel()
    driver.over()


def test_a_run_survives_the_closing_of_the_window(
    open_window: Any, answers: list[bool], qtbot: Any
) -> None:
    first = open_window()
    first.to_bench()
    first.long_run()
    folder = first.run.folder
    answers[:] = [False, True]
    assert not first.close()
    assert first.run.active
    assert first.close()
    assert read_folder(folder).shown_status == "interrupted"

    second = open_window()
    assert second.window.page_id == "restoration"
    page = second.bench
    assert page.state.method == "restoration.total_variation"
    assert page.parts.banner.action.text() == "Resume"
    qtbot.mouseClick(page.parts.banner.action, Qt.MouseButton.LeftButton)
    second.until(lambda: second.run.state == "running")
    second.until(lambda: second.run.last_progress is not None)
    assert second.run.folder == folder
    second.run.cancel()
    second.over()
