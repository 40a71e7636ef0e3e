"""Frames in shared memory: whole, newest first, and never in anybody's way."""

from __future__ import annotations

import multiprocessing
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import slots
from app.slots import Slots, fresh_name
from engine.frames import SLOTS, Board, NoRoom, Segment, panel_bytes
from engine.messages import Panels, PanelShape


@pytest.fixture
def pair():
    """The two sides of one segment."""
    made = Segment.create(fresh_name(), 64 * 64 * 3)
    attached = Segment.attach(made.name, made.slot_bytes)
    yield attached, made
    attached.close()
    made.unlink()


def test_the_newest_frame_is_read_once(pair):
    writer, reader = pair
    assert reader.read() is None
    for step in range(10):
        writer.write(np.full((64, 64, 3), step, np.uint8), step)
    shown = reader.read()
    assert (shown.step, shown.sequence) == (9, 10)
    assert (shown.array == 9).all()
    assert reader.read(shown.sequence) is None
    shown.array[:] = 0
    assert (reader.read().array == 9).all()


@given(
    st.sampled_from(["uint8", "float32", "int64"]),
    st.lists(st.integers(1, 5), min_size=1, max_size=4),
)
def test_shape_and_type_survive(dtype, shape):
    segment = Segment.create(fresh_name(), panel_bytes((5, 5, 5, 5), "int64"))
    try:
        array = np.arange(np.prod(shape)).astype(dtype).reshape(shape)
        slot, sequence = segment.write(array, -3)
        shown = segment.read()
        assert 0 <= slot < SLOTS
        assert sequence == shown.sequence
        assert shown.step == -3
        assert shown.array.dtype == array.dtype
        assert np.array_equal(shown.array, array)
    finally:
        segment.unlink()


def test_strided_pictures_are_written_as_they_look(pair):
    writer, reader = pair
    picture = np.arange(64 * 64 * 3, dtype=np.uint8).reshape(64, 64, 3)[::-2, :, ::-1]
    writer.write(picture, 0)
    assert np.array_equal(reader.read().array, picture)


def test_a_frame_that_does_not_fit_is_refused(pair):
    writer, _ = pair
    with pytest.raises(ValueError, match="does not fit a slot of 12288"):
        writer.write(np.zeros((65, 64, 3), np.uint8), 0)


def test_a_frame_that_is_being_overwritten_is_never_shown(pair):
    writer, reader = pair
    writer.write(np.full(100, 1, np.uint8), 1)
    slot, _ = writer.write(np.full(100, 2, np.uint8), 2)
    # As if the writer had lapped the reader and stood in the middle of this slot.
    np.frombuffer(writer._buffer(), np.int64, 1, writer._at(slot))[0] = 99
    assert reader.read() is None


def _write_many(name, slot_bytes, frames, done):
    segment = Segment.attach(name, slot_bytes)
    for step in range(1, frames + 1):
        segment.write(np.full(slot_bytes, step % 251, np.uint8), step)
    segment.close()
    done.set()


def test_no_torn_frame_between_two_processes():
    size, frames = 1 << 20, 3000
    segment = Segment.create(fresh_name(), size)
    context = multiprocessing.get_context("spawn")
    done = context.Event()
    writer = context.Process(target=_write_many, args=(segment.name, size, frames, done))
    writer.start()
    try:
        last, seen = 0, 0
        while True:
            ended = done.is_set()
            shown = segment.read(last)
            if shown is not None:
                assert shown.sequence > last
                assert (shown.array == shown.step % 251).all()
                last, seen = shown.sequence, seen + 1
            elif ended:
                break
        assert last == frames
        assert seen > 3
    finally:
        writer.join()
        segment.unlink()


def test_attaching_neither_removes_nor_warns(pair):
    _, made = pair
    for _ in range(3):
        Segment.attach(made.name, made.slot_bytes).close()
    again = Segment.attach(made.name, made.slot_bytes)
    again.close()


def test_an_attached_segment_must_be_long_enough(pair):
    _, made = pair
    with pytest.raises(OSError, match="too short"):
        Segment.attach(made.name, 10 * made.slot_bytes)
    with pytest.raises(FileNotFoundError):
        Segment.attach("priorbench-none", 10)


def test_memory_that_is_not_there_is_said_before_it_is_used():
    with pytest.raises(NoRoom):
        Segment.create(fresh_name(), 1 << 50)


def test_the_board_outlives_its_writer():
    board = Board.create(fresh_name())
    try:
        assert board.read() == ""
        writer = Board.attach(board.name)
        for note in ("job-ü", "x" * 500, "", "last"):
            writer.write(note)
            assert board.read() == note[:120]
        writer.close()
        assert board.read() == "last"
    finally:
        board.unlink()


def test_slots_leave_what_has_no_room_to_the_pipe():
    left = [2]

    def create(name, size):
        left[0] -= 1
        if left[0] < 0:
            raise NoRoom(28, "no room")
        return Segment.create(name, size)

    mine = Slots(create)
    shapes = tuple(PanelShape(name, (8, 8, 3)) for name in "abc")
    answers = mine.open(Panels("job", (*shapes, PanelShape("huge", (1 << 14, 1 << 14, 3)))))
    assert [a.panel for a in answers] == ["a", "b"]
    segment = Segment.attach(answers[0].segment, answers[0].slot_bytes)
    segment.write(np.ones((8, 8, 3), np.uint8), 4)
    assert mine.read("job", "a").step == 4
    assert mine.read("job", "a") is None
    assert mine.read("job", "c") is None
    segment.close()
    assert mine.release("job")
    assert not mine.release("job")


def test_segment_names_fit_every_system():
    name = fresh_name()
    assert len(name) <= 30
    assert name.startswith(slots.PREFIX)
    assert name != fresh_name()
    assert threading.current_thread() is threading.main_thread()
