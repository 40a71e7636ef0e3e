"""Sample library, references, working sizes, PNG out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from engine.data import fashion_mnist, noto_emoji, png
from engine.data.pictures import (
    WORKING_SIDE,
    read_picture,
    resize,
    resolve,
    samples,
    working_size,
    write_png,
)
from engine.method import BadInput


def is_small(name: str) -> bool:
    return name.startswith(("emoji-", "clothing-"))


def test_samples_are_really_there_and_photographs() -> None:
    library = {name: sample for name, sample in samples().items() if not is_small(name)}
    assert {"astronaut", "coffee", "chelsea", "rocket"} <= set(library)
    assert next(iter(samples())) == "astronaut"
    shades = [sample.gray for sample in library.values()]
    assert shades == sorted(shades), "color pictures come first"
    for name, sample in library.items():
        picture = read_picture(resolve(f"sample:{name}"))
        assert min(picture.height, picture.width) >= 300
        assert picture.gray == sample.gray
        assert not picture.alpha
        # A photograph has many shades; a drawing has few.
        assert len(np.unique((picture.array * 255).round())) > 100
        assert sample.title
        assert sample.credit


def test_small_samples_have_the_size_of_the_small_networks() -> None:
    library = {name: sample for name, sample in samples().items() if is_small(name)}
    assert sum(name.startswith("emoji-") for name in library) == 6
    assert sum(name.startswith("clothing-") for name in library) == 6
    for name, sample in library.items():
        picture = read_picture(resolve(f"sample:{name}"))
        assert (picture.height, picture.width) == (32, 32)
        assert picture.gray == sample.gray == (not name.startswith("emoji-"))
        assert "license" in sample.credit.lower()
    folder = next(iter(library.values())).path.parent
    assert "SIL OPEN FONT LICENSE" in (folder / "emoji-OFL.txt").read_text()
    assert "MIT License" in (folder / "clothing-MIT.txt").read_text()


def test_small_samples_are_held_back_from_training() -> None:
    shared = Path(__file__).resolve().parents[4] / "shared" / "data"
    if not (shared / "noto_emoji").is_dir():
        pytest.skip("the data are not here")
    held = {
        "emoji": noto_emoji.held_back(shared / "noto_emoji"),
        "clothing": fashion_mnist.held_back(shared / "fashion_mnist"),
    }
    for name, sample in samples().items():
        if is_small(name):
            pixels = np.atleast_3d(np.asarray(Image.open(sample.path))).transpose(2, 0, 1)
            picture = torch.from_numpy(pixels.copy()).float() / 255
            assert (held[name.split("-")[0]] == picture).all((1, 2, 3)).any(), name


def test_resolve() -> None:
    assert resolve("sample:coffee") == samples()["coffee"].path
    assert resolve("some/photo.jpg") == Path("some/photo.jpg")
    assert resolve("~/photo.jpg") == Path.home() / "photo.jpg"
    for reference, words in (("sample:lena", "samples are astronaut"), ("  ", "is not given")):
        with pytest.raises(BadInput, match=words) as caught:
            resolve(reference)
        assert caught.value.field == "picture"


def test_samples_that_are_not_installed_are_not_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    import engine.data.samples as module

    module.samples.cache_clear()
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    try:
        assert all(is_small(name) for name in samples())
        monkeypatch.setattr(module, "_ASSETS", Path("nowhere"))
        module.samples.cache_clear()
        assert samples() == {}
        with pytest.raises(BadInput, match="samples are none"):
            resolve("sample:coffee")
    finally:
        module.samples.cache_clear()


@given(st.integers(8, 6000), st.integers(8, 6000), st.integers(64, 2000))
def test_working_size(height: int, width: int, side: int) -> None:
    rows, columns, note = working_size(height, width, side)
    assert max(rows, columns) <= max(side, 8)
    assert rows <= height
    assert columns <= width
    assert (note == "") == ((rows, columns) == (height, width))
    if min(rows, columns) > 8:
        assert rows / columns == pytest.approx(height / width, rel=0.12)


def test_working_size_says_what_it_does() -> None:
    assert working_size(512, 768) == (512, 768, "")
    assert working_size(4000, 6000) == (
        512,
        WORKING_SIDE,
        "worked on at 768 × 512, reduced from 6000 × 4000",
    )


def test_resize_does_not_alias_or_leave_the_range() -> None:
    stripes = (torch.arange(60) % 2).float().expand(1, 3, 60, 60)
    small = resize(stripes, 20, 20)
    assert small.shape == (1, 3, 20, 20)
    assert float((small - 0.5).abs()[..., 2:-2].max()) < 0.1
    assert float(resize(stripes, 90, 90).max()) <= 1
    assert resize(stripes, 60, 60) is stripes


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("large", [1, png.LARGE])
def test_png_comes_back_as_it_was(
    bits: int, channels: int, large: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = 2**bits - 1
    rng = torch.Generator().manual_seed(0)
    # More rows than one block of the writer.
    whole = torch.randint(0, top + 1, (1, channels, 2 * png._ROWS + 3, 9), generator=rng)
    monkeypatch.setattr(png, "LARGE", large)
    write_png(tmp_path / "p.png", whole / top, bits)
    picture = read_picture(tmp_path / "p.png")
    assert (picture.bits, picture.gray) == (bits, channels == 1)
    found = (picture.tensor() * top).round().long()
    assert torch.equal(found, whole.expand(1, 3, -1, -1))
    assert [p.name for p in tmp_path.glob("p.*")] == ["p.png"]
    with Image.open(tmp_path / "p.png") as other:
        other.verify()


def test_png_cuts_what_is_beyond_the_range(tmp_path: Path) -> None:
    write_png(tmp_path / "p.png", torch.linspace(-1, 2, 90).reshape(1, 9, 10).double())
    values = read_picture(tmp_path / "p.png").array
    assert float(values.min()) == 0
    assert float(values.max()) == 1


@pytest.mark.parametrize(
    ("shape", "bits"), [((2, 3, 9, 9), 8), ((2, 9, 9), 8), ((9, 9), 16), ((3, 9, 9), 12)]
)
def test_png_refuses_other_shapes(shape: tuple[int, ...], bits: int, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a PNG"):
        write_png(tmp_path / "p.png", torch.zeros(shape), bits)
    assert list(tmp_path.glob("p.*")) == []


@pytest.mark.parametrize("bits", [8, 16])
def test_a_failed_write_leaves_the_old_file(bits: int, tmp_path: Path) -> None:
    path = tmp_path / "p.png"
    path.write_bytes(b"old")
    with pytest.raises(ValueError, match="not finite"):
        write_png(path, torch.full((3, 9, 9), float("nan")), bits)
    with pytest.raises(OSError, match="nowhere"):
        write_png(tmp_path / "nowhere" / "p.png", torch.zeros(3, 9, 9), bits)
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.glob("p.*")] == ["p.png"]
