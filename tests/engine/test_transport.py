"""Messages over a line: nothing that comes can crash a side, nothing that matters is lost."""

from __future__ import annotations

import multiprocessing
import struct
import threading

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.messages import (
    PROTOCOL,
    Control,
    Frame,
    Heartbeat,
    JobState,
    Log,
    Metrics,
    Progress,
    RunRequest,
    Send,
    Start,
    Stroke,
    Tune,
    decode_event,
    encode,
)
from engine.outbox import Outbox
from engine.transport import (
    Channel,
    Closed,
    PipeTransport,
    WrongProtocol,
    engine_channel,
    window_channel,
)

COMMANDS = [
    Control("j", "pause"),
    Send("j", Tune({"gain": 0.5})),
    Send("j", Stroke("found", ((1.0, 2.0), (3.0, 4.5)), 6.0)),
    Start(
        job="j",
        request=RunRequest(method="a.b", replay=[(3, "tune", {"x": 1})]),
        folder="runs/ü",
        priority="training",
    ),
]


class Loop:
    """A transport that hands out what was put into it."""

    def __init__(self):
        self.packets = []

    def send(self, data):
        self.packets.append(bytes(data))

    def receive(self, timeout=None):
        return self.packets.pop(0) if self.packets else None

    def close(self):
        self.packets.clear()


def test_commands_and_events_survive_the_pipe():
    ours, theirs = multiprocessing.Pipe()
    window, engine = window_channel(PipeTransport(ours)), engine_channel(PipeTransport(theirs))
    window.send(*COMMANDS)
    received = engine.receive(5.0)
    assert received.messages == COMMANDS
    assert received.problems == []
    engine.send(Log(level="info", text="line"))
    assert window.receive(5.0).messages == [Log(level="info", text="line")]
    assert window.receive(0.01) is None
    window.close()
    with pytest.raises(Closed):
        engine.receive(5.0)
    with pytest.raises(Closed):
        engine.send(Log(level="info", text="nobody"))
    engine.close()


def test_another_protocol_is_refused_in_words():
    line = Loop()
    Channel(line, decode_event, protocol=PROTOCOL + 1).send(Control("j", "pause"))
    with pytest.raises(WrongProtocol, match=f"protocol {PROTOCOL + 1}, this one {PROTOCOL}"):
        engine_channel(line).receive()


def test_a_lost_packet_is_noticed():
    line = Loop()
    window, engine = window_channel(line), engine_channel(line)
    for command in COMMANDS[:3]:
        window.send(command)
    del line.packets[1]
    assert engine.receive().problems == []
    second = engine.receive()
    assert second.messages == [COMMANDS[2]]
    assert second.problems == ["packet 2 came where 1 was expected"]


def test_an_unknown_message_does_not_take_its_neighbors_along():
    line = Loop()
    unknown = msgspec.msgpack.encode({"type": "Teleport", "job": "j"})
    wrong = msgspec.msgpack.encode({"type": "Control", "job": 3, "action": "fly"})
    engine_side = engine_channel(line)
    window_channel(line).send_encoded([encode(COMMANDS[0]), unknown, wrong, encode(COMMANDS[1])])
    received = engine_side.receive()
    assert received.messages == COMMANDS[:2]
    assert len(received.problems) == 2
    assert all("\n" not in problem for problem in received.problems)


@given(st.binary(max_size=200))
def test_noise_crashes_neither_side(noise):
    for make in (window_channel, engine_channel):
        for packet in (noise, struct.pack("<HQ", PROTOCOL, 0) + noise):
            line = Loop()
            line.send(packet)
            try:
                received = make(line).receive()
            except WrongProtocol:
                continue
            assert received.problems or received.messages == []


@given(st.integers(0, 3), st.integers(0, 400))
def test_a_truncated_packet_is_a_problem_and_no_more(which, cut):
    line = Loop()
    window_channel(line).send(COMMANDS[which], COMMANDS[0])
    line.packets[0] = line.packets[0][: min(cut, len(line.packets[0]) - 1)]
    received = engine_channel(line).receive()
    assert received.problems
    assert received.messages == []


@given(st.integers(0, 3), st.integers(10, 200), st.integers(0, 255))
def test_a_flipped_byte_crashes_nobody(which, where, value):
    line = Loop()
    window_channel(line).send(COMMANDS[which])
    packet = bytearray(line.packets[0])
    packet[where % len(packet)] = value
    line.packets[0] = bytes(packet)
    try:
        engine_channel(line).receive()
    except WrongProtocol:
        assert where % len(packet) < 2


def heartbeat(rss):
    return Heartbeat(rss=rss)


def progress(step):
    return Progress(job="j", step=step, total=9, seconds=0.0, rate=0.0, eta=-1.0)


def frame(step, *, final=False, blob=b"x" * 10):
    return Frame(job="j", panel="p", step=step, shape=(10,), dtype="uint8", blob=blob, final=final)


def drained(outbox):
    events = []
    while waiting := outbox.take(0.0):
        events += [decode_event(data) for data in waiting]
    return events


def test_of_what_is_only_live_the_newest_is_kept():
    outbox = Outbox()
    for step in range(5):
        outbox.put(progress(step))
        outbox.put(frame(step))
        outbox.put(heartbeat(step))
        outbox.put(Metrics("j", step, {"a": step}))
    events = drained(outbox)
    assert [e for e in events if isinstance(e, Progress)] == [progress(4)]
    assert [e for e in events if isinstance(e, Frame)] == [frame(4)]
    assert [e for e in events if isinstance(e, Heartbeat)] == [heartbeat(4)]
    assert [e.step for e in events if isinstance(e, Metrics)] == [0, 1, 2, 3, 4]


@given(st.lists(st.integers(0, 4), max_size=200), st.integers(1, 20), st.integers(1, 400))
def test_what_matters_is_kept_in_order_beyond_memory(kinds, limit, limit_bytes):
    outbox = Outbox(limit, limit_bytes)
    expected, seen = [], []
    for step, kind in enumerate(kinds):
        if kind == 4:
            seen += [decode_event(data) for data in outbox.take(0.0, most=3)]
            continue
        makers = (
            lambda s: Metrics("j", s, {"a": 0.5}),
            lambda s: frame(s, final=True, blob=b"y" * 150),
            lambda s: JobState(job="j", state="running", text=str(s)),
            lambda s: Log(level="info", text=str(s)),
        )
        event = makers[kind](step)
        expected.append(event)
        outbox.put(event)
    seen += drained(outbox)
    assert seen == expected
    assert outbox.flush(0.0)
    outbox.close()


def test_a_window_that_does_not_listen_holds_up_nobody():
    """The line is full from the start: putting must still be immediate."""
    outbox = Outbox(limit=100)
    for step in range(20_000):
        outbox.put(Metrics("j", step, {"a": 1.0}))
    assert not outbox.flush(0.0)
    assert [e.step for e in drained(outbox)] == list(range(20_000))


def test_a_closed_outbox_lets_its_sender_go():
    outbox = Outbox()
    taken = []
    sender = threading.Thread(target=lambda: taken.append(outbox.take()))
    sender.start()
    outbox.close()
    sender.join(5.0)
    assert taken == [[]]
    outbox.put(heartbeat(1))
    assert outbox.take(0.0) == []
    assert outbox.closed


def test_a_live_frame_never_overtakes_the_one_shown_at_a_pause():
    outbox = Outbox()
    outbox.put(frame(1))
    outbox.put(frame(2, final=True))
    outbox.put(frame(3))
    outbox.put(frame(4))
    assert drained(outbox) == [frame(2, final=True), frame(4)]
    assert outbox.flush(0.0)
