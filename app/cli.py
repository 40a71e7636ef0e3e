"""The command line: opens the window, or hands a headless command to the engine.

Nothing here imports Qt until a window is really opened, so that headless commands
start at once and work where Qt has no screen.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from app import display, engine_cli

#: Commands that the engine answers; their options and help are its own.
ENGINE_COMMANDS = {
    "list": "what is installed: benches, methods and models (--json for machines)",
    "describe": "everything about one method: describe METHOD",
    "run": "run a method: run METHOD [--input FILE] [--set key=value ...] [--seed N] --out DIR",
    "train": "train a model: train MODEL [--data DIR] [--resume]",
    "export": "write a model as ONNX: export MODEL",
    "cards": "make the pictures of cards and help pages from real runs: cards [NAME ...]",
}
#: Commands that this module answers.
WINDOW_COMMANDS = ("screenshot", "bench")
BENCHMARKS = engine_cli.ROOT / "tests" / "benchmarks"


def main(argv: Sequence[str]) -> int:
    """Do what ``argv`` (without the program's name) says; the exit code.

    0 success, 1 a failure, 2 something in the command line or its files cannot be used.
    """
    if argv and argv[0] in ENGINE_COMMANDS:
        return hand_over(engine_cli.command(*argv))
    word = argv[0] if argv else ""
    if word and not word.startswith("-") and word not in WINDOW_COMMANDS:
        known = ", ".join(sorted({*ENGINE_COMMANDS, *WINDOW_COMMANDS}))
        return _complain(f"priorbench: there is no command {word!r}; there are: {known}")
    arguments = _parser().parse_args(argv)
    if arguments.command == "screenshot":
        return _screenshot(arguments)
    if arguments.command == "bench":
        return _bench(arguments.name, only_list=arguments.list)
    return _window()


def _parser() -> argparse.ArgumentParser:
    engine = "\n".join(f"  {name:<12}{text}" for name, text in ENGINE_COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="priorbench",
        description="A workbench to run and watch experiments with learned priors.\n"
        "Without a command, the window opens.",
        epilog=f"commands that need no screen:\n{engine}\n\nCOMMAND --help tells its options.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=_version())
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    picture = commands.add_parser(
        "screenshot", help="write a picture of a page of the window, with a real run in it"
    )
    picture.add_argument(
        "page", help="start, a bench such as restoration, history, models or settings"
    )
    picture.add_argument("file", type=Path, help="the PNG file to write")
    picture.add_argument("--theme", choices=("dark", "light"), default="dark")
    picture.add_argument(
        "--size", type=_size, default=(1280, 800), metavar="WxH", help="pixels; 1280x800 if unsaid"
    )
    picture.add_argument(
        "--race",
        default="",
        metavar="METHOD,METHOD",
        help="two to four methods that run against each other",
    )
    picture.add_argument(
        "--state",
        choices=("before", "during", "after"),
        default="after",
        help="of a run on a bench page",
    )
    picture.add_argument("--method", default="", help="the method to run; else the page's first")
    picture.add_argument(
        "--animate", type=Path, metavar="FILE", help="also write the run as a moving GIF or WebP"
    )
    bench = commands.add_parser("bench", help="run the measured comparisons and print their tables")
    bench.add_argument("name", nargs="*", help="only these; all if none is given")
    bench.add_argument("--list", action="store_true", help="only say which there are")
    return parser


def hand_over(command: list[str]) -> int:
    """Become another program, or where that cannot be, run it; its exit code.

    On POSIX this process is replaced: signals reach the program itself and its exit code
    is ours, with nothing in between that could die on its own.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    environment = engine_cli.environment()
    if os.name == "posix":
        os.execve(command[0], command, environment)
    child = subprocess.Popen(command, env=environment)
    # Control-C reaches the child as well; it decides what becomes of it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return child.wait()


def _window() -> int:
    problem = display.problem()
    if problem:
        return _complain(
            f"The window cannot open: {problem}. "
            "Without a screen use: priorbench run METHOD --out DIR (priorbench --help tells more)."
        )
    from app.application import run

    return run()


def _screenshot(arguments: argparse.Namespace) -> int:
    suffix = arguments.file.suffix.lower()
    if suffix != ".png":
        return _complain(f"file: {arguments.file} ends in {suffix or 'nothing'}; allowed: .png")
    animation: Path | None = arguments.animate
    if animation is not None and animation.suffix.lower() not in {".gif", ".webp"}:
        return _complain(f"--animate: {animation} is neither .gif nor .webp")
    if display.problem():
        # Qt can draw without a screen; only the person could not see it.
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    from app.screenshots import Shot, take

    return take(
        Shot(
            page=arguments.page,
            file=arguments.file,
            theme=arguments.theme,
            size=arguments.size,
            state=arguments.state,
            method=arguments.method,
            race=tuple(name for name in arguments.race.split(",") if name),
            animation=animation,
        )
    )


def _bench(names: list[str], *, only_list: bool) -> int:
    scripts = {path.stem: path for path in sorted(BENCHMARKS.glob("*.py")) if path.stem[0] != "_"}
    if not scripts:
        return _complain(f"There are no benchmarks in {BENCHMARKS}: they come with the source.")
    for name in names:
        if name not in scripts:
            return _complain(f"bench: {name!r} is unknown; allowed: {', '.join(scripts)}")
    if only_list:
        print("\n".join(scripts))
        return 0
    failed = []
    for name in names or scripts:
        print(f"\n== {name} ==", flush=True)
        command = [sys.executable, str(scripts[name])]
        if subprocess.run(command, env=engine_cli.environment(), check=False).returncode:
            failed.append(name)
    return _complain(f"failed: {', '.join(failed)}", code=1) if failed else 0


def _size(text: str) -> tuple[int, int]:
    with contextlib.suppress(ValueError):
        width, height = (int(part) for part in text.lower().split("x"))
        if 320 <= width <= 7680 and 240 <= height <= 4320:
            return width, height
    raise argparse.ArgumentTypeError(f"{text!r} is not a size; allowed: 320x240 to 7680x4320")


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"priorbench {version('priorbench')}"
    except PackageNotFoundError:
        return "priorbench (not installed)"


def _complain(text: str, code: int = 2) -> int:
    print(text, file=sys.stderr)
    return code
