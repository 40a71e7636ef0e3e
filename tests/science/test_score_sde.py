"""Restoring by replacement, making and judging pictures, on priors whose laws are known."""

from __future__ import annotations

import contextlib
import itertools
from pathlib import Path

import pytest
import torch
from torch import Tensor

from engine.messages import RunRequest
from engine.method import BadInput, State
from engine.models import zoo
from engine.operators import (
    Downsample,
    GaussianBlur,
    Grayscale,
    Identity,
    LinearOperator,
    Mask,
)
from engine.restoration import score_sde
from engine.restoration.diffusion import centered, uncentered
from engine.restoration.guidance import classifier_for, guided
from engine.restoration.panels import observe
from engine.restoration.priors import Formula, GaussianPrior, MixturePrior
from engine.restoration.problem import Problem, RestorationSettings
from engine.restoration.replacement import Replacement
from engine.restoration.score_panels import GAP
from engine.restoration.score_sde import Params, pc_step, solve
from engine.restoration.sde import SDE, Family, Score, score_of, times


@pytest.fixture
def mixture() -> MixturePrior:
    weights = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
    means = torch.tensor([[0.2, 0.5], [0.7, 0.6], [0.5, 0.15]], dtype=torch.float64)
    roots = torch.tensor(
        [[[0.1, 0.0], [0.03, 0.08]], [[0.05, 0.0], [-0.03, 0.12]], [[0.15, 0.0], [0.07, 0.05]]],
        dtype=torch.float64,
    )
    return MixturePrior(weights, means, roots @ roots.mT)


def walk(
    sde: SDE,
    score: Score,
    shape: tuple[int, ...],
    steps: int,
    condition: score_sde.Condition | None = None,
    **more,
) -> Tensor:
    """Samples in [0, 1] units."""
    rng = torch.Generator().manual_seed(1)
    x = sde.s(1.0) * torch.randn(shape, generator=rng, dtype=torch.float64)
    points = times(sde, steps)
    for t, following in itertools.pairwise(points):
        x, mean, _, _ = pc_step(sde, score, x, t, following, rng, condition=condition, **more)
    return uncentered(mean)


def modes(prior: MixturePrior, x: Tensor) -> Tensor:
    return prior.responsibilities(x).mean(0)


# --- replacement ------------------------------------------------------------------------


@pytest.mark.parametrize("corrections", [0, 1])
def test_of_noise_alone_the_samples_are_those_of_the_posterior(
    mixture: MixturePrior, corrections: int
) -> None:
    y = torch.tensor([0.5, 0.4], dtype=torch.float64)
    exact = mixture.posterior(y, torch.eye(2).double(), 0.1)
    sde = SDE("ve")
    known = Replacement(Identity((1, 1, 2)), y.reshape(1, 1, 1, 2), 0.1)
    score = score_of(Formula(mixture), sde)
    x = walk(sde, score, (3000, 1, 1, 2), 200, known, corrections=corrections).flatten(1)
    torch.testing.assert_close(x.mean(0), exact.mean(), atol=0.012, rtol=0)
    torch.testing.assert_close(torch.cov(x.T), exact.covariance(), atol=2e-3, rtol=0)
    torch.testing.assert_close(modes(mixture, x), exact.weights, atol=0.04, rtol=0)


def test_known_pixels_stay_and_the_rest_is_not_the_posterior(mixture: MixturePrior) -> None:
    """The gap of replacement, as the help page states it."""
    y = torch.tensor([0.5], dtype=torch.float64)
    exact = mixture.posterior(y, torch.tensor([[1.0, 0.0]]).double(), 0.02)
    operator = Mask(torch.tensor([[[True, False]]]))
    known = Replacement(operator, torch.tensor([[[[0.5, 0.0]]]]).double(), 0.02)
    sde = SDE("ve")
    x = walk(sde, score_of(Formula(mixture), sde), (3000, 1, 1, 2), 200, known).flatten(1)
    # What was measured is as it should be ...
    assert float(x[:, 0].mean()) == pytest.approx(float(exact.mean()[0]), abs=0.01)
    assert float(x[:, 0].var()) == pytest.approx(float(exact.covariance()[0, 0]), rel=0.5)
    # ... while the mode that fits it best gets far less than its 95 %.
    assert float(exact.weights[2]) == pytest.approx(0.95, abs=0.01)
    assert float(modes(mixture, x)[2]) == pytest.approx(0.41, abs=0.06)


