"""The gate: a picture in, a verdict out. Whatever goes wrong is no_decision with its reason, never bonafide."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bonaface.bundle import BundleCard, embedded_bundle
from bonaface.errors import PictureError
from bonaface.faces.crop import prepare
from bonaface.faces.fetch import fetched
from bonaface.faces.finder import Finder, finder_for
from bonaface.faces.picture import read_picture
from bonaface.inference.session import Session
from bonaface.types import Box, Face, FaceCrop, Picture, Verdict
from bonaface.vocabulary import Family, Outcome, Reason

Source = str | Path | bytes | Picture


class Gate:
    """Judges pictures by one bundle. Safe to share between threads."""

    def __init__(self, session: Session, finder: Finder) -> None:
        self._session, self._finder = session, finder

    @property
    def card(self) -> BundleCard:
        """The bundle's card: contract, threshold, species, licence and more."""
        return self._session.card

    def __call__(self, source: Source) -> Verdict:
        """The verdict on the largest face of a picture.

        Args:
            source: A path, the bytes of an image file, or an array (height, width, 3) uint8 in RGB order.
        """
        return self._judged(source, is_every_face=False)[0]

    def every_face(self, source: Source) -> tuple[Verdict, ...]:
        """A verdict for each face, largest first; one no_decision when there is none."""
        return self._judged(source, is_every_face=True)

    def judge(self, crop: FaceCrop) -> Verdict:
        """The verdict on a prepared crop."""
        scores = self._session.score(crop.pixels[None])
        attack, families = float(scores.attack[0]), scores.families[0]
        if not (np.isfinite(attack) and np.all(np.isfinite(families))):
            detail = "the model gave no number in [0, 1]; report this picture"
            return self._no_decision(Reason.NON_FINITE_SCORE, detail, box=crop.box, num_faces=crop.num_faces)
        by_family = {Family(name): float(v) for name, v in zip(self.card.families, families, strict=True)}
        threshold = self.card.threshold.value
        is_attack = attack >= threshold
        strongest = max(by_family, key=lambda family: by_family[family])
        reason = Reason(f"{strongest}_evidence") if is_attack else Reason.BELOW_THRESHOLD
        return Verdict(
            outcome=Outcome.ATTACK if is_attack else Outcome.BONAFIDE,
            attack_score=attack,
            threshold=threshold,
            reason=reason,
            detail=_sentence(attack, threshold, strongest, is_attack=is_attack),
            box=crop.box,
            num_faces=crop.num_faces,
            bundle=self.card.id,
            family_scores=by_family,
        )

    def _judged(self, source: Source, *, is_every_face: bool) -> tuple[Verdict, ...]:
        try:
            picture = read_picture(source)
            faces = self._finder.find(picture)
        except Exception as error:  # fail closed: an error is never a verdict
            return (self._undecided(error),)
        if not faces:
            detail = "a face must be in the picture, frontal and upright; none was found"
            return (self._no_decision(Reason.NO_FACE, detail),)
        judged = faces if is_every_face else faces[:1]
        return tuple(self._judged_face(picture, face, len(faces)) for face in judged)

    def _judged_face(self, picture: Picture, face: Face, num_faces: int) -> Verdict:
        try:
            return self.judge(prepare(picture, face.box, self.card.contract, num_faces=num_faces))
        except Exception as error:  # fail closed; the other faces keep their verdicts
            return self._undecided(error, box=face.box, num_faces=num_faces)

    def _undecided(self, error: Exception, *, box: Box | None = None, num_faces: int = 0) -> Verdict:
        if isinstance(error, PictureError) and error.reason in set(Reason):
            return self._no_decision(Reason(error.reason), str(error), box=box, num_faces=num_faces)
        detail = f"the picture could not be judged ({type(error).__name__}: {error}); report it"
        return self._no_decision(
            Reason.INTERNAL_ERROR, " ".join(detail.split()), box=box, num_faces=num_faces
        )

    def _no_decision(
        self, reason: Reason, detail: str, *, box: Box | None = None, num_faces: int = 0
    ) -> Verdict:
        return Verdict(
            outcome=Outcome.NO_DECISION,
            attack_score=None,
            threshold=self.card.threshold.value,
            reason=reason,
            detail=detail,
            box=box,
            num_faces=num_faces,
            bundle=self.card.id,
        )


def load(bundle: str | Path | None = None, *, yunet: str | Path | None = None, num_threads: int = 1) -> Gate:
    """A gate, ready to be called.

    Args:
        bundle: A bundle's folder; the embedded default when None.
        yunet: YuNet's ONNX file, to find faces with it instead of the contract's finder. A contract that names
            YuNet takes the fetched file by itself.
        num_threads: For the model.

    Raises:
        BundleError: If the bundle is incomplete, altered or fails its self-test.
        DownloadError: If YuNet is wanted and not there.
    """
    session = Session(Path(bundle) if bundle is not None else embedded_bundle(), num_threads=num_threads)
    contract = session.card.contract
    if yunet is None and contract.finder == "yunet":
        yunet = fetched("yunet")
    finder = finder_for(contract, yunet=Path(yunet) if yunet is not None else None)
    return Gate(session, finder)


def _sentence(attack: float, threshold: float, strongest: Family, *, is_attack: bool) -> str:
    if is_attack:
        return f"attack_score {attack:.3f} reaches the threshold {threshold:.3f}; mostly {strongest} evidence"
    return f"attack_score {attack:.3f} stays below the threshold {threshold:.3f}"
