"""The restoration bench: undo a known damage of a photograph with a prior of pictures."""

from __future__ import annotations

from typing import Any

from engine.catalogue import Choice, ExampleSpec, InputSpec
from engine.data.pictures import samples
from engine.method import Bench, Used
from engine.restoration.panels import PANELS, observe, pictures, preview, save
from engine.restoration.problem import Problem, RestorationSettings, build


def smaller(settings: RestorationSettings) -> dict[str, Any]:
    """A working size of half the pixels; nothing where it is the smallest already."""
    if settings.full_size:
        return {"full_size": False, "working_size": 2048}
    reduced = int(settings.working_size / 2**0.5) // 64 * 64
    return {"working_size": reduced} if reduced >= 64 else {}


def used(problem: Problem) -> Used:
    """The denoisers that were loaded, with their checksums, and how they are served."""
    priors = {name: denoiser.checksum for name, denoiser in problem.denoisers.items()}
    backends = {denoiser.backend for denoiser in problem.denoisers.values()}
    return Used(backend=backends.pop() if backends else "torch", priors=priors)


BENCH = Bench(
    title="Image restoration",
    verb="Restore",
    summary="Damage a photograph, or bring a damaged one, and watch it heal.",
    icon="restore",
    problem=RestorationSettings,
    inputs=(
        InputSpec(
            name="picture",
            title="Picture",
            kind="picture",
            default="sample:astronaut",
            samples=tuple(Choice(name, s.title, s.credit) for name, s in samples().items()),
            suffixes=(".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp"),
        ),
        InputSpec(
            name="mask",
            title="Painted hole",
            kind="mask",
            required=False,
            suffixes=(".png",),
        ),
    ),
    panels=PANELS,
    build=build,
    observe=observe,
    pictures=pictures,
    save=save,
    preview=preview,
    smaller=smaller,
    used=used,
    thumbnail="restored",
    examples=(
        ExampleSpec(
            title="Bring a blurred portrait into focus",
            method="restoration.plug_and_play",
            problem={"damage": "blur", "blur.sigma": 1.6, "noise": 0.01},
            inputs={"picture": "sample:astronaut"},
            seconds=5.0,
        ),
        ExampleSpec(
            title="Fill in four of five pixels",
            method="restoration.plug_and_play",
            problem={"damage": "missing", "missing.fraction": 0.8, "noise": 0.01},
            params={"steps": 24},
            inputs={"picture": "sample:chelsea"},
            seconds=6.0,
        ),
        ExampleSpec(
            title="Steady a shaken launch pad",
            method="restoration.wiener",
            problem={"damage": "motion", "motion.length": 15.0, "motion.angle": 30.0},
            inputs={"picture": "sample:rocket"},
            seconds=5.0,
        ),
        ExampleSpec(
            title="Sweep the grain off coins",
            method="restoration.total_variation",
            problem={"damage": "noise", "noise": 0.15},
            inputs={"picture": "sample:coins"},
            seconds=2.0,
        ),
    ),
    order=10,
)
