"""What went wrong in a job, in one sentence for a person and with a way out where known."""

from __future__ import annotations

import errno
import traceback
from typing import Any

import msgspec


class DeviceLost(RuntimeError):
    """The graphics card failed; only a fresh process can use it again."""


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """The words for a failed job; fields as in ``messages.JobState``."""

    text: str
    field: str = ""
    suggestion: dict[str, Any] = {}
    trace: str = ""
    device_lost: bool = False


def explain(error: BaseException) -> Failure:
    """Turn an exception into a sentence.

    Out of memory comes with the smaller values that the error suggests; a ``BadInput``
    names its field, and values that can be used where it knows some; an error of the CUDA driver
    says that the engine starts anew.
    """
    trace = "".join(traceback.format_exception(error))
    words = str(error).strip()
    if out_of_memory(error):
        suggestion = getattr(error, "suggestion", {})
        judged = words if hasattr(error, "suggestion") else ""
        text = judged or "There was not enough memory; try a smaller problem."
        return Failure(text=text, suggestion=suggestion, trace=trace)
    if _device_error(error):
        return Failure(
            text="The graphics card reported an error; the engine starts again.",
            trace=trace,
            device_lost=True,
        )
    if type(error).__name__ == "BadInput":
        suggestion = getattr(error, "suggestion", {})
        return Failure(text=words, field=getattr(error, "field", ""), suggestion=suggestion)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Failure(text=f"The disk is full: {error.filename or words}.", trace=trace)
    if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
        return Failure(text=f"No permission to write {error.filename or words}.", trace=trace)
    first = words.splitlines()[0] if words else "no further words"
    return Failure(text=f"The method failed with {type(error).__name__}: {first}", trace=trace)


def out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, on the CPU or on a device."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    words = str(error).lower()
    return isinstance(error, RuntimeError) and (
        "out of memory" in words or "can't allocate memory" in words or "not enough memory" in words
    )


def _device_error(error: BaseException) -> bool:
    if isinstance(error, DeviceLost) or type(error).__name__ == "AcceleratorError":
        return True
    return isinstance(error, RuntimeError) and "CUDA error" in str(error)
