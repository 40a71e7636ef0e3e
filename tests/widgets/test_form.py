from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog

from widgets.form import Field, Form

LEFT = Qt.MouseButton.LeftButton
DAMAGE = [("noise", "Noise", ""), ("blur", "Blur", ""), ("missing", "Missing pixels", "")]


def fields():
    return [
        Field(
            name="damage", title="What happened?", kind="choice", default="noise", choices=DAMAGE
        ),
        Field(
            name="blur.kind",
            title="Kind",
            kind="choice",
            default="gauss",
            choices=[("gauss", "Gauss", ""), ("motion", "Motion", "")],
            when={"damage": ["blur"]},
        ),
        Field(
            name="blur.length",
            title="Length",
            kind="int",
            default=9,
            minimum=1,
            maximum=99,
            unit="px",
            when={"kind": ["motion"]},
        ),
        Field(name="steps", title="Steps", kind="int", default=100, minimum=1, maximum=1000),
        Field(
            name="trust",
            title="Trust",
            kind="float",
            default=0.25,
            minimum=0,
            maximum=1,
            live=True,
            help="Called lambda.",
        ),
        Field(
            name="model",
            title="Model",
            kind="choice",
            default="m0",
            choices=[(f"m{i}", f"Model {i}", "") for i in range(9)],
        ),
        Field(name="keep", title="Keep the color", kind="bool", default=True),
        Field(name="label", title="Label", kind="text", default=""),
        Field(name="kernel", title="Kernel", kind="file", default="", suffixes=(".png",)),
        Field(name="mask", title="Mask", kind="mask", default="", when={"damage": ["missing"]}),
        Field(name="seed", title="Seed", kind="int", default=0, minimum=0),
        Field(
            name="tolerance",
            title="Tolerance",
            kind="float",
            default=1e-4,
            minimum=1e-8,
            maximum=0.1,
            scale="log",
            folded=True,
        ),
    ]


@pytest.fixture
def form(qtbot):
    made = Form(fields())
    made.resize(260, 900)
    qtbot.addWidget(made)
    made.show()
    qtbot.waitExposed(made)
    made.activateWindow()
    qtbot.waitUntil(made.isActiveWindow)
    return made


@pytest.fixture
def heard(form):
    """Everything the form says."""
    told = []
    form.changed.connect(lambda name, value: told.append((name, value)))
    form.committed.connect(lambda: told.append("committed"))
    return told


def editor(form, name):
    return form.row(name).editor


def type_in(box, text):
    box.setFocus()
    box.selectAll()
    QTest.keyClicks(box, text)


def test_it_starts_with_the_defaults_and_says_nothing(form, heard):
    assert form.values() == {f.name: f.default for f in fields()}
    assert heard == []
    assert not form.reset_button.isVisible()


def test_setting_values_by_program_is_silent(form, heard):
    refused = form.set_values({"steps": 20, "damage": "blur", "trust": 7})
    assert refused == {}
    assert form.values()["steps"] == 20
    assert form.values()["trust"] == 1
    assert heard == []


def test_values_that_do_not_fit_are_refused_with_the_reason(form):
    refused = form.set_values({"steps": "many", "model": "x", "ghost": 1, "keep": False})
    assert set(refused) == {"steps", "model", "ghost"}
    assert "steps: 'many' is not a number" in refused["steps"]
    assert form.values()["steps"] == 100
    assert form.values()["keep"] is False


def test_a_typed_number_counts_when_it_is_finished(form, heard):
    box = editor(form, "steps").box
    type_in(box, "250")
    assert heard == []
    QTest.keyClick(box, Qt.Key.Key_Return)
    assert heard == [("steps", 250), "committed"]
    assert editor(form, "steps").slider.accessibleDescription() == "250"


def test_a_fraction_keeps_its_exact_value(form):
    box = editor(form, "trust").box
    type_in(box, "25/255")
    QTest.keyClick(box, Qt.Key.Key_Return)
    assert form.values()["trust"] == 25 / 255
    assert box.text() == "0.098"
    QTest.keyClick(box, Qt.Key.Key_Return)
    assert form.values()["trust"] == 25 / 255


def test_a_wrong_number_is_marked_while_it_is_typed(form):
    box = editor(form, "steps").box
    type_in(box, "5000")
    assert form.errors() == {"steps": "Between 1 and 1000"}
    assert box.property("invalid") is True
    QTest.keyClick(box, Qt.Key.Key_Return)
    assert form.values()["steps"] == 1000
    assert form.errors() == {}
    assert box.property("invalid") is False


