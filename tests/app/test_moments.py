"""What is kept of a run to look back at."""

from __future__ import annotations

import numpy as np

from app.pages.moments import Moments


def picture(level: int) -> np.ndarray:
    return np.full((10, 10), level, np.uint8)


def test_the_pictures_of_a_step_are_one_moment_and_copies() -> None:
    moments, seen = Moments(), picture(3)
    moments.keep(0, "a", seen)
    moments.keep(0, "b", picture(4))
    moments.keep(2, "a", picture(5))
    seen[:] = 9
    assert [moment.step for moment in (moments[0], moments[1])] == [0, 2]
    assert moments[0].pictures.keys() == {"a", "b"}
    assert moments[0].pictures["a"].max() == 3
    moments.clear()
    assert len(moments) == 0


def test_a_long_run_is_kept_whole_in_larger_steps() -> None:
    moments = Moments(most=1_000)
    for step in range(100):
        moments.keep(step, "a", picture(step))
        kept = [moments[k].step for k in range(len(moments))]
        assert 100 * len(kept) <= 1_000
        assert kept[0] == 0
        assert kept[-1] == step
    assert kept == [*range(0, 97, 16), 99]
