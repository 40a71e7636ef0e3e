"""Readers of the small sets, on made archives and, where they lie, on the real ones."""

from pathlib import Path

import numpy as np
import pytest
import torch

from engine.data import fashion_mnist, noto_emoji
from engine.data.small_pictures import SmallPictures, draw
from engine.method import BadInput

REAL = Path(__file__).resolve().parents[4] / "shared" / "data"


@pytest.mark.parametrize(
    ("name", "base"),
    [
        ("u1f44d", "1f44d"),
        ("u1f44d_1f3fd", "1f44d"),
        ("u1f468_1f3fe_200d_1f33e", "1f468_200d_1f33e"),
        ("u26f9_1f3fb_200d_2640_fe0f", "26f9_200d_2640"),
        ("u1f3fb", "1f3fb"),
        ("u0023_20e3", "0023_20e3"),
    ],
)
def test_a_base_name_forgets_skin_tones_and_selectors(name: str, base: str) -> None:
    assert noto_emoji.base_name(name) == base


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("u1f600", "face"),
        ("u1f926_1f3fb", "person"),
        ("u1f468_200d_1f33e", "person"),
        ("u1f44d", "hand or body"),
        ("u1f436", "animal, plant or food"),
        ("u0023_20e3", "sign"),
        ("u1f50b", "thing"),
    ],
)
def test_kinds_follow_the_first_code_point(name: str, kind: str) -> None:
    assert noto_emoji.CLASS_NAMES[noto_emoji.class_of(name)] == kind


def test_transparent_is_white_and_variants_of_held_back_are_not_trained_on(tmp_path: Path) -> None:
    bases = [f"u1f4{i:02x}" for i in range(70)]
    names = [n for base in bases for n in (base, f"{base}_1f3fb")]
    images = np.zeros((len(names), 72, 72, 4), np.uint8)
    images[..., 0] = np.arange(len(names), dtype=np.uint8)[:, None, None]
    images[:, :, 36:, 3] = 255
    np.savez(tmp_path / noto_emoji.FILE, images=images, names=np.array(names))
    pictures = noto_emoji.load(tmp_path)
    assert pictures.held_back.shape == (64, 3, 32, 32)
    assert len(set(pictures.held_back_names)) == 64
    assert pictures.train.shape == (2 * 6, 3, 32, 32)
    assert (pictures.held_back[..., :12] == 255).all()
    held = {bases.index("u" + name) for name in pictures.held_back_names}
    red = pictures.train[:, 0, 0, -1].tolist()
    assert {r // 2 for r in red} == set(range(70)) - held
    assert pictures.train_groups.tolist() == [i for i in range(6) for _ in range(2)]


def test_a_picture_equal_to_a_held_back_one_is_not_trained_on(tmp_path: Path) -> None:
    names = [f"u1f4{i:02x}" for i in range(66)]
    images = np.full((66, 72, 72, 4), 255, np.uint8)
    np.savez(tmp_path / noto_emoji.FILE, images=images, names=np.array(names))
    assert len(noto_emoji.load(tmp_path).train) == 0


def test_clothing_stands_in_the_middle_of_black(tmp_path: Path) -> None:
    np.savez(
        tmp_path / fashion_mnist.FILE,
        x_train=np.full((3, 28, 28), 200, np.uint8),
        y_train=np.array([0, 9, 4], np.uint8),
        x_test=np.full((70, 28, 28), 100, np.uint8),
        y_test=np.arange(70, dtype=np.uint8) % 10,
    )
    pictures = fashion_mnist.load(tmp_path)
    assert pictures.train.shape == (3, 1, 32, 32)
    assert pictures.held_back.shape == (64, 1, 32, 32)
    assert int(pictures.train[0].sum()) == 200 * 28 * 28
    assert (pictures.train[0, 0, 2:30, 2:30] == 200).all()
    assert fashion_mnist.held_back(tmp_path).max() == pytest.approx(100 / 255)


@pytest.mark.parametrize("reader", [noto_emoji, fashion_mnist])
def test_a_folder_without_the_set_is_named(reader: object, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"holds no .*npz"):
        reader.load(tmp_path)  # type: ignore[attr-defined]


def test_every_group_is_drawn_as_often() -> None:
    shades = torch.tensor([10, 20, 20, 20, 20, 20, 20, 20], dtype=torch.uint8)
    pictures = SmallPictures(
        train=shades[:, None, None, None].expand(8, 1, 4, 4),
        train_labels=torch.arange(8),
        train_groups=torch.tensor([0, 1, 1, 1, 1, 1, 1, 1]),
        held_back=torch.zeros(0, 1, 4, 4, dtype=torch.uint8),
        held_back_labels=torch.zeros(0, dtype=torch.int64),
        held_back_names=(),
        class_names=("a",),
        flips=True,
    )
    drawn, labels = draw(pictures, 4000, torch.Generator().manual_seed(0))
    assert float((labels == 0).float().mean()) == pytest.approx(0.5, abs=0.03)
    assert drawn.unique().tolist() == pytest.approx([10 / 255, 20 / 255])


@pytest.mark.parametrize(
    ("reader", "name"), [(noto_emoji, "noto_emoji"), (fashion_mnist, "fashion_mnist")]
)
def test_the_real_sets_keep_their_held_back_pictures_out(reader: object, name: str) -> None:
    if not (REAL / name).is_dir():
        pytest.skip("the data are not here")
    pictures = reader.load(REAL / name)  # type: ignore[attr-defined]
    trained = {p.numpy().tobytes() for p in pictures.train}
    assert len(pictures.held_back) == 64
    assert not any(p.numpy().tobytes() in trained for p in pictures.held_back)
    assert set(pictures.train_labels.tolist()) == set(range(len(pictures.class_names)))
