"""What the bench shows and keeps: map, picture and strips, and the files of a walk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor

from engine.catalogue import PanelSpec, SeriesSpec
from engine.method import Context, State
from engine.outputs import as_picture
from engine.traversal import films, map_view, strips_view
from engine.traversal.canvas import COLORS
from engine.traversal.generator import Shipped
from engine.traversal.plane import Plane
from engine.traversal.problem import Problem, TraversalSettings, build
from engine.traversal.views import first_plane

#: The longest film that is kept, in pictures, and the longest GIF, whose size matters. Of a longer
#: walk they show as many, spread evenly, in the time that it takes.
LONGEST, LONGEST_GIF = 3000, 300
#: Between the parts of an overview, in pixels.
GAP = 4

PANELS = (
    PanelSpec(
        name="map",
        title="Map",
        kind="image",
        pointer=True,
        optional=True,
        help="A plane through the latent space. The ring is where you are; dots are latents of "
        "real pictures, where the generator has an encoder.",
    ),
    PanelSpec(
        name="picture",
        title="Picture",
        kind="image",
        help="What the generator makes of the latent where you are; your own picture beside it, "
        "if you brought one.",
    ),
    PanelSpec(
        name="strips",
        title="Strips",
        kind="image",
        pointer=True,
        optional=True,
        help="One row for each direction, backward at the left and forward at the right. The "
        "picture at the end of a row shows what the direction changes: bright pixels the most.",
    ),
    PanelSpec(
        name="own",
        title="Likeness",
        kind="curve",
        series=(SeriesSpec("own_psnr", "To your own picture", "dB", better="high", decimals=1),),
        optional=True,
        help="How near the generator has come to your own picture, while it is approached. A press "
        "on the map ends that where it stands, and goes there.",
    ),
)


def observe(problem: Problem, state: State) -> dict[str, float]:
    """The method's own numbers."""
    return dict(state.scalars.get("curves", {}))


@torch.no_grad()
def pictures(problem: Problem, state: State) -> dict[str, Tensor]:
    """The image panels that a state fills, each (H, W, 3) uint8 on the CPU.

    ``z`` (n, d) are the pictures. A ``plane`` (3, d) makes a map (see ``map_view.draw``), ``rows``
    (rows, columns, d) make strips, with the scalars ``titles`` and ``marks``, the column to be
    framed in each row, or -1; a latent of NaN leaves its place empty. Whoever decodes by itself
    gives a ``picture`` (1, C, H, W) and ``strips`` (rows, columns, C, H, W).
    """
    shown = {}
    if "plane" in state.tensors:
        shown["map"] = torch.from_numpy(map_view.draw(problem, state))
    shown["picture"] = picture(problem, state)
    if "rows" in state.tensors or "strips" in state.tensors:
        shown["strips"] = strips(problem, state)
    return shown


def picture(problem: Problem, state: State) -> Tensor:
    """The pictures of ``z`` (n, d), with a person's own at the end: (H, W, 3) uint8."""
    if "picture" in state.tensors:
        return as_picture(state.tensors["picture"]).cpu()
    made = problem.decoder(state.tensors["z"])
    if problem.target is not None:
        made = torch.cat([made, problem.target.to(made)])
    return as_picture(made).cpu()


def strips(problem: Problem, state: State) -> Tensor:
    """The sheet of strips, (H, W, 3) uint8; decoded again only where the rows have changed."""
    titles = state.scalars.get("titles", [])
    made = state.tensors.get("strips")
    if made is not None:
        canvas, shape = strips_view.sheet(made, titles), made.shape
    else:
        rows = state.tensors["rows"]
        shape = torch.Size((*rows.shape[:2], *problem.generator.shape))
        key = (rows.shape, rows.cpu().numpy().tobytes(), tuple(titles))
        kept = problem.still.get("strips")
        if kept is None or kept[0] != key:
            made = problem.decoder(rows.flatten(0, 1).nan_to_num()).reshape(shape)
            drawn = strips_view.sheet(made, titles, rows.isnan().any(-1))
            kept = problem.still["strips"] = (key, drawn)
        canvas = kept[1].copy()
    place = strips_view.layout(shape[0], shape[1], shape[-1])
    ways = state.tensors.get("walks")
    if ways is not None and len(ways) == place.rows:
        # Those that the map shows as lines.
        for row in range(place.rows):
            strips_view.tag(canvas, place, row, COLORS[row % len(COLORS)])
    for row, column in enumerate(state.scalars.get("marks", [])):
        strips_view.mark(canvas, place, row, column)
    return torch.from_numpy(canvas)


