"""The models page and the settings page, driven like a person would."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QLabel, QWidget
from pytestqt.qtbot import QtBot

from app import engine_cli
from app.pages.models import ModelsPage, metric_title, parameters_text
from app.pages.settings import SettingsPage, device_text
from app.preferences import Preferences
from engine.catalogue import Catalogue, ModelSpec
from engine.messages import Device
from widgets import theme
from widgets.parts import EmptyState, IconButton

CARD = {
    "id": "photo-denoiser",
    "architecture": "engine.nets.denoiser_unet.DenoiserUNet",
    "sha256": "9f86d081884c7d65",
    "data": "432 photographs",
    "data_terms": "For research and education only.",
    "command": "priorbench train photo-denoiser --data DIR, stopped at step 3",
    "steps": 40_000,
    "seconds": 5400.0,
    "metrics": {"cbsd68_psnr_sigma_25": 31.24},
    "published": {"DnCNN": "31.2 dB"},
    "limits": "No drawings.",
}
MODELS = Catalogue(
    models=(
        ModelSpec(
            id="photo-denoiser",
            title="Photo denoiser",
            summary="Knows how photographs look.",
            parameters=4_312_000,
            card=CARD,
        ),
    )
)


def texts(widget: QWidget) -> set[str]:
    return {label.text() for label in widget.findChildren(QLabel)}


@pytest.fixture
def models(qtbot: QtBot, qapp: QApplication, tmp_path: Path) -> ModelsPage:
    theme.apply(qapp, "light")
    folder = tmp_path / "models"
    (folder / "photo-denoiser").mkdir(parents=True)
    (folder / "photo-denoiser" / "weights.safetensors").write_bytes(bytes(8_600_000))
    page = ModelsPage(MODELS, folder)
    qtbot.addWidget(page)
    page.show()
    return page


def test_a_card_tells_everything(models: ModelsPage) -> None:
    assert texts(models.cards[0]) >= {
        "Photo denoiser",
        "4.3 M parameters",
        "31.24 dB",
        "cbsd68, sigma 25",
        "9 MB",
        "not here",
        "1 h 30 min",
        "9f86d081884c7d65",
        "For research and education only.",
        "DnCNN: 31.2 dB",
    }


def test_the_command_can_be_copied(models: ModelsPage) -> None:
    buttons = models.cards[0].findChildren(IconButton)
    next(b for b in buttons if "command" in b.accessibleName()).click()
    assert QGuiApplication.clipboard().text() == "priorbench train photo-denoiser --data DIR"


def test_without_models_the_page_says_how_to_make_one(qtbot: QtBot) -> None:
    page = ModelsPage(Catalogue())
    qtbot.addWidget(page)
    (empty,) = page.findChildren(EmptyState)
    assert "priorbench train" in empty.hint.text()
    page.set_catalogue(MODELS)
    assert len(page.cards) == 1


def test_an_export_runs_beside_the_window(
    models: ModelsPage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "import sys; print('model.onnx  (' + ' '.join(sys.argv[1:]) + ')')"
    monkeypatch.setattr(engine_cli, "command", lambda *a: [sys.executable, "-c", said, *a])
    models.cards[0].button.click()
    assert not models.cards[0].button.isEnabled()
    qtbot.waitUntil(models.cards[0].button.isEnabled, timeout=20_000)
    assert models.banner.text() == "model.onnx  (export photo-denoiser)"
    assert models.banner.level() == "success"


def test_a_failing_export_says_why(
    models: ModelsPage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = [sys.executable, "-c", "import sys; sys.exit('the disk is full.')"]
    monkeypatch.setattr(engine_cli, "command", lambda *_: broken)
    models.export("photo-denoiser")
    qtbot.waitUntil(models.cards[0].button.isEnabled, timeout=20_000)
    assert "the disk is full" in models.banner.text()
    assert models.banner.level() == "error"


def test_closing_ends_an_export(models: ModelsPage, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = [sys.executable, "-c", "import signal; signal.pause()"]
    monkeypatch.setattr(engine_cli, "command", lambda *_: waiting)
    models.export("photo-denoiser")
    models.closing()


def test_words_of_the_card() -> None:
    assert parameters_text(900) == "900 parameters"
    assert metric_title("held_back_psnr_sigma_15") == "held back, sigma 15"
    assert metric_title("accuracy") == "accuracy"


# --- settings -----------------------------------------------------------------------------


@pytest.fixture
def settings(qtbot: QtBot, qapp: QApplication) -> SettingsPage:
    theme.apply(qapp, "dark")
    page = SettingsPage(Preferences(), [Device(id="cpu", title="CPU")])
    qtbot.addWidget(page)
    page.resize(1216, 714)
    page.show()
    return page


def test_a_choice_is_kept_at_once(settings: SettingsPage) -> None:
    chip = next(c for c in settings.look.findChildren(QWidget) if _text(c) == "Dark")
    QTest.mouseClick(chip, Qt.MouseButton.LeftButton)
    assert Preferences().values.theme == "dark"
    settings.look.reset_all()
    assert Preferences().values.theme == "system"


def test_changes_from_elsewhere_are_shown(settings: SettingsPage) -> None:
    settings._preferences.set(theme="light", threads=1)
    assert settings.look.values()["theme"] == "light"
    assert settings.computing is not None
    assert settings.computing.values()["threads"] == 1


def test_devices_arrive_when_the_engine_is_ready(settings: SettingsPage) -> None:
    settings._preferences.set(device="cuda:0")
    card = Device(id="cuda:0", title="H200", memory_total=141_000_000_000)
    settings.set_devices([Device(id="cpu", title="CPU"), card])
    assert settings.computing is not None
    assert settings.computing.values()["device"] == "cuda:0"
    assert device_text(card) == "H200 · 141 GB"
    settings.set_devices([Device(id="cpu", title="CPU")])
    assert settings.computing.values()["device"] == "cuda:0"


def test_a_runs_folder_is_tried_before_it_is_kept(
    settings: SettingsPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert not settings.use_folder(blocked / "runs")
    assert settings.banner.level() == "error"
    assert str(blocked) in settings.banner.text()
    assert Preferences().runs_folder == home / "runs"
    good = tmp_path / "good"
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(good))
    settings._ask_folder()
    assert Preferences().runs_folder == good
    assert settings.folder.text() == str(good)
    assert list(good.iterdir()) == []
    settings.standard.click()
    assert Preferences().runs_folder == home / "runs"


def test_trouble_with_the_file_is_shown(qtbot: QtBot, home: Path) -> None:
    (home / "settings.json").write_text("[")
    page = SettingsPage(Preferences())
    qtbot.addWidget(page)
    assert "damaged" in page.banner.text()


def _text(widget: QWidget) -> str:
    return widget.text() if hasattr(widget, "text") else ""
