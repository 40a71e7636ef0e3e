"""Ways between latents: linear, spherical, norm-corrected, and splines through key-frames.

Source: K. Shoemake, Animating Rotation with Quaternion Curves, SIGGRAPH 1985 (slerp); T. White,
Sampling Generative Networks, 2016, https://arxiv.org/abs/1609.04468 (why in latent spaces: most of
a Gaussian lies near the sphere of radius root d, and a straight line leaves it).
"""

from __future__ import annotations

import warnings

import torch
from torch import Tensor

from engine.method import BadInput

#: Angles (radians) below which a great circle is taken for a line, and from pi on which there is
#: none in particular.
NEARLY_SAME, NEARLY_OPPOSITE = 1e-4, 1e-6


class OppositeWarning(UserWarning):
    """Two latents lie opposite each other, so that any great circle joins them."""


def lerp(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """The straight line from ``a`` (..., d) to ``b`` at the times ``t`` (steps,), in [0, 1].

    Returns ``(steps, ..., d)``; so do the others.
    """
    t = _times(t, a)
    return (1 - t) * a + t * b


def normed_lerp(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """The straight line, every point moved out to the interpolated norm.

    Where the line goes through zero it has no direction and stays there.
    """
    line = lerp(a, b, t)
    t = _times(t, a)
    wanted = (1 - t) * _norm(a) + t * _norm(b)
    have = _norm(line)
    return torch.where(have > 0, line * (wanted / have.clamp_min(torch.finfo(a.dtype).tiny)), line)


def slerp(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """Along the great circle from ``a`` (..., d) to ``b``, at an even pace.

    The norm goes evenly from one's to the other's: equal norms are kept. (Shoemake's weights on
    the latents themselves would do the same for equal norms, and run away for unequal ones that
    are nearly opposite.) Nearly equal directions, and a zero vector, are joined by a line; opposite
    ones by half a circle through the axis that is farthest from both, with an
    ``OppositeWarning``. Computed in float64.
    """
    kind = a.dtype
    a, b, t = a.double(), b.double(), t.double()
    near, far = _norm(a), _norm(b)
    sound = (near > 0) & (far > 0)
    p = a / near.where(near > 0, 1.0)
    q = b / far.where(far > 0, 1.0)
    # Unlike the arc cosine, exact for small angles and for angles near pi.
    angle = 2 * torch.atan2(_norm(p - q), _norm(p + q))
    flat = (angle < NEARLY_SAME) | ~sound
    opposite = (angle > torch.pi - NEARLY_OPPOSITE) & sound
    if opposite.any():
        warnings.warn("opposite latents: any great circle joins them", OppositeWarning, 2)
    times = _times(t, a)
    sine = angle.sin().where(~(flat | opposite), 1.0)
    arc = (((1 - times) * angle).sin() * p + (times * angle).sin() * q) / sine
    arc = torch.where(opposite, _half_circle(p, q, times), arc)
    arc = arc * ((1 - times) * near + times * far)
    return torch.where(flat, lerp(a, b, t), arc).to(kind)


def _half_circle(p: Tensor, q: Tensor, t: Tensor) -> Tensor:
    """Half a turn from the unit vector ``p`` to ``q``, nearly opposite it; it ends at ``q``."""
    least = p.abs().argmin(-1, keepdim=True)
    axis = torch.zeros_like(p).scatter_(-1, least, 1.0)
    side = axis - (axis * p).sum(-1, keepdim=True) * p
    side = side / _norm(side).clamp_min(torch.finfo(p.dtype).tiny)
    return (torch.pi * t).cos() * p + (torch.pi * t).sin() * side + t * (p + q)


def keyframes(keys: Tensor, per_key: int, *, loop: bool = True) -> Tensor:
    """A cubic spline through pinned latents ``keys`` (m, d), smooth to the second derivative.

    Args:
        per_key: frames from one key to the next.
        loop: return to the first key, as smoothly (periodic); else end at the last one, with no
            curvature at either end (natural).

    Returns:
        ``(m * per_key, d)`` for a loop, whose next frame would be frame 0; else
        ``((m - 1) * per_key + 1, d)``. Every ``per_key``-th frame is a key.
    """
    if per_key < 1:
        raise BadInput(f"frames per key are {per_key}; they must be 1 or more", "per_key")
    if len(keys) < 1:
        raise BadInput("key-frames: there is none; pin one latent or more", "keys")
    count = len(keys) * per_key if loop else (len(keys) - 1) * per_key + 1
    if len(keys) == 1:
        return keys.repeat(count, 1)
    y = keys.detach().double()
    bends = _bends(y, loop=loop)
    if loop:
        y, bends = (torch.cat([x, x[:1]]) for x in (y, bends))
    at = torch.arange(count, device=keys.device)
    piece = (at // per_key).clamp(max=len(y) - 2)
    b = ((at - piece * per_key).double() / per_key)[:, None]
    a = 1 - b
    curved = (a**3 - a) * bends[piece] + (b**3 - b) * bends[piece + 1]
    frames = (a * y[piece] + b * y[piece + 1] + curved / 6).to(keys)
    frames[::per_key] = keys
    return frames


def _bends(y: Tensor, *, loop: bool) -> Tensor:
    """The second derivatives (m, d) at the knots 0, 1, ... of the cubic spline through ``y``.

    That the first derivative is smooth at a knot says 1, 4, 1 times those around it is six times
    the second difference there. Solved here, as loading SciPy for it takes a second in which a
    drag would have no answer.
    """
    m = len(y)
    eye = torch.eye(m).to(y)
    ahead, back = eye.roll(1, 1), eye.roll(-1, 1)
    lines, apart = back + 4 * eye + ahead, 6 * (back - 2 * eye + ahead) @ y
    if not loop:
        for end in (0, m - 1):
            lines[end], apart[end] = eye[end], 0.0
    bends: Tensor = torch.linalg.solve(lines, apart)
    return bends


def _norm(x: Tensor) -> Tensor:
    norm: Tensor = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
    return norm


def _times(t: Tensor, like: Tensor) -> Tensor:
    return t.to(like).reshape(-1, *(1,) * like.ndim)
