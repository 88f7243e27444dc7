"""One verdict on several captures, with a tiny bundle whose attack score is a crop's redness, and with an embedded one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit, logit

from bonaface.inference.gate import Gate, load
from bonaface.inference.session import Session
from bonaface.types import Box, Face
from bonaface.vocabulary import Family, Outcome, Reason
from faces.portraits import astronaut


class Middle:
    """A face in the middle of every picture but black ones."""

    name = "dlib_hog"

    def find(self, picture):
        return (Face(Box(20, 20, 108, 108), 1.0),) if picture.any() else ()


def red(share: float) -> np.ndarray:
    """A flat picture; its score is its redness."""
    return np.full((128, 128, 3), (round(255 * share), 40, 40), np.uint8)


BLACK = np.zeros((128, 128, 3), np.uint8)


@pytest.fixture
def gate(tiny):
    return Gate(Session(tiny), Middle())


def test_evidence_is_averaged(gate):
    shares = [0.2, 0.4, 0.8]
    verdict = gate.presentation([red(share) for share in shares])
    alone = [gate(red(share)).attack_score for share in shares]
    physical = expit(logit(alone).mean())
    digital = expit(logit([1 - score for score in alone]).mean())
    assert verdict.family_scores[Family.PHYSICAL] == pytest.approx(physical, abs=1e-6)
    assert verdict.attack_score == pytest.approx(1 - (1 - physical) * (1 - digital), abs=1e-6)
    assert verdict.detail.startswith("3 captures together: attack_score")
    assert verdict.box == Box(20, 20, 108, 108)


def test_one_capture_is_judged_as_ever(gate):
    assert gate.presentation([red(0.3)]) == gate(red(0.3))


def test_captures_without_a_face_are_passed_over_if_they_are_not_the_most(gate):
    with_one = gate.presentation([red(0.3), BLACK, red(0.4)])
    assert with_one.attack_score == gate.presentation([red(0.3), red(0.4)]).attack_score
    half = gate.presentation([red(0.3), BLACK])
    assert half.attack_score == gate(red(0.3)).attack_score
    most = gate.presentation([BLACK, red(0.3), BLACK, b"no picture"])
    assert most.outcome is Outcome.NO_DECISION
    assert most.attack_score is None
    assert most.reason is Reason.NO_FACE
    assert most.detail.startswith(
        "3 of 4 captures have no decision, 2 for no_face, e.g. as a face must be in the picture"
    )


@pytest.mark.parametrize(
    ("captures", "of"),
    [
        ([red(0.3)], ""),
        ([red(0.3), red(0.4)], "2 captures together: "),
        ([red(0.3), BLACK], "1 of 2 captures, 1 without a decision (no_face): "),
        ([b"no picture", red(0.3)], "1 of 2 captures, 1 without a decision (not_an_image): "),
        ([red(0.3), BLACK, red(0.4)], "2 of 3 captures together, 1 without a decision (no_face): "),
        ([None, red(0.3), BLACK, red(0.3), red(0.3), BLACK],
         "3 of 6 captures together, 3 without a decision (no_face 2, internal_error 1): "),
    ],
)  # fmt: skip
def test_the_detail_says_how_many_were_judged_and_why_the_others_were_not(gate, captures, of):
    assert gate.presentation(captures).detail.startswith(f"{of}attack_score ")


def test_each_capture_is_told_of_as_it_comes(gate):
    captures, told = [red(0.3), BLACK, red(0.4)], []

    def one_by_one():
        for at, capture in enumerate(captures):
            assert len(told) == at
            yield capture

    gate.presentation(one_by_one(), on_capture=told.append)
    assert told == [gate(capture) for capture in captures]


def test_nothing_at_all(gate):
    with pytest.raises(ValueError, match="at least one capture"):
        gate.presentation([])
    assert gate.presentation([BLACK]).outcome is Outcome.NO_DECISION


@pytest.mark.parametrize("source", ["selfie.jpg", b"bytes of a file", Path("selfie.jpg")])
def test_one_source_is_no_list(gate, source):
    with pytest.raises(TypeError, match="put it into a list"):
        gate.presentation(source)


def test_frames_may_come_as_one_array(gate):
    frames = np.stack([red(0.2), red(0.4)])
    assert gate.presentation(frames) == gate.presentation([red(0.2), red(0.4)])


def test_an_embedded_bundle_unites_its_families_alike():
    """What averages out to one capture's evidence has its score: its families' union is what the graph says."""
    gate = load()
    picture = astronaut()
    alone, twice = gate(picture), gate.presentation([picture, picture])
    assert twice.attack_score == pytest.approx(alone.attack_score, abs=1e-4)
    assert twice.outcome is alone.outcome is Outcome.BONAFIDE
    assert twice.bundle == alone.bundle
