"""A person brings a network of their own: chosen in the form, refused there, and used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.run_row import read_json

diffusers = pytest.importorskip("diffusers")


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """A folder with a tiny network of random weights."""
    folder = tmp_path / "network"
    diffusers.UNet2DModel(
        sample_size=32,
        block_out_channels=(8, 16),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D"),
        norm_num_groups=4,
    ).save_pretrained(folder)
    diffusers.DDPMScheduler().save_pretrained(folder)
    return folder


def test_a_network_is_chosen_refused_and_used(
    driver: Any, small_picture: Path, network: Path
) -> None:
    page = driver.to_bench()
    driver.drop(small_picture)
    driver.until(lambda: page.state.inputs["picture"] == str(small_picture))
    page.choose_method("restoration.ddrm")
    form = page.parts.method.form
    assert not form.is_shown("network")
    choice = form.row("prior").editor.body
    choice.setCurrentIndex(choice.findText("Your own network"))
    choice.activated.emit(choice.currentIndex())
    assert form.is_shown("network")
    page.edits.set("problem:working_size", 32)

    place = form.row("network").editor.path
    place.chosen.emit(str(network / "nowhere"))
    driver.press_run()
    driver.over()
    assert driver.run.state == "failed"
    assert (
        "is not there (allowed: a folder in the layout of diffusers" in form.row("network").error()
    )

    # What a person picks in the dialog is a file of it.
    place.chosen.emit(str(network / "config.json"))
    driver.press_run()
    driver.over()
    assert driver.run.state == "finished", driver.run.text
    assert form.row("network").error() == ""
    finished = next(r for r in driver.window.index.search() if r.status == "finished")
    record = read_json(finished.path / "run.json")
    assert record is not None
    assert list(record["priors"]) == [str(network.resolve())]