def test_nonsense_goes_back_to_the_last_number(form, heard):
    box = editor(form, "steps").box
    type_in(box, "abc")
    assert form.errors() == {"steps": "Not a number"}
    editor(form, "trust").box.setFocus()
    assert form.values()["steps"] == 100
    assert box.text() == "100"
    assert form.errors() == {}
    assert ("steps", 100) not in heard


def test_escape_takes_back_what_was_typed(form, heard):
    box = editor(form, "steps").box
    type_in(box, "77")
    QTest.keyClick(box, Qt.Key.Key_Escape)
    QTest.keyClick(box, Qt.Key.Key_Return)
    assert form.values()["steps"] == 100
    assert heard == []


def test_arrow_keys_step_box_and_slider(form):
    box, slider = editor(form, "trust").box, editor(form, "trust").slider
    box.setFocus()
    QTest.keyClick(box, Qt.Key.Key_Up)
    assert form.values()["trust"] == 0.26
    slider.setFocus()
    QTest.keyClick(slider, Qt.Key.Key_Left)
    QTest.keyClick(slider, Qt.Key.Key_PageUp)
    assert form.values()["trust"] == 0.35
    QTest.keyClick(slider, Qt.Key.Key_End)
    assert form.values()["trust"] == 1
    QTest.keyClick(slider, Qt.Key.Key_Home)
    assert form.values()["trust"] == 0


