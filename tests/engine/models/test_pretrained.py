"""Networks that others trained, as diffusers saves them: found, checked, used by every sampler."""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from engine.headless import SUCCESS, Stop, drive, with_settings
from engine.messages import RunRequest
from engine.method import BadInput
from engine.models import pretrained_files
from engine.models.pretrained import load_pretrained
from engine.records import read_record
from engine.settings import errors, fields_of

pytest.importorskip("diffusers")

SAMPLERS = (
    "red_diff",
    "dps",
    "diffpir",
    "ddrm",
    "pigdm",
    "score_sde",
    "flowchef",
    "plug_and_play",
)
WEIGHTS = "diffusion_pytorch_model.safetensors"


def write(folder: Path, *, flat: bool = False, process: dict[str, Any] | None = None, **unet: Any):
    """A tiny network with random weights in ``folder``; returns it and its scheduler."""
    from diffusers import DDPMScheduler, UNet2DModel

    torch.manual_seed(11)
    shape: dict[str, Any] = {
        "sample_size": 32,
        "block_out_channels": (8, 16),
        "layers_per_block": 1,
        "down_block_types": ("DownBlock2D", "AttnDownBlock2D"),
        "up_block_types": ("AttnUpBlock2D", "UpBlock2D"),
        "norm_num_groups": 4,
    }
    network = UNet2DModel(**shape | unet).eval().requires_grad_(False)
    scheduler = DDPMScheduler(**process or {})
    network.save_pretrained(folder if flat else folder / "unet")
    scheduler.save_pretrained(folder if flat else folder / "scheduler")
    return network, scheduler


def edit(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def pictures(count: int = 2, channels: int = 3, side: int = 32) -> torch.Tensor:
    return torch.rand(count, channels, side, side, generator=torch.Generator().manual_seed(8))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("networks") / "tiny"
    write(folder)
    return folder


@pytest.fixture
def copy(tiny: Path, tmp_path: Path) -> Path:
    """The tiny network, to be changed."""
    return Path(shutil.copytree(tiny, tmp_path / "copy"))


# --- the denoiser ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("process", "unet"),
    [
        ({}, {}),
        ({"prediction_type": "v_prediction", "beta_schedule": "squaredcos_cap_v2"}, {}),
        ({"prediction_type": "sample", "beta_schedule": "scaled_linear"}, {}),
        ({"clip_sample": False}, {"in_channels": 1, "out_channels": 1}),
        (
            {"variance_type": "learned_range"},
            {"out_channels": 6, "time_embedding_type": "learned", "num_train_timesteps": 1000},
        ),
        ({"prediction_type": "v_prediction", "rescale_betas_zero_snr": True}, {}),
    ],
)
def test_the_denoiser_is_what_diffusers_takes_for_the_clean_picture(
    process: dict[str, Any], unet: dict[str, Any], tmp_path: Path
) -> None:
    network, scheduler = write(tmp_path, process=process, **unet)
    denoiser = load_pretrained(str(tmp_path))
    channels = unet.get("in_channels", 3)
    assert (denoiser.size, denoiser.channels, denoiser.backend) == (32, channels, "torch")
    x = pictures(channels=channels)
    for time in (0, 250, 700):
        abar = scheduler.alphas_cumprod[time].double()
        sigma = 0.5 * float(((1 - abar) / abar).sqrt())
        seen = ((2 * x - 1) * abar.sqrt()).float()
        with torch.no_grad():
            said = network(seen, time).sample
        clean = scheduler.step(said, time, seen).pred_original_sample
        torch.testing.assert_close(denoiser(x, sigma), 0.5 * (clean + 1), atol=2e-4, rtol=1e-4)
    assert denoiser.calls == 3
    last = scheduler.alphas_cumprod.double()
    last = last[last > 1e-12][-1]
    assert denoiser.sigma_max == pytest.approx(0.5 * float(((1 - last) / last).sqrt()), rel=1e-2)


