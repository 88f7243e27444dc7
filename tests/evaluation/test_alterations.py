from __future__ import annotations

import io
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image

from bonaface.contract import InputContract
from bonaface.evaluation.alterations import ALTERATIONS, GREY, face_region
from bonaface.faces.crop import prepare
from bonaface.types import Box
from faces.portraits import admiral

FACE = Box(157.0, 133.5, 368.0, 344.5)
"""Where the finder sees the admiral's face."""


def applied(kind, picture, box, severity, seed=3):
    return ALTERATIONS[kind].apply(picture, box, severity, np.random.default_rng(seed))


def flat(*code, size=64):
    return np.full((size, size, 3), code, np.uint8)


BOX = Box(16, 16, 48, 48)
KINDS = pytest.mark.parametrize("kind", ALTERATIONS)


def test_the_kinds() -> None:
    assert list(ALTERATIONS) == [
        "jpeg", "blur", "noise", "darker", "brighter", "contrast", "warmer", "colder", "occlusion", "downscale",
        "rotation", "box_jitter", "tighter", "looser",
    ]  # fmt: skip
    for name, one in ALTERATIONS.items():
        assert one.name == name
        assert len(one.severities) == 5
        steps = np.diff([one.as_is, *one.severities])
        assert (steps > 0).all() or (steps < 0).all()
        assert one.unit
        assert one.meaning


@KINDS
def test_the_same_draw_the_same_bytes_and_the_input_as_it_was(kind) -> None:
    picture = admiral().copy()
    for severity in ALTERATIONS[kind].severities:
        first, box = applied(kind, picture, FACE, severity)
        again, same = applied(kind, picture, FACE, severity)
        assert first.dtype == np.uint8
        assert first.shape == picture.shape
        assert first.tobytes() == again.tobytes()
        assert box == same
    assert np.array_equal(picture, admiral())


@KINDS
def test_each_severity_changes_the_crop_more_than_the_last(kind) -> None:
    contract = InputContract(min_face_px=0)
    as_is = prepare(admiral(), FACE, contract).pixels.astype(float)
    changes = [0.0]
    for severity in ALTERATIONS[kind].severities:
        crop = prepare(*applied(kind, admiral(), FACE, severity), contract).pixels
        changes.append(float(np.abs(crop - as_is).mean()))
    assert np.all(np.diff(changes) > 0.3)


# One statistic of each kind, from a picture of which it is known


@pytest.mark.parametrize("quality", ALTERATIONS["jpeg"].severities)
def test_jpeg_is_what_another_encoder_makes_of_that_quality(quality) -> None:
    stored = io.BytesIO()
    Image.fromarray(admiral()).save(stored, "JPEG", quality=quality, subsampling="4:2:0")
    other = np.asarray(Image.open(stored)).astype(float)
    altered, _ = applied("jpeg", admiral(), FACE, quality)
    assert np.abs(altered - other).mean() < 0.2
    assert np.abs(altered - admiral().astype(float)).mean() > 0.5


@pytest.mark.parametrize("sigma", [0.02, 0.04])
def test_blur_spreads_a_point_by_its_sigma(sigma) -> None:
    picture = flat(0, 0, 0, size=101)
    picture[48:53, 48:53] = 255
    altered, _ = applied("blur", picture, Box(0, 0, 100, 100), sigma)
    weight = altered[:, :, 0].astype(float)
    x = np.arange(101) - 50
    variance = (weight.sum(axis=0) * x**2).sum() / weight.sum()
    assert variance == pytest.approx(
        (5**2 - 1) / 12 + (100 * sigma) ** 2, rel=0.06
    )  # a square of five and the lens


def test_noise_has_its_deviation_and_no_mean() -> None:
    altered, _ = applied("noise", flat(128, 128, 128, size=200), BOX, 10)
    assert altered.astype(float).std() == pytest.approx(10, rel=0.02)
    assert altered.mean() == pytest.approx(128, abs=0.1)


