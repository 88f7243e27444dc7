"""No decision in a judge's name, with judges that are functions."""

from __future__ import annotations

import numpy as np
import pytest

from bonaface.errors import PictureError
from bonaface.inference.refusals import Refusals, judged
from bonaface.types import Box, Face, Verdict
from bonaface.vocabulary import Outcome, Reason

REFUSALS = Refusals("tiny 1", 0.25)
PICTURE = np.zeros((50, 50, 3), np.uint8)
BOXES = Box(0, 0, 30, 30), Box(30, 30, 50, 50)


class Finder:
    name = "dlib_hog"

    def __init__(self, *boxes: Box) -> None:
        self.boxes = boxes

    def find(self, picture):
        return tuple(Face(box, 1.0) for box in self.boxes)


def bonafide(picture, face, num_faces) -> Verdict:
    return Verdict(Outcome.BONAFIDE, 0.0, 0.25, Reason.BELOW_THRESHOLD, "", face.box, num_faces, "tiny 1")


def test_no_decision_carries_the_name_and_the_threshold() -> None:
    verdict = REFUSALS.no_decision(Reason.NO_FACE, "why", box=BOXES[0], num_faces=2)
    assert verdict == Verdict(Outcome.NO_DECISION, None, 0.25, Reason.NO_FACE, "why", BOXES[0], 2, "tiny 1")


@pytest.mark.parametrize(
    ("error", "reason", "detail"),
    [
        (PictureError("it is dark", reason="no_face"), "no_face", "it is dark"),
        (PictureError("it is odd", reason="a word of its own"), "internal_error",
         "the picture could not be judged (PictureError: it is odd); report it"),
        (ValueError("two\n  lines"), "internal_error",
         "the picture could not be judged (ValueError: two lines); report it"),
    ],
)  # fmt: skip
def test_an_error_is_never_a_verdict(error, reason, detail) -> None:
    verdict = REFUSALS.after(error)
    assert (verdict.outcome, verdict.reason, verdict.detail) == ("no_decision", reason, detail)
    assert (verdict.box, verdict.num_faces) == (None, 0)


@pytest.mark.parametrize(("is_every_face", "expected"), [(False, BOXES[:1]), (True, BOXES)])
def test_the_first_face_or_every_face(is_every_face, expected) -> None:
    found = judged(PICTURE, Finder(*BOXES), bonafide, REFUSALS, is_every_face=is_every_face)
    assert found == tuple(bonafide(PICTURE, Face(box, 1.0), 2) for box in expected)


def test_a_face_that_breaks_leaves_the_others() -> None:
    def judge(picture, face, num_faces):
        if face.box == BOXES[0]:
            raise MemoryError("no room")
        return bonafide(picture, face, num_faces)

    first, second = judged(PICTURE, Finder(*BOXES), judge, REFUSALS, is_every_face=True)
    assert (first.reason, first.box, first.num_faces) == ("internal_error", BOXES[0], 2)
    assert second.outcome == "bonafide"


def test_no_face_and_no_picture() -> None:
    (none,) = judged(PICTURE, Finder(), bonafide, REFUSALS, is_every_face=True)
    assert (none.reason, none.detail) == (
        "no_face", "a face must be in the picture, frontal, upright and not too small in it; none was found; "
                   "come closer, or crop to the face"
    )  # fmt: skip
    (unread,) = judged(b"", Finder(*BOXES), bonafide, REFUSALS, is_every_face=True)
    assert unread.reason == "empty_file"


def test_someone_who_stops_the_program_is_heard() -> None:
    def judge(picture, face, num_faces):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        judged(PICTURE, Finder(*BOXES), judge, REFUSALS, is_every_face=False)
