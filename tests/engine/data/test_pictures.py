"""Every kind of picture comes to the float RGB it shows, with notes on what was done."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from picture_files import chunk, encode, noise, png, tiff, write
from PIL import Image, ImageCms, PngImagePlugin

from engine.data.pictures import from_array, from_bytes, read_painted, read_picture
from engine.method import BadInput


def rgb(samples: np.ndarray) -> np.ndarray:
    """Gray or color samples as float RGB in [0, 1], in float64."""
    unit = samples / np.iinfo(samples.dtype).max
    return np.broadcast_to(unit, (*unit.shape[:2], 3))


def on_white(samples: np.ndarray) -> np.ndarray:
    unit = samples / np.iinfo(samples.dtype).max
    laid = unit[..., :-1] * unit[..., -1:] + 1 - unit[..., -1:]
    return np.broadcast_to(laid, (*laid.shape[:2], 3))


def close(found: np.ndarray, expected: np.ndarray) -> None:
    assert found.dtype == np.float32
    assert found.flags.c_contiguous
    np.testing.assert_allclose(found, expected, atol=2e-7)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "BMP"])
def test_eight_bit_color(kind: str, tmp_path: Path) -> None:
    samples = noise(9, 14, 3)
    options = {"lossless": True} if kind == "WEBP" else {}
    path = write(tmp_path / "p.any", encode(Image.fromarray(samples), kind, **options))
    picture = read_picture(path)
    close(picture.array, rgb(samples))
    assert (picture.height, picture.width) == (9, 14)
    assert (picture.format, picture.bits) == (kind, 8)
    assert not picture.gray
    assert not picture.alpha
    assert picture.notes == []
    assert tuple(picture.tensor().shape) == (1, 3, 9, 14)
    assert np.array_equal(picture.tensor()[0, 1].numpy(), picture.array[..., 1])


def test_jpeg(tmp_path: Path) -> None:
    smooth = np.linspace(0, 255, 16 * 24 * 3).reshape(16, 24, 3).astype(np.uint8)
    picture = read_picture(write(tmp_path / "p.jpg", encode(Image.fromarray(smooth), "JPEG")))
    np.testing.assert_allclose(picture.array, rgb(smooth), atol=0.04)
    assert picture.format == "JPEG"


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("channels", [1, 2, 4])
def test_gray_and_transparent(kind: str, channels: int, tmp_path: Path) -> None:
    samples = noise(8, 11, channels)
    image = Image.fromarray(samples.squeeze(-1) if channels == 1 else samples)
    picture = read_picture(write(tmp_path / "p", encode(image, kind)))
    close(picture.array, rgb(samples) if channels == 1 else on_white(samples))
    assert picture.gray == (channels < 3)
    assert picture.alpha == (channels in (2, 4))
    assert picture.notes == (["its transparency is laid on white"] if channels in (2, 4) else [])


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_all_sixteen_bits_of_a_png(channels: int, tmp_path: Path) -> None:
    samples = noise(11, 9, channels, dtype=np.uint16)
    picture = read_picture(write(tmp_path / "p.png", png(samples)))
    close(picture.array, rgb(samples) if channels in (1, 3) else on_white(samples))
    assert picture.bits == 16


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_all_sixteen_bits_of_a_tiff(
    order: str, compression: str | None, channels: int, tmp_path: Path
) -> None:
    samples = noise(12, 17, channels, dtype=np.uint16)
    tifffile.imwrite(
        tmp_path / "p.tif",
        samples.squeeze(-1) if channels == 1 else samples,
        photometric="rgb" if channels > 1 else "minisblack",
        extrasamples=["unassalpha"] if channels == 4 else None,
        compression=compression,
        byteorder=order,
    )
    picture = read_picture(tmp_path / "p.tif")
    close(picture.array, on_white(samples) if channels == 4 else rgb(samples))
    assert picture.bits == 16


def test_sixteen_bit_tiff_by_planes_and_gray_with_alpha(tmp_path: Path) -> None:
    planes = noise(3, 12, 17, dtype=np.uint16)
    tifffile.imwrite(tmp_path / "p.tif", planes, photometric="rgb", planarconfig="separate")
    close(read_picture(tmp_path / "p.tif").array, rgb(np.moveaxis(planes, 0, -1)))
    pair = noise(12, 17, 2, dtype=np.uint16)
    tifffile.imwrite(
        tmp_path / "q.tif",
        pair,
        photometric="minisblack",
        extrasamples=["unassalpha"],
        planarconfig="contig",
    )
    close(read_picture(tmp_path / "q.tif").array, on_white(pair))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_tiff_whose_white_is_zero(dtype: type, tmp_path: Path) -> None:
    samples = noise(9, 8, dtype=dtype)
    tifffile.imwrite(tmp_path / "p.tif", samples, photometric="miniswhite")
    close(read_picture(tmp_path / "p.tif").array, 1 - rgb(samples[..., None]))


def test_premultiplied_colors_are_not_multiplied_again(tmp_path: Path) -> None:
    for dtype in (np.uint8, np.uint16):
        samples = noise(9, 8, 4, dtype=dtype)
        samples[..., :3] = np.minimum(samples[..., :3], samples[..., 3:])
        tifffile.imwrite(
            tmp_path / "p.tif", samples, photometric="rgb", extrasamples=["assocalpha"]
        )
        unit = samples / np.iinfo(dtype).max
        close(read_picture(tmp_path / "p.tif").array, unit[..., :3] + 1 - unit[..., 3:])


def test_premultiplied_gray(tmp_path: Path) -> None:
    samples = noise(9, 8, 2)
    samples[..., 0] = samples.min(axis=-1)
    tifffile.imwrite(
        tmp_path / "p.tif",
        samples,
        photometric="minisblack",
        extrasamples=["assocalpha"],
        planarconfig="contig",
    )
    unit = samples / 255
    laid = unit[..., :1] + 1 - unit[..., 1:]
    close(read_picture(tmp_path / "p.tif").array, np.broadcast_to(laid, (9, 8, 3)))


def test_twelve_bits_span_black_to_white(tmp_path: Path) -> None:
    values = np.linspace(0, 4095, 8 * 10).astype(np.uint16).reshape(8, 10)
    pairs = values.reshape(-1, 2).astype(np.uint32)
    packed = (pairs[:, 0] << 12) | pairs[:, 1]
    body = b"".join(int(word).to_bytes(3, "big") for word in packed)
    data = tiff({256: 10, 257: 8, 258: 12, 262: 1, 278: 8}, body)
    picture = read_picture(write(tmp_path / "p.tif", data))
    np.testing.assert_allclose(picture.array[..., 0], values / 4095, atol=1e-4)


def test_float_tiff(tmp_path: Path) -> None:
    values = np.random.default_rng(0).random((9, 10, 3), np.float32)
    tifffile.imwrite(tmp_path / "p.tif", values, photometric="rgb")
    close(read_picture(tmp_path / "p.tif").array, values)
    tifffile.imwrite(tmp_path / "q.tif", values * 400 - 100, photometric="rgb")
    picture = read_picture(tmp_path / "q.tif")
    assert float(picture.array.min()) == 0
    assert float(picture.array.max()) == 1
    assert "are spread over black to white" in picture.notes[0]
    values[2, 3, 1] = np.nan
    tifffile.imwrite(tmp_path / "r.tif", values, photometric="rgb")
    with pytest.raises(BadInput, match="not finite"):
        read_picture(tmp_path / "r.tif")


def test_palette_bilevel_and_transparent_palette(tmp_path: Path) -> None:
    image = Image.fromarray(noise(9, 12, 3)).quantize(16)
    expected = np.asarray(image.convert("RGB"))
    close(read_picture(write(tmp_path / "p.png", encode(image, "PNG"))).array, rgb(expected))
    close(read_picture(write(tmp_path / "p.gif", encode(image, "GIF"))).array, rgb(expected))
    clear = read_picture(write(tmp_path / "q.png", encode(image, "PNG", transparency=0)))
    hole = np.asarray(image) == 0
    assert hole.any()
    assert (clear.array[hole] == 1).all()
    close(clear.array[~hole], rgb(expected)[~hole])
    bits = Image.fromarray(noise(9, 12) > 127)
    close(
        read_picture(write(tmp_path / "r.png", encode(bits, "PNG"))).array,
        np.broadcast_to(np.asarray(bits)[..., None], (9, 12, 3)),
    )


def test_cmyk(tmp_path: Path) -> None:
    inks = np.zeros((16, 16, 4), np.uint8)
    inks[..., 0] = 255
    image = Image.frombytes("CMYK", (16, 16), inks.tobytes())
    picture = read_picture(write(tmp_path / "p.tif", encode(image, "TIFF")))
    close(picture.array, np.broadcast_to([0.0, 1.0, 1.0], (16, 16, 3)))
    assert picture.notes == ["its CMYK inks are turned into RGB without a color profile"]
    jpeg = read_picture(write(tmp_path / "p.jpg", encode(image, "JPEG", quality=95)))
    np.testing.assert_allclose(jpeg.array, picture.array, atol=0.03)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "TIFF16", "PNG16"])
def test_orientation(orientation: int, kind: str, tmp_path: Path) -> None:
    """The picture is upright: dark at the left, red at the top, whatever the file's turn."""
    upright = np.zeros((16, 24, 3))
    upright[..., 1] = np.linspace(0, 1, 24)
    upright[..., 0] = np.linspace(1, 0, 16)[:, None]
    back = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}[orientation]
    moves = {
        1: lambda a: a,
        2: np.fliplr,
        3: lambda a: np.rot90(a, 2),
        4: np.flipud,
        5: lambda a: a.swapaxes(0, 1),
        6: lambda a: np.rot90(a, -1),
        7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
        8: lambda a: np.rot90(a, 1),
    }
    stored = np.ascontiguousarray(moves[back](upright))
    path = tmp_path / "p"
    exif = Image.Exif()
    exif[274] = orientation
    if kind == "TIFF16":
        tag = [(274, 3, 1, orientation, True)]
        deep = (stored * 65535).astype(np.uint16)
        tifffile.imwrite(path, deep, photometric="rgb", extratags=tag)
    elif kind == "PNG16":
        block = chunk(b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0"))
        write(path, png((stored * 65535).astype(np.uint16), between=block))
    else:
        options = {"JPEG": {"quality": 98, "subsampling": 0}, "WEBP": {"lossless": True}}
        image = Image.fromarray((stored * 255).astype(np.uint8))
        write(path, encode(image, kind, exif=exif, **options.get(kind, {})))
    picture = read_picture(path)
    np.testing.assert_allclose(picture.array, upright, atol=0.03)
    turned = ["turned upright as its EXIF orientation says"]
    assert picture.notes == (turned if orientation > 1 else [])


def test_a_color_profile_is_ignored_and_said_unless_it_is_what_is_assumed(tmp_path: Path) -> None:
    samples = noise(9, 9, 3)
    image = Image.fromarray(samples)
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture = read_picture(write(tmp_path / "p.png", encode(image, "PNG", icc_profile=srgb)))
    close(picture.array, rgb(samples))
    assert picture.notes == []
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    picture = read_picture(write(tmp_path / "q.jpg", encode(image, "JPEG", icc_profile=lab)))
    assert picture.notes == ["its color profile is ignored; sRGB is assumed"]


def test_several_pictures_in_one_file(tmp_path: Path) -> None:
    first, second = (Image.fromarray(noise(9, 9, 3, seed=s)) for s in (1, 2))
    for kind in ("TIFF", "GIF", "WEBP", "PNG"):
        data = encode(first, kind, save_all=True, append_images=[second], lossless=True)
        picture = read_picture(write(tmp_path / kind, data))
        assert picture.notes == ["the first of its 2 pictures is used"]


def test_metadata_of_any_kind_does_no_harm(tmp_path: Path) -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "x" * 5000)
    samples = noise(9, 9, 3)
    data = encode(Image.fromarray(samples), "PNG", pnginfo=info, exif=b"Exif\0\0nonsense")
    close(read_picture(write(tmp_path / "p.png", data)).array, rgb(samples))