@pytest.mark.parametrize(
    ("kind", "severity", "code", "expected"),
    [
        ("darker", 1, 255, 188),  # sRGB of half the light of white, and of a quarter: known by heart
        ("darker", 2, 255, 137),
        ("brighter", 1, 137, 188),
        ("brighter", 1.5, 188, 255),
        ("darker", 1, 8, 4),  # on the straight part near black half the light is half the code
        ("darker", 3, 0, 0),
    ],
)
def test_light_is_taken_and_given_in_linear_light(kind, severity, code, expected) -> None:
    altered, _ = applied(kind, flat(code, code, code), BOX, severity)
    assert np.unique(altered).tolist() == [expected]


def test_contrast_shrinks_about_the_mean() -> None:
    picture = flat(100, 100, 100)
    picture[:, 32:] = 200
    altered, _ = applied("contrast", picture, BOX, 0.6)
    assert np.unique(altered).tolist() == [130, 170]


def test_tone_trades_red_for_blue_and_keeps_the_luminance() -> None:
    color = pytest.importorskip("skimage.color")
    grey = flat(140, 140, 140)
    for kind, sign in (("warmer", 1), ("colder", -1)):
        for severity in ALTERATIONS[kind].severities:
            altered, _ = applied(kind, grey, BOX, severity)
            red, _, blue = altered[0, 0].astype(int)
            assert sign * (red - blue) > 0
            assert color.rgb2xyz(altered)[0, 0, 1] == pytest.approx(color.rgb2xyz(grey)[0, 0, 1], rel=0.01)
    white = color.rgb2xyz(applied("warmer", grey, BOX, 1.2)[0])[0, 0]
    linear = white @ np.linalg.inv(color.colorconv.xyz_from_rgb).T
    assert math.log2(linear[0] / linear[2]) == pytest.approx(1.2, abs=0.03)


@pytest.mark.parametrize("seed", range(6))
def test_occlusion_covers_its_share_of_the_face_and_grows_where_it_is(seed) -> None:
    box, before = Box(10, 12, 50, 52), np.zeros((64, 64), bool)
    for severity in ALTERATIONS["occlusion"].severities:
        altered, _ = applied("occlusion", flat(0, 0, 0), box, severity, seed)
        covered = (altered == GREY).all(axis=2)
        rows, columns = np.flatnonzero(covered.any(axis=1)), np.flatnonzero(covered.any(axis=0))
        assert (rows.min() >= 12, rows.max() < 52, columns.min() >= 10, columns.max() < 50) == (True,) * 4
        assert covered.sum() == pytest.approx(severity * 1600, abs=40)
        assert 40 in (len(rows), len(columns))
        assert covered[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1].all()
        assert np.mean(before & ~covered) < 0.01
        before = covered


def test_occlusions_lie_across_and_upright_and_in_many_places() -> None:
    found = set()
    for seed in range(20):
        covered = applied("occlusion", flat(0, 0, 0), BOX, 0.1, seed)[0].any(axis=2)
        rows, columns = np.flatnonzero(covered.any(axis=1)), np.flatnonzero(covered.any(axis=0))
        found.add((len(rows) > len(columns), rows.min(), columns.min()))
    assert {upright for upright, _, _ in found} == {True, False}
    assert len(found) > 10


@pytest.mark.parametrize("seed", range(6))
def test_a_bar_beside_the_picture_covers_nothing_in_it(seed) -> None:
    altered, _ = applied("occlusion", flat(0, 0, 0), Box(-90, -90, -10, -10), 0.3, seed)
    assert not altered.any()


def test_downscale_loses_what_few_pixels_can_not_hold() -> None:
    stripes = flat(0, 0, 0, size=128)
    stripes[:, ::2] = 255
    altered, box = applied("downscale", stripes, Box(16, 16, 112, 112), 48)
    assert box == Box(16, 16, 112, 112)
    assert altered.shape == stripes.shape
    assert np.abs(altered.astype(int) - 128).max() <= 1
    step = flat(0, 0, 0, size=128)
    step[:, 64:] = 255
    edge = applied("downscale", step, Box(16, 16, 112, 112), 24)[0][0, :, 0].astype(int)
    assert np.diff(edge).max() == pytest.approx(255 / 4, abs=1)  # four pixels made one: so wide is the edge


def test_a_small_face_is_not_downscaled() -> None:
    picture = flat(1, 2, 3)
    assert applied("downscale", picture, BOX, 32)[0] is picture


