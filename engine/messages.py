"""What crosses between window and engine: small typed messages, no arrays but inline blobs.

Torch-free and Qt-free. ``encode`` and ``decode`` are the wire format (MessagePack,
tagged by type). Both directions carry the protocol version in their first message.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

PROTOCOL = 6


class RunRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One run, completely described: the same request gives the same numbers.

    ``inputs`` maps an input's name to a path, ``sample:NAME`` or ``store:SHA256``.
    ``replay`` is the ``events`` list of an earlier run's record.
    """

    method: str
    params: dict[str, Any] = {}
    problem: dict[str, Any] = {}
    inputs: dict[str, str] = {}
    seed: int = 0
    device: str = "auto"
    backend: str = "auto"
    threads: int = 0
    preset: str = ""
    replay: list[tuple[int, str, Any]] = []


class Blob(msgspec.Struct, frozen=True):
    """An array sent inline: ``np.frombuffer(data, dtype).reshape(shape)``."""

    shape: tuple[int, ...]
    dtype: str
    data: bytes


# --- events a person causes, sent into the generator -------------------------------------


class Tune(msgspec.Struct, frozen=True, tag=True):
    """New values of live parameters; several between two steps are coalesced."""

    values: dict[str, Any]


class Pointer(msgspec.Struct, frozen=True, tag=True):
    """A click or drag on an image panel, in pixels of the shown array.

    ``clicks`` is 2 for the second press of a double click. ``seconds`` is when, by a clock of the
    window: it tells how fast a drag was, and whether it came to rest before the release.
    """

    panel: str
    phase: Literal["press", "move", "release"]
    x: float
    y: float
    button: int = 1
    clicks: int = 1
    seconds: float = 0.0


class Nudge(msgspec.Struct, frozen=True, tag=True):
    """Arrow keys on an image panel: how far its point is to go from where it is, in pixels."""

    panel: str
    dx: float
    dy: float


class Stroke(msgspec.Struct, frozen=True, tag=True):
    """A finished brush stroke: points in pixels, radius in pixels."""

    panel: str
    points: tuple[tuple[float, float], ...]
    radius: float
    erase: bool = False


UserEvent = Tune | Pointer | Nudge | Stroke


# --- window to engine --------------------------------------------------------------------


