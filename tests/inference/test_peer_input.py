from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from bonaface.errors import PictureError
from bonaface.faces.yunet import CENTER_SHIFT, SIDE_FACTOR
from bonaface.inference.peer_contract import PeerContract, PeerCrop, PeerInput, PeerOutput
from bonaface.inference.peer_input import FACE_ASPECT, as_input, cut, peer_input, resized
from bonaface.types import Box
from bonaface.vocabulary import Family

CROP = PeerCrop(box="brows_square", scale=1.0, outside="clip")
INPUT = PeerInput(
    size=(2, 2), interpolation="linear", layout="NHWC", channels="RGB", dtype="uint8", values="0_255",
    mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0),
)  # fmt: skip


def coordinates(height: int = 100, width: int = 120) -> np.ndarray:
    """A picture whose every pixel says where it is: (x, y, 7)."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x, y, np.full_like(x, 7)], axis=2).astype(np.uint8)


def span(pixels: np.ndarray) -> tuple[int, int, int, int]:
    """First and last column and row of a crop of `coordinates` that was not filled up."""
    return tuple(int(v) for v in (*pixels[0, [0, -1], 0], *pixels[[0, -1], 0, 1]))


# A picture 120 wide and 100 high. Boxes and scales by hand: columns from-to, rows from-to, both included.
WINDOWS = {
    "as it is": (Box(40, 30, 60, 50), 1.0, (40, 59, 30, 49)),
    "a margin of a quarter": (Box(40, 30, 60, 50), 1.5, (35, 64, 25, 54)),
    "a narrow box is squared": (Box(45, 30, 55, 50), 1.0, (40, 59, 30, 49)),
    "smaller than the box": (Box(40, 30, 60, 50), 0.5, (45, 54, 35, 44)),
}


@pytest.mark.parametrize("outside", ["shift", "clip", "reflect", "edge", "black"])
@pytest.mark.parametrize("name", WINDOWS)
def test_a_window_inside_the_picture(name: str, outside: str) -> None:
    box, scale, expected = WINDOWS[name]
    assert span(cut(coordinates(), box, replace(CROP, scale=scale, outside=outside))) == expected


@pytest.mark.parametrize(
    ("box", "scale", "expected"),
    [
        (Box(0, 0, 20, 20), 2.0, (0, 39, 0, 39)),
        (Box(100, 80, 120, 100), 2.0, (80, 119, 60, 99)),
        (Box(5, 70, 25, 90), 2.7, (0, 53, 46, 99)),  # 54 px wide and high; 15 - 27 and 80 + 27 reach outside
        (Box(40, 30, 60, 50), 9.0, (0, 99, 0, 99)),  # shrunk to the height of 100, its centre at x = 50
        (Box(90, 30, 110, 50), 9.0, (20, 119, 0, 99)),
    ],
)
def test_a_window_that_shrinks_and_moves_inside(box: Box, scale: float, expected: tuple[int, ...]) -> None:
    assert span(cut(coordinates(), box, replace(CROP, scale=scale, outside="shift"))) == expected


def test_a_window_that_is_cut_off() -> None:
    assert span(cut(coordinates(), Box(0, 80, 20, 100), replace(CROP, scale=2.0))) == (0, 29, 70, 99)


def test_what_stands_outside() -> None:
    rows = {
        name: cut(coordinates(), Box(0, 40, 4, 44), replace(CROP, scale=2.0, outside=name))[0, :, 0].tolist()
        for name in ("reflect", "edge", "black")
    }
    assert rows == {
        "reflect": [2, 1, 0, 1, 2, 3, 4, 5],
        "edge": [0, 0, 0, 1, 2, 3, 4, 5],
        "black": [0, 0, 0, 1, 2, 3, 4, 5],
    }
    black = cut(coordinates(), Box(0, 40, 4, 44), replace(CROP, scale=2.0, outside="black"))
    assert black[0, :, 2].tolist() == [0, 0, 7, 7, 7, 7, 7, 7]


def yunet_box(face: Box) -> Box:
    """What the YuNet finder makes of a raw box, as its two measured numbers say."""
    side = math.sqrt(face.width * face.height)
    cx, cy = face.center
    half = SIDE_FACTOR * side / 2
    cy += CENTER_SHIFT * side
    return Box(cx - half, cy - half, cx + half, cy + half)


def test_the_box_from_forehead_to_chin() -> None:
    raw = Box(40, 20, 40 + 50 * FACE_ASPECT, 70)
    for name, expected in (
        ("face_rectangle", (40, round(raw.x2) - 1, 20, 69)),
        ("face_square", (round(raw.center[0] - 25), round(raw.center[0] + 25) - 1, 20, 69)),
    ):
        assert span(cut(coordinates(), yunet_box(raw), replace(CROP, box=name))) == expected


@pytest.mark.parametrize(
    ("box", "reason", "words"),
    [
        (
            Box(10, 10, 20, 20),
            "face_too_small",
            "the face must be at least 30 px wide; it is 10; come closer",
        ),
        (Box(10, 10, 39.95, 39.95), "face_too_small", "the face must be at least 30 px wide; it is 29"),
        (Box(200, 10, 240, 50), "no_face", "the face must lie inside the picture"),
        (Box(10, -90, 50, -50), "no_face", "the face must lie inside the picture"),
        (Box(math.nan, 10, 50, 50), "no_face", "a face box must be four finite numbers"),
    ],
)
@pytest.mark.parametrize("outside", ["shift", "clip", "black"])
def test_a_face_that_can_not_be_cut(box: Box, reason: str, words: str, outside: str) -> None:
    with pytest.raises(PictureError) as error:
        cut(coordinates(), box, replace(CROP, min_face_px=30, outside=outside))
    assert str(error.value).startswith(words)
    assert error.value.reason == reason


def test_a_crop_that_would_be_huge() -> None:
    box = Box(-3000, -3000, 3100, 3100)
    with pytest.raises(PictureError) as error:
        cut(coordinates(), box, replace(CROP, scale=2.0, outside="black"))
    assert str(error.value) == (
        "the crop must have at most 80,000,000 pixels; it would have 12200 x 12200; resize the picture"
    )
    assert error.value.reason == "too_large"
    assert span(cut(coordinates(), box, replace(CROP, scale=2.0))) == (0, 119, 0, 99)


def grey(*columns: int) -> np.ndarray:
    return np.repeat(np.array([columns] * 4, np.uint8)[..., None], 3, axis=2)


@pytest.mark.parametrize(
    ("interpolation", "expected"),
    [
        ("linear", [50, 150]),  # at 0.5 and 2.5: the two neighbours alone
        ("area", [50, 150]),
        # Pillow's triangle reaches twice as far when shrinking by two. Pixels at 0.5, 0.5 and 1.5 from the centre weigh
        # 0.75, 0.75 and 0.25: (75 + 25) / 1.75 and (25 + 75 + 150) / 1.75
        ("smooth_linear", [57, 143]),
    ],
)
def test_interpolations_shrink_as_they_are_known_to(interpolation: str, expected: list[int]) -> None:
    found = resized(grey(0, 100, 100, 200), replace(INPUT, size=(4, 2), interpolation=interpolation))
    assert found[0, :, 0].tolist() == expected


def test_cubic_ones_overshoot_at_an_edge_and_linear_ones_do_not() -> None:
    edge = grey(100, 100, 200, 200)
    for name in ("linear", "cubic", "smooth_linear", "smooth_cubic"):
        found = resized(edge, replace(INPUT, size=(4, 16), interpolation=name))
        assert (found.max() > 200) == name.endswith("cubic"), name


def test_sizes_are_height_and_width() -> None:
    assert resized(grey(0, 100), replace(INPUT, size=(3, 5))).shape == (3, 5, 3)
    assert replace(INPUT, size=(3, 5)).shape == (1, 3, 5, 3)
    assert replace(INPUT, size=(3, 5), layout="NCHW").shape == (1, 3, 3, 5)


PIXELS = np.array([[[10, 20, 30], [40, 50, 60]]], np.uint8)


def test_values_by_hand() -> None:
    assert as_input(PIXELS, INPUT).tolist() == [[[[10, 20, 30], [40, 50, 60]]]]
    turned = as_input(PIXELS, replace(INPUT, channels="BGR", layout="NCHW"))
    assert turned.tolist() == [[[[30, 60]], [[20, 50]], [[10, 40]]]]
    assert turned.dtype == np.uint8
    assert turned.flags.c_contiguous


def test_means_and_deviations_are_in_the_order_of_the_channels() -> None:
    given = replace(
        INPUT, dtype="float32", channels="BGR", mean=(30.0, 20.0, 0.0), std=(1.0, 2.0, 10.0)
    )  # of B, G, R
    found = as_input(PIXELS, given)
    assert found.dtype == np.float32
    assert found.tolist() == [[[[0, 0, 1], [30, 15, 4]]]]


def test_values_from_0_to_1() -> None:
    given = replace(INPUT, dtype="float32", values="0_1", mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
    white = as_input(np.array([[[0, 51, 255]]], np.uint8), given)
    assert white.ravel().tolist() == pytest.approx([-1, -0.6, 1])


def test_all_of_it_together() -> None:
    contract = PeerContract(
        name="x", family=Family.PHYSICAL, finder="dlib_hog", crop=replace(CROP, scale=2.0, outside="shift"),
        input=replace(INPUT, size=(40, 40), layout="NCHW", channels="BGR"),
        output=PeerOutput(activation="none", polarity="attack_high"),
    )  # fmt: skip
    found = peer_input(coordinates(), Box(40, 30, 60, 50), contract)
    assert found.shape == (1, 3, 40, 40)
    assert found[0, 2, 0].tolist() == list(range(30, 70))
    assert found[0, 1, :, 0].tolist() == list(range(20, 60))