OPERATORS: list[LinearOperator] = [
    Mask(torch.rand(8, 8, generator=torch.Generator().manual_seed(0)) > 0.5, 3),
    Grayscale((3, 8, 8)),
    Downsample((3, 8, 8), 2),
    GaussianBlur((3, 8, 8), 1.0, "periodic"),
]


@pytest.mark.parametrize("operator", OPERATORS, ids=lambda a: type(a).__name__)
def test_replacement_explains_a_quiet_measurement_and_leaves_the_rest(
    operator: LinearOperator,
) -> None:
    truth, x, noise = torch.rand(3, 1, 3, 8, 8, generator=torch.Generator().manual_seed(2)).double()
    a, s = 0.8, 0.3
    known = Replacement(operator, operator(truth), 1e-5)
    put = known(x, a, s)
    torch.testing.assert_close(operator(put), a * operator(centered(truth)), atol=1e-4, rtol=0)
    put = known(x, a, s, noise)
    aim = a * operator(centered(truth)) + s * operator(noise)
    torch.testing.assert_close(operator(put), aim, atol=1e-4, rtol=0)
    # The change lies in what the operator sees.
    svd = operator.svd
    assert svd is not None
    change = put - x
    torch.testing.assert_close(svd.v(svd.vh(change)), change)


def test_replacement_counts_the_noise_of_the_measurement() -> None:
    operator, rng = Identity((1, 64, 64)), torch.Generator().manual_seed(3)
    truth = torch.rand(1, 1, 64, 64, generator=rng)
    y = truth + 0.1 * torch.randn(truth.shape, generator=rng)
    known = Replacement(operator, y, 0.1)
    x, noise = torch.randn(2, 1, 1, 64, 64, generator=rng)
    put = known(x, 0.7, 0.5, noise)
    # All the noise that x_t should have, no more.
    assert float((put - 0.7 * centered(truth)).std()) == pytest.approx(0.5, rel=0.05)
    # A level quieter than the measurement is left alone; after a correction, put back.
    assert torch.equal(known(x, 0.7, 0.1, noise), x)
    torch.testing.assert_close(known(x, 0.7, 0.1, noise, noise), noise)


def test_replacement_without_a_decomposition_draws_near() -> None:
    operator = GaussianBlur((3, 24, 24), 1.0, "padded")
    assert operator.svd is None
    rng = torch.Generator().manual_seed(4)
    truth = torch.rand(1, *operator.shape_in, generator=rng)
    known = Replacement(operator, operator(truth), 1e-3)
    x = torch.randn(2, *operator.shape_in, generator=rng)
    aim = 0.8 * operator(centered(truth))
    before, after = operator(x) - aim, operator(known(x, 0.8, 0.5)) - aim
    assert float(after.norm()) < 0.2 * float(before.norm())


# --- making pictures --------------------------------------------------------------------


@pytest.mark.parametrize("family", ["ve", "vp", "sub_vp"])
def test_pictures_of_a_gaussian_have_its_spectrum(family: Family) -> None:
    prior = GaussianPrior.power_law((1, 8, 8), 0.03 * torch.eye(1).double())
    sde, count = SDE(family), 600
    x = walk(sde, score_of(Formula(prior), sde), (count, 1, 8, 8), 200, corrections=0)
    power = prior.analyze(x - prior.mean).square().mean(0)
    # Faint waves, of half a byte, are nearer to the noise at which the reverse run ends.
    ratio = (power / prior.spectrum)[prior.spectrum > 2e-3]
    assert float(ratio.mean()) == pytest.approx(1.0, abs=0.06)
    assert float(ratio.sub(1).abs().max()) < 5 * (2 / count) ** 0.5


class Modes:
    """The exact noise-conditional classifier of a mixture's components."""

    class_names = ("one", "two", "three")

    def __init__(self, prior: MixturePrior) -> None:
        self.prior = prior

    def __call__(self, x: Tensor, sigma: float | Tensor) -> Tensor:
        return self.prior.responsibilities(x, sigma).clamp_min(1e-30).log()


def test_steering_with_strength_one_samples_the_class(mixture: MixturePrior) -> None:
    sde = SDE("vp")
    score = guided(score_of(Formula(mixture), sde), Modes(mixture), 1, sde, 1.0)
    x = walk(sde, score, (2000, 2), 200, corrections=0)
    torch.testing.assert_close(x.mean(0), mixture.means[1], atol=0.015, rtol=0)
    torch.testing.assert_close(torch.cov(x.T), mixture.covariances[1], atol=2e-3, rtol=0)


