"""How bytes get from one side to the other, and how messages become bytes.

``Transport`` is all that anything above knows: send bytes, receive bytes, closed. The
local pipe is the first; a socket or an SSH tunnel can take its place. ``Channel`` puts
messages on a transport: each packet carries the protocol version and a sequence number,
so that a foreign or lossy peer is noticed rather than misread. Torch-free and Qt-free.
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Generic, NamedTuple, Protocol, TypeVar

import msgspec

from engine.messages import PROTOCOL, Command, Event, decode_command, decode_event, encode

#: A packet longer than this is not one of ours; a 24-megapixel final frame is 72 MB.
LONGEST = 1 << 30

_HEADER = struct.Struct("<HQ")
#: Broken text inside a message is not one of msgspec's own errors.
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_packer = msgspec.msgpack.Encoder()
_unpacker: msgspec.msgpack.Decoder[list[msgspec.Raw]] = msgspec.msgpack.Decoder(list[msgspec.Raw])


class Closed(ConnectionError):
    """The other side is gone."""


class WrongProtocol(ConnectionError):
    """The other side speaks another version of the protocol."""


class Transport(Protocol):
    """A reliable, ordered carrier of packets."""

    def send(self, data: bytes) -> None:
        """Hand over one packet; ``Closed`` if the other side is gone. May block."""

    def receive(self, timeout: float | None = None) -> bytes | None:
        """The next packet, None after ``timeout`` seconds; ``Closed`` at the end."""

    def close(self) -> None:
        """Let go of the line; the other side sees ``Closed``."""


class PipeTransport:
    """The local pipe between window and engine."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def send(self, data: bytes) -> None:
        try:
            self._connection.send_bytes(data)
        except (OSError, ValueError) as error:
            raise Closed("the pipe is closed") from error

    def receive(self, timeout: float | None = None) -> bytes | None:
        try:
            if not self._connection.poll(timeout):
                return None
            return self._connection.recv_bytes(LONGEST)
        except (EOFError, OSError, ValueError) as error:
            raise Closed("the pipe is closed") from error

    def close(self) -> None:
        self._connection.close()


Incoming = TypeVar("Incoming")


class Received(NamedTuple, Generic[Incoming]):
    """What one packet brought; ``problems`` are lines about what could not be read."""

    messages: list[Incoming]
    problems: list[str]


class Channel(Generic[Incoming]):
    """Messages over a transport. Any thread may send; one thread receives."""

    def __init__(
        self,
        transport: Transport,
        decode: Callable[[bytes], Incoming],
        protocol: int = PROTOCOL,
    ) -> None:
        self._transport = transport
        self._decode = decode
        self._protocol = protocol
        self._sending = threading.Lock()
        self._sent = 0
        self._expected = 0

    def send(self, *messages: Command | Event) -> None:
        """Send messages as one packet; ``Closed`` if the other side is gone."""
        self.send_encoded([encode(message) for message in messages])

    def send_encoded(self, messages: Sequence[bytes]) -> None:
        """Send messages that are already encoded, as one packet."""
        body = _packer.encode([msgspec.Raw(message) for message in messages])
        with self._sending:
            head = _HEADER.pack(self._protocol, self._sent)
            self._sent += 1
            self._transport.send(head + body)

    def receive(self, timeout: float | None = None) -> Received[Incoming] | None:
        """The messages of the next packet, or None after ``timeout`` seconds.

        What cannot be read is left out and said in ``problems``; only another protocol
        version (``WrongProtocol``) and a closed line (``Closed``) are raised.
        """
        packet = self._transport.receive(timeout)
        return None if packet is None else self._read(packet)

    def close(self) -> None:
        """Close the transport."""
        self._transport.close()

    def _read(self, packet: bytes) -> Received[Incoming]:
        if len(packet) < _HEADER.size:
            return Received([], [f"a packet of {len(packet)} bytes is too short to be read"])
        protocol, sequence = _HEADER.unpack_from(packet)
        if protocol != self._protocol:
            raise WrongProtocol(
                f"the other side speaks protocol {protocol}, this one {self._protocol}: "
                "install window and engine from the same release"
            )
        problems = []
        if sequence != self._expected:
            problems.append(f"packet {sequence} came where {self._expected} was expected")
        self._expected = sequence + 1
        try:
            parts = _unpacker.decode(memoryview(packet)[_HEADER.size :])
        except _UNREADABLE as error:
            return Received([], [*problems, f"a packet cannot be read: {error}"])
        messages = []
        for part in parts:
            try:
                messages.append(self._decode(bytes(part)))
            except _UNREADABLE as error:
                problems.append(f"a message cannot be read: {error}")
        return Received(messages, problems)


def window_channel(transport: Transport) -> Channel[Event]:
    """The window's end: sends commands, receives events."""
    return Channel(transport, decode_event)


def engine_channel(transport: Transport) -> Channel[Command]:
    """The engine's end: sends events, receives commands."""
    return Channel(transport, decode_command)
