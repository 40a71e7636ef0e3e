"""The traversal bench: walk through what a generator knows, and see what each direction means."""

from __future__ import annotations

from engine.catalogue import InputSpec
from engine.method import Bench, Used
from engine.traversal.generator import Shipped
from engine.traversal.panels import PANELS, observe, pictures, preview, save
from engine.traversal.problem import Problem, TraversalSettings, build


def used(problem: Problem) -> Used:
    """The generator with its checksum, and what decodes its pictures for the eye."""
    generator = problem.generator
    priors = {generator.name: generator.checksum} if isinstance(generator, Shipped) else {}
    return Used(backend=problem.decoder.backend, priors=priors)


BENCH = Bench(
    title="Latent traversal",
    verb="Explore",
    summary="Walk through what a generator knows, and see what each direction means.",
    icon="explore",
    problem=TraversalSettings,
    inputs=(
        InputSpec(
            name="picture",
            title="Your own picture",
            kind="picture",
            required=False,
            suffixes=(".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp"),
        ),
    ),
    panels=PANELS,
    build=build,
    observe=observe,
    pictures=pictures,
    save=save,
    preview=preview,
    used=used,
    thumbnail="picture",
    stage="explore",
    order=30,
)
