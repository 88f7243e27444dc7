from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from bonaface.attacks.complexion import is_grey
from bonaface.attacks.scene import Scene
from bonaface.attacks.simulations import parameters_to_json
from bonaface.attacks.swap import VARIANTS, SwapParameters, apply_swap, draw_swap, swap_mask
from bonaface.errors import SimulationError
from bonaface.types import Box

from .conftest import make_scene
from .couple import aligned, likeness, painted, portraits

ALIGNMENTS = ["similarity", "mesh"]


def plain(variant: str = "alpha", **changed: object) -> SwapParameters:
    """A swap without misfit, loss or left-over colour."""
    drawn = draw_swap(np.random.default_rng(3), variant=variant)
    still = replace(drawn, scale=1.0, rotation_deg=0.0, shift_x=0.0, shift_y=0.0, transfer="lab")
    region = replace(drawn.region, unevenness=0.0, edge=0.08, half_width=0.42, top=0.5, bottom=0.45)
    return replace(
        still, **{"transfer_amount": 1.0, "face_px": 0.0, "sharpen": 0.0, "region": region} | changed
    )


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("seed", range(3))
def test_same_generator_same_bytes_and_the_inputs_are_untouched(variant, seed, face_scene):
    partner = painted()
    before = face_scene.pixels.tobytes(), partner.pixels.tobytes()
    one, two = (draw_swap(np.random.default_rng(seed), variant=variant) for _ in range(2))
    assert one == two
    assert one != draw_swap(np.random.default_rng(seed + 100), variant=variant)
    first, second = apply_swap(face_scene, one, partner), apply_swap(face_scene, two, partner)
    assert first.pixels.tobytes() == second.pixels.tobytes()
    assert (face_scene.pixels.tobytes(), partner.pixels.tobytes()) == before
    assert first.pixels.flags.writeable
    assert first.face == face_scene.face


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("seed", range(4))
def test_outside_the_mask_the_target_stays_byte_for_byte(variant, seed, face_scene):
    drawn = draw_swap(np.random.default_rng(seed), strength=1.5, variant=variant)
    mask = swap_mask(face_scene, drawn, painted())
    out = apply_swap(face_scene, drawn, painted()).pixels
    assert mask.dtype == np.float32
    assert mask.shape == face_scene.size
    assert 0.05 < (mask > 0).mean() < 0.3
    assert (out[mask == 0] == face_scene.pixels[mask == 0]).all()
    assert (out[mask > 0.9] != face_scene.pixels[mask > 0.9]).mean() > 0.5


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("alignment", ALIGNMENTS)
def test_the_inner_face_is_the_partners(variant, alignment):
    """The face is cut out anew from three points set by eye and correlated with both people's."""
    for scene, partner in (portraits(), portraits()[::-1]):
        out = apply_swap(scene, plain(variant, alignment=alignment), partner)
        assert out.landmarks is not None
        got = aligned(out, out.landmarks)
        own, other = aligned(scene, scene.landmarks), aligned(partner, partner.landmarks)
        assert likeness(got, other) > 0.75
        assert likeness(got, other) > likeness(got, own) + 0.2
        assert likeness(own, other) < 0.6


def test_a_mesh_brings_every_part_home_and_a_similarity_keeps_the_partners_shape():
    scene, partner = portraits()
    meshed = apply_swap(scene, plain(alignment="mesh"), partner)
    assert meshed.landmarks == pytest.approx(scene.landmarks, abs=1e-3)
    rigid = apply_swap(scene, plain(alignment="similarity"), partner)

    def proportions(points: np.ndarray) -> np.ndarray:
        return np.linalg.norm(points[2:] - points[:2].mean(axis=0), axis=1) / np.linalg.norm(
            points[1] - points[0]
        )

    assert proportions(rigid.landmarks) == pytest.approx(proportions(partner.landmarks), rel=1e-3)
    assert np.abs(proportions(rigid.landmarks) - proportions(scene.landmarks)).max() > 0.03
    assert rigid.landmarks.mean(axis=0) == pytest.approx(scene.landmarks.mean(axis=0), abs=1e-3)