@torch.no_grad()
def preview(
    settings: TraversalSettings, context: Context
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Map and picture before any run, and facts in words."""
    problem = build(settings, context)
    plane, axes = first_plane(problem)
    look = {"axes": axes, "color": 1}
    state = State(0, None, {"z": problem.start, "plane": plane.tensor()}, {"look": look})
    channels, height, width = problem.generator.shape
    latent = problem.generator.latent_dim
    notes = [f"pictures of {width} × {height} px, from a latent of {latent} numbers"]
    facts: dict[str, Any] = {"latent": latent, "color": channels == 3}
    if problem.picture is not None:
        side = problem.picture.shape[-1]
        facts["size"] = f"its middle {side} × {side} px"
        notes.append("it counts in place of the starting picture")
    facts["notes"] = [*notes, *problem.notes]
    return pictures(problem, state), facts


@torch.no_grad()
def save(problem: Problem, state: State, folder: Path) -> dict[str, str]:
    """Write all pictures as one, and each as PNG, the walk as GIF, MP4 and as latents.

    The walk is the state's ``walk`` (t, d) or (t, n, d); see ``LONGEST``.
    """
    shown = pictures(problem, state)
    overview(shown).save(folder / "overview.png", compress_level=1)
    # The first is what a person saves as the result.
    outputs = {"overview": "overview.png"}
    for name, panel in shown.items():
        image = Image.fromarray(panel.numpy())
        if name == "picture":
            times = films.factor(panel.shape[0])
            image = image.resize((image.width * times, image.height * times), 0)
        image.save(folder / f"{name}.png", compress_level=1)
        outputs[name] = f"{name}.png"
    walk = state.tensors.get("walk")
    if walk is not None and len(walk) > 1:
        films_of(problem, walk, folder)
        outputs["walk"] = "walk.gif"
        if films.can_write_mp4():
            outputs["film"] = "walk.mp4"
    return outputs | _latents(problem, state, folder)


def films_of(problem: Problem, walk: Tensor, folder: Path) -> None:
    """Write a walk (t, d) or (t, n, d) as ``walk.gif``, and ``walk.mp4`` where that can be."""
    film = films.can_write_mp4()
    seen = films.thinned(len(walk), LONGEST if film else LONGEST_GIF)
    frames, second = frames_of(problem, walk[seen]), films.RATE / len(walk)
    if film:
        films.write_mp4(folder / "walk.mp4", frames, second * len(frames))
    few = frames[films.thinned(len(frames), LONGEST_GIF)]
    films.write_gif(folder / "walk.gif", few, second * len(few))


def overview(shown: dict[str, Tensor]) -> Image.Image:
    """The whole page as one picture: the map beside the picture, the strips below both."""
    images = {name: Image.fromarray(panel.numpy()) for name, panel in shown.items()}
    picture = images["picture"]
    side = images["map"].height if "map" in images else films.SIDE
    times = max(1, side // picture.height)
    images["picture"] = picture.resize((picture.width * times, picture.height * times), 0)
    above = [images[name] for name in ("map", "picture") if name in images]
    return _stacked([above, [images["strips"]] if "strips" in images else []])


def _stacked(rows: list[list[Image.Image]]) -> Image.Image:
    """Rows of pictures, one below the other, all in the middle."""
    rows = [row for row in rows if row]
    widths = [sum(i.width for i in row) + GAP * (len(row) - 1) for row in rows]
    heights = [max(i.height for i in row) for row in rows]
    size = (max(widths), sum(heights) + GAP * (len(rows) - 1))
    sheet = Image.new("RGB", size, strips_view.GROUND)
    top = 0
    for row, width, height in zip(rows, widths, heights, strict=True):
        left = (size[0] - width) // 2
        for image in row:
            sheet.paste(image, (left, top + (height - image.height) // 2))
            left += image.width + GAP
        top += height + GAP
    return sheet


def frames_of(problem: Problem, walk: Tensor) -> Any:
    """The pictures of a walk (t, d) or (t, n, d), (t, H, W, 3) uint8; n of them side by side."""
    steps = walk.reshape(len(walk), -1, walk.shape[-1])
    made = problem.decoder(steps.flatten(0, 1))
    made = made.reshape(*steps.shape[:2], *made.shape[1:])
    beside = made.movedim(1, 3).flatten(3, 4)
    return strips_view.as_bytes(beside)


def _latents(problem: Problem, state: State, folder: Path) -> dict[str, str]:
    """``path.safetensors`` and ``path.json``: what was walked, and by which generator."""
    kept = ("z", "plane", "keys", "trail", "walk", "rows", "directions", "sigmas")
    tensors = {k: state.tensors[k] for k in kept if k in state.tensors and len(state.tensors[k])}
    tensors |= {k: v for k, v in state.tensors.items() if k.startswith("field.")}
    save_file(
        {k: v.detach().float().cpu().contiguous().clone() for k, v in tensors.items()},
        folder / "path.safetensors",
    )
    generator = problem.generator
    told = {
        "generator": generator.name,
        "title": generator.title,
        "checksum": generator.checksum if isinstance(generator, Shipped) else "",
        "latent": generator.latent_dim,
        "rate": films.RATE,
        "tensors": {name: list(tensor.shape) for name, tensor in tensors.items()},
        **state.scalars.get("kept", {}),
    }
    (folder / "path.json").write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    return {"latents": "path.safetensors", "path": "path.json"}


def plane_of(state: State) -> Plane:
    """The plane of a state's map."""
    return Plane.of(state.tensors["plane"])
