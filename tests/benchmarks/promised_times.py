"""How long every preset and every example takes, beside the seconds that the window promises.

    python tests/benchmarks/promised_times.py [--only traversal] [--only dps] [--threads 2]
        [--longest 120] [--picture emoji-crab]

Each runs once to its end with its own default picture, as `priorbench run` runs it; or, with
``--picture``, the presets of restoration with that sample and what is promised for its size. The
seconds are those of its run record, without the start of the program. Interactive methods, which
end when a person says so, run until nothing more is asked. What promises more than ``--longest``
is left out.
On a machine with nothing else to do. Ends with 1 if a promise is off by more than a factor of two
and more than five seconds, or a run fails.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from _common import fresh_home, table

from app import engine_cli, words
from engine.catalogue import ExampleSpec, MethodSpec
from engine.data.pictures import read_picture, samples
from engine.discovery import installed

#: A promise may be off by this factor, or by these seconds.
FACTOR, GRACE = 2.0, 5.0


def of_example(example: ExampleSpec) -> list[str]:
    """The arguments that run an example."""
    fields = {f"problem.{k}": v for k, v in example.problem.items()} | example.params
    given = [f"--set={k}={v if isinstance(v, str) else json.dumps(v)}" for k, v in fields.items()]
    return [example.method, *given, *(f"--input={k}={v}" for k, v in example.inputs.items())]


def promises(only: list[str], picture: str) -> Iterator[tuple[str, list[str], float]]:
    """Name, arguments and promised seconds of every preset and example that makes a promise."""
    pixels, given = words.USUAL_PIXELS, []
    if picture:
        found = read_picture(samples()[picture].path)
        pixels, given = found.width * found.height, [f"--input=picture=sample:{picture}"]

    def wanted(method: str) -> bool:
        named = not only or any(part in method for part in only)
        return named and (not picture or method.startswith("restoration."))

    catalogue = installed().catalogue
    methods: list[MethodSpec] = [m for m in catalogue.methods if wanted(m.id)]
    for method in methods:
        for preset in method.presets:
            seconds = words.expected(preset, pixels)
            if seconds is not None:
                arguments = [method.id, f"--preset={preset.name}", *given]
                yield f"{method.id}: {preset.title}", arguments, seconds
    for bench in catalogue.benches if not picture else ():
        for example in bench.examples:
            if wanted(example.method):
                yield example.title, of_example(example), example.seconds


def taken(arguments: list[str], threads: int, out: Path) -> float | None:
    """Seconds of one run, or None with its complaint on the screen."""
    done = subprocess.run(
        engine_cli.command("run", *arguments, f"--threads={threads}", f"--out={out}"),
        env=engine_cli.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        print(done.stderr[-500:], file=sys.stderr)
        return None
    return float(json.loads((out / "run.json").read_text(encoding="utf-8"))["seconds"])


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--only", action="append", default=[], help="part of a method's id")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--longest", type=float, default=120.0, help="seconds promised")
    parser.add_argument("--picture", default="", help="name of a sample")
    args = parser.parse_args(argv)
    rows = []
    missed = False
    with fresh_home(catalogue=False), tempfile.TemporaryDirectory() as scratch:
        wanted = [p for p in promises(args.only, args.picture) if p[2] <= args.longest]
        for number, (name, arguments, said) in enumerate(wanted):
            seconds = taken(arguments, args.threads, Path(scratch, str(number)))
            if seconds is None:
                verdict = "FAILED"
            else:
                near = max(seconds, said) <= FACTOR * min(seconds, said)
                verdict = "kept" if near or abs(seconds - said) <= GRACE else "OFF"
            missed |= verdict != "kept"
            rows.append((name, f"{said:g}", "-" if seconds is None else f"{seconds:.1f}", verdict))
            print(*rows[-1], flush=True)
    print()
    table(("preset or example", "promised s", "took s", "verdict"), rows)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
