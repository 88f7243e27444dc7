"""The gate: a picture in, a verdict out. Whatever goes wrong is no_decision with its reason, never bonafide."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bonaface.bundle import CARD, BundleCard, bundle_folder
from bonaface.errors import BundleError
from bonaface.faces.crop import prepare
from bonaface.faces.fetch import fetched
from bonaface.faces.finder import Finder, finder_for
from bonaface.inference.peer_contract import PEER
from bonaface.inference.refusals import Refusals, Source, judged
from bonaface.inference.session import Scores, Session
from bonaface.presentation import joint_scores
from bonaface.types import Face, FaceCrop, Picture, Verdict
from bonaface.vocabulary import Family, Label, Outcome, Reason


class Gate:
    """Judges pictures by one bundle. Safe to share between threads."""

    def __init__(self, session: Session, finder: Finder, *, operating_point: str | None = None) -> None:
        """A gate at a named operating point of the bundle, or at the bundle's own threshold.

        Raises:
            BundleError: If the bundle has no such operating point.
        """
        self._session, self._finder = session, finder
        self._threshold = session.card.threshold_at(operating_point).value
        self._refusals = Refusals(session.card.id, self._threshold)

    @property
    def card(self) -> BundleCard:
        """The bundle's card: contract, threshold, species, licence and more."""
        return self._session.card

    @property
    def threshold(self) -> float:
        """At or above it a picture is called an attack, in [0, 1]."""
        return self._threshold

    @property
    def finder(self) -> Finder:
        """What finds the faces."""
        return self._finder

    def __call__(self, source: Source) -> Verdict:
        """The verdict on the largest face of a picture.

        Args:
            source: A path, the bytes of an image file, or an array (height, width, 3) uint8 in RGB order.
        """
        return judged(source, self._finder, self._judged_face, self._refusals, is_every_face=False)[0]

    def every_face(self, source: Source) -> tuple[Verdict, ...]:
        """A verdict for each face, largest first; one no_decision when there is none.

        dlib's finder looks for smaller faces only where it finds no large one; YuNet finds both at once.
        """
        return judged(source, self._finder, self._judged_face, self._refusals, is_every_face=True)

    def presentation(
        self, sources: Iterable[Source], *, on_capture: Callable[[Verdict], None] = lambda _verdict: None
    ) -> Verdict:
        """One verdict on several captures of one presentation: the same person before the same camera, a few frames of a video say.

        The log-odds of each family are averaged over the captures with a face, see `bonaface.presentation`; box and number of faces are
        those of the first of them. It is not looked at whether they show the same person.

        Args:
            sources: Each as for a call of the gate.
            on_capture: Called with the verdict on each capture alone, as it comes.

        Returns:
            No decision where more than half of the captures have none, for the reason that most of these have. Where fewer have none,
            the detail says how many were judged, and why the others were not.

        Raises:
            ValueError: If there is no capture.
            TypeError: If it is one path, or the bytes of one file.
        """
        if isinstance(sources, str | bytes | Path):
            raise TypeError("a presentation must be several captures; got one source; put it into a list")
        found: list[tuple[FaceCrop, Scores]] = []

        def noted(picture: Picture, face: Face, num_faces: int) -> Verdict:
            crop = self._prepared(picture, face, num_faces)
            scored = self._session.score(crop.pixels[None])
            verdict = self._verdict(crop, scored)
            if verdict.attack_score is not None:
                found.append((crop, scored))
            return verdict

        verdicts: list[Verdict] = []
        for source in sources:
            verdicts += judged(source, self._finder, noted, self._refusals, is_every_face=False)
            on_capture(verdicts[-1])
        if not verdicts:
            raise ValueError("a presentation must have at least one capture; got none; give its pictures")
        silent = [verdict for verdict in verdicts if verdict.attack_score is None]
        if 2 * len(silent) > len(verdicts):
            reason, count = Counter(verdict.reason for verdict in silent).most_common(1)[0]
            detail = next(verdict.detail for verdict in silent if verdict.reason is reason)
            return self._refusals.no_decision(
                reason,
                f"{len(silent)} of {len(verdicts)} captures have no decision, {count} for {reason}, e.g. as {detail}",
            )
        joint = _together([scored for _, scored in found])
        return self._verdict(found[0][0], joint, of=_captures(len(found), silent))

    def judge(self, crop: FaceCrop) -> Verdict:
        """The verdict on a prepared crop."""
        return self._verdict(crop, self._session.score(crop.pixels[None]))

    def _verdict(self, crop: FaceCrop, scored: Scores, *, of: str = "") -> Verdict:
        """What the scores of one face amount to; `of` says first in the detail what they are of."""
        attack, families, species = float(scored.attack[0]), scored.families[0], scored.species[0]
        if not np.all(np.isfinite([attack, *families, *species])):
            detail = "the model gave no number in [0, 1]; report this picture"
            return self._refusals.no_decision(
                Reason.NON_FINITE_SCORE, detail, box=crop.box, num_faces=crop.num_faces
            )
        by_family = {Family(name): float(v) for name, v in zip(self.card.families, families, strict=True)}
        threshold = self._threshold
        is_attack = attack >= threshold
        strongest = max(by_family, key=lambda family: by_family[family], default=Label.ATTACK)
        reason = Reason(f"{strongest}_evidence") if is_attack else Reason.BELOW_THRESHOLD
        by_species = self._by_species(species) if is_attack else {}
        detail = _sentence(attack, threshold, strongest, by_species, is_attack=is_attack)
        return Verdict(
            outcome=Outcome.ATTACK if is_attack else Outcome.BONAFIDE,
            attack_score=attack,
            threshold=threshold,
            reason=reason,
            detail=f"{of}{detail}",
            box=crop.box,
            num_faces=crop.num_faces,
            bundle=self.card.id,
            family_scores=by_family,
            species_scores=by_species,
        )

    def _by_species(self, scores: npt.NDArray[np.float64]) -> dict[str, float]:
        """The scores by name, the likeliest first; none where the bundle tells none."""
        told = self.card.told_species
        names = told.names if told else ()
        found = zip(names, map(float, scores), strict=True)
        return dict(sorted(found, key=lambda one: -one[1]))

    def _judged_face(self, picture: Picture, face: Face, num_faces: int) -> Verdict:
        return self.judge(self._prepared(picture, face, num_faces))

    def _prepared(self, picture: Picture, face: Face, num_faces: int) -> FaceCrop:
        return prepare(picture, face.box, self.card.contract, num_faces=num_faces)


