import re

import pytest
import torch
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from bonaface.errors import CheckpointError
from bonaface.models.openai_layout import renamed, text_settings, vision_settings

from .tiny_checkpoints import openai_state


def test_sizes_come_from_the_shapes():
    vision, text = vision_settings(openai_state(), "x.pt"), text_settings(openai_state(), "x.pt")
    assert vision == {
        "model_type": "clip_vision_model",
        "hidden_size": 128,
        "intermediate_size": 512,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "projection_dim": 24,
        "hidden_act": "quick_gelu",
        "layer_norm_eps": 1e-5,
        "image_size": 32,
        "patch_size": 8,
    }
    assert (text["hidden_size"], text["num_hidden_layers"], text["num_attention_heads"]) == (64, 3, 1)
    assert (text["vocab_size"], text["eos_token_id"], text["max_position_embeddings"]) == (522, 521, 12)


def test_queries_keys_and_values_are_taken_apart_in_this_order():
    state = openai_state()
    joined = state["visual.transformer.resblocks.1.attn.in_proj_weight"]
    found = renamed(state, is_text=False)
    layer = "vision_model.encoder.layers.1.self_attn"
    for letter, rows in (("q", slice(0, 128)), ("k", slice(128, 256)), ("v", slice(256, 384))):
        assert torch.equal(found[f"{layer}.{letter}_proj.weight"], joined[rows])
    assert torch.equal(found["visual_projection.weight"], state["visual.proj"].T)


def test_the_names_are_exactly_those_of_transformers():
    settings = vision_settings(openai_state(), "x.pt")
    network = CLIPVisionModelWithProjection(CLIPVisionConfig.from_dict(settings))
    assert renamed(openai_state(), is_text=False).keys() == network.state_dict().keys()


@pytest.mark.parametrize("read", [vision_settings, text_settings])
@pytest.mark.parametrize("kind", ["missing", "mismatched"])
def test_every_single_weight_is_needed_in_its_shape(read, kind):
    whole = openai_state()
    names = [name for name in whole if name.startswith("visual.") is (read is vision_settings)]
    for name in set(names) - {"input_resolution", "context_length", "vocab_size"}:
        state = dict(whole)
        if kind == "missing":
            del state[name]
        else:
            # One row more than the other weights have room for; a number becomes a row.
            state[name] = torch.zeros([one + 1 for one in whole[name].shape] or [1])
        with pytest.raises(CheckpointError, match=r"x\.pt must .*(missing|has the shape|multiple of 64)"):
            read(state, "x.pt")


def test_a_missing_weight_is_named():
    state = openai_state()
    name = "visual.transformer.resblocks.1.attn.in_proj_bias"
    del state[name]
    with pytest.raises(CheckpointError, match=re.escape(f"{name} is missing; fetch a whole checkpoint")):
        vision_settings(state, "x.pt")
    del state["visual.conv1.weight"]
    with pytest.raises(
        CheckpointError, match=r"visual\.conv1\.weight is missing; a checkpoint of transformers"
    ):
        vision_settings(state, "x.pt")


def test_a_weight_of_another_shape_is_named_with_both_shapes():
    state = openai_state() | {"visual.ln_post.bias": torch.zeros(7)}
    with pytest.raises(
        CheckpointError, match=r"visual\.ln_post\.bias has the shape \(7,\) where \(128,\) is needed"
    ):
        vision_settings(state, "x.pt")
    state = openai_state() | {"visual.proj": torch.zeros(7)}
    with pytest.raises(CheckpointError, match=r"visual\.proj with 2 axes; its shape is \(7,\)"):
        vision_settings(state, "x.pt")


def test_positions_that_are_no_square_are_refused():
    state = openai_state() | {"visual.positional_embedding": torch.zeros(16, 128)}
    with pytest.raises(CheckpointError, match=r"visual\.positional_embedding has the shape \(16, 128\)"):
        vision_settings(state, "x.pt")


@pytest.mark.parametrize(
    ("name", "readers"),
    [
        ("visual.transformer.resblocks.0.gate", [vision_settings]),
        ("visual.head.weight", [vision_settings]),
        ("transformer.resblocks.0.gate", [text_settings]),
        ("adapter.weight", [vision_settings, text_settings]),
        ("epoch", [vision_settings, text_settings]),
    ],
)
def test_a_weight_without_a_place_is_named(name, readers):
    for read in readers:
        with pytest.raises(CheckpointError, match=f"{re.escape(name)} has no place"):
            read(openai_state() | {name: torch.zeros(1)}, "x.pt")


def test_a_missing_block_is_named():
    state = {
        name: one for name, one in openai_state().items() if ".resblocks.0." not in name or "mlp.c_fc" in name
    }
    with pytest.raises(CheckpointError, match=r"resblocks\.0\.attn\.in_proj_bias is missing and \d+ more"):
        vision_settings(state, "x.pt")


def test_a_convolutional_clip_is_refused():
    state = openai_state() | {"visual.layer1.0.conv1.weight": torch.zeros(1)}
    with pytest.raises(CheckpointError, match="belongs to a ResNet, which has no blocks to put experts into"):
        vision_settings(state, "RN50.pt")


def test_a_width_without_whole_heads_is_refused():
    state = openai_state() | {"visual.conv1.weight": torch.zeros(96, 3, 8, 8)}
    with pytest.raises(CheckpointError, match="wide as a multiple of 64, one head for each; got 96"):
        vision_settings(state, "x.pt")
