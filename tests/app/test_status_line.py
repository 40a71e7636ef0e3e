"""The foot of the window says what the engine computes on."""

from __future__ import annotations

from app.status_line import device_word
from engine.messages import PROTOCOL, Device, Ready

CPU = Device(id="cpu", title="Processor")
CARD = Device(id="cuda:0", title="H200")
APPLE = Device(id="mps", title="Apple graphics")


def ready(*devices: Device, default: str) -> Ready:
    return Ready(protocol=PROTOCOL, pid=1, devices=devices, default=default, threads=2, versions={})


def test_the_device_that_runs_take_is_named() -> None:
    assert device_word(ready(CPU, CARD, default="cuda:0")) == "H200"
    assert device_word(ready(CPU, default="cpu")) == "CPU"
    # Here, but used only when asked for.
    assert device_word(ready(CPU, APPLE, default="cpu")) == "CPU"
    assert device_word(ready(default="cpu")) == "CPU"
