"""Arrays that came inline with a reply of the engine."""

from __future__ import annotations

from typing import Any

from engine.messages import Blob


def as_array(blob: Blob) -> Any:
    """The array in a blob, a copy of its own; ``ValueError`` where bytes and shape disagree."""
    # Imported here: the start page needs no numpy, the first picture does.
    import numpy as np

    return np.frombuffer(blob.data, np.dtype(blob.dtype)).reshape(blob.shape).copy()
