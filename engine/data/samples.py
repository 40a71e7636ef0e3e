"""Sample pictures: photographs, small pictures for the small networks, and names for files.

The photographs are those inside the installed scikit-image, which ships a part of its
pictures in the wheel and downloads the others; only the first are offered, so nothing is ever
fetched. Credits are those its own documentation gives. The small ones, 32x32, are in
``assets/samples`` with their licenses; no training of this program has seen them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from engine.method import BadInput

PREFIX = "sample:"


@dataclass(frozen=True)
class SamplePicture:
    """A picture that comes with the program; ``credit`` names its source and terms."""

    title: str
    path: Path
    credit: str
    gray: bool = False


_SHIPPED = {
    "astronaut": (
        "Astronaut Eileen Collins",
        "astronaut.png",
        "NASA Great Images database; no known copyright restrictions, public domain",
    ),
    "coffee": (
        "Coffee cup",
        "coffee.png",
        "Rachel Michetti, courtesy of Pikolo Espresso Bar; CC0",
    ),
    "chelsea": ("Chelsea the cat", "chelsea.png", "Stefan van der Walt; CC0"),
    "rocket": ("Falcon 9 on its launch pad", "rocket.jpg", "SpaceX Photos; public domain"),
    "motorcycle": (
        "Motorcycle in a garage",
        "motorcycle_left.png",
        "D. Scharstein et al., Middlebury 2014 stereo benchmark; no license is stated",
    ),
    "hubble": (
        "Hubble eXtreme Deep Field",
        "hubble_deep_field.jpg",
        "NASA, HubbleSite; may be freely used in the public domain",
    ),
    "retina": (
        "Retina of a human eye",
        "retina.jpg",
        "M. Häggström, Medical gallery, WikiJournal of Medicine 2014; CC0 1.0",
    ),
    "tissue": (
        "Stained tissue under the microscope",
        "ihc.png",
        "Center for Microscopy and Molecular Imaging; no known copyright restrictions",
    ),
    "camera": ("Man with a camera", "camera.png", "Lav Varshney; CC0"),
    "coins": (
        "Greek coins from Pompeii",
        "coins.png",
        "Brooklyn Museum Collection; no known copyright restrictions",
    ),
    "clock": (
        "Clock, blurred by a moving camera",
        "clock_motion.png",
        "Stefan van der Walt; public domain",
    ),
    "brick": ("Brick wall", "brick.png", "CC0Textures; CC0"),
    "grass": ("Grass", "grass.png", "linolafett on DeviantArt; CC0"),
    "gravel": ("Gravel", "gravel.png", "CC0Textures; CC0"),
}
_NOTO = "Noto Emoji, Copyright 2013 Google LLC; SIL Open Font License 1.1"
_ZALANDO = "Fashion-MNIST, Copyright 2017 Zalando SE; MIT license"
_SMALL = {
    "emoji-wizard": ("Emoji: wizard", _NOTO),
    "emoji-crab": ("Emoji: crab", _NOTO),
    "emoji-weary": ("Emoji: weary face", _NOTO),
    "emoji-call-me": ("Emoji: call-me hand", _NOTO),
    "emoji-custard": ("Emoji: custard", _NOTO),
    "emoji-necktie": ("Emoji: shirt and tie", _NOTO),
    "clothing-shirt": ("Clothing: checked shirt", _ZALANDO),
    "clothing-pullover": ("Clothing: pullover", _ZALANDO),
    "clothing-trousers": ("Clothing: trousers", _ZALANDO),
    "clothing-handbag": ("Clothing: handbag", _ZALANDO),
    "clothing-sandal": ("Clothing: sandal", _ZALANDO),
    "clothing-ankle-boot": ("Clothing: ankle boot", _ZALANDO),
}
_ASSETS = Path(__file__).resolve().parents[2] / "assets" / "samples"
_GRAY = frozenset({"camera", "coins", "clock", "brick", "grass", "gravel"})


@cache
def samples() -> dict[str, SamplePicture]:
    """Name to picture: photographs, color first, then small ones; only files really there."""
    offered = _photographs() | {
        name: SamplePicture(title, _ASSETS / f"{name}.png", credit, not name.startswith("emoji"))
        for name, (title, credit) in _SMALL.items()
    }
    return {name: sample for name, sample in offered.items() if sample.path.is_file()}


def _photographs() -> dict[str, SamplePicture]:
    spec = find_spec("skimage")
    if spec is None or not spec.submodule_search_locations:
        return {}
    folder = Path(spec.submodule_search_locations[0]) / "data"
    return {
        name: SamplePicture(title, folder / file, credit, name in _GRAY)
        for name, (title, file, credit) in _SHIPPED.items()
    }


def resolve(reference: str) -> Path:
    """The file that ``sample:NAME`` or a path means; a path is not checked here.

    ``BadInput`` (field ``picture``) for an unknown sample or an empty reference.
    """
    if not reference.strip():
        raise BadInput("picture is not given; give a file or sample:NAME", "picture")
    if not reference.startswith(PREFIX):
        return Path(reference).expanduser()
    name = reference.removeprefix(PREFIX)
    known = samples()
    if name not in known:
        names = ", ".join(known) or "none"
        raise BadInput(f"picture {reference!r} is unknown; the samples are {names}", "picture")
    return known[name].path
