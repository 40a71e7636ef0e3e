"""Arrays of a person's .npz file, none of them ever unpickled."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.method import BadInput

#: What numpy and zipfile raise on damaged or foreign bytes. An array of objects, which would
#: have to be unpickled, is a ValueError.
DAMAGE = (zipfile.BadZipFile, zlib.error, ValueError, EOFError, OSError, RuntimeError)


def read_arrays(path: Path, *names: str) -> list[NDArray[Any]]:
    """The arrays of these names; whatever else the file holds is not touched.

    Raises:
        BadInput: (field ``data``) the file is missing, damaged or no .npz, lacks an array, or
            has one that would have to be unpickled.
    """
    if not path.is_file():
        raise BadInput(f"data: {path} is not a file; give an .npz file", "data")
    try:
        # Opened here, because numpy leaves a damaged file open.
        file = path.open("rb")
    except OSError as error:
        reason = f"cannot be opened: {error.strerror}"
        raise BadInput(f"data: {path.name} {reason}", "data") from error
    with file:
        try:
            opened = np.load(file, allow_pickle=False)
        except DAMAGE as error:
            raise BadInput(f"data: {path.name} is not a whole .npz file", "data") from error
        if isinstance(opened, np.ndarray):
            raise BadInput(f"data: {path.name} is one array; give an .npz file", "data")
        return [_array(opened, name, path) for name in names]


def _array(opened: np.lib.npyio.NpzFile, name: str, path: Path) -> NDArray[Any]:
    if name not in opened.files:
        known = ", ".join(opened.files)
        raise BadInput(f"data: {path.name} has no array {name!r}; it has {known}", "data")
    try:
        array: NDArray[Any] = opened[name]
    except DAMAGE as error:
        raise BadInput(
            f"data: the array {name!r} of {path.name} is not plain numbers", "data"
        ) from error
    return array
