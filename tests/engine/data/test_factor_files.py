"""Sets read from files: LPC sprites, a dSprites file, a folder of pictures."""

import itertools
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from engine.data import dsprites, lpc_sprites, picture_folder
from engine.data.factors import FactorSet, draw, sweep
from engine.data.sprites import Sprites
from engine.method import BadInput

REAL = Path(__file__).resolve().parents[4] / "shared" / "data"


def _classes(*values: int) -> np.ndarray:
    return np.array(list(itertools.product(*map(range, values))))


class _Trap:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def _lpc(folder: Path, **changed: np.ndarray) -> Path:
    factors = _classes(2, 1, 2, 1, 3, 2)
    rng = np.random.default_rng(0)
    arrays = {
        "index": rng.integers(0, 5, (24, 64, 64), dtype=np.uint8),
        "palette": rng.integers(0, 256, (5, 3), dtype=np.uint8),
        "factors": factors.astype(np.uint8),
    }
    np.savez(folder / lpc_sprites.FILE, **(arrays | changed))
    return folder


def _dsprites(path: Path, **changed: np.ndarray) -> Path:
    classes = _classes(1, 3, 2, 4, 2, 2)
    ink = np.random.default_rng(0).integers(0, 2, (96, 64, 64), dtype=np.uint8)
    metadata = np.array([_Trap(path.parent / "unpickled")], dtype=object)
    arrays = {"imgs": ink, "latents_classes": classes, "metadata": metadata}
    np.savez_compressed(path, **(arrays | changed))
    return path


def test_a_code_finds_its_lpc_sprite(tmp_path: Path) -> None:
    characters = lpc_sprites.load(_lpc(tmp_path))
    assert [f.values for f in characters.factors] == [2, 1, 2, 1, 3, 2]
    with np.load(tmp_path / lpc_sprites.FILE) as arrays:
        wanted = arrays["palette"][arrays["index"]].transpose(0, 3, 1, 2) / np.float32(255)
        codes = torch.from_numpy(arrays["factors"].astype(np.int64))
    pictures = characters.render(codes)
    assert np.array_equal(pictures.numpy(), wanted)
    assert torch.equal(characters.render(codes.flip(0)), pictures.flip(0))
    small = lpc_sprites.load(tmp_path, 32).render(codes)
    assert torch.allclose(small, torch.nn.functional.avg_pool2d(pictures, 2), atol=1e-6)
    with pytest.raises(BadInput, match="direction is 3; it must be 0 to 2"):
        characters.render(torch.tensor([[0, 0, 0, 0, 3, 0]]))


