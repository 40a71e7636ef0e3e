"""What a person can do, declared once.

Menus, buttons, shortcuts and the command palette are all made from ``ACTIONS``, so they
cannot disagree. Whether an action can be used now is a rule over ``Facts``; a rule that
says no says why, and the reason is the tooltip of the disabled button.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication, QObject, Signal, Slot
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QWidget

from widgets import icons


@dataclass(frozen=True)
class Facts:
    """What the rules look at: the present page and the present run."""

    bench: bool = False
    engine: bool = False
    run: str = "none"  # none | preparing | running | paused | idle | stopping
    picture: bool = False
    result: bool = False
    resumable: bool = False
    #: What would be taken back or done again, as a noun.
    undo: str = ""
    redo: str = ""
    #: Whether that would change what a run that goes on depends on.
    undo_fixed: bool = False
    redo_fixed: bool = False
    examples: bool = False
    #: Whether the page is set to a race, how many methods are chosen for it, and could be.
    racing: bool = False
    racers: int = 0
    able: int = 0
    #: Whether its pictures can be seen over each other.
    compares: bool = True


Rule = Callable[[Facts], str]

#: Why a run that waits for a person is neither paused nor stepped.
_WAITS = QT_TRANSLATE_NOOP("Reasons", "The run waits for you already")
ACTIVE_RUNS = frozenset({"preparing", "running", "paused", "idle", "stopping"})


def _always(_: Facts) -> str:
    return ""


def _on_bench(facts: Facts) -> str:
    return "" if facts.bench else QT_TRANSLATE_NOOP("Reasons", "Open a bench first")


def _can_run(facts: Facts) -> str:
    if not facts.bench:
        return _on_bench(facts)
    if not facts.engine:
        return QT_TRANSLATE_NOOP("Reasons", "The engine is still starting")
    if facts.run == "stopping":
        return QT_TRANSLATE_NOOP("Reasons", "The run is just being stopped")
    if not facts.picture:
        return QT_TRANSLATE_NOOP("Reasons", "Choose a picture first")
    if facts.racing and facts.racers < 2:
        return QT_TRANSLATE_NOOP("Reasons", "Choose at least two methods")
    return ""


def _running(facts: Facts) -> str:
    if facts.run == "running":
        return ""
    if facts.run == "idle":
        return _WAITS
    return QT_TRANSLATE_NOOP("Reasons", "Nothing is running on this page")


def _paused(facts: Facts) -> str:
    return "" if facts.run == "paused" else QT_TRANSLATE_NOOP("Reasons", "The run is not paused")


def _steppable(facts: Facts) -> str:
    if facts.run in {"running", "paused"}:
        return ""
    if facts.run == "idle":
        return _WAITS
    return QT_TRANSLATE_NOOP("Reasons", "Nothing is running on this page")


def _active(facts: Facts) -> str:
    if facts.run in ACTIVE_RUNS:
        return ""
    return QT_TRANSLATE_NOOP("Reasons", "Nothing is running on this page")


def _result(facts: Facts) -> str:
    if facts.result:
        return ""
    return QT_TRANSLATE_NOOP("Reasons", "There is no result yet; press Run first")


def _picture(facts: Facts) -> str:
    if facts.picture:
        return ""
    return QT_TRANSLATE_NOOP("Reasons", "There is no picture on this page yet")


def _resumable(facts: Facts) -> str:
    if facts.resumable:
        return ""
    return QT_TRANSLATE_NOOP("Reasons", "No interrupted run is waiting here")


def _examples(facts: Facts) -> str:
    if facts.examples:
        return ""
    return QT_TRANSLATE_NOOP("Reasons", "This bench has no examples")


_FIXED = QT_TRANSLATE_NOOP("Reasons", "Fixed while it runs. Cancel the run to change this.")


def _undo(facts: Facts) -> str:
    if not facts.undo:
        return QT_TRANSLATE_NOOP("Reasons", "Nothing to undo")
    return _FIXED if facts.undo_fixed else ""


def _redo(facts: Facts) -> str:
    if not facts.redo:
        return QT_TRANSLATE_NOOP("Reasons", "Nothing to redo")
    return _FIXED if facts.redo_fixed else ""


def _raceable(facts: Facts) -> str:
    if not facts.bench:
        return _on_bench(facts)
    if facts.able < 2:
        return QT_TRANSLATE_NOOP("Reasons", "This bench has no two methods that could race")
    return _FIXED if facts.run in ACTIVE_RUNS else ""


def _resettable(facts: Facts) -> str:
    return _FIXED if facts.run in ACTIVE_RUNS else _on_bench(facts)


def _compares(facts: Facts) -> str:
    if not facts.compares:
        return QT_TRANSLATE_NOOP("Reasons", "The pictures of this bench do not show the same")
    return _on_bench(facts)


@dataclass(frozen=True)
class ActionSpec:
    """One action; ``menu`` is where it is listed, ``rule`` when it can be used."""

    id: str
    title: str
    menu: str
    icon: str = ""
    shortcut: str = ""
    rule: Rule = _always
    checkable: bool = False
    separator: bool = False


def _t(text: str) -> str:
    """Mark an action's title for the translators."""
    return QT_TRANSLATE_NOOP("Actions", text)


