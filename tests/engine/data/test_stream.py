"""Training pictures depend on seed and step, never on what was asked for before."""

import pytest
import torch

from engine.data.factors import draw
from engine.data.rooms import Rooms
from engine.data.small_pictures import SmallPictures
from engine.data.sprites import Sprites
from engine.data.stream import Fresh, Labeled, Pool, Stream
from engine.method import BadInput


def _labeled(seed: int) -> Labeled:
    shades = torch.arange(20, dtype=torch.uint8)[:, None, None, None].expand(20, 1, 4, 4)
    few = torch.zeros(0, dtype=torch.int64)
    pictures = SmallPictures(
        shades, torch.arange(20) % 3, torch.arange(20), shades[:0], few, (), ("a", "b", "c"), True
    )
    return Labeled(pictures, seed)


def _streams(seed: int) -> list[Stream]:
    return [Fresh(Sprites(), seed), Pool(Sprites(), 50, seed), _labeled(seed)]


@pytest.mark.parametrize("which", range(3), ids=["fresh", "pool", "labeled"])
def test_a_batch_is_a_function_of_seed_and_step(which: int) -> None:
    stream, again, other = _streams(3)[which], _streams(3)[which], _streams(4)[which]
    first = [stream.batch(step, 16) for step in range(6)]
    for step in (5, 0, 3):
        pictures, codes = again.batch(step, 16)
        assert torch.equal(pictures, first[step][0])
        assert torch.equal(codes, first[step][1])
        assert pictures.dtype == torch.float32
        assert codes.dtype == torch.int64
        assert codes.shape[0] == 16
    assert not torch.equal(first[0][0], first[1][0])
    assert not torch.equal(first[0][0], other.batch(0, 16)[0])


def test_fresh_pictures_are_those_of_their_codes() -> None:
    fixed = {"shape": 1}
    pictures, codes = Fresh(Sprites(), 0, fixed).batch(9, 40)
    assert torch.equal(pictures, Sprites().render(codes))
    assert (codes[:, 0] == 1).all()


def test_a_pool_shows_every_picture_once_a_pass_in_a_new_order() -> None:
    pool = Pool(Rooms(), 60, 1)
    assert torch.equal(pool.codes, draw(Rooms(), 60, torch.Generator().manual_seed(1_000_003)))
    # Batches of 25 straddle the passes: twelve of them are five passes.
    batches = torch.cat([pool.batch(step, 25)[1] for step in range(12)])
    everything = sorted(map(tuple, pool.codes.tolist()))
    passes = batches.split(60)
    for one in passes:
        assert sorted(map(tuple, one.tolist())) == everything
    assert not torch.equal(passes[0], passes[1])
    pictures, codes = pool.batch(2, 25)
    assert (pictures - Rooms().render(codes)).abs().max() <= 0.5 / 255 + 1e-6


def test_a_batch_may_be_larger_than_the_pool() -> None:
    codes = Pool(Sprites(), 7, 0).batch(1, 20)[1]
    assert len(codes) == 20


def test_an_empty_pool_is_refused() -> None:
    with pytest.raises(BadInput, match="count is 0; it must be at least 1"):
        Pool(Sprites(), 0, 0)
