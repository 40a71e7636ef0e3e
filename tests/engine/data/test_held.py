import pytest
import torch

from engine.data.factors import draw
from engine.data.held import Held
from engine.data.sprites import Sprites
from engine.method import BadInput


def test_a_part_renders_what_the_whole_renders_with_the_kept_values() -> None:
    whole = Sprites(32)
    part = Held(whole, {"scale": 4, "x": 20})
    assert [f.name for f in part.factors] == ["shape", "angle", "y"]
    assert (part.name, part.channels, part.size) == ("sprites", 1, 32)
    codes = draw(part, 20, torch.Generator().manual_seed(0))
    shape, angle, y = codes.unbind(1)
    kept = torch.ones(20, dtype=torch.int64)
    filled = torch.stack([shape, 4 * kept, angle, 20 * kept, y], 1)
    assert torch.equal(part.whole(codes), filled)
    assert torch.equal(part.render(codes), whole.render(filled))


def test_what_cannot_be_kept_is_refused() -> None:
    with pytest.raises(BadInput, match="factor 'hue' is not one of sprites"):
        Held(Sprites(32), {"hue": 1})
    part = Held(Sprites(32), {"scale": 6})
    with pytest.raises(BadInput, match="scale is 6; it must be 0 to 5"):
        part.render(torch.zeros(1, 4, dtype=torch.int64))
    with pytest.raises(BadInput, match=r"sprites needs \(n, 4\)"):
        part.render(torch.zeros(1, 5, dtype=torch.int64))
