from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from bonaface.attacks import injection
from bonaface.attacks.codec import has_codec
from bonaface.attacks.injection import InjectionParameters, apply_injection, draw_injection, injection_mask
from bonaface.attacks.scene import Scene
from bonaface.types import Box

from .alone import Alone
from .conftest import energy, make_scene

SPECIES = Alone("injection", injection, unheard="virtual_camra")
PLAIN = replace(
    draw_injection(np.random.default_rng(0), variant="virtual_camera"),
    frame_width=160, frame_height=200, is_stretched=False, there="bilinear", back="bilinear", chroma_shift=0.0,
    range_error="right", matrix_amount=0.0, denoising=0.0, stale=0.0, tear=0.0, is_interlaced=False,
)  # fmt: skip
STALE = replace(PLAIN, variant="stale_frame", stale=0.4, stale_x=0.1, stale_y=0.0, stale_zoom=1.0)


def colours() -> Scene:
    """Fine random colours of one brightness."""
    rng = np.random.default_rng(0)
    coded = np.full((200, 160, 3), 128, np.uint8)
    coded[..., 1:] = np.clip(128 + 14 * rng.standard_normal((200, 160, 2)), 90, 166)
    return Scene(cv2.cvtColor(coded, cv2.COLOR_YCrCb2RGB), Box(40, 60, 120, 140))


def fine_red(scene: Scene) -> float:
    red = cv2.cvtColor(scene.pixels, cv2.COLOR_RGB2YCrCb)[..., 1].astype(float)
    return float(np.abs(np.diff(red, axis=1)).mean() + np.abs(np.diff(red, axis=0)).mean())


def test_a_frame_of_the_same_size_only_halves_the_colour(face_scene):
    out = apply_injection(face_scene, PLAIN)
    luma = [
        cv2.cvtColor(np.ascontiguousarray(s.pixels), cv2.COLOR_RGB2GRAY).astype(int)
        for s in (out, face_scene)
    ]
    assert np.abs(luma[0] - luma[1]).mean() < 1
    assert fine_red(apply_injection(colours(), PLAIN)) < 0.4 * fine_red(colours())
    assert (out.face, out.landmarks) == (face_scene.face, None)


def test_a_chroma_shift_moves_colour_and_leaves_brightness():
    coded = np.full((200, 160, 3), 120, np.uint8)
    coded[..., 1:] = 128
    coded[:, 80:, 1] = 170
    scene = Scene(cv2.cvtColor(coded, cv2.COLOR_YCrCb2RGB), Box(40, 60, 120, 140))

    def edge(shift: float) -> float:
        out = cv2.cvtColor(
            apply_injection(scene, replace(PLAIN, chroma_shift=shift)).pixels, cv2.COLOR_RGB2YCrCb
        )
        return float((170 - out[100, :, 1].astype(float)).sum() / 42)

    assert edge(2.0) - edge(0.0) == pytest.approx(2, abs=0.2)


def test_a_block_lattice_appears_at_the_codecs_blocks(face_scene):
    scene = Scene(face_scene.pixels[11:], face_scene.face)

    def lattice(step: float, *, is_deblocked: bool = False) -> float:
        coded = replace(
            PLAIN, variant="frame_codec", frame_height=189, step=step, block=8, is_deblocked=is_deblocked
        )
        grey = apply_injection(scene, coded).pixels.astype(float).mean(axis=2)
        steps, is_edge = np.abs(np.diff(grey, axis=1)).mean(axis=0), np.arange(159) % 8 == 7
        return float(steps[is_edge].mean() / steps[~is_edge].mean())

    assert lattice(1.0) == pytest.approx(1, abs=0.08)
    assert lattice(1.0) < lattice(24.0) < lattice(48.0)
    assert lattice(48.0, is_deblocked=True) < lattice(48.0)


def test_range_errors_squeeze_and_clip():
    ramp = np.repeat(np.tile(np.arange(256, dtype=np.uint8), (200, 1))[..., None], 3, axis=2)
    scene, frame = Scene(ramp, Box(40, 60, 120, 140)), replace(PLAIN, frame_width=256)
    narrow = apply_injection(scene, replace(frame, range_error="narrow", range_amount=1.0)).pixels
    wide = apply_injection(scene, replace(frame, range_error="wide", range_amount=1.0)).pixels
    assert (narrow.min(), narrow.max()) == (16, 235)
    assert (wide[:, :17] == 0).all()
    assert (wide[:, 236:] == 255).all()
    assert wide[0, 126] == pytest.approx((126 - 16) * 255 / 219, abs=1)
    half = apply_injection(scene, replace(frame, range_error="narrow", range_amount=0.5)).pixels
    assert (half.min(), half.max()) == (8, 245)


def test_a_misread_matrix_leaves_grey_and_turns_colours():
    """Worked by hand: BT.601 planes of pure red are Y' 76.2, Cb -43.0, Cr 127.5; BT.709 reads 277, 24.6, -3.6."""
    red, grey = (np.full((60, 60, 3), colour, np.uint8) for colour in ((255, 0, 0), (90, 90, 90)))
    misread = replace(PLAIN, frame_width=60, frame_height=60, matrix_amount=1.0)
    box = Box(10, 10, 50, 50)
    assert apply_injection(Scene(red, box), misread).pixels[30, 30] == pytest.approx([255, 25, 0], abs=2)
    assert apply_injection(Scene(grey, box), misread).pixels[30, 30] == pytest.approx([90, 90, 90], abs=1)


