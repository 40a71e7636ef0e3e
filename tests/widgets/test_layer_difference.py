"""Pictures at halved sizes, and difference maps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from widgets.image_view import difference
from widgets.image_view.layer import PictureLayer, checked_pixels
from widgets.image_view.model import StageModel


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_a_right_array_is_used_as_it_is_and_gray_becomes_three_channels():
    pixels = noise(4, 5)
    assert checked_pixels(pixels, "a") is pixels
    gray = pixels[..., 0]
    assert (checked_pixels(gray, "a") == gray[..., None]).all()
    assert checked_pixels(pixels[:, ::2], "a").flags.c_contiguous


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.zeros((4, 4, 3), np.float32), "picture a: uint8 array expected, got float32"),
        ([[1]], "picture a: uint8 array expected, got list"),
        (np.zeros((4, 4, 2), np.uint8), "shape .height, width, 3. expected, got .4, 4, 2."),
        (np.zeros((0, 4, 3), np.uint8), "shape .height, width, 3. expected, got .0, 4, 3."),
        (np.zeros(4, np.uint8), "shape"),
    ],
)
def test_other_arrays_are_refused_with_a_reason(array, said):
    with pytest.raises(ValueError, match=said):
        checked_pixels(array, "a")


def test_images_have_the_pixels_of_the_array(qapp):
    pixels = noise(5, 7)
    image = PictureLayer("a", pixels, "A", 1).image()
    for row in range(5):
        for column in range(7):
            color = image.pixelColor(column, row)
            assert (color.red(), color.green(), color.blue()) == tuple(pixels[row, column])


def test_halvings_are_means_of_four_pixels(qapp):
    pixels = noise(64, 96)
    layer = PictureLayer("a", pixels, "A", 1)
    mean = pixels.reshape(32, 2, 48, 2, 3).mean(axis=(1, 3))
    assert np.abs(layer.array(1).astype(float) - mean).max() <= 1
    assert layer.array(0) is pixels
    assert layer.array(3).shape == (8, 12, 3)


@given(st.floats(1e-3, 64))
def test_no_more_than_a_factor_of_two_is_left_to_shrink(zoom):
    layer = PictureLayer("a", np.zeros((2000, 3000, 3), np.uint8), "A", 1)
    level = layer.level_for(zoom)
    assert zoom * 2**level > 0.5 - 1e-6 or 2 ** (level + 1) > 2000
    assert level == 0 or zoom <= 0.5


def test_difference_values_are_exact():
    left = np.array([[[0, 0, 0], [255, 255, 255], [10, 20, 30]]], np.uint8)
    right = np.array([[[255, 255, 255], [0, 0, 0], [20, 10, 30]]], np.uint8)
    assert difference.values(left, right, "signed").tolist() == [[1.0, -1.0, 0.0]]
    assert difference.values(left, right, "absolute")[0, 2] == pytest.approx(20 / 765)


@given(st.integers(-255, 255), st.sampled_from(difference.SCALES))
def test_the_map_shows_the_color_of_the_value(step, scale):
    left = np.full((1, 1, 3), max(0, -step), np.uint8)
    right = np.full((1, 1, 3), max(0, step), np.uint8)
    for kind in ("signed", "absolute"):
        word = int(difference.picture(left, right, kind, scale)[0, 0])
        value = step if kind == "signed" else abs(step)
        expected = difference.colors(kind, np.array([value / 255 / scale]))[0]
        assert [word >> 16 & 255, word >> 8 & 255, word & 255] == expected.tolist()


@pytest.mark.parametrize("kind", ["signed", "absolute"])
def test_maps_grow_lighter_with_the_size_of_the_difference(kind):
    weights = np.array([0.2126, 0.7152, 0.0722])
    for sign in (1, -1) if kind == "signed" else (1,):
        colors = difference.colors(kind, sign * np.linspace(0, 1, 50)).astype(float)
        light = ((colors / 255) ** 2.2) @ weights
        assert (np.diff(light) > 0).all()


def test_signed_ends_differ_for_color_blind_eyes():
    """Blue against orange: the blue channel, which red-green blindness leaves alone, decides."""
    low, high = difference.colors("signed", np.array([-0.5, 0.5])).astype(int)
    assert low[2] - high[2] > 150


def test_the_automatic_scale_holds_the_values_and_does_not_flicker():
    left = np.full((50, 50, 3), 100, np.uint8)
    right = left + np.uint8(20)
    scale = difference.automatic_scale(left, right, "signed")
    assert scale == 0.1
    assert difference.automatic_scale(left, left + np.uint8(10), "signed", 0.1) == 0.1
    assert difference.automatic_scale(left, left + np.uint8(3), "signed", 0.1) == 0.02
    assert difference.automatic_scale(left, left + np.uint8(100), "signed", 0.1) == 0.5
    assert difference.automatic_scale(left, left, "absolute") == 0.02


def test_pictures_of_two_sizes_are_compared_at_the_larger():
    small = np.arange(4, dtype=np.uint8).reshape(2, 2, 1).repeat(3, axis=2)
    large = difference.same_size(small, 4, 4)
    assert large[..., 0].tolist() == [[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 3, 3], [2, 2, 3, 3]]


def test_the_model_falls_back_to_what_can_be_shown():
    model = StageModel()
    assert model.effective_mode() == "single"
    assert model.pane_keys() == []
    model.put("damaged", noise(4, 4), None)
    assert model.pane_keys() == ["damaged"]
    assert model.layers["damaged"].title == "damaged"
    model.put("restored", noise(4, 4, 1), "Restored")
    assert model.effective_mode() == "wipe"
    model.put("restored", noise(4, 4, 2), None)
    assert model.layers["restored"].title == "Restored"
    model.pair = ("damaged", "clean")
    assert model.effective_mode() == "single"
    assert model.pane_keys() == ["damaged"]


def test_readings_of_a_small_picture_name_its_own_pixels():
    model = StageModel()
    model.put("small", noise(2, 3), "Small")
    model.put("large", noise(4, 6, 1), "Large")
    assert model.frame == (6, 4)
    reading = model.reading("small", 3.5, 2.2)
    assert (reading.x, reading.y) == (1, 1)
    assert reading.rgb == tuple(noise(2, 3)[1, 1])
    assert model.reading("large", -0.1, 0) is None
    assert model.reading("large", 6.0, 0) is None


def test_a_reading_of_the_difference_has_signs():
    model = StageModel()
    model.put("a", np.full((2, 2, 3), 100, np.uint8), "A")
    model.put("b", np.full((2, 2, 3), 90, np.uint8), "B")
    model.mode = "difference"
    reading = model.reading("b", 0.5, 0.5)
    assert reading.values == pytest.approx((-10 / 255,) * 3)
    assert reading.text_255() == "−10 −10 −10 / 255"
    assert reading.title == "B − A"


# Numbers in false colors.


def rgb(words):
    """0xffRRGGBB (H, W) as (H, W, 3)."""
    return np.stack([words >> shift & 255 for shift in (16, 8, 0)], axis=-1).astype(int)


def numbers_model(numbers, **how):
    model = StageModel()
    given = {"title": "Spread", "unit": "V", "kind": "absolute", **how}
    model.put_numbers("n", np.asarray(numbers, np.float32), **given)
    return model


@pytest.mark.parametrize(
    ("largest", "end"),
    [(0.0, 1.0), (0.003, 0.005), (0.012, 0.02), (0.1, 0.1), (0.11, 0.2), (0.6, 1.0), (7.0, 10.0)],
)
def test_the_end_of_a_scale_is_a_round_number_above_nearly_all(largest, end):
    assert difference.end_for(np.full((20, 20), largest)) == end
    one_astray = np.full((20, 20), largest)
    one_astray[3, 4] = 99.0
    assert difference.end_for(one_astray) == end


def test_a_scale_follows_the_numbers_and_does_not_flicker():
    model = numbers_model(np.full((8, 8), 0.15))
    ends = [model.layers["n"].end]
    for largest in (0.08, 0.05, 0.19, 0.3):
        numbers = np.full((8, 8), largest, np.float32)
        model.put_numbers("n", numbers, "Spread", "V", "absolute")
        ends.append(model.layers["n"].end)
    # 0.08 is not yet less than a third of 0.2.
    assert ends == [0.2, 0.2, 0.05, 0.2, 0.5]


def test_numbers_have_the_colors_of_their_scale():
    seen = rgb(difference.false_colors(np.array([[0.0, 0.1], [0.2, 5.0]]), "absolute", 0.2))
    told = difference.colors("absolute", np.array([0.0, 0.5, 1.0, 1.0])).reshape(2, 2, 3)
    assert np.abs(seen - told).max() <= 1
    seen = rgb(difference.false_colors(np.array([[-0.2, 0.0, 0.2]]), "signed", 0.2))
    assert (seen == difference.colors("signed", np.array([-1.0, 0.0, 1.0]))[None]).all()


@pytest.mark.parametrize("kind", ["signed", "absolute"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_numbers_of_every_size_are_between_the_colors_of_their_neighbors(kind, dtype):
    numbers = np.linspace(-3, 3, 601).reshape(1, -1).astype(dtype)
    share = np.clip(numbers[0].astype(float) / 2.5, -1.0, 1.0)
    told = difference.colors(kind, share if kind == "signed" else np.maximum(share, 0.0))
    seen = rgb(difference.false_colors(numbers, kind, 2.5))[0]
    assert np.abs(seen - told).max() <= 2
    # The largest of its kind beside the smallest end.
    largest = np.array([[np.finfo(dtype).max]], dtype)
    ends = rgb(difference.false_colors(largest, kind, 1e-3))[0, 0]
    assert (ends == difference.colors(kind, np.array([1.0]))[0]).all()


def test_only_the_numbers_that_are_drawn_are_colored(qapp, monkeypatch):
    colored = []
    plain = difference.false_colors

    def counted(numbers, kind, end):
        colored.append(numbers.shape)
        return plain(numbers, kind, end)

    monkeypatch.setattr(difference, "false_colors", counted)
    rows, columns = np.mgrid[:48, :80]
    model = numbers_model(rows + columns)
    layer = model.layers["n"]
    image = layer.image(layer.level_for(0.25))
    assert (image.width(), image.height()) == (20, 12)
    assert colored == [(12, 20)]
    # The picture is that of the middles of the squares.
    assert (layer.array(2) == layer.pixels[2::4, 2::4]).all()
    colored.clear()
    reading = model.reading("n", 7.5, 3.5)
    assert reading.rgb == tuple(layer.pixels[3, 7])
    assert colored == [(1, 1)]


@pytest.mark.parametrize("shape", [(7, 5), (5, 1000), (1, 1), (33, 17)])
def test_numbers_and_pictures_are_halved_to_the_same_sizes(qapp, shape):
    numbers = numbers_model(np.ones(shape)).layers["n"]
    picture = PictureLayer("a", np.zeros((*shape, 3), np.uint8), "A", 1)
    for level in range(numbers.level_for(1e-3) + 1):
        assert numbers.image(level).size() == picture.image(level).size()
        assert numbers.array(level).shape == picture.array(level).shape


@pytest.mark.parametrize("astray", [np.nan, np.inf, -np.inf])
def test_numbers_of_which_some_or_all_are_not_finite_are_drawn(qapp, astray):
    model = numbers_model(np.full((8, 8), astray))
    assert model.layers["n"].end == 1.0
    values = np.full((8, 8), -0.15)
    values[0, 0] = astray
    model = numbers_model(values, kind="signed")
    assert model.layers["n"].end == 0.2
    told = difference.colors("signed", np.nan_to_num([astray], posinf=1.0, neginf=-1.0))[0]
    seen = model.layers["n"].pixels[0, 0]
    assert (seen == told).all()


def test_a_number_is_read_out_with_its_unit():
    model = numbers_model([[0.0, 0.031], [0.0625, 0.1]])
    reading = model.reading("n", 1.5, 0.5)
    assert reading.number == reading.text_255() == "0.031 V"
    signed = numbers_model([[-0.02, 0.02]], kind="signed")
    assert signed.reading("n", 0.5, 0.5).number == "−0.0200 V"


@pytest.mark.parametrize(
    ("number", "read"),
    [(0.00187, "0.00187"), (4.56e-4, "0.000456"), (-1e-12, "−1e−12"), (7.891e-9, "7.89e−09")],
)
def test_tiny_numbers_are_read_out_to_three_digits(number, read):
    assert numbers_model([[number]], unit="").reading("n", 0.5, 0.5).number == read


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.zeros((4, 4), np.uint8), "numbers n: floating array expected, got uint8"),
        (np.zeros((4, 4, 3), np.float32), "shape .height, width. expected, got .4, 4, 3."),
    ],
)
def test_what_are_no_numbers_is_refused(array, said):
    with pytest.raises(ValueError, match=said):
        StageModel().put_numbers("n", array, "N", "", "absolute")
