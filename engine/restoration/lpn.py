"""Learned proximal networks: plug-and-play that provably settles, with its certificate.

Source: Z. Fang, S. Buchanan, J. Sulam, What's in a Prior? Learned Proximal Networks for Inverse
Problems, ICLR 2024, https://arxiv.org/abs/2310.14344.

The network is the prox of one function R by construction, so plug-and-play is the minimization of
a true objective, convex or not, with ``h(x) = 1/2 ||A x - y||^2``. ADMM in the paper's order,

    x = argmin h(x) + rho/2 ||x - (z - u)||^2,   u = u + x - z,   z = f(x + u),

minimizes ``h + rho R``. After each step ``grad h(x) = -rho u``, so per eigenvalue q of ``A^T A``
a change of x lowers the augmented Lagrangian by ``(q + rho)/2 - q^2/rho``, which has the sign of
``(rho - q)(rho + 2 q)``: it falls at every step exactly if ``rho > ||A^T A||``, the bound of the
theorem. It is the certificate here; with ``v = x + u`` it equals
``h(x) + rho (1/2 ||v||^2 - psi(v) - 1/2 ||u||^2)``, so R itself need not be known. Gradient steps
``x = f(x - eta A^T (A x - y))`` lower ``eta h + R`` at every step if ``eta < 1/||A^T A||``.

The numbers of the paper were reached outside of these bounds. A weaker prior that stays inside:
``(1 - t) y + t f(y)`` is the gradient of a convex function, too, and about the prox of ``t R``.
With ``t = sigma^2 / (rho sigma_f^2)`` the prior weighs as much as the noise asks for, where
``sigma_f`` is the noise that f was trained on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from engine.catalogue import PanelSpec, PresetSpec, ScaleSpec, SeriesSpec
from engine.method import Method, Settings, Solver, State, knob
from engine.operators import LinearOperator
from engine.restoration.data_step import DataStep, sum_of_squares
from engine.restoration.diffusion import rms
from engine.restoration.learned_prox import LearnedProx, LpnName, load_prox
from engine.restoration.posterior import COST
from engine.restoration.problem import Problem, linear_only
from engine.restoration.start import first_picture
from engine.restoration.stepping import Numbers, Tensors, stepped

#: Relative residual of the data step: looser, and the certificate would show it.
DATA_TOLERANCE = 1e-5


@dataclass(frozen=True)
class Strength:
    """How the solver weighs data and prior.

    Attributes:
        rho: of ADMM, or ``1/eta`` of the gradient steps.
        share: t, the part of the prox that is applied, in (0, 1].
    """

    rho: float
    share: float


def strength(
    A: LinearOperator,
    sigma: float,
    trained: float,
    *,
    margin: float,
    matched: bool = True,
    trust: float = 1.0,
) -> Strength:
    """``rho = margin ||A^T A||`` and the share of the prox that suits the noise.

    Where even the whole prox would be too weak, rho grows instead. Not ``matched``, the whole
    prox is applied.

    Args:
        sigma: noise of the measurement.
        trained: noise that the prox removes.
        trust: multiplies the weight of the prior.
    """
    rho = margin * A.norm**2
    if not matched:
        return Strength(rho, 1.0)
    wanted = trust * sigma**2 / trained**2
    rho = max(rho, wanted)
    return Strength(rho, min(1.0, wanted / rho))


def relaxed(prox: LearnedProx, v: Tensor, share: float) -> tuple[Tensor, float]:
    """``(1 - t) v + t f(v)``, and ``1/2 ||v||^2`` minus its potential, for one picture ``v``.

    A prior of gray pictures takes colors away altogether, whatever its share.
    """
    f, psi = prox.evaluate(v)
    known, whole = prox.known(v), sum_of_squares(v)
    kept = whole if known is v else sum_of_squares(known)
    envelope = 0.5 * (whole - (1.0 - share) * kept) - share * float(psi[0])
    return torch.lerp(known, f, share), envelope


def admm_step(
    z: Tensor, u: Tensor, x: Tensor, data: DataStep, prox: LearnedProx, at: Strength
) -> tuple[Tensor, Tensor, Tensor, float]:
    """One step in the order x, u, z: ``(x, u, z, augmented Lagrangian)``; ``x`` is where the
    data step begins to search.
    """
    x, misfit = data.judged(z - u, at.rho, start=x, tol=DATA_TOLERANCE)
    u = u + x - z
    z, envelope = relaxed(prox, x + u, at.share)
    certificate = 0.5 * misfit + at.rho * (envelope - 0.5 * sum_of_squares(u))
    return x, u, z, certificate


def gradient_step(
    x: Tensor, data: DataStep, prox: LearnedProx, at: Strength
) -> tuple[Tensor, Tensor, float]:
    """One step of proximal gradients: ``(x, v, objective)`` with ``x = f(v)``; the objective is
    ``h + rho R``, known exactly at an output of the prox.
    """
    v = x - data.A.adjoint(data.A(x) - data.y) / at.rho
    x, envelope = relaxed(prox, v, at.share)
    misfit = sum_of_squares(data.A(x) - data.y)
    return x, v, 0.5 * misfit + at.rho * (envelope - 0.5 * sum_of_squares(x - v))


class Params(Settings):
    """Knobs of learned proximal networks."""

    prior: LpnName = knob(
        "auto",
        title="Prior",
        help="Whose pictures the prior was learned from; digits are gray and 28 × 28.",
        titles={
            "auto": "The one that fits the picture",
            "lpn-photos": "Photographs, any size",
            "lpn-digits": "Handwritten digits, 28 × 28",
            "gaussian": "Formula: smooth everywhere",
        },
    )
    solver: Literal["admm", "pgd"] = knob(
        "admm",
        title="Solver",
        help="How data and prior are brought together: both in turn (ADMM, fewer steps), or small "
        "steps along the data followed by the prior (proximal gradients).",
        titles={"admm": "ADMM", "pgd": "Proximal gradients"},
    )
    steps: int = knob(
        80,
        title="Steps",
        help="How often the prior is applied. Where a damage leaves much open (enlarging, holes, "
        "strong noise), 10 to 20 look better than the end: the likeliest picture is a caricature.",
        ge=1,
        le=2000,
    )
    margin: float = knob(
        1.05,
        title="Safety",
        help="Above 1, the certificate is proved to fall at every step; below 1 steps are bolder "
        "and nothing is proved. It is rho (or 1/eta) over the squared norm of the damage.",
        unit="×",
        ge=0.01,
        le=10.0,
        scale="log",
        group="Guarantee",
    )
    matched: bool = knob(
        True,
        title="Match the noise",
        help="Weakens the prior to what the noise of the measurement asks for, and stays one "
        "provable prior. Off, all of the network is applied, as in the paper.",
        group="Guarantee",
    )
    trust: float = knob(
        1.0,
        title="Trust in the prior",
        help="Higher is cleaner, lower keeps closer to the measurement. Moving it during a run "
        "changes what is minimized, so the certificate begins anew.",
        ge=0.05,
        le=20.0,
        scale="log",
        live=True,
        when={"matched": [True]},
    )


def solve(
    problem: Problem, params: Params, rng: torch.Generator, state: State | None = None
) -> Solver:
    """Yield the estimate after every application of the prior."""
    A, y = problem.linear, problem.measurement
    prox = load_prox(problem, params.prior)
    data = DataStep(A, y)

    def first() -> Tensors:
        z = first_picture(A, y).contiguous().clone()
        return shown({"x": z, "fit": z, "u": torch.zeros_like(z), "rho": _number(0.0)})

    def shown(at: Tensors) -> Tensors:
        return at | {
            "fitted": A.crop(at["fit"]).clamp(0.0, 1.0),
            "carried": A.crop(at["u"]),
        }

    def step(k: int, at: Tensors, params: Params) -> tuple[Tensors, Numbers]:
        now = strength(
            A,
            problem.sigma,
            prox.sigma,
            margin=params.margin,
            matched=params.matched,
            trust=params.trust,
        )
        before, u = at["x"], at["u"]
        if params.solver == "pgd":
            x, fit, certificate = gradient_step(before, data, prox, now)
        else:
            # rho u is minus the slope of the data term, whatever rho is by now.
            if (rho := float(at["rho"])) > 0:
                u = u * (rho / now.rho)
            fit, u, x, certificate = admm_step(before, u, at["fit"], data, prox, now)
        scale = max(rms(x), 1e-6)
        numbers = {
            "certificate": certificate,
            "primal": rms(fit - x) / scale,
            "dual": rms(x - before) / scale,
            "margin": now.rho / A.norm**2,
        }
        return shown({"x": x, "fit": fit, "u": u, "rho": _number(now.rho)}), numbers

    yield from stepped(params, state, total=params.steps, first=first, step=step, prior=prox)  # type: ignore[arg-type]


def _number(value: float) -> Tensor:
    return torch.full((), value, dtype=torch.float64)


METHOD = Method(
    title="Learned proximal network",
    bench="restoration",
    summary="A prior whose steps are proved to settle; watch the certificate fall.",
    source="Fang, Buchanan, Sulam 2024",
    url="https://arxiv.org/abs/2310.14344",
    params=Params,
    solve=solve,
    fits=linear_only,
    presets=(
        PresetSpec(
            "guaranteed",
            "Guaranteed",
            {"steps": 80, "margin": 1.05, "matched": True},
            "Inside the theorem: the certificate falls at every step.",
            15.0,
        ),
        PresetSpec(
            "gradient",
            "Guaranteed, gradients",
            {"solver": "pgd", "steps": 100, "margin": 1.05, "matched": True},
            "The simplest solver with the same guarantee; needs more steps.",
            15.0,
        ),
        PresetSpec(
            "paper",
            "As in the paper",
            {"solver": "admm", "steps": 20, "margin": 0.2, "matched": False},
            "The published settings, which are outside of the theorem: nothing is proved here.",
            6.0,
        ),
    ),
    panels=(
        PanelSpec(
            name="fitted",
            title="Data iterate (x)",
            kind="image",
            help="The picture that explains the measurement best near the estimate.",
        ),
        PanelSpec(
            name="carried",
            title="Multiplier (u)",
            kind="image",
            help="What data and prior still disagree about, summed over the steps: orange where "
            "the data want it brighter than the prior, blue where darker.",
            scale=ScaleSpec(unit="of black to white", signed=True),
        ),
        PanelSpec(
            name="certificate",
            title="Certificate",
            kind="curve",
            series=(SeriesSpec("certificate", "Objective"),),
            help="What the theorem says falls at every step: the augmented Lagrangian of ADMM, or "
            "the objective of proximal gradients. Inside the guarantee it never rises.",
            # It is what the method is about.
            order=-1,
        ),
        PanelSpec(
            name="residuals",
            title="Residuals",
            kind="curve",
            series=(SeriesSpec("primal", "x − z"), SeriesSpec("dual", "z − z before")),
            log_y=True,
            help="How far data and prior are apart, and how far the estimate still moves, as a "
            "share of the picture; both go to zero where the run settles.",
        ),
        COST,
    ),
    priors=("lpn-photos", "lpn-digits"),
    order=50,
)
