"""Pictures of the real window: started, driven to a state with a real run, and written.

Nothing is drawn for the purpose. The window works in a home of its own, so that the
person's history neither shows up in the pictures nor grows by taking them.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from PIL import Image
from PySide6.QtCore import (
    QEventLoop,
    QMessageLogContext,
    QObject,
    QTimer,
    QtMsgType,
    Slot,
    qInstallMessageHandler,
)
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QWidget

from app import application, catalogue_cache
from app.files import write_atomic
from app.folders import HOME_VARIABLE
from app.page_state import FEWEST, MOST, RaceState
from engine.messages import RunRequest
from widgets import theme

if TYPE_CHECKING:
    from app.window import MainWindow

State = Literal["before", "during", "after"]
#: Width of the moving picture, and how long its frames stay, in milliseconds.
MOVIE_WIDTH, FRAME_MS, FIRST_MS, LAST_MS = 960, 120, 900, 1800
#: A run of more frames is thinned to about this many.
MOST_FRAMES = 40
#: Seconds that an engine may take to start, and one run to end.
_START_S, _RUN_S = 120.0, 300.0
#: How much of a run is done in a picture of one that goes on.
_HALF = 0.5


@dataclass(frozen=True)
class Shot:
    """What picture is wanted; sizes in pixels, ``method`` empty for the page's first example.

    ``race`` are methods that run against each other on it instead.
    """

    page: str
    file: Path
    theme: Literal["dark", "light"] = "dark"
    size: tuple[int, int] = (1280, 800)
    state: State = "after"
    method: str = ""
    race: tuple[str, ...] = ()
    animation: Path | None = None


class Trouble(Exception):
    """The picture cannot be taken; the text is one line for the person."""


def take(shot: Shot) -> int:
    """Take a picture; the exit code: 0, 2 where the wish is wrong, 1 where the window failed."""
    cached = _catalogue()
    pages = ["start", *(b.id for b in cached.catalogue.benches), "history", "models", "settings"]
    methods = {method.id: method.bench for method in cached.catalogue.methods}
    if shot.page not in pages:
        return _complain(f"page: {shot.page!r} is unknown; allowed: {', '.join(pages)}", 2)
    for option, names in (("--method", [shot.method]), ("--race", shot.race)):
        for name in names:
            if name and name not in methods:
                known = ", ".join(methods)
                return _complain(f"{option}: {name!r} is unknown; allowed: {known}", 2)
    if shot.race and not FEWEST <= len(shot.race) <= MOST:
        count = f"{FEWEST} to {MOST} methods, separated by commas"
        return _complain(f"--race: {len(shot.race)} given; allowed: {count}", 2)
    home = os.environ.get(HOME_VARIABLE)
    with tempfile.TemporaryDirectory(prefix="priorbench-", ignore_cleanup_errors=True) as place:
        os.environ[HOME_VARIABLE] = place
        write_atomic(catalogue_cache.cache_file(), msgspec.json.encode(cached))
        try:
            _take(shot)
        except (Trouble, OSError) as error:
            return _complain(str(error), 1)
        finally:
            os.environ.pop(HOME_VARIABLE)
            if home is not None:
                os.environ[HOME_VARIABLE] = home
    return 0


def _catalogue() -> catalogue_cache.Cached:
    """What is installed, made anew where the cache is old."""
    key = catalogue_cache.current_key()
    cached = catalogue_cache.read(catalogue_cache.cache_file())
    if cached is None or cached.key != key:
        cached = catalogue_cache.Cached(key, catalogue_cache.make())
    return cached


def _take(shot: Shot) -> None:
    qInstallMessageHandler(_say)
    app = application.create()
    window = application.open_window(app)
    window.preferences.set(theme=shot.theme)
    theme.apply(app, shot.theme)
    theme.set_reduced_motion(True)
    window.resize(*shot.size)
    window.show()
    window.begin()
    driver = Driver(window)
    try:
        driver.drive(shot)
        shot.file.parent.mkdir(parents=True, exist_ok=True)
        if driver.picture is None or not driver.picture.save(str(shot.file), "PNG"):
            raise Trouble(f"{shot.file} cannot be written")
        if shot.animation is not None:
            driver.movie.write(shot.animation)
    finally:
        driver.leave()


class Driver:
    """Does in the window what a person would do, and waits for what it shows."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self.picture: QImage | None = None
        self.movie = Movie(window)

    def drive(self, shot: Shot) -> None:
        """Bring the window to the wanted state and look at it."""
        window = self._window
        client = window.client
        wait_for(lambda: client.current_state in ("ready", "busy"), _START_S, "the engine to start")
        bench_ids = [bench.id for bench in window.catalogue.benches]
        if shot.page in bench_ids:
            self._bench(shot)
            return
        if shot.page in ("start", "history") and shot.state != "before":
            for bench_id in bench_ids:
                self._some_runs(bench_id)
        window.show_page(shot.page)
        self.look()

    def look(self) -> None:
        """Take the picture when nothing moves any more."""
        settle()
        self.picture = self._window.grab().toImage()

    def leave(self) -> None:
        """Cancel what runs and close the window."""
        window = self._window
        for page in window.pages.made_benches().values():
            page.desk.run.cancel()
        if not _happens(lambda: not window.pages.running(), 10.0):
            for page in window.pages.made_benches().values():
                page.desk.run.force_stop()
            _happens(lambda: not window.pages.running(), 10.0)
        window.close()
        window.deleteLater()
        settle()

    def _bench(self, shot: Shot) -> None:
        window = self._window
        window.show_page(shot.page)
        page = window.bench(shot.page)
        self._set(page, shot)
        wait_for(lambda: bool(page.parts.stage.keys()), 60.0, "the first picture")
        if shot.state == "before":
            self.look()
            return
        if shot.animation is not None:
            settle()
            self.movie.watch(page)
        page.start()
        run = page.desk.run
        # What waits for a person has come as far as it comes by itself.
        if shot.state == "during":
            wait_for(lambda: run.share >= _HALF or _rests(run), _RUN_S, "half of the run")
            self.picture = window.grab().toImage()
        wait_for(lambda: _rests(run), _RUN_S, "the run to end")
        if run.state not in ("finished", "idle"):
            raise Trouble(f"the run ended as {run.state}: {run.text}")
        if shot.animation is not None:
            settle()
            self.movie.end()
        if shot.state == "after":
            self.look()

    def _set(self, page: Any, shot: Shot) -> None:
        """The wanted method on its own settings, or the first example, not started."""
        if shot.method:
            page.choose_method(shot.method)
            return
        for example in page.bench.examples[:1]:
            request = RunRequest(
                method=example.method,
                problem=example.problem,
                params=example.params,
                inputs=example.inputs,
            )
            page.open_request(request, example.title)
        if shot.race:
            race = RaceState(on=True, methods=shot.race)
            page.model.replace(msgspec.structs.replace(page.state, race=race), "Race")

    def _some_runs(self, bench_id: str) -> None:
        """Real runs to list: every example, which are quick; all methods would take minutes."""
        window = self._window
        window.show_page(bench_id)
        page = window.bench(bench_id)
        run = page.single.run
        for example in page.bench.examples:
            page.try_example(example)
            wait_for(lambda: run.state not in ("none", "preparing"), 60.0, "a run")
            wait_for(lambda: _rests(run), _RUN_S, "a run to end")
            run.cancel()
            wait_for(lambda: not run.active, _RUN_S, "a run to be cancelled")


