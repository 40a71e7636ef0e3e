"""The one style sheet, built from the tokens."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from string import Template

from widgets import tokens
from widgets.tokens import Theme

CONTROLS = Path(__file__).parent.parent / "assets" / "icons" / "controls"


def build(theme: Theme, family: str, text_scale: float = 1.0) -> str:
    """The application's style sheet for a theme and a font family."""
    values: dict[str, object] = {k: v for k, v in asdict(theme).items() if isinstance(v, str)}
    values["family"] = family
    values["controls"] = (CONTROLS / theme.name).as_posix()
    sizes = {
        "base": tokens.SIZE_BASE,
        "small": tokens.SIZE_HINT,
        "section": tokens.SIZE_SECTION,
        "title": tokens.SIZE_TITLE,
        "display": tokens.SIZE_DISPLAY,
    }
    values.update({name: f"{round(size * text_scale)}px" for name, size in sizes.items()})
    return Template(_GROUNDS + _BUTTONS + _INPUTS + _VIEWS + _FRAME).substitute(values)


_GROUNDS = """
QWidget { color: $text; }
QMainWindow, QDialog, QMessageBox, QWizard { background: $window; }
QToolTip { background: $control; color: $text; border: 1px solid $line; padding: 6px 8px;
  font-size: $small; }
QLabel { background: transparent; }
QLabel[role="secondary"] { color: $secondary; }
QLabel[role="hint"] { color: $secondary; font-size: $small; }
QLabel[role="section"] { color: $hint; font-size: $section; font-weight: 600; }
QLabel[role="value"] { color: $text; font-size: $section; font-weight: 600; }
QLabel[role="field"] { font-weight: 500; }
QLabel[role="strong"] { font-weight: 600; }
QLabel[role="title"] { font-size: $title; font-weight: 700; }
QLabel[role="display"] { font-size: $display; font-weight: 700; }
QLabel[role="error"] { color: $red; font-size: $small; }
QLabel[role="overlay"] { color: #FFFFFF; background: rgba(0, 0, 0, 165); border-radius: 6px;
  padding: 4px 8px; font-size: $small; }
QLabel:disabled { color: $disabled; }
QFrame[role="card"] { background: $surface; border: 1px solid $line; border-radius: 10px; }
QFrame[role="panel"] { background: $surface; border: none; }
QFrame[role="rail"] { background: $surface; border: none; border-right: 1px solid $line; }
QFrame[role="header"] { background: $window; border: none; border-bottom: 1px solid $line; }
QFrame[role="footer"] { background: $surface; border: none; border-top: 1px solid $line; }
QFrame[role="rule"] { background: $line; border: none; max-height: 1px; min-height: 1px; }
QFrame[role="banner"] { background: $control; border: 1px solid $line; border-radius: 8px; }
QFrame[role="banner"][level="warning"] { background: $amber_ground; border-color: $amber; }
QFrame[role="banner"][level="error"] { background: $red_ground; border-color: $red; }
QFrame[role="banner"][level="success"] { border-color: $accent; }
"""

