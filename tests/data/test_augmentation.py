from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bonaface.attacks.scene import Scene
from bonaface.data.augmentation import Augmentation, about_same_face, augmented, jittered
from bonaface.types import Box

NOTHING = Augmentation(
    flip=0,
    background=0,
    grey=0,
    rendering=0,
    lighting=0,
    depth=0,
    backdrop=0,
    sharpening=0,
    turn_deg=0,
    shift_ratio=0,
    zoom_ratio=0,
)
FACE = Box(30, 40, 70, 80)


def noise(seed: int = 0, height: int = 120, width: int = 110, face: Box = FACE) -> Scene:
    return Scene(np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8), face)


def marked() -> Scene:
    """A green disc of 12 px about the middle of the face, on grey."""
    y, x = np.mgrid[:120, :110]
    pixels = np.full((120, 110, 3), 90, np.uint8)
    pixels[(x + 0.5 - 50) ** 2 + (y + 0.5 - 60) ** 2 < 36] = (0, 255, 0)
    return Scene(pixels, FACE)


def middle_of_marker(scene: Scene) -> tuple[float, float]:
    weight = np.clip(scene.pixels[..., 1].astype(float) - scene.pixels[..., 0] - 20, 0, None)
    y, x = np.mgrid[: weight.shape[0], : weight.shape[1]]
    return float((weight * (x + 0.5)).sum() / weight.sum()), float((weight * (y + 0.5)).sum() / weight.sum())


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_without_chances_nothing_changes():
    scene = noise()
    changed = augmented(scene, noise(1), NOTHING, rng())
    np.testing.assert_array_equal(changed.pixels, scene.pixels)
    assert changed.face == scene.face


def test_the_mirror_image_mirrors_its_box():
    scene = noise()
    changed = augmented(scene, noise(1), replace(NOTHING, flip=1), rng())
    np.testing.assert_array_equal(changed.pixels, scene.pixels[:, ::-1])
    assert changed.face == Box(110 - 70, 40, 110 - 30, 80)


def test_grey_is_the_weighted_sum_of_the_channels():
    scene = noise()
    changed = augmented(scene, noise(1), replace(NOTHING, grey=1), rng()).pixels
    assert (changed == changed[..., :1]).all()
    luma = scene.pixels @ np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
    assert np.abs(changed[..., 0] - luma).max() <= 1


def test_a_rendering_keeps_grey_grey_but_for_its_warmth():
    ramp = Scene(
        np.repeat(np.arange(0, 240, 2, dtype=np.uint8)[:, None, None], 3, axis=2).repeat(110, 1), FACE
    )
    for seed in range(20):
        rendered = augmented(ramp, ramp, replace(NOTHING, rendering=1), rng(seed)).pixels[:, 0].astype(float)
        red, green, blue = rendered[rendered.max(axis=1) < 250].T
        assert (np.diff(green) >= 0).all()
        assert (np.abs(red - green) <= 0.08 * green + 1).all()
        assert (np.abs(red + blue - 2 * green) <= 2).all()  # one rises as the other falls


def test_renderings_change_the_saturation_both_ways():
    scene = Scene(np.full((120, 110, 3), (150, 120, 100), np.uint8), FACE)
    spans = [
        np.ptp(augmented(scene, scene, replace(NOTHING, rendering=1), rng(seed)).pixels[0, 0].astype(int))
        for seed in range(40)
    ]
    assert min(spans) < 35 < 70 < max(spans)


def test_uneven_light_is_slow_and_coloured():
    scene = Scene(np.full((120, 110, 3), 128, np.uint8), FACE)
    lit = [augmented(scene, scene, replace(NOTHING, lighting=1), rng(seed)).pixels for seed in range(20)]
    assert max(np.ptp(one) for one in lit) > 40
    assert max(np.ptp(one.astype(int), axis=2).max() for one in lit) > 8
    for one in lit:
        steps = np.abs(np.diff(one.astype(int), axis=0)).max(), np.abs(np.diff(one.astype(int), axis=1)).max()
        assert max(steps) <= 8


def test_depth_leaves_the_head_and_changes_the_detail_behind_it():
    scene = noise(height=240, width=220, face=Box(80, 90, 140, 150))
    detail = []
    for seed in range(30):
        changed = augmented(scene, noise(1), replace(NOTHING, depth=1), rng(seed)).pixels
        np.testing.assert_array_equal(changed[110:130, 100:120], scene.pixels[110:130, 100:120])
        assert (changed[:20] != scene.pixels[:20]).any()
        detail.append(np.std(np.diff(changed[:20].astype(float), axis=1)))
    as_is = np.std(np.diff(scene.pixels[:20].astype(float), axis=1))
    assert min(detail) < 0.7 * as_is  # blurred
    assert max(detail) > 1.02 * as_is  # sharpened, as far as noise that fills all codes can be