def test_rows_may_come_in_any_order(tmp_path: Path) -> None:
    order = np.random.default_rng(1).permutation(24)
    straight = lpc_sprites.load(_lpc(tmp_path))
    (tmp_path / "mixed").mkdir()
    with np.load(tmp_path / lpc_sprites.FILE) as arrays:
        mixed = {"index": arrays["index"][order], "factors": arrays["factors"][order]}
    codes = torch.from_numpy(_classes(2, 1, 2, 1, 3, 2))
    shuffled = lpc_sprites.load(_lpc(tmp_path / "mixed", **mixed))
    assert torch.equal(shuffled.render(codes), straight.render(codes))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"factors": _classes(2, 1, 2, 1, 3, 3).astype(np.uint8)[:24]}, "combine to"),
        ({"factors": np.zeros((24, 6), np.uint8)}, "24 pictures; its factors combine to 1"),
        ({"factors": _classes(2, 2, 6)}, "six factors"),
        ({"factors": np.zeros((24, 6))}, "not a table of whole numbers"),
        ({"palette": np.zeros((2, 3), np.uint8)}, "indexed pictures"),
        ({"index": np.zeros((24, 64, 32), np.uint8)}, "indexed pictures"),
    ],
)
def test_lpc_files_that_do_not_fit_are_refused(
    tmp_path: Path, changed: dict[str, np.ndarray], message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        lpc_sprites.load(_lpc(tmp_path, **changed))


def test_a_combination_twice_is_refused(tmp_path: Path) -> None:
    factors = _classes(2, 1, 2, 1, 3, 2).astype(np.uint8)
    factors[0] = factors[1]
    with pytest.raises(BadInput, match="a combination of factors twice"):
        lpc_sprites.load(_lpc(tmp_path, factors=factors))


def test_a_code_finds_its_dsprite_and_nothing_is_unpickled(tmp_path: Path) -> None:
    path = _dsprites(tmp_path / "mine.npz")
    found = dsprites.load(path)
    assert [f.values for f in found.factors] == [3, 2, 4, 2, 2]
    assert [f.name for f in found.factors] == [f.name for f in Sprites().factors]
    with np.load(path) as arrays:
        ink, classes = arrays["imgs"], arrays["latents_classes"]
    codes = torch.from_numpy(classes[:, 1:].copy())
    pictures = found.render(codes)
    assert np.array_equal(pictures[:, 0].numpy(), ink.astype(np.float32))
    assert torch.equal(found.render(codes[50:51]), pictures[50:51])
    quarter = dsprites.load(path, 16).render(codes)
    assert torch.allclose(quarter, torch.nn.functional.avg_pool2d(pictures, 4), atol=1e-6)
    assert not (tmp_path / "unpickled").exists()


def test_pictures_as_truth_values_are_read_too(tmp_path: Path) -> None:
    ink = np.random.default_rng(0).integers(0, 2, (96, 64, 64)).astype(bool)
    found = dsprites.load(_dsprites(tmp_path / "mine.npz", imgs=ink))
    code = torch.tensor([[2, 1, 3, 1, 1]])
    assert np.array_equal(found.render(code)[0, 0].numpy(), ink[-1])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"imgs": np.full((96, 64, 64), 2, np.uint8)}, "other values than 0 and 1"),
        ({"imgs": np.zeros((96, 64, 64), np.float32)}, "96 square pictures of bytes"),
        ({"imgs": np.zeros((90, 64, 64), np.uint8)}, "96 square pictures of bytes"),
        ({"imgs": np.zeros((96, 64, 32), np.uint8)}, "96 square pictures of bytes"),
        ({"imgs": np.array([None] * 96, dtype=object)}, "96 square pictures of bytes"),
        ({"latents_classes": np.array([[None]], dtype=object)}, "not plain numbers"),
        ({"latents_classes": _classes(3, 2, 4, 2, 2)}, "six latents"),
        ({"latents_classes": _classes(2, 3, 2, 4, 2, 1)}, "six latents"),
    ],
)
def test_dsprites_files_that_do_not_fit_are_refused(
    tmp_path: Path, changed: dict[str, np.ndarray], message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        dsprites.load(_dsprites(tmp_path / "mine.npz", **changed))


def _single(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, np.zeros(3))


def _without(name: str) -> Callable[[Path], None]:
    def rewrite(path: Path) -> None:
        with zipfile.ZipFile(path) as archive:
            kept = {n: archive.read(n) for n in archive.namelist() if n != f"{name}.npy"}
        with zipfile.ZipFile(path, "w") as archive:
            for member, data in kept.items():
                archive.writestr(member, data)

    return rewrite


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda p: p.unlink(), "is not a file"),
        (lambda p: p.write_bytes(b""), "not a whole .npz"),
        (lambda p: p.write_bytes(b"picture"), "not a whole .npz"),
        (lambda p: p.write_bytes(p.read_bytes()[:-400]), "not a whole .npz"),
        (_single, "is one array"),
        (_without("imgs"), "no array 'imgs'"),
        (_without("latents_classes"), "no array 'latents_classes'; it has"),
    ],
    ids=["missing", "empty", "text", "cut", "array", "no pictures", "no classes"],
)
def test_what_is_no_archive_is_refused(
    tmp_path: Path, spoil: Callable[[Path], object], message: str
) -> None:
    path = _dsprites(tmp_path / "mine.npz")
    spoil(path)
    with pytest.raises(BadInput, match=message):
        dsprites.load(path)


