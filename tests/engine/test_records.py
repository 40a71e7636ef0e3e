from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from engine import records
from engine.ledger import Ledger
from engine.messages import Pointer, RunRequest, Tune
from engine.records import RunRecord, read_opening, read_record, write_json
from engine.run_folder import resumable
from engine.runs import Run

REQUEST = RunRequest(method="toy.descent", seed=1, params={"steps": 12})

#: Drives a run in a process of its own, and waits to be killed where it is told.
VICTIM = """
import os, signal, sys
from pathlib import Path
from engine.messages import RunRequest
from engine.runs import Run
import engine.outputs, engine.records

where, folder = sys.argv[1], Path(sys.argv[2])

def die(*args, **more):
    os.kill(os.getpid(), signal.SIGKILL)

run = Run(RunRequest(method="toy.descent", seed=1, params={"steps": 12}), folder)
run.prepare()
for _ in range(5):
    run.advance()
run.checkpoint()
run.advance()
if where == "step":
    die()
if where == "checkpoint":
    Path.replace = die
    run.checkpoint()
if where == "outputs":
    Path.replace = die
if where == "thumbnail":
    engine.outputs.Outputs.thumbnail = die
if where == "record":
    engine.records.write_json = die
run.close("finished")
"""


@pytest.mark.parametrize("where", ["step", "checkpoint", "outputs", "thumbnail", "record"])
def test_killed_anywhere_no_half_run_is_seen_and_it_goes_on(
    where: str, tmp_path: Path, plugin: Path, repository: Path
) -> None:
    folder = tmp_path / "run"
    victim = subprocess.run(
        [sys.executable, "-c", VICTIM, where, str(folder)],
        env={"PYTHONPATH": f"{repository}:{plugin}", "PRIORBENCH_HOME": str(tmp_path / "home")},
        check=False,
        capture_output=True,
    )
    assert victim.returncode == -9, victim.stderr.decode()
    assert not (folder / "run.json").exists()
    assert read_opening(folder).status == "running"
    for name in ("request.json", "checkpoint.json"):
        json.loads((folder / name).read_text())

    whole = Run(REQUEST, tmp_path / "whole")
    again = Run(resumable(folder), folder, resume=True)
    for run in (whole, again):
        run.prepare()
        while run.advance().kind != "done":
            pass
    expected, record = whole.close("finished"), again.close("finished")
    assert record.curves == expected.curves
    assert record.steps == expected.steps
    assert (folder / "found.csv").read_text() == (tmp_path / "whole" / "found.csv").read_text()
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        path.name for path in (tmp_path / "whole").iterdir()
    )


@pytest.mark.usefixtures("plugin")
class TestFolder:
    def test_a_folder_tells_at_once_what_runs_in_it(self, tmp_path: Path) -> None:
        run = Run(REQUEST, tmp_path)
        run.prepare()
        opening = read_opening(tmp_path)
        assert (opening.method, opening.status) == ("toy.descent", "running")
        assert opening.request == REQUEST
        assert opening.created.endswith("Z")
        run.close("cancelled")
        assert read_opening(tmp_path).status == "cancelled"

    def test_a_new_run_replaces_the_files_of_the_old_and_no_others(self, tmp_path: Path) -> None:
        folder = tmp_path / "run"
        run = Run(REQUEST, folder)
        run.prepare()
        run.close("cancelled")
        (folder / "my notes.txt").write_text("keep")
        (folder / records.SAVING).mkdir()
        (folder / "checkpoint.safetensors.part").touch()
        fresh = Run(REQUEST, folder)
        fresh.prepare()
        assert sorted(p.name for p in folder.iterdir()) == [
            "events.jsonl",
            "my notes.txt",
            "request.json",
        ]
        fresh.release()

    def test_the_thumbnail_is_small(self, tmp_path: Path) -> None:
        from PIL import Image

        request = msgspec.structs.replace(REQUEST, problem={"size": 600, "zoom": 2})
        run = Run(request, tmp_path)
        run.prepare()
        run.close("cancelled")
        with Image.open(tmp_path / "thumbnail.png") as picture:
            assert max(picture.size) == 384


def test_writing_keeps_the_old_file_until_the_new_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.json"
    write_json(path, {"a": 1})

    def fails(part: Path, target: Path) -> Path:
        raise OSError("killed")

    monkeypatch.setattr(Path, "replace", fails)
    with pytest.raises(OSError, match="killed"):
        write_json(path, {"a": 2})
    assert json.loads(path.read_text()) == {"a": 1}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 1}', "null"])
def test_a_corrupt_record_is_an_error_that_callers_expect(tmp_path: Path, text: str) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "run.json").write_text(text)
    with pytest.raises(msgspec.MsgspecError):
        read_record(folder)
    records.clear(folder)
    assert list(folder.iterdir()) == []


def test_a_record_of_a_later_version_can_still_be_read(tmp_path: Path) -> None:
    record = RunRecord(
        id="a", method="m", title="t", created="c", status="finished", request=REQUEST
    )
    data = {**msgspec.to_builtins(record), "schema": 2, "novelty": [1]}
    (tmp_path / "run.json").write_text(json.dumps(data))
    assert read_record(tmp_path).schema == 2


class TestLedger:
    def test_it_comes_back_to_the_moment_of_a_checkpoint(self, tmp_path: Path) -> None:
        path = tmp_path / "events.jsonl"
        ledger = Ledger()
        ledger.open(path)
        ledger.observe(0, {"a": 1.0})
        ledger.note(0, Tune({"k": 2}))
        ledger.note(0, Pointer("p", "press", 1, 2))
        ledger.observe(1, {"a": 2.0, "b": 0.5})
        keep = ledger.size()
        ledger.observe(2, {"a": 3.0})
        ledger.close()
        ledger.close()
        again = Ledger()
        again.open(path, keep)
        assert again.curves == {"a": [(0, 1.0), (1, 2.0)], "b": [(1, 0.5)]}
        assert [event[:2] for event in again.events] == [(0, "tune"), (0, "pointer")]
        assert path.stat().st_size == keep
        again.observe(2, {"a": 4.0})
        again.close()
        assert json.loads(path.read_text().splitlines()[-1]) == {"step": 2, "metrics": {"a": 4.0}}

    def test_every_line_is_on_disk_at_once(self, tmp_path: Path) -> None:
        ledger = Ledger()
        ledger.open(tmp_path / "events.jsonl")
        ledger.observe(0, {"a": 1.0})
        assert (tmp_path / "events.jsonl").read_text().endswith("}\n")
        ledger.close()

    def test_a_step_shown_again_replaces_its_numbers(self) -> None:
        ledger = Ledger()
        ledger.observe(0, {"a": 1.0})
        ledger.observe(0, {"a": 2.0})
        assert ledger.curves == {"a": [(0, 2.0)]}