def test_a_misfit_moves_the_face_by_its_numbers():
    """A dark dot on the partner's nose is found where turn, scale and shift put it."""
    dot = make_scene(200, 160, texture=0.0)
    x, y = np.array(dot.face.center)
    spotted = dot.pixels.copy()
    cv2.circle(spotted, (round(x - 16), round(y)), 4, (0, 0, 0), -1)
    moved = plain(
        alignment="similarity", transfer_amount=0.0, scale=1.1, rotation_deg=90.0, shift_x=0.05, shift_y=0.1
    )
    out = apply_swap(dot, moved, Scene(spotted, dot.face)).pixels
    side = dot.face.side
    dark = np.array([60, 40]) + np.argwhere(out.max(axis=2)[60:150, 40:120] < 40)
    expected = y - 16 * 1.1 + 0.1 * side, x + 0.05 * side
    assert dark.mean(axis=0) == pytest.approx(expected, abs=1.5), "turned clockwise: left is now up"


def test_landmarks_are_kept_only_where_both_were_found(face_scene):
    scene, partner = portraits()
    bare = replace(partner, landmarks=None)
    assert apply_swap(scene, plain(), bare).landmarks is None
    assert apply_swap(face_scene, plain(), partner).landmarks is None


def test_a_copied_face_keeps_its_detail_and_a_network_loses_it():
    scene, partner = portraits()[::-1]
    core = swap_mask(scene, plain(), partner) == 1

    def detail(**changed: object) -> float:
        out = apply_swap(scene, plain(alignment="similarity", **changed), partner).pixels
        return float(cv2.Laplacian(out, cv2.CV_32F)[core].std())

    assert detail(face_px=20.0) < detail(face_px=40.0) < detail(face_px=80.0) < detail()
    assert detail(face_px=40.0, sharpen=0.8) > detail(face_px=40.0)
    assert detail(sharpen=0.8) > detail()


def test_colour_that_is_left_over_is_the_partners():
    scene, partner = portraits()
    core = swap_mask(scene, plain(), partner) > 0.99

    def distance(amount: float) -> float:
        out = apply_swap(scene, plain(transfer_amount=amount), partner).pixels
        return float(np.linalg.norm(out[core].mean(axis=0) - scene.pixels[core].mean(axis=0)))

    assert distance(1.0) < 5, "colours are measured up to the middle of the soft edge"
    assert distance(1.0) < distance(0.6) < distance(0.2)


def test_variants_differ_along_the_seam(face_scene):
    """Alpha leaves a step of colour where the edge is hard; Poisson blending takes it inside, a pyramid spreads it."""
    hard = plain(transfer_amount=0.0)
    hard = replace(hard, region=replace(hard.region, edge=0.02))
    outs = {
        v: apply_swap(face_scene, replace(hard, variant=v), painted()).pixels.astype(float) for v in VARIANTS
    }
    mask = swap_mask(face_scene, hard, painted())
    near = (mask == 1) & (cv2.erode((mask == 1).astype(np.uint8), np.ones((7, 7), np.uint8)) == 0)
    step = {
        v: np.abs(out[near].mean(axis=0) - face_scene.pixels[near].mean(axis=0)).mean()
        for v, out in outs.items()
    }
    assert step["poisson"] < 0.5 * step["alpha"]
    assert step["pyramid"] < step["alpha"]


def test_a_grey_scene_stays_grey():
    grey = make_scene(160, 130, is_grey=True)
    for seed, variant in enumerate(VARIANTS):
        drawn = draw_swap(np.random.default_rng(seed), strength=1.5, variant=variant)
        out = apply_swap(grey, drawn, painted()).pixels
        assert is_grey(out)
        assert np.ptp(out.astype(int), axis=2).max() <= 2