def test_grain_is_strongest_in_blue():
    flat = Scene(np.full((240, 220, 3), 128, np.uint8), Box(80, 90, 140, 150))
    grain = [
        augmented(flat, flat, replace(NOTHING, depth=1), rng(seed)).pixels[:40].reshape(-1, 3).std(axis=0)
        for seed in range(30)
    ]
    seen = np.array(
        [deviation for deviation in grain if deviation.max() > 0]
    )  # blur and sharpening see nothing here
    assert 3 <= len(seen) <= 15
    assert (seen[:, 2] > seen[:, 0] * 0.98).all()
    assert seen[:, 2].mean() > 1.2 * seen[:, 0].mean()


def test_backdrops_get_any_colour_and_the_head_keeps_its_own():
    blue = Scene(np.full((240, 220, 3), (60, 90, 170), np.uint8), Box(80, 90, 140, 150))
    pictures = [
        augmented(blue, blue, replace(NOTHING, backdrop=1), rng(seed)).pixels.astype(int)
        for seed in range(60)
    ]
    strongest = [int(np.argmax(pixels[:5, :5].reshape(-1, 3).mean(axis=0))) for pixels in pictures]
    assert set(strongest) == {0, 1, 2}
    assert all((pixels[110:130, 100:120] == (60, 90, 170)).all() for pixels in pictures)


def test_sharpening_overshoots_at_edges_all_over_the_picture():
    step = np.full((120, 110, 3), 90, np.uint8)
    step[:, 55:] = 150
    for seed in range(10):
        changed = augmented(Scene(step, FACE), noise(1), replace(NOTHING, sharpening=1), rng(seed)).pixels
        assert changed[:, :55].min() < 85
        assert changed[:, 55:].max() > 155
        assert (changed[:, :20] == 90).all()


def test_another_background_leaves_the_face_and_replaces_the_rest():
    scene = noise()
    red = Scene(np.full((50, 60, 3), (200, 10, 10), np.uint8), Box(10, 10, 30, 30))
    changed = augmented(scene, red, replace(NOTHING, background=1), rng())
    assert changed.face == scene.face
    assert changed.pixels.shape == scene.pixels.shape
    np.testing.assert_array_equal(changed.pixels[50:70, 40:60], scene.pixels[50:70, 40:60])
    for corner in (np.s_[:10, :15], np.s_[:10, -20:], np.s_[-20:, :15], np.s_[-20:, -20:]):
        assert (changed.pixels[corner] == (200, 10, 10)).all()


def test_the_background_is_mirrored_by_chance():
    half = np.zeros((120, 110, 3), np.uint8)
    half[:, 55:] = 250
    other, scene = Scene(half, FACE), Scene(np.full((120, 110, 3), 128, np.uint8), FACE)
    corners = [
        augmented(scene, other, replace(NOTHING, background=1), rng(seed)).pixels[0, 0, 0]
        for seed in range(40)
    ]
    assert set(corners) == {0, 250}
    assert 8 <= corners.count(0) <= 32


@pytest.mark.parametrize("seed", range(30))
def test_the_face_stays_under_its_box(seed):
    strong = replace(NOTHING, flip=0.5, background=0.5, turn_deg=25)
    changed = augmented(marked(), noise(1), strong, rng(seed))
    near = Scene(  # what the other picture brought is no marker
        changed.pixels[50:70, int(changed.face.x1) + 10 : int(changed.face.x2) - 10], Box(0, 0, 1, 1)
    )
    x, y = middle_of_marker(near)
    assert (x + int(changed.face.x1) + 10, y + 50) == pytest.approx(changed.face.center, abs=1.0)
    assert changed.face.side == FACE.side


def test_a_turn_moves_what_lies_away_from_the_face():
    scene = noise()
    turns = [augmented(scene, scene, replace(NOTHING, turn_deg=8), rng(seed)) for seed in range(40)]
    stayed = [bool((turned.pixels == scene.pixels).all()) for turned in turns]
    assert 8 <= stayed.count(True) <= 32  # one in two is turned
    assert all(turned.face == scene.face for turned in turns)


@pytest.mark.parametrize("seed", range(5))
def test_the_same_generator_gives_the_same_bytes(seed):
    everything = Augmentation(0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5)
    first = augmented(noise(), noise(1), everything, rng(seed))
    second = augmented(noise(), noise(1), everything, rng(seed))
    np.testing.assert_array_equal(first.pixels, second.pixels)
    assert first.face == second.face


