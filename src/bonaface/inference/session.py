"""The model of a bundle under onnxruntime: crops in, scores out, nothing trusted before it is checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from bonaface.bundle import (
    INPUT_NAME,
    BundleCard,
    check_self_test,
    read_card,
    self_test_crops,
)
from bonaface.errors import BundleError, first_line


@dataclass(frozen=True, slots=True)
class Scores:
    """Of a batch of crops, each in [0, 1], higher = attack; NaN where the model gave none.

    Attributes:
        attack: (batch,) float64.
        families: (batch, families) float64, in the order of the card.
        species: (batch, species) float64, likewise: chances given that it is an attack; no columns where the model
            tells none.
    """

    attack: npt.NDArray[np.float64]
    families: npt.NDArray[np.float64]
    species: npt.NDArray[np.float64]


class Session:
    """A bundle ready to score crops. Safe to share between threads."""

    def __init__(self, folder: Path, *, num_threads: int = 1) -> None:
        """Read, hash and self-test the bundle.

        Args:
            folder: With `bundle.json` and the model.
            num_threads: For one crop or batch.

        Raises:
            BundleError: If the bundle is incomplete, altered, or answers its self-test wrongly.
        """
        self.card: BundleCard = read_card(folder)
        self._session = _of_bundle(folder / self.card.model.file, self.card.outputs, num_threads)
        try:
            found = self.score(self_test_crops(self.card.contract.size))
        except Exception as error:  # onnxruntime's own errors share no public class
            first = first_line(error)
            raise BundleError(f"{folder} must answer its self-test; its model fails ({first})") from None
        check_self_test(self.card, found.attack, found.families, found.species)

    def score(self, crops: npt.NDArray[np.uint8]) -> Scores:
        """Scores of (batch, size, size, 3) uint8 RGB crops."""
        found = self._session.run(list(self.card.outputs), {INPUT_NAME: np.ascontiguousarray(crops)})
        attack, families, *species = map(_unit_or_nan, found)
        return Scores(attack, families, species[0] if species else np.empty((len(attack), 0)))


def _unit_or_nan(values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """The values as float64, NaN where they are no score."""
    plain = np.asarray(values, np.float64)
    return np.where((plain >= 0) & (plain <= 1), plain, np.nan)


def opened(path: Path, num_threads: int) -> Any:
    """An ONNX model under onnxruntime, on the CPU.

    Raises:
        BundleError: If the file is none.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = num_threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # its errors come as exceptions
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own errors share no public class
        first = first_line(error)
        raise BundleError(f"{path} must be an ONNX model; it can not be opened ({first})") from None


def _of_bundle(path: Path, outputs: Sequence[str], num_threads: int) -> Any:
    session = opened(path, num_threads)
    names = {one.name for one in session.get_outputs()}
    if [one.name for one in session.get_inputs()] != [INPUT_NAME] or not names.issuperset(outputs):
        raise BundleError(f"{path} must take '{INPUT_NAME}' and give {' and '.join(outputs)}; it does not")
    return session
