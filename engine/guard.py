"""Keeps thread-wide torch modes inside the job that set them.

Generators interleave on one thread, so a mode left open across a yield (``no_grad``,
``inference_mode``, autocast, default dtype or device, a global seed) would reach into
the next job. ``Guard`` gives every job its own modes: it puts them in place while the
job computes, puts the host's back afterwards, and says what the job left behind.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from torch.utils import _device

_AUTOCAST = ("cpu", "cuda", "mps")
_WORDS = {
    "grad": "gradient mode (no_grad)",
    "inference": "inference mode",
    "autocast": "autocast",
    "dtype": "default dtype",
    "device": "default device",
    "deterministic": "deterministic algorithms",
    "anomaly": "anomaly detection",
    "threads": "number of threads",
    "randomness": "global random generators",
}


@dataclass(frozen=True)
class Modes:
    """Every thread-wide mode at one moment; ``device`` holds torch's device contexts."""

    grad: bool
    inference: bool
    autocast: tuple[tuple[str, bool, torch.dtype], ...]
    dtype: torch.dtype
    device: tuple[Any, ...]
    deterministic: tuple[bool, bool]
    anomaly: bool
    threads: int

    @classmethod
    def now(cls) -> Modes:
        """The modes of this thread."""
        return cls(
            grad=torch.is_grad_enabled(),
            inference=torch.is_inference_mode_enabled(),
            autocast=tuple(
                (kind, torch.is_autocast_enabled(kind), torch.get_autocast_dtype(kind))
                for kind in _AUTOCAST
            ),
            dtype=torch.get_default_dtype(),
            device=(_default_device_context(), _device.CURRENT_DEVICE, *_function_modes()),
            deterministic=(
                torch.are_deterministic_algorithms_enabled(),
                torch.is_deterministic_algorithms_warn_only_enabled(),
            ),
            anomaly=torch.is_anomaly_enabled(),
            threads=torch.get_num_threads(),
        )

    def differences(self, other: Modes) -> list[str]:
        """The names of the modes in which two moments differ."""
        return [f.name for f in fields(self) if getattr(self, f.name) != getattr(other, f.name)]

    def apply(self) -> None:
        """Make these the modes of this thread; inference mode is left to ``Guard``.

        Only what differs is set: some setters import a good part of torch.
        """
        now = Modes.now()
        torch.set_grad_enabled(self.grad)
        for (kind, enabled, dtype), present in zip(self.autocast, now.autocast, strict=True):
            if present != (kind, enabled, dtype):
                torch.set_autocast_enabled(kind, enabled)
                torch.set_autocast_dtype(kind, dtype)
        if now.dtype != self.dtype:
            torch.set_default_dtype(self.dtype)
        if now.device != self.device:
            _set_device_contexts(self.device)
        if now.deterministic != self.deterministic:
            algorithms, warn_only = self.deterministic
            torch.use_deterministic_algorithms(algorithms, warn_only=warn_only)
        if now.anomaly != self.anomaly:
            torch.autograd.set_detect_anomaly(self.anomaly)
        if now.threads != self.threads:
            torch.set_num_threads(self.threads)


class Guard:
    """The modes of one job. ``leaks`` names, once each, what it left open across a yield."""

    def __init__(self, seed: int, threads: int = 0) -> None:
        self.leaks: list[str] = []
        self._threads = threads
        self._modes: Modes | None = None
        self._randomness: tuple[Any, ...] | None = None
        self._seed = seed
        # An inference mode entered for the host over the one that the job left open.
        self._cover: Any = None

    @contextmanager
    def __call__(self, *, draws: bool = False) -> Iterator[None]:
        """Compute for the job. ``draws`` allows global random numbers (networks being built)."""
        host, randomness = Modes.now(), _randomness()
        self._enter()
        own, drawn = Modes.now(), _randomness()
        try:
            yield
        finally:
            self._modes, self._randomness = Modes.now(), _randomness()
            found = own.differences(self._modes)
            if "inference" in found and "grad" in found:
                found.remove("grad")  # the one implies the other
            if not draws and not _same(drawn, self._randomness):
                found.append("randomness")
            self.leaks += [_WORDS[name] for name in found if _WORDS[name] not in self.leaks]
            self._leave(host, randomness)

    def _enter(self) -> None:
        if self._cover is not None:
            self._cover.__exit__(None, None, None)
            self._cover = None
        if self._modes is not None:
            self._modes.apply()
        elif self._threads > 0 and torch.get_num_threads() != self._threads:
            torch.set_num_threads(self._threads)
        if self._randomness is None:
            self._randomness = _seeded(self._seed)
        _restore(self._randomness)

    def _leave(self, host: Modes, randomness: tuple[Any, ...]) -> None:
        if torch.is_inference_mode_enabled() != host.inference:
            # There is no setter: a mode entered here covers the job's until its next turn.
            self._cover = torch.inference_mode(host.inference)
            self._cover.__enter__()
        host.apply()
        _restore(randomness)


def _default_device_context() -> Any:
    return getattr(torch._GLOBAL_DEVICE_CONTEXT, "device_context", None)


def _function_modes() -> list[Any]:
    return [torch._C._get_function_stack_at(i) for i in range(torch._C._len_torch_function_stack())]


def _set_device_contexts(wanted: tuple[Any, ...]) -> None:
    context, current, *modes = wanted
    if _function_modes() != modes:
        while torch._C._len_torch_function_stack():
            torch._C._pop_torch_function_stack()
        for mode in modes:
            torch._C._push_on_torch_function_stack(mode)
    if _default_device_context() is not context:
        torch._GLOBAL_DEVICE_CONTEXT.device_context = context
    _device.CURRENT_DEVICE = current


def _randomness() -> tuple[Any, ...]:
    return torch.get_rng_state(), np.random.get_state(), random.getstate()


def _seeded(seed: int) -> tuple[Any, ...]:
    return (
        torch.Generator().manual_seed(seed).get_state(),
        np.random.RandomState(seed % 2**32).get_state(),
        random.Random(seed).getstate(),
    )


def _restore(state: tuple[Any, ...]) -> None:
    torch.set_rng_state(state[0])
    np.random.set_state(state[1])
    random.setstate(state[2])


def _same(a: tuple[Any, ...], b: tuple[Any, ...]) -> bool:
    return bool(
        torch.equal(a[0], b[0])
        and a[1][2] == b[1][2]
        and np.array_equal(a[1][1], b[1][1])
        and a[2] == b[2]
    )
