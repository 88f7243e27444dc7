"""From texts to anchors: tokens, the text encoder's embeddings, and their mean directions. CLIP and SigLIP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from transformers import PreTrainedTokenizerBase

from bonaface.errors import CheckpointError, RecipeError
from bonaface.models.prompts import AnchorTexts

CLIP, SIGLIP = "clip_text_model", "siglip_text_model"
"""The `model_type` of the text encoders that are known here."""


@dataclass(frozen=True, slots=True, eq=False)
class Tokens:
    """Texts as a text encoder reads them.

    Attributes:
        ids: (texts, length) int64, padded at the end.
        ends: (texts,) int64, where each text's end mark is.
    """

    ids: Int[Tensor, "texts length"]
    ends: Int[Tensor, " texts"]


def tokenised(tokenizer: PreTrainedTokenizerBase, tower: nn.Module, texts: Sequence[str]) -> Tokens:
    """Tokens of texts for this text encoder; nothing is ever cut off.

    CLIP's are padded to the longest text, which a causal encoder can not see; SigLIP's to the full length, as it was
    trained: it reads its answer off the last place.

    Args:
        tokenizer: Of the same checkpoint as the tower.
        tower: CLIP's or SigLIP's text encoder.
        texts: Without any place left to fill.

    Raises:
        RecipeError: If a text is longer than the encoder reads.
        CheckpointError: If tokenizer and encoder do not belong together.
    """
    config: Any = tower.config
    rows: list[list[int]] = [list(row) for row in tokenizer(list(texts))["input_ids"]]
    limit: int = config.max_position_embeddings
    for text, row in zip(texts, rows, strict=True):
        if len(row) > limit:
            raise RecipeError(
                f"a prompt must have at most {limit} tokens with its start and end; '{text}' has {len(row)}; shorten it"
            )
        if row[-1] != tokenizer.eos_token_id:
            raise CheckpointError(f"the tokenizer must end every text with its end mark; '{text}' has none")
        if max(row) >= config.vocab_size:
            raise CheckpointError(
                f"tokenizer and text encoder must be of one checkpoint; '{text}' has token {max(row)}, and the encoder "
                f"knows {config.vocab_size}; give both from one source"
            )
    length = limit if config.model_type == SIGLIP else max(map(len, rows))
    padded = [row + [tokenizer.pad_token_id] * (length - len(row)) for row in rows]
    return Tokens(torch.tensor(padded), torch.tensor([len(row) - 1 for row in rows]))


def embedded(tower: nn.Module, tokens: Tokens, *, batch_size: int = 64) -> Float[Tensor, "texts width"]:
    """The text encoder's embeddings in the joint space, of any length; with gradients where they are enabled.

    CLIP's is read at the end of the whole text. `transformers` reads it at the first end mark, where a causal encoder
    has not seen what follows: of a text in several parts, each with its end mark, all but the first part would be lost.

    Raises:
        CheckpointError: If the encoder is neither CLIP's nor SigLIP's.
    """
    batches = [slice(start, start + batch_size) for start in range(0, len(tokens.ids), batch_size)]
    return torch.cat([_embedded_at_once(tower, tokens.ids[one], tokens.ends[one]) for one in batches])


def averaging(texts: Sequence[AnchorTexts]) -> tuple[tuple[str, ...], Float[Tensor, "families 2 texts"]]:
    """Every text once, and the share that each has in the anchors of each family, bona fide first."""
    sides = [[one.bonafide, one.attack] for one in texts]
    order = {text: None for pair in sides for side in pair for text in side}
    place = {text: number for number, text in enumerate(order)}
    shares = torch.zeros(len(texts), 2, len(place))
    for family, pair in enumerate(sides):
        for side, held in enumerate(pair):
            shares[family, side, [place[text] for text in held]] = 1 / len(held)
    return tuple(place), shares


def directions(
    embeddings: Float[Tensor, "texts width"], shares: Float[Tensor, "families 2 texts"]
) -> Float[Tensor, "families 2 width"]:
    """Anchors of length 1: the mean of the texts' embeddings, each of length 1 first, float32."""
    with torch.autocast(embeddings.device.type, enabled=False):
        return F.normalize(shares @ F.normalize(embeddings.float(), dim=-1), dim=-1)


def text_features(
    tower: nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[AnchorTexts],
    *,
    batch_size: int = 64,
) -> Float[Tensor, "families 2 width"]:
    """Anchors from texts, computed once, without gradients; for `Anchors(features=...)`.

    Args:
        tower: CLIP's or SigLIP's text encoder, in any mode; it keeps its mode.
        tokenizer: Of the same checkpoint.
        texts: Of each family, see `prompts.anchor_texts`.
        batch_size: Texts that are encoded together.

    Raises:
        RecipeError: If a text is longer than the encoder reads.
        CheckpointError: If tokenizer and encoder do not belong together, or are of another kind.
    """
    each, shares = averaging(texts)
    was_training = tower.training
    tower.eval()
    try:
        with torch.no_grad():
            device = next(tower.parameters()).device
            tokens = tokenised(tokenizer, tower, each)
            tokens = Tokens(tokens.ids.to(device), tokens.ends.to(device))
            return directions(embedded(tower, tokens, batch_size=batch_size), shares.to(device))
    finally:
        tower.train(was_training)


def _embedded_at_once(
    tower: Any, ids: Int[Tensor, "texts length"], ends: Int[Tensor, " texts"]
) -> Float[Tensor, "texts width"]:
    kind = tower.config.model_type
    if kind == SIGLIP:
        pooled: Tensor = tower(input_ids=ids).pooler_output
        return pooled
    if kind != CLIP:
        raise CheckpointError(f"a text encoder must be CLIP's or SigLIP's; got {kind}")
    hidden = tower.text_model(input_ids=ids).last_hidden_state
    at_ends = hidden[torch.arange(len(ids), device=ids.device), ends]
    embeddings: Tensor = tower.text_projection(at_ends)
    return embeddings
