from __future__ import annotations

import pytest

from engine.devices import devices, pick
from engine.method import BadInput


def test_the_processor_is_always_there() -> None:
    first = devices()[0]
    assert first.id == "cpu"
    assert first.memory_total > 0
    assert pick("cpu") == "cpu"


def test_auto_takes_a_device_that_is_there() -> None:
    assert pick("auto") in [device.id for device in devices()]
    assert pick("auto") != "mps"


@pytest.mark.parametrize("name", ["", "tpu", "cuda:99", "CPU"])
def test_a_device_that_is_not_there_is_named(name: str) -> None:
    with pytest.raises(BadInput, match=rf"device: '{name}' is not here \(allowed auto, cpu") as c:
        pick(name)
    assert c.value.field == "device"
