"""Thumbnails of samples, kept between starts so that pages show them before the engine is up."""

from __future__ import annotations

from pathlib import Path

from app.folders import folders


def cached_thumbnail(reference: str) -> Path:
    """Where the thumbnail of a sample is kept; it may not be there yet."""
    name = "".join(c if c.isalnum() else "-" for c in reference)
    return folders().cache / "thumbnails" / f"{name}.png"
