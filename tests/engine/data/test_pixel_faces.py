"""Each factor of a face does what its title says; an identity is kept and is one's own."""

import pytest
import torch
from torch import Tensor

from engine.data.face_parts import Head
from engine.data.factors import draw, position, sweep
from engine.data.pixel_faces import IDENTITY, PEOPLE, PixelFaces
from engine.method import BadInput

FACES = PixelFaces()
NAMES = [factor.name for factor in FACES.factors]
#: Upright, light from the front, no glasses, no beard.
PLAIN = torch.tensor([2, 0, 1, 2, 1, 3, 2, 2, 0, 0, 2, 3, 2, 0])


def _code(**values: int) -> Tensor:
    code = PLAIN.clone()
    for name, value in values.items():
        code[NAMES.index(name)] = value
    return code


def _sweep(name: str, **values: int) -> Tensor:
    return FACES.render(sweep(FACES, _code(**values), name))


@pytest.mark.parametrize(
    ("name", "top", "bottom", "left", "right"),
    [
        ("eye_gap", 9, 19, 8, 24),
        ("eye_size", 12, 19, 8, 24),
        ("eye_color", 13, 18, 9, 23),
        ("brows", 8, 15, 8, 24),
        ("mouth", 21, 26, 11, 21),
        ("beard", 16, 29, 6, 26),
        ("glasses", 12, 19, 4, 28),
    ],
)
def test_features_change_their_own_place_only(
    name: str, top: int, bottom: int, left: int, right: int
) -> None:
    pictures = _sweep(name)
    touched = (pictures - pictures[:1]).abs().amax((0, 1)) > 0
    assert touched.any()
    touched[top:bottom, left:right] = False
    assert not touched.any()


def test_the_background_is_behind_everything() -> None:
    pictures = _sweep("background")
    touched = (pictures - pictures[:1]).abs().amax((0, 1)) > 0
    assert touched[0].all()
    assert not touched[8:26, 11:21].any()
    flat = pictures[:, :, 0, 0]
    assert (pictures[:, :, 0] == flat[:, :, None]).all()


def test_skin_darkens() -> None:
    cheek = _sweep("skin")[:, :, 19, 10].sum(1)
    assert (cheek.diff() < -0.1).all()


def test_heads_widen() -> None:
    pictures = _sweep("head_width", background=4)
    back = pictures[:, :, :1, :1]
    wide = ((pictures - back).abs().amax(1)[:, 16] > 0.05).sum(1)
    assert (wide.diff() >= 0).all()
    assert wide[-1] - wide[0] >= 5


def test_heads_tilt_from_left_to_right_around_the_neck() -> None:
    pictures = _sweep("tilt")
    changed = (pictures - pictures[:, :, :1, :1]).abs().amax(1) > 0.05
    at = torch.arange(32.0)
    top = (changed[:, 6:10] * at).sum((1, 2)) / changed[:, 6:10].sum((1, 2))
    assert (top.diff() > 0.4).all()
    assert top[3] == pytest.approx(15.5, abs=0.2)
    # A tilt to the other side mirrors a face that is lit from the front.
    assert (pictures - pictures.flip(0, 3)).abs().max() < 1e-3


def test_the_light_moves_from_left_to_right() -> None:
    face = _sweep("light")[:, :, 11:25, 9:23].sum(1)
    left, right = face[..., :7].mean((1, 2)), face[..., 7:].mean((1, 2))
    assert ((right - left).diff() > 0).all()
    assert (right - left)[2].abs() < 1e-3


def test_a_glad_mouth_has_raised_corners() -> None:
    red = _sweep("mouth", skin=0)
    lips = (red[:, 0] - red[:, 1])[:, 21:26, 11:21].clamp(min=0.1) - 0.1
    height = torch.arange(5.0)[:, None]
    corners = lips[..., [0, 1, 2, 7, 8, 9]]
    middle = lips[..., 4:6]
    sink = (corners * height).sum((1, 2)) / corners.sum((1, 2))
    sink -= (middle * height).sum((1, 2)) / middle.sum((1, 2))
    assert (sink.diff() < 0).all()
    assert sink[0] > 0 > sink[-1]


def test_eyes_open_and_part() -> None:
    white = _sweep("eye_size", eye_color=0, skin=5)[:, :, 12:19].amin(1) > 0.5
    assert (white.sum((1, 2)).diff() > 0).all()
    right = _sweep("eye_gap", eye_color=0, skin=5)[:, :, 12:19, 16:].amin(1).clamp(min=0.5) - 0.5
    place = (right * torch.arange(16.0)).sum((1, 2)) / right.sum((1, 2))
    assert (place.diff() > 0.15).all()
    assert place[-1] - place[0] > 1.5


def test_windows_cut_nothing_off(monkeypatch: pytest.MonkeyPatch) -> None:
    codes = draw(FACES, 300, torch.Generator().manual_seed(0))
    pictures = FACES.render(codes)
    monkeypatch.setattr(Head, "near", lambda head, wide, top, bottom: head)
    assert torch.equal(FACES.render(codes), pictures)


def test_an_identity_keeps_its_factors_and_leaves_the_rest_free() -> None:
    kept = FACES.identity(7)
    assert tuple(kept) == IDENTITY
    codes = draw(FACES, 400, torch.Generator().manual_seed(0), kept)
    for name in NAMES:
        seen = codes[:, position(FACES, name)].unique()
        if name in kept:
            assert seen.tolist() == [kept[name]]
        else:
            assert len(seen) == FACES.factors[position(FACES, name)].values


def test_no_two_people_are_one() -> None:
    people = torch.tensor([list(FACES.identity(k).values()) for k in range(600)])
    differing = (people[:, None] != people[None]).sum(2)
    differing.fill_diagonal_(9)
    assert differing.min() >= 3
    assert differing[:48, :48].min() >= 4
    for column, name in enumerate(IDENTITY):
        values = FACES.factors[position(FACES, name)].values
        share = torch.bincount(people[:24, column], minlength=values) / 24 * values
        assert (share - 1).abs().max() < 0.7
    everyone = {tuple(FACES.identity(k).values()) for k in range(0, PEOPLE, 16)}
    assert len(everyone) == PEOPLE // 16


def test_people_who_do_not_exist_are_refused() -> None:
    for number in (-1, PEOPLE):
        with pytest.raises(BadInput, match=f"identity is {number}; it must be 0 to 345599"):
            FACES.identity(number)
