import copy
import json
import math

import pytest
import torch

from bonaface.errors import CheckpointError
from bonaface.models.anchors import Anchors
from bonaface.models.detector import Detector
from bonaface.models.prompts import PromptsConfig, anchor_texts
from bonaface.models.text_anchors import TextAnchors, empty_text_anchors, settled, text_anchors
from bonaface.models.text_features import text_features
from bonaface.training.average import averaged

from .tiny_text import (
    WIDTH,
    siglip_tokenizer,
    siglip_tower,
    text_tower,
    tiny_clip,
    tiny_siglip,
)

TEXTS = anchor_texts(PromptsConfig(("T-3", "T-8"), level="family"))


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def anchors(tokenizer) -> TextAnchors:
    return text_anchors(text_tower(tiny_clip()), tokenizer, TEXTS, logit_scale=2.0)


def embeddings(num: int = 3) -> torch.Tensor:
    return torch.randn(num, WIDTH, generator=torch.Generator().manual_seed(1))


class Counted(torch.nn.Module):
    """Pixels -> their means; a detector's encoder that costs nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.eye(WIDTH)[:3])

    def forward(self, pixels):
        return pixels.mean(dim=(2, 3)) @ self.weight


def uses(anchors: TextAnchors) -> list[int]:
    """A list that grows by one every time the text encoder runs."""
    calls: list[int] = []
    anchors.tower.text_model.register_forward_hook(lambda *_: calls.append(1))
    return calls


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_the_evidence_is_that_of_frozen_anchors(anchors, tokenizer, mode):
    frozen = Anchors(2, WIDTH, features=text_features(anchors.tower, tokenizer, TEXTS), is_learned=False)
    frozen.logit_scale.data.fill_(2.0)
    getattr(anchors, mode)()
    torch.testing.assert_close(anchors(embeddings()), frozen(embeddings()), rtol=1e-5, atol=1e-5)
    assert anchors.scale.item() == pytest.approx(math.exp(2.0))
    assert anchors.features.shape == (2, 2, WIDTH)


def test_in_train_mode_the_texts_are_encoded_in_every_step_with_gradients(anchors):
    calls = uses(anchors.train())
    before = anchors(embeddings())
    before.sum().backward()
    assert len(calls) == 1
    grads = {name: parameter.grad for name, parameter in anchors.named_parameters()}
    assert all(grad is not None and torch.isfinite(grad).all() for grad in grads.values())
    assert grads["tower.text_model.embeddings.token_embedding.weight"].abs().sum() > 0
    torch.optim.SGD(anchors.parameters(), lr=0.1).step()
    assert not torch.allclose(anchors(embeddings()), before)
    assert len(calls) == 2


def test_in_eval_mode_they_are_encoded_once(anchors):
    calls = uses(anchors.eval())
    first = anchors(embeddings())
    with torch.no_grad():
        torch.testing.assert_close(anchors(embeddings()), first)
    with torch.inference_mode():
        anchors(embeddings())
    assert len(calls) == 1
    assert not anchors.features.requires_grad


def noise(parameter: torch.Tensor) -> torch.Tensor:
    return torch.randn(parameter.shape, generator=torch.Generator().manual_seed(3))


def changed_by_a_step(anchors):
    parameter = anchors.tower.text_projection.weight
    parameter.grad = noise(parameter)
    torch.optim.SGD([parameter], lr=1.0).step()


def changed_by_loading(anchors):
    weights = anchors.tower.state_dict()
    weights["text_projection.weight"] = noise(weights["text_projection.weight"])
    anchors.tower.load_state_dict(weights)


def changed_by_moving(anchors):
    anchors.tower.to(torch.float64).to(torch.float32)
    parameter = anchors.tower.text_projection.weight
    parameter.data = noise(parameter)


def changed_behind_the_back_and_told(anchors):
    parameter = anchors.tower.text_projection.weight
    parameter.data.copy_(noise(parameter))
    anchors.eval()


@pytest.mark.parametrize(
    "change", [changed_by_a_step, changed_by_loading, changed_by_moving, changed_behind_the_back_and_told]
)
def test_what_was_kept_is_forgotten_when_a_weight_changes(anchors, change):
    before = anchors.eval()(embeddings()).detach()
    change(anchors)
    after = anchors(embeddings()).detach()
    assert not torch.allclose(before, after, atol=1e-3)
    torch.testing.assert_close(after, copy.deepcopy(anchors).train()(embeddings()).detach())


def test_averaged_weights_are_judged_as_they_are_now(anchors):
    """The average stays in eval mode while its weights move under it."""
    detector = Detector(Counted(), anchors)
    average = averaged(detector, decay=0.5).eval()
    pixels = torch.rand(2, 3, 4, 4)
    before = average(pixels).family_logits.detach()
    average.update_parameters(detector)  # the first is a copy
    for parameter in detector.parameters():
        parameter.data.add_(0.3 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(2)))
    average.update_parameters(detector)
    after = average(pixels).family_logits.detach()
    assert not torch.allclose(before, after, atol=1e-3)
    fresh = copy.deepcopy(average.module).eval()
    torch.testing.assert_close(fresh(pixels).family_logits.detach(), after)


def test_evidence_is_float32_under_autocast(anchors):
    for module in (anchors.train(), anchors.eval()):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert module(embeddings()).dtype == torch.float32


def test_a_checkpoint_brings_back_texts_and_encoder(anchors):
    plain = json.loads(json.dumps(anchors.description))
    again = empty_text_anchors(plain)
    again.load_state_dict(anchors.state_dict())
    torch.testing.assert_close(again.eval()(embeddings()), anchors.eval()(embeddings()))


def test_so_it_does_for_siglip():
    anchors = text_anchors(siglip_tower(tiny_siglip()), siglip_tokenizer(), TEXTS).eval()
    again = empty_text_anchors(anchors.description)
    again.load_state_dict(anchors.state_dict())
    torch.testing.assert_close(again.eval()(embeddings()), anchors(embeddings()))
    assert anchors.scale.item() == pytest.approx(1 / 0.07)


def test_a_description_of_something_else_is_refused(anchors):
    with pytest.raises(CheckpointError, match="must be CLIP's or SigLIP's; got bert"):
        empty_text_anchors(anchors.description | {"kind": "bert"})


def test_settled_it_needs_no_text_encoder_and_says_the_same(anchors):
    detector = Detector(Counted(), anchors).train()
    fixed = settled(detector)
    pixels = torch.rand(2, 3, 4, 4)
    torch.testing.assert_close(fixed(pixels), detector(pixels), rtol=1e-5, atol=1e-5)
    assert detector.training and detector.anchors.training
    assert sorted(name for name, _ in fixed.named_parameters()) == ["anchors.logit_scale", "encoder.weight"]
    assert type(fixed.anchors) is Anchors and not fixed.training
    again = settled(fixed)
    assert again is not fixed
    torch.testing.assert_close(again(pixels), fixed(pixels))
