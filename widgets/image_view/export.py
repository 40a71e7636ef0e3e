"""Pictures out of the stage: to the clipboard and to files."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtGui import QGuiApplication, QImage, QImageWriter

from widgets.image_view.layer import Pixels, image_over

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp")


def image_of(pixels: Pixels) -> QImage:
    """An image with its own memory of ``pixels`` (H, W, 3), bit for bit."""
    return image_over(pixels).copy()


def copy_image(image: QImage) -> None:
    """Put an image on the clipboard."""
    QGuiApplication.clipboard().setImage(image)


def save_image(image: QImage, path: str | Path) -> None:
    """Write an image to a file of the kind that its name says; PNG keeps every bit.

    Raises ValueError for a name without a known ending, OSError when the file cannot be written;
    an existing file is then left as it was.
    """
    target = Path(path)
    suffix = target.suffix.lower()
    formats = {bytes(f.data()).decode() for f in QImageWriter.supportedImageFormats()}
    if suffix not in SUFFIXES or suffix[1:] not in formats:
        known = ", ".join(s for s in SUFFIXES if s[1:] in formats)
        raise ValueError(f"file name {target.name}: allowed endings are {known}")
    part = target.with_name(f".{target.name}.part{suffix}")
    writer = QImageWriter(str(part))
    if suffix in (".jpg", ".jpeg", ".webp"):
        writer.setQuality(95)
    if not writer.write(image):
        reason = writer.errorString()
        # The device must be closed before the file can be taken away on Windows.
        writer.setFileName("")
        part.unlink(missing_ok=True)
        raise OSError(f"{target}: {reason}")
    writer.setFileName("")
    part.replace(target)
