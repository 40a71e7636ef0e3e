"""The catalogue of methods, kept between starts so that the window never waits for torch.

It is cached with a key made from every file that a declaration could come from. At a
first start, or after an installation changed, a process of its own makes it anew while
the window is already usable. ``python -m app.catalogue_cache`` makes it at set-up.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import msgspec
from PySide6.QtCore import QObject, QProcess, QProcessEnvironment, Signal, Slot

from app import engine_cli
from app.files import write_atomic
from app.folders import folders
from engine.catalogue import CATALOGUE_SCHEMA, Catalogue

ENTRY_POINTS = "priorbench.methods"


class Cached(msgspec.Struct, frozen=True):
    """The cache file: a catalogue and the key of what it was made from."""

    key: str
    catalogue: Catalogue


def current_key() -> str:
    """A hash of everything that the catalogue depends on; 20 ms where it is read first."""
    digest = hashlib.sha256(f"{CATALOGUE_SCHEMA} {sys.version}".encode())
    root = engine_cli.ROOT
    files = [*(root / "engine").rglob("*.py"), *(root / "assets" / "models").glob("*/card.json")]
    for path in sorted(files):
        digest.update(str(path.relative_to(root)).encode())
        digest.update(path.read_bytes())
    for point in sorted(metadata.entry_points(group=ENTRY_POINTS)):
        version = point.dist.version if point.dist is not None else ""
        digest.update(f"{point.name} {point.value} {version}".encode())
    return digest.hexdigest()


def cache_file() -> Path:
    """Where the catalogue is cached for this user."""
    return folders().cache / "catalogue.json"


def read(path: Path) -> Cached | None:
    """What is cached, fresh or not; None where nothing can be used."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Cached)
    except (OSError, msgspec.DecodeError):
        return None


def load() -> Catalogue:
    """The cached catalogue, however old; an empty one at a first start."""
    cached = read(cache_file())
    return cached.catalogue if cached is not None else Catalogue()


def make() -> Catalogue:
    """Make the catalogue anew and cache it; takes seconds, as it imports torch.

    Raises:
        RuntimeError: the engine's command line fails; the text is its last line.
    """
    key = current_key()
    command = engine_cli.command("catalogue")
    environment = engine_cli.environment()
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(_last_line(done.stderr))
    catalogue = msgspec.json.decode(done.stdout, type=Catalogue)
    write_atomic(cache_file(), msgspec.json.encode(Cached(key, catalogue)))
    return catalogue


class CatalogueCache(QObject):
    """The catalogue of a window: what is cached at once, what is true soon after.

    ``changed`` carries a new catalogue, ``failed`` one line why there is none.
    """

    changed = Signal(object)
    failed = Signal(str)

    def __init__(self, path: Path | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._path = cache_file() if path is None else path
        self._process: QProcess | None = None
        self._key = current_key()
        cached = read(self._path)
        self.catalogue = cached.catalogue if cached is not None else Catalogue()
        #: Whether the catalogue describes what is installed now.
        self.fresh = cached is not None and cached.key == self._key

    @property
    def refreshing(self) -> bool:
        """Whether the catalogue is being made."""
        return self._process is not None

    def refresh(self) -> None:
        """Make the catalogue anew in a process of its own, unless that goes on already."""
        if self._process is not None:
            return
        process = QProcess(self)
        environment = QProcessEnvironment()
        for name, value in engine_cli.environment().items():
            environment.insert(name, value)
        process.setProcessEnvironment(environment)
        process.finished.connect(self._on_finished)
        process.errorOccurred.connect(self._on_error)
        self._process = process
        self._key = current_key()
        program, *arguments = engine_cli.command("catalogue")
        process.start(program, arguments)

    def store(self, catalogue: Catalogue) -> None:
        """Use a catalogue (an engine may bring one as well) and cache it."""
        self.fresh = True
        try:
            write_atomic(self._path, msgspec.json.encode(Cached(self._key, catalogue)))
        except OSError:
            # Without a cache the next start only takes longer.
            self.fresh = False
        if catalogue != self.catalogue:
            self.catalogue = catalogue
            self.changed.emit(catalogue)

    def stop(self) -> None:
        """End a process that is still at work."""
        process, self._process = self._process, None
        if process is not None:
            process.finished.disconnect(self._on_finished)
            process.errorOccurred.disconnect(self._on_error)
            process.kill()
            process.waitForFinished(2000)
            process.deleteLater()

    @Slot(int, QProcess.ExitStatus)
    def _on_finished(self, code: int, status: QProcess.ExitStatus) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        output = process.readAllStandardOutput().data()
        errors = process.readAllStandardError().data()
        process.deleteLater()
        if code or status != QProcess.ExitStatus.NormalExit:
            self.failed.emit(_last_line(errors))
            return
        try:
            self.store(msgspec.json.decode(output, type=Catalogue))
        except msgspec.DecodeError as error:
            text = self.tr("The catalogue of methods cannot be read ({error}).")
            self.failed.emit(text.format(error=error))

    @Slot(QProcess.ProcessError)
    def _on_error(self, error: QProcess.ProcessError) -> None:
        # Only this error comes without ``finished``.
        if error == QProcess.ProcessError.FailedToStart and self._process is not None:
            text = self._process.errorString()
            self._process.deleteLater()
            self._process = None
            self.failed.emit(text)


def _last_line(output: bytes) -> str:
    lines = output.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "the engine said nothing"


if __name__ == "__main__":
    make()
