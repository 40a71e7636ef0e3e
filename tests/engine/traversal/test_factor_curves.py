"""What directions change: readings of latents, and the curves drawn of them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from walks import begun, problem

from engine.data.factors import Factor, draw
from engine.messages import Tune
from engine.traversal import factor_curves, sources
from engine.traversal.canvas import COLORS, WHITE
from engine.traversal.drawn import Drawn
from engine.traversal.factor_curves import (
    WIDTH,
    DrawnReader,
    LatentReader,
    PictureReader,
    changes,
    drawing,
    reader_of,
)
from engine.traversal.metrics.selectivity import Selectivity
from engine.traversal.sources import Codes
from engine.traversal.views import found

SIZE = Factor("size", "Size", 11, "ordered")
HUE = Factor("hue", "Hue", 8, "circular")
SHAPE = Factor("shape", "Shape", 3, "category")
NOISE = Factor("noise", "Noise", 5, "ordered")


LIVE = torch.ones(5, dtype=torch.bool)


def known(count: int = 600) -> tuple[torch.Tensor, torch.Tensor]:
    """Latents (n, 5) that hold a size, a hue and a shape in known ways, and no noise."""
    rng = torch.Generator().manual_seed(0)
    values = [torch.randint(f.values, (count,), generator=rng) for f in (SIZE, HUE, SHAPE, NOISE)]
    size, hue, shape, _ = values
    turn = hue * (2 * math.pi / 8)
    z = torch.stack([size / 5 - 1, turn.cos(), turn.sin(), (shape == 1) * 1.0, (shape == 2) * 1.0])
    return z.mT.float(), torch.stack(values, 1)


def test_factors_are_read_from_latents_that_hold_them_and_others_left_out() -> None:
    z, factors = known()
    reader = LatentReader(z, factors, (SIZE, HUE, SHAPE, NOISE), LIVE)
    assert reader.factors == (SIZE, HUE, SHAPE)
    assert min(reader.told) > 0.99
    read = reader.read(z[:50])
    assert torch.allclose(read[:, 0], factors[:50, 0].double(), atol=0.1)
    off = (read[:, 1] - factors[:50, 1] + 4) % 8 - 4
    assert float(off.abs().max()) < 0.1
    assert torch.equal(read[:, 2], factors[:50, 2].double())


def test_a_straight_row_along_a_factor_has_the_line_that_it_must_have() -> None:
    z, factors = known()
    reader = LatentReader(z, factors, (SIZE, HUE, SHAPE), LIVE)
    row = torch.zeros(11, 5)
    row[:, 0] = torch.linspace(-0.8, 0.8, 11)
    row[:, 1] = 1.0
    (shown,) = changes(reader, row[None])
    # From -0.8 to 0.8 the size goes from 1 to 9 of 0 to 10: 0.4 of its range on either side.
    line = torch.linspace(-0.4, 0.4, 11).abs().double()
    assert torch.allclose(shown.curves[:, 0], line, atol=0.01)
    assert shown.factor == 0
    assert shown.share > 0.95


def test_dead_numbers_of_a_latent_are_not_looked_at() -> None:
    """Encoded they lie near 0, with a trace of a factor; from the prior they lie anywhere."""
    z, factors = known()
    trace = 0.01 * z[:, :1] + 0.01 * torch.randn(600, 3, generator=torch.Generator().manual_seed(2))
    codes = Codes(torch.cat([z, trace], 1), factors, (SIZE, HUE, SHAPE), None, real=True)
    assert codes.live.tolist() == [True] * 5 + [False] * 3
    assert codes.factors is not None
    reader = LatentReader(codes.z, codes.factors, codes.kinds, codes.live)
    row = torch.zeros(11, 8)
    row[:, 0] = torch.linspace(-0.8, 0.8, 11)
    row[:, 1], row[:, 5:] = 1.0, torch.tensor([1.5, -2.0, 0.7])
    (shown,) = changes(reader, row[None])
    line = torch.linspace(-0.4, 0.4, 11).abs().double()
    assert torch.allclose(shown.curves[:, 0], line, atol=0.01)


def test_what_labels_tell_moves_the_picture() -> None:
    """A normal in standardized latents must not lie in what hardly varies."""
    name = "rooms-tcvae"
    if name not in sources.generators():
        pytest.skip(f"{name} does not ship")
    codes = sources.codes_of(name)
    directions, titles = found(problem(generator=name), "supervised")
    assert len(titles) == len(directions.vectors)
    assert not directions.vectors[:, ~codes.live].any()
    assert float(directions.sigmas.min()) > 0.1


def test_the_axes_of_the_drawn_generator_change_one_thing_each() -> None:
    generator = Drawn()
    reader = reader_of(problem())
    assert isinstance(reader, DrawnReader)
    steps = torch.linspace(-2, 2, 11)[:, None]
    rows = torch.stack([steps * generator.A[k] for k in range(6)])
    shown = changes(reader, rows)
    assert [one.factor for one in shown] == list(range(6))
    assert all(one.share > 0.999 for one in shown)
    (mixed,) = changes(reader, (rows[0] + rows[3])[None])
    assert mixed.share == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("count", [1, 2, 5, 8])
def test_every_row_has_a_plot(count: int) -> None:
    generator = Drawn()
    reader = reader_of(problem())
    assert reader is not None
    rows = generator.sample(11 * count, torch.Generator().manual_seed(1)).reshape(count, 11, -1)
    shown = changes(reader, rows)
    picture = drawing(shown, [f"Row {k}\nmore" for k in range(count)], reader.factors, 3.0)
    assert picture.shape[::2] == (3, WIDTH)
    assert 0.0 <= float(picture.min()) < float(picture.max()) <= 1.0
    taller = drawing(shown * 3, ["Row"] * 3 * count, reader.factors, 3.0)
    assert taller.shape[1] > picture.shape[1]


def test_where_colors_run_out_the_largest_changes_are_drawn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each in a color of its own; how many are not is said."""
    seen: list[str] = []
    monkeypatch.setattr(factor_curves, "words", lambda *args, **_: seen.append(args[1]))
    kinds = [Factor(f"f{k}", f"Factor {k}", 5, "ordered") for k in range(14)]
    curves = torch.linspace(0, 1, 11)[:, None] * torch.arange(14) / 14
    one = Selectivity(0.5, 13, torch.ones(14) / 14, curves)
    drawing([one], ["1 · Row"], kinds, 3.0)
    assert [word for word in seen if word.startswith("Factor")] == [
        f"Factor {k}" for k in range(14 - len(COLORS), 14)
    ]
    assert f"{14 - len(COLORS)} that change less" in seen