@pytest.mark.parametrize("strength", [0.2, 1.0, 1.5])
def test_odd_scenes_and_partners_give_pictures_of_their_own_size(strength, odd_scenes):
    rng = np.random.default_rng(5)
    for scene in odd_scenes.values():
        for partner in [*odd_scenes.values(), painted()]:
            drawn = draw_swap(rng, strength=strength)
            out = apply_swap(scene, drawn, partner)
            mask = swap_mask(scene, drawn, partner)
            assert out.pixels.shape == scene.pixels.shape
            assert out.pixels.dtype == np.uint8
            assert (out.pixels[mask == 0] == scene.pixels[mask == 0]).all()
            assert np.isfinite(mask).all()


def test_a_partner_cut_by_its_picture_fades_out(face_scene):
    whole = painted()
    cut = Scene(np.ascontiguousarray(whole.pixels[:, :150]), whole.face)
    mask, part = (swap_mask(face_scene, plain(), partner) for partner in (whole, cut))
    assert (part <= mask).all()
    assert 0.4 < (part > 0).sum() / (mask > 0).sum() < 0.9
    assert np.abs(np.diff(part, axis=1)).max() < 0.5, "no hard cut"


def test_a_tiny_face_in_a_large_partner_does_not_alias():
    """A fine chequerboard on the partner's face becomes a level grey, not a coarse pattern."""
    large = make_scene(800, 640, texture=0.0)
    board = large.pixels.copy()
    board[::2, ::2], board[1::2, 1::2] = 0, 0
    tiny = make_scene(48, 48, face=Box(10, 12, 38, 40), texture=0.0)
    core = swap_mask(tiny, plain(), large) == 1
    outs = [
        apply_swap(tiny, plain(alignment="similarity"), Scene(p, large.face)).pixels
        for p in (board, large.pixels)
    ]
    rough = [cv2.Laplacian(out, cv2.CV_32F)[core].std() for out in outs]
    assert rough[0] < 1.5 * rough[1] + 2


def test_more_strength_changes_more(face_scene):
    def change(strength: float) -> float:
        rng = np.random.default_rng(1)
        outs = [apply_swap(face_scene, draw_swap(rng, strength=strength), painted()) for _ in range(24)]
        return float(np.mean([np.abs(out.pixels.astype(int) - face_scene.pixels).mean() for out in outs]))

    assert change(0.25) < change(0.8) < change(1.5)


def test_draws_cover_the_stated_ranges():
    rng = np.random.default_rng(0)
    drawn = [draw_swap(rng) for _ in range(400)]
    assert {p.variant for p in drawn} == set(VARIANTS)
    assert {p.alignment for p in drawn} == set(ALIGNMENTS)
    assert {p.transfer for p in drawn} == {"lab", "ycbcr", "histogram"}
    assert 0.55 < np.mean([p.face_px > 0 for p in drawn]) < 0.77
    assert 44 <= min(p.face_px for p in drawn if p.face_px) < 50
    assert 114 < max(p.face_px for p in drawn) <= 120
    assert 0.5 <= min(p.transfer_amount for p in drawn) < 0.55
    weak = [draw_swap(rng, strength=0.3) for _ in range(200)]
    assert min(p.transfer_amount for p in weak) >= 0.85
    assert np.std([p.shift_x for p in weak]) < 0.5 * np.std([p.shift_x for p in drawn])


def test_an_unknown_variant_is_answered_with_the_nearest():
    with pytest.raises(SimulationError, match="got 'poison'; did you mean 'poisson'"):
        draw_swap(np.random.default_rng(0), variant="poison")


def test_landmarks_that_are_no_face_are_refused(face_scene):
    flat = replace(face_scene, landmarks=np.zeros((5, 2), np.float32))
    for scene, partner in ((flat, face_scene), (face_scene, flat)):
        with pytest.raises(SimulationError, match="landmarks must be right eye"):
            apply_swap(scene, plain(alignment="mesh"), partner)


def test_parameters_are_plain_json():
    drawn = draw_swap(np.random.default_rng(7))
    values = json.loads(json.dumps(parameters_to_json(drawn), allow_nan=False))
    region = type(drawn.region)(**values.pop("region"))
    assert SwapParameters(**values, region=region) == drawn
