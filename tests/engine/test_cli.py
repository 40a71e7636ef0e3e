from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.catalogue import Catalogue
from engine.cli import main
from engine.headless import Stop, drive, with_inputs, with_settings
from engine.messages import RunRequest
from engine.method import BadInput
from engine.models.zoo import TRAINERS
from engine.progress import Progress, clock
from engine.records import read_record

pytestmark = pytest.mark.usefixtures("plugin")

RUN = ["run", "toy.descent", "--set", "steps=8"]


def command(repository: Path, plugin: Path, *arguments: str) -> tuple[list[str], dict[str, str]]:
    environment = {**os.environ, "PYTHONPATH": f"{repository}{os.pathsep}{plugin}"}
    return [sys.executable, "-m", "engine", *arguments], environment


# --- in a process of its own: exit codes and streams -------------------------------------


def test_a_run_from_the_shell(repository: Path, plugin: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words, environment = command(repository, plugin, *RUN, "--seed", "5", "--out", str(out))
    done = subprocess.run(
        words, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "8/8" in done.stderr
    assert "100%" in done.stderr
    assert str(out / "found.png") in done.stdout
    assert (out / "found.png").is_file()
    record = read_record(out)
    assert (record.status, record.steps, record.seeds["seed"]) == ("finished", 8, 5)


def test_bad_input_from_the_shell_is_one_line_and_exit_code_2(
    repository: Path, plugin: Path, tmp_path: Path
) -> None:
    arguments = (*RUN, "--set", "problem.noise.sigma=99", "--out", str(tmp_path / "out"))
    words, environment = command(repository, plugin, *arguments)
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        "priorbench: problem.noise.sigma: 99 is above 20 (allowed 0.1 to 20 px)\n"
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C is sent as a signal")
def test_ctrl_c_keeps_a_checkpoint_and_says_how_to_go_on(
    repository: Path, plugin: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    endless = ("run", "toy.descent", "--set", "steps=1000000000", "--out", str(out))
    steps = []
    for arguments in (endless, ("run", "toy.descent", "--resume", "--out", str(out))):
        words, environment = command(repository, plugin, *arguments)
        with subprocess.Popen(
            words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stderr is not None
            assert process.stderr.readline()  # the first progress: it runs
            process.send_signal(signal.SIGINT)
            told, wrong = process.communicate()
        assert process.returncode == 130, wrong
        assert f"to go on: priorbench run toy.descent --resume --out {out}" in wrong
        assert "Traceback" not in wrong
        assert "cancelled" in told
        steps.append(read_record(out).steps)
        assert (out / "checkpoint.safetensors").is_file()
    assert steps[1] >= steps[0]


def test_listing_does_not_import_more_than_it_must(repository: Path, plugin: Path) -> None:
    code = (
        "import sys; from engine.cli import main; main(['list']);"
        "heavy = {'skimage', 'scipy', 'onnx', 'onnxruntime', 'onnxscript', 'pyqtgraph'};"
        "print(sorted(heavy & set(sys.modules)), 'PySide6' in sys.modules)"
    )
    _, environment = command(repository, plugin)
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[] False"


def test_help_needs_no_torch(repository: Path, plugin: Path) -> None:
    code = (
        "import sys; from engine.cli import main\n"
        "try: main(['run', '--help'])\n"
        "except SystemExit: print('torch' in sys.modules)"
    )
    _, environment = command(repository, plugin)
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "False"


# --- in this process ---------------------------------------------------------------------


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(arguments)
    out, wrong = capsys.readouterr()
    return code, out, wrong


def test_list_shows_what_is_installed(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, wrong = said(capsys, "list")
    assert code == 0
    assert re.search(r"^  toy\.descent +Gradient descent\. Walks downhill\.$", out, re.MULTILINE)
    assert "left out: toybench.bench: example 'Lost'" in wrong
    code, out, _ = said(capsys, "list", "--json")
    found = json.loads(out)
    assert {"toy.descent", "toy.board"} <= {m["id"] for m in found["methods"]}


def test_describe_tells_everything(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, "describe", "toy.descent")
    assert code == 0
    for part in (
        "Gradient descent (toy.descent)",
        "Robbins and Monro",
        "schedule.rate",
        "can change during a run",
        "problem.noise.sigma",
        "0.1 to 20 px",
        "where problem.noise.kind is normal",
        "one of 1, 2, 4",
        "fast",
    ):
        assert part in out
    code, out, _ = said(capsys, "describe", "toy.descent", "--json")
    assert json.loads(out)["method"]["id"] == "toy.descent"


def test_catalogue_is_written_whole(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "catalogue.json"
    assert main(["catalogue", "--out", str(file)]) == 0
    _, out, _ = said(capsys, "catalogue")
    for data in (file.read_bytes(), out.encode()):
        assert msgspec.json.decode(data, type=Catalogue).method("toy.board").title


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["run", "toy.decent"], "method: 'toy.decent' is unknown; did you mean toy.descent?"),
        (["describe", "nothing"], "method: 'nothing' is unknown"),
        ([*RUN, "--set", "steps"], "--set: 'steps' is not key=value"),
        ([*RUN, "--set", "steps=many"], "steps: 'many' is not a whole number (allowed 1 to"),
        ([*RUN, "--set", "stepz=1"], "stepz: there is no such setting; did you mean steps?"),
        ([*RUN, "--preset", "slow"], "preset: 'slow' is unknown (allowed default, fast)"),
        ([*RUN, "--seed", "-1"], "seed: -1 is out of range"),
        ([*RUN, "--device", "tpu"], "device: 'tpu' is not here (allowed auto, cpu"),
        ([*RUN, "--backend", "jax"], "backend: 'jax' is unknown"),
        ([*RUN, "--input", "/no/such.png"], "picture: '/no/such.png' is not there"),
        ([*RUN, "--mask", "/no/such.png"], "mask: toy.descent takes none"),
        ([*RUN, "--repeat", "/no/such"], "repeat: there is no record of a run in /no/such"),
        (["run", "toy.descent", "--resume"], "resume: there is no run to go on with"),
        (["run", "toy.descent", "--resume", "--seed", "1"], "resume: a resumed run keeps"),
        (["train", "no-model"], "model: 'no-model' cannot be trained (allowed"),
        (["export", "no-model"], "prior: 'no-model' is not a model that ships"),
    ],
)
def test_bad_input_is_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, arguments: list[str], line: str
) -> None:
    out = tmp_path / "out"
    more = ["--out", str(out)] if arguments[0] == "run" else []
    code, told, wrong = said(capsys, *arguments, *more)
    assert code == 2
    assert told == ""
    assert wrong.startswith(f"priorbench: {line}")
    assert wrong.count("\n") == 1
    assert not out.exists()


@pytest.mark.parametrize(
    "arguments", [[], ["dance"], ["run"], ["run", "toy.descent"], [*RUN, "--seed", "x"]]
)
def test_a_mistyped_command_is_one_line(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    wrong = capsys.readouterr().err
    assert wrong.startswith("priorbench: ")
    assert wrong.count("\n") == 1


def test_a_problem_that_cannot_be_built_is_bad_input(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, _, wrong = said(capsys, *RUN, "--set", "problem.size=13", "--out", str(tmp_path / "o"))
    assert code == 2
    assert wrong.splitlines() == [
        "priorbench: problem.size: 13 brings bad luck (allowed 2 to 4096 but 13)"
    ]
    assert read_record(tmp_path / "o").status == "failed"


def test_a_run_can_be_repeated_and_varied(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    first, second, third = (str(tmp_path / name) for name in "abc")
    assert main([*RUN, "--preset", "fast", "--seed", "9", "--out", first]) == 0
    assert main(["run", "toy.descent", "--repeat", first, "--out", second]) == 0
    varied = ["--set", "jitter=0.5", "--out", third]
    assert main(["run", "toy.descent", "--repeat", first, *varied]) == 0
    a, b, c = (read_record(Path(folder)) for folder in (first, second, third))
    assert a.curves == b.curves != c.curves
    assert c.params == {**a.params, "jitter": 0.5}
    assert main(["run", "toy.board", "--repeat", first, "--out", str(tmp_path / "d")]) == 2
    capsys.readouterr()


def test_an_idle_method_ends_at_once(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, _, _ = said(capsys, "run", "toy.board", "--out", str(tmp_path / "out"))
    assert code == 0
    assert read_record(tmp_path / "out").status == "finished"


def test_a_method_that_fails_tells_and_keeps_a_record(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*arguments: Any) -> None:
        raise ZeroDivisionError("no such luck")

    monkeypatch.setattr("engine.runs.Run.advance", fails)
    code, _, wrong = said(capsys, *RUN, "--out", str(tmp_path / "out"))
    assert code == 1
    assert "priorbench: The method failed with ZeroDivisionError: no such luck" in wrong
    record = read_record(tmp_path / "out")
    assert record.status == "failed"
    assert "no such luck" in record.error


def test_a_trainer_gets_the_options_after_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    got: list[Sequence[str]] = []
    monkeypatch.setitem(TRAINERS, "toy", got.append)
    assert main(["train", "toy", "--data", "d", "--resume"]) == 0
    assert got == [["--data", "d", "--resume"]]


class Stopping(io.StringIO):
    """A stream that presses Ctrl-C when progress passes a step."""

    def __init__(self, stop: Stop) -> None:
        super().__init__()
        self.stop = stop

    def write(self, text: str) -> int:
        if not self.stop.asked:
            self.stop(signal.SIGINT, None)
        return super().write(text)


def test_stopped_and_resumed_it_gives_the_numbers_of_one_run(tmp_path: Path) -> None:
    request = RunRequest(method="toy.descent", params={"steps": 30})
    stop = Stop()
    ending = drive(request, tmp_path / "a", Stopping(stop), stop)
    assert ending.code == 130
    assert ending.record is not None
    assert ending.record.steps < 30
    resumed = drive(request, tmp_path / "a", io.StringIO(), Stop(), resume=True)
    whole = drive(request, tmp_path / "b", io.StringIO(), Stop())
    assert resumed.code == whole.code == 0
    assert resumed.record is not None
    assert whole.record is not None
    assert resumed.record.curves == whole.record.curves


def test_a_second_ctrl_c_does_not_wait(tmp_path: Path) -> None:
    stop = Stop()
    stop(signal.SIGINT, None)
    assert stop.asked
    with pytest.raises(KeyboardInterrupt):
        stop(signal.SIGINT, None)


def test_settings_on_the_command_line_go_where_they_belong() -> None:
    base = RunRequest(method="toy.descent", params={"steps": 3, "jitter": 0.1})
    request = with_settings(base, ["steps=5", "problem.noise.sigma = 2", "steps=6"])
    assert request.params == {"steps": "6", "jitter": 0.1}
    assert request.problem == {"noise.sigma": "2"}


def test_inputs_are_named_or_taken_in_order(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    base = RunRequest(method="toy.descent")
    for text, stored in (
        ("a.png", str(tmp_path / "a.png")),
        ("picture=a.png", str(tmp_path / "a.png")),
        ("odd=name.png", str(tmp_path / "odd=name.png")),
        ("sample:astronaut", "sample:astronaut"),
        ("picture=sample:astronaut", "sample:astronaut"),
    ):
        assert with_inputs(base, [text]).inputs == {"picture": stored}
    with pytest.raises(BadInput, match="mask"):
        with_inputs(base, [], ["m.png"])


# --- progress ----------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def ticks(monkeypatch: pytest.MonkeyPatch) -> Iterator[float]:
    monkeypatch.setenv("COLUMNS", "80")
    return iter([float(t) for t in range(0, 100, 2)])


def test_progress_on_a_terminal_is_one_line_that_moves(ticks: Any) -> None:
    stream = Terminal()
    progress = Progress(stream, ticks.__next__)
    for step in range(5):
        progress.show(step, 4, last=step == 4)
    text = stream.getvalue()
    assert text.count("\r") == 5
    assert text.count("\n") == 1
    assert "4/4" in text
    assert "0:04 left" in text
    assert all(len(line) < 80 for line in text.replace("\n", "").split("\r"))


def test_progress_in_a_file_is_a_few_lines(ticks: Any) -> None:
    stream = io.StringIO()
    progress = Progress(stream, ticks.__next__)
    for step in range(20):
        progress.show(step, None, last=step == 19)
    assert 3 <= stream.getvalue().count("\n") <= 6
    assert "\r" not in stream.getvalue()


def test_clock() -> None:
    assert [clock(s) for s in (0, 7.4, 61, 3723)] == ["0:00", "0:07", "1:01", "1:02:03"]