def test_gradients_flow_through_the_same_answer_and_are_counted(tiny: Path) -> None:
    denoiser = load_pretrained(str(tiny))
    x = pictures().requires_grad_()
    answer = denoiser.differentiable(x, torch.tensor([0.1, 0.6]))
    torch.testing.assert_close(answer.detach(), denoiser(x.detach(), torch.tensor([0.1, 0.6])))
    (slope,) = torch.autograd.grad(answer.sum(), x)
    assert (denoiser.calls, denoiser.backwards) == (2, 1)
    assert float(slope.abs().min()) > 0


def test_a_network_of_any_size_takes_every_picture(tmp_path: Path) -> None:
    write(tmp_path, sample_size=None)
    denoiser = load_pretrained(str(tmp_path))
    assert denoiser.size is None
    assert denoiser(torch.rand(1, 3, 21, 34), 0.2).shape == (1, 3, 21, 34)


def test_weights_as_the_first_releases_named_and_laid_them_out(tmp_path: Path) -> None:
    # So is google/ddpm-celebahq-256: flat, with attention under other names.
    old = {"flip_sin_to_cos": False, "freq_shift": 1, "downsample_padding": 0}
    write(tmp_path, flat=True, **old)
    x = pictures()
    expected = load_pretrained(str(tmp_path))(x, 0.4)
    names = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    weights = {}
    for name, tensor in load_file(tmp_path / WEIGHTS).items():
        for new, before in names.items():
            name = name.replace(f".{new}.", f".{before}.")
        weights[name] = tensor
    assert any(".proj_attn." in name for name in weights)
    save_file(weights, tmp_path / WEIGHTS, metadata={"format": "pt"})
    config = json.loads((tmp_path / "scheduler_config.json").read_text())
    kept = ("_class_name", "beta_start", "beta_end", "beta_schedule", "num_train_timesteps")
    (tmp_path / "scheduler_config.json").write_text(json.dumps({k: config[k] for k in kept}))
    torch.testing.assert_close(load_pretrained(str(tmp_path))(x, 0.4), expected, atol=0, rtol=0)


def test_a_file_of_a_network_and_its_inner_folder_name_it_too(tiny: Path) -> None:
    one = load_pretrained(str(tiny))
    weights = tiny / "unet" / WEIGHTS
    for source in (f" {tiny} ", str(tiny / "unet"), str(weights)):
        other = load_pretrained(source)
        assert other.checksum == one.checksum
        assert other._network is one._network
    assert one.name == str(tiny.resolve())
    assert one.checksum == hashlib.sha256(weights.read_bytes()).hexdigest()


def test_weights_that_changed_are_read_again(copy: Path) -> None:
    before = load_pretrained(str(copy))
    weights = load_file(copy / "unet" / WEIGHTS)
    weights["conv_out.bias"] += 1.0
    save_file(weights, copy / "unet" / WEIGHTS, metadata={"format": "pt", "made": "again"})
    after = load_pretrained(str(copy))
    assert before.checksum != after.checksum
    assert not torch.equal(before(pictures(), 0.05), after(pictures(), 0.05))


# --- in a run ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows, columns = np.mgrid[0:32, 0:32]
    waves = 0.5 + 0.3 * np.sin(columns / 7) * np.cos(rows / 5)
    path = tmp_path_factory.mktemp("inputs") / "small.png"
    colors = np.stack([waves, np.roll(waves, 9, 1), 0.7 * waves + 0.2], axis=-1)
    Image.fromarray((255 * colors).astype(np.uint8)).save(path)
    return path


def asked(method: str, picture: Path, *texts: str, **more: Any) -> RunRequest:
    request = RunRequest(
        method=f"restoration.{method}", inputs={"picture": str(picture)}, seed=3, **more
    )
    return with_settings(request, ["prior=pretrained", "steps=3", *texts])