@pytest.mark.parametrize("degrees", [10, 30])
@pytest.mark.parametrize("seed", range(4))
def test_rotation_turns_about_the_face(degrees, seed) -> None:
    picture, box = flat(0, 0, 0, size=201), Box(60, 70, 120, 130)
    picture[98:103, 128:133] = 255  # its centre is 40.5 to the right of the box's, and 0.5 below it
    altered, same = applied("rotation", picture, box, degrees, seed)
    assert same == box
    weight = altered[:, :, 0].astype(float)
    y, x = (np.mgrid[:201, :201] + 0.5) * weight
    turned = x.sum() / weight.sum() - 90, y.sum() / weight.sum() - 100
    assert math.hypot(*turned) == pytest.approx(math.hypot(40.5, 0.5), abs=0.1)
    before = math.degrees(math.atan2(0.5, 40.5))
    assert abs(math.degrees(math.atan2(turned[1], turned[0])) - before) == pytest.approx(degrees, abs=0.3)


def test_heads_tilt_both_ways() -> None:
    halves = flat(0, 0, 0)
    halves[:, 32:] = 255
    tilted = {bool(applied("rotation", halves, BOX, 20, seed)[0][20, 30].any()) for seed in range(10)}
    assert tilted == {True, False}


def test_jitter_moves_the_box_alone() -> None:
    picture, angles = flat(1, 2, 3), set()
    for seed in range(8):
        for severity in ALTERATIONS["box_jitter"].severities:
            altered, box = applied("box_jitter", picture, BOX, severity, seed)
            assert altered is picture
            moved = box.x1 - BOX.x1, box.y1 - BOX.y1
            assert math.hypot(*moved) == pytest.approx(severity * 32)
            assert (box.width, box.height) == pytest.approx((32, 32))
            angles.add((seed, round(math.atan2(moved[1], moved[0]), 6)))
    assert len(angles) == 8  # one direction for each draw, whatever the severity


@pytest.mark.parametrize(("kind", "severity"), [("tighter", 0.7), ("looser", 1.6)])
def test_crops_are_scaled_about_the_face(kind, severity) -> None:
    picture = flat(1, 2, 3)
    altered, box = applied(kind, picture, BOX, severity)
    assert altered is picture
    assert box.side == pytest.approx(32 * severity)
    assert box.center == pytest.approx(BOX.center)


# The region about the face

COORDINATES = st.integers(-40, 500).map(lambda n: n / 4 + 0.05)
SIDES = st.integers(40, 300).map(lambda n: n / 4 + 0.1)
"""No halves, neither in a box nor in its square: there the last bit of a difference of coordinates decides how it is rounded."""

REGION_CASES = st.tuples(COORDINATES, COORDINATES, SIDES)


@settings(max_examples=150)
@given(case=REGION_CASES, margin=st.sampled_from([0.0, 0.15, 0.35]))
def test_the_region_gives_the_crop_of_the_whole_picture(case, margin) -> None:
    """To the bit, as it is and where only the box is altered; also at the picture's edges and between pixels."""
    x, y, side = case
    picture = np.random.default_rng(5).integers(0, 256, (140, 150, 3)).astype(np.uint8)
    box = Box(x, y, x + side, y + side)
    contract = InputContract(size=32, min_face_px=0, margin_ratio=margin)
    assume(x + side > 0 and y + side > 0)
    region, inside = face_region(picture, box, margin)
    assert np.shares_memory(region, picture)
    cases = [lambda picture, box: (picture, box)]
    for kind in ("box_jitter", "tighter", "looser"):
        strongest = ALTERATIONS[kind].severities[-1]
        cases.append(lambda picture, box, k=kind, s=strongest: applied(k, picture, box, s))
    for change in cases:
        moved = change(picture, box)[1].squared(margin)
        if moved.x2 > 1 and moved.y2 > 1 and moved.x1 < 149 and moved.y1 < 139:
            whole = prepare(*change(picture, box), contract).pixels
            assert np.array_equal(prepare(*change(region, inside), contract).pixels, whole)


def test_a_large_picture_is_cut_to_what_crops_can_see() -> None:
    region, box = face_region(admiral(), Box(200, 180, 260, 240), 0.15)
    assert max(region.shape[:2]) < 60 * 1.3 * 1.7 + 6
    assert np.array_equal(region[int(box.y1), int(box.x1)], admiral()[180, 200])
