"""Networks that others trained: unconditional pixel UNets as the diffusers library saves them.

diffusers is an optional extra; it is imported when such a network is loaded, never before.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import torch

from engine.method import BadInput
from engine.models.card import checksum
from engine.models.pretrained_files import Files, files_of, located, optional, read, refused
from engine.models.served import Denoiser, torch_run
from engine.models.vp import PREDICTIONS, VPDenoiser

#: What of a scheduler's configuration makes its betas.
_BETAS = (
    "num_train_timesteps",
    "beta_start",
    "beta_end",
    "beta_schedule",
    "trained_betas",
    "rescale_betas_zero_snr",
)


def load_pretrained(source: str, device: str = "cpu", backend: str = "auto") -> Denoiser:
    """A person's own network as a denoiser, on ``device``, computed by torch.

    Its name is where it was found: the absolute folder, or ``OWNER/NAME@commit``.

    Args:
        source: a folder, a file in it, or ``OWNER/NAME``. What the cache of the hub holds is
            taken from there; anything else is downloaded.

    Raises:
        BadInput: (field ``network``) there is no such network, it is not one of pixels alone,
            it has no safetensors, or diffusers is not installed.
    """
    if backend not in ("auto", "torch"):
        raise BadInput(
            f"backend: a network of your own has no {backend} (allowed: auto, torch)", "backend"
        )
    folder, name = located(source.strip())
    files = files_of(folder)
    stamp = tuple((status.st_mtime_ns, status.st_size) for status in (f.stat() for f in files))
    network, sha256 = _network(files, stamp, device)
    run = torch.no_grad()(torch_run(network))
    return Denoiser(name, run, network, checksum=sha256, backend="torch", device=device, tile=None)


class _Shape(NamedTuple):
    """What a network says of itself: ``whole`` if it knows whole times alone."""

    channels: int
    size: int | None
    multiple: int
    whole: bool


def _shape(config: dict[str, Any], where: Path) -> _Shape:
    """What the configuration of a UNet says of its pictures; refuses what we cannot use."""
    kind = config.get("_class_name")
    labels = config.get("class_embed_type"), config.get("num_class_embeds")
    if kind != "UNet2DModel" or any(labels):
        what = "a network that must be told a class" if kind == "UNet2DModel" else kind
        raise refused(f"{where} is of {what} (allowed: an unconditional UNet2DModel)")
    time = config.get("time_embedding_type", "positional")
    if time not in ("positional", "learned"):
        raise refused(f"{where} tells time by {time} (allowed: positional, learned)")
    channels, given = config.get("in_channels", 3), config.get("out_channels", 3)
    # A network that also learned a variance gives it in channels behind those of the picture.
    if channels not in (1, 3) or given not in (channels, 2 * channels):
        raise refused(
            f"{where} takes {channels} channels and gives {given} (allowed: 1 or 3, of pixels)"
        )
    size = config.get("sample_size")
    if isinstance(size, list) and len(set(size)) == 1:
        size = size[0]
    if not (size is None or isinstance(size, int)):
        raise refused(f"{where} knows pictures of {size} pixels (allowed: square ones)")
    # At the one size that it knows, a network works as it is.
    halvings = 0 if size else len(config.get("down_block_types") or range(4)) - 1
    return _Shape(channels, size, 2**halvings, time == "learned")


def _abar(config: dict[str, Any], where: Path) -> torch.Tensor:
    """``abar`` (T,) of a variance-preserving process, in float64."""
    if not (config.get("beta_schedule") or config.get("trained_betas")):
        raise refused(
            f"{where} is of {config.get('_class_name')}, which has no betas (allowed: a "
            "variance-preserving process, such as DDPMScheduler)"
        )
    known = {name: config[name] for name in _BETAS if config.get(name) is not None}
    try:
        betas: torch.Tensor = optional("diffusers").DDPMScheduler(**known).betas
    except (NotImplementedError, TypeError, ValueError) as error:
        raise refused(f"{where} has betas that diffusers does not make ({error})") from error
    abar = (1.0 - betas.double()).cumprod(0)
    # At a last time without any picture there is nothing to scale.
    abar = abar[abar > 0.0]
    if len(abar) < 2 or not bool((abar[0] < 1.0) & (abar.diff() < 0.0).all()):
        raise refused(f"{where} has betas that do not make noise grow (allowed: 0 to 1)")
    return abar


@lru_cache(maxsize=1)
def _network(
    files: Files, stamp: tuple[tuple[int, int], ...], device: str
) -> tuple[VPDenoiser, str]:
    """The denoiser of ``files`` on ``device``, and the checksum of its weights.

    The last one is kept, so that a race of four methods holds it once; ``stamp`` tells
    whether it is still what the files hold.
    """
    shape = _shape(read(files.config), files.config)
    process = read(files.scheduler)
    prediction = process.get("prediction_type", "epsilon")
    if prediction not in PREDICTIONS:
        raise refused(
            f"{files.scheduler} predicts {prediction} (allowed: {', '.join(PREDICTIONS)})"
        )
    diffusers = optional("diffusers")
    diffusers.logging.set_verbosity_error()
    abar = _abar(process, files.scheduler)
    try:
        unet, told = diffusers.UNet2DModel.from_pretrained(
            files.weights.parent,
            use_safetensors=True,
            local_files_only=True,
            low_cpu_mem_usage=False,
            output_loading_info=True,
        )
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise refused(f"{files.weights} does not load ({reason})") from error
    if odd := [*told["missing_keys"], *told["unexpected_keys"]]:
        raise refused(f"{files.weights} does not fit its config.json (as to {odd[0]})")
    # Schedulers that do not say whether they clip are for pictures, too.
    clips = process.get("clip_sample", True)
    denoiser = VPDenoiser(
        unet,
        abar,
        prediction,
        channels=shape.channels,
        size=shape.size,
        multiple=shape.multiple,
        clip=float(process.get("clip_sample_range", 1.0)) if clips else None,
        whole=shape.whole,
    )
    placed = denoiser.float().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return placed.eval().requires_grad_(False), checksum(files.weights)
