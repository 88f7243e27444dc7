from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from bonaface.attacks.faceswap import apply_faceswap, draw_faceswap, faceswap_mask
from bonaface.types import Box

PLAIN = replace(
    draw_faceswap(np.random.default_rng(0)),
    scale=1.0,
    rotation_deg=0.0,
    shift_x=0.0,
    shift_y=0.0,
    elastic=0.0,
    luma_gain=1.0,
    luma_shift=0.0,
    cb_shift=0.0,
    cr_shift=0.0,
    chroma_gain=1.0,
    smooth_px=0.0,
    sharpen=0.0,
    jpeg_quality=0,
    mask_edge=0.05,
    opacity=1.0,
    blend="alpha",
    face_px=40.0,
)
BLENDS = ["alpha", "membrane", "pyramid"]


@pytest.mark.parametrize("seed", range(9))
def test_outside_the_mask_every_byte_stays(seed, face_scene):
    drawn = replace(draw_faceswap(np.random.default_rng(seed)), blend=BLENDS[seed % 3])
    mask = faceswap_mask(face_scene, drawn)
    out = apply_faceswap(face_scene, drawn)
    assert 0.05 < (mask > 0).mean() < 0.6
    assert (out.pixels[mask == 0] == face_scene.pixels[mask == 0]).all()
    assert (out.pixels[mask > 0.9] != face_scene.pixels[mask > 0.9]).mean() > 0.5
    assert out.face == face_scene.face


@pytest.mark.parametrize("blend", BLENDS)
def test_fine_detail_is_lost_inside(blend, face_scene):
    drawn = replace(PLAIN, blend=blend)
    core = (
        cv2.erode((faceswap_mask(face_scene, drawn) > 0.99).astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    )
    after = apply_faceswap(face_scene, drawn).pixels
    before_detail, after_detail = (
        cv2.Laplacian(p, cv2.CV_32F)[core].std() for p in (np.ascontiguousarray(face_scene.pixels), after)
    )
    assert after_detail < 0.6 * before_detail


def test_drawn_swaps_lose_detail_in_the_median(face_scene):
    rng = np.random.default_rng(2)
    ratios = []
    for _ in range(30):
        drawn = draw_faceswap(rng)
        core = faceswap_mask(face_scene, drawn) > 0.99
        if core.sum() < 50:
            continue
        after = apply_faceswap(face_scene, drawn).pixels
        ratios.append(
            cv2.Laplacian(after, cv2.CV_32F)[core].std()
            / cv2.Laplacian(np.ascontiguousarray(face_scene.pixels), cv2.CV_32F)[core].std()
        )
    assert np.median(ratios) < 0.8


def test_a_smaller_network_face_is_softer(face_scene):
    def detail(face_px: float) -> float:
        return float(
            cv2.Laplacian(
                apply_faceswap(face_scene, replace(PLAIN, face_px=face_px)).pixels, cv2.CV_32F
            ).std()
        )

    assert detail(24.0) < detail(40.0) < detail(60.0)


def test_colours_move_by_their_offsets(face_scene):
    core = faceswap_mask(face_scene, PLAIN) > 0.99
    plain = apply_faceswap(face_scene, PLAIN).pixels[core].astype(float)
    lighter = apply_faceswap(face_scene, replace(PLAIN, luma_shift=10.0)).pixels[core].astype(float)
    assert (lighter - plain).mean(axis=0) == pytest.approx([10, 10, 10], abs=0.6)
    redder = apply_faceswap(face_scene, replace(PLAIN, cr_shift=10.0)).pixels[core].astype(float)
    assert (redder - plain).mean(axis=0) == pytest.approx([14.02, -7.14, 0], abs=0.6)


def test_membrane_hides_the_step_at_the_seam(face_scene):
    stepped = replace(PLAIN, luma_shift=25.0, mask_edge=0.03)
    mask = faceswap_mask(face_scene, stepped)
    rim = (mask > 0.99) & (cv2.erode((mask > 0.99).astype(np.uint8), np.ones((9, 9), np.uint8)) == 0)

    def step(blend: str) -> float:
        out = apply_faceswap(face_scene, replace(stepped, blend=blend)).pixels
        return float(np.abs(out[rim].astype(float).mean() - face_scene.pixels[rim].astype(float).mean()))

    assert step("membrane") < 0.6 * step("alpha")


def test_inner_jpeg_leaves_other_bytes(face_scene):
    stored = apply_faceswap(face_scene, replace(PLAIN, jpeg_quality=40)).pixels
    assert (stored != apply_faceswap(face_scene, PLAIN).pixels).any()


def test_sharpening_brings_contrast_back(face_scene):
    core = faceswap_mask(face_scene, PLAIN) > 0.99
    soft = apply_faceswap(face_scene, PLAIN).pixels
    crisp = apply_faceswap(face_scene, replace(PLAIN, sharpen=1.0)).pixels
    assert cv2.Laplacian(crisp, cv2.CV_32F)[core].std() > cv2.Laplacian(soft, cv2.CV_32F)[core].std()


def test_a_face_outside_the_picture_changes_nothing(face_scene):
    away = replace(face_scene, face=Box(900, 900, 990, 990))
    out = apply_faceswap(away, PLAIN)
    assert (out.pixels == away.pixels).all()
    assert faceswap_mask(away, PLAIN).max() == 0


def test_draws_cover_the_stated_ranges():
    rng = np.random.default_rng(0)
    drawn = [draw_faceswap(rng) for _ in range(400)]
    assert 32 <= min(p.face_px for p in drawn) < 36
    assert 92 < max(p.face_px for p in drawn) <= 96
    assert {p.blend for p in drawn} == set(BLENDS)
    assert 0.25 < np.mean([p.jpeg_quality > 0 for p in drawn]) < 0.45
