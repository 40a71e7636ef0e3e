from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch

from engine.guard import Guard, Modes

LEAKS: dict[str, tuple[Callable[[], object], str]] = {
    "no_grad": (lambda: torch.no_grad().__enter__(), "no_grad"),
    "set_grad_enabled": (lambda: torch.set_grad_enabled(False), "no_grad"),
    "autocast": (lambda: torch.autocast("cpu", torch.bfloat16).__enter__(), "autocast"),
    "dtype": (lambda: torch.set_default_dtype(torch.float64), "default dtype"),
    "device": (lambda: torch.set_default_device("meta"), "default device"),
    "device context": (lambda: torch.device("meta").__enter__(), "default device"),
    "seed": (lambda: torch.manual_seed(3), "global random"),
    "torch draw": (lambda: torch.rand(1), "global random"),
    "numpy seed": (lambda: np.random.seed(3), "global random"),
    "python seed": (lambda: random.seed(3), "global random"),
    "threads": (lambda: torch.set_num_threads(1), "threads"),
}


@pytest.fixture(autouse=True)
def unharmed() -> Iterator[None]:
    before, draws = Modes.now(), torch.get_rng_state()
    yield
    assert Modes.now().differences(before) == []
    assert torch.equal(torch.get_rng_state(), draws)


@pytest.mark.parametrize("name", LEAKS)
def test_a_leak_is_undone_and_named(name: str) -> None:
    leak, word = LEAKS[name]
    guard, outside = Guard(0, threads=2), Modes.now()
    with guard():
        leak()
    assert Modes.now().differences(outside) == []
    assert len(guard.leaks) == 1
    assert word in guard.leaks[0]


def interleaved(mode: Callable[[], object]) -> Iterator[bool]:
    with mode():  # type: ignore[attr-defined]
        while True:
            x = torch.ones(1, requires_grad=True)
            yield (x * 2).requires_grad


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_a_leaking_job_does_not_reach_its_neighbor(mode: Callable[[], object]) -> None:
    leaking, other = interleaved(mode), interleaved(torch.enable_grad)
    one, two = Guard(1), Guard(2)
    for _ in range(3):
        with one():
            assert next(leaking) is False
        with two():
            assert next(other) is True
        assert torch.ones(1, requires_grad=True).mul(2).requires_grad
    with one():
        leaking.close()
    with two():
        other.close()
    assert len(one.leaks) == 1
    assert two.leaks == []


def test_two_leaking_jobs_keep_their_own_inference_modes() -> None:
    jobs = [(Guard(n), interleaved(torch.inference_mode)) for n in range(2)]
    for guard, generator in (*jobs, *reversed(jobs), *jobs):
        with guard():
            assert next(generator) is False
            assert torch.is_inference_mode_enabled()
        assert not torch.is_inference_mode_enabled()
    for guard, generator in jobs:
        with guard():
            generator.close()


def test_global_random_numbers_are_each_jobs_own() -> None:
    def draw(guard: Guard) -> tuple[float, float, float]:
        with guard(draws=True):
            return float(torch.rand(())), float(np.random.rand()), random.random()

    a, b = Guard(5), Guard(5)
    first = [draw(a), draw(b), draw(a), draw(b)]
    assert first[0] == first[1]
    assert first[2] == first[3] != first[0]
    assert a.leaks == b.leaks == []


def test_modes_are_restored_after_an_error() -> None:
    def fails() -> None:
        with Guard(0)():
            torch.set_grad_enabled(False)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert torch.is_grad_enabled()


def test_threads_are_set_for_the_job_alone() -> None:
    outside = torch.get_num_threads()
    wanted = 1 if outside != 1 else 2
    guard = Guard(0, threads=wanted)
    with guard():
        assert torch.get_num_threads() == wanted
    assert torch.get_num_threads() == outside
    assert guard.leaks == []
