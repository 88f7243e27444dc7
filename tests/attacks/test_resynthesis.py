from __future__ import annotations

import cv2
import numpy as np
import pytest

from bonaface.attacks.resynthesis import LARGEST_RATIO, Resynthesis, draw_resynthesis, resynthesised

from .conftest import energy


def network(**changes: float) -> Resynthesis:
    return Resynthesis(**{"network_px": 50.0, "smooth_px": 0.0, "lattice": 0.0, "sharpen": 0.0, **changes})


def test_a_flat_picture_stays_flat_but_for_the_lattice():
    flat = np.full((128, 128, 3), 140, np.uint8)
    assert (resynthesised(flat, 80, network()) == 140).all()
    grey = resynthesised(flat, 128, network(network_px=64.0, lattice=0.03))[..., 0].astype(float)
    power = np.abs(np.fft.fft2(grey - grey.mean())) ** 2
    row, column = divmod(int(power.argmax()), 128)
    assert {min(row, 128 - row), min(column, 128 - column)} <= {
        0,
        32,
    }  # half of the network's 64 px: 1/4 of ours
    assert power.max() > 100 * np.median(power)


def test_the_network_limits_and_smooths(face_scene):
    pixels = np.ascontiguousarray(face_scene.pixels)
    fine = [
        energy(resynthesised(pixels, 80, network(network_px=px)), low=0.3, high=0.5) for px in (20, 40, 60)
    ]
    assert fine[0] < fine[1] < fine[2] < energy(pixels, low=0.3, high=0.5)
    assert energy(resynthesised(pixels, 80, network(smooth_px=0.8)), low=0.2, high=0.5) < 0.7 * energy(
        resynthesised(pixels, 80, network()), low=0.2, high=0.5
    )
    huge = resynthesised(pixels, 80, network(network_px=500.0))
    assert (huge == resynthesised(pixels, 80, network(network_px=80 * LARGEST_RATIO))).all()


def test_sharpening_brings_contrast_back(face_scene):
    pixels = np.ascontiguousarray(face_scene.pixels)
    soft, crisp = (
        cv2.Laplacian(resynthesised(pixels, 80, network(sharpen=s)), cv2.CV_32F).std() for s in (0, 0.7)
    )
    assert crisp > 1.2 * soft


def test_draws_cover_the_stated_ranges():
    rng = np.random.default_rng(0)
    drawn = [draw_resynthesis(rng, strength=1.0, network_px=(40, 160)) for _ in range(300)]
    assert 40 <= min(p.network_px for p in drawn) < 44
    assert 145 < max(p.network_px for p in drawn) <= 160
    assert np.mean([p.lattice > 0 for p in drawn]) == pytest.approx(0.66, abs=0.08)
    assert np.mean([p.sharpen > 0 for p in drawn]) == pytest.approx(0.33, abs=0.08)
