"""Keeps a CUDA device busy but not flooded; on any other device this does nothing."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

import torch

#: Steps whose kernels may be queued at once. One more would only delay a cancel.
IN_FLIGHT = 2


class InFlight:
    """Bounds the steps in flight by events, and copies frames on a stream of its own."""

    def __init__(self, device: str) -> None:
        self._device = torch.device(device) if device.startswith("cuda") else None
        self._events: deque[torch.cuda.Event] = deque()
        self._stream: torch.cuda.Stream | None = None

    def wait(self) -> None:
        """Before a step: wait until there is room for it."""
        while len(self._events) >= IN_FLIGHT:
            self._events.popleft().synchronize()

    def mark(self) -> None:
        """After a step: its kernels are queued."""
        if self._device is None:
            return
        event = torch.cuda.Event()  # type: ignore[no-untyped-call]
        event.record(torch.cuda.current_stream(self._device))
        self._events.append(event)

    @contextmanager
    def copying(self) -> Iterator[None]:
        """Copies made inside follow the steps queued so far and are complete at the end."""
        if self._device is None:
            yield
            return
        if self._stream is None:
            self._stream = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
        self._stream.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(self._stream):
            yield
        self._stream.synchronize()

    def clear(self) -> None:
        """The run is over: give its memory back to the device."""
        self._events.clear()
        self._stream = None
        if self._device is not None:
            torch.cuda.empty_cache()