_BUTTONS = """
QPushButton { background: $raised; color: $text; border: 1px solid $line; border-radius: 8px;
  padding: 0 14px; min-height: 30px; }
QPushButton:hover { background: $hover; }
QPushButton:pressed { background: $control; }
QPushButton:focus { border: 1px solid $accent; }
QPushButton:disabled { color: $disabled; background: transparent; border-color: $line; }
QPushButton:default { border-color: $accent; }
QPushButton::menu-indicator { image: url("$controls/chevron-down.svg"); width: 14px; height: 14px;
  subcontrol-position: right center; right: 6px; }
QPushButton[kind="primary"] { background: $accent; color: $on_accent; border: 1px solid $accent;
  font-weight: 700; padding: 0 18px; min-height: 32px; }
QPushButton[kind="primary"]:hover { background: $accent_hover; border-color: $accent_hover; }
QPushButton[kind="primary"]:pressed { background: $accent; }
QPushButton[kind="primary"]:focus { border: 2px solid $text; padding: 0 17px; min-height: 30px; }
QPushButton[kind="primary"]:disabled { background: $control; color: $disabled;
  border-color: $control; }
QPushButton[kind="danger"] { color: $red; }
QPushButton[kind="danger"]:focus { border-color: $red; }
QPushButton[kind="pill"] { background: transparent; color: $secondary; border-radius: 13px;
  padding: 0 11px; min-height: 24px; font-size: $small; }
QPushButton[kind="pill"]:hover { color: $text; background: $control; }
QPushButton[kind="link"] { background: transparent; color: $accent; border: 1px solid transparent;
  border-radius: 6px; padding: 0 4px; min-height: 22px; font-size: $small; font-weight: 600; }
QPushButton[kind="link"]:hover { color: $accent_hover; background: $control; }
QPushButton[kind="link"]:focus { border-color: $accent; }
QPushButton[kind="link"]:disabled { color: $disabled; }
QPushButton[kind="fold"] { background: transparent; color: $hint; border: 1px solid transparent;
  border-radius: 6px; padding: 0 4px 0 0; min-height: 22px; text-align: left;
  font-size: $section; font-weight: 600; }
QPushButton[kind="fold"]:hover { color: $text; }
QPushButton[kind="fold"]:focus { border-color: $accent; }
QPushButton[kind="chip"] { padding: 0 9px; min-height: 26px; }
QPushButton[kind="chip"]:checked { background: $accent_ground; color: $accent;
  border-color: $accent; }
QPushButton[kind="chip"]:checked:hover { color: $text; }
QPushButton[kind="chip"]:focus { border: 2px solid $accent; padding: 0 8px; min-height: 24px; }
QPushButton[kind="chip"]:checked:disabled { background: $control; color: $disabled;
  border-color: $line; }
QPushButton[kind="tab"] { background: transparent; color: $secondary; border: 1px solid transparent;
  border-radius: 6px; padding: 0 9px; min-height: 24px; }
QPushButton[kind="tab"]:hover { color: $text; background: $control; }
QPushButton[kind="tab"]:checked { background: $control; color: $text; }
QPushButton[kind="tab"]:focus { border-color: $accent; }
QPushButton[kind="tab"]:disabled { color: $disabled; background: transparent; }
QPushButton[kind="card"] { background: $surface; border-radius: 10px; padding: 0; }
QPushButton[kind="card"][level="raised"] { background: $raised; }
QPushButton[kind="card"]:hover { background: $hover; border-color: $hint; }
QPushButton[kind="card"]:focus { border: 2px solid $accent; }
QToolButton { background: transparent; border: 1px solid transparent; border-radius: 6px;
  padding: 3px; color: $secondary; }
QToolButton:hover { background: $control; color: $text; }
QToolButton:pressed { background: $hover; }
QToolButton:checked { background: $accent_ground; color: $accent; }
QToolButton:focus { border-color: $accent; }
QToolButton:disabled { color: $disabled; background: transparent; }
QToolButton::menu-indicator { image: none; }
QToolButton[kind="rail"] { border-radius: 10px; padding: 5px 0 3px 0; font-size: $section;
  color: $secondary; }
QToolButton[kind="rail"]:hover { background: $control; color: $text; }
QToolButton[kind="rail"]:checked { background: $accent_ground; color: $accent; }
QToolButton[kind="rail"]:focus { border: 2px solid $accent; padding: 4px 0 2px 0; }
"""