def test_without_strength_nothing_is_steered(mixture: MixturePrior) -> None:
    sde = SDE("vp")
    plain = score_of(Formula(mixture), sde)
    x = torch.randn(5, 2, generator=torch.Generator().manual_seed(0)).double()
    same = guided(plain, Modes(mixture), 1, sde, 0.0)
    assert torch.equal(same(x, 0.5), plain(x, 0.5))


def test_a_prior_without_classes_is_named() -> None:
    with pytest.raises(BadInput, match="subject") as caught:
        classifier_for("photo-denoiser", "Sneaker", "cpu")
    assert caught.value.field == "subject"


@pytest.mark.skipif(not zoo.available("emoji-classifier"), reason="it does not ship")
def test_a_class_is_found_by_how_its_name_begins() -> None:
    """Names have commas of their own, so that they are told apart by semicolons."""
    classifier, index = classifier_for("emoji-score", " Animal", "cpu")
    assert classifier.class_names[index] == "animal, plant or food"
    for wrong in ("unicorn", "", "a" * 40):
        with pytest.raises(BadInput) as caught:
            classifier_for("emoji-score", wrong, "cpu")
        assert "animal, plant or food; sign" in str(caught.value)
        assert zoo.card("emoji-score").title in str(caught.value)


# --- runs -------------------------------------------------------------------------------


@pytest.fixture
def problem() -> Problem:
    rng = torch.Generator().manual_seed(5)
    truth = torch.rand(1, 3, 16, 16, generator=rng)
    operator = Mask(torch.rand(16, 16, generator=rng) > 0.5, 3)
    settings = RestorationSettings(damage="missing")
    return Problem(operator, operator(truth), 0.01, truth, settings)


def run(problem: Problem, state: State | None = None, seed: int = 0, **params) -> list[State]:
    """All states; ``mixture`` formula unless another prior is named."""
    knobs = Params(**{"prior": "mixture", "steps": 6, **params})
    going = solve(problem, knobs, torch.Generator().manual_seed(seed), state)
    states = [next(going)]
    with contextlib.suppress(StopIteration):
        while True:
            states.append(going.send(()))
    return states


@pytest.mark.parametrize("sampler", ["pc", "ode"])
def test_making_pictures_reports_no_likeness(problem: Problem, sampler: str) -> None:
    states = run(problem, task="generate", sampler=sampler, samples=2, tolerance=1e-2)
    seen = observe(problem, states[-1])
    assert {"sigma", "time", "calls"} <= seen.keys()
    assert not {"psnr", "ssim", "mismatch"} & seen.keys()
    assert "psnr" in observe(problem, run(problem)[-1])
    assert states[-1].tensors["samples"].shape == (2, 3, 16, 16)
    # It owes nothing to the picture that was dropped in.
    other = Problem(problem.operator, 0 * problem.measurement, 0.01, None, problem.settings)
    again = run(other, task="generate", sampler=sampler, samples=2, tolerance=1e-2)
    assert torch.equal(again[-1].tensors["x"], states[-1].tensors["x"])


@pytest.mark.parametrize("task", ["generate", "likelihood"])
def test_a_flow_is_resumed_with_equal_bits(problem: Problem, task: str, tmp_path: Path) -> None:
    whole = run(problem, task=task, sampler="ode", tolerance=1e-3)
    assert len(whole) > 4
    whole[2].save(tmp_path / "state")
    kept = State.load(tmp_path / "state")
    rest = run(problem, kept, 1, task=task, sampler="ode", tolerance=1e-3)
    assert len(rest) == len(whole) - 2
    for name, tensor in whole[-1].tensors.items():
        assert torch.equal(tensor, rest[-1].tensors[name]), name
    assert whole[-1].scalars == rest[-1].scalars


def test_a_run_of_an_older_version_goes_on_with_a_new_strip(
    problem: Problem, tmp_path: Path
) -> None:
    whole = run(problem, task="generate", sampler="ode", tolerance=1e-3)
    kept = whole[2]
    # There was no gray between the noisy picture and the expected one.
    kept.tensors["trajectory"] = kept.tensors["trajectory"][..., GAP:, :].clone()
    kept.save(tmp_path / "state")
    rest = run(
        problem, State.load(tmp_path / "state"), 1, task="generate", sampler="ode", tolerance=1e-3
    )
    strip = rest[-1].tensors["trajectory"]
    assert strip.shape == whole[-1].tensors["trajectory"].shape
    width = problem.operator.shape_in[-1]
    assert torch.equal(strip[..., -width:], whole[-1].tensors["trajectory"][..., -width:])


