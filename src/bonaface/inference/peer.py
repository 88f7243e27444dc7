"""A peer: any ONNX model of face anti-spoofing or forgery detection, judging as a gate does, to be measured beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bonaface.bundle import CARD, MODEL, bundle_folder, check_there
from bonaface.contract import InputContract
from bonaface.errors import BundleError, first_line
from bonaface.faces.fetch import fetched
from bonaface.faces.finder import Finder, finder_for
from bonaface.inference.gate import Gate, load
from bonaface.inference.peer_contract import (
    PEER,
    PeerCard,
    PeerInput,
    PeerOutput,
    read_peer_card,
)
from bonaface.inference.peer_input import peer_input
from bonaface.inference.refusals import Refusals, Source, judged
from bonaface.inference.session import opened
from bonaface.types import Face, Picture, Verdict
from bonaface.vocabulary import Outcome, Reason

Values = npt.NDArray[np.float64]


class Peer:
    """Judges pictures by another project's model. Safe to share between threads."""

    def __init__(self, card: PeerCard, session: Any, finder: Finder) -> None:
        self.card = card
        self._session, self._finder = session, finder
        self._input = _named(session.get_inputs(), card.contract.input.name, "input")
        self._output = _named(session.get_outputs(), card.contract.output.name, "output")
        _check_input(self._input, card.contract.input)
        self._refusals = Refusals(card.id, card.contract.threshold)

    def __call__(self, source: Source) -> Verdict:
        """The verdict on the largest face of a picture, as a `Gate` gives it, without family scores.

        Args:
            source: A path, the bytes of an image file, or an array (height, width, 3) uint8 in RGB order.
        """
        return judged(source, self._finder, self._judge, self._refusals, is_every_face=False)[0]

    def every_face(self, source: Source) -> tuple[Verdict, ...]:
        """A verdict for each face, largest first; one no_decision when there is none."""
        return judged(source, self._finder, self._judge, self._refusals, is_every_face=True)

    def values(self, tensor: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The model's output for its input, as it comes."""
        (found,) = self._session.run([self._output.name], {self._input.name: tensor})
        return np.asarray(found)

    def _judge(self, picture: Picture, face: Face, num_faces: int) -> Verdict:
        contract = self.card.contract
        score = attack_score(self.values(peer_input(picture, face.box, contract)), contract.output)
        if score is None:
            detail = f"{contract.name} gave no number in [0, 1]; declare the right activation in {PEER}"
            return self._refusals.no_decision(
                Reason.NON_FINITE_SCORE, detail, box=face.box, num_faces=num_faces
            )
        is_attack = score >= contract.threshold
        did = "reaches" if is_attack else "stays below"
        return Verdict(
            outcome=Outcome.ATTACK if is_attack else Outcome.BONAFIDE,
            attack_score=score,
            threshold=contract.threshold,
            reason=Reason(f"{contract.family}_evidence") if is_attack else Reason.BELOW_THRESHOLD,
            detail=f"attack_score {score:.3f} {did} the threshold {contract.threshold:.3f}",
            box=face.box,
            num_faces=num_faces,
            bundle=self.card.id,
        )


def load_peer(folder: str | Path, *, yunet: str | Path | None = None, num_threads: int = 1) -> Peer:
    """A peer, ready to be called.

    Args:
        folder: With `peer.json` and `model.onnx`.
        yunet: YuNet's ONNX file, to find faces with it instead of the declared finder. A contract that names YuNet
            takes the fetched file by itself.
        num_threads: For the model.

    Raises:
        BundleError: If a file is missing or does not fit, or the model does not take and give what is declared.
        DownloadError: If YuNet is wanted and not there.
    """
    place = Path(folder)
    card = read_peer_card(place)
    if yunet is None and card.contract.finder == "yunet":
        yunet = fetched("yunet")
    wanted = InputContract(finder=card.contract.finder)
    finder = finder_for(wanted, yunet=Path(yunet) if yunet is not None else None)
    peer = Peer(card, opened(place / MODEL, num_threads), finder)
    _try_out(peer, place / MODEL)
    return peer


def judge_of(folder: str | Path, *, yunet: str | Path | None = None, num_threads: int = 1) -> Gate | Peer:
    """The gate of a bundle's folder, or the peer of a peer's; arguments and errors are theirs.

    Raises:
        BundleError: If the folder is not there, or is neither or both.
    """
    place = bundle_folder(folder)
    check_there(place)
    is_bundle, is_peer = ((place / name).is_file() for name in (CARD, PEER))
    if is_bundle == is_peer:
        found = "both" if is_peer else "neither"
        raise BundleError(
            f"{folder} must have {CARD} or {PEER}; it has {found}; give a bundle or a peer's folder"
        )
    return (load if is_bundle else load_peer)(place, yunet=yunet, num_threads=num_threads)


def attack_score(output: npt.NDArray[Any], declared: PeerOutput) -> float | None:
    """The attack score in a model's output for one face.

    Args:
        output: As the model gives it; dimensions of length 1 do not matter.
        declared: What it means.

    Returns:
        In [0, 1]; None where a value of it is not after the activation. Nothing is clipped.

    Raises:
        BundleError: If the output has not the declared number of values.
    """
    values = np.asarray(output, np.float64).ravel()
    index = declared.bonafide_index if declared.attack_index is None else declared.attack_index
    if index is not None and not (
        len(values) == max(output.shape, default=1) and 0 <= index < len(values) > 1
    ):
        raise BundleError(
            f"the output must be a vector with a value at {index}; it has the shape {list(output.shape)}; "
            f"correct {PEER}"
        )
    if index is None and declared.pooling == "none" and len(values) != 1:
        raise BundleError(
            f"the output must be one number; it has the shape {list(output.shape)}; declare an index, or the pooling"
        )
    chances = _activated(values, declared.activation)
    if not ((chances >= 0) & (chances <= 1)).all():
        return None
    chance = float(chances.mean() if index is None else chances[index])
    is_bonafide = declared.bonafide_index is not None or declared.polarity == "bonafide_high"
    return 1 - chance if is_bonafide else chance


def _activated(values: Values, activation: str) -> Values:
    with np.errstate(invalid="ignore"):  # what is no number stays none, and is told so by the caller
        if activation == "softmax":
            powers = np.exp(values - values.max())
            return np.asarray(powers / powers.sum())
        return np.exp(-np.logaddexp(0, -values)) if activation == "sigmoid" else values


# The model's file


def _named(ends: list[Any], name: str | None, kind: str) -> Any:
    """The input or output of that name, or the only one."""
    chosen = [end for end in ends if name in {None, end.name}]
    if len(chosen) != 1:
        names = ", ".join(end.name for end in ends)
        wanted = "the only one" if name is None else f"'{name}'"
        raise BundleError(f"the model must have {wanted} for its {kind}; it has {names}; name one in {PEER}")
    return chosen[0]


def _check_input(found: Any, declared: PeerInput) -> None:
    """Raise `BundleError` unless the graph takes what is declared; sizes that it leaves open fit."""
    types = {"float32": "tensor(float)", "uint8": "tensor(uint8)"}
    if found.type != types[declared.dtype]:
        raise BundleError(
            f"the model must take {types[declared.dtype]}, as {PEER} says; it takes {found.type}; correct dtype"
        )
    sizes = list(found.shape)  # none at all where the graph leaves even their number open
    is_same = len(sizes) in {0, 4} and all(
        size == want for size, want in zip(sizes, declared.shape, strict=False) if isinstance(size, int)
    )
    if not is_same:
        raise BundleError(
            f"the model must take {list(declared.shape)}, as {PEER} says; it takes {sizes}; correct size or layout"
        )


def _try_out(peer: Peer, path: Path) -> None:
    """Judge a grey crop, so that a contract that does not fit is told from a picture that does not."""
    declared = peer.card.contract.input
    grey = np.full(declared.shape, 127 if declared.dtype == "uint8" else 0, declared.dtype)
    try:
        attack_score(peer.values(grey), peer.card.contract.output)
    except BundleError:
        raise
    except Exception as error:  # onnxruntime's own errors share no public class
        first = first_line(error)
        raise BundleError(
            f"{path} must judge a grey crop of {list(declared.shape)}; it fails ({first})"
        ) from None