@given(st.integers(8, 20), st.integers(8, 20), st.integers(1, 4), st.sampled_from([8, 16]))
def test_any_size_and_kind_of_png(height: int, width: int, channels: int, bits: int) -> None:
    dtype = np.uint8 if bits == 8 else np.uint16
    samples = noise(height, width, channels, dtype=dtype, seed=height * width)
    picture = from_bytes(png(samples, bits))
    close(picture.array, rgb(samples) if channels in (1, 3) else on_white(samples))


def test_pasted_bytes_and_arrays_are_read_alike() -> None:
    samples = noise(9, 12, 4)
    by_bytes = from_bytes(encode(Image.fromarray(samples), "PNG"))
    by_array = from_array(samples)
    assert np.array_equal(by_bytes.array, by_array.array)
    close(from_array(samples[..., 0]).array, rgb(samples[..., :1]))
    close(from_array(rgb(samples[..., :3])).array, rgb(samples[..., :3]))
    close(from_array(np.eye(9, dtype=bool)).array, np.broadcast_to(np.eye(9)[..., None], (9, 9, 3)))


@pytest.mark.parametrize("shape", [(9,), (9, 9, 5), (9, 9, 0), (1, 9, 9, 3), (0, 9, 3), (9, 2)])
def test_an_array_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(BadInput) as caught:
        from_array(np.zeros(shape, np.uint8))
    assert caught.value.field == "picture"


def test_a_painted_mask_is_white_where_missing(tmp_path: Path) -> None:
    painted = np.zeros((9, 12), np.uint8)
    painted[2:5, 3:7] = 255
    gray = write(tmp_path / "g.png", encode(Image.fromarray(painted), "PNG"))
    assert np.array_equal(read_painted(gray).numpy(), painted / 255)
    clear = np.stack([np.full_like(painted, 255)] * 3 + [painted], axis=-1)
    buffer = io.BytesIO()
    Image.fromarray(clear).save(buffer, "PNG")
    assert np.allclose(read_painted(write(tmp_path / "c.png", buffer.getvalue())), painted / 255)
    with pytest.raises(BadInput, match=r"mask 'none\.png' does not exist") as caught:
        read_painted(tmp_path / "none.png")
    assert caught.value.field == "mask"