def _together(captures: Sequence[Scores]) -> Scores:
    """One face's scores out of those of several captures of it; the chances of species are averaged."""
    attack, families = joint_scores(
        np.concatenate([one.attack for one in captures]), np.concatenate([one.families for one in captures])
    )
    species = np.mean([one.species for one in captures], axis=0)
    return Scores(np.array([attack]), families[None], species)


def _captures(num_judged: int, silent: Sequence[Verdict]) -> str:
    """How many of how many captures a verdict is on, and why the others have none; nothing of one that is all there is."""
    together = " together" if num_judged > 1 else ""
    if not silent:
        return f"{num_judged} captures{together}: " if together else ""
    reasons = Counter(verdict.reason for verdict in silent).most_common()
    why = ", ".join(f"{reason} {count}" if reasons[1:] else reason for reason, count in reasons)
    return f"{num_judged} of {num_judged + len(silent)} captures{together}, {len(silent)} without a decision ({why}): "


def load(
    bundle: str | Path | None = None,
    *,
    operating_point: str | None = None,
    yunet: str | Path | None = None,
    num_threads: int = 1,
) -> Gate:
    """A gate, ready to be called.

    Args:
        bundle: A bundle's folder, or the name of an embedded one, 'small' or 'nano'; the default, 'small', when None.
        operating_point: 'strict' lets fewest attacks in, 'convenient' rejects fewest genuine people, 'balanced' is
            between; the bundle's own threshold when None.
        yunet: YuNet's ONNX file, to find faces with it instead of the contract's finder. A contract that names
            YuNet takes the fetched file by itself.
        num_threads: For the model.

    Raises:
        BundleError: If the bundle is not there, incomplete, altered or fails its self-test, or has no such operating point.
        DownloadError: If YuNet is wanted and not there.
    """
    folder = bundle_folder(bundle)
    _check_no_peer(folder)
    session = Session(folder, num_threads=num_threads)
    contract = session.card.contract
    if yunet is None and contract.finder == "yunet":
        yunet = fetched("yunet")
    finder = finder_for(contract, yunet=Path(yunet) if yunet is not None else None)
    return Gate(session, finder, operating_point=operating_point)


def _check_no_peer(folder: Path) -> None:
    """Raise `BundleError` for a folder with another project's detector alone."""
    if (folder / PEER).is_file() and not (folder / CARD).is_file():
        raise BundleError(
            f"{folder} must be a bundle to be used as a gate; it holds another detector, {PEER}, which can only be "
            f"measured; run: bonaface evaluate MANIFEST --bundle {folder}"
        )


def _sentence(
    attack: float, threshold: float, strongest: str, by_species: Mapping[str, float], *, is_attack: bool
) -> str:
    if is_attack:
        mostly = f"; mostly {strongest} evidence" if strongest in set(Family) else ""
        likest = next((f", most like {name} ({score:.0%})" for name, score in by_species.items()), "")
        return f"attack_score {attack:.3f} reaches the threshold {threshold:.3f}{mostly}{likest}"
    return f"attack_score {attack:.3f} stays below the threshold {threshold:.3f}"
