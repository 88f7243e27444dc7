from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from bonaface.attacks import generated
from bonaface.attacks.generated import apply_generated, draw_generated, generated_mask
from bonaface.attacks.scene import Scene
from bonaface.types import Box

from .alone import Alone
from .conftest import energy, make_scene

SPECIES = Alone("generated", generated, unheard="texturing")
UP = replace(
    draw_generated(np.random.default_rng(0), variant="upsampling"),
    is_whole=True, ratio=1.0, stages=1, is_transposed=True, imbalance=0.0, roughness=0.0, kept=0.0,
)  # fmt: skip
AUTO = replace(UP, variant="autoencoder", block=8, block_x=0, block_y=0, mixing=0.1, step=1.0, smooth_px=0.0)
TEXTURE = replace(
    UP, variant="texture", cut_px=1.5, limit=40.0, texture=1.0, grain_px=0.5, colour_noise=0.0, kept=0.0
)
SCENE = make_scene(256, 256)


def spectrum(pixels: np.ndarray) -> np.ndarray:
    """Power by frequency, window applied: (height, width)."""
    grey = pixels.astype(float).mean(axis=2)
    window = np.outer(np.hanning(grey.shape[0]), np.hanning(grey.shape[1]))
    return np.abs(np.fft.fft2((grey - grey.mean()) * window)) ** 2


def peak(pixels: np.ndarray, fx: float, fy: float) -> float:
    """Power about a frequency (cycles for each pixel) over the median of its wider surroundings."""
    power = spectrum(pixels)
    rows, columns = (
        (round(f * n) + np.arange(-12, 13)) % n for f, n in ((fy, power.shape[0]), (fx, power.shape[1]))
    )
    around = power[np.ix_(rows, columns)]
    return float(around[10:15, 10:15].max() / np.median(around))


@pytest.mark.parametrize("is_transposed", [True, False])
def test_lattice_peaks_at_half_the_sampling_rate_rise_with_imbalance(is_transposed):
    def at_half(imbalance: float) -> float:
        drawn = replace(UP, is_transposed=is_transposed, imbalance=imbalance)
        pixels = apply_generated(SCENE, drawn).pixels
        return max(peak(pixels, *f) for f in ((0.5, 0), (0, 0.5), (0.5, 0.5)))

    heights = [at_half(imbalance) for imbalance in (0.0, 0.005, 0.02, 0.05)]
    assert heights[0] < 100
    assert heights[0] < heights[1] < heights[2] < heights[3]
    assert heights[2] > 1000


def test_two_stages_add_peaks_at_a_quarter():
    quarters = [(0.25, 0), (0, 0.25), (0.25, 0.25)]

    def at_quarter(stages: int) -> float:
        pixels = apply_generated(SCENE, replace(UP, stages=stages, imbalance=0.05)).pixels
        return max(peak(pixels, *f) for f in quarters)

    assert at_quarter(2) > 30 * at_quarter(1)


def test_an_enlarged_output_has_its_peaks_lower():
    pixels = apply_generated(SCENE, replace(UP, ratio=0.75, imbalance=0.05)).pixels
    assert max(peak(pixels, *f) for f in ((0.375, 0), (0, 0.375), (0.375, 0.375))) > 300
    assert max(peak(pixels, *f) for f in ((0.5, 0), (0, 0.5))) < 100


def test_rough_kernels_replicate_the_spectrum():
    """A slow wave of 1/16 has its replica at 1/2 - 1/16 when the kernel does not remove it."""
    wave = 128 + 60 * np.sin(2 * np.pi * np.arange(256) / 16)
    scene = Scene(np.tile(np.rint(wave).astype(np.uint8)[None, :, None], (256, 1, 3)), Box(60, 60, 190, 190))

    def replica(roughness: float) -> float:
        drawn = [replace(UP, seed=seed, roughness=roughness) for seed in range(8)]
        return float(np.mean([spectrum(apply_generated(scene, p).pixels)[0, 112] for p in drawn]))

    assert replica(0.0) < replica(0.15) < replica(0.5)


def test_what_is_kept_of_the_detail_comes_back():
    fine = [
        energy(apply_generated(SCENE, replace(UP, kept=k)).pixels, low=0.3, high=0.5) for k in (0, 0.5, 1)
    ]
    assert fine[0] < 0.05 * fine[2]
    assert fine[1] == pytest.approx(fine[2] / 4, rel=0.2)
    assert fine[2] == pytest.approx(energy(SCENE.pixels, low=0.3, high=0.5), rel=0.1)


def test_fewer_latents_keep_less_and_show_their_blocks():
    def out(luma: int) -> np.ndarray:
        return apply_generated(SCENE, replace(AUTO, luma_latents=luma, chroma_latents=8)).pixels

    errors = [np.abs(out(n).astype(float) - SCENE.pixels).mean() for n in (4, 16, 64)]
    assert errors[0] > errors[1] > errors[2]
    steps = np.abs(np.diff(out(6).astype(float).mean(axis=2)[20:], axis=1)).mean(axis=0)
    is_edge = np.arange(255) % 8 == 7
    assert steps[is_edge].mean() > 1.3 * steps[~is_edge].mean()


