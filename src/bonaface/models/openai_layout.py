"""CLIP's weights as OpenAI lays them out: names, shapes and sizes, and the way to transformers' names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from bonaface.errors import CheckpointError
from bonaface.models.checkpoint_folder import Shape, refuse_misfits

HEAD_WIDTH = 64
"""OpenAI's encoders have one attention head for every 64 of their width; the weights do not tell."""

MARKS = ("input_resolution", "context_length", "vocab_size")
"""Numbers that OpenAI's files carry beside the weights."""

BLOCK = re.compile(r"^(?P<tower>visual\.|)transformer\.resblocks\.(?P<index>\d+)\.")
TEXT = re.compile(
    r"^(transformer\.|token_embedding\.|ln_final\.|(positional_embedding|text_projection|logit_scale)$)"
)
CONVOLUTIONAL = re.compile(r"^visual\.(layer\d|attnpool)\.")

RENAMED = (
    (r"^visual\.transformer\.resblocks\.", "vision_model.encoder.layers."),
    (r"^visual\.class_embedding$", "vision_model.embeddings.class_embedding"),
    (r"^visual\.positional_embedding$", "vision_model.embeddings.position_embedding.weight"),
    (r"^visual\.conv1\.", "vision_model.embeddings.patch_embedding."),
    (r"^visual\.ln_pre\.", "vision_model.pre_layrnorm."),
    (r"^visual\.ln_post\.", "vision_model.post_layernorm."),
    (r"^visual\.proj$", "visual_projection.weight"),
    (r"^transformer\.resblocks\.", "text_model.encoder.layers."),
    (r"^token_embedding\.", "text_model.embeddings.token_embedding."),
    (r"^positional_embedding$", "text_model.embeddings.position_embedding.weight"),
    (r"^ln_final\.", "text_model.final_layer_norm."),
    (r"^text_projection$", "text_projection.weight"),
    (r"\.ln_(\d)\.", r".layer_norm\1."),
    (r"\.mlp\.c_fc\.", ".mlp.fc1."),
    (r"\.mlp\.c_proj\.", ".mlp.fc2."),
    (r"\.attn\.out_proj\.", ".self_attn.out_proj."),
)
TRANSPOSED = ("visual.proj", "text_projection")
JOINED = re.compile(r"\.attn\.in_proj_(weight|bias)$")

State = Mapping[str, Tensor]


@dataclass(frozen=True, slots=True)
class TowerSizes:
    """Sizes of one of the two transformers.

    Attributes:
        width: Of the tokens.
        hidden: Inside a block's MLP.
        num_blocks: Of the transformer.
        projected: Width of the joint embedding.
    """

    width: int
    hidden: int
    num_blocks: int
    projected: int

    @property
    def num_heads(self) -> int:
        """Attention heads."""
        return self.width // HEAD_WIDTH

    def shared_settings(self) -> dict[str, Any]:
        """The settings that both encoders have, in transformers' words."""
        return {
            "hidden_size": self.width,
            "intermediate_size": self.hidden,
            "num_hidden_layers": self.num_blocks,
            "num_attention_heads": self.num_heads,
            "projection_dim": self.projected,
            "hidden_act": "quick_gelu",
            "layer_norm_eps": 1e-5,
        }


def vision_settings(state: State, where: str) -> dict[str, Any]:
    """The image encoder's settings, all read from the weights' shapes.

    Raises:
        CheckpointError: If the weights are not those of a vision transformer in this layout; it names the first that
            is missing, of another shape or without a place.
    """
    convolutions = [name for name in state if CONVOLUTIONAL.match(name)]
    if convolutions:
        raise CheckpointError(
            f"{where} must be a CLIP with a vision transformer; {convolutions[0]} belongs to a ResNet, which has no "
            "blocks to put experts into; use ViT-B/32, ViT-B/16 or ViT-L/14"
        )
    width, _, patch, _ = _shape(state, "visual.conv1.weight", 4, where)
    positions, _ = _shape(state, "visual.positional_embedding", 2, where)
    _, projected = _shape(state, "visual.proj", 2, where)
    sizes = _tower(state, "visual.", width, projected, where)
    grid = round((positions - 1) ** 0.5)
    shapes = _block_shapes("visual.", sizes) | {
        "visual.conv1.weight": (width, 3, patch, patch),
        "visual.class_embedding": (width,),
        "visual.positional_embedding": (grid**2 + 1, width),
        "visual.proj": (width, projected),
        **_norm("visual.ln_pre", width),
        **_norm("visual.ln_post", width),
    }
    _compare({name: one for name, one in state.items() if not TEXT.match(name)}, shapes, where)
    return sizes.shared_settings() | {
        "model_type": "clip_vision_model",
        "image_size": grid * patch,
        "patch_size": patch,
    }


