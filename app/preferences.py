"""What a person prefers, kept in ``settings.json``.

Every change is written at once and only its own keys are, so that two windows do not
undo each other. A file or a value that cannot be used never stops the start: the file
is kept aside, the rest of it is used, and ``notice`` says what happened.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from PySide6.QtCore import QObject, Signal

from app.files import reason, set_aside, write_atomic
from app.folders import folders

SCHEMA = 1
Data = dict[str, Any]
#: ``MIGRATIONS[n]`` turns data of schema n into n + 1. A file without number has schema 0.
MIGRATIONS: tuple[Callable[[Data], Data], ...] = (lambda data: data,)


class Values(msgspec.Struct, frozen=True, kw_only=True):
    """All preferences. ``threads`` 0 and ``device`` auto leave the choice to the engine.

    ``runs_folder`` is empty for the standard place; ``earlier_runs_folders`` are those
    where older runs may lie. ``geometry`` maps a window part to Qt's saved bytes, base64.
    """

    theme: Literal["system", "light", "dark"] = "system"
    text_scale: Annotated[float, msgspec.Meta(ge=0.8, le=2.0)] = 1.0
    reduced_motion: bool = False
    runs_folder: str = ""
    earlier_runs_folders: list[str] = []
    device: str = "auto"
    threads: Annotated[int, msgspec.Meta(ge=0, le=1024)] = 0
    geometry: dict[str, str] = {}


_TYPES = {field.name: field.type for field in msgspec.structs.fields(Values)}


class Preferences(QObject):
    """The preferences of one person; ``changed`` carries the name of each that changed.

    Attributes:
        notice: one line for the person where the file gave trouble, else empty.
    """

    changed = Signal(str)

    def __init__(self, path: Path | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.path = folders().settings if path is None else path
        self.notice = ""
        self.values = self._load()

    @property
    def runs_folder(self) -> Path:
        """Where new runs are kept."""
        chosen = self.values.runs_folder
        return Path(chosen) if chosen else folders().runs

    @property
    def all_runs_folders(self) -> list[Path]:
        """Everywhere that runs may lie: the present folder first, each once."""
        places = [self.runs_folder, folders().runs, *map(Path, self.values.earlier_runs_folders)]
        return list(dict.fromkeys(places))

    def set(self, **changes: Any) -> None:
        """Change preferences and keep them.

        Raises:
            ValueError: a name or a value is not allowed; nothing is changed.
        """
        for name, value in changes.items():
            if name not in _TYPES:
                raise ValueError(f"preference {name!r} is unknown; known: {', '.join(_TYPES)}")
            try:
                msgspec.convert(value, _TYPES[name])
            except msgspec.ValidationError as error:
                raise ValueError(f"{name}: {value!r} is not allowed: {error}") from None
        old = self.values
        if "runs_folder" in changes and old.runs_folder not in ("", changes["runs_folder"]):
            earlier = [*old.earlier_runs_folders, old.runs_folder]
            changes["earlier_runs_folders"] = list(dict.fromkeys(earlier))
        self.values = msgspec.structs.replace(old, **changes)
        changed = [n for n in changes if getattr(old, n) != getattr(self.values, n)]
        if not changed:
            return
        self._write({name: getattr(self.values, name) for name in changed})
        for name in changed:
            self.changed.emit(name)

    def reset(self) -> None:
        """Back to the defaults; where windows stand and where runs lie is kept."""
        fresh, kept = Values(), {"geometry", "runs_folder", "earlier_runs_folders"}
        self.set(**{name: getattr(fresh, name) for name in _TYPES if name not in kept})

    def _load(self) -> Values:
        data = self._read()
        good: Data = {}
        bad: list[str] = []
        for name, kind in _TYPES.items():
            if name in data:
                try:
                    good[name] = msgspec.convert(data[name], kind)
                except msgspec.ValidationError:
                    bad.append(name)
        if bad:
            self._aside(
                self.tr("These settings could not be used and have their defaults again: {names}."),
                names=", ".join(bad),
            )
            self._write(good)
        return Values(**good)

    def _read(self) -> Data:
        """The file's content in the present schema; empty where there is none to be used."""
        try:
            data = msgspec.json.decode(self.path.read_bytes())
        except FileNotFoundError:
            return {}
        except OSError as error:
            text = self.tr("The settings in {path} cannot be read ({reason}).")
            self.notice = text.format(path=self.path, reason=reason(error))
            return {}
        except msgspec.DecodeError:
            data = None
        if not isinstance(data, dict):
            self._aside(self.tr("The settings were damaged and have their defaults again."))
            return {}
        return migrate(data)

    def _write(self, changes: Data) -> None:
        try:
            data = msgspec.json.decode(self.path.read_bytes())
        except (OSError, msgspec.DecodeError):
            data = {}
        data = migrate(data) if isinstance(data, dict) else {}
        schema = max(SCHEMA, _schema(data))
        data |= {"schema": schema, **changes}
        try:
            write_atomic(self.path, msgspec.json.format(msgspec.json.encode(data)))
        except OSError as error:
            text = self.tr("Settings cannot be kept in {path} ({reason}); they last until closing.")
            self.notice = text.format(path=self.path, reason=reason(error))

    def _aside(self, text: str, **values: str) -> None:
        kept = ""
        with contextlib.suppress(OSError):
            name = set_aside(self.path).name
            kept = self.tr(" The old file was kept as {name}.").format(name=name)
        self.notice = text.format(**values) + kept


def migrate(data: Data, migrations: tuple[Callable[[Data], Data], ...] = MIGRATIONS) -> Data:
    """Data of any older schema in the newest; newer data stay as they are."""
    for step in migrations[_schema(data) :]:
        data = step(dict(data))
    return data


def _schema(data: Data) -> int:
    schema = data.get("schema", 0)
    return schema if isinstance(schema, int) and schema >= 0 else 0
