"""The engine process as whoever holds the other end of its line sees it."""

from __future__ import annotations

import struct
import sys
import time

import pytest

from app.local_engine import LocalEngine, words_for
from engine.entry import EXIT_DEVICE_LOST, EXIT_PARENT_GONE, EXIT_PROTOCOL, Settings
from engine.host import Inbox
from engine.messages import (
    PROTOCOL,
    Control,
    Heartbeat,
    Log,
    Query,
    Ready,
    Reply,
    Shutdown,
    decode_event,
)
from engine.transport import Channel, window_channel


class Line:
    """A raw engine, its events and its output."""

    def __init__(self, **settings):
        self.output = []
        self.events = []
        self.process = LocalEngine(
            Settings(parent=0, heartbeat=0.2, **settings), lambda *line: self.output.append(line)
        )
        self.channel = window_channel(self.process.transport)

    def until(self, kind, seconds=60.0):
        """The next event of a kind."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            while self.events:
                event = self.events.pop(0)
                if isinstance(event, kind):
                    return event
            received = self.channel.receive(1.0)
            self.events += received.messages if received is not None else []
        pytest.fail(f"no {kind.__name__} within {seconds} s")

    def end(self):
        self.process.kill()
        self.process.wait(5.0)
        self.process.release()


@pytest.fixture
def line():
    made = Line()
    yield made
    made.end()


def test_it_beats_its_heart_while_torch_loads_and_leaves_when_asked(line):
    line.until(Heartbeat)
    ready = line.until(Ready)
    assert ready.protocol == PROTOCOL
    assert ready.pid == line.process.pid
    assert ready.devices[0].id == "cpu"
    assert ready.default in {device.id for device in ready.devices}
    assert ready.threads >= 1
    assert {"python", "torch", "priorbench"} <= set(ready.versions)
    beat = line.until(Heartbeat)
    assert beat.rss > 50 << 20
    line.channel.send(Shutdown())
    assert line.process.wait(10.0)
    assert line.process.cause() == words_for(0)
    assert line.output == []


def test_junk_is_reported_and_survived(line):
    line.until(Ready)
    transport = line.process.transport
    for sequence, packet in enumerate(
        (b"", b"\x93", b"\xc1" * 50, b"\x91\x81\xa4type\xa4Boom", b"\x91\x81\xa4type\xa7\x80ontrol")
    ):
        transport.send(struct.pack("<HQ", PROTOCOL, sequence) + packet)
    transport.send(b"short")
    for _ in range(6):
        report = line.until(Log)
        assert report.level == "warning"
        assert report.text.startswith("From the window: ")
    line.channel.send(Query(id=1, kind="catalogue", channel="", generation=1, args={}))
    assert "catalogue" in line.until(Reply).value


def test_a_window_of_another_release_is_refused_in_words(line):
    line.until(Ready)
    Channel(line.process.transport, decode_event, protocol=PROTOCOL + 1).send(Control("j", "pause"))
    assert line.process.wait(10.0)
    assert "different releases" in line.process.cause()
    assert any("protocol" in text for stream, text in line.output if stream == "stderr")


def test_a_closed_line_ends_the_engine(line):
    line.until(Ready)
    line.channel.close()
    assert line.process.wait(5.0)
    assert line.process.cause() == words_for(EXIT_PARENT_GONE)


def test_a_failing_start_says_why():
    line = Line(host="no_such_module")
    try:
        assert line.process.wait(30.0)
        assert "exit code 1" in line.process.cause()
        assert any("no_such_module" in text for _, text in line.output)
    finally:
        line.end()


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize(
    ("code", "words"),
    [
        (-9, "killed (SIGKILL)"),
        (-11, "native code (SIGSEGV)"),
        (-15, "signal SIGTERM"),
        (-99, "signal 99"),
        (3, "exit code 3"),
        (None, "stopped answering"),
        (EXIT_DEVICE_LOST, "graphics card"),
        (EXIT_PROTOCOL, "different releases"),
    ],
)
def test_every_end_has_its_words(code, words):
    assert words in words_for(code)


def test_the_inbox_keeps_the_order_and_wakes_the_sleeper():
    inbox = Inbox()
    commands = [Control("j", "pause"), Control("j", "resume")]
    for command in commands:
        inbox.put(command)
    inbox.wait()
    assert inbox.take() == commands
    assert inbox.take() == []