def text_settings(state: State, where: str) -> dict[str, Any]:
    """The text encoder's settings, all read from the weights' shapes; the last two tokens are start and end.

    Raises:
        CheckpointError: As `vision_settings`, of the text encoder.
    """
    vocabulary, width = _shape(state, "token_embedding.weight", 2, where)
    context, _ = _shape(state, "positional_embedding", 2, where)
    _, projected = _shape(state, "text_projection", 2, where)
    sizes = _tower(state, "", width, projected, where)
    shapes = _block_shapes("", sizes) | {
        "token_embedding.weight": (vocabulary, width),
        "positional_embedding": (context, width),
        "text_projection": (width, projected),
        "logit_scale": (),
        **_norm("ln_final", width),
    }
    _compare({name: one for name, one in state.items() if not name.startswith("visual.")}, shapes, where)
    return sizes.shared_settings() | {
        "model_type": "clip_text_model",
        "vocab_size": vocabulary,
        "max_position_embeddings": context,
        "bos_token_id": vocabulary - 2,
        "eos_token_id": vocabulary - 1,
        "pad_token_id": vocabulary - 1,
    }


def renamed(state: State, *, is_text: bool) -> dict[str, Tensor]:
    """The weights of one encoder under transformers' names, float32: the joined q, k and v apart, projections turned."""
    found: dict[str, Tensor] = {}
    for name, one in state.items():
        if name in MARKS or name == "logit_scale" or (TEXT.match(name) is not None) is not is_text:
            continue
        new = name
        for before, after in RENAMED:
            new = re.sub(before, after, new)
        weight = one.float()
        if joined := JOINED.search(new):
            for letter, part in zip("qkv", weight.chunk(3), strict=True):
                found[f"{new[: joined.start()]}.self_attn.{letter}_proj.{joined[1]}"] = part
        else:
            found[new] = weight.T if name in TRANSPOSED else weight
    return {name: one.contiguous() for name, one in found.items()}


def _shape(state: State, name: str, rank: int, where: str) -> Shape:
    if name not in state:
        raise CheckpointError(
            f"{where} must hold CLIP in OpenAI's layout; {name} is missing; a checkpoint of transformers is given as "
            "its folder"
        )
    found = tuple(state[name].shape)
    if len(found) != rank:
        raise CheckpointError(
            f"{where} must hold {name} with {rank} axes; its shape is {found}; fetch it again"
        )
    return found


def _tower(state: State, prefix: str, width: int, projected: int, where: str) -> TowerSizes:
    if width % HEAD_WIDTH:
        raise CheckpointError(
            f"{where} must have encoders as wide as a multiple of {HEAD_WIDTH}, one head for each; got {width}; "
            "use transformers' layout, which says how many heads there are"
        )
    blocks = {int(m["index"]) for name in state if (m := BLOCK.match(name)) and m["tower"] == prefix}
    hidden, _ = _shape(state, f"{prefix}transformer.resblocks.0.mlp.c_fc.weight", 2, where)
    return TowerSizes(width, hidden, max(blocks) + 1, projected)


def _block_shapes(prefix: str, sizes: TowerSizes) -> dict[str, Shape]:
    width, hidden = sizes.width, sizes.hidden
    shapes: dict[str, Shape] = {}
    for index in range(sizes.num_blocks):
        block = f"{prefix}transformer.resblocks.{index}"
        shapes |= {
            f"{block}.attn.in_proj_weight": (3 * width, width),
            f"{block}.attn.in_proj_bias": (3 * width,),
            f"{block}.attn.out_proj.weight": (width, width),
            f"{block}.attn.out_proj.bias": (width,),
            f"{block}.mlp.c_fc.weight": (hidden, width),
            f"{block}.mlp.c_fc.bias": (hidden,),
            f"{block}.mlp.c_proj.weight": (width, hidden),
            f"{block}.mlp.c_proj.bias": (width,),
            **_norm(f"{block}.ln_1", width),
            **_norm(f"{block}.ln_2", width),
        }
    return shapes


def _norm(name: str, width: int) -> dict[str, Shape]:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def _compare(state: State, shapes: Mapping[str, Shape], where: str) -> None:
    found = {name: tuple(one.shape) for name, one in state.items() if name not in MARKS}
    refuse_misfits(
        where,
        missing=shapes.keys() - found.keys(),
        mismatched={
            name: (found[name], shape)
            for name, shape in shapes.items()
            if name in found and found[name] != shape
        },
        unexpected=found.keys() - shapes.keys(),
    )