class Movie(QObject):
    """Collects frames of a window while a run goes on, and writes them as GIF or WebP."""

    def __init__(self, window: QWidget) -> None:
        super().__init__()
        self._window = window
        self._frames: list[Image.Image] = []

    def watch(self, page: Any) -> None:
        """Take the present look, then one more with every frame of the result."""
        self._result = page.parts.stage.result
        self._add()
        page.desk.run.frame.connect(self._on_frame)

    def end(self) -> None:
        """Take the last look."""
        self._add()

    def write(self, file: Path) -> None:
        """Write all frames; the first and the last stay longer."""
        frames = self._frames
        if len(frames) > MOST_FRAMES:
            step = (len(frames) - 1) / (MOST_FRAMES - 1)
            frames = [frames[round(n * step)] for n in range(MOST_FRAMES)]
        times = [FRAME_MS] * len(frames)
        times[0], times[-1] = FIRST_MS, LAST_MS
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.suffix.lower() == ".gif":
            # One palette for all frames: with one each, flat grounds would flicker.
            palette = frames[-1].quantize(256)
            frames = [f.quantize(palette=palette, dither=Image.Dither.NONE) for f in frames]
            options: dict[str, Any] = {"optimize": True}
        else:
            options = {"quality": 82, "method": 4}
        frames[0].save(
            file, save_all=True, append_images=frames[1:], duration=times, loop=0, **options
        )

    def _on_frame(self, *what: object) -> None:
        # Of one run it begins with the panel, in a race with the lane.
        if self._result in what[:2]:
            # After the stage and the curves have drawn it.
            QTimer.singleShot(0, self._add)

    @Slot()
    def _add(self) -> None:
        image = self._window.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
        size = (image.width(), image.height())
        data = bytes(image.constBits())
        frame = Image.frombytes("RGB", size, data, "raw", "RGB", image.bytesPerLine())
        height = round(MOVIE_WIDTH * size[1] / size[0])
        self._frames.append(frame.resize((MOVIE_WIDTH, height), Image.Resampling.LANCZOS))


def wait_for(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Let the window work until ``condition`` holds.

    Raises:
        Trouble: it does not within ``seconds``.
    """
    if not _happens(condition, seconds):
        raise Trouble(f"waited {seconds:.0f} s for {what}")


def _rests(run: Any) -> bool:
    """Whether a run has ended, or waits for a person."""
    return not run.active or run.state == "idle"


def settle(milliseconds: int = 400) -> None:
    """Let the window finish what it draws and decodes."""
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def _happens(condition: Callable[[], bool], seconds: float) -> bool:
    end = monotonic() + seconds
    while not condition():
        if monotonic() > end:
            return False
        settle(15)
    return True


def _say(_kind: QtMsgType, _where: QMessageLogContext, text: str) -> None:
    # Qt's screenless platform says at each window that it has no window manager.
    if "propagateSizeHints" not in text:
        sys.stderr.write(f"{text}\n")


def _complain(text: str, code: int) -> int:
    sys.stderr.write(f"{text}\n")
    return code
