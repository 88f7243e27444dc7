from __future__ import annotations

import importlib.util
import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from bonaface.attacks.anatomy import AVERAGE
from bonaface.attacks.complexion import is_grey
from bonaface.attacks.morph import VARIANTS, MorphParameters, apply_morph, draw_morph, morph_mask
from bonaface.attacks.scene import Scene
from bonaface.attacks.simulations import parameters_to_json
from bonaface.errors import SimulationError
from bonaface.types import Box

from .conftest import make_scene
from .couple import aligned, likeness, painted, portraits


def plain(variant: str, *, alpha: float = 0.5, **changed: object) -> MorphParameters:
    """A morph without misplaced points, smoothing or retouched ghosts."""
    drawn = draw_morph(np.random.default_rng(3), variant=variant)
    shape_alpha = 0.0 if variant == "spliced" else alpha
    region = replace(drawn.region, unevenness=0.0, half_width=0.42, top=0.5, bottom=0.45)
    still = replace(
        drawn, alpha=alpha, shape_alpha=shape_alpha, misplacement=0.0, smooth_px=0.0, region=region
    )
    return replace(still, **{"transfer_amount": 0.8, "ghost": 1.0} | changed)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("seed", range(3))
def test_same_generator_same_bytes_and_the_inputs_are_untouched(variant, seed, face_scene):
    partner = painted()
    before = face_scene.pixels.tobytes(), partner.pixels.tobytes()
    one, two = (draw_morph(np.random.default_rng(seed), variant=variant) for _ in range(2))
    assert one == two
    assert one != draw_morph(np.random.default_rng(seed + 100), variant=variant)
    first, second = apply_morph(face_scene, one, partner), apply_morph(face_scene, two, partner)
    assert first.pixels.tobytes() == second.pixels.tobytes()
    assert first.face == second.face
    assert (face_scene.pixels.tobytes(), partner.pixels.tobytes()) == before


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_morph_is_closer_to_both_parents_than_they_are_to_each_other(variant):
    for scene, partner in (portraits(), portraits()[::-1]):
        own, other = (aligned(one, one.landmarks) for one in (scene, partner))
        morph = apply_morph(scene, plain(variant), partner)
        got = aligned(morph, morph.landmarks)
        assert min(likeness(got, own), likeness(got, other)) > likeness(own, other) + 0.1
        assert min(likeness(got, own), likeness(got, other)) > 0.65


@pytest.mark.parametrize("variant", VARIANTS)
def test_alpha_moves_the_morph_from_one_parent_to_the_other(variant):
    scene, partner = portraits()
    own, other = (aligned(one, one.landmarks) for one in (scene, partner))
    likenesses = []
    for alpha in (0.1, 0.3, 0.5, 0.7, 0.9):
        morph = apply_morph(scene, plain(variant, alpha=alpha), partner)
        got = aligned(morph, morph.landmarks)
        likenesses.append((likeness(got, own), likeness(got, other)))
    to_own, to_other = np.diff(np.array(likenesses).T, axis=1)
    assert (to_own < 0).all()
    assert (to_other > 0).all()


@pytest.mark.parametrize("variant", ["full", "combined"])
def test_shape_and_box_move_by_the_shapes_weight(variant):
    """The expected points are worked with a similarity of OpenCV's own."""
    scene, partner = portraits()
    matrix, _ = cv2.estimateAffinePartial2D(partner.landmarks, scene.landmarks, method=cv2.LMEDS)
    shapes = [apply_morph(scene, plain(variant, shape_alpha=share), partner) for share in (0.0, 0.5, 1.0)]
    points = [one.landmarks for one in shapes]
    assert points[0] == pytest.approx(scene.landmarks, abs=1e-3)
    assert points[1] == pytest.approx((points[0] + points[2]) / 2, abs=1e-3)
    assert points[2] == pytest.approx(partner.landmarks @ matrix[:, :2].T + matrix[:, 2], abs=3.0)
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    assert shapes[0].face == scene.face
    assert shapes[2].face.side == pytest.approx(scale * partner.face.side, rel=0.05)
    assert shapes[1].face.center == pytest.approx(
        np.mean([shapes[0].face.center, shapes[2].face.center], axis=0), abs=1e-6
    )


def dotted(texture: float = 0.0) -> Scene:
    """White dots on the five points of a dark face."""
    base = make_scene(200, 200, face=Box(60, 60, 140, 140), texture=texture)
    pixels = (base.pixels * 0.4).astype(np.uint8)
    points = (AVERAGE * 80 + 60 + np.array([[-4, -3], [4, 3], [2, 5], [-5, 4], [3, -4]])).astype(np.float32)
    for x, y in points:
        cv2.circle(pixels, (round(x * 8), round(y * 8)), 24, (255, 255, 255), -1, shift=3)
    return Scene(pixels, base.face, points)