_INPUTS = """
QLineEdit, QAbstractSpinBox, QPlainTextEdit, QTextEdit, QComboBox { background: $raised;
  color: $text; border: 1px solid $line; border-radius: 6px; padding: 0 8px;
  selection-background-color: $accent_ground; selection-color: $text; }
QLineEdit, QAbstractSpinBox, QComboBox { min-height: 28px; }
QPlainTextEdit, QTextEdit { padding: 4px; background: $surface; }
QLineEdit:hover, QAbstractSpinBox:hover, QComboBox:hover { border-color: $hint; }
QLineEdit:focus, QAbstractSpinBox:focus, QPlainTextEdit:focus, QTextEdit:focus, QComboBox:focus,
QComboBox:on { border-color: $accent; }
QLineEdit:disabled, QAbstractSpinBox:disabled, QComboBox:disabled, QPlainTextEdit:disabled {
  color: $disabled; background: transparent; border-color: $line; }
QLineEdit[drop="true"] { border: 1px dashed $accent; }
QLineEdit[invalid="true"], QAbstractSpinBox[invalid="true"], QComboBox[invalid="true"] {
  border: 1px solid $red; background: $red_ground; }
QAbstractSpinBox[kind="number"] { min-height: 24px; padding: 0; }
QAbstractSpinBox[kind="number"]::up-button, QAbstractSpinBox[kind="number"]::down-button {
  subcontrol-origin: content; subcontrol-position: center right; width: 0; border: none;
  image: none; }
QComboBox { padding-right: 26px; border-radius: 8px; min-height: 30px; }
QComboBox[kind="elided"] { padding-right: 2px; }
QComboBox::drop-down { border: none; width: 26px; subcontrol-position: right center; }
QComboBox::down-arrow { image: url("$controls/chevron-down.svg"); width: 16px; height: 16px; }
QComboBox QAbstractItemView, QComboBox QAbstractItemView:focus { background: $raised;
  border: 1px solid $line; border-radius: 0; padding: 4px; outline: none;
  selection-background-color: $accent_ground; selection-color: $text; }
QComboBox QAbstractItemView::item { min-height: 28px; padding: 0 8px; border-radius: 6px; }
QComboBox QAbstractItemView::item:focus { border: none; }
QSpinBox, QDoubleSpinBox { padding: 0 0 0 6px; }
QSpinBox::up-button, QDoubleSpinBox::up-button { border: none; width: 20px;
  subcontrol-position: top right; }
QSpinBox::down-button, QDoubleSpinBox::down-button { border: none; width: 20px;
  subcontrol-position: bottom right; }
QSpinBox::up-arrow, QDoubleSpinBox::up-arrow { image: url("$controls/chevron-up.svg");
  width: 12px; height: 12px; }
QSpinBox::down-arrow, QDoubleSpinBox::down-arrow { image: url("$controls/chevron-down.svg");
  width: 12px; height: 12px; }
QCheckBox, QRadioButton { spacing: 8px; min-height: 28px; background: transparent; }
QCheckBox:disabled, QRadioButton:disabled { color: $disabled; }
QCheckBox::indicator { width: 34px; height: 20px; image: url("$controls/switch-off.svg"); }
QCheckBox::indicator:hover { image: url("$controls/switch-off-hover.svg"); }
QCheckBox::indicator:focus { image: url("$controls/switch-off-focus.svg"); }
QCheckBox::indicator:disabled { image: url("$controls/switch-off-disabled.svg"); }
QCheckBox::indicator:checked { image: url("$controls/switch-on.svg"); }
QCheckBox::indicator:checked:hover { image: url("$controls/switch-on-hover.svg"); }
QCheckBox::indicator:checked:focus { image: url("$controls/switch-on-focus.svg"); }
QCheckBox::indicator:checked:disabled { image: url("$controls/switch-on-disabled.svg"); }
QRadioButton::indicator { width: 20px; height: 20px; image: url("$controls/radio-off.svg"); }
QRadioButton::indicator:disabled { image: url("$controls/radio-off-disabled.svg"); }
QRadioButton::indicator:checked { image: url("$controls/radio-on.svg"); }
QRadioButton::indicator:checked:disabled { image: url("$controls/radio-on-disabled.svg"); }
QRadioButton:focus { color: $accent; }
QSlider { min-height: 24px; background: transparent; }
QSlider::groove:horizontal { height: 4px; border-radius: 2px; background: $control; }
QSlider::sub-page:horizontal { background: $accent; border-radius: 2px; }
QSlider::add-page:horizontal { background: $control; border-radius: 2px; }
QSlider::handle:horizontal { width: 8px; height: 8px; margin: -5px 0; border-radius: 7px;
  background: $knob; border: 3px solid $accent; }
QSlider::handle:horizontal:hover { border-color: $accent_hover; }
QSlider::handle:horizontal:focus { width: 10px; height: 10px; margin: -6px 0; border-radius: 8px;
  border: 3px solid $text; background: $accent; }
QSlider::handle:horizontal:disabled { background: $control; border-color: $disabled; }
QSlider::sub-page:horizontal:disabled { background: $disabled; }
QSlider::groove:vertical { width: 4px; border-radius: 2px; background: $control; }
QSlider::sub-page:vertical { background: $control; border-radius: 2px; }
QSlider::add-page:vertical { background: $accent; border-radius: 2px; }
QSlider::handle:vertical { width: 8px; height: 8px; margin: 0 -5px; border-radius: 7px;
  background: $knob; border: 3px solid $accent; }
QProgressBar { background: $control; border: none; border-radius: 3px; min-height: 6px;
  max-height: 6px; color: transparent; }
QProgressBar::chunk { background: $accent; border-radius: 3px; }
QProgressBar[level="warning"]::chunk { background: $amber; }
QProgressBar[level="error"]::chunk { background: $red; }
QProgressBar[level="quiet"]::chunk { background: $hint; }
QProgressBar[size="thin"] { min-height: 4px; max-height: 4px; border-radius: 2px; }
QProgressBar[size="thin"]::chunk { border-radius: 2px; }
"""

