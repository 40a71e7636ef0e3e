"""Files that are no pictures: one clear line each, whatever the bytes are."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from picture_files import chunk, encode, noise, png, tiff, write
from PIL import Image

from engine.data.pictures import MAX_BYTES, from_bytes, read_picture
from engine.method import BadInput


def refused(path: Path, words: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_picture(path)
    line = str(caught.value)
    assert caught.value.field == "picture"
    assert line.startswith(f"picture {path.name!r} ")
    assert words in line
    assert "\n" not in line
    assert len(line) < 160


def valid(kind: str) -> bytes:
    samples = noise(40, 50, 3)
    if kind == "PNG16":
        return png(noise(40, 50, 3, dtype=np.uint16))
    options = {"TIFF-deflate": {"compression": "tiff_adobe_deflate"}}
    return encode(Image.fromarray(samples), kind.split("-")[0], **options.get(kind, {}))


KINDS = ["PNG", "PNG16", "JPEG", "WEBP", "TIFF", "TIFF-deflate", "BMP", "GIF"]


def test_missing(tmp_path: Path) -> None:
    refused(tmp_path / "gone.png", "does not exist")
    refused(tmp_path / "gone" / "gone.png", "does not exist")


def test_folder(tmp_path: Path) -> None:
    refused(tmp_path, "is a folder")


def test_empty(tmp_path: Path) -> None:
    refused(write(tmp_path / "empty.png", b""), "is empty")
    with pytest.raises(BadInput, match="is empty"):
        from_bytes(b"")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are a Unix thing")
def test_a_pipe_does_not_wait_forever(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    refused(tmp_path / "pipe.png", "is not a regular file")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all")
def test_forbidden(tmp_path: Path) -> None:
    path = write(tmp_path / "secret.png", valid("PNG"))
    path.chmod(0)
    refused(path, "cannot be opened")


@pytest.mark.parametrize("name", ["x" * 400 + ".png", "a\0b.png"])
def test_a_name_that_no_file_can_have(name: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_picture(name)
    assert "\n" not in str(caught.value)
    assert "\0" not in str(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        b"hello, I am a text file\n" * 20,
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%PDF-1.7\n%....",
        b"PK\x03\x04" + bytes(100),
        b"\x7fELF" + bytes(500),
        bytes(1000),
        b"\xff",
        b"P6 9 9 255\n" + bytes(243),
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    ],
)
def test_other_kinds_of_file(data: bytes, tmp_path: Path) -> None:
    # A name proves nothing; the last two are pictures of kinds that are not read.
    refused(write(tmp_path / "claims.png", data), "is not a PNG, JPEG, TIFF or WebP picture")


def test_a_name_proves_nothing_the_other_way(tmp_path: Path) -> None:
    path = write(tmp_path / "picture.txt", valid("JPEG"))
    assert read_picture(path).format == "JPEG"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", [0.02, 0.2, 0.5, 0.9])
def test_truncated(kind: str, part: float, tmp_path: Path) -> None:
    data = valid(kind)
    path = write(tmp_path / f"cut.{kind}", data[: max(4, round(len(data) * part))])
    refused(path, "")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_truncated_says_so(kind: str, tmp_path: Path) -> None:
    data = valid(kind)
    refused(write(tmp_path / "cut", data[: len(data) // 2]), "is cut short or damaged")


def test_bombs(tmp_path: Path) -> None:
    small = noise(9, 9, 3)
    wide = png(small, 8, size=(50_000, 50_000))
    refused(write(tmp_path / "bomb.png", wide), "at most 25 million")
    medium = png(small, 8, size=(5_001, 5_000))
    refused(write(tmp_path / "large.png", medium), "has 5000 × 5001 pixels; at most 25 million")
    tags = {256: 60_000, 257: 60_000, 258: (8, 8, 8), 262: 2, 277: 3, 278: 60_000}
    refused(write(tmp_path / "bomb.tif", tiff(tags, bytes(100))), "at most 25 million")
    # Floating-point color, which only the second reader knows.
    tags |= {256: 6_000, 257: 6_000, 258: (64, 64, 64), 339: (3, 3, 3)}
    refused(write(tmp_path / "float.tif", tiff(tags, bytes(100))), "at most 25 million")


def test_compressed_text_bomb(tmp_path: Path) -> None:
    text = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(100_000_000), 9))
    refused(write(tmp_path / "text.png", png(noise(9, 9, 3), 8, between=text)), "damaged")


def test_a_file_of_too_many_bytes(tmp_path: Path) -> None:
    path = tmp_path / "huge.tif"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + (1 << 20))
    refused(path, "has 513 MB; at most 512 are read")


def test_too_small(tmp_path: Path) -> None:
    path = write(tmp_path / "dot.png", png(noise(7, 30, 3), 8))
    refused(path, "has 30 × 7 pixels; at least 8 × 8 are needed")


def test_exactly_the_largest_is_read() -> None:
    picture = from_bytes(encode(Image.new("L", (5000, 5000), 128), "PNG", compress_level=1))
    assert (picture.width, picture.height) == (5000, 5000)


def test_modes_that_are_not_read(tmp_path: Path) -> None:
    lab = Image.frombytes("LAB", (9, 9), bytes(243))
    refused(write(tmp_path / "lab.tif", encode(lab, "TIFF")), "color mode LAB")


def test_a_tiff_whose_compression_is_unknown(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "p.tif", noise(9, 9, 3, dtype=np.uint16), photometric="rgb")
    data = bytearray((tmp_path / "p.tif").read_bytes())
    at = data.index(struct.pack("<HHI", 259, 3, 1)) + 8
    data[at : at + 2] = struct.pack("<H", 50001)
    refused(write(tmp_path / "q.tif", bytes(data)), "")


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
@settings(max_examples=60)
def test_flipped_bytes_are_a_picture_or_one_line(kind: str, data: st.DataObject) -> None:
    broken = bytearray(valid(kind))
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, min(len(broken), 600) - 1))
        broken[at] = data.draw(st.integers(0, 255))
    survives(bytes(broken))


STARTS = [b"", b"\x89PNG\r\n\x1a\n", b"II*\0", b"MM\0*", b"\xff\xd8\xff", b"RIFF"]


@given(st.sampled_from(STARTS), st.binary(max_size=300))
def test_random_bytes_are_one_line(start: bytes, rest: bytes) -> None:
    survives(start + rest + b"!")


def survives(data: bytes) -> None:
    """Any other exception than the one clear line fails the test by itself."""
    try:
        picture = from_bytes(data)
    except BadInput as error:
        line, field = str(error), error.field
    else:
        assert picture.array.dtype == np.float32
        assert float(picture.array.min()) >= 0
        assert float(picture.array.max()) <= 1
        return
    assert field == "picture"
    assert "\n" not in line
