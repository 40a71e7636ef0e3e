"""The stage that shows, compares and paints on pictures, and the controls that go with it."""

from widgets.image_view.model import MODES, Mode, Reading
from widgets.image_view.stage import ImageStage

__all__ = ["MODES", "ImageStage", "Mode", "Reading"]
