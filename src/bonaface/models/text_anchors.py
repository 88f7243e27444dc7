"""Anchors that are texts, with the text encoder inside: for training that moves it too."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from transformers import (
    CLIPTextConfig,
    CLIPTextModelWithProjection,
    PreTrainedTokenizerBase,
    SiglipTextConfig,
    SiglipTextModel,
)

from bonaface.errors import CheckpointError
from bonaface.models.anchors import INITIAL_SCALE, Anchors
from bonaface.models.detector import Detector
from bonaface.models.prompts import AnchorTexts
from bonaface.models.text_features import (
    CLIP,
    SIGLIP,
    Tokens,
    averaging,
    directions,
    embedded,
    tokenised,
)


class TextAnchors(Anchors):
    """Evidence as `Anchors` gives it, by the directions of texts.

    In train mode the texts are encoded anew at every use, with gradients. In eval mode they are encoded once and kept
    until a weight of the text encoder changes.

    Attributes:
        tower: The text encoder.
        ids: (texts, length) tokens, see `Tokens`.
        ends: (texts,), see `Tokens`.
        shares: (families, 2, texts): what each text adds to each anchor.
    """

    ids: Tensor
    ends: Tensor
    shares: Tensor

    def __init__(
        self,
        tower: nn.Module,
        tokens: Tokens,
        shares: Float[Tensor, "families 2 texts"],
        *,
        logit_scale: float = math.log(INITIAL_SCALE),
    ) -> None:
        """Anchors of tokens; `text_anchors` makes them from texts.

        Args:
            tower: CLIP's or SigLIP's text encoder.
            tokens: Of every text.
            shares: What each text adds to each anchor.
            logit_scale: The logarithm of the scale; the text encoder's own checkpoint has one.
        """
        nn.Module.__init__(self)  # the features of `Anchors` are computed here
        self.tower = tower
        self.register_buffer("ids", tokens.ids)
        self.register_buffer("ends", tokens.ends)
        self.register_buffer("shares", shares)
        self.logit_scale = nn.Parameter(torch.tensor(float(logit_scale)))
        self._kept: tuple[tuple[Any, ...], Tensor] | None = None

    @property
    def features(self) -> Float[Tensor, "families 2 width"]:  # type: ignore[override]
        """The anchors, of length 1; index 0 is bona fide, 1 is attack."""
        if self.training:
            return self._encoded()
        state = tuple((id(one), one._version, one.data_ptr(), one.dtype) for one in self.tower.parameters())
        if self._kept is None or self._kept[0] != state:
            with torch.no_grad():
                self._kept = state, self._encoded()
        return self._kept[1]

    def train(self, mode: bool = True) -> TextAnchors:
        """As every module; and what was kept is forgotten."""
        self._kept = None
        super().train(mode)
        return self

    @property
    def description(self) -> dict[str, Any]:
        """What `empty_text_anchors` needs to build them again for saved weights, ready for JSON."""
        config: Any = self.tower.config
        return {
            "kind": config.model_type,
            "config": config.to_dict(),
            "length": self.ids.shape[1],
            "shares": list(self.shares.shape),
        }

    def _encoded(self) -> Float[Tensor, "families 2 width"]:
        return directions(embedded(self.tower, Tokens(self.ids, self.ends)), self.shares)


def text_anchors(
    tower: nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[AnchorTexts],
    *,
    logit_scale: float = math.log(INITIAL_SCALE),
) -> TextAnchors:
    """Anchors with the text encoder inside.

    Args:
        tower: CLIP's or SigLIP's text encoder; it becomes a part of the anchors.
        tokenizer: Of the same checkpoint.
        texts: Of each family, see `prompts.anchor_texts`.
        logit_scale: The logarithm of the scale, as the checkpoint has it.

    Raises:
        RecipeError: If a text is longer than the encoder reads.
        CheckpointError: If tokenizer and encoder do not belong together.
    """
    each, shares = averaging(texts)
    return TextAnchors(tower, tokenised(tokenizer, tower, each), shares, logit_scale=logit_scale)


def empty_text_anchors(description: Mapping[str, Any]) -> TextAnchors:
    """Anchors of the same shape with random weights and no texts, to be filled by `load_state_dict`.

    Raises:
        CheckpointError: If the description is not of a known text encoder.
    """
    tower: nn.Module
    if description["kind"] == CLIP:
        tower = CLIPTextModelWithProjection(CLIPTextConfig.from_dict(description["config"]))
    elif description["kind"] == SIGLIP:
        tower = SiglipTextModel(SiglipTextConfig.from_dict(description["config"]))
    else:
        raise CheckpointError(f"a text encoder must be CLIP's or SigLIP's; got {description['kind']}")
    shares = torch.zeros(*description["shares"])
    num_texts = shares.shape[2]
    ids = torch.zeros(num_texts, description["length"], dtype=torch.int64)
    return TextAnchors(tower, Tokens(ids, torch.zeros(num_texts, dtype=torch.int64)), shares)


def settled(detector: Detector) -> Detector:
    """A copy, in eval mode, whose anchors are plain features that need no text encoder, as it is deployed.

    It gives the same evidence. Other detectors are copied as they are.
    """
    anchors = detector.anchors
    if not isinstance(anchors, TextAnchors):
        return copy.deepcopy(detector).eval()
    was_training = anchors.training
    features = anchors.eval().features
    anchors.train(was_training)
    fixed = Anchors(features.shape[0], features.shape[2], features=features, is_learned=False)
    fixed.logit_scale.data.copy_(anchors.logit_scale.data)
    return Detector(copy.deepcopy(detector.encoder), fixed.to(features.device)).eval()
