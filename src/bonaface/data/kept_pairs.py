"""Simulated pairs that are drawn once and kept: drawing costs more than learning where cores are few."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset

import bonaface
from bonaface.contract import InputContract
from bonaface.data.augmentation import Augmentation
from bonaface.data.chains import is_simulated
from bonaface.data.dataset import LabelledScene, Mixture, SimulatedFaces, scenes_digest
from bonaface.data.development import after_camera, up_to_camera
from bonaface.data.randomness import generator
from bonaface.data.whole_file import write_whole
from bonaface.vocabulary import BONAFIDE, CHAIN, FAMILIES

FIELDS = ("label", "targets", "known", "compared")
"""What is kept of a sample beside its crop, in this order."""


class KeptPairs(Dataset[dict[str, torch.Tensor]]):
    """As `SimulatedFaces`, of a limited number of pairs that are drawn when they are first asked for, and then kept.

    Every kind of attack has a pool of its own, which depends neither on the other kinds nor on their shares: runs that
    leave a species out, or weigh species otherwise, take the same pairs from the same files, even at the same time.
    Which pairs an epoch holds, which of them are mirrored, and how they are developed, is decided by the seed and its
    number: a pair is shown in another tone every time.

    Items as those of `SimulatedFaces`; twins stay together, at 2k and 2k + 1.
    """

    def __init__(
        self,
        scenes: Sequence[LabelledScene],
        *,
        contract: InputContract,
        mixture: Mixture,
        augmentation: Augmentation,
        length: int,
        seed: int,
        num_pairs: int,
        folder: Path,
    ) -> None:
        """Keep pairs below `folder`.

        Args:
            scenes: To draw from.
            contract: How crops are prepared.
            mixture: Shares of the kinds of attack.
            augmentation: Drawn alike for every class.
            length: Samples an epoch.
            seed: Of the pairs, and of which of them an epoch holds.
            num_pairs: Kept of all kinds together, as their shares have it; each takes 6 * size * size bytes.
            folder: Of the pools; several runs may share it.

        Raises:
            ManifestError: If pictures of a species are missing.
        """
        kinds = [name for name, share in mixture.shares.items() if share > 0]
        shares = np.array([mixture.shares[name] for name in kinds], float)
        self._chances = shares / shares.sum()
        self.species_names = (BONAFIDE.name, *mixture.shares)
        self._length, self._seed, self._epoch = length, seed, 0
        self._augmentation = augmentation
        augmentation = up_to_camera(augmentation)
        same = {
            "version": bonaface.__version__,
            "scenes": scenes_digest(scenes),
            "contract": asdict(contract),
            "augmentation": asdict(augmentation),
        }
        self._pools = []
        for name, chance in zip(kinds, self._chances, strict=True):
            one = _only(mixture, name)
            own_seed = int(
                generator("kept pool", seed, name).integers(2**32)
            )  # or all pools would have the same genuine halves
            drawn = SimulatedFaces(
                scenes,
                contract=contract,
                mixture=one,
                augmentation=augmentation,
                length=2 * num_pairs,
                seed=own_seed,
            )
            path = _path(folder, {**same, "mixture": asdict(one), "seed": own_seed})
            kept = _opened(path, max(1, round(float(chance) * num_pairs)), contract.size)
            self._pools.append(_Pool(drawn, kept, self.species_names.index(name)))

    def __len__(self) -> int:
        return self._length

    def set_epoch(self, epoch: int) -> None:
        """Choose which epoch's samples the indices mean."""
        self._epoch = epoch

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        pair, is_attack = divmod(index, 2)
        rng = generator("kept", self._seed, self._epoch, pair)
        pool = self._pools[int(rng.choice(len(self._pools), p=self._chances))]
        found = pool.sample(int(rng.integers(pool.num_pairs)), is_attack)
        if rng.random() < 0.5:
            found["crop"] = found["crop"].flip(1)
        found["crop"] = torch.from_numpy(after_camera(found["crop"].numpy(), rng, self._augmentation))
        return found


class _Pool:
    """Pairs of one kind of attack in one file, drawn one by one."""

    def __init__(self, drawn: SimulatedFaces, kept: npt.NDArray[np.void], number: int) -> None:
        self._drawn, self._kept, self._number = drawn, kept, number
        self.num_pairs = len(kept)

    def sample(self, pair: int, member: int) -> dict[str, torch.Tensor]:
        """The bona fide (0) or the attack (1) of a pair."""
        held = self._kept[pair]
        if not held["made"]:
            for twin in (0, 1):
                item = self._drawn[2 * pair + twin]
                held["crops"][twin] = item["crop"].numpy()
                held["values"][twin] = np.concatenate([np.atleast_1d(item[word].numpy()) for word in FIELDS])
            self._kept[pair]["made"] = 1  # last: what is stopped here leaves no half pair
        values = torch.from_numpy(held["values"][member].copy())
        label, targets, known, compared = torch.split(values, [1, *[len(FAMILIES)] * 3])
        return {
            "crop": torch.from_numpy(held["crops"][member].copy()),
            "label": label[0],
            "targets": targets,
            "known": known,
            "compared": compared,
            "species": torch.tensor(self._number if member else 0),
        }


def _path(folder: Path, what: Mapping[str, Any]) -> Path:
    """The file of a pool, named by all that decides its pairs, which is told beside it."""
    text = json.dumps(what, sort_keys=True, indent=1)
    name = hashlib.sha256(text.encode()).hexdigest()[:20]
    write_whole(folder / f"{name}.json", text.encode())
    return folder / f"{name}.pairs"


def _opened(path: Path, num_pairs: int, size: int) -> npt.NDArray[np.void]:
    """The pairs in a file, as long as it must be; what is not drawn yet is zeros, which take no room on the disk."""
    values = 1 + 3 * len(FAMILIES)
    pair = np.dtype([("made", "u1"), ("crops", "u1", (2, size, size, 3)), ("values", "f4", (2, values))])
    with path.open("ab") as file:
        file.truncate(max(file.tell(), num_pairs * pair.itemsize))
    return np.memmap(path, dtype=pair, mode="r+", shape=(num_pairs,))


def _only(mixture: Mixture, name: str) -> Mixture:
    """The mixture of one kind of attack, and of the pictures that it may be made over."""
    over = {word: 0.0 for word in mixture.shares if word != name and not is_simulated(word)}
    held = {word: names for word, names in mixture.variants.items() if word in name.split(CHAIN)}
    return replace(mixture, shares={name: 1.0, **over}, variants=held)
