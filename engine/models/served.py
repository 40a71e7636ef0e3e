"""Trained networks as solvers call them: counted, timed, and strict about what they are fed."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.method import BadInput
from engine.models.tiling import tiled

Run = Callable[[Tensor, Tensor], Tensor]


class Served:
    """What denoisers and classifiers share: attributes, counts, and the check of a picture.

    Attributes:
        name, checksum, backend, device: what a run's record says of its prior.
        channels: of the pictures it knows; one that knows gray pictures also takes RGB.
        size: the only side, in pixels, that it knows; None for any.
        sigma_max: the strongest noise of its training, [0, 1] units.
        calls: network forward passes so far (a tiled picture counts each tile).
        backwards: backward passes through the network so far.
        seconds: time spent in forward passes.
    """

    def __init__(
        self, name: str, network: nn.Module, *, checksum: str, backend: str, device: str
    ) -> None:
        self.name = name
        self.checksum = checksum
        self.backend = backend
        self.device = device
        self.channels: int = network.channels  # type: ignore[assignment]
        self.size: int | None = network.size  # type: ignore[assignment]
        self.sigma_max: float = network.sigma_max  # type: ignore[assignment]
        self.calls = 0
        self.backwards = 0
        self.seconds = 0.0

    def _check(self, x: Tensor) -> None:
        height, width = x.shape[-2:]
        if self.size is not None and (height, width) != (self.size, self.size):
            raise BadInput(
                f"prior: {self.name} knows pictures of {self.size} × {self.size} pixels only; "
                f"this one has {width} × {height}",
                "prior",
            )
        if x.shape[1] != self.channels and (self.channels, x.shape[1]) != (1, 3):
            raise BadInput(
                f"prior: {self.name} knows pictures of {self.channels} channels; "
                f"this one has {x.shape[1]}",
                "prior",
            )

    def _sufficient(self, x: Tensor, sigma: float | Tensor) -> tuple[Tensor, Tensor]:
        """What the network needs of ``x``, and its noise level per picture.

        A gray picture in three channels of independent noise is known through the mean of
        the three, whose noise is weaker by the square root of three: nothing is lost.
        """
        if x.shape[1] == self.channels:
            return x, _levels(sigma, x)
        return x.mean(1, keepdim=True), _levels(sigma / math.sqrt(3), x)

    def _watched(self, result: Tensor) -> Tensor:
        """``result``, counting the backward passes that go through it."""
        if result.requires_grad:
            result.register_hook(self._went_back)  # type: ignore[no-untyped-call]
        return result

    def _went_back(self, _: Tensor) -> None:
        self.backwards += 1


class Denoiser(Served):
    """A noise-conditional denoiser: ``denoiser(x, sigma)`` estimates the clean pictures.

    Args:
        run: the served network ``(x, sigma) -> estimate``, without gradient.
        network: the same as a torch module on ``device``, weights frozen.
        tile: side of overlapping tiles in pixels, None for the whole picture at once.
    """

    def __init__(
        self,
        name: str,
        run: Run,
        network: nn.Module,
        *,
        checksum: str,
        backend: str,
        device: str,
        tile: int | None,
    ) -> None:
        super().__init__(name, network, checksum=checksum, backend=backend, device=device)
        self._run = run
        self._network = network
        self._multiple: int = network.multiple  # type: ignore[assignment]
        self._tile = tile

    def __call__(self, x: Tensor, sigma: float | Tensor) -> Tensor:
        """Denoise, without gradient.

        Args:
            x: noisy pictures ``(batch, channels, height, width)`` in [0, 1] units, not clipped.
            sigma: standard deviation of the noise, one for all or one per picture.

        Raises:
            BadInput: (field ``prior``) pictures of a size or channels it does not know.
        """
        # What a gray network knows of RGB is one plane seen three times; as a result it may be
        # changed in place.
        return self._estimate(self._run, x, sigma).contiguous()

    def differentiable(self, x: Tensor, sigma: float | Tensor) -> Tensor:
        """As a call, but by the torch network, so that gradients flow back to ``x``.

        Each backward pass through the network counts in ``backwards``.
        """
        return self._estimate(self._with_gradient, x, sigma)

    def _with_gradient(self, x: Tensor, sigma: Tensor) -> Tensor:
        return self._watched(torch_run(self._network)(x, sigma))

    def _estimate(self, run: Run, x: Tensor, sigma: float | Tensor) -> Tensor:
        self._check(x)
        began = time.perf_counter()
        seen, levels = self._sufficient(x, sigma)
        if self._tile is None:
            result = self._once(run, seen, levels)
        else:
            result = tiled(lambda part: self._once(run, part, levels), seen, self._tile)
        self.seconds += time.perf_counter() - began
        return result if result.shape == x.shape else result.expand(x.shape)

    def _once(self, run: Run, x: Tensor, sigma: Tensor) -> Tensor:
        self.calls += 1
        height, width = x.shape[-2:]
        right, below = -width % self._multiple, -height % self._multiple
        if not (right or below):
            return run(x.float(), sigma).to(x.dtype)
        padded = F.pad(x.float(), (0, right, 0, below), mode="replicate")
        return run(padded, sigma)[..., :height, :width].to(x.dtype)


class Classifier(Served):
    """A noise-conditional classifier: ``classifier(x, sigma)`` is ``log p(class | x)``.

    Attributes:
        class_names: what the columns of its answer mean.
    """

    def __init__(
        self, name: str, network: nn.Module, *, checksum: str, backend: str, device: str
    ) -> None:
        super().__init__(name, network, checksum=checksum, backend=backend, device=device)
        self.class_names: tuple[str, ...] = tuple(network.class_names)  # type: ignore[arg-type]
        self._network = network

    def __call__(self, x: Tensor, sigma: float | Tensor) -> Tensor:
        """Log probabilities ``(batch, classes)``; gradients flow back to ``x``.

        Args:
            x: noisy pictures ``(batch, channels, size, size)`` in [0, 1] units, not clipped.
            sigma: standard deviation of the noise, one for all or one per picture.

        Raises:
            BadInput: (field ``prior``) pictures of a size or channels it does not know.
        """
        self._check(x)
        began = time.perf_counter()
        seen, levels = self._sufficient(x, sigma)
        self.calls += 1
        result: Tensor = self._network(seen.float(), levels.to(x.device))
        self.seconds += time.perf_counter() - began
        return self._watched(result).to(x.dtype)


def _levels(sigma: float | Tensor, x: Tensor) -> Tensor:
    """``sigma`` as one float32 number per picture of ``x``."""
    if isinstance(sigma, Tensor):
        return sigma.to(torch.float32).reshape(-1).expand(x.shape[0])
    return torch.full((x.shape[0],), sigma, dtype=torch.float32)


def torch_run(network: nn.Module) -> Run:
    """The network as ``(x, sigma) -> estimate`` on the device of ``x``."""
    core: Run = network.core  # type: ignore[assignment]

    def run(x: Tensor, sigma: Tensor) -> Tensor:
        return core(x.contiguous(memory_format=torch.channels_last), sigma.to(x.device))

    return run
