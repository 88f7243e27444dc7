from __future__ import annotations

import json
import math
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bonaface.types import Box, Face, FaceCrop, Verdict
from bonaface.vocabulary import Family, Outcome, Reason

PLACES = st.floats(-1000, 1000)
BOXES = st.builds(
    lambda x, y, w, h: Box(x, y, x + w, y + h), PLACES, PLACES, st.floats(1, 500), st.floats(1, 500)
)


def test_a_box_by_hand():
    box = Box(10, 20, 40, 40)
    assert (box.width, box.height, box.side, box.center) == (30, 20, 30, (25, 30))
    assert box.squared() == Box(10, 15, 40, 45)
    assert box.squared(0.5) == Box(-5, 0, 55, 60)  # half a side more on every edge
    assert box.scaled(2) == Box(20, 40, 80, 80)
    assert box.shifted(1, -2) == Box(11, 18, 41, 38)


@given(BOXES, st.floats(0, 1))
def test_squares_keep_their_centre(box, margin):
    square = box.squared(margin)
    assert square.width == pytest.approx(square.height)
    assert square.width == pytest.approx(box.side * (1 + 2 * margin))
    assert square.center == pytest.approx(box.center, abs=1e-6)


@given(BOXES, PLACES, PLACES, st.floats(0.1, 10))
def test_there_and_back(box, dx, dy, factor):
    back = box.shifted(dx, dy).shifted(-dx, -dy).scaled(factor).scaled(1 / factor)
    for name in ("x1", "y1", "x2", "y2"):
        assert math.isclose(getattr(back, name), getattr(box, name), abs_tol=1e-6)


def test_values_are_frozen():
    crop = FaceCrop(np.zeros((2, 2, 3), np.uint8), Box(0, 0, 1, 1), 1, 0.0)
    for value, name in ((Box(0, 0, 1, 1), "x1"), (Face(Box(0, 0, 1, 1), 1.0), "box"), (crop, "pixels")):
        with pytest.raises(FrozenInstanceError):
            setattr(value, name, None)


def test_pixels_do_not_enter_comparison_or_text():
    one = FaceCrop(np.zeros((2, 2, 3), np.uint8), Box(0, 0, 1, 1), 1, 0.0)
    other = FaceCrop(np.ones((2, 2, 3), np.uint8), Box(0, 0, 1, 1), 1, 0.0)
    assert one == other
    assert "pixels" not in repr(one)


def test_a_verdict_as_json():
    verdict = Verdict(
        outcome=Outcome.ATTACK, attack_score=0.75, threshold=0.5, reason=Reason.DIGITAL_EVIDENCE, detail="why",
        box=Box(1.04, 2.06, 3, 4), num_faces=2, bundle="tiny 1", family_scores={Family.DIGITAL: 0.5},
    )  # fmt: skip
    assert json.loads(json.dumps(verdict.as_dict())) == {
        "outcome": "attack", "attack_score": 0.75, "threshold": 0.5, "reason": "digital_evidence", "detail": "why",
        "box": [1.0, 2.1, 3.0, 4.0], "num_faces": 2, "bundle": "tiny 1", "family_scores": {"digital": 0.5},
        "species_scores": {},
    }  # fmt: skip


def test_the_likeliest_species():
    verdict = Verdict(Outcome.ATTACK, 0.9, 0.5, Reason.DIGITAL_EVIDENCE, "", None, 1, "tiny 1")
    assert verdict.likeliest_species is None
    told = replace(verdict, species_scores={"print": 0.2, "morph": 0.7, "replay": 0.1})
    assert told.likeliest_species == "morph"
