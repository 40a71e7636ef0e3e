"""The context menu of the stage."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QPointF
from PySide6.QtWidgets import QFileDialog, QMenu

from widgets.image_view import difference

if TYPE_CHECKING:
    from widgets.image_view.stage import ImageStage


def build_menu(stage: ImageStage, at: QPointF) -> QMenu:
    """The menu for a point of the stage; it deletes itself once closed."""
    menu = QMenu(stage)
    key = stage.key_at(at)
    if key is not None:
        title = stage.model.layers[key].title
        copy = menu.addAction(stage.tr("Copy “{}”").format(title))
        copy.triggered.connect(lambda: stage.copy(key))
        save = menu.addAction(stage.tr("Save “{}” …").format(title))
        save.triggered.connect(lambda: save_as(stage, key))
        menu.addSeparator()
        seen = menu.addAction(stage.tr("Copy what is seen"))
        seen.triggered.connect(lambda: stage.copy("view"))
        seen = menu.addAction(stage.tr("Save what is seen …"))
        seen.triggered.connect(lambda: save_as(stage, "view"))
        menu.addSeparator()
        menu.addAction(stage.tr("Fit")).triggered.connect(stage.fit)
        menu.addAction(stage.tr("100 %")).triggered.connect(stage.zoom_100)
        if stage.model.effective_mode() == "difference":
            _add_difference(menu, stage)
    else:
        menu.addAction(stage.tr("Open …")).triggered.connect(stage.openRequested)
    return menu


def _add_difference(menu: QMenu, stage: ImageStage) -> None:
    model = stage.model
    menu.addSeparator()
    kinds: tuple[tuple[difference.Kind, str], ...] = (
        ("signed", stage.tr("Brighter and darker")),
        ("absolute", stage.tr("Size of the difference")),
    )
    for kind, title in kinds:
        action = menu.addAction(title)
        action.setCheckable(True)
        action.setChecked(kind == model.kind)
        action.triggered.connect(_chooser(stage, kind, model.fixed_scale))
    scales = menu.addMenu(stage.tr("Full scale"))
    for scale in (None, *difference.SCALES):
        action = scales.addAction(stage.tr("Automatic") if scale is None else f"{scale:g}")
        action.setCheckable(True)
        action.setChecked(scale == model.fixed_scale)
        action.triggered.connect(_chooser(stage, model.kind, scale))


def _chooser(stage: ImageStage, kind: difference.Kind, scale: float | None) -> Callable[[], None]:
    def choose() -> None:
        stage.set_difference(kind, scale)

    return choose


def show_menu(stage: ImageStage, where: QPoint) -> None:
    """Open the menu at a point of the screen without holding up the event loop."""
    menu = build_menu(stage, QPointF(stage.mapFromGlobal(where)))
    menu.aboutToHide.connect(menu.deleteLater)
    menu.popup(where)


def save_as(stage: ImageStage, what: str) -> None:
    """Ask for a file name and save; a failure is said by the stage's ``failed`` signal."""
    name = "view.png" if what == "view" else f"{what}.png"
    path, _ = QFileDialog.getSaveFileName(
        stage, stage.tr("Save picture"), name, stage.tr("Pictures (*.png *.jpg *.bmp)")
    )
    if not path:
        return
    try:
        stage.save(path, what)
    except (OSError, ValueError) as error:
        stage.failed.emit(str(error))
