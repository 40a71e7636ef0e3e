"""A window without a window: a client in a process of its own, to be killed.

Called with a folder, the method's trouble and the edge of its picture; says on standard
output what it has.
"""

import sys
from pathlib import Path

from PySide6.QtCore import QCoreApplication
from watched_engine import request

from app.engine_client import EngineClient
from engine.entry import Settings
from engine.messages import Metrics, Ready


class Window:
    def __init__(self, folder: Path, trouble: str, size: int) -> None:
        self.frames = 0
        self.client = EngineClient(settings=Settings(parent=0, heartbeat=0.25))
        self.client.state.connect(self.on_state)
        self.client.ready.connect(self.on_ready)
        self.client.event.connect(self.on_event)
        self.client.frame.connect(self.on_frame)
        self.request = request(size=size, steps=120, delay=20, trouble=trouble, at=10)
        self.folder = folder
        self.client.start()

    def on_state(self, state: str) -> None:
        if state == "not answering":
            say(state)

    def on_ready(self, ready: Ready) -> None:
        say(f"engine {ready.pid}")
        self.client.start_job(self.request, self.folder)

    def on_event(self, event: object) -> None:
        if isinstance(event, Metrics) and event.step == 3:
            say("stepping")
        if getattr(event, "state", "") == "finished":
            say(f"finished {self.frames}")
            self.client.stop()
            QCoreApplication.quit()

    def on_frame(self, job: str, panel: str, array: object, step: int, final: bool) -> None:
        self.frames += 1


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    application = QCoreApplication([])
    window = Window(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
    sys.exit(application.exec())
