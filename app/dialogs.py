"""The few questions that stop a person: all of them pass through here."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QMessageBox, QPushButton, QWidget


def ask(
    parent: QWidget, title: str, text: str, yes: str, *, no: str = "", danger: bool = False
) -> bool:
    """Ask whether to go on; ``yes`` and ``no`` name what will happen. Closing means no."""
    box = QMessageBox(parent)
    box.setWindowTitle(title)
    box.setText(title)
    box.setInformativeText(text)
    box.setIcon(QMessageBox.Icon.NoIcon)
    accept = QPushButton(yes, box)
    accept.setProperty("kind", "danger" if danger else "primary")
    box.addButton(accept, QMessageBox.ButtonRole.AcceptRole)
    cancel = box.addButton(
        no or QCoreApplication.translate("Dialogs", "Cancel"), QMessageBox.ButtonRole.RejectRole
    )
    box.setDefaultButton(accept)
    box.setEscapeButton(cancel)
    box.exec()
    agreed = box.clickedButton() is accept
    box.deleteLater()
    return agreed
