"""The window dies, or has hardly any shared memory: nothing is left, nobody is killed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from multiprocessing import resource_tracker
from pathlib import Path

import psutil
import pytest
from watched_engine import PLUGIN

from app import slots
from engine.frames import SHM_FOLDER

HERE = Path(__file__).parent
COMMAND = [sys.executable, str(HERE / "window.py")]


def environment() -> dict[str, str]:
    paths = [str(HERE.parents[1]), str(HERE), str(PLUGIN), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("trouble", ["none", "holding the lock"])
def test_a_killed_window_takes_its_engine_with_it(tmp_path, trouble):
    with subprocess.Popen(
        [*COMMAND, str(tmp_path / "run"), trouble, "64"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment(),
    ) as window:
        assert window.stdout is not None
        engine = psutil.Process(int(window.stdout.readline().split()[1]))
        assert window.stdout.readline() == "stepping\n"
        if trouble != "none":
            assert window.stdout.readline() == "not answering\n"
        trackers = [
            child
            for child in psutil.Process(window.pid).children()
            if "resource_tracker" in " ".join(child.cmdline())
        ]
        for tracker in trackers:  # it would tidy up; here nobody does
            tracker.kill()
        window.kill()
        _, alive = psutil.wait_procs([engine, *trackers], timeout=30.0)
        assert alive == []
    mine = f"{slots.PREFIX}-{window.pid:x}-"
    assert not SHM_FOLDER.is_dir() or any(p.name.startswith(mine) for p in SHM_FOLDER.iterdir())
    slots.sweep()
    assert not SHM_FOLDER.is_dir() or not any(p.name.startswith(mine) for p in SHM_FOLDER.iterdir())


@pytest.mark.skipif(not SHM_FOLDER.is_dir(), reason="segments cannot be listed here")
def test_the_sweep_spares_the_living():
    living = SHM_FOLDER / slots.fresh_name()
    reborn = SHM_FOLDER / f"{slots.PREFIX}-{os.getpid():x}-1-0"
    strange = SHM_FOLDER / f"{slots.PREFIX}-what"
    for path in (living, reborn, strange):
        path.write_bytes(b"")
    try:
        removed = slots.sweep()
        assert living.exists()
        assert {reborn.name, strange.name} <= set(removed)
    finally:
        for path in (living, reborn, strange):
            path.unlink(missing_ok=True)


def can_mount() -> bool:
    if sys.platform != "linux" or os.geteuid() != 0 or shutil.which("unshare") is None:
        return False
    trial = ["unshare", "-m", "sh", "-c", "mount -t tmpfs -o size=8m tmpfs /dev/shm"]
    return subprocess.run(trial, capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not can_mount(), reason="needs root on Linux, to mount a small /dev/shm")
def test_eight_megabytes_of_shared_memory_are_no_danger(tmp_path):
    # 1024 x 1024 x 3 bytes, three times, are 9 MB.
    command = [*COMMAND, str(tmp_path / "run"), "none", "1024"]
    script = 'mount -t tmpfs -o size=8m tmpfs /dev/shm && exec "$@"'
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script, "sh", *command],
        capture_output=True,
        text=True,
        env=environment(),
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    finished = done.stdout.splitlines()[-1].split()
    assert finished[0] == "finished"
    assert int(finished[1]) > 2
    assert "leaked" not in done.stderr


def test_the_window_never_imports_torch_and_the_engine_never_qt(tmp_path):
    code = "import sys, app.engine_client; sys.exit(any(m in sys.modules for m in {}))"
    heavy = ["torch", "scipy", "skimage", "pydantic", "engine.host", "engine.jobs"]
    one = subprocess.run([sys.executable, "-c", code.format(heavy)], env=environment(), check=False)
    assert one.returncode == 0
    code = "import sys, engine.host, engine.queries; sys.exit('PySide6' in sys.modules)"
    other = subprocess.run([sys.executable, "-c", code], env=environment(), check=False)
    assert other.returncode == 0


def test_both_sides_share_one_resource_tracker(engine):
    """Attaching must not make the engine's tracker remove what the window owns."""
    job = engine.walk(steps=1_000_000, delay=5, size=64)
    engine.wait(lambda: len([f for f in engine.frames if not f[4]]) > 2)
    trackers = [
        child
        for child in psutil.Process(engine.client.pid).children(recursive=True)
        if "resource_tracker" in " ".join(child.cmdline())
    ]
    assert trackers == []
    assert resource_tracker._resource_tracker._fd is not None
    engine.client.control(job, "cancel")
    engine.over(job)
    assert not any("leaked" in line for line in engine.lines())
    assert threading.active_count() < 12
