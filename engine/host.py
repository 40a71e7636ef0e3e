"""The engine process: one compute thread, and threads that only listen and send.

The main thread computes: queries first, then one step of one job, again and again. The
listener takes commands, beats the heart, and ends the process when the window is gone;
the sender empties the outbox. Torch is imported after they have started.
"""

from __future__ import annotations

import os
import platform
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from importlib import metadata
from multiprocessing.connection import Connection

import psutil

from engine.entry import EXIT_DEVICE_LOST, EXIT_PARENT_GONE, EXIT_PROTOCOL, Settings
from engine.frames import Board
from engine.interrupt import Interrupter
from engine.job import Runnable
from engine.jobs import Scheduler
from engine.messages import (
    PROTOCOL,
    Command,
    Control,
    Heartbeat,
    Log,
    Query,
    Ready,
    Shutdown,
    Start,
)
from engine.outbox import Outbox
from engine.transport import Channel, Closed, PipeTransport, WrongProtocol, engine_channel

#: A step that still runs this long after a cancel is ended by force (seconds).
CANCEL_DEADLINE = 0.25
#: How long the last words may take (seconds).
FAREWELL = 3.0


class Inbox:
    """Commands on their way from the listener to the compute thread."""

    def __init__(self) -> None:
        self._commands: deque[Command] = deque()
        self._arrived = threading.Event()

    def put(self, command: Command) -> None:
        """Add a command. Any thread."""
        self._commands.append(command)
        self._arrived.set()

    def take(self) -> list[Command]:
        """Everything that came, without waiting."""
        self._arrived.clear()
        found = []
        while self._commands:
            found.append(self._commands.popleft())
        return found

    def wait(self, seconds: float | None = None) -> None:
        """Sleep until something comes, or for so long."""
        self._arrived.wait(seconds)


class Listener:
    """Listens to the window while the main thread computes, and watches over both."""

    def __init__(
        self,
        channel: Channel[Command],
        inbox: Inbox,
        outbox: Outbox,
        interrupter: Interrupter,
        settings: Settings,
    ) -> None:
        self._channel = channel
        self._inbox = inbox
        self._outbox = outbox
        self._interrupter = interrupter
        self._settings = settings
        self._process = psutil.Process()
        self._overdue: dict[str, float] = {}
        #: Filled by the main thread: what the heartbeat tells.
        self.running = ""
        self.waiting = 0
        #: Set when the engine leaves by itself, so that a closed line is no alarm.
        self.leaving = False

    def listen(self) -> None:
        """Run until the window is gone. The thread's target."""
        pause = min(0.25, self._settings.heartbeat / 2)
        beat = 0.0
        while not self.leaving:
            try:
                received = self._channel.receive(pause)
            except WrongProtocol as error:
                self._leave(EXIT_PROTOCOL, str(error))
                return
            except Closed:
                self._leave(EXIT_PARENT_GONE)
                return
            if received is not None:
                for problem in received.problems:
                    self._outbox.put(Log(level="warning", text=f"From the window: {problem}"))
                for command in received.messages:
                    self._take(command)
            now = time.monotonic()
            if now >= beat:
                beat = now + self._settings.heartbeat
                self._outbox.put(self._heartbeat())
            for job, deadline in list(self._overdue.items()):
                if now >= deadline:
                    del self._overdue[job]
                    self._interrupter.interrupt(job)
            if os.getppid() != self._settings.parent:
                self._leave(EXIT_PARENT_GONE)

    def send(self) -> None:
        """Empty the outbox onto the line until it is closed. The thread's target."""
        while not self._outbox.closed:
            waiting = self._outbox.take()
            try:
                if waiting:
                    self._channel.send_encoded(waiting)
            except Closed:
                self._outbox.close()

    def _take(self, command: Command) -> None:
        if isinstance(command, Control) and command.action == "cancel":
            self._overdue[command.job] = time.monotonic() + CANCEL_DEADLINE
        self._inbox.put(command)

    def _heartbeat(self) -> Heartbeat:
        used = total = 0
        torch = sys.modules.get("torch")
        if torch is not None and hasattr(torch, "cuda") and torch.cuda.is_initialized():
            free, total = torch.cuda.mem_get_info()
            used = total - free
        return Heartbeat(
            rss=self._process.memory_info().rss,
            device_used=used,
            device_total=total,
            running=self.running,
            waiting=self.waiting,
        )

    def _leave(self, code: int, words: str = "") -> None:
        """End the process at once: nobody is left to save for or to speak to."""
        if self.leaving:
            return
        if words:
            sys.stderr.write(words + "\n")
            sys.stderr.flush()
        os._exit(code)


def main(
    connection: Connection,
    settings: Settings,
    make: Callable[[Start], Runnable] | None = None,
) -> int:
    """The engine's life; returns the exit code. ``make`` turns a ``Start`` into a run."""
    channel = engine_channel(PipeTransport(connection))
    inbox, outbox, interrupter = Inbox(), Outbox(), Interrupter()
    listener = Listener(channel, inbox, outbox, interrupter, settings)
    for work in (listener.listen, listener.send):
        threading.Thread(target=work, name=work.__name__, daemon=True).start()
    code = _compute(inbox, outbox, interrupter, listener, settings, make)
    listener.leaving = True
    outbox.flush(FAREWELL)
    outbox.close()
    sys.stdout.flush()
    sys.stderr.flush()
    # Not by return: threads of native libraries may take seconds to unwind.
    os._exit(code)


def _compute(
    inbox: Inbox,
    outbox: Outbox,
    interrupter: Interrupter,
    listener: Listener,
    settings: Settings,
    make: Callable[[Start], Runnable] | None,
) -> int:
    # Imported here, for torch takes a second and the heart must beat from the start.
    import torch

    from engine.devices import devices, pick
    from engine.queries import Desk, make_run

    if settings.threads:
        torch.set_num_threads(settings.threads)
    board = Board.attach(settings.board) if settings.board else None
    note = board.write if board is not None else _unnoted

    scheduler = Scheduler(
        make or make_run,
        outbox.put,
        checkpoint_every=settings.checkpoint_every,
        note=note,
        interrupter=interrupter,
    )
    desk = Desk(outbox.put, scheduler.find, note)
    outbox.put(
        Ready(
            protocol=PROTOCOL,
            pid=os.getpid(),
            devices=devices(),
            default=pick("auto"),
            threads=torch.get_num_threads(),
            versions=_versions(),
        )
    )
    while True:
        for command in inbox.take():
            match command:
                case Shutdown():
                    scheduler.shutdown(command.checkpoint)
                    return 0
                case Query():
                    desk.ask(command)
                case _:
                    scheduler.command(command)
        worked = desk.answer()
        worked = scheduler.turn() or worked
        listener.running, listener.waiting = scheduler.running, scheduler.waiting
        if scheduler.device_lost:
            scheduler.shutdown(checkpoint=False)
            return EXIT_DEVICE_LOST
        if not worked:
            inbox.wait(scheduler.rest)


def _unnoted(job: str) -> None:
    """Without shared memory for a board the heartbeat alone tells the present job."""


def _versions() -> dict[str, str]:
    names = ("priorbench", "torch", "numpy", "onnxruntime-gpu", "onnxruntime")
    found = {"python": platform.python_version()}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
