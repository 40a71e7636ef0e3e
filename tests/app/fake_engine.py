"""An engine client without an engine: a test says what the engine says, and when it dies."""

from __future__ import annotations

import threading
from collections import deque
from typing import Any

import pytest

from app import engine_client
from app.engine_client import EngineClient
from engine.messages import PROTOCOL, JobState, Ready, RunRequest
from engine.transport import Closed


class _Process:
    """A process that ends when it is told to."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.tails = {"stdout": deque[str](), "stderr": deque[str]()}

    def wait(self, timeout: float) -> bool:
        return True

    def kill(self) -> None:
        pass

    def cause(self) -> str:
        return "The engine was killed."


class FakeLine:
    """One life of the engine, and every command that it was sent."""

    def __init__(self, pid: int) -> None:
        self.process = _Process(pid)
        self.sent: list[Any] = []
        self.room = threading.Event()

    def send(self, command: Any) -> None:
        self.sent.append(command)

    def end(self) -> None:
        pass

    def of(self, kind: type) -> list[Any]:
        return [command for command in self.sent if isinstance(command, kind)]


class FakeEngine:
    """A client, its lines one after the other, and everything it told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lines: list[FakeLine] = []
        self.now = 0.0
        self.events: list[Any] = []
        self.crashes: list[Any] = []
        monkeypatch.setattr(engine_client, "Line", self._line)
        monkeypatch.setattr(engine_client, "sweep", list)
        monkeypatch.setattr(engine_client, "make_board", lambda: None)
        self.client = EngineClient(clock=lambda: self.now)
        self.client.event.connect(self.events.append)
        self.client.crashed.connect(self.crashes.append)

    def _line(self, *_: object) -> FakeLine:
        self.lines.append(FakeLine(1000 + len(self.lines)))
        return self.lines[-1]

    @property
    def line(self) -> FakeLine:
        """The line of the present engine."""
        return self.lines[-1]

    def start(self) -> None:
        """An engine that is ready."""
        self.client.start()
        self.get_ready()

    def get_ready(self) -> None:
        self.says(Ready(protocol=PROTOCOL, pid=1, devices=(), threads=1, versions={}))

    def says(self, *messages: Any) -> None:
        for message in messages:
            self.client._arrivals.put(self.line, message)
        self.client._arrivals.drain()

    def dies(self) -> None:
        self.says(Closed())

    def job(self, folder: Any = "nowhere", *, state: str = "running", **more: Any) -> str:
        """A job that the engine has begun."""
        job = self.client.start_job(RunRequest(method="toy.walk", **more), folder)
        self.tell(job, state, folder)
        return job

    def tell(self, job: str, state: str, folder: Any = "nowhere", **more: Any) -> None:
        self.says(JobState(job=job, state=state, folder=str(folder), **more))

    def states(self, job: str) -> list[str]:
        return [e.state for e in self.events if isinstance(e, JobState) and e.job == job]
