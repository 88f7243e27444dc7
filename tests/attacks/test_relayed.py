"""A capture card and a grabbed desktop, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from bonaface.attacks.relayed import BAYER, off_a_cable, off_a_desktop

PLAIN = {"peaking": 0.0, "peaking_px": 1.0, "chroma_shift": 0.0}


def grey(plane: np.ndarray) -> np.ndarray:
    return np.repeat(np.asarray(plane, np.uint8)[..., None], 3, axis=2)


@pytest.mark.parametrize("is_odd", [False, True])
def test_half_of_the_rows_are_their_neighbours_mean(is_odd):
    rows = np.random.default_rng(2).integers(20, 230, (24, 1), dtype=np.uint8)
    frame = grey(rows.repeat(20, axis=1))
    found = off_a_cable(frame, is_bobbed=True, is_odd=is_odd, **PLAIN)[:, 10, 0].astype(int)
    whole = rows[:, 0].astype(int)
    for row in range(1, 23):
        if row % 2 == is_odd:
            assert abs(found[row] - (whole[row - 1] + whole[row + 1]) / 2) <= 1
        else:
            assert found[row] == whole[row]


def test_or_all_are_averaged_with_theirs():
    rows = np.zeros((21, 1), np.uint8)
    rows[10] = 200
    found = off_a_cable(grey(rows.repeat(16, axis=1)), is_bobbed=False, is_odd=False, **PLAIN)[:, 8, 0]
    assert found[8:13].tolist() == [0, 50, 100, 50, 0]


def test_sharp_along_rows_alone():
    across = np.where(np.arange(40) < 20, 80, 160)
    sharp = dict(PLAIN, peaking=1.0)
    beside = off_a_cable(grey(np.tile(across, (40, 1))), is_bobbed=True, is_odd=True, **sharp)[20, :, 0]
    assert beside.min() < 70
    assert beside.max() > 170
    down = off_a_cable(grey(np.tile(across[:, None], (1, 40))), is_bobbed=True, is_odd=True, **sharp)[
        :, 20, 0
    ]
    assert (down.min(), down.max()) == (80, 160)


def test_colour_has_half_of_the_width_and_all_of_the_height():
    lines = np.arange(64) % 2 == 0
    columns = np.zeros((64, 64, 3), np.uint8)
    columns[:, lines], columns[:, ~lines] = (150, 60, 60), (60, 90, 150)
    rows = np.ascontiguousarray(columns.transpose(1, 0, 2))
    along = off_a_cable(columns, is_bobbed=True, is_odd=True, **PLAIN)[10:-10:2, 10:-10]
    down = off_a_cable(rows, is_bobbed=True, is_odd=True, **PLAIN)[::2][5:-5, 10:-10]
    kept = [np.ptp(one[..., 2].astype(int) - one[..., 0]) for one in (along, down)]
    assert kept[0] < 60
    assert down[..., 0].std() < 3  # every other row is one colour alone
    assert abs(int(down[0, 0, 0]) - 150) < 6


@pytest.mark.parametrize("is_dithered", [False, True])
@pytest.mark.parametrize("bits", [4, 5, 6])
def test_few_levels(bits, is_dithered):
    frame = np.random.default_rng(4).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    found = off_a_desktop(frame, bits=bits, is_dithered=is_dithered, gamma=1.0)
    assert [len(np.unique(found[..., channel])) for channel in range(3)] == [
        2**bits,
        2 ** (bits + 1),
        2**bits,
    ]
    assert np.abs(found.astype(int) - frame).max() <= 255 / (2**bits - 1) + 1


def test_a_pattern_hides_the_steps():
    """Every flat grey keeps its mean under a dither; rounded alone it does not."""
    far = {True: [], False: []}
    for value in range(10, 246, 7):
        for is_dithered, found in far.items():
            plane = off_a_desktop(grey(np.full((16, 16), value)), bits=4, is_dithered=is_dithered, gamma=1.0)
            found.append(abs(plane[..., 0].mean() - value))
    assert max(far[True]) < 1
    assert max(far[False]) > 4
    assert sorted(BAYER.ravel().tolist()) == list(range(16))


def test_a_curve_too_many():
    ramp = grey(np.tile(np.arange(256), (4, 1)))
    dark = off_a_desktop(ramp, bits=7, is_dithered=False, gamma=2.0)[0, :, 1]
    assert abs(int(dark[128]) - 64) <= 2
    assert (int(dark[0]), int(dark[255])) == (0, 255)
