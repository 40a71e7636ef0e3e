"""What ``start.py`` says and does where the system lacks something."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="only Linux lacks system libraries"
)


@pytest.fixture
def start(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """``start.py`` on a machine that has Python and apt-get, and nothing else."""
    spec = importlib.util.spec_from_file_location("start", repository / "start.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(module, "PYTHON", tmp_path / ".venv" / "bin" / "python")
    monkeypatch.setattr(module, "lacks", lambda library: True)
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: None)
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    programs(monkeypatch, "apt-get")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    return module


def programs(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}" if name in names else None)


def refusal(start: ModuleType, *arguments: str) -> str:
    with pytest.raises(SystemExit) as stopped:
        start.main(list(arguments))
    return str(stopped.value)


def test_a_person_gets_the_whole_command_at_once(start, monkeypatch) -> None:
    venv = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    libraries = " ".join(sorted(set(start.WINDOW_LIBRARIES.values())))
    expected = f'-c "apt-get update && apt-get install -y {venv} {libraries} xvfb xauth"'
    assert refusal(start, "test").splitlines()[1:] == [f"su {expected}"]
    programs(monkeypatch, "apt-get", "sudo")
    assert refusal(start, "test").splitlines()[1:] == [f"sudo sh {expected}"]


def test_without_a_screen_no_window_library_is_asked_for(start, monkeypatch) -> None:
    assert refusal(start).endswith('-venv"')
    monkeypatch.setenv("DISPLAY", ":0")
    assert "libegl1" in refusal(start)


def test_a_screenshot_needs_the_window_libraries(start) -> None:
    assert "libegl1" in refusal(start, "screenshot", "start", "start.png")
    assert "libegl1" not in refusal(start, "list")


def test_root_has_them_installed_after_fetching_the_lists(start, monkeypatch) -> None:
    commands = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("DEBIAN_FRONTEND", "noninteractive")

    def run(command: list[str], *, quiet: bool = False) -> bool:
        commands.append(command[:2])
        return not quiet

    monkeypatch.setattr(start, "run", run)
    start.system_needs(window=True, testing=True)
    install = ["apt-get", "install"]
    assert commands == [install, ["apt-get", "update"], install]


def test_elsewhere_the_packages_are_named(start, monkeypatch) -> None:
    programs(monkeypatch)
    assert "what Debian calls: python3" in refusal(start)
