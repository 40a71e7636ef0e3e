"""Forward operators: what happened to the picture, with exact adjoints."""

from engine.operators.base import SVD, LinearOperator, Operator, Shape, conjugate_gradients, inner
from engine.operators.convolution import Boundary, Convolution, GaussianBlur, MotionBlur
from engine.operators.downsample import Downsample, divisible
from engine.operators.masks import painted_mask, random_mask, rectangle_mask
from engine.operators.nonlinear import LightBlur, Overexposure, PhaseRetrieval
from engine.operators.pointwise import Grayscale, Identity, Mask

__all__ = [
    "SVD",
    "Boundary",
    "Convolution",
    "Downsample",
    "GaussianBlur",
    "Grayscale",
    "Identity",
    "LightBlur",
    "LinearOperator",
    "Mask",
    "MotionBlur",
    "Operator",
    "Overexposure",
    "PhaseRetrieval",
    "Shape",
    "conjugate_gradients",
    "divisible",
    "inner",
    "painted_mask",
    "random_mask",
    "rectangle_mask",
]