class Start(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Run ``request`` as ``job``, keeping it in ``folder``. ``resume`` continues a checkpoint."""

    job: str
    request: RunRequest
    folder: str
    resume: bool = False
    paused: bool = False
    priority: Literal["interactive", "run", "training"] = "run"


class Control(msgspec.Struct, frozen=True, tag=True):
    """Steer one job. ``checkpoint`` saves at the next step and goes on."""

    job: str
    action: Literal["pause", "resume", "step", "cancel", "checkpoint"]


class Send(msgspec.Struct, frozen=True, tag=True):
    """A person's event for one job."""

    job: str
    event: UserEvent


class Query(msgspec.Struct, frozen=True, tag=True):
    """Ask without running; of one ``kind`` and ``channel`` the newest generation wins."""

    id: int
    kind: str
    channel: str
    generation: int
    args: dict[str, Any]


class Attach(msgspec.Struct, frozen=True, tag=True):
    """The window made a shared segment of three slots for a panel of a job."""

    job: str
    panel: str
    segment: str
    slot_bytes: int


class Detach(msgspec.Struct, frozen=True, tag=True):
    """The window is about to unlink the segments of a job."""

    job: str


class Shutdown(msgspec.Struct, frozen=True, tag=True):
    """Checkpoint what runs (if asked) and leave."""

    checkpoint: bool = True


Command = Start | Control | Send | Query | Attach | Detach | Shutdown


# --- engine to window --------------------------------------------------------------------


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """A device that runs can use. Memory in bytes; 0 where unknown."""

    id: str
    title: str
    memory_total: int = 0


class Ready(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """First message of an engine. ``default`` is the id of the device that ``auto`` takes."""

    protocol: int
    pid: int
    devices: tuple[Device, ...]
    default: str = "cpu"
    threads: int
    versions: dict[str, str]


class Heartbeat(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Sent about once a second by a thread of its own. Bytes; ``waiting`` counts jobs."""

    rss: int
    device_used: int = 0
    device_total: int = 0
    running: str = ""
    waiting: int = 0


class JobState(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """A job changed its state. ``folder`` is where the run is kept."""

    job: str
    state: Literal[
        "queued", "preparing", "running", "idle", "paused", "finished", "cancelled", "failed"
    ]
    text: str = ""
    field: str = ""
    suggestion: dict[str, Any] = {}
    trace: str = ""
    folder: str = ""


class PanelShape(msgspec.Struct, frozen=True):
    """The array that an image or plot panel will carry."""

    name: str
    shape: tuple[int, ...]
    dtype: str = "uint8"


class Panels(msgspec.Struct, frozen=True, tag=True):
    """The image panels of a job and their sizes; the window answers with ``Attach``.

    ``params`` are all knobs of the method by dotted name, as the run understood them: a request may
    leave some out, or have a number as text.
    """

    job: str
    panels: tuple[PanelShape, ...]
    params: dict[str, Any] = {}


class Progress(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Newest wins. ``total`` 0 means open-ended; ``eta`` seconds, negative if unknown.

    ``seconds`` go on while other jobs have their turns; ``computed`` are this job's alone.
    """

    job: str
    step: int
    total: int
    seconds: float
    rate: float
    eta: float
    computed: float = 0.0


class Metrics(msgspec.Struct, frozen=True, tag=True):
    """Numbers of one step; never dropped."""

    job: str
    step: int
    values: dict[str, float]


class Moved(msgspec.Struct, frozen=True, tag=True):
    """A hand on a picture moved live knobs: their values, by dotted name, as the run has them."""

    job: str
    values: dict[str, Any]


class Curves(msgspec.Struct, frozen=True, tag=True):
    """Every number of a job up to here, when it goes on: metric to [(step, value), ...]."""

    job: str
    curves: dict[str, list[tuple[int, float]]]


class Frame(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """A picture of a panel: in ``slot`` of its segment, or inline where ``blob`` is set.

    ``final`` frames (the last one, and the one at a pause) always come inline.
    """

    job: str
    panel: str
    step: int
    shape: tuple[int, ...]
    dtype: str
    slot: int = -1
    sequence: int = 0
    blob: bytes = b""
    final: bool = False


class Log(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """A line for the log drawer."""

    level: Literal["debug", "info", "warning", "error"]
    text: str
    source: str = "engine"
    job: str = ""


class Reply(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Answer to a query. ``error`` is one clear line; ``field`` names the culprit."""

    id: int
    kind: str
    channel: str
    generation: int
    value: dict[str, Any] = {}
    blobs: dict[str, Blob] = {}
    error: str = ""
    field: str = ""


Event = (
    Ready
    | Heartbeat
    | JobState
    | Panels
    | Progress
    | Metrics
    | Moved
    | Curves
    | Frame
    | Log
    | Reply
)

_encoder = msgspec.msgpack.Encoder()
_command_decoder: msgspec.msgpack.Decoder[Command] = msgspec.msgpack.Decoder(Command)
_event_decoder: msgspec.msgpack.Decoder[Event] = msgspec.msgpack.Decoder(Event)


def encode(message: Command | Event) -> bytes:
    """The message as bytes for the wire."""
    return _encoder.encode(message)


def decode_command(data: bytes) -> Command:
    """A command from the wire; ``msgspec.ValidationError`` if it is not one."""
    return _command_decoder.decode(data)


def decode_event(data: bytes) -> Event:
    """An event from the wire; ``msgspec.ValidationError`` if it is not one."""
    return _event_decoder.decode(data)