_VIEWS = """
QAbstractScrollArea { background: transparent; border: none; }
QScrollArea > QWidget > QWidget { background: transparent; }
QAbstractItemView { background: $surface; alternate-background-color: $raised;
  border: 1px solid $line; border-radius: 10px; outline: none; gridline-color: $line;
  selection-background-color: $accent_ground; selection-color: $text; }
QAbstractItemView:focus { border-color: $accent; }
QAbstractItemView::item { min-height: 28px; padding: 2px 6px; border: none; }
QAbstractItemView::item:hover { background: $hover; }
QAbstractItemView::item:selected { background: $accent_ground; color: $text; }
QAbstractItemView::item:focus { border: 1px solid $accent; }
QAbstractItemView::item:disabled { color: $disabled; }
QAbstractItemView::indicator { width: 16px; height: 16px; border: 1px solid $hint;
  border-radius: 4px; background: $raised; }
QAbstractItemView::indicator:checked { image: url("$controls/check.svg"); border-color: $accent;
  background: $accent_ground; }
QTreeView::branch { background: transparent; }
QTreeView::branch:has-children:closed { image: url("$controls/chevron-right.svg"); }
QTreeView::branch:has-children:open { image: url("$controls/chevron-down.svg"); }
QHeaderView { background: transparent; border: none; }
QHeaderView::section { background: $raised; color: $secondary; border: none;
  border-bottom: 1px solid $line; padding: 6px 8px; font-size: $section; font-weight: 600; }
QHeaderView::section:hover { color: $text; background: $control; }
QHeaderView::down-arrow { image: url("$controls/chevron-down.svg"); width: 14px; height: 14px; }
QHeaderView::up-arrow { image: url("$controls/chevron-up.svg"); width: 14px; height: 14px; }
QTableCornerButton::section { background: $raised; border: none; }
QScrollBar:vertical { background: transparent; width: 12px; margin: 0; border: none; }
QScrollBar:horizontal { background: transparent; height: 12px; margin: 0; border: none; }
QScrollBar::handle { background: $line; border-radius: 3px; margin: 3px; }
QScrollBar::handle:vertical { min-height: 36px; }
QScrollBar::handle:horizontal { min-width: 36px; }
QScrollBar::handle:hover, QScrollBar::handle:pressed { background: $disabled; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; border: none; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QAbstractScrollArea::corner { background: transparent; border: none; }
QTabWidget::pane { border: none; border-top: 1px solid $line; }
QTabBar { background: transparent; qproperty-drawBase: 0; }
QTabBar::tab { background: transparent; color: $secondary; padding: 6px 10px; margin-right: 4px;
  border: 1px solid transparent; border-radius: 6px; min-height: 16px; }
QTabBar::tab:hover { color: $text; background: $control; }
QTabBar::tab:selected { color: $text; background: $control; }
QTabBar::tab:focus { border-color: $accent; }
QTabBar::tab:disabled { color: $disabled; }
QTabBar::close-button { image: url("$controls/close.svg"); }
"""

_FRAME = """
QDockWidget { color: $hint; font-size: $section; font-weight: 600;
  icon-size: 16px; titlebar-close-icon: url("$controls/close.svg");
  titlebar-normal-icon: url("$controls/float.svg"); }
QDockWidget > QWidget { background: $surface; }
QDockWidget::title { background: $surface; padding: 8px 12px; text-align: left; }
QDockWidget::close-button, QDockWidget::float-button { background: transparent; border: none;
  border-radius: 4px; padding: 0; icon-size: 16px; }
QDockWidget::close-button:hover, QDockWidget::float-button:hover { background: $control; }
QMainWindow::separator { background: $line; width: 1px; height: 1px; margin: 0; }
QMainWindow::separator:hover { background: $accent; }
QSplitter::handle { background: $line; }
QSplitter::handle:horizontal { width: 1px; }
QSplitter::handle:vertical { height: 1px; }
QSplitter::handle:hover { background: $accent; }
QMenuBar { background: $window; color: $secondary; border: none; padding: 2px 4px; }
QMenuBar::item { background: transparent; padding: 4px 8px; border-radius: 6px; }
QMenuBar::item:selected, QMenuBar::item:pressed { background: $control; color: $text; }
QMenu { background: $raised; border: 1px solid $line; padding: 5px; }
QMenu::item { padding: 6px 24px 6px 10px; border-radius: 6px; min-height: 16px; }
QMenu::item:selected { background: $accent_ground; color: $text; }
QMenu::item:disabled { color: $disabled; background: transparent; }
QMenu::icon { padding-left: 8px; }
QMenu::separator { height: 1px; background: $line; margin: 5px 6px; }
QMenu::right-arrow { image: url("$controls/chevron-right.svg"); width: 14px; height: 14px; }
QMenu::indicator { width: 16px; height: 16px; left: 6px; }
QMenu::indicator:checked { image: url("$controls/check.svg"); }
QStatusBar { background: $surface; color: $secondary; border-top: 1px solid $line;
  font-size: $small; }
QStatusBar::item { border: none; }
QToolBar { background: transparent; border: none; spacing: 4px; padding: 2px; }
QToolBar::separator { background: $line; width: 1px; height: 1px; margin: 4px; }
QGroupBox { border: none; margin-top: 20px; padding: 0; font-size: $section; font-weight: 600;
  color: $hint; }
QGroupBox::title { subcontrol-origin: margin; left: 0; padding: 0 0 4px 0; color: $hint; }
QSizeGrip { image: none; }
"""
