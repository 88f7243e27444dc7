from __future__ import annotations

import cv2
import numpy as np
import pytest

from bonaface.attacks import codec
from bonaface.attacks.codec import CODECS, frame_coded, has_codec, stream_coded
from bonaface.errors import SimulationError


def lattice(pixels: np.ndarray, block: int) -> float:
    """Mean step across block edges over the mean step elsewhere, along both axes."""
    grey = cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2GRAY).astype(float)
    ratios = []
    for steps in (np.abs(np.diff(grey, axis=1)), np.abs(np.diff(grey, axis=0)).T):
        is_edge = np.arange(steps.shape[1]) % block == block - 1
        ratios.append(steps[:, is_edge].mean() / steps[:, ~is_edge].mean())
    return float(np.mean(ratios))


def coded(pixels: np.ndarray, **changes: object) -> np.ndarray:
    wanted = {"step": 24.0, "block": 8, "is_chroma_halved": False, "is_deblocked": False, **changes}
    return frame_coded(np.ascontiguousarray(pixels), **wanted)


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / max(((one.astype(float) - other) ** 2).mean(), 1e-9)))


@pytest.mark.parametrize("block", [4, 8])
def test_coarser_quantisers_cost_more_and_show_their_blocks(face_scene, block):
    pixels = face_scene.pixels[11:]  # below the scene's own dark edge
    assert psnr(coded(pixels, step=0.5, block=block), pixels) > 45
    costs = [psnr(coded(pixels, step=step, block=block), pixels) for step in (4.0, 16.0, 48.0)]
    assert costs[0] > costs[1] > costs[2] > 20
    assert lattice(pixels, block) == pytest.approx(1, abs=0.05)
    assert lattice(coded(pixels, step=48.0, block=block), block) > 1.3


def test_quantised_coefficients_are_multiples_of_the_step():
    grey = np.repeat(np.random.default_rng(0).integers(90, 160, (32, 32, 1), dtype=np.uint8), 3, axis=2)
    out = coded(grey, step=40.0)[..., 0].astype(np.float32) - 128
    spectrum = cv2.dct(np.ascontiguousarray(out[8:16, 16:24])).ravel()[1:] / 40
    assert np.abs(spectrum - np.rint(spectrum)).max() < 0.05


def test_deblocking_hides_the_lattice(face_scene):
    hard, soft = (coded(face_scene.pixels, step=32.0, is_deblocked=d) for d in (False, True))
    assert lattice(soft, 8) < 0.85 * lattice(hard, 8)


def test_halved_colour_loses_its_fine_part():
    rng = np.random.default_rng(0)
    colours = np.stack(
        [rng.integers(0, 255, (64, 64)), np.full((64, 64), 120), rng.integers(0, 255, (64, 64))], 2
    )
    pixels = colours.astype(np.uint8)
    red = [
        cv2.cvtColor(coded(pixels, step=2.0, is_chroma_halved=h), cv2.COLOR_RGB2YCrCb)[..., 1]
        for h in (False, True)
    ]
    whole, half = (np.abs(np.diff(plane.astype(float), axis=1)).mean() for plane in red)
    assert half < 0.5 * whole


def test_odd_and_tiny_frames_keep_their_size():
    for height, width in ((1, 1), (3, 5), (17, 33)):
        pixels = np.full((height, width, 3), 77, np.uint8)
        out = coded(pixels, is_chroma_halved=True, is_deblocked=True)
        assert out.shape == pixels.shape
        assert np.abs(out.astype(int) - 77).max() <= 3


@pytest.mark.parametrize("name", CODECS)
def test_real_codecs_give_the_frame_back_but_not_its_bytes(name, face_scene):
    if not has_codec(name):
        pytest.skip("this build of OpenCV has no such codec")
    pixels = np.ascontiguousarray(face_scene.pixels[:81, :99])
    frames = [np.roll(pixels, -shift, axis=1) for shift in (2, 1, 0)]
    out = stream_coded(frames, name)
    assert out.shape == pixels.shape
    assert 22 < psnr(out, pixels) < 50
    assert psnr(out, pixels) > psnr(out, frames[0])
    assert (out == stream_coded(frames, name)).all()


def test_codecs_that_do_not_exist_are_named(monkeypatch):
    frame = np.full((32, 32, 3), 90, np.uint8)
    with pytest.raises(
        SimulationError, match="a codec must be one of mpeg4, mjpeg, flv; got 'mpeg'; did you mean"
    ):
        stream_coded([frame], "mpeg")
    monkeypatch.setitem(codec.CODECS, "none", ("ZZZZ", ".zzz"))
    with pytest.raises(
        SimulationError, match=r"OpenCV must be built with a coder for 'none'; .* 32 x 32; take another"
    ):
        stream_coded([frame], "none")
    assert not has_codec("none")
