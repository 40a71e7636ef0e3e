"""The bench: its generators, a person's own picture, what it shows before a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from walks import DRAWN, begun, move, press, problem

from engine.discovery import installed
from engine.messages import RunRequest
from engine.method import BadInput
from engine.plan import plan
from engine.runs import Run
from engine.traversal import sources
from engine.traversal.arrival import CHUNK, STEPS
from engine.traversal.bench import BENCH, used
from engine.traversal.drawn import Drawn
from engine.traversal.generator import OFFERED
from engine.traversal.plane import Plane


@pytest.fixture
def own(tmp_path: Path) -> tuple[Path, torch.Tensor]:
    """A picture of the drawn generator, enlarged and put on a wide sheet; and its latent."""
    z = torch.tensor([[0.4, -0.8, 0.3, 1.0, -0.5, 0.2]])
    picture = (Drawn().decode(z)[0] * 255).round().byte().permute(1, 2, 0).numpy()
    wide = np.zeros((64, 100, 3), np.uint8)
    wide[:, 18:82] = picture.repeat(2, 0).repeat(2, 1)
    path = tmp_path / "own.png"
    Image.fromarray(wide).save(path)
    return path, z


def test_the_bench_is_listed_with_its_stage_and_pointers() -> None:
    catalogue = installed().catalogue
    bench = catalogue.bench("traversal")
    assert bench.stage == "explore"
    shown = [panel for panel in bench.panels if panel.kind == "image"]
    assert [panel.name for panel in shown] == ["map", "picture", "strips"]
    assert [panel.pointer for panel in shown] == [True, False, True]
    assert not [name for name in catalogue.broken if "traversal" in name]
    waits = {m.id: m.interactive for m in catalogue.methods_of("traversal")}
    assert waits["traversal.map"]
    assert waits["traversal.directions"]
    assert not waits["traversal.potential_flow"]
    assert not any(m.races for m in catalogue.methods_of("traversal"))


@pytest.mark.parametrize("name", sources.generators())
def test_every_generator_offers_the_interface(name: str) -> None:
    generator = sources.load(name)
    assert all(hasattr(generator, part) for part in (*OFFERED, "name", "title"))
    z = generator.sample(3, torch.Generator().manual_seed(0))
    assert z.shape == (3, generator.latent_dim)
    pictures = generator.decode(z)
    assert pictures.shape == (3, *generator.shape)
    assert 0 <= float(pictures.min()) <= float(pictures.max()) <= 1
    codes = sources.codes_of(name)
    assert codes.z.shape == (sources.KNOWN, generator.latent_dim)
    assert codes.factors is None or codes.factors.shape == (sources.KNOWN, len(codes.kinds))


@pytest.mark.parametrize("name", sources.generators())
def test_a_preview_shows_map_and_picture(name: str) -> None:
    agreed = plan(RunRequest(method="traversal.map", problem={"generator": name}))
    shown, facts = BENCH.preview(agreed.problem, agreed.context())
    assert shown.keys() == {"map", "picture"}
    assert shown["map"].dtype == torch.uint8
    assert facts["latent"] == sources.load(name).latent_dim
    again, _ = BENCH.preview(agreed.problem, agreed.context())
    assert all(torch.equal(shown[key], again[key]) for key in shown)


def test_a_preview_tells_the_size_of_an_own_picture_and_not_the_generators(
    own: tuple[Path, torch.Tensor],
) -> None:
    agreed = plan(RunRequest(method="traversal.map", problem=DRAWN))
    _, facts = BENCH.preview(agreed.problem, agreed.context())
    assert "size" not in facts
    assert "32 × 32 px" in facts["notes"][0]
    given = {"picture": str(own[0])}
    agreed = plan(RunRequest(method="traversal.map", problem=DRAWN, inputs=given))
    _, facts = BENCH.preview(agreed.problem, agreed.context())
    with Image.open(own[0]) as picture:
        side = min(picture.size)
    assert facts["size"] == f"its middle {side} × {side} px"
    assert "in place of the starting picture" in facts["notes"][1]


def test_every_starting_picture_is_another_one() -> None:
    starts = [problem(start=k).start for k in (0, 1, 0)]
    assert torch.equal(starts[0], starts[2])
    assert not torch.equal(starts[0], starts[1])
    assert torch.equal(problem().starts(3)[:2], torch.cat(starts[:2]))


def test_the_drawn_generator_is_smooth_twice() -> None:
    generator = Drawn(4)
    generator.A = generator.A.double()
    z = torch.randn(2, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    z.requires_grad_(True)
    assert torch.autograd.gradcheck(generator.decode, z)
    assert torch.autograd.gradgradcheck(generator.decode, z)


def test_an_own_picture_is_approached_until_it_is_found(
    tmp_path: Path, own: tuple[Path, torch.Tensor]
) -> None:
    path, _ = own
    wanted = RunRequest(method="traversal.map", problem=DRAWN, inputs={"picture": str(path)})
    run = Run(wanted, tmp_path / "run")
    run.prepare()
    likeness = []
    steps = 0
    while not run.waiting:
        # Until it is found, there is an end that one can wait for.
        assert run.state.total == STEPS // CHUNK
        likeness.append(run.advance().metrics["own_psnr"])
        steps += 1
    assert run.state.total is None
    assert steps == STEPS // CHUNK
    assert likeness[-1] > max(30.0, likeness[0] + 5)
    picture = run.pictures()["picture"]
    # Side by side: what was found, and what was brought.
    assert picture.shape == (32, 65, 3)
    apart = picture[:, :32].astype(int) - picture[:, 33:].astype(int)
    assert np.abs(apart).mean() < 6
    assert "only its middle square is used" in run._problem.notes
    run.release()


@pytest.mark.parametrize("method", ["map", "directions", "potential_flow"])
def test_a_press_ends_the_approach_and_goes_where_it_points(
    tmp_path: Path, own: tuple[Path, torch.Tensor], method: str
) -> None:
    wanted = RunRequest(
        method=f"traversal.{method}", problem=DRAWN, inputs={"picture": str(own[0])}
    )
    run = Run(wanted, tmp_path / "run")
    run.prepare()
    for _ in range(5):
        run.advance((move(10.0, 10.0),))
    found = run.state.tensors["z"]
    assert "own_psnr" in run.advance().metrics
    run.advance((press(300.0, 200.0),))
    plane, z = Plane.of(run.state.tensors["plane"]), run.state.tensors["z"]
    assert plane.pixels(z)[0].tolist() == pytest.approx([300, 200], abs=0.1)
    if method != "potential_flow":
        # It keeps of the own picture whatever the map does not show.
        axes = torch.stack([plane.right, plane.up])
        away = z - found
        rest = away - away @ axes.mT / axes.square().sum(1) @ axes
        assert float(rest.norm()) < 0.3
    assert "own_psnr" not in run.advance().metrics
    run.release()


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("potential_flow", {"count": 4, "path": 6, "batch": 8, "iterations": 3}),
        ("latent_quantization", {"data": "sprites", "latents": 4, "steps": 2, "batch": 8}),
    ],
)
def test_every_number_that_is_told_has_a_title(
    tmp_path: Path, method: str, params: dict[str, Any]
) -> None:
    run = begun(tmp_path, method, **params)
    told: dict[str, float] = {}
    while not run.waiting:
        told |= run.advance().metrics
    catalogue = installed().catalogue
    panels = catalogue.method(f"traversal.{method}").panels
    known = {series.metric: series for panel in panels for series in panel.series}
    assert told.keys() <= known.keys()
    if "accuracy" in told:
        assert told["chance"] == 25.0
        assert 1 < told["accuracy"] <= 100
        assert known["accuracy"].unit == known["chance"].unit == "%"
    run.release()


def test_who_decodes_is_on_record(tmp_path: Path) -> None:
    run = begun(tmp_path, "map")
    record = run.close("finished")
    assert record.priors == {}
    assert record.backend == "torch"
    assert used(problem()).backend == "torch"


def test_a_generator_that_is_not_there_is_refused() -> None:
    with pytest.raises(BadInput, match=r"problem\.generator: .* is not one of the choices"):
        plan(RunRequest(method="traversal.map", problem={"generator": "dream"}))


def test_onnx_without_an_export_is_refused() -> None:
    agreed = plan(RunRequest(method="traversal.map", problem=DRAWN, backend="onnx"))
    with pytest.raises(BadInput, match="drawn has no ONNX export") as caught:
        BENCH.build(agreed.problem, agreed.context())
    assert caught.value.field == "backend"
