"""Each factor of the sprites and the stroke digits does what its title says, and no more."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from engine.data.digit_shapes import pieces
from engine.data.drawing import hues
from engine.data.factors import draw, sweep
from engine.data.sprites import ANGLES, HUES, SHAPES, SYMMETRY, Sprites
from engine.data.stroke_digits import HANDS, StrokeDigits


def moments(ink: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Of ``(n, height, width)``: amount, centroid across and down (pixels), mixed moment."""
    across, down = torch.arange(ink.shape[2]) + 0.5, torch.arange(ink.shape[1])[:, None] + 0.5
    mass = ink.sum((1, 2))
    x, y = (ink * across).sum((1, 2)) / mass, (ink * down).sum((1, 2)) / mass
    apart = (across - x[:, None, None]) * (down - y[:, None, None])
    mixed = (ink * apart).sum((1, 2)) / mass
    return mass, x, y, mixed


def rises(values: Tensor) -> bool:
    return bool((values.diff() > 0).all())


@pytest.mark.parametrize("shape", range(3), ids=SHAPES)
def test_places_move_the_centroid_and_nothing_else(shape: int) -> None:
    sprites = Sprites(64)
    code = torch.tensor([shape, 3, 7, 10, 20])
    for name in ("x", "y"):
        mass, x, y, _ = moments(sprites.render(sweep(sprites, code, name))[:, 0])
        moved, still = (x, y) if name == "x" else (y, x)
        expected = torch.linspace(0.225, 0.775, 32) * 64
        assert (moved - expected).abs().max() < 0.08
        assert still.max() - still.min() < 0.05
        assert (mass / mass.mean() - 1).abs().max() < 0.01


@pytest.mark.parametrize("shape", range(3), ids=SHAPES)
def test_sizes_grow_evenly_around_the_same_place(shape: int) -> None:
    sprites = Sprites(64)
    code = torch.tensor([shape, 0, 3, 16, 16])
    mass, x, y, _ = moments(sprites.render(sweep(sprites, code, "scale"))[:, 0])
    side = mass.sqrt()
    assert (side.diff() / side.diff().mean() - 1).abs().max() < 0.05
    assert side[-1] / side[0] == pytest.approx(2, abs=0.03)
    assert max(x.max() - x.min(), y.max() - y.min()) < 0.1