def test_a_judged_picture_ends_with_bits_per_dimension(problem: Problem) -> None:
    noise = run(problem, task="likelihood", tolerance=1e-3)[-1].scalars
    flat = torch.full_like(problem.measurement, 0.4)
    smooth = Problem(problem.operator, flat, 0.01, flat, problem.settings)
    gray = run(smooth, task="likelihood", tolerance=1e-3)[-1].scalars
    assert not gray["restores"]
    assert gray["curves"]["time"] == 1.0
    # White noise is what a prior of photographs expects least.
    assert 0 < gray["curves"]["bits_per_dim"] < noise["curves"]["bits_per_dim"] - 1
    assert noise["curves"]["bits_per_dim"] > 7.0
    assert gray["curves"]["backwards"] > 0


def test_the_middle_of_a_picture_that_is_no_square_is_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    judged: list[tuple[int, ...]] = []

    def loaded(problem: Problem, *_: str) -> Formula:
        judged.append(problem.operator.shape_in)
        return Formula(GaussianPrior.power_law((3, 32, 32), 0.05 * torch.eye(3)))

    monkeypatch.setattr(score_sde, "load_prior", loaded)
    rng = torch.Generator().manual_seed(3)
    wide = torch.rand(1, 3, 32, 48, generator=rng)
    settings = RestorationSettings()
    judging = {"task": "likelihood", "prior": "auto", "tolerance": 1e-2}
    last = run(Problem(Identity((3, 32, 48)), wide, 1e-3, None, settings), **judging)[-1]
    assert judged == [(3, 32, 32)]
    assert last.tensors["x"].shape == (1, 3, 32, 48)
    # What was not judged stays; what was is the picture that is expected behind it.
    assert torch.equal(last.tensors["x"][..., :8], wide[..., :8])
    assert not torch.equal(last.tensors["x"][..., 8:40], wide[..., 8:40])
    square = wide[..., 8:40].contiguous()
    alone = run(Problem(Identity((3, 32, 32)), square, 1e-3, None, settings), **judging)[-1]
    bits = "bits_per_dim"
    assert last.scalars["curves"][bits] == alone.scalars["curves"][bits]


def test_what_cannot_be_is_refused(problem: Problem, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadInput, match="corrections"):
        run(problem, predictor="none")
    weak = Formula(GaussianPrior.power_law((3, 16, 16), 0.05 * torch.eye(3)))
    weak.sigma_max = 1.1
    monkeypatch.setattr(score_sde, "load_prior", lambda *_: weak)
    with pytest.raises(BadInput, match=r"noise up to 1\.1 only") as caught:
        run(problem, task="likelihood", prior="auto")
    assert caught.value.field == "prior"
    assert caught.value.suggestion == {"problem.working_size": 32}


def test_a_walk_starts_where_the_prior_begins(
    problem: Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    weak = Formula(GaussianPrior.power_law((3, 16, 16), 0.05 * torch.eye(3)))
    weak.sigma_max = 1.1
    asked: list[float] = []
    denoise = weak.denoise

    def watched(x: Tensor, sigma: float | Tensor) -> Tensor:
        asked.append(float(sigma))
        return denoise(x, sigma)

    weak.denoise = watched
    monkeypatch.setattr(score_sde, "load_prior", lambda *_: weak)
    for family in ("ve", "vp", "sub_vp"):
        asked.clear()
        states = run(problem, family=family, corrections=1)
        assert max(asked) == pytest.approx(1.1)
        # Six levels, each corrected once: twelve passes.
        assert states[-1].scalars["curves"]["calls"] == 12


def test_the_request_of_a_window_runs(tmp_path: Path) -> None:
    """Every task is one request, as any other."""
    from engine.data.pictures import write_png
    from engine.runs import Run

    picture = tmp_path / "gray.png"
    write_png(picture, torch.full((1, 3, 16, 16), 0.4), 8)
    request = RunRequest(
        method="restoration.score_sde",
        params={"task": "generate", "prior": "mixture", "steps": 3},
        problem={"damage": "noise"},
        inputs={"picture": str(picture)},
    )
    going = Run(request, tmp_path / "run")
    update = going.prepare()
    while update.kind != "done":
        update = going.advance()
    assert {"estimate", "noisy", "trajectory"} <= going.pictures().keys()
    assert "psnr" not in going.close("finished").metrics
