"""From a source to verdicts, failing closed: what every judge of faces shares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bonaface.errors import PictureError
from bonaface.faces.finder import Finder
from bonaface.faces.picture import read_picture
from bonaface.types import Box, Face, Picture, Verdict
from bonaface.vocabulary import Outcome, Reason

Source = str | Path | bytes | Picture


@dataclass(frozen=True, slots=True)
class Refusals:
    """Verdicts without a decision, in the name of one judge.

    Attributes:
        bundle: Its name and version.
        threshold: Where its attacks begin.
    """

    bundle: str
    threshold: float

    def no_decision(
        self, reason: Reason, detail: str, *, box: Box | None = None, num_faces: int = 0
    ) -> Verdict:
        """No decision, for a reason."""
        return Verdict(
            outcome=Outcome.NO_DECISION,
            attack_score=None,
            threshold=self.threshold,
            reason=reason,
            detail=detail,
            box=box,
            num_faces=num_faces,
            bundle=self.bundle,
        )

    def after(self, error: Exception, *, box: Box | None = None, num_faces: int = 0) -> Verdict:
        """No decision, because of an error: its own reason if it has one, else internal_error."""
        if isinstance(error, PictureError) and error.reason in set(Reason):
            return self.no_decision(Reason(error.reason), str(error), box=box, num_faces=num_faces)
        detail = f"the picture could not be judged ({type(error).__name__}: {error}); report it"
        return self.no_decision(Reason.INTERNAL_ERROR, " ".join(detail.split()), box=box, num_faces=num_faces)


def judged(
    source: Source,
    finder: Finder,
    judge: Callable[[Picture, Face, int], Verdict],
    refusals: Refusals,
    *,
    is_every_face: bool,
) -> tuple[Verdict, ...]:
    """The verdicts on the faces of a picture, largest first; one no_decision when there is none.

    Args:
        source: A path, the bytes of an image file, or an array (height, width, 3) uint8 in RGB order.
        finder: Finds the faces.
        judge: The verdict on one face of a picture, given how many there are. Whatever it raises is no decision on
            that face; the others keep their verdicts.
        refusals: Say no in the judge's name.
        is_every_face: All faces, or the largest alone.
    """
    try:
        picture = read_picture(source)
        faces = finder.find(picture)
    except Exception as error:  # fail closed: an error is never a verdict
        return (refusals.after(error),)
    if not faces:
        detail = (
            "a face must be in the picture, frontal, upright and not too small in it; none was found; "
            "come closer, or crop to the face"
        )
        return (refusals.no_decision(Reason.NO_FACE, detail),)

    def one(face: Face) -> Verdict:
        try:
            return judge(picture, face, len(faces))
        except Exception as error:  # fail closed
            return refusals.after(error, box=face.box, num_faces=len(faces))

    return tuple(one(face) for face in (faces if is_every_face else faces[:1]))