@pytest.mark.parametrize("method", SAMPLERS)
def test_every_sampler_runs_with_it_and_records_it(
    method: str, tiny: Path, picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tiny.parent)
    request = asked(method, picture, "network=tiny", "problem.damage=blur")
    ended = drive(request, tmp_path / "run", io.StringIO(), Stop())
    assert (ended.code, ended.failure) == (SUCCESS, None)
    record = read_record(tmp_path / "run")
    sha256 = hashlib.sha256((tiny / "unet" / WEIGHTS).read_bytes()).hexdigest()
    assert record.priors == {str(tiny.resolve()): sha256}
    assert (record.backend, record.params["prior"]) == ("torch", "pretrained")
    assert record.params["network"] == str(tiny)
    # RED-diff looks at the noise and at its mirror image.
    assert record.metrics["calls"] == (6 if method == "red_diff" else 3)
    assert record.metrics["backwards"] == (3 if method in ("dps", "pigdm") else 0)
    assert np.isfinite(record.metrics["psnr"])


def refusal(request: RunRequest, tmp_path: Path) -> BadInput:
    ended = drive(request, tmp_path / "refused", io.StringIO(), Stop())
    assert ended.code == 2
    assert ended.failure is not None
    assert "\n" not in ended.failure.text
    return BadInput(ended.failure.text, ended.failure.field)


@pytest.mark.parametrize("side", [28, 64])
def test_a_picture_of_another_size_is_told_the_size_that_fits(
    side: int, tmp_path: Path, picture: Path
) -> None:
    write(tmp_path / "network", sample_size=side)
    wide, fitting = tmp_path / "wide.png", tmp_path / "fitting.png"
    Image.open(picture).resize((80, 80)).save(wide)
    settings = [f"network={tmp_path / 'network'}", "problem.damage=blur"]
    no = refusal(asked("diffpir", wide, *settings), tmp_path)
    assert no.field == "network"
    known = rf"knows pictures of {side} × {side} pixels; this one is worked on at (\d+) × \1 "
    assert re.search(known, str(no))
    told = re.search(r"allowed: a picture of (\d+) × \1[,)]", str(no))
    assert told is not None
    fits = int(told[1])
    if side > 32:
        # A blur needs room beyond the border; a larger picture is reduced until there is.
        assert 32 < fits < side
        settings.append(f"problem.working_size={fits}")
        fitting = wide
    else:
        Image.open(picture).resize((fits, fits)).save(fitting)
    ended = drive(asked("diffpir", fitting, *settings), tmp_path / "run", io.StringIO(), Stop())
    assert ended.code == SUCCESS


def test_no_size_is_told_where_none_fits(tmp_path: Path, picture: Path) -> None:
    # With its border this picture is larger than 40 pixels; without one only smaller ones are.
    write(tmp_path / "network", sample_size=40)
    wide = tmp_path / "wide.png"
    Image.open(picture).resize((80, 80)).save(wide)
    settings = [f"network={tmp_path / 'network'}", "problem.damage=blur"]
    assert "allowed: another damage" in str(refusal(asked("dps", wide, *settings), tmp_path))


def test_it_is_drawn_and_judged_like_every_field(tiny: Path) -> None:
    from engine.restoration.dps import Params

    fields = {field.name: field for field in fields_of(Params)}
    assert fields["network"].kind == "file"
    assert fields["network"].when == {"prior": ["pretrained"]}
    assert "pretrained" in [choice.value for choice in fields["prior"].choices]
    assert errors(Params, {"network": str(tiny), "prior": "pretrained"}) == {}


def test_another_backend_is_refused(tiny: Path, picture: Path, tmp_path: Path) -> None:
    no = refusal(asked("dps", picture, f"network={tiny}", backend="onnx"), tmp_path)
    assert (no.field, "allowed: auto, torch" in str(no)) == ("backend", True)


# --- what is refused ---------------------------------------------------------------------


def refused(source: Path | str) -> str:
    with pytest.raises(BadInput) as no:
        load_pretrained(str(source))
    assert no.value.field == "network"
    assert str(no.value).startswith("network: ")
    assert "\n" not in str(no.value)
    return str(no.value)


@pytest.mark.parametrize("source", ["", "/no/such/folder", "nowhere", "a b/c", "one/two/three"])
def test_what_is_neither_a_folder_nor_a_name(source: str) -> None:
    assert "allowed: a folder in the layout of diffusers, or OWNER/NAME" in refused(source)


