"""Where a run can compute: the devices of this machine, and which one to take."""

from __future__ import annotations

import platform

import psutil
import torch

from engine.messages import Device
from engine.method import BadInput


def devices() -> tuple[Device, ...]:
    """Every device of this machine, the processor first. Memory in bytes."""
    name = platform.processor() or platform.machine()
    found = [
        Device(
            id="cpu",
            title=f"Processor ({name})" if name else "Processor",
            memory_total=psutil.virtual_memory().total,
        )
    ]
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            properties = torch.cuda.get_device_properties(index)
            found.append(
                Device(
                    id=f"cuda:{index}", title=properties.name, memory_total=properties.total_memory
                )
            )
    if torch.backends.mps.is_available():
        # Apple's graphics share the main memory.
        found.append(
            Device(id="mps", title="Apple graphics", memory_total=psutil.virtual_memory().total)
        )
    return tuple(found)


def pick(device: str) -> str:
    """The id of a device that exists: ``auto`` takes the first CUDA device, else the processor.

    Apple graphics are used only when asked for: they lack float64, and with it the same
    numbers as everywhere else.

    Raises:
        BadInput: this machine has no such device.
    """
    known = [d.id for d in devices()]
    if device == "auto":
        return next((d for d in known if d.startswith("cuda")), "cpu")
    wanted = "cuda:0" if device == "cuda" else device
    if wanted not in known:
        raise BadInput(
            f"device: {device!r} is not here (allowed auto, {', '.join(known)})", "device"
        )
    return wanted