FILE, EDIT, RUN, VIEW, GO, HELP = "&File", "&Edit", "&Run", "&View", "&Go", "&Help"
MENUS = (FILE, EDIT, RUN, VIEW, GO, HELP)

ACTIONS: tuple[ActionSpec, ...] = (
    ActionSpec("file.open", "Open a picture…", FILE, "open", "Ctrl+O"),
    ActionSpec("file.example", "Try an example", FILE, "flag", "", _examples),
    ActionSpec("file.save", "Save the result…", FILE, "save", "Ctrl+S", _result, separator=True),
    ActionSpec("file.export", "Export everything…", FILE, "export", "Ctrl+Shift+S", _result),
    ActionSpec("file.folder", "Show the run's folder", FILE, "folder", "", _result),
    ActionSpec("file.quit", "Quit", FILE, "", "Ctrl+Q", separator=True),
    ActionSpec("edit.undo", "Undo", EDIT, "undo", "Ctrl+Z", _undo),
    ActionSpec("edit.redo", "Redo", EDIT, "redo", "Ctrl+Shift+Z", _redo),
    ActionSpec("edit.copy", "Copy the picture", EDIT, "copy", "Ctrl+C", _picture, separator=True),
    ActionSpec("edit.paste", "Paste a picture", EDIT, "", "Ctrl+V"),
    ActionSpec("edit.reset", "Reset every knob", EDIT, "reset", "", _resettable, separator=True),
    ActionSpec("run.start", "Run", RUN, "play", "Ctrl+Return", _can_run),
    ActionSpec("run.pause", "Pause", RUN, "pause", "Ctrl+.", _running),
    ActionSpec("run.continue", "Continue", RUN, "play", "Ctrl+Shift+.", _paused),
    ActionSpec("run.step", "One step", RUN, "step", "Ctrl+/", _steppable),
    ActionSpec("run.cancel", "Cancel", RUN, "stop", "Ctrl+Backspace", _active),
    ActionSpec("run.resume", "Resume the interrupted run", RUN, "", "", _resumable, separator=True),
    ActionSpec("run.race", "Race methods", RUN, "side", "Ctrl+R", _raceable),
    ActionSpec("engine.restart", "Restart the engine", RUN, "engine", separator=True),
    ActionSpec("view.wipe", "Wipe", VIEW, "wipe", "Ctrl+Alt+1", _compares),
    ActionSpec("view.side", "Side by side", VIEW, "side", "Ctrl+Alt+2", _compares),
    ActionSpec("view.difference", "Difference", VIEW, "difference", "Ctrl+Alt+3", _compares),
    ActionSpec("view.fit", "Fit the picture", VIEW, "fit", "Ctrl+0", _on_bench, separator=True),
    ActionSpec("view.full", "Show at 100 %", VIEW, "hundred", "Ctrl+1", _on_bench),
    ActionSpec(
        "view.left", "Left panel", VIEW, "panel-left", "Ctrl+B", _on_bench, True, separator=True
    ),
    ActionSpec("view.right", "Right panel", VIEW, "panel-right", "Ctrl+Alt+B", _on_bench, True),
    ActionSpec("view.log", "Log", VIEW, "panel-bottom", "Ctrl+L", checkable=True),
    ActionSpec("view.layout", "Put the panels back", VIEW, "", "", _on_bench),
    ActionSpec("view.theme", "Switch between light and dark", VIEW, "", "", separator=True),
    ActionSpec("view.screen", "Full screen", VIEW, "", "F11", checkable=True),
    ActionSpec("go.palette", "Find anything…", GO, "search", "Ctrl+K"),
    ActionSpec("go.start", "Start", GO, "home", "Alt+Home", separator=True),
    ActionSpec("go.history", "History", GO, "history", "Ctrl+H"),
    ActionSpec("go.models", "Models", GO, "models", ""),
    ActionSpec("go.settings", "Settings", GO, "settings", "Ctrl+,"),
    ActionSpec("help.method", "About this method", HELP, "help", "F1", _on_bench),
    ActionSpec("help.about", "About Priorbench", HELP, "info"),
)