def test_a_folder_without_a_network(tmp_path: Path) -> None:
    assert f"{tmp_path} has no config.json" in refused(tmp_path)


def test_pickled_weights_are_never_opened(copy: Path) -> None:
    (copy / "unet" / WEIGHTS).rename(copy / "unet" / "diffusion_pytorch_model.bin")
    told = refused(copy)
    assert "diffusion_pytorch_model.bin, a pickle" in told
    assert "allowed: weights as safetensors" in told


def test_no_weights_at_all(copy: Path) -> None:
    (copy / "unet" / WEIGHTS).unlink()
    assert f"has no {WEIGHTS} (allowed" in refused(copy)


def test_no_scheduler(copy: Path) -> None:
    shutil.rmtree(copy / "scheduler")
    assert "has no scheduler_config.json" in refused(copy)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"_class_name": "UNet2DConditionModel"}, "is of UNet2DConditionModel"),
        ({"num_class_embeds": 10}, "must be told a class"),
        ({"class_embed_type": "timestep"}, "must be told a class"),
        ({"time_embedding_type": "fourier"}, "tells time by fourier"),
        ({"in_channels": 4}, "takes 4 channels"),
        ({"out_channels": 4}, "gives 4"),
        ({"sample_size": [32, 64]}, "allowed: square ones"),
        ({"block_out_channels": [8, 32]}, "does not load"),
        ({"layers_per_block": 2}, "does not load"),
        ({"mid_block_type": None}, "does not fit its config.json"),
        ({"act_fn": "nonsense"}, "does not load"),
    ],
)
def test_networks_of_other_kinds(copy: Path, changes: dict[str, Any], told: str) -> None:
    edit(copy / "unet" / "config.json", **changes)
    assert told in refused(copy)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"prediction_type": "flow"}, "allowed: epsilon, v_prediction, sample"),
        ({"beta_schedule": "no-such"}, "betas that diffusers does not make"),
        ({"trained_betas": [0.1, -0.1, 0.1]}, "do not make noise grow"),
        ({"_class_name": "ScoreSdeVeScheduler", "beta_schedule": None}, "is of ScoreSdeVe"),
    ],
)
def test_processes_of_other_kinds(copy: Path, changes: dict[str, Any], told: str) -> None:
    edit(copy / "scheduler" / "scheduler_config.json", **changes)
    assert told in refused(copy)


def test_a_network_of_latents(copy: Path) -> None:
    parts = {"unet": ["diffusers", "UNet2DModel"], "vqvae": ["diffusers", "VQModel"]}
    (copy / "model_index.json").write_text(json.dumps({"_class_name": "LDMPipeline", **parts}))
    assert "is a network with vqvae (allowed: one that works on the pixels" in refused(copy)


@pytest.mark.parametrize("text", ["{", "[]"])
def test_a_damaged_configuration(copy: Path, text: str) -> None:
    (copy / "unet" / "config.json").write_text(text)
    assert "config.json" in refused(copy)


def test_damaged_weights(copy: Path) -> None:
    (copy / "unet" / WEIGHTS).write_bytes(b"no tensors")
    assert "does not load" in refused(copy)