def test_sizes_that_do_not_divide_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="size is 48; pictures of 64 pixels come at 64, 32, 16"):
        dsprites.load(_dsprites(tmp_path / "mine.npz"), 48)
    with pytest.raises(BadInput, match="size is 128"):
        lpc_sprites.load(_lpc(tmp_path), 128)


def _folder(root: Path) -> Path:
    for kind, shade in (("cats", 200), ("dogs", 60)):
        (root / kind).mkdir(parents=True)
        for k in range(10):
            pixels = np.zeros((40, 60, 3), np.uint8)
            # Red outside the middle square, which alone is kept.
            pixels[:, :10, 0] = pixels[:, 50:, 0] = 255
            pixels[:, 10:50] = shade + k
            Image.fromarray(pixels).save(root / kind / f"{k}.png")
    return root


def test_a_folder_gives_middle_squares_with_its_folders_as_classes(tmp_path: Path) -> None:
    root = _folder(tmp_path)
    (root / "dogs" / "broken.png").write_bytes(b"no picture")
    (root / "dogs" / "notes.txt").write_text("no picture")
    folder = picture_folder.load(root, 16, flips=True)
    pictures = folder.pictures
    assert pictures.class_names == ("cats", "dogs")
    assert pictures.train.shape == (18, 3, 16, 16)
    assert pictures.held_back.shape == (2, 3, 16, 16)
    assert pictures.flips
    assert folder.skipped == (
        "dogs/broken.png: picture 'broken.png' is not a PNG, JPEG, TIFF or WebP picture",
    )
    flat = pictures.train.flatten(1)
    assert (flat.amin(1) == flat.amax(1)).all()
    assert ((flat[:, 0] >= 200) == (pictures.train_labels == 0)).all()
    everything = {*flat[:, 0].tolist(), *pictures.held_back[:, 0, 0, 0].tolist()}
    assert everything == {*range(200, 210), *range(60, 70)}
    gray = picture_folder.load(root, 16, color=False).pictures
    assert torch.equal(gray.train, pictures.train[:, :1])


def test_one_more_picture_leaves_most_where_they_were(tmp_path: Path) -> None:
    before = picture_folder.load(_folder(tmp_path)).pictures.held_back_names
    Image.new("RGB", (20, 20)).save(tmp_path / "more.png")
    pictures = picture_folder.load(tmp_path).pictures
    assert pictures.class_names == ("cats", "dogs", "pictures")
    assert len({*before, *pictures.held_back_names}) <= 3


def test_folders_without_pictures_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="is not a folder"):
        picture_folder.load(tmp_path / "none")
    with pytest.raises(BadInput, match="holds no PNG, JPEG"):
        picture_folder.load(tmp_path)
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(BadInput, match=r"none of the 1 pictures of .* can be read"):
        picture_folder.load(tmp_path)
    with pytest.raises(BadInput, match="size is 4; it must be 8 to 256"):
        picture_folder.load(tmp_path, 4)


def test_the_real_lpc_sprites_all_differ_and_keep_their_factors() -> None:
    if not (REAL / "lpc_sprites").is_dir():
        pytest.skip("the data are not here")
    characters: FactorSet = lpc_sprites.load(REAL / "lpc_sprites")
    assert [f.values for f in characters.factors] == [6, 6, 6, 6, 3, 4]
    code = draw(characters, 1, torch.Generator().manual_seed(0))[0]
    for factor in characters.factors:
        pictures = characters.render(sweep(characters, code, factor.name)).flatten(1)
        assert len(pictures.unique(dim=0)) == factor.values
    hair = characters.render(sweep(characters, code, "hair"))
    touched = (hair - hair[:1]).abs().amax((0, 1)) > 0
    # Hair is on the head, clothes are below.
    assert not touched[45:].any()
