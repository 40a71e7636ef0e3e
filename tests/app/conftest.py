"""Homes of their own for every test, and run folders as the engine leaves them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_engine import FakeEngine
from PIL import Image

from app.run_index import RunIndex

MakeRun = Callable[..., Path]


@pytest.fixture
def home(fresh_home: Path) -> Path:
    """The folder that holds everything that belongs to a person, during one test."""
    return fresh_home


def write_run(folder: Path, **fields: Any) -> Path:
    """A finished run in ``folder``, as the engine writes one; ``fields`` override."""
    folder.mkdir(parents=True)
    request = {
        "method": "restoration.wiener",
        "params": {"noise": 0.01},
        "problem": {"damage": "blur", "blur": {"sigma": 1.6}},
        "inputs": {"picture": "sample:astronaut"},
        "seed": 7,
    }
    request |= {k: fields[k] for k in request.keys() & fields.keys()}
    record = {
        "schema": 1,
        "id": folder.name,
        "title": "Wiener filter",
        "created": "2026-11-20T10:00:00+00:00",
        "status": "finished",
        "seconds": 2.5,
        "seeds": {"seed": request["seed"]},
        "versions": {"priorbench": "0.1.0"},
        "metrics": {"psnr": 28.1, "ssim": 0.81},
        "curves": {"psnr": [[0, 20.0], [1, 25.0], [2, 28.1]], "ssim": [[0, 0.5], [2, 0.81]]},
        "outputs": {"restored": "restored.png", "damaged": "damaged.png"},
        "events": [],
        **request,
        **fields,
        "request": request,
    }
    color = sum(folder.name.encode()) % 200
    for name in ("restored.png", "damaged.png", "thumbnail.png"):
        Image.new("RGB", (48, 32), (color, 120, 200 - color)).save(folder / name)
    (folder / "request.json").write_text(
        json.dumps(
            {
                **{k: record[k] for k in ("id", "method", "title", "created")},
                "status": "running",
                "request": request,
            }
        )
    )
    if record["status"] != "running":
        (folder / "run.json").write_text(json.dumps(record))
    return folder


@pytest.fixture
def make_run(home: Path) -> MakeRun:
    """Write a run folder below the home: ``make_run(name, **fields)``."""

    def make(name: str, **fields: Any) -> Path:
        return write_run(home / "runs" / name, **fields)

    return make


@pytest.fixture
def index(home: Path) -> Iterator[RunIndex]:
    """An index of the home, closed at the end."""
    opened = RunIndex(home / "index.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def fake_engine(qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeEngine]:
    """A client whose engine is played by the test."""
    engine = FakeEngine(monkeypatch)
    yield engine
    engine.client.stop()
    engine.client.deleteLater()