def test_without_the_extra_the_command_that_installs_it_is_told(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("diffusers", "huggingface_hub"):
        monkeypatch.setitem(sys.modules, module, None)
    for source in (copy, "google/ddpm-celebahq-256"):
        told = refused(source)
        assert "optional extra `pretrained`" in told
        assert told.endswith('[pretrained]"')


def test_the_catalogue_does_not_import_it(repository: Path) -> None:
    code = (
        "import sys; from engine.discovery import installed; "
        "assert not installed().catalogue.broken; "
        "sys.exit(sorted({'diffusers', 'huggingface_hub'} & set(sys.modules)) or 0)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=repository, check=True)


# --- the hub -----------------------------------------------------------------------------

NAME, COMMIT = "someone/tiny", "ab" * 20


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the hub, and a hub that refuses every connection."""
    from huggingface_hub import constants

    folder = tmp_path / "cache"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder))
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = closed.getsockname()
    monkeypatch.setattr(constants, "ENDPOINT", f"http://{address[0]}:{address[1]}")
    return folder


def cached(cache: Path, network: Path) -> None:
    stored = cache / "models--someone--tiny"
    shutil.copytree(network, stored / "snapshots" / COMMIT)
    (stored / "refs").mkdir()
    (stored / "refs" / "main").write_text(COMMIT)


def test_a_copy_in_the_cache_of_the_hub_needs_no_network(cache: Path, tiny: Path) -> None:
    cached(cache, tiny)
    denoiser = load_pretrained(NAME)
    assert denoiser.name == f"{NAME}@{COMMIT}"
    assert denoiser.checksum == load_pretrained(str(tiny)).checksum


@pytest.mark.parametrize("offline", [True, False])
def test_without_a_network_one_line_says_so(
    cache: Path, offline: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", offline)
    told = refused(NAME)
    assert f"no folder '{NAME}'" in told
    assert "not in the cache of the hub, and the hub did not answer" in told


def test_a_hub_that_is_silent_is_not_waited_for(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pretrained_files, "TIMEOUT", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", f"http://127.0.0.1:{port}")
        assert "did not answer (ReadTimeout" in refused(NAME)


class Hub(BaseHTTPRequestHandler):
    """As much of the hub as a download asks for."""

    files: dict[str, bytes]

    def log_message(self, *_: Any) -> None:
        """Silence."""

    def _send(self, body: bytes, code: int = 200, **headers: str) -> None:
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path.startswith(f"/api/models/{NAME}/tree/"):
            tree = [
                {"type": "file", "path": name, "size": len(body), "oid": self._oid(body)}
                for name, body in self.files.items()
            ]
            self._send(json.dumps(tree).encode(), Content_Type="application/json")
        elif path.startswith(f"/api/models/{NAME}"):
            info = {"id": NAME, "sha": COMMIT, "siblings": [{"rfilename": n} for n in self.files]}
            self._send(json.dumps(info).encode(), Content_Type="application/json")
        elif path.startswith(f"/{NAME}/resolve/{COMMIT}/"):
            body = self.files[path.removeprefix(f"/{NAME}/resolve/{COMMIT}/")]
            self._send(body, ETag=f'"{self._oid(body)}"', X_Repo_Commit=COMMIT)
        else:
            self._send(b"{}", 404, X_Error_Code="RepoNotFound")

    do_HEAD = do_GET

    @staticmethod
    def _oid(body: bytes) -> str:
        return hashlib.sha1(b"blob %d\0" % len(body) + body).hexdigest()


@pytest.fixture
def hub(cache: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, bytes]]:
    """A hub that has the tiny network: its files, to be changed."""
    files = {
        path.relative_to(tiny).as_posix(): path.read_bytes()
        for path in tiny.rglob("*")
        if path.is_file()
    }
    kind = type("TinyHub", (Hub,), {"files": files})
    with ThreadingHTTPServer(("127.0.0.1", 0), kind) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", url)
        where = url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", where)
        yield files
        server.shutdown()
        thread.join()


def test_a_network_is_downloaded_once(
    hub: dict[str, bytes], tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub["README.md"] = b"not wanted"
    denoiser = load_pretrained(NAME)
    assert denoiser.name == f"{NAME}@{COMMIT}"
    assert denoiser.checksum == load_pretrained(str(tiny)).checksum
    folder, _ = pretrained_files.located(NAME)
    assert not (folder / "README.md").exists()
    hub.clear()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert load_pretrained(NAME).name == denoiser.name


def test_pickles_of_the_hub_are_not_even_downloaded(hub: dict[str, bytes], cache: Path) -> None:
    hub["unet/diffusion_pytorch_model.bin"] = hub.pop(f"unet/{WEIGHTS}")
    assert f"{NAME} has no {WEIGHTS} but unet/diffusion_pytorch_model.bin" in refused(NAME)
    assert not list(cache.rglob("*.json"))


def test_a_name_that_the_hub_does_not_know(hub: dict[str, bytes]) -> None:
    assert "knows no open network of this name" in refused("nobody/nothing")