@pytest.mark.parametrize("variant", ["full", "combined"])
def test_pixels_land_where_the_landmarks_say(variant):
    """Each dot of both parents is found on the morph's landmark: one warp for each."""
    scene = dotted()
    partner = Scene(scene.pixels[:, ::-1].copy(), scene.face, _mirrored(scene.landmarks))
    morph = apply_morph(scene, plain(variant, seam="pyramid", transfer_amount=0.0), partner)
    grey = morph.pixels.astype(float).mean(axis=2)
    y, x = np.mgrid[:200, :200]
    for point in morph.landmarks:
        near = np.hypot(x - point[0], y - point[1]) < 6
        weight = np.where(near, np.clip(grey - 120, 0, None), 0)
        assert (weight * x).sum() / weight.sum() == pytest.approx(point[0], abs=0.7)
        assert (weight * y).sum() / weight.sum() == pytest.approx(point[1], abs=0.7)


def _mirrored(points: np.ndarray) -> np.ndarray:
    """The landmarks of the mirrored picture, 200 px wide, again with the person's right first."""
    return (np.array([199, 0]) + points[[1, 0, 2, 4, 3]] * [-1, 1]).astype(np.float32)


def test_misplaced_points_double_the_contours():
    """The dots of the partner come to lie beside the scene's: their peak falls."""
    scene = dotted()

    def peak(misplacement: float) -> float:
        morphs = [
            apply_morph(
                scene, plain("full", misplacement=misplacement, seed=seed, transfer_amount=0.0), scene
            )
            for seed in range(6)
        ]
        return float(
            np.mean([np.sort(m.pixels[60:140, 60:140].mean(axis=2).ravel())[-100:].mean() for m in morphs])
        )

    assert peak(0.0) > peak(0.02) + 3 > peak(0.05) + 6


def test_ghosts_of_the_partner_are_outside_the_face_in_full_alone():
    """A white bar beside the partner's face shows in full, weaker when retouched, and in no other variant."""
    scene = make_scene(200, 200, face=Box(60, 60, 140, 140), texture=0.0)
    barred = scene.pixels.copy()
    barred[20:180, 165:175] = 255

    def bar(variant: str, **changed: object) -> float:
        out = apply_morph(
            scene, plain(variant, transfer_amount=0.0, **changed), Scene(barred, scene.face)
        ).pixels
        return float(out[60:140, 168:172].astype(float).mean() - scene.pixels[60:140, 168:172].mean())

    rise = float(255 - scene.pixels[60:140, 168:172].mean())
    assert bar("full") == pytest.approx(0.5 * rise, abs=2)
    assert bar("full", ghost=0.3) == pytest.approx(0.15 * rise, abs=2)
    assert bar("spliced") == bar("combined") == 0


def test_smoothing_takes_detail():
    scene, partner = portraits()[::-1]
    core = morph_mask(scene, plain("spliced"), partner) == 1

    def detail(smooth_px: float) -> float:
        out = apply_morph(scene, plain("combined", smooth_px=smooth_px), partner).pixels
        return float(cv2.Laplacian(out, cv2.CV_32F)[core].std())

    assert detail(0.9) < detail(0.5) < detail(0.0)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("seed", range(4))
def test_outside_the_mask_every_byte_stays(variant, seed):
    wide = make_scene(260, 300, face=Box(110, 90, 170, 150))
    partner = replace(painted(), landmarks=_slanted(painted().face))
    drawn = draw_morph(np.random.default_rng(seed), strength=1.5, variant=variant)
    mask = morph_mask(wide, drawn, partner)
    out = apply_morph(wide, drawn, partner).pixels
    assert mask.dtype == np.float32
    assert (out[mask == 0] == wide.pixels[mask == 0]).all()
    changed = (out != wide.pixels).any(axis=2)
    assert changed[mask > 0.9].mean() > 0.5
    low, high = {"full": (0.25, 0.6), "combined": (0.15, 0.3), "spliced": (0.02, 0.06)}[variant]
    assert low <= (mask > 0).mean() <= high
    assert mask.max() == 1 if variant != "full" else 0.9 < mask.max() <= 1


def _slanted(face: Box) -> np.ndarray:
    """Points of a wider and lower face in the box than the average."""
    corner = np.array([face.x1, face.y1])
    return (corner + (0.5 + (AVERAGE - 0.5) * [1.15, 0.9]) * face.side).astype(np.float32)


def test_a_grey_scene_stays_grey():
    grey = make_scene(160, 130, is_grey=True)
    for seed, variant in enumerate(VARIANTS):
        out = apply_morph(
            grey, draw_morph(np.random.default_rng(seed), strength=1.5, variant=variant), painted()
        )
        assert is_grey(out.pixels)
        assert np.ptp(out.pixels.astype(int), axis=2).max() <= 2


@pytest.mark.parametrize("strength", [0.2, 1.0, 1.5])
def test_odd_scenes_and_partners_give_pictures_of_their_own_size(strength, odd_scenes):
    rng = np.random.default_rng(5)
    for scene in odd_scenes.values():
        for partner in [*odd_scenes.values(), painted()]:
            drawn = draw_morph(rng, strength=strength)
            out, mask = apply_morph(scene, drawn, partner), morph_mask(scene, drawn, partner)
            assert out.pixels.shape == scene.pixels.shape
            assert out.pixels.dtype == np.uint8
            assert (out.pixels[mask == 0] == scene.pixels[mask == 0]).all()
            assert np.isfinite([out.face.x1, out.face.y1, out.face.side]).all()