def test_a_classifier_is_read_between_the_values_too() -> None:
    kinds = (SIZE, HUE, SHAPE)
    size, hue, shape = torch.zeros(1, 11), torch.zeros(1, 8), torch.tensor([[0.2, 0.3, 0.5]])
    size[0, 4:6] = 0.5
    # Between the last value and the first, for it is a circle.
    hue[0, [0, 7]] = 0.5
    reader = PictureReader(lambda z: z, lambda x: (size.log(), hue.log(), shape.log()), kinds)  # type: ignore[arg-type]
    assert reader.read(torch.zeros(1, 5))[0].tolist() == pytest.approx([4.5, 7.5, 2.0])


def test_the_shipped_reader_tells_faces_that_the_gan_makes_no_codes_of() -> None:
    faces = problem(generator="faces-gan")
    assert faces.codes.factors is None
    reader = reader_of(faces)
    assert isinstance(reader, PictureReader)
    data = sources.data_of(faces.generator)
    assert data is not None
    assert reader.factors == data.factors
    codes = draw(data, 64, torch.Generator().manual_seed(5))
    rendered = PictureReader(lambda _: data.render(codes), reader._network, data.factors)
    right = (rendered.read(codes).round() % torch.tensor([f.values for f in data.factors])) == codes
    assert float(right.float().mean()) > 0.97
    # What it reads of the generator's own pictures moves where they move.
    row = faces.codes.z[:1] + torch.linspace(-3, 3, 5)[:, None] * faces.codes.z[1:2]
    (found,) = changes(reader, row[None])
    assert float(found.curves[2].abs().max()) == 0.0
    assert float(found.curves.max()) > 0.2


def test_the_words_of_the_plots_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, tuple[int, tuple[int, int, int]]] = {}

    def words(*args: Any, size: int = 13, color: tuple[int, int, int] = WHITE, **_: Any) -> None:
        seen[args[1]] = size, color

    monkeypatch.setattr(factor_curves, "words", words)
    reader = reader_of(problem())
    assert reader is not None
    rows = torch.stack([torch.linspace(-2, 2, 11)[:, None] * Drawn().A[k] for k in (0, 2)])
    still = torch.zeros(1, 11, 6)
    found = changes(reader, torch.cat([rows, still]))
    drawing(found, ["1 · Principal components", "2 · SeFa", "3 · None"], reader.factors, 3.0)
    assert {"−3 σ", "3 σ", "50 %", "hardly anything known"} <= seen.keys()
    assert "1 · Principal components" in seen
    assert all(size >= 13 and min(color) > 150 for size, color in seen.values()), seen


def test_nothing_is_read_where_nobody_knows_the_factors() -> None:
    z, factors = known()
    noise = LatentReader(z, factors[:, 3:], (NOISE,), LIVE)
    assert noise.factors == ()
    assert noise.read(z[:3]).shape == (3, 0)


def test_the_page_draws_what_its_rows_change(tmp_path: Path) -> None:
    run = begun(tmp_path / "run", "directions", rule="sefa")
    shown = run.pictures()["changes"]
    assert shown.shape[1] == WIDTH
    run.advance((Tune({"reach": 1.0}),))
    assert (run.pictures()["changes"] != shown).any()
    run.release()
