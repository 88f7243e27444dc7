from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bonaface.attacks.fingers import EDGES, OVERLAP, Fingers, draw_fingers, held
from bonaface.types import Box

FACE = Box(70, 70, 150, 150)
CORNERS = np.array([[10.0, 10.0], [209.0, 10.0], [209.0, 209.0], [10.0, 209.0]])
THUMB = Fingers(("left",), (0.5,), (0.0,), (0.4,), (0.0,), (0.15,), skin=(0.8, 0.6, 0.5))
OWN = (0.5, 0.5, 0.5)


def laid(fingers: Fingers, *, light_deg: float = 0.0, face: Box = FACE, level: float = 0.9) -> np.ndarray:
    code = np.full((220, 220, 3), level, np.float32)
    held(code, fingers, np.random.default_rng(0), corners=CORNERS, face=face, own=OWN, light_deg=light_deg)
    return code


@pytest.mark.parametrize(("edge", "turns"), [("left", 0), ("bottom", 3), ("right", 2), ("top", 1)])
def test_a_finger_comes_over_its_own_edge_up_to_its_reach(edge, turns):
    code = laid(replace(THUMB, edges=(edge,)), light_deg=45)
    covered = np.rot90(code[..., 0] - code[..., 2] > 0.1, turns)
    columns = np.flatnonzero(covered.any(axis=0))
    assert columns[0] == 0
    assert columns[-1] == pytest.approx(10 + 0.4 * 80, abs=1.5)
    assert not covered[:, 60:].any()
    rows = np.flatnonzero(covered[:, 20])
    assert rows.mean() == pytest.approx(110, abs=2.5)
    assert len(rows) == pytest.approx(2 * 0.15 * 80, rel=0.2)


def test_the_face_stops_a_finger():
    code = laid(replace(THUMB, reaches=(3.0,)))
    columns = np.flatnonzero((code[..., 0] - code[..., 2] > 0.1).any(axis=0))
    assert columns[-1] == pytest.approx(FACE.x1 + OVERLAP * 80, abs=1.5)


def test_round_shading_warm_shades_and_a_shadow_away_from_the_lamp():
    code = laid(THUMB, light_deg=90)
    above, middle, below = code[101, 30], code[110, 30], code[119, 30]
    assert above.sum() < middle.sum()
    assert above.sum() < below.sum()
    assert above[0] / above[2] > 1.05 * 0.8 / 0.5
    assert code[95, 30].mean() < code[125, 30].mean() <= 0.9


def test_own_skin_nails_and_joints():
    own = laid(replace(THUMB, own_share=1.0))
    changed = own[110, 25]
    assert changed[0] - changed[2] < 0.05
    bare, nailed = laid(THUMB), laid(replace(THUMB, has_nails=True))
    assert nailed[110, 30:33].mean() > 1.03 * bare[110, 30:33].mean()
    np.testing.assert_array_equal(bare[:, 60:], nailed[:, 60:])


@pytest.mark.parametrize("face", [FACE, Box(-30, 40, 70, 140), Box(900, 900, 950, 950), Box(0, 0, 220, 220)])
def test_drawn_fingers_leave_the_inner_face_alone(face):
    x1, y1 = max(int(face.x1 + 0.3 * face.side), 0), max(int(face.y1 + 0.3 * face.side), 0)
    x2, y2 = int(face.x2 - 0.3 * face.side), int(face.y2 - 0.3 * face.side)
    for seed in range(40):
        code = laid(draw_fingers(np.random.default_rng(seed), strength=1.0), face=face)
        assert np.isfinite(code).all()
        if face.x1 >= 0 and face.x2 < 220:
            np.testing.assert_array_equal(code[y1:y2, x1:x2], np.float32(0.9))


def test_draws_have_one_entry_each_and_less_strength_reaches_less():
    seen = set()
    for seed in range(60):
        weak, strong = (draw_fingers(np.random.default_rng(seed), strength=s) for s in (0.3, 1.0))
        lengths = {
            len(v)
            for v in (
                strong.edges,
                strong.places,
                strong.asides,
                strong.reaches,
                strong.leans_deg,
                strong.radii,
            )
        }
        assert len(lengths) == 1
        assert weak.reaches == pytest.approx(tuple(0.3 * one for one in strong.reaches))
        assert all(0 <= value <= 1 for value in strong.skin)
        seen.update(strong.edges)
        seen.add(len(strong.edges))
    assert seen == {*EDGES, 1, 2, 3, 4}
    assert (laid(Fingers()) == np.float32(0.9)).all()
