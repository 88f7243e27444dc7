"""What the name of an attack teaches beside its family: which species the crop is of, and each cell that the attack has changed.

A print and a mask are one family and leave nothing alike. Who must say which of them it is has more to learn from a sample than who
must say that it is one, and what is learned so is there for the evidence.

Reference: Caruana 1997, Multitask learning.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from bonaface.data.dataset import species_of_share
from bonaface.models.species_telling import WORDS, Told
from bonaface.training.cell_loss import TOUCHED, UNTOUCHED, differences
from bonaface.vocabulary import BONAFIDE

UNKNOWN = -100
"""In the place of a word's number: nothing is asked."""

GENUINE = WORDS.index(BONAFIDE.name)


def words_of_shares(shares: Sequence[str]) -> Int[Tensor, " kinds"]:
    """The word of bona fide and of each share of a mixture, in the order of a dataset's `species`; of chains nothing is asked."""
    names = (BONAFIDE.name, *(species_of_share(name).name for name in shares))
    return torch.tensor([WORDS.index(name) if name in WORDS else UNKNOWN for name in names])


def species_loss(
    told: Told,
    *,
    crops: UInt8[Tensor, "batch size size 3"],
    words: Int[Tensor, " batch"],
) -> Float[Tensor, ""]:
    """Cross-entropy over the words, of the crops and of their cells, added.

    A cell that its attack has changed has the attack's word. One that it has not, and every cell of a genuine crop, is bona fide;
    between both nobody can say. Where the twin is not known to be bona fide nothing is asked of the pair: surroundings that no
    genuine picture has would never be called by that word, and always by an attack's.

    Args:
        told: Logits.
        crops: In pairs: 2k is the twin, 2k + 1 the attack.
        words: Of whole crops; `UNKNOWN` where nothing is asked.

    Returns:
        A scalar; 0 where nothing is known.
    """
    change = differences(crops, num_cells=told.cells.shape[1])
    is_over_genuine = words[0::2] == GENUINE
    words = words.where(is_over_genuine.repeat_interleave(2), UNKNOWN)
    twins, attacks = words[0::2, None], words[1::2, None]
    of_twins = twins.expand_as(change)
    of_attacks = torch.where(change >= TOUCHED, attacks, UNKNOWN)
    of_attacks = torch.where((change < UNTOUCHED) & is_over_genuine[:, None], GENUINE, of_attacks)
    cells = torch.stack((of_twins, of_attacks), dim=1).flatten(0, 1)
    return _entropy(told.whole, words) + _entropy(told.cells.flatten(0, 1), cells.flatten())


def _entropy(logits: Tensor, words: Tensor) -> Tensor:
    """The mean over what is known."""
    total = F.cross_entropy(logits, words, ignore_index=UNKNOWN, reduction="sum")
    return total / (words != UNKNOWN).sum().clamp(min=1)
