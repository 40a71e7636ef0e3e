"""Where a network that others trained is found: a folder, or the Hugging Face hub.

It is laid out as the diffusers library saves one: ``config.json`` and
``diffusion_pytorch_model.safetensors`` (flat, or in ``unet``), and ``scheduler_config.json``
beside them or in ``scheduler``.
"""

from __future__ import annotations

import importlib
import json
import re
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from engine.method import BadInput

WEIGHTS = "diffusion_pytorch_model.safetensors"
#: Of a repository only this is downloaded.
WANTED = [
    f"{folder}{name}" for folder in ("", "unet/", "scheduler/") for name in ("*.json", WEIGHTS)
]
ALLOWED = "allowed: a folder in the layout of diffusers, or OWNER/NAME of the hub"
#: Seconds that the hub has to answer.
TIMEOUT = 5.0

_HUB_NAME = re.compile(r"\w[\w.-]*/[\w.-]+", re.ASCII)
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")


class Files(NamedTuple):
    """What a network is made of."""

    config: Path
    weights: Path
    scheduler: Path


def refused(text: str) -> BadInput:
    """What to raise for a network that cannot be used."""
    return BadInput(f"network: {text}", "network")


def optional(module: str) -> Any:
    """A module of the extra ``pretrained``."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        root = Path(__file__).resolve().parents[2]
        raise refused(
            "a network of your own needs the optional extra `pretrained`; install it with: "
            f'"{sys.executable}" -m pip install -e "{root}[pretrained]"'
        ) from error


def absolute(source: str) -> str:
    """``source`` without spaces around it; a path that is there is made absolute."""
    source = source.strip()
    path = Path(source).expanduser()
    return str(path.absolute()) if source and path.exists() else source


def located(source: str) -> tuple[Path, str]:
    """The folder of a network, and its name in the record."""
    if not source:
        raise refused(f"none is named ({ALLOWED})")
    path = Path(source).expanduser()
    if path.is_file():
        path = path.parent
    if path.is_dir():
        path = path.resolve()
        return path, str(path)
    if not _HUB_NAME.fullmatch(source):
        raise refused(f"{source!r} is not there ({ALLOWED})")
    path = _of_hub(source)
    return path, f"{source}@{path.name}"


def _of_hub(name: str) -> Path:
    """The folder of a repository in the cache, downloaded if it is not there yet."""
    hub = optional("huggingface_hub")
    with suppress(OSError, BadInput):
        cached = Path(hub.snapshot_download(name, allow_patterns=WANTED, local_files_only=True))
        files_of(cached)
        return cached
    try:
        # Asked first because a download would try for long.
        listed = hub.HfApi().model_info(name, timeout=TIMEOUT).siblings or ()
        _safe([entry.rfilename for entry in listed], name)
        optional("huggingface_hub.utils").disable_progress_bars()
        # Even bars that nobody sees would start a thread that watches them for good.
        optional("tqdm").tqdm.monitor_interval = 0
        return Path(hub.snapshot_download(name, allow_patterns=WANTED))
    except BadInput:
        raise
    except Exception as error:
        unknown = isinstance(error, optional("huggingface_hub.errors").RepositoryNotFoundError)
        reason = "knows no open network of this name" if unknown else "did not answer"
        raise refused(
            f"there is no folder {name!r}, its copy is not in the cache of the hub, and the hub "
            f"{reason} ({type(error).__name__}; {ALLOWED})"
        ) from error


def files_of(folder: Path) -> Files:
    """The files of a network in ``folder``, which may be the folder ``unet`` of one."""
    if folder.name == "unet" and (folder.parent / "scheduler").is_dir():
        folder = folder.parent
    unet = folder / "unet" if (folder / "unet" / "config.json").is_file() else folder
    if not (unet / "config.json").is_file():
        raise refused(f"{folder} has no config.json of a network ({ALLOWED})")
    _pixels(folder)
    _safe([path.name for path in unet.iterdir()], str(unet))
    for place in (folder / "scheduler", folder):
        if (place / "scheduler_config.json").is_file():
            return Files(unet / "config.json", unet / WEIGHTS, place / "scheduler_config.json")
    raise refused(f"{folder} has no scheduler_config.json, which says how noise grows")


def _safe(names: Iterable[str], where: str) -> None:
    """Refuse a network without weights as safetensors, among files of these ``names``."""
    names = list(names)
    if any(name.rpartition("/")[2] == WEIGHTS for name in names):
        return
    pickles = [name for name in names if name.endswith(_PICKLES)]
    told = f" but {pickles[0]}, a pickle, which could run any code" if pickles else ""
    raise refused(f"{where} has no {WEIGHTS}{told} (allowed: weights as safetensors)")


def read(path: Path) -> dict[str, Any]:
    """A configuration, which is a JSON object."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise refused(f"{path} cannot be read ({error})") from error
    if not isinstance(found, dict):
        raise refused(f"{path} is not a configuration")
    return found


def _pixels(folder: Path) -> None:
    """Refuse a pipeline that needs more than a UNet and its scheduler."""
    index = folder / "model_index.json"
    if not index.is_file():
        return
    parts = {name for name, made in read(index).items() if isinstance(made, list) and any(made)}
    if more := sorted(parts - {"unet", "scheduler"}):
        raise refused(
            f"{folder} is a network with {', '.join(more)} (allowed: one that works on the "
            "pixels themselves)"
        )
