"""Pictures for the cards of the start page: real runs, damaged at the left, restored at the right.

Made by ``priorbench cards`` and kept in ``assets/thumbnails``; the window only shows them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, TextIO

from PIL import Image

from engine import headless
from engine.discovery import ASSETS, card_of_example, installed
from engine.messages import RunRequest
from engine.method import BadInput

#: Width of a card's picture, in pixels, and the white line between its halves.
WIDTH, LINE = 384, 2
#: The longer side at which the runs work: quick, and as fine as the card.
WORKING_SIZE = 384
QUALITY = 84


class Scene(NamedTuple):
    """What a method is shown doing; ``problem`` and ``params`` as in a request."""

    picture: str
    problem: dict[str, Any]
    params: Mapping[str, Any] = MappingProxyType({})


_GRAIN = {"damage": "noise", "noise": 0.15}
_HOLES = {"damage": "missing", "missing.fraction": 0.8, "noise": 0.01}
_SMALL = {"damage": "low_resolution", "low_resolution.factor": 2, "noise": 0.01}
_BLUR = {"damage": "blur", "blur.sigma": 2.0, "noise": 0.01}
_HALF = {"damage": "missing", "missing.fraction": 0.5, "noise": 0.01}
#: One sight for each method, so that no two cards look alike. What is missing here shows the
#: bench's own damage on its default picture.
SCENES = {
    "restoration.wiener": Scene("sample:camera", _BLUR),
    "restoration.total_variation": Scene("sample:motorcycle", _GRAIN),
    "restoration.plug_and_play": Scene("sample:astronaut", _HOLES, {"steps": 24}),
    "restoration.red_diff": Scene("sample:hubble", _HALF),
    "restoration.lpn": Scene("sample:tissue", _BLUR, {"steps": 40}),
    "restoration.flowchef": Scene("sample:emoji-wizard", _HALF),
    "restoration.diffpir": Scene("sample:coffee", _HOLES),
    "restoration.dps": Scene("sample:emoji-crab", _HALF, {"steps": 200}),
    "restoration.pigdm": Scene("sample:emoji-custard", _SMALL, {"steps": 50}),
    "restoration.ddrm": Scene("sample:chelsea", {**_SMALL, "low_resolution.factor": 4}),
}


def requests(names: Sequence[str] = ()) -> Iterator[tuple[str, RunRequest]]:
    """The name of every card and the run behind it; only ``names`` where some are given.

    Raises:
        BadInput: a name is unknown.
    """
    catalogue = installed().catalogue
    every: dict[str, RunRequest] = {}
    for bench in catalogue.benches:
        own = {"working_size"} & {field.name for field in bench.fields}
        size = dict.fromkeys(own, WORKING_SIZE)
        for method in catalogue.methods_of(bench.id):
            scene = SCENES.get(method.id, Scene("", {}))
            inputs = {bench.inputs[0].name: scene.picture} if scene.picture else {}
            every[method.id] = RunRequest(
                method=method.id,
                problem=scene.problem | size,
                params=dict(scene.params),
                inputs=inputs,
            )
        for example in bench.examples:
            every[card_of_example(bench.id, example.title)] = RunRequest(
                method=example.method,
                problem=example.problem | size,
                params=example.params,
                inputs=example.inputs,
            )
    for name in names:
        if name not in every:
            raise BadInput(f"card: {name!r} is unknown (known: {', '.join(every)})", "card")
    yield from ((name, every[name]) for name in names or every)


def make(name: str, request: RunRequest, folder: Path, stream: TextIO) -> Path:
    """Run, and write ``NAME.webp`` into ``folder``; progress goes to ``stream``.

    Raises:
        BadInput: the run is refused.
        RuntimeError: it did not finish.
    """
    with tempfile.TemporaryDirectory(prefix="priorbench-") as place, headless.stoppable() as stop:
        run = Path(place)
        ending = headless.drive(request, run, stream, stop)
        if ending.code == headless.STOPPED:
            raise KeyboardInterrupt
        if ending.record is None or ending.failure is not None:
            why = ending.failure.text if ending.failure else "it left no record"
            raise RuntimeError(f"{name}: {why}")
        outputs = ending.record.outputs
        halves = [run / outputs[key] for key in ("damaged", "restored") if key in outputs]
        pictures = [_opened(path) for path in halves or [run / "thumbnail.png"]]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.webp"
    card = halved(*pictures) if len(pictures) == 2 else _wide(pictures[0])
    card.save(path, quality=QUALITY, method=6)
    return path


def halved(left: Image.Image, right: Image.Image) -> Image.Image:
    """The left half of one picture beside the right half of the other, ``WIDTH`` wide."""
    card, other = _wide(left), _wide(right).resize(_wide(left).size)
    middle = WIDTH // 2
    card.paste(other.crop((middle, 0, WIDTH, card.height)), (middle, 0))
    line = (middle - LINE // 2, 0, middle + LINE // 2, card.height)
    card.paste((255, 255, 255), line)
    return card


def _wide(picture: Image.Image) -> Image.Image:
    height = max(1, round(picture.height * WIDTH / picture.width))
    # Pixels of the small pictures stay pixels.
    tiny = picture.width <= 64
    way = Image.Resampling.NEAREST if tiny else Image.Resampling.LANCZOS
    return picture.resize((WIDTH, height), way)


def _opened(path: Path) -> Image.Image:
    with Image.open(path) as file:
        return file.convert("RGB")


def write_all(names: Sequence[str], stream: TextIO, folder: Path = ASSETS / "thumbnails") -> None:
    """Make the cards of ``names``, or all of them."""
    for name, request in requests(names):
        stream.write(f"{name}\n")
        stream.write(f"  {make(name, request, folder, stream)}\n")
