"""The example in CONTRIBUTING.md is a method that works."""

import re
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import discovery, plan, runs
from engine.messages import RunRequest

NAME = "engine.restoration.median_of_the_guide"


@pytest.fixture
def guide(repository: Path) -> Iterator[types.ModuleType]:
    text = (repository / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    module = types.ModuleType(NAME)
    sys.modules[NAME] = module
    exec(compile(code, "CONTRIBUTING.md", "exec"), module.__dict__)
    yield module
    del sys.modules[NAME]


def test_the_declaration_is_whole(guide: types.ModuleType) -> None:
    assert discovery.problems(guide.METHOD) == []


def test_it_runs_to_its_end(
    guide: types.ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = plan.declaration
    bench = known("restoration.wiener")[1]
    monkeypatch.setattr(
        plan,
        "declaration",
        lambda name: (guide.METHOD, bench) if name == "restoration.median" else known(name),
    )
    request = RunRequest(
        method="restoration.median",
        problem={"damage": "noise", "working_size": 64},
        inputs={"picture": "sample:chelsea"},
    )
    run = runs.Run(request, tmp_path / "run")
    run.prepare()
    while (update := run.advance()).kind != "done":
        pass
    assert update.step == 3
    run.close("finished")
    assert (tmp_path / "run" / "restored.png").exists()