def test_the_chance_of_one_change_does_not_move_the_draws_of_the_next():
    a, b = rng(3), rng(3)
    augmented(noise(), noise(1), NOTHING, a)
    augmented(noise(), noise(1), Augmentation(1, 1, 1, 1, 1, 1, 1, 1, 10), b)
    assert a.random() == b.random()


@pytest.mark.parametrize("seed", range(5))
def test_the_scenes_stay_as_they_are(seed):
    scene, other = noise(), noise(1)
    augmented(scene, other, replace(NOTHING, flip=1, background=1, grey=1, turn_deg=20), rng(seed))
    np.testing.assert_array_equal(scene.pixels, noise().pixels)
    np.testing.assert_array_equal(other.pixels, noise(1).pixels)
    assert scene.face == FACE


def test_chances_are_kept():
    draws = rng()
    tiny = Scene(np.arange(48, dtype=np.uint8).reshape(4, 4, 3), Box(1, 1, 3, 3))
    how = replace(NOTHING, flip=0.3, grey=0.2)
    changed = [augmented(tiny, tiny, how, draws).pixels for _ in range(600)]
    flips = sum(int(pixels[0, 0].sum() > pixels[0, -1].sum()) for pixels in changed)
    greys = sum(bool((pixels == pixels[..., :1]).all()) for pixels in changed)
    assert flips / 600 == pytest.approx(0.3, abs=0.08)  # 4.3 standard errors
    assert greys / 600 == pytest.approx(0.2, abs=0.07)  # likewise


def test_jitter_stays_within_its_ratios_and_reaches_them():
    draws, how = rng(), Augmentation(shift_ratio=0.05, zoom_ratio=0.1)
    boxes = [jittered(FACE, how, draws) for _ in range(500)]
    shifts = np.array([np.subtract(box.center, FACE.center) for box in boxes]) / 40
    zooms = np.array([box.side for box in boxes]) / 40 - 1
    assert 0.045 < np.abs(shifts).max() <= 0.05 + 1e-9
    assert 0.09 < np.abs(zooms).max() <= 0.1 + 1e-9
    assert np.abs(shifts.mean(axis=0)).max() < 0.006  # 4.6 standard errors
    assert abs(zooms.mean()) < 0.012  # likewise


def test_without_ratios_the_box_stays():
    assert jittered(FACE, NOTHING, rng()) == FACE


def test_jitter_gives_a_square():
    box = jittered(Box(0, 0, 20, 40), Augmentation(), rng())
    assert box.width == pytest.approx(box.height)


@pytest.mark.parametrize(
    "change", [{}, {"flip": 1}, {"turn_deg": 12}, {"flip": 1, "turn_deg": 12, "grey": 1}]
)
def test_the_five_points_move_with_the_picture(change):
    points = np.array([[40, 55], [62, 52], [50, 63], [43, 72], [60, 74]], np.float32)
    values = (250, 210, 170, 130, 90)
    pixels = np.zeros((120, 110, 3), np.uint8)
    for (x, y), value in zip(points.astype(int), values, strict=True):
        pixels[y - 2 : y + 3, x - 2 : x + 3] = value
    scene = Scene(pixels, FACE, points)
    for seed in range(4):
        out = augmented(scene, noise(1), replace(NOTHING, **change), rng(seed))
        assert out.landmarks is not None
        assert out.landmarks.dtype == np.float32
        seen = [int(out.pixels[round(float(y)), round(float(x)), 0]) for x, y in out.landmarks]
        right_is_left = (1, 0, 2, 4, 3) if "flip" in change else range(5)
        assert seen == pytest.approx([values[i] for i in right_is_left], abs=12)
    np.testing.assert_array_equal(scene.landmarks, points)


@pytest.mark.parametrize(
    ("face", "is_kept"),
    [
        (Box(32, 38, 72, 78), True),  # by two pixels of 40 each way, the most that a shift of 0.05 does
        (Box(33, 40, 73, 80), False),
        (Box(29, 39, 71, 81), True),  # 42 wide
        (Box(27, 37, 73, 83), False),  # 46 wide
    ],
)
def test_a_box_that_jitter_could_have_moved_stays_the_twins(face, is_kept):
    how = replace(NOTHING, shift_ratio=0.05, zoom_ratio=0.1)
    twin, made = noise(), noise(1, face=face)
    found = about_same_face(made, twin, how)
    assert found.face == (twin.face if is_kept else face)
    assert found.pixels is made.pixels
    assert about_same_face(replace(made, pixels=made.pixels[:-1]), twin, how).face == face
