from dataclasses import replace

import pytest
import torch
from torch import nn

from bonaface.errors import CheckpointError
from bonaface.models.backbones import Backbone, resized
from bonaface.models.carried_over import carried_over
from bonaface.models.nano import build_nano

from .test_nano import NORM, TINY
from .tiny_checkpoints import MAKERS


def weights(seed=0, **settings):
    return build_nano(replace(TINY, **settings), **NORM, seed=seed).state_dict()


def model(**settings):
    return build_nano(replace(TINY, **settings), **NORM, seed=1)


def test_the_same_make_takes_all_as_it_is():
    given = weights()
    found = carried_over(given, model())
    assert found.keys() == given.keys()
    assert all(torch.equal(found[name], given[name]) for name in given)


def test_positions_are_brought_to_the_grid_of_another_crop():
    name = "encoder.vision.embeddings.position_embedding.weight"
    given = weights()
    # one value for every place: interpolation leaves it, whatever the grid
    given[name][1:] = torch.arange(16.0)
    larger = model(image_size=64)
    found = carried_over(given, larger)
    assert found[name].shape == (1 + 16, 16)
    assert torch.equal(found[name][0], given[name][0])
    torch.testing.assert_close(found[name][1:], torch.arange(16.0).expand(16, 16))
    larger.load_state_dict(found)


def test_a_judge_of_cells_is_fresh_where_there_was_none_and_left_out_where_none_is_wanted():
    judging = model(judges_cells=True)
    found = carried_over(weights(), judging)
    assert torch.equal(found["cells.1.weight"], judging.state_dict()["cells.1.weight"])
    judging.load_state_dict(found)
    back = carried_over(found, model())
    assert back.keys() == weights().keys()


@pytest.mark.parametrize("experts", [TINY.experts, None])
def test_a_deeper_model_says_what_the_shallower_one_said_and_learns_in_every_block(experts):
    shallow = build_nano(replace(TINY, experts=experts), **NORM, seed=0).eval()
    deep = model(num_layers=4, experts=experts).eval()
    pixels = torch.randn(3, 3, TINY.image_size, TINY.image_size, generator=torch.Generator().manual_seed(2))
    assert not torch.allclose(deep(pixels).attack_logit, shallow(pixels).attack_logit)
    deep.load_state_dict(carried_over(shallow.state_dict(), deep))
    torch.testing.assert_close(deep(pixels).family_logits, shallow(pixels).family_logits, rtol=0, atol=1e-6)
    deep(pixels).attack_logit.sum().backward()
    for name, parameter in deep.named_parameters():
        if "layers.3." in name and any(word in name for word in ("out_proj.weight", "fc2.weight", "gate")):
            assert parameter.grad is not None
            assert parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize(
    "settings", [{"hidden_size": 32}, {"num_layers": 1}, {"embedding_size": 4}, {"experts": None}]
)
def test_anything_else_is_refused(settings):
    with pytest.raises(CheckpointError, match=r"^the weights to start from must fit the recipe's model"):
        carried_over(weights(), model(**settings))


def test_what_was_made_of_a_cell_is_made_of_the_mean_of_a_tokens_cells():
    given = weights(stem="spectrum", image_size=64)
    wide = model(stem="spectrum", image_size=64, cells_per_side=2)
    wide.load_state_dict(carried_over(given, wide))
    plain = model(stem="spectrum", image_size=64)
    plain.load_state_dict(given)
    pixels = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    found, expected = (one.eval().encoder.vision.embeddings.patch_embedding(pixels) for one in (wide, plain))
    torch.testing.assert_close(found, torch.nn.functional.avg_pool2d(expected, 2), atol=1e-4, rtol=1e-4)


def test_a_part_that_both_have_must_fit():
    """Anchors of another width are no fresh ones: the run would start from something else than it says."""
    given = weights()
    given["anchors.features"] = given["anchors.features"][..., :2]
    with pytest.raises(CheckpointError, match=r"^the weights to start from must fit"):
        carried_over(given, model())


def test_weights_without_anchors_leave_the_models_own():
    given = {name: tensor for name, tensor in weights().items() if not name.startswith("anchors.")}
    given["heads.leave.weight"] = torch.zeros(3)
    own = model()
    found = carried_over(given, own)
    assert found.keys() == own.state_dict().keys()
    assert torch.equal(found["anchors.features"], own.state_dict()["anchors.features"])


@pytest.mark.parametrize("kind", ["clip_vision", "siglip_vision", "dinov2"])
def test_positions_of_any_encoder_are_brought_to_another_crop_as_the_encoder_itself_is(kind):
    """Witness: `backbones.resized`, which knows where each kind keeps them; at the same size nothing is touched."""
    plain = Backbone(MAKERS[kind](), mean=(0.5,) * 3, std=(0.25,) * 3)
    wanted = resized(plain, 48)
    given = {f"encoder.{name}": value for name, value in plain.state_dict().items()}
    found = carried_over(given, nn.ModuleDict({"encoder": wanted}))
    for name, value in wanted.state_dict().items():
        torch.testing.assert_close(found[f"encoder.{name}"], value, atol=1e-6, rtol=0)
    same = carried_over(given, nn.ModuleDict({"encoder": plain}))
    assert all(torch.equal(same[name], given[name]) for name in given)
