"""What a flow is steered by: a measurement, a class of pictures, or both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from torch import Tensor

from engine.method import BadInput
from engine.operators import LinearOperator, Mask, Operator
from engine.restoration.damage import Damage
from engine.restoration.data_step import DataStep
from engine.restoration.diffusion import rms, uncentered
from engine.restoration.flow import STUDENTS, sigma_at
from engine.restoration.guidance import Classifier, class_needed, classifier_for
from engine.restoration.prior import fitting
from engine.restoration.problem import DAMAGES, Problem
from engine.restoration.start import first_picture

Task = Literal["restore", "class", "edit"]
#: ``pull(x_0) -> (step, loss)``: the step to subtract from ``x_0`` (B, C, H, W), centered.
Pull = Callable[[Tensor], tuple[Tensor, float]]
#: Size of the probe for the curvature of a non-linear operator, in [0, 1] units.
PROBE = 1e-3


def toward_measurement(data: DataStep, x0: Tensor) -> tuple[Tensor, float]:
    """The full step ``A^T (A x_0 - y) / |A|^2`` and the mean squared error, centered."""
    # In centered units a residual, and a step, are twice as large.
    slope, squares = data.slope(uncentered(x0))
    count = x0.shape[0] * data.y[0].numel()
    return slope * (2.0 / data.A.norm**2), 4.0 * squares / count


def toward_nonlinear(A: Operator, y: Tensor, x0: Tensor) -> tuple[Tensor, float]:
    """The same for an operator that is linearized where it stands.

    Autograd gives ``J^T r``, and the curvature along it is probed with one more ``A``, so that
    a full step is the best along its direction. No network is involved.
    """
    residual, step = _linearized(A, y, uncentered(x0))
    return 2.0 * step, 4.0 * rms(residual) ** 2


def _linearized(A: Operator, y: Tensor, picture: Tensor) -> tuple[Tensor, Tensor]:
    with torch.enable_grad():
        leaf = picture.detach().requires_grad_(True)
        foretold = A(leaf)
        residual = foretold - y
        (gradient,) = torch.autograd.grad(0.5 * residual.square().sum(), leaf)
    largest = gradient.abs().amax(dim=(1, 2, 3), keepdim=True).clamp_min(1e-12)
    probe = PROBE * gradient / largest
    change = A(picture + probe) - foretold.detach()
    curvature = _power(change) / _power(probe).clamp_min(1e-20)
    # Where the probe changes nothing the gradient is nothing, too.
    step = torch.where(curvature > 1e-8, gradient / curvature.clamp_min(1e-8), gradient)
    return residual.detach(), step


def _power(x: Tensor) -> Tensor:
    return x.square().sum(dim=(1, 2, 3), keepdim=True)


def toward_class(
    classifier: Classifier, index: int, x0: Tensor, sigma: float
) -> tuple[Tensor, float]:
    """Gradient of ``-log p(class | x_0)`` by the centered ``x_0``, and its mean.

    The classifier is asked at the noise of ``x_t``: that much of the picture is still open.
    """
    with torch.enable_grad():
        leaf = x0.detach().requires_grad_(True)
        loss = -classifier(uncentered(leaf), sigma)[:, index]
        (gradient,) = torch.autograd.grad(loss.sum(), leaf)
    return gradient, float(loss.detach().mean())


@dataclass(frozen=True)
class Steering:
    """What to steer by, for one run.

    Attributes:
        start: (1, C, H, W) in [0, 1]: what a walk that does not begin at pure noise begins at.
        measured: towards a measurement; left out where nothing is measured.
        classifier, index: of the class; left out where none is asked for.
    """

    start: Tensor
    measured: Pull | None = None
    classifier: Classifier | None = None
    index: int = 0

    def pull(self, strength: float, urge: float, t: float, dt: float) -> Pull:
        """The pull at time ``t`` for a step of length ``dt``.

        The class counts ``urge t / (1 - t) dt`` times: at 1 that is what Bayes' rule adds to
        the flow on the way down, if ``x_0`` moves as ``x_t`` does.
        """

        def pull(x0: Tensor) -> tuple[Tensor, float]:
            parts: list[tuple[Tensor, float]] = []
            if self.measured is not None:
                toward, loss = self.measured(x0)
                parts.append((strength * toward, loss))
            if self.classifier is not None:
                toward, loss = toward_class(self.classifier, self.index, x0, sigma_at(t))
                parts.append((urge * dt * t / (1.0 - t) * toward, loss))
            steps, losses = zip(*parts, strict=True)
            return sum(steps[1:], steps[0]), sum(losses)

        return pull


def steering(problem: Problem, task: Task, subject: str, prior: str = "auto") -> Steering:
    """What a person asked for.

    ``prior`` decides which pictures' classes there are; ``auto`` takes those of the problem's.

    Raises:
        BadInput: a class that cannot be drawn at this size, or an edit without a hole.
    """
    A, y = problem.operator, problem.measurement
    if task == "restore":
        return Steering(first_picture(A, y), _measured(A, y))
    if task == "edit" and not isinstance(A, Mask):
        raise _no_hole(problem.settings.damage)
    known = fitting(problem) if prior == "auto" else _teacher(prior)
    if not subject.strip():
        raise class_needed(known)
    classifier, index = classifier_for(known, subject, problem.device)
    gray = torch.full((1, *A.shape_in), 0.5, dtype=y.dtype, device=y.device)
    if task == "class":
        return Steering(gray, None, classifier, index)
    return Steering(first_picture(A, y), _measured(A, y), classifier, index)


def can_steer(task: Task, subject: str, prior: str, damage: Damage) -> None:
    """What ``steering`` would refuse, as far as settings alone can tell.

    Raises:
        BadInput: an edit of a damage that has no hole, or no class.
    """
    if task == "edit" and damage != "missing":
        raise _no_hole(damage)
    if task != "restore" and not subject.strip():
        raise class_needed(_teacher(prior))


def _no_hole(damage: Damage) -> BadInput:
    return BadInput(
        f"problem.damage: “{DAMAGES[damage]}” leaves no hole to draw into (allowed: "
        f"“{DAMAGES['missing']}”, with a rectangle or painted by hand)",
        "problem.damage",
    )


def _teacher(prior: str) -> str:
    """The prior of whose pictures a classifier knows the classes."""
    teachers = {student: teacher for teacher, student in STUDENTS.items()}
    return teachers.get(prior, prior)


def _measured(A: Operator, y: Tensor) -> Pull:
    if isinstance(A, LinearOperator):
        return partial(toward_measurement, DataStep(A, y))
    return partial(toward_nonlinear, A, y)
