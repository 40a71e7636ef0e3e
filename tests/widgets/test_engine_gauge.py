import pytest

from widgets.engine_gauge import EngineGauge, memory


@pytest.fixture
def gauge(qtbot):
    made = EngineGauge()
    qtbot.addWidget(made)
    made.show()
    return made


def test_it_says_device_threads_and_memory(gauge):
    gauge.set(device="CPU", threads=2, used=1.1e9, total=4.4e9)
    assert gauge.label.text() == "CPU · 2 threads · 1.1 GB"
    assert gauge.bar.value() == 250
    assert gauge.toolTip() == "1.1 GB of 4.4 GB memory in use"
    gauge.set(state="busy", device="CPU", threads=1)
    assert gauge.label.text() == "CPU · 1 thread"
    assert not gauge.bar.isVisible()


def test_little_memory_is_marked(gauge):
    gauge.set(used=90, total=100)
    assert gauge.bar.property("level") == "warning"
    gauge.set(used=99, total=100)
    assert gauge.bar.property("level") == "error"
    gauge.set(used=200, total=100)
    assert gauge.bar.value() == 1000
    gauge.set(used=10, total=100)
    assert gauge.bar.property("level") == ""


@pytest.mark.parametrize(
    ("state", "word"),
    [
        ("starting", "starting"),
        ("not answering", "not answering"),
        ("dead", "stopped"),
        ("restarting", "restarting"),
    ],
)
def test_trouble_is_said_in_words(gauge, state, word):
    gauge.set(state=state)
    assert gauge.label.text() == word


def test_unknown_state_is_refused(gauge):
    with pytest.raises(ValueError, match="not answering"):
        gauge.set(state="tired")


def test_sizes_have_two_to_three_digits():
    assert [memory(m) for m in (8.2e8, 1.14e9, 1.3e11)] == ["820 MB", "1.1 GB", "130 GB"]
