"""The traversal bench: walk through what a generator knows, and see what each direction means."""

from __future__ import annotations

from engine.catalogue import Choice, ExampleSpec, InputSpec
from engine.data.pictures import samples
from engine.method import Bench, Used
from engine.traversal.generator import Shipped
from engine.traversal.panels import PANELS, observe, pictures, preview, save
from engine.traversal.problem import Problem, TraversalSettings, build
from engine.traversal.sources import BY_HAND, generators


def used(problem: Problem) -> Used:
    """The generator with its checksum, and what decodes its pictures for the eye."""
    generator = problem.generator
    priors = {generator.name: generator.checksum} if isinstance(generator, Shipped) else {}
    return Used(backend=problem.decoder.backend, priors=priors)


def examples() -> tuple[ExampleSpec, ...]:
    """One-click examples, those whose generator ships."""
    every = (
        ExampleSpec(
            title="Drag through all digits",
            method="traversal.map",
            problem={"generator": "digits-map"},
            seconds=1.0,
        ),
        ExampleSpec(
            title="Slide along what faces are made of",
            method="traversal.directions",
            problem={"generator": "faces-gan"},
            params={"rule": "pca", "pinned": 4},
            seconds=1.0,
        ),
        ExampleSpec(
            title="Find your own emoji, and walk on",
            method="traversal.map",
            problem={"generator": "emoji-vae", "own": "fit"},
            inputs={"picture": "sample:emoji-custard"},
            seconds=3.0,
        ),
        ExampleSpec(
            title="Watch curved ways appear",
            method="traversal.potential_flow",
            problem={"generator": "sprites-vae"},
            seconds=40.0,
        ),
        ExampleSpec(
            title="Teach a panel of dials",
            method="traversal.latent_quantization",
            problem={},
            seconds=60.0,
        ),
    )
    return tuple(e for e in every if e.problem.get("generator", BY_HAND) in generators())


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
            samples=tuple(
                Choice(name, s.title, s.credit)
                for name, s in samples().items()
                if name.startswith("emoji-")
            ),
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
    thumbnail="overview",
    examples=examples(),
    stage="explore",
    order=30,
)
