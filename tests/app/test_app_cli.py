"""The command line as a person meets it: exit codes, one clear line, signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app import cli, display, engine_cli

ROOT = Path(__file__).parents[2]
NO_SCREEN = {"DISPLAY": "", "WAYLAND_DISPLAY": "", "QT_QPA_PLATFORM": ""}


def priorbench(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "app", *arguments]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **environment},
        check=False,
        timeout=120,
    )


def test_version_and_help() -> None:
    assert priorbench("--version").stdout.startswith("priorbench ")
    text = priorbench("--help").stdout
    assert all(command in text for command in [*cli.ENGINE_COMMANDS, "screenshot", "bench"])


def test_a_mistyped_command_is_told_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["fly"]) == 2
    line = capsys.readouterr().err
    assert all(command in line for command in [*cli.ENGINE_COMMANDS, *cli.WINDOW_COMMANDS])


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="screens of Linux")
def test_without_a_screen_one_line_says_what_to_do() -> None:
    done = priorbench(**NO_SCREEN)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "priorbench run" in done.stderr
    done = priorbench(**{**NO_SCREEN, "DISPLAY": ":987"})
    assert done.returncode == 2
    assert "':987'" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["fly"], "fly"),
        (["screenshot", "cellar", "x.png"], "cellar"),
        (["screenshot", "start", "x.jpg"], ".jpg"),
        (["screenshot", "start", "x.png", "--size", "9x9"], "9x9"),
        (["screenshot", "start", "x.png", "--animate", "x.mp4"], "x.mp4"),
    ],
)
def test_bad_input_is_named_and_exits_2(arguments: list[str], word: str) -> None:
    done = priorbench(*arguments, **NO_SCREEN)
    assert done.returncode == 2
    assert word in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_headless_commands_reach_the_engine() -> None:
    done = priorbench("list", "--json", **NO_SCREEN)
    assert done.returncode == 0, done.stderr
    assert "restoration.wiener" in {m["id"] for m in json.loads(done.stdout)["methods"]}


def test_the_engine_s_exit_code_is_ours() -> None:
    done = priorbench("run", "restoration.nothing", "--out", "x", **NO_SCREEN)
    assert done.returncode == 2
    assert "restoration.nothing" in done.stderr


def test_a_folder_named_engine_where_one_works_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / "engine").mkdir()
    (tmp_path / "engine" / "__main__.py").write_text("raise SystemExit(77)")
    done = subprocess.run(
        engine_cli.command("list"),
        cwd=tmp_path,
        env=engine_cli.environment(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0


@pytest.mark.skipif(os.name != "posix", reason="POSIX signals")
def test_signals_reach_the_program_that_took_over() -> None:
    program = "import signal; print('ready', flush=True); signal.pause()"
    code = (
        f"import sys; from app.cli import hand_over; hand_over([sys.executable, '-c', {program!r}])"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=ROOT)
    assert child.stdout is not None
    assert child.stdout.readline() == b"ready\n"
    child.send_signal(signal.SIGTERM)
    assert child.wait(20) == -signal.SIGTERM
    child.stdout.close()


def test_a_headless_command_imports_no_qt() -> None:
    code = (
        "import sys, os, subprocess, app.__main__\n"
        "def stop(*_, **__):\n"
        "    print('PySide6' in sys.modules, 'torch' in sys.modules)\n"
        "    raise SystemExit\n"
        "os.execve = subprocess.Popen = stop\n"
        "sys.argv = ['priorbench', 'list']\n"
        "app.__main__.main()\n"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_screens_are_recognized(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    assert "neither" in display.problem({})
    assert display.problem({"WAYLAND_DISPLAY": "wayland-0"}) == ""
    assert display.problem({"QT_QPA_PLATFORM": "offscreen"}) == ""
    for bad in ("nonsense", ":", ":9999", "localhost:9998"):
        assert "does not answer" in display.problem({"DISPLAY": bad})
    monkeypatch.setattr(sys, "platform", "darwin")
    assert display.problem({}) == ""


def test_bench_lists_and_runs_scripts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "good.py").write_text("print('| a | 1.5 |')")
    (tmp_path / "bad.py").write_text("raise SystemExit(3)")
    (tmp_path / "_shared.py").write_text("raise SystemExit(9)")
    monkeypatch.setattr(cli, "BENCHMARKS", tmp_path)
    assert cli.main(["bench", "--list"]) == 0
    assert capfd.readouterr().out.split() == ["bad", "good"]
    assert cli.main(["bench", "good"]) == 0
    assert "| a | 1.5 |" in capfd.readouterr().out
    assert cli.main(["bench", "cellar"]) == 2
    assert "'cellar' is unknown; allowed: bad, good" in capfd.readouterr().err
    assert cli.main(["bench"]) == 1
    assert "failed: bad" in capfd.readouterr().err
