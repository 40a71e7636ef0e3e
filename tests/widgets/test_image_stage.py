"""The stage through the events that a person causes."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
from PySide6.QtCore import QElapsedTimer, QEvent, QObject, QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import (
    QGuiApplication,
    QImage,
    QKeyEvent,
    QNativeGestureEvent,
    QPainter,
    QPointingDevice,
)
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QToolButton
from stage_hands import LEFT, drag, move, noise, wheel

from widgets.image_view import ImageStage, drawing
from widgets.image_view.handle import WipeHandle
from widgets.image_view.menu import build_menu

# Zoom and pan.


@pytest.mark.parametrize("at", [(300, 200), (120, 90), (450, 310)])
def test_the_wheel_zooms_about_the_cursor(pair, at):
    point = pair.to_picture(QPointF(*at))
    for _ in range(6):
        wheel(pair, QPoint(*at))
    assert pair.zoom() == pytest.approx(10 / 3 * 1.2**6)
    after = pair.to_stage(*point)
    assert (after.x(), after.y()) == pytest.approx(at, abs=1.0 / pair.devicePixelRatioF())
    wheel(pair, QPoint(*at), -6)
    assert pair.zoom() == pytest.approx(10 / 3)


def test_dragging_moves_the_picture_with_the_cursor(pair):
    pair.set_zoom(6.0)
    point = pair.to_picture(QPointF(100, 100))
    drag(pair, (100, 100), (130, 90), (150, 140))
    after = pair.to_stage(*point)
    assert (after.x(), after.y()) == pytest.approx((150, 140), abs=1.0)
    assert not pair.is_fitting()


def test_the_middle_button_moves_also_while_a_tool_is_in_hand(pair):
    pair.set_zoom(6.0)
    pair.set_tool("brush")
    view = pair.camera.view
    drag(pair, (100, 100), (160, 120), button=Qt.MouseButton.MiddleButton)
    assert pair.camera.view != view
    assert not pair.mask().any()


def test_keys_zoom_fit_and_move(pair):
    pair.setFocus()
    fit = pair.zoom()
    QTest.keyClick(pair, Qt.Key.Key_Plus)
    assert pair.zoom() == pytest.approx(fit * 1.25)
    QTest.keyClick(pair, Qt.Key.Key_Minus)
    assert pair.zoom() == pytest.approx(fit)
    QTest.keyClick(pair, Qt.Key.Key_1)
    assert pair.zoom() == pytest.approx(1.0)
    QTest.keyClick(pair, Qt.Key.Key_0)
    assert pair.is_fitting()
    assert pair.zoom() == pytest.approx(fit)
    pair.set_zoom(8.0)
    x = pair.camera.view.x
    QTest.keyClick(pair, Qt.Key.Key_Right)
    assert pair.camera.view.x > x


def test_a_pinch_on_a_touchpad_zooms_about_its_middle(pair):
    at = QPointF(200, 150)
    point = pair.to_picture(at)
    event = QNativeGestureEvent(
        Qt.NativeGestureType.ZoomNativeGesture,
        QPointingDevice.primaryPointingDevice(),
        2,
        at,
        at,
        QPointF(pair.mapToGlobal(at)),
        0.5,
        QPointF(),
    )
    zoom = pair.zoom()
    QApplication.sendEvent(pair, event)
    assert pair.zoom() == pytest.approx(1.5 * zoom)
    assert pair.to_stage(*point).toTuple() == pytest.approx((200, 150), abs=0.5)


def test_double_click_switches_between_fit_and_100_percent(pair):
    QTest.mouseDClick(pair, LEFT, Qt.KeyboardModifier.NoModifier, QPoint(100, 100))
    assert pair.zoom() == pytest.approx(1.0)
    QTest.mouseDClick(pair, LEFT, Qt.KeyboardModifier.NoModifier, QPoint(100, 100))
    assert pair.is_fitting()


def test_linked_panes_show_the_same_place_at_the_same_zoom(pair):
    pair.set_picture("clean", noise(seed=2), "Clean")
    pair.set_picture("prior", noise(seed=3), "Prior")
    pair.set_side(["damaged", "restored", "clean", "prior"])
    pair.set_mode("side")
    second = pair.panes()[1]
    wheel(pair, QPoint(second.left + 50, second.top + 60), 5)
    drag(pair, (80, 80), (95, 110))
    places = [
        (p.x - q.left, p.y - q.top, p.scale) for q in pair.panes() for p in [pair.placement(q)]
    ]
    assert len(places) == 4
    assert len(set(places)) == 1


def test_resizing_goes_on_fitting(pair):
    pair.resize(300, 200)
    assert pair.zoom() == pytest.approx(200 / 120 * pair.devicePixelRatioF())


# Read-out.


@pytest.mark.parametrize("zoom", [0, 1.0, 2.5, 7.3, 20.0, 64.0])
def test_the_read_out_names_the_pixel_that_is_drawn(pair, zoom):
    """Where pixels are seen as such, the color on the screen is the value that is read."""
    pair.set_mode("single")
    pair.set_single("restored")
    if zoom:
        pair.set_zoom(zoom)
    image = pair.render_image()
    ratio = image.devicePixelRatio()
    rng = np.random.default_rng(5)
    read = 0
    for _ in range(200):
        device = rng.integers((0, 60), (image.width(), image.height() - 60))
        at = QPointF((device[0] + 0.5) / ratio, (device[1] + 0.5) / ratio)
        reading = pair.reading_at(at)
        if reading is None or at.y() < 45:
            continue
        x, y = pair.to_picture(at)
        if min(x % 1, -x % 1, y % 1, -y % 1) < 0.06:
            continue  # Qt may round a device pixel on the very edge to either side
        assert (reading.x, reading.y) == (int(x), int(y))
        assert reading.rgb == tuple(noise(seed=1)[reading.y, reading.x])
        assert reading.values == pytest.approx(np.array(reading.rgb) / 255)
        read += 1
        if pair.zoom() == 1.0 or pair.zoom() > 2:
            color = image.pixelColor(int(device[0]), int(device[1]))
            assert (color.red(), color.green(), color.blue()) == reading.rgb
    assert read > 10


def test_hovering_announces_pixels_and_leaving_ends_it(pair, qtbot):
    pair.set_mode("single")
    with qtbot.waitSignal(pair.pixelHovered) as hovered:
        move(pair, pair.to_stage(10.5, 20.5).toPoint())
    x, y, values = hovered.args
    assert (x, y) == (10, 20)
    assert values == pytest.approx(noise(seed=1)[20, 10] / 255)
    with qtbot.waitSignal(pair.readingChanged) as left:
        QApplication.sendEvent(pair, QEvent(QEvent.Type.Leave))
    assert left.args == [None]


def test_a_new_frame_under_a_resting_cursor_is_read_again(pair, qtbot):
    pair.set_mode("single")
    move(pair, pair.to_stage(10.5, 20.5).toPoint())
    with qtbot.waitSignal(pair.readingChanged) as again:
        pair.set_picture("restored", noise(seed=9))
    assert again.args[0].rgb == tuple(noise(seed=9)[20, 10])


def test_the_wipe_reads_the_picture_that_is_seen(pair):
    assert pair.key_at(QPointF(100, 200)) == "damaged"
    assert pair.key_at(QPointF(500, 200)) == "restored"


# The wipe.


def handle_of(stage):
    return stage.findChild(WipeHandle)


def test_the_handle_is_dragged_and_the_pictures_follow(pair, qtbot):
    handle = handle_of(pair)
    assert handle.isVisible()
    assert min(handle.width(), handle.height()) >= 24
    middle = handle.rect().center()
    with qtbot.waitSignal(pair.wipeMoved):
        drag(handle, (middle.x(), middle.y()), (middle.x() + 120, middle.y()))
    assert pair.wipe_x() == pytest.approx(420, abs=1)
    assert abs(handle.geometry().center().x() - 420) <= 1
    image = pair.render_image()
    placement = pair.placement(pair.panes()[0])
    for x in (300, 500):
        column, row = (int(v) for v in placement.to_picture(x + 0.5, 200.5))
        color = image.pixelColor(x, 200)
        shown = noise(seed=0 if x < 420 else 1)[row, column]
        assert (color.red(), color.green(), color.blue()) == tuple(shown)


def test_the_line_can_be_taken_hold_of_anywhere(pair):
    drag(pair, (308, 60), (208, 80))
    assert pair.wipe_x() == pytest.approx(200, abs=1)
    assert pair.is_fitting()


def test_rivals_share_one_wipe_and_one_zoom(pair):
    for gray, key in enumerate(("damaged", "restored", "other")):
        pair.set_picture(key, np.full((120, 160, 3), 50 * gray, np.uint8), key.capitalize())
    pair.set_pair("damaged", "restored")
    pair.set_rivals(["restored", "other", "to come"])
    first, second = pair.panes()
    assert [pane.key for pane in (first, second)] == ["restored", "other"]
    # The border is taken hold of in the second pane, and moves in both.
    drag(pair, (second.border(0.5) + 3, 60), (second.border(0.75) + 3, 90))
    assert pair.wipe() == pytest.approx(0.75, abs=0.01)
    assert abs(handle_of(pair).geometry().center().x() - first.border(0.75)) <= 2
    image = pair.render_image()
    y = first.top + first.height // 2
    for pane, gray in ((first, 50), (second, 100)):
        for share, shown, key in ((0.6, 0, "damaged"), (0.9, gray, pane.key)):
            x = pane.border(share)
            assert image.pixelColor(x, y).red() == shown
            assert pair.key_at(QPointF(x, y)) == key
    wheel(pair, QPoint(second.left + 100, 100))
    one, two = (pair.placement(pane) for pane in pair.panes())
    assert one.scale == two.scale
    assert two.x - one.x == second.left - first.left
    pair.set_mode("difference")
    assert len(pair.panes()) == 2
    pair.set_rivals([])
    assert len(pair.panes()) == 1


def test_the_handle_moves_by_keys_and_says_what_it_is(pair):
    handle = handle_of(pair)
    assert handle.accessibleName() == "Wipe position"
    QTest.keyClick(handle, Qt.Key.Key_Right)
    assert pair.wipe() == pytest.approx(0.51)
    QTest.keyClick(handle, Qt.Key.Key_Home)
    assert pair.wipe() == 0.0
    assert pair.rect().contains(handle.geometry())
    QTest.keyClick(handle, Qt.Key.Key_End)
    assert pair.wipe() == 1.0
    assert pair.rect().contains(handle.geometry())


def test_the_wheel_over_the_handle_is_left_to_the_stage(pair):
    handle, wipe = handle_of(pair), pair.wipe()
    assert not wheel(handle, handle.rect().center()).isAccepted()
    assert pair.wipe() == wipe


def test_any_two_pictures_can_be_wiped(pair):
    pair.set_picture("clean", noise(seed=2), "Clean")
    pair.set_pair("clean", "damaged")
    assert pair.key_at(QPointF(100, 200)) == "clean"
    assert pair.key_at(QPointF(500, 200)) == "damaged"


def test_space_shows_the_original_while_it_is_held(pair):
    pair.setFocus()
    QTest.keyPress(pair, Qt.Key.Key_Space)
    assert pair.key_at(QPointF(500, 200)) == "damaged"
    assert not handle_of(pair).isVisible()
    QTest.keyRelease(pair, Qt.Key.Key_Space)
    assert pair.key_at(QPointF(500, 200)) == "restored"
    pair.set_original("restored")
    QTest.keyPress(pair, Qt.Key.Key_Space)
    assert pair.key_at(QPointF(100, 200)) == "restored"
    QTest.keyRelease(pair, Qt.Key.Key_Space)


# Difference.


def test_the_difference_shows_the_color_of_its_values(stage):
    base = np.full((40, 60, 3), 100, np.uint8)
    brighter = base.copy()
    brighter[:, 30:] += 51
    stage.set_picture("a", base, "A")
    stage.set_picture("b", brighter, "B")
    stage.set_mode("difference")
    stage.set_difference("signed", 0.4)
    image = stage.render_image()
    equal = image.pixelColor(stage.to_stage(10.5, 20.5).toPoint())
    more = image.pixelColor(stage.to_stage(50.5, 20.5).toPoint())
    assert (equal.red(), equal.green(), equal.blue()) == (16, 20, 26)
    assert (more.red(), more.green(), more.blue()) == (222, 132, 24)
    assert stage.reading_at(stage.to_stage(50.5, 20.5)).values == pytest.approx((0.2,) * 3)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda s: s.set_mode("split"), "mode 'split': allowed are single, wipe"),
        (lambda s: s.set_difference("squared"), "difference kind 'squared'"),
        (lambda s: s.set_difference("signed", 2.0), "difference scale 2.0: allowed is above 0"),
        (lambda s: s.set_tool("spray"), "tool 'spray': allowed are None, brush"),
        (lambda s: s.set_side(list("abcdefg")), "at most 6 pictures, got 7"),
        (lambda s: s.set_picture("a", np.zeros((2, 2, 3))), "picture a: uint8 array expected"),
    ],
)
def test_bad_calls_say_what_is_allowed(stage, call, said):
    with pytest.raises(ValueError, match=said):
        call(stage)


# Out.


def test_saving_a_picture_keeps_every_bit(pair, tmp_path):
    path = tmp_path / "restored.png"
    pair.save(path, "restored")
    image = QImage(str(path)).convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(120, image.bytesPerLine())
    assert (rows[:, : 160 * 3].reshape(120, 160, 3) == noise(seed=1)).all()
    assert list(tmp_path.glob(".*")) == []


def test_copying_puts_the_picture_on_the_clipboard(pair):
    pair.copy("damaged")
    image = QGuiApplication.clipboard().image().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(120, image.bytesPerLine())
    assert (rows[:, : 160 * 3].reshape(120, 160, 3) == noise()).all()
    pair.setFocus()
    QTest.keyClick(pair, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    seen = QGuiApplication.clipboard().image()
    assert seen.size() == pair.size() * pair.devicePixelRatioF()
    QGuiApplication.clipboard().clear()


def test_a_name_or_folder_that_cannot_be_written_is_said(pair, tmp_path):
    with pytest.raises(ValueError, match=r"file name a\.xyz: allowed endings are \.png"):
        pair.save(tmp_path / "a.xyz")
    with pytest.raises(OSError, match="missing"):
        pair.save(tmp_path / "missing" / "a.png")


def test_the_menu_names_the_picture_under_the_cursor(pair):
    menu = build_menu(pair, QPointF(100, 200))
    assert menu.actions()[0].text() == "Copy “Damaged”"
    pair.set_mode("difference")
    other = build_menu(pair, QPointF(100, 200))
    absolute = next(a for a in other.actions() if a.text() == "Size of the difference")
    absolute.trigger()
    assert pair.model.kind == "absolute"
    for each in (menu, other):
        each.deleteLater()


# States and life.


def test_the_empty_stage_invites_and_offers_samples(stage, qtbot):
    stage.set_empty(samples=[("cat", "Cat", noise(50, 80)), ("cup", "Cup", noise(80, 50))])
    assert stage._empty.isVisible()
    button = next(b for b in stage.findChildren(QToolButton) if b.accessibleName() == "Cup")
    with qtbot.waitSignal(stage.sampleChosen) as chosen:
        QTest.mouseClick(button, LEFT)
    assert chosen.args == ["cup"]
    with qtbot.waitSignal(stage.openRequested):
        QTest.mouseDClick(stage, LEFT, Qt.KeyboardModifier.NoModifier, QPoint(30, 30))
    stage.set_picture("a", noise())
    assert not stage._empty.isVisible()
    stage.clear()
    assert stage._empty.isVisible()


class PaintCounter(QObject):
    """Counts the repaints of a widget."""

    count = 0

    def eventFilter(self, watched, event):
        self.count += event.type() == QEvent.Type.Paint
        return False


def test_the_newest_frame_wins_and_repaints_are_few(pair, qtbot):
    counter = PaintCounter()
    pair.installEventFilter(counter)
    frames = [noise(seed=s) for s in range(4)]
    clock = QElapsedTimer()
    clock.start()
    for index in range(200):
        pair.set_picture("restored", frames[index % 4], f"step {index}")
        QApplication.processEvents()
    refreshes = clock.elapsed() * pair.screen().refreshRate() / 1000
    qtbot.waitUntil(lambda: not pair._limiter.is_waiting())
    assert 1 <= counter.count <= refreshes + 3
    at = pair.to_stage(120.5, 60.5)
    color = pair.grab().toImage().pixelColor((at * pair.devicePixelRatioF()).toPoint())
    # A virtual screen may have 16 bits per pixel.
    shown = (color.red(), color.green(), color.blue())
    assert shown == pytest.approx(tuple(frames[199 % 4][60, 120].tolist()), abs=8)


def test_what_is_seen_is_described(pair):
    assert (
        pair.accessibleDescription() == "Damaged at the left and Restored at the right of a border"
    )
    pair.set_mode("difference")
    assert pair.accessibleDescription() == "Difference of Restored and Damaged"
    pair.set_mode("side")
    assert pair.accessibleDescription() == "Damaged, Restored"
    pair.clear()
    assert pair.accessibleDescription() == "No picture yet"
    pair.set_mask(None)


def test_warming_up_is_said_until_it_is_over(pair):
    pair.set_warming(True)
    warm = pair.render_image()
    pair.set_warming(False)
    assert pair.render_image() != warm


def test_keys_that_mean_nothing_here_go_on_to_the_window(pair):
    event = QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    event.ignore()
    QApplication.sendEvent(pair, event)
    assert not event.isAccepted()


def test_pictures_of_24_megapixels_pan_and_zoom(stage):
    large = np.zeros((4000, 6000, 3), np.uint8)
    large[1000:1010, 2000:2010] = (10, 200, 30)
    stage.set_picture("large", large, "Large")
    stage.render_image()
    stage.set_zoom(64.0)
    stage.pan_by(*(QPointF(300, 200) - stage.to_stage(2005, 1005)).toTuple())
    image = stage.render_image()
    color = image.pixelColor(int(300 * stage.devicePixelRatioF()), 200)
    assert (color.red(), color.green(), color.blue()) == (10, 200, 30)


def test_a_closed_stage_is_freed(qapp):
    stage = ImageStage()
    stage.set_picture("a", noise())
    stage.set_picture("b", noise(seed=1))
    stage.render_image()
    references = [weakref.ref(o) for o in (stage, stage.model, stage.camera, stage.painting)]
    stage.close()
    stage.deleteLater()
    del stage
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()
    assert [r() for r in references] == [None] * 4


def test_the_scale_of_numbers_gets_shorter_with_its_room(qapp):
    boxes = []
    for width in (400, 220, 140, 60):
        image = QImage(width, 200, QImage.Format.Format_RGB32)
        painter, area = QPainter(image), QRectF(0, 0, width, 200)
        box = drawing.draw_scale(painter, area, "absolute", 0.2, "of black to white")
        painter.end()
        assert box.isNull() or area.adjusted(8, 8, -8, -8).contains(box)
        boxes.append(box.width())
    # With its unit, with shorter colors, without the unit, not at all.
    assert boxes[0] > boxes[1] > boxes[2] > boxes[3] == 0


def test_numbers_are_seen_in_colors_and_their_scale_follows(stage):
    stage.set_numbers("n", np.full((20, 30), 0.04, np.float32), "Spread", unit="V")
    assert stage.model.pane_keys() == ["n"]
    assert stage.model.layers["n"].end == 0.05
    before = stage.picture("n").copy()
    stage.set_numbers("n", np.full((20, 30), 0.01, np.float32), "Spread", unit="V")
    assert stage.model.layers["n"].end == 0.01
    assert (stage.picture("n") != before).any()
    stage.set_picture("n", None)
    assert not stage.keys()


def test_a_number_is_read_out_above_its_scale(stage):
    stage.set_picture("p", noise(20, 30), "Picture")
    low = stage.reading_area(stage.panes()[0]).bottom()
    stage.set_numbers("p", np.full((20, 30), 0.04, np.float32), "Spread", unit="V")
    assert stage.reading_area(stage.panes()[0]).bottom() < low - 12