def test_denoising_takes_the_noise_and_leaves_edges():
    scene = make_scene(200, 160, texture=4.0)
    clean = apply_injection(scene, replace(PLAIN, denoising=24.0))
    noisy = apply_injection(scene, PLAIN)
    corner = slice(150, 195), slice(5, 50)
    assert clean.pixels[corner][..., 1].std() < 0.6 * noisy.pixels[corner][..., 1].std()
    halves = 4 * np.random.default_rng(0).standard_normal((200, 160, 3)) + 60
    halves[:, 80:] += 120
    edge = apply_injection(
        Scene(np.rint(halves).astype(np.uint8), scene.face), replace(PLAIN, denoising=24.0)
    ).pixels.mean(axis=(0, 2))
    assert edge[81] - edge[78] == pytest.approx(120, abs=6)


def test_smaller_frames_lose_detail_and_nearest_keeps_it_jagged(face_scene):
    small = replace(PLAIN, frame_width=80, frame_height=100)
    fine = [energy(apply_injection(face_scene, p).pixels, low=0.3, high=0.5) for p in (small, PLAIN)]
    assert fine[0] < 0.3 * fine[1]
    jagged = apply_injection(face_scene, replace(small, back="nearest"))
    assert energy(jagged.pixels, low=0.3, high=0.5) > 1.5 * fine[0]


def test_stretching_scales_the_sides_apart(face_scene):
    squeezed = apply_injection(
        face_scene, replace(PLAIN, frame_width=40, frame_height=200, is_stretched=True)
    ).pixels
    across, down = (np.abs(np.diff(squeezed.astype(float), axis=axis)).mean() for axis in (1, 0))
    assert across < 0.6 * down


def test_a_stale_frame_is_mixed_torn_or_interlaced():
    pixels = np.full((200, 160, 3), 60, np.uint8)
    pixels[:, 90:94] = 200
    scene = Scene(pixels, Box(40, 60, 120, 140))

    def row(parameters: InjectionParameters, y: int) -> np.ndarray:
        return apply_injection(scene, parameters).pixels[y, :, 0].astype(int) - 60

    mixed = row(STALE, 100)
    assert mixed[91] == pytest.approx(0.6 * 140, abs=4)
    assert mixed[83] == pytest.approx(0.4 * 140, abs=4)  # 0.1 of the face's 80 px before
    torn = replace(STALE, tear=0.5)
    assert row(torn, 60)[83] > 120 > 10 > abs(row(torn, 60)[91])
    assert row(torn, 140)[91] > 120 > 10 > abs(row(torn, 140)[83])
    combed = replace(STALE, stale=0.5, is_interlaced=True)
    assert row(combed, 101)[83] > 100 > 40 > row(combed, 100)[83]
    approached = replace(STALE, stale=0.5, stale_x=0.0, stale_zoom=1.25)
    assert row(approached, 100)[89] > 40 > 10 > abs(row(replace(approached, stale_zoom=1.0), 100)[87])


def test_a_stream_is_only_taken_by_name(face_scene):
    drawn = [SPECIES.drawn(seed) for seed in range(200)]
    assert {p.variant for p in drawn} == set(injection.VARIANTS) - {"stream_codec"}
    assert all(p.stale == 0 for p in drawn if p.variant != "stale_frame")
    for parameters in drawn:
        if parameters.variant == "virtual_camera":
            assert parameters.denoising > 0
            assert (
                parameters.range_error != "right"
                or parameters.matrix_amount > 0
                or parameters.back == "nearest"
            )
    if has_codec("mpeg4"):
        stream = replace(PLAIN, variant="stream_codec", codec="mpeg4", num_frames=3)
        out = apply_injection(face_scene, stream).pixels.astype(float)
        assert 0.5 < np.abs(out - face_scene.pixels).mean() < 12


def test_the_whole_frame_is_the_mask(face_scene):
    assert (injection_mask(face_scene, PLAIN) == 1).all()


def test_same_generator_same_bytes(face_scene):
    SPECIES.assert_same_generator_same_bytes(face_scene)


def test_the_mask_is_true(face_scene):
    SPECIES.assert_the_mask_is_true(face_scene)


def test_odd_scenes(odd_scenes):
    SPECIES.assert_takes_odd_scenes(odd_scenes)


def test_json(face_scene):
    SPECIES.assert_survives_json(face_scene)


def test_strength_and_variants(face_scene):
    SPECIES.assert_more_strength_changes_more(face_scene)
    SPECIES.assert_variants_are_named()


def test_what_is_drawn_after_it_is_what_it_was():
    """A camera draws from the same generator: cards and desktops must not move it. The number is from before there were any."""
    rng = np.random.default_rng(0)
    draw_injection(rng, variant="stale_frame")
    assert rng.random() == 0.42268722119765845