def run_reason(facts: Facts) -> str:
    """Why Run cannot be pressed now; empty where it can."""
    return translate_reason(_can_run(facts))


def spec(action_id: str) -> ActionSpec:
    """The declaration of an action."""
    for action in ACTIONS:
        if action.id == action_id:
            return action
    raise KeyError(f"action {action_id!r} is not declared")


class ActionSet(QObject):
    """The ``QAction`` of every declared action, owned by the window."""

    triggered = Signal(str, bool)

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._actions: dict[str, QAction] = {}
        self._facts = Facts()
        for declared in ACTIONS:
            action = QAction(title(declared), window)
            action.setObjectName(declared.id)
            action.setCheckable(declared.checkable)
            if declared.icon:
                action.setIcon(icons.icon(declared.icon))
            if declared.shortcut:
                action.setShortcut(QKeySequence(declared.shortcut))
            action.triggered.connect(self._pass_on)
            window.addAction(action)
            self._actions[declared.id] = action
        self.refresh(self._facts)

    def __getitem__(self, action_id: str) -> QAction:
        return self._actions[action_id]

    @Slot(bool)
    def _pass_on(self, checked: bool) -> None:
        action = self.sender()
        if action is not None:
            self.triggered.emit(action.objectName(), checked)

    def refresh(self, facts: Facts) -> None:
        """Enable what can be used now; say of the rest why it cannot."""
        self._facts = facts
        for declared in ACTIONS:
            action = self._actions[declared.id]
            reason = declared.rule(facts)
            action.setEnabled(not reason)
            action.setToolTip(self._tip(declared, reason))
        for action_id, what in (("edit.undo", facts.undo), ("edit.redo", facts.redo)):
            action = self._actions[action_id]
            base = title(spec(action_id))
            action.setText(f"{base}: {what}" if what else base)
        race, save = spec("run.race"), spec("file.save")
        self._actions["run.race"].setText(self.tr("One method") if facts.racing else title(race))
        self._actions["file.save"].setText(
            self.tr("Save the comparison…") if facts.racing else title(save)
        )

    def reason(self, action_id: str) -> str:
        """Why an action cannot be used now; empty where it can."""
        return translate_reason(spec(action_id).rule(self._facts))

    def fill(self, menu: QMenu) -> None:
        """Put every menu, as a submenu, into ``menu``."""
        for name in MENUS:
            part = menu.addMenu(QCoreApplication.translate("Menus", name))
            part.setToolTipsVisible(True)
            for declared in ACTIONS:
                if declared.menu != name:
                    continue
                if declared.separator:
                    part.addSeparator()
                part.addAction(self._actions[declared.id])

    def _tip(self, declared: ActionSpec, reason: str) -> str:
        if reason:
            return translate_reason(reason)
        shortcut = self._actions[declared.id].shortcut()
        keys = shortcut.toString(QKeySequence.SequenceFormat.NativeText)
        return f"{title(declared)} ({keys})" if keys else title(declared)


def title(declared: ActionSpec) -> str:
    """The translated title of an action."""
    return QCoreApplication.translate("Actions", declared.title)


def translate_reason(reason: str) -> str:
    """The translated reason why something is disabled."""
    return QCoreApplication.translate("Reasons", reason) if reason else ""
