from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from engine.method import BadInput
from engine.store import Store, digest, home, resolve


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "Photo.PNG"
    path.write_bytes(b"not really a picture")
    return path


def test_a_file_is_found_again_by_its_content(picture: Path) -> None:
    store = Store()
    name = store.put(picture)
    assert name == hashlib.sha256(picture.read_bytes()).hexdigest() == digest(picture)
    data = picture.read_bytes()
    picture.unlink()
    kept = store.get(name)
    assert kept is not None
    assert kept.read_bytes() == data
    assert kept.suffix == ".png"
    assert kept.is_relative_to(home())
    assert resolve(f"store:{name}") == kept


def test_the_same_content_is_kept_once(picture: Path, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    twin = tmp_path / "twin.jpeg"
    twin.write_bytes(picture.read_bytes())
    assert store.put(picture) == store.put(twin)
    assert len(list(store.root.iterdir())) == 1


def test_a_damaged_copy_is_not_given_out(picture: Path) -> None:
    store = Store()
    name = store.put(picture)
    kept = store.get(name)
    assert kept is not None
    kept.write_bytes(b"x")
    assert store.get(name) is None


@pytest.mark.parametrize("name", ["", "..", "*", "../../etc/passwd", "0" * 64, "A" * 64])
def test_what_is_not_kept_is_not_found(name: str, picture: Path) -> None:
    Store().put(picture)
    assert Store().get(name) is None
    with pytest.raises(BadInput, match="no longer in the store") as caught:
        resolve(f"store:{name}", "picture")
    assert caught.value.field == "inputs.picture"


def test_what_was_not_used_for_longest_goes_first(tmp_path: Path) -> None:
    store = Store(tmp_path / "store", limit=250)
    names = []
    for index in range(3):
        path = tmp_path / f"{index}.bin"
        path.write_bytes(bytes([index]) * 100)
        if index == 2:
            assert store.get(names[0]) is not None  # used again just now
            for age, name in ((10, names[1]), (5, names[0])):
                kept = store.root / f"{name}.bin"
                os.utime(kept, (1_000_000 - age, 1_000_000 - age))
        names.append(store.put(path))
    assert [store.get(name) is not None for name in names] == [True, False, True]


def test_a_failed_copy_leaves_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    with pytest.raises(OSError, match="no_such"):
        store.put(tmp_path / "no_such.png")
    assert list(store.root.iterdir()) == []


def test_a_sample_is_resolved() -> None:
    assert resolve("sample:astronaut").is_file()
    with pytest.raises(BadInput) as caught:
        resolve("sample:nobody", "picture")
    assert caught.value.field


def test_a_path_must_be_a_file(tmp_path: Path, picture: Path) -> None:
    assert resolve(str(picture)) == picture
    with pytest.raises(BadInput, match=r"picture: .* is a folder, not a file"):
        resolve(str(tmp_path), "picture")
    with pytest.raises(BadInput, match=r"picture: .* is not there"):
        resolve(str(tmp_path / "none.png"), "picture")
