"""Input files kept under the hash of their content, so that a run can be repeated later.

A run names a file as a path, as ``sample:NAME`` or as ``store:SHA256``. What it read is
copied here, and found again when the original has moved or changed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from pathlib import Path
from tempfile import NamedTemporaryFile

import platformdirs

from engine.method import BadInput

_SHA256 = re.compile(r"[0-9a-f]{64}")
_BLOCK = 1 << 20
#: Bytes kept at most; the inputs that were not used for longest go first.
LIMIT = 2 << 30


def home() -> Path:
    """Where the workbench keeps its data; ``PRIORBENCH_HOME`` overrides the user's folder."""
    told = os.environ.get("PRIORBENCH_HOME")
    return Path(told) if told else platformdirs.user_data_path("priorbench", appauthor=False)


def digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Store:
    """Files by content hash below ``root``. Safe for several processes at once."""

    def __init__(self, root: Path | None = None, limit: int = LIMIT) -> None:
        self.root = root if root is not None else home() / "store"
        self.limit = limit

    def put(self, path: Path) -> str:
        """Keep a copy of a file and return its hash. Raises ``OSError`` where it cannot."""
        self.root.mkdir(parents=True, exist_ok=True)
        # The suffix stays, because some readers judge by it.
        suffix = path.suffix.lower()
        sha256 = hashlib.sha256()
        with NamedTemporaryFile(dir=self.root, suffix=".part", delete=False) as part:
            try:
                with path.open("rb") as file:
                    while block := file.read(_BLOCK):
                        sha256.update(block)
                        part.write(block)
                part.close()
                name = sha256.hexdigest()
                if self._find(name) is None:
                    Path(part.name).replace(self.root / f"{name}{suffix}")
            finally:
                Path(part.name).unlink(missing_ok=True)
        self._prune(keep=name)
        return name

    def get(self, sha256: str) -> Path | None:
        """The kept file with this hash, if it is there and whole."""
        found = self._find(sha256)
        if found is None or digest(found) != sha256:
            return None
        with contextlib.suppress(OSError):
            os.utime(found)
        return found

    def _find(self, sha256: str) -> Path | None:
        if not _SHA256.fullmatch(sha256):
            return None
        found = (p for p in self.root.glob(f"{sha256}*") if p.suffix != ".part")
        return next(found, None)

    def _prune(self, keep: str) -> None:
        files = [p for p in self.root.iterdir() if _SHA256.fullmatch(p.stem)]
        aged = []
        for path in files:
            with contextlib.suppress(OSError):  # another process may have pruned it
                status = path.stat()
                aged.append((status.st_mtime_ns, status.st_size, path))
        size = sum(item[1] for item in aged)
        for _, bytes_, path in sorted(aged):
            if size <= self.limit:
                break
            if path.stem != keep:
                path.unlink(missing_ok=True)
                size -= bytes_


def resolve(reference: str, name: str = "input") -> Path:
    """The local file that an input's reference means.

    Args:
        reference: a path, ``sample:NAME`` or ``store:SHA256``.
        name: the input, for the message.

    Raises:
        BadInput: there is no such file.
    """
    field = f"inputs.{name}"
    if reference.startswith("store:"):
        kept = Store().get(reference.removeprefix("store:"))
        if kept is None:
            raise BadInput(f"{name}: the file {reference} is no longer in the store", field)
        return kept
    if reference.startswith("sample:"):
        # Imported here: only samples need the sample library.
        from engine.data.samples import resolve as sample

        try:
            return sample(reference)
        except BadInput as error:
            raise BadInput(str(error), error.field or field) from error
    path = Path(reference).expanduser()
    if not path.is_file():
        kind = "is a folder, not a file" if path.is_dir() else "is not there"
        raise BadInput(f"{name}: {reference!r} {kind}", field)
    return path