def test_latents_span_few_dimensions():
    flat = replace(AUTO, luma_latents=5, chroma_latents=1, step=1e-3)
    grey = cv2.cvtColor(apply_generated(SCENE, flat).pixels, cv2.COLOR_RGB2GRAY).astype(float)
    blocks = (grey - 128).reshape(32, 8, 32, 8).transpose(0, 2, 1, 3).reshape(-1, 64)
    share = np.linalg.svd(blocks[32:], compute_uv=False) ** 2
    assert share[5:].sum() < 0.01 * share[1:].sum()


def test_a_coarser_quantiser_leaves_fewer_shades():
    grey, shades = make_scene(256, 256, is_grey=True), []
    for step in (2.0, 80.0):
        drawn = replace(AUTO, luma_latents=1, chroma_latents=1, step=step)
        shades.append(len(np.unique(apply_generated(grey, drawn).pixels[..., 1])))
    assert shades[1] < 256 / 10 + 2 < shades[0]  # a block of 8 x 8 has 8 times its mean as its first latent


def test_texture_keeps_its_strength_and_loses_its_course():
    pixels = apply_generated(SCENE, TEXTURE).pixels
    wall = slice(20, 240), slice(5, 50)

    def fine(picture: np.ndarray) -> np.ndarray:
        grey = picture.astype(np.float32).mean(axis=2)
        return (grey - cv2.GaussianBlur(grey, (0, 0), 1.5))[wall].ravel()

    before, after = fine(SCENE.pixels), fine(pixels)
    assert after.std() == pytest.approx(before.std(), rel=0.35)
    assert abs(np.corrcoef(before, after)[0, 1]) < 0.4
    half = fine(apply_generated(SCENE, replace(TEXTURE, kept=0.7)).pixels)
    assert np.corrcoef(before, half)[0, 1] > 0.75


def test_texture_leaves_strong_edges():
    pixels = np.full((80, 80, 3), 40, np.uint8)
    pixels[:, 40:] = 220
    scene = Scene(pixels, Box(10, 10, 70, 70))
    out = apply_generated(scene, replace(TEXTURE, limit=12.0)).pixels.astype(int)
    assert out[:, 41].mean() - out[:, 38].mean() > 160


def test_colour_noise_differs_between_channels():
    def spread(share: float) -> float:
        pixels = apply_generated(SCENE, replace(TEXTURE, colour_noise=share)).pixels.astype(float)
        return float((pixels[..., 0] - pixels[..., 1])[30:60, 5:50].std())

    assert spread(0.8) > 1.5 * spread(0.0)


@pytest.mark.parametrize("variant", generated.VARIANTS)
def test_tones_stay(variant):
    rng = np.random.default_rng(4)
    for _ in range(5):
        drawn = replace(draw_generated(rng, variant=variant), is_whole=True)
        means = [pixels.mean(axis=(0, 1)) for pixels in (apply_generated(SCENE, drawn).pixels, SCENE.pixels)]
        assert means[0] == pytest.approx(means[1], abs=3)


def test_the_face_alone_or_the_whole_picture(face_scene):
    whole = draw_generated(np.random.default_rng(1))
    assert generated_mask(face_scene, replace(whole, is_whole=True)).min() == 1
    face = generated_mask(face_scene, replace(whole, is_whole=False))
    assert 0.05 < (face > 0).mean() < 0.6
    drawn = [SPECIES.drawn(seed) for seed in range(300)]
    assert np.mean([p.is_whole for p in drawn]) == pytest.approx(0.6, abs=0.08)
    assert np.mean([p.ratio == 1 for p in drawn]) == pytest.approx(0.5, abs=0.08)


def test_a_face_outside_the_picture_changes_nothing(face_scene):
    away = replace(face_scene, face=Box(900, 900, 990, 990))
    drawn = replace(UP, is_whole=False)
    assert (apply_generated(away, drawn).pixels == away.pixels).all()
    assert generated_mask(away, drawn).max() == 0


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


def test_what_is_restored_has_steep_edges_and_no_pores():
    """A soft step gets steeper without ringing beyond its ends; weak noise beside it goes."""
    ramp = np.clip((np.arange(64) - 28) / 8, 0, 1) * 120 + 60
    soft = np.repeat(np.repeat(ramp[None, :, None], 64, axis=0), 3, axis=2)
    noise = np.random.default_rng(0).normal(0, 3, soft.shape)
    picture = np.rint(soft + noise).clip(0, 255).astype(np.uint8)
    p = replace(
        draw_generated(np.random.default_rng(1), variant="restored"),
        is_whole=True, ratio=1.0, kept=0.0, cut_px=1.5, limit=16.0, crispness=1.5,
    )  # fmt: skip
    scene = Scene(picture, Box(8, 8, 56, 56))
    out = apply_generated(scene, p).pixels.astype(float)
    flat = (slice(None), slice(2, 18))
    assert out[flat].std() < 0.5 * picture[flat].std()
    row, before = out.mean(axis=(0, 2)), picture.mean(axis=(0, 2))
    assert np.abs(np.diff(row)).max() > 1.2 * np.abs(np.diff(before)).max()
    assert row.min() > 55
    assert row.max() < 186
    as_it_was = apply_generated(scene, replace(p, kept=1.0, crispness=0.0)).pixels.astype(int)
    assert np.abs(as_it_was - picture).mean() < 4


def test_what_is_drawn_after_it_is_what_it_was():
    """A camera draws from the same generator: younger decoders must not move it. The number is from before there were any."""
    rng = np.random.default_rng(0)
    draw_generated(rng, variant="texture")
    assert rng.random() == 0.6855419844806947
