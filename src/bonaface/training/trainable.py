"""What a run moves: parameters by their names, and which of them come trained."""

from __future__ import annotations

import re
from dataclasses import dataclass

from torch import nn

from bonaface.errors import RecipeError
from bonaface.models.architecture import Architecture, BackboneConfig
from bonaface.models.insertion import is_new
from bonaface.models.resnet import ResnetConfig

_NORM, _LOW_RANK, _TEXT, _HEAD = re.compile(r"norm[^.]*\."), ".lora_", "anchors.tower.", "anchors."


@dataclass(frozen=True, slots=True)
class Trainable:
    """What `let_learn` found.

    Attributes:
        pretrained: Names of trainable parameters that come trained; the other trainable ones are new.
        num_pretrained: Numbers in them.
        num_new: Numbers in the new ones.
        num_frozen: Numbers that training does not move.
    """

    pretrained: frozenset[str]
    num_pretrained: int
    num_new: int
    num_frozen: int

    @property
    def counts(self) -> dict[str, int]:
        """The three numbers by name."""
        return {"pretrained": self.num_pretrained, "new": self.num_new, "frozen": self.num_frozen}


def let_learn(model: nn.Module, config: Architecture) -> Trainable:
    """Let gradients reach the parameters that the settings name, and no others.

    Raises:
        RecipeError: If experts are named and there are none, or nothing but a scale is left to learn.
    """
    if isinstance(config, BackboneConfig) and config.tuned != "all":
        if config.tuned in {"experts", "experts_norm"} and config.experts is None:
            raise RecipeError(
                f"model.tuned must name what is there; got '{config.tuned}' without experts; set model.experts"
            )
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(_is_tuned(name, config))
    learning = {name: one for name, one in model.named_parameters() if one.requires_grad}
    if learning.keys() <= {"anchors.logit_scale"}:
        raise RecipeError(
            "something must learn: texts fix the anchors, and model.tuned is 'head'; set model.prompts=null for learned "
            "anchors, or tune more"
        )
    pretrained = frozenset(name for name in learning if _is_pretrained(name, config))
    num_pretrained = sum(learning[name].numel() for name in pretrained)
    num_learning = sum(one.numel() for one in learning.values())
    num_all = sum(one.numel() for one in model.parameters())
    return Trainable(pretrained, num_pretrained, num_learning - num_pretrained, num_all - num_learning)


def _is_tuned(name: str, config: BackboneConfig) -> bool:
    if name.startswith(_HEAD):  # a frozen text encoder is not among the parameters at all
        return True
    if config.tuned == "head":
        return False
    is_norm = config.tuned == "experts_norm" and _NORM.search(name) is not None
    return is_new(name) or is_norm or _LOW_RANK in name


def _is_pretrained(name: str, config: Architecture) -> bool:
    if isinstance(config, ResnetConfig):
        return bool(config.source) and name.startswith("encoder.")
    return isinstance(config, BackboneConfig) and (_TEXT in name or not (is_new(name) or _LOW_RANK in name))