def test_a_click_on_the_slider_jumps_there(form, heard):
    slider = editor(form, "steps").slider
    QTest.mouseClick(slider, LEFT, pos=QPoint(slider.width() // 2, slider.height() // 2))
    assert form.values()["steps"] == pytest.approx(500, abs=12)
    assert heard[-1] == "committed"


def test_dragging_tells_throttled_and_commits_once(form, heard, qtbot):
    slider = editor(form, "steps").slider
    y = slider.height() // 2
    QTest.mousePress(slider, LEFT, pos=QPoint(30, y))
    for x in range(32, 200, 2):
        QTest.mouseMove(slider, QPoint(x, y))
    assert "committed" not in heard
    told = [entry for entry in heard if entry != "committed"]
    assert len(told) < 40
    QTest.mouseRelease(slider, LEFT, pos=QPoint(198, y))
    assert heard.count("committed") == 1
    assert heard[-1] == "committed"
    assert heard[-2] == ("steps", form.values()["steps"])


def test_the_wheel_scrolls_the_panel_unless_the_control_has_the_focus(form):
    slider = editor(form, "trust").slider

    def turn(widget):
        spot = QPointF(widget.rect().center())
        event = QWheelEvent(
            spot,
            widget.mapToGlobal(spot),
            QPoint(0, 0),
            QPoint(0, 120),
            Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(widget, event)

    for widget in (slider, editor(form, "trust").box, editor(form, "model").combo):
        turn(widget)
    assert form.values()["trust"] == 0.25
    assert form.values()["model"] == "m0"
    slider.setFocus()
    turn(slider)
    assert form.values()["trust"] == 0.26


def test_few_options_are_chips_and_many_a_list(form, heard):
    assert not hasattr(editor(form, "damage"), "combo")
    combo = editor(form, "model").combo
    combo.setFocus()
    QTest.keyClick(combo, Qt.Key.Key_Down)
    assert heard == [("model", "m1"), "committed"]


def test_conditional_fields_appear_with_their_condition(form, heard):
    assert not form.is_shown("blur.kind")
    QTest.mouseClick(editor(form, "damage").chips.chips()[1], LEFT)
    assert heard == [("damage", "blur"), "committed"]
    assert form.row("blur.kind").isVisible()
    assert not form.row("blur.length").isVisible()
    QTest.mouseClick(editor(form, "blur.kind").chips.chips()[1], LEFT)
    assert form.row("blur.length").isVisible()
    # What a hidden field depends on decides about it, too.
    QTest.mouseClick(editor(form, "damage").chips.chips()[0], LEFT)
    assert not form.row("blur.length").isVisible()
    assert form.values()["blur.kind"] == "motion"


def test_hidden_fields_leave_no_room(form, qtbot):
    before = form.sizeHint().height()
    form.set_values({"damage": "blur"})
    qtbot.waitUntil(lambda: form.sizeHint().height() > before)
    form.set_values({"damage": "noise"})
    qtbot.waitUntil(lambda: form.sizeHint().height() == before)


def test_switch_and_text(form, heard):
    switch = editor(form, "keep").switch
    QTest.mouseClick(switch, LEFT, pos=QPoint(10, switch.height() // 2))
    assert heard == [("keep", False), "committed"]
    line = editor(form, "label").line
    line.setFocus()
    QTest.keyClicks(line, "ab")
    QTest.keyClick(line, Qt.Key.Key_Return)
    assert form.values()["label"] == "ab"
    assert heard[-1] == "committed"


def test_one_value_is_reset_where_it_was_changed(form, heard, qtbot):
    row = form.row("steps")
    assert not row._reset.isVisible()
    form.set_values({"steps": 7})
    assert form.is_changed("steps")
    QTest.mouseClick(row._reset, LEFT)
    assert form.values()["steps"] == 100
    assert heard == [("steps", 100), "committed"]
    assert not row._reset.isVisible()


def test_all_values_are_reset_at_once(form, heard):
    form.set_values({"steps": 7, "keep": False})
    assert form.reset_button.isVisible()
    QTest.mouseClick(form.reset_button, LEFT)
    assert form.values() == {f.name: f.default for f in fields()}
    assert sorted(heard[:-1]) == [("keep", True), ("steps", 100)]
    assert heard[-1] == "committed"
    assert not form.reset_button.isVisible()


def test_a_preset_becomes_what_reset_goes_back_to(form):
    form.set_values({"steps": 20})
    form.set_baseline({"steps": 20})
    assert not form.is_changed("steps")
    form.set_values({"steps": 21})
    form.reset("steps")
    assert form.values()["steps"] == 20


def test_errors_are_shown_with_their_reason_and_vanish_on_change(form):
    left = form.set_errors({"steps": "Too many for this picture", "mask": "Empty", "x": "?"})
    assert left == {"mask": "Empty", "x": "?"}
    row = form.row("steps")
    assert row._reason.text() == "Too many for this picture"
    assert row._reason.isVisible()
    assert editor(form, "steps").box.accessibleDescription() == "Too many for this picture"
    box = editor(form, "steps").box
    box.setFocus()
    QTest.keyClick(box, Qt.Key.Key_Down)
    assert "steps" not in form.errors()
    assert not row._reason.isVisible()
    form.set_errors({})
    assert form.errors() == {}


def test_an_error_opens_the_part_it_lies_in(form):
    assert form.folded() == {"More": True}
    assert not form.row("tolerance").isVisible()
    form.set_errors({"tolerance": "Too small"})
    assert form.row("tolerance").isVisible()
    assert form.folded() == {"More": False}


def test_a_folded_part_says_what_was_changed_inside(form):
    button = form._section_of["tolerance"].button
    assert button.text() == "More"
    form.set_values({"tolerance": 0.01})
    assert button.text() == "More · 1 changed"
    QTest.mouseClick(button, LEFT)
    assert form.row("tolerance").isVisible()
    form.set_folded("More", True)
    assert not form.row("tolerance").isVisible()


def test_during_a_run_only_live_fields_can_be_moved(form, heard):
    form.set_values({"steps": 7})
    form.set_running(True)
    box = editor(form, "steps").box
    assert not box.isEnabled()
    assert "Fixed while it runs" in box.toolTip()
    assert editor(form, "trust").slider.isEnabled()
    assert not form.row("steps")._reset.isEnabled()
    assert not form.reset_button.isVisible()
    form.reset_all()
    assert heard == []
    form.set_running(False)
    assert box.isEnabled()
    assert "Fixed" not in box.toolTip()


def test_what_plays_no_part_is_not_asked_for_and_keeps_its_value(form):
    shown = [name for name in form.names() if form.is_shown(name)]
    values = form.values()
    form.set_unused(shown[:1])
    assert not form.is_shown(shown[0])
    assert form.is_shown(shown[-1])
    assert form.values() == values
    form.set_unused(())
    assert [name for name in form.names() if form.is_shown(name)] == shown


def test_help_names_the_term_and_the_limits(form):
    tip = editor(form, "trust").slider.toolTip()
    assert "<b>Trust</b> · trust" in tip
    assert "Called lambda." in tip
    assert "Between 0.00 and 1.00" in tip


def test_a_mask_is_asked_for_and_forgotten(form, heard, qtbot):
    form.set_values({"damage": "missing"})
    mask = editor(form, "mask")
    with qtbot.waitSignal(form.paint_requested) as told:
        QTest.mouseClick(mask.paint, LEFT)
    assert told.args == ["mask"]
    form.set_values({"mask": "store:abc"})
    assert mask.state.text() == "Painted"
    QTest.mouseClick(mask.clear, LEFT)
    assert form.values()["mask"] == ""
    assert heard == [("mask", ""), "committed"]


def test_a_file_is_dropped_typed_or_chosen(form, heard, tmp_path, qtbot, monkeypatch):
    path = tmp_path / "kernel.png"
    path.write_bytes(b"x")
    box = editor(form, "kernel").path
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    plain = Qt.KeyboardModifier.NoModifier
    copy = Qt.DropAction.CopyAction
    enter = QDragEnterEvent(QPoint(5, 5), copy, data, LEFT, plain)
    box.dragEnterEvent(enter)
    assert enter.isAccepted()
    box.dropEvent(QDropEvent(QPointF(5, 5), copy, data, LEFT, plain))
    assert heard == [("kernel", str(path)), "committed"]
    box.line.setFocus()
    box.line.selectAll()
    QTest.keyClicks(box.line, "/other.png")
    QTest.keyClick(box.line, Qt.Key.Key_Return)
    assert form.values()["kernel"] == "/other.png"
    opened = []
    monkeypatch.setattr(QFileDialog, "open", lambda dialog: opened.append(dialog))
    form.set_values({"kernel": str(path)})
    QTest.mouseClick(box.browse, LEFT)
    assert Path(opened[0].directory().absolutePath()) == tmp_path
    assert "*.png" in opened[0].nameFilters()[0]
    opened[0].fileSelected.emit("/chosen.png")
    assert form.values()["kernel"] == "/chosen.png"
    opened[0].deleteLater()


def test_mistakes_in_a_declaration_are_told(qtbot):
    steps = Field(name="steps", title="Steps", kind="int", default=1)
    with pytest.raises(ValueError, match="twice"):
        Form([steps, steps])
    ghost = Field(name="a", title="A", kind="int", default=1, when={"ghost": [1]})
    with pytest.raises(ValueError, match="ghost"):
        Form([ghost])


def test_groups_keep_their_order_and_headings(qtbot):
    group = {"kind": "int", "default": 1}
    form = Form(
        [
            Field(name="a", title="A", **group),
            Field(name="b", title="B", group="Prior", **group),
            Field(name="c", title="C", group="Prior", folded=True, **group),
            Field(name="d", title="D", **group),
        ]
    )
    qtbot.addWidget(form)
    assert form.names() == ["a", "d", "b", "c"]
    assert form._section_of["c"].button.text() == "More"
    assert form._section_of["b"].button is None


VALUES = st.fixed_dictionaries(
    {},
    optional={
        "damage": st.sampled_from([c[0] for c in DAMAGE]),
        "blur.kind": st.sampled_from(["gauss", "motion"]),
        "blur.length": st.integers(1, 99),
        "steps": st.integers(1, 1000),
        "trust": st.floats(0, 1),
        "model": st.sampled_from([f"m{i}" for i in range(9)]),
        "keep": st.booleans(),
        "label": st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=8),
        "seed": st.integers(0, 2**31),
        "tolerance": st.floats(1e-8, 0.1),
    },
)


@settings(max_examples=40)
@given(VALUES)
def test_values_come_back_exactly_and_conditions_hold(form, values):
    start = form.values()
    assert form.set_values(values) == {}
    now = form.values()
    assert now == {**start, **values}
    blurred = now["damage"] == "blur"
    assert form.is_shown("blur.kind") == blurred
    assert form.is_shown("blur.length") == (blurred and now["blur.kind"] == "motion")
    assert form.is_shown("mask") == (now["damage"] == "missing")
    form.reset_all()
    assert form.values() == {f.name: f.default for f in fields()}
    assert not any(form.is_changed(name) for name in form.names())


@settings(max_examples=40)
@given(st.floats(allow_nan=False), st.floats(allow_nan=False))
def test_numbers_never_leave_their_limits(form, steps, trust):
    form.set_values({"steps": steps, "trust": trust})
    values = form.values()
    assert 1 <= values["steps"] <= 1000
    assert isinstance(values["steps"], int)
    assert 0 <= values["trust"] <= 1
