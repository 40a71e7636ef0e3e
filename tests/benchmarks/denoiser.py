"""The photo denoiser run in every way that this machine offers, each over torch eager.

    python tests/benchmarks/denoiser.py [--size 256] [--repeats 7]

The ways take turns, so that a disturbance hits all of them. Without the trained weights a
network of the same shape with random ones is timed: the work is the same.
"""

from __future__ import annotations

import argparse
import copy
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch
from _common import table
from torch import Tensor, nn

from engine.method import BadInput
from engine.models import zoo
from engine.models.export import ParityError, export_denoiser
from engine.models.photo_denoiser import ARCHITECTURE
from engine.models.session import OnnxSession
from engine.models.zoo import available
from engine.nets.denoiser_unet import DenoiserUNet

Way = Callable[[], Tensor]


def network() -> tuple[nn.Module, str]:
    """The network, and what to say about its weights."""
    if available("photo-denoiser"):
        trained = copy.deepcopy(zoo.network("photo-denoiser"))
        return trained.to(memory_format=torch.contiguous_format), "trained weights"
    torch.manual_seed(0)
    fresh = DenoiserUNet(**ARCHITECTURE).eval()
    return fresh, "random weights: photo-denoiser is not in assets/models"


def ways(net: nn.Module, x: Tensor, sigma: Tensor, folder: Path) -> dict[str, Way | str]:
    """Every way, or why it is not available. All but the first keep their own weights."""
    last = copy.deepcopy(net).to(memory_format=torch.channels_last)
    x_last = x.contiguous(memory_format=torch.channels_last)

    def half() -> Tensor:
        with torch.autocast(x.device.type, torch.bfloat16):
            return last(x_last, sigma)

    return {
        "torch eager": lambda: net(x, sigma),
        "channels_last": lambda: last(x_last, sigma),
        "bf16, channels_last": half,
        "torch.compile": compiled(net, x, sigma),
        "torch.compile, channels_last": compiled(last, x_last, sigma),
        "ONNX Runtime": exported(net, x, sigma, folder / "model.onnx"),
    }


def compiled(net: nn.Module, x: Tensor, sigma: Tensor) -> Way | str:
    quick = torch.compile(net)
    try:
        quick(x, sigma)
    except Exception as error:  # noqa: BLE001 - compilers fail in any way
        return str(error).strip().splitlines()[0][:90]
    return lambda: quick(x, sigma)


def exported(net: nn.Module, x: Tensor, sigma: Tensor, path: Path) -> Way | str:
    try:
        export_denoiser(net.cpu(), path)
    except ParityError as error:
        return str(error)
    finally:
        net.to(x.device)
    session = OnnxSession(path, str(x.device))
    return lambda: session(x, sigma)


def timed(way: Way, device: str) -> float:
    began = time.perf_counter()
    way()
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    return 1000 * (time.perf_counter() - began)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--size", type=int, default=256, help="edge in pixels, a multiple of 8")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args(argv)
    # The exporter complains of operators that nothing here uses.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    if args.device.startswith("cuda") and not torch.cuda.is_available():
        print(f"--device: {args.device} is not here", file=sys.stderr)
        return 2
    try:
        net, weights = network()
    except BadInput as error:
        print(error, file=sys.stderr)
        return 2
    net = net.to(args.device)
    rng = torch.Generator().manual_seed(0)
    x = torch.rand(1, 3, args.size, args.size, generator=rng).to(args.device)
    sigma = torch.tensor([0.1], device=args.device)
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(Path(folder, "inductor")))
        every = ways(net, x, sigma, Path(folder))
        usable = {name: way for name, way in every.items() if not isinstance(way, str)}
        exact = usable["torch eager"]().float()
        worst = {n: float((way().float() - exact).abs().max()) for n, way in usable.items()}
        rounds = [
            {n: timed(way, args.device) for n, way in usable.items()} for _ in range(args.repeats)
        ]
    took = {name: median(r[name] for r in rounds) for name in usable}
    threads = torch.get_num_threads()
    print(f"1x3x{args.size}x{args.size} on {args.device}, {threads} threads, {weights}")
    rows = [
        (name, f"{took[name]:.1f}", f"{took[name] / took['torch eager']:.2f}", f"{worst[name]:.1e}")
        if name in usable
        else (name, "-", "-", "-")
        for name in every
    ]
    table(("way", "ms", "ratio", "worst difference"), rows)
    for name, way in every.items():
        if isinstance(way, str):
            print(f"{name}: not available ({way})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
