"""Model cards: what a trained network is, where it comes from and what it reaches."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict


class ModelCard(BaseModel):
    """The JSON beside the weights. Whoever reads it needs no other source."""

    model_config = ConfigDict(extra="forbid")

    schema_version: int = 1
    id: str
    title: str
    summary: str
    architecture: str
    arguments: dict[str, Any]
    parameters: int
    dtype: str
    #: SHA-256 of the weights file.
    sha256: str
    data: str
    data_terms: str
    command: str
    seed: int
    steps: int
    seconds: float
    hardware: str
    #: Printed numbers, each with what it was measured on in its name.
    metrics: dict[str, float]
    #: What the field's networks reach on the same test, with their source.
    published: dict[str, str]
    limits: str
    versions: dict[str, str]

    def write(self, folder: Path) -> None:
        """Write ``card.json`` into ``folder``."""
        text = json.dumps(self.model_dump(), indent=2, ensure_ascii=False)
        (folder / "card.json").write_text(text + "\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> ModelCard:
        """Read ``card.json`` of ``folder``."""
        return cls.model_validate_json((folder / "card.json").read_text(encoding="utf-8"))


def checksum(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
