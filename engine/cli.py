"""The headless command line, ``python -m engine``: list, describe, run, train, export.

Exit codes: 0 success, 1 a failure, 2 input that cannot be used (one line on stderr names
field, value and what is allowed), 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import msgspec

PROGRAM = "priorbench"


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{PROGRAM}: {message}\n")


def main(argv: Sequence[str]) -> int:
    """Do what the arguments say; returns the exit code."""
    arguments = _parser().parse_args(argv)
    # Only now, so that --help and a mistyped option need no torch.
    from engine.method import BadInput

    try:
        code: int = arguments.act(arguments)
    except BadInput as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader (head, less) has seen enough; nothing may be written at exit either.
        sys.stdout = None
        return 0
    return code


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog=PROGRAM, description="Run experiments without a window.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, act: Any, help: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=help, description=help)
        made.set_defaults(act=act)
        return made

    listing = command("list", _list, "what is installed: benches, methods and models")
    listing.add_argument("--json", action="store_true", help="for machines")
    about = command("describe", _describe, "everything about one method")
    about.add_argument("method", metavar="METHOD")
    about.add_argument("--json", action="store_true", help="for machines")
    _add_run(command("run", _run, "run a method and keep what comes out"))
    train = command("train", _train, "train a model; its own options follow its name")
    train.add_argument("model", metavar="MODEL")
    train.add_argument("options", nargs=argparse.REMAINDER)
    export = command("export", _export, "write a model as ONNX, checked against the network")
    export.add_argument("model", metavar="MODEL")
    export.add_argument("--out", type=Path, metavar="FILE", help="beside its weights if unsaid")
    cards = command("cards", _cards, "make the pictures of cards and help pages from real runs")
    cards.add_argument("name", nargs="*", metavar="NAME", help="only these; all if unsaid")
    whole = command("catalogue", _catalogue, "everything that is installed, as JSON")
    whole.add_argument("--out", type=Path, metavar="FILE", help="standard output if unsaid")
    return parser


def _add_run(run: argparse.ArgumentParser) -> None:
    run.add_argument("method", metavar="METHOD", help="as in `list`")
    run.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the run")
    run.add_argument(
        "--input",
        action="append",
        default=[],
        metavar="FILE",
        help="a picture, or sample:NAME; NAME=FILE where a bench takes several",
    )
    run.add_argument("--mask", action="append", default=[], metavar="FILE", help="a painted mask")
    run.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a setting of the method (steps=50) or of the problem (problem.blur.sigma=1.6)",
    )
    run.add_argument("--preset", metavar="NAME", help="named settings, as in `describe`")
    run.add_argument("--seed", type=int, metavar="N", help="0 if unsaid")
    run.add_argument("--device", metavar="NAME", help="auto, cpu, cuda:0, mps")
    run.add_argument("--backend", metavar="NAME", help="auto, torch, onnx")
    run.add_argument("--threads", type=int, metavar="N", help="of the processor")
    run.add_argument("--repeat", type=Path, metavar="DIR", help="as the run in DIR was")
    run.add_argument("--resume", action="store_true", help="go on where the run in --out stopped")


def _run(arguments: argparse.Namespace) -> int:
    from engine import headless
    from engine.messages import RunRequest
    from engine.method import BadInput

    names = ("preset", "seed", "device", "backend", "threads")
    given = {n: v for n in names if (v := getattr(arguments, n)) is not None}
    listed = {n: v for n in ("input", "mask", "set", "repeat") if (v := getattr(arguments, n))}
    method, folder = arguments.method, arguments.out
    if arguments.resume:
        if given or listed:
            told = ", ".join(f"--{name}" for name in (*given, *listed))
            raise BadInput(f"resume: a resumed run keeps its settings ({told} given)", "resume")
        request = headless.to_resume(method, folder)
    else:
        repeat = arguments.repeat
        request = headless.repeated(method, repeat) if repeat else RunRequest(method=method)
        request = msgspec.structs.replace(request, **given)
        request = headless.with_settings(request, arguments.set)
        request = headless.with_inputs(request, arguments.input, arguments.mask)
    with headless.stoppable() as stop:
        ending = headless.drive(request, folder, sys.stderr, stop, resume=arguments.resume)
    if ending.failure is not None:
        print(f"{PROGRAM}: {ending.failure.text}", file=sys.stderr)
        if ending.code == headless.FAILED and ending.failure.trace:
            print(ending.failure.trace, file=sys.stderr, end="")
    elif ending.record is not None:
        _tell(ending.record, folder)
        if ending.code == headless.STOPPED:
            again = shlex.join([PROGRAM, "run", method, "--resume", "--out", str(folder)])
            print(f"{PROGRAM}: stopped; to go on: {again}", file=sys.stderr)
    return ending.code


def _tell(record: Any, folder: Path) -> None:
    print(f"{record.title}: {record.status} after {record.steps} steps, {record.seconds:.1f} s")
    for name, value in record.metrics.items():
        print(f"  {name} {value:.6g}")
    for file in (*record.outputs.values(), "run.json"):
        print(f"  {folder / file}")


def _list(arguments: argparse.Namespace) -> int:
    from engine.discovery import installed

    catalogue = installed().catalogue
    if arguments.json:
        rows = [
            {
                "id": m.id,
                "bench": m.bench,
                "title": m.title,
                "summary": m.summary,
                "source": m.source,
                "package": m.package,
                "presets": [p.name for p in m.presets],
            }
            for m in catalogue.methods
        ]
        _print_json(
            {
                "benches": [{"id": b.id, "title": b.title} for b in catalogue.benches],
                "methods": rows,
                "models": [{"id": m.id, "title": m.title} for m in catalogue.models],
                "broken": catalogue.broken,
            }
        )
        return 0
    ids = [m.id for m in catalogue.methods] + [m.id for m in catalogue.models]
    width = max(map(len, ids), default=0)
    for bench in catalogue.benches:
        print(f"{bench.title}: {bench.summary}")
        for method in catalogue.methods_of(bench.id):
            print(f"  {method.id:<{width}}  {method.title}. {method.summary}")
    if catalogue.models:
        print("Models")
    for model in catalogue.models:
        print(f"  {model.id:<{width}}  {model.title}. {model.summary}")
    for module, reason in catalogue.broken.items():
        print(f"left out: {module}: {reason}", file=sys.stderr)
    return 0


def _describe(arguments: argparse.Namespace) -> int:
    from engine.describe import as_text
    from engine.discovery import installed
    from engine.plan import declaration

    declaration(arguments.method)  # says what is known, or why it is broken
    catalogue = installed().catalogue
    method = catalogue.method(arguments.method)
    bench = catalogue.bench(method.bench)
    if arguments.json:
        _print_json({"method": method, "bench": bench})
    else:
        print(as_text(method, bench))
    return 0


def _catalogue(arguments: argparse.Namespace) -> int:
    from engine.discovery import installed
    from engine.records import write_json

    catalogue = installed().catalogue
    if arguments.out is None:
        _print_json(catalogue)
    else:
        write_json(arguments.out, catalogue)
    return 0


def _cards(arguments: argparse.Namespace) -> int:
    from engine import cards, help_pictures
    from engine.discovery import ASSETS, installed

    cards.write_all(arguments.name, sys.stderr)
    for method in installed().catalogue.methods:
        if method.id in (arguments.name or [method.id]):
            help_pictures.make(method.id, ASSETS / "help", sys.stderr)
    return 0


def _train(arguments: argparse.Namespace) -> int:
    from engine.method import BadInput
    from engine.models import zoo

    if arguments.model not in zoo.TRAINERS:
        known = ", ".join(zoo.TRAINERS) or "none"
        raise BadInput(f"model: {arguments.model!r} cannot be trained (allowed {known})", "model")
    zoo.TRAINERS[arguments.model](arguments.options)
    return 0


def _export(arguments: argparse.Namespace) -> int:
    from engine.models import zoo

    path, difference = zoo.export(arguments.model, arguments.out)
    print(f"{path}  (differs from the network by at most {difference:.2g})")
    return 0


def _print_json(value: Any) -> None:
    print(msgspec.json.format(msgspec.json.encode(value), indent=1).decode())