def test_a_partners_picture_leaves_no_edge():
    """A bright partner that ends beside its face: no step in the morph where its picture does."""
    scene = make_scene(240, 240, face=Box(80, 80, 160, 160), texture=0.0)
    bright = np.clip(scene.pixels.astype(int) + 60, 0, 255).astype(np.uint8)
    ending = Scene(np.ascontiguousarray(bright[:, 50:]), scene.face.shifted(-50, 0))
    for variant in VARIANTS:
        out = apply_morph(scene, plain(variant, transfer_amount=0.0), ending).pixels.astype(int)
        rise = np.diff((out - scene.pixels)[20:60, 30:70].mean(axis=(0, 2)))
        assert np.abs(rise).max() < 4


def test_landmarks_are_kept_only_where_both_were_found(face_scene):
    scene, partner = portraits()
    for variant in VARIANTS:
        assert apply_morph(scene, plain(variant), partner).landmarks is not None
        assert apply_morph(scene, plain(variant), face_scene).landmarks is None
        assert apply_morph(face_scene, plain(variant), partner).landmarks is None


def test_more_strength_changes_more(face_scene):
    def change(strength: float) -> float:
        rng = np.random.default_rng(1)
        outs = [apply_morph(face_scene, draw_morph(rng, strength=strength), painted()) for _ in range(30)]
        return float(np.mean([np.abs(out.pixels.astype(int) - face_scene.pixels).mean() for out in outs]))

    assert change(0.25) < change(0.8) < change(1.5)


def test_draws_cover_the_stated_ranges():
    rng = np.random.default_rng(0)
    drawn = [draw_morph(rng) for _ in range(400)]
    assert {p.variant for p in drawn} == set(VARIANTS)
    assert {p.seam for p in drawn} == {"poisson", "pyramid"}
    assert 0.3 <= min(p.alpha for p in drawn) < 0.32
    assert 0.68 < max(p.alpha for p in drawn) <= 0.7
    assert all(p.shape_alpha == p.alpha and p.ghost > 0 for p in drawn if p.variant == "full")
    assert all(p.shape_alpha == p.ghost == p.smooth_px == 0 for p in drawn if p.variant == "spliced")
    combined = [p for p in drawn if p.variant == "combined"]
    assert all(0.3 <= p.shape_alpha <= 0.7 and p.smooth_px >= 0.3 for p in combined)
    assert np.corrcoef([(p.alpha, p.shape_alpha) for p in combined], rowvar=False)[0, 1] < 0.3
    assert max(p.misplacement for p in drawn) <= 0.018


def test_an_unknown_variant_is_answered_with_the_nearest():
    with pytest.raises(SimulationError, match="got 'splice'; did you mean 'spliced'"):
        draw_morph(np.random.default_rng(0), variant="splice")


def test_landmarks_that_are_no_face_are_refused(face_scene):
    flat = replace(face_scene, landmarks=np.zeros((5, 2), np.float32))
    for scene, partner in ((flat, face_scene), (face_scene, flat)):
        with pytest.raises(SimulationError, match="landmarks must be right eye"):
            apply_morph(scene, plain("full"), partner)


def test_parameters_are_plain_json():
    drawn = draw_morph(np.random.default_rng(7))
    values = json.loads(json.dumps(parameters_to_json(drawn), allow_nan=False))
    region = type(drawn.region)(**values.pop("region"))
    assert MorphParameters(**values, region=region) == drawn


def test_a_recogniser_takes_the_morph_for_both():
    """Within dlib's own threshold of 0.6 between embeddings; wants the package of its models."""
    package = importlib.util.find_spec("face_recognition_models")
    if package is None:
        pytest.skip("face_recognition_models is not installed")
    import dlib

    models = Path(package.submodule_search_locations[0]) / "models"
    network = dlib.face_recognition_model_v1(str(models / "dlib_face_recognition_resnet_model_v1.dat"))
    predictor = dlib.shape_predictor(str(models / "shape_predictor_5_face_landmarks.dat"))

    def embedding(scene: Scene) -> np.ndarray:
        pixels = np.ascontiguousarray(scene.pixels)
        box = scene.face
        edges = (round(v) for v in (box.x1, box.y1, box.x2 - 1, box.y2 - 1))
        return np.array(
            network.compute_face_descriptor(pixels, predictor(pixels, dlib.rectangle(*edges)), 10)
        )

    scene, partner = portraits()
    for variant in VARIANTS:
        morph = embedding(apply_morph(scene, plain(variant), partner))
        assert np.linalg.norm(morph - embedding(scene)) < 0.6
        assert np.linalg.norm(morph - embedding(partner)) < 0.6