def test_ten_angles_are_a_quarter_turn() -> None:
    sprites = Sprites(48)
    codes = draw(sprites, 60, torch.Generator().manual_seed(0))
    turned = codes.clone()
    turned[:, 2] = (codes[:, 2] + ANGLES // 4) % ANGLES
    turned[:, 3], turned[:, 4] = 31 - codes[:, 4], codes[:, 3]
    expected = torch.rot90(sprites.render(codes), -1, (2, 3))
    assert torch.allclose(sprites.render(turned), expected, atol=1e-4)


@pytest.mark.parametrize("shape", range(3), ids=SHAPES)
def test_angles_look_alike_only_by_the_stated_symmetry(shape: int) -> None:
    sprites = Sprites(64)
    pictures = sprites.render(sweep(sprites, torch.tensor([shape, 5, 0, 15, 15]), "angle"))
    apart = (pictures[:, None] - pictures[None]).abs().flatten(2).amax(2)
    period = ANGLES // SYMMETRY[shape]
    numbers = torch.arange(ANGLES)
    same = (numbers[:, None] - numbers[None]) % period == 0
    assert apart[same].max() < 1e-3
    assert apart[~same].min() > 0.1


def test_no_sprite_is_cut_at_the_edge() -> None:
    sprites = Sprites(32)
    turns = [(shape, angle) for shape in range(3) for angle in range(ANGLES)]
    middle = torch.tensor([[shape, 5, angle, 16, 16] for shape, angle in turns])
    expected = sprites.render(middle).sum((1, 2, 3))
    for corner in ((0, 0), (31, 0), (0, 31), (31, 31)):
        middle[:, 3:] = torch.tensor(corner)
        ink = sprites.render(middle).sum((1, 2, 3))
        assert (ink / expected - 1).abs().max() < 0.02


@pytest.mark.parametrize("of", [Sprites(), StrokeDigits()], ids=lambda s: s.name)
def test_a_hue_colors_the_same_ink(of: Sprites | StrokeDigits) -> None:
    colored = type(of)(colored=True)
    codes = draw(colored, 20, torch.Generator().manual_seed(0))
    color = hues(HUES)[codes[:, -1], :, None, None]
    assert torch.equal(colored.render(codes), of.render(codes[:, :-1]) * color)


def test_hues_are_a_circle_of_vivid_colors() -> None:
    colors = hues(10)
    assert colors[0].tolist() == [1, 0, 0]
    assert (colors.amax(1) == 1).all()
    assert (colors.amin(1) == 0).all()
    apart = (colors[:, None] - colors[None]).abs().sum(2)
    apart.fill_diagonal_(9)
    for k in range(10):
        assert int(apart[k].argmin()) in ((k - 1) % 10, (k + 1) % 10)


def test_binary_sprites_are_the_halves_of_the_coverage() -> None:
    codes = draw(Sprites(), 30, torch.Generator().manual_seed(0))
    binary = Sprites(binary=True).render(codes)
    assert set(binary.unique().tolist()) == {0, 1}
    assert torch.equal(binary == 1, Sprites().render(codes) >= 0.5)


def _box(ink: Tensor) -> tuple[Tensor, Tensor]:
    """Width and height of the ink in pixels."""
    across, down = ink.amax(1), ink.amax(2)
    return across.sum(1), down.sum(1)


@pytest.mark.parametrize("digit", range(10))
def test_a_digit_obeys_its_factors(digit: int) -> None:
    digits = StrokeDigits(64)
    plain = torch.tensor([digit, 2, 2, 0, 4, 6])
    mass = moments(digits.render(sweep(digits, plain, "thickness"))[:, 0])[0]
    assert rises(mass)
    height = _box(digits.render(sweep(digits, plain, "scale"))[:, 0])[1]
    assert rises(height)
    assert height[-1] / height[0] == pytest.approx((0.68 + 0.096) / (0.4 + 0.096), abs=0.05)
    mixed = moments(digits.render(sweep(digits, plain, "slant"))[:, 0])[3]
    assert rises(-mixed)
    turned = digits.render(sweep(digits, plain, "rotation"))
    angles = torch.deg2rad(torch.arange(-40.0, 41, 10))
    cos, sin, zero = angles.cos(), angles.sin(), torch.zeros(9)
    back = torch.stack([cos, -sin, zero, sin, cos, zero], dim=1).reshape(9, 2, 3)
    upright = F.grid_sample(turned, F.affine_grid(back, [9, 1, 64, 64], False), align_corners=False)
    assert (upright - turned[4]).abs().mean((1, 2, 3)).max() < 0.02
    assert (turned[::8] - turned[4]).abs().mean((1, 2, 3)).min() > 0.05


def test_hands_are_plain_first_then_stray_within_bounds() -> None:
    forms = pieces(HANDS)
    stray = (forms[:, 1:] - forms[:, :1]).abs()
    assert stray.amax() < 0.13
    assert (stray.amax((2, 3)) > 0.02).all()
    for digit in (0, 8):
        ink = StrokeDigits(64).render(torch.tensor([[digit, 2, 2, 0, 4, 6]]))
        assert torch.allclose(ink, ink.flip(-1), atol=1e-4)


def test_digits_can_be_told_apart() -> None:
    digits = StrokeDigits(16)
    rng = torch.Generator().manual_seed(0)
    codes = draw(digits, 4000, rng)
    codes[:, 4] = codes[:, 4] % 3 + 3  # Up to ten degrees to each side.
    codes[:, 5] = codes[:, 5] % 3 + 6
    ink = digits.render(codes).flatten(1).double()
    inputs = torch.cat([ink, torch.ones(len(ink), 1, dtype=torch.float64)], dim=1)
    wanted = F.one_hot(codes[:, 0], 10).double()
    train, test = slice(0, 3000), slice(3000, None)
    gram = inputs[train].T @ inputs[train] + torch.eye(inputs.shape[1], dtype=torch.float64)
    weights = torch.linalg.solve(gram, inputs[train].T @ wanted[train])
    right = (inputs[test] @ weights).argmax(1) == codes[test, 0]
    assert right.double().mean() > 0.93
