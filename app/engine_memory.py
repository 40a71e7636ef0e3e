"""What the window remembers of jobs and questions, so that another engine can go on with them."""

from __future__ import annotations

from typing import Any

import msgspec

from engine.messages import Query, Reply, Start


class Crash(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about the death of an engine.

    ``job`` is the one that it was working on (``resume_job`` continues it), ``resumed``
    are the others, which go on by themselves; ``restarting`` is False when the window
    gave up because engines die before they are ready.
    """

    cause: str
    lines: tuple[str, ...] = ()
    job: str = ""
    resumed: tuple[str, ...] = ()
    restarting: bool = True


class Job:
    """A job that is not over."""

    def __init__(self, start: Start) -> None:
        self.start = start
        self.state = "queued"
        self.paused = start.paused
        self.cancelled = False
        self.deadline = 0.0
        #: Live values that it was given; its newest checkpoint may be older than they.
        self.tuned: dict[str, Any] = {}


class Questions:
    """The newest question of each kind and channel, until it is answered.

    Attributes:
        waiting: those without an answer, the oldest first.
    """

    def __init__(self) -> None:
        self._count = 0
        self._generations: dict[tuple[str, str], int] = {}
        self.waiting: dict[tuple[str, str], Query] = {}

    def ask(self, kind: str, channel: str, args: dict[str, Any]) -> Query:
        """A new question, which takes the place of an older one."""
        self._count += 1
        self._generations[kind, channel] = self._count
        query = Query(id=self._count, kind=kind, channel=channel, generation=self._count, args=args)
        self.waiting[kind, channel] = query
        return query

    def answered(self, reply: Reply) -> bool:
        """Take a reply; whether it answers the newest question of its kind and channel."""
        key = reply.kind, reply.channel
        if reply.generation < self._generations.get(key, 0):
            return False
        self.waiting.pop(key, None)
        return True

    def give_up(self, error: str) -> list[Reply]:
        """Answer the oldest one, which is answered first, with ``error``, one line."""
        if not self.waiting:
            return []
        query = self.waiting.pop(next(iter(self.waiting)))
        reply = Reply(
            id=query.id, kind=query.kind, channel=query.channel, generation=query.generation
        )
        return [msgspec.structs.replace(reply, error=error)]
