#!/usr/bin/env python3
"""Set Priorbench up and start it. Needs nothing but Python 3.11 or newer.

- ``python3 start.py``: the window; without a display, a headless demo
- ``python3 start.py test``: every check and test
- ``python3 start.py ARGS...``: the ``priorbench`` command with these arguments
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENV = HERE / ".venv"
WINDOWS = os.name == "nt"
PYTHON = VENV / ("Scripts/python.exe" if WINDOWS else "bin/python")
TORCH = "2.13.0"

# What Qt needs of a Linux system, as library -> Debian package.
WINDOW_LIBRARIES = {
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libfontconfig.so.1": "libfontconfig1",
    "libdbus-1.so.3": "libdbus-1-3",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-xinerama.so.0": "libxcb-xinerama0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
}
TEST_PROGRAMS = {"Xvfb": "xvfb", "xauth": "xauth"}


def say(text: str) -> None:
    """Tell the person what goes on."""
    print(f"priorbench: {text}", flush=True)


def stop(text: str) -> None:
    """End with one clear line."""
    raise SystemExit(f"priorbench: {text}")


def run(command: list[str], *, quiet: bool = False) -> bool:
    """Whether a command succeeded."""
    output = subprocess.DEVNULL if quiet else None
    return subprocess.run(command, stdout=output, stderr=output, check=False).returncode == 0


def has_display() -> bool:
    """Whether a window can be opened."""
    if sys.platform.startswith("linux"):
        return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return True


def lacks(library: str) -> bool:
    """Whether the system cannot load a shared library."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return True
    return False


def system_packages(packages: list[str]) -> None:
    """Install Debian packages when that is allowed; otherwise say the exact command."""
    if not packages:
        return
    names = " ".join(packages)
    if shutil.which("apt-get") is None:
        stop(f"system packages are missing; please install what Debian calls: {names}")
    if os.geteuid() != 0:
        root = "sudo sh" if shutil.which("sudo") else "su"
        command = f'{root} -c "apt-get update && apt-get install -y {names}"'
        stop(f"system packages are missing; please run this, then start again:\n{command}")
    say(f"installing the system packages {names}")
    os.environ.setdefault("DEBIAN_FRONTEND", "noninteractive")
    install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages]
    if not run(install, quiet=True) and not (run(["apt-get", "update", "-q"]) and run(install)):
        stop(f"could not install the system packages {names}")


def system_needs(*, window: bool, testing: bool) -> None:
    """See that a Linux system has what pip cannot bring: all at once, before the long wait."""
    if not sys.platform.startswith("linux"):
        return
    missing = []
    # Debian's Python comes without the part that makes environments.
    if importlib.util.find_spec("ensurepip") is None and not has_environment():
        missing.append(f"python{sys.version_info.major}.{sys.version_info.minor}-venv")
    if window:
        missing += sorted({p for library, p in WINDOW_LIBRARIES.items() if lacks(library)})
    if testing:
        missing += [p for name, p in TEST_PROGRAMS.items() if shutil.which(name) is None]
    system_packages(missing)


def has_environment() -> bool:
    """Whether the virtual environment is there, with pip in it: making it can be interrupted."""
    return PYTHON.exists() and run([str(PYTHON), "-c", "import pip"], quiet=True)


def make_environment() -> None:
    """Create the virtual environment."""
    if not has_environment() and not run([sys.executable, "-m", "venv", "--clear", str(VENV)]):
        stop("could not make a virtual environment in .venv")


def install(extras: str) -> None:
    """Install the project, once per state of its declaration."""
    state = hashlib.sha256(
        (HERE / "pyproject.toml").read_bytes() + Path(__file__).read_bytes()
    ).hexdigest()
    stamp = VENV / f"installed{extras.strip('[]')}.txt"
    if PYTHON.exists() and stamp.exists() and stamp.read_text() == state:
        return
    say("setting up; the first time this takes a few minutes")
    make_environment()
    pip = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "install", "-q"]
    if not install_torch(pip):
        stop(f"could not install torch {TORCH}; is there a network?")
    if not run([*pip, "-e", f"{HERE}{extras}"]):
        stop("could not install the dependencies; is there a network?")
    # With the catalogue made now, the first window is whole at once.
    run([str(PYTHON), "-m", "app.catalogue_cache"], quiet=True)
    stamp.write_text(state)


def install_torch(pip: list[str]) -> bool:
    """Install the build for this machine: without a driver the CPU one saves gigabytes."""
    probe = f"import torch; assert torch.__version__.split('+')[0] == '{TORCH}'"
    if run([str(PYTHON), "-c", probe], quiet=True):
        return True
    # Not every package index offers the CPU build by its own name.
    cpu = not nvidia_driver() and run([*pip, f"torch=={TORCH}+cpu"], quiet=True)
    return cpu or run([*pip, f"torch=={TORCH}"])


def nvidia_driver() -> bool:
    """Whether an NVIDIA driver answers."""
    if sys.platform == "darwin" or shutil.which("nvidia-smi") is None:
        return False
    return run(["nvidia-smi", "-L"], quiet=True)


def go(arguments: list[str]) -> int:
    """Run the environment's Python and wait; Ctrl-C reaches it as well."""
    command = [str(PYTHON), *arguments]
    if not WINDOWS:
        os.execv(command[0], command)
    return subprocess.call(command)


def demo() -> int:
    """Restore a real photograph without a window."""
    out = Path.cwd() / "priorbench-demo"
    say(f"no display: restoring a photograph headless into {out}")
    code = subprocess.call(
        [str(PYTHON), "-m", "engine", "run", "restoration.plug_and_play",
         "--input", "sample:astronaut", "--set", "problem.damage=blur",
         "--out", str(out)]
    )  # fmt: skip
    if code == 0:
        say(f"the restored picture: {out / 'restored.png'}")
        say(f"before and after:     {out / 'comparison.png'}")
    return code


def test(arguments: list[str]) -> int:
    """Lint, types, import rules, then the tests; the last line is pytest's."""
    os.chdir(HERE)
    lint_imports = PYTHON.with_name("lint-imports.exe" if WINDOWS else "lint-imports")
    for what, command in {
        "style": [str(PYTHON), "-m", "ruff", "check", "."],
        "format": [str(PYTHON), "-m", "ruff", "format", "--check", "."],
        "types": [str(PYTHON), "-m", "mypy"],
        "who imports whom": [str(lint_imports)],
    }.items():
        say(f"checking {what}")
        if not run(command):
            return 1
    return subprocess.call([str(PYTHON), "-m", "pytest", *arguments])


def main(arguments: list[str]) -> int:
    """Set up what is missing, then do what was asked."""
    if sys.version_info < (3, 11):
        stop(f"Python 3.11 or newer is needed; this is {platform.python_version()}")
    testing = arguments[:1] == ["test"]
    headless = not arguments and not has_display()
    window = not headless and arguments[:1] in ([], ["test"], ["screenshot"])
    system_needs(window=window, testing=testing)
    install("[dev]" if testing else "")
    if testing:
        return test(arguments[1:])
    return demo() if headless else go(["-m", "app", *arguments])


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
