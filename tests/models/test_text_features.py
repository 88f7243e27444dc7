import math

import pytest
import torch
from transformers import CLIPVisionModelWithProjection

from bonaface.errors import CheckpointError, RecipeError
from bonaface.models.anchors import Anchors
from bonaface.models.detector import any_attack_logit
from bonaface.models.prompts import AnchorTexts, PromptsConfig, anchor_texts
from bonaface.models.text_features import averaging, embedded, text_features, tokenised

from .tiny_text import (
    siglip_tokenizer,
    siglip_tower,
    text_tower,
    tiny_clip,
    tiny_siglip,
)

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def clip():
    return tiny_clip()


@pytest.fixture(scope="module")
def tower(clip):
    return text_tower(clip)


@torch.no_grad()
def alone(clip, tokenizer, text: str) -> list[float]:
    """One text's direction by the whole CLIP, padded to its full length and with its mask, as lists."""
    inputs = tokenizer([text], padding="max_length", max_length=77, return_tensors="pt")
    values = clip.get_text_features(**inputs).pooler_output[0].double().tolist()
    length = math.hypot(*values)
    return [value / length for value in values]


def mean_direction(rows: list[list[float]]) -> list[float]:
    means = [sum(column) / len(rows) for column in zip(*rows, strict=True)]
    return [value / math.hypot(*means) for value in means]


def test_anchors_are_the_directions_of_the_whole_clip(clip, tower, tokenizer):
    """Golden: one text at a time through `CLIPModel.get_text_features`, averaged by hand."""
    texts = anchor_texts(PromptsConfig(("T-3", "A {} selfie, taken with a phone"), level="family"))
    found = text_features(tower, tokenizer, texts, batch_size=5)
    assert found.shape == (2, 2, 12)
    for family, both in enumerate(texts):
        for side, sentences in enumerate((both.bonafide, both.attack)):
            expected = mean_direction([alone(clip, tokenizer, text) for text in sentences])
            assert found[family, side].tolist() == pytest.approx(expected, abs=2e-6)


def test_a_picture_is_scored_as_the_whole_clip_scores_it(clip, tower, tokenizer):
    """The log-odds of one family are those of the softmax over CLIP's own two logits."""
    texts = anchor_texts(PromptsConfig(), num_families=1)
    pixels = torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    vision = CLIPVisionModelWithProjection(clip.config.vision_config)
    vision.visual_projection = clip.visual_projection
    anchors = Anchors(1, 12, features=text_features(tower, tokenizer, texts), is_learned=False)
    anchors.logit_scale.data.copy_(clip.logit_scale.data)
    with torch.no_grad():
        images = clip.get_image_features(pixel_values=pixels).pooler_output
        sentences = [*texts[0].bonafide, *texts[0].attack]
        inputs = tokenizer(sentences, padding=True, return_tensors="pt")
        theirs = clip(pixel_values=pixels, **inputs).logits_per_image.softmax(dim=1)
        ours = torch.sigmoid(anchors(images)[:, 0])
    torch.testing.assert_close(ours, theirs[:, 1], rtol=1e-4, atol=1e-6)


def test_families_with_the_same_texts_score_alike_and_their_union_keeps_the_order(tower, tokenizer):
    """Two equal families of chance p give 1 - (1 - p)^2: the order of pictures stays, the number rises."""
    features = text_features(tower, tokenizer, anchor_texts(PromptsConfig()))
    embeddings = torch.randn(50, 12, generator=torch.Generator().manual_seed(0))
    logits = Anchors(2, 12, features=features)(embeddings)
    torch.testing.assert_close(logits[:, 0], logits[:, 1])
    one, union = torch.sigmoid(logits[:, 0]), torch.sigmoid(any_attack_logit(logits))
    torch.testing.assert_close(union, 1 - (1 - one) ** 2)
    assert torch.equal(one.argsort(), union.argsort())
    torch.testing.assert_close(any_attack_logit(logits[:, :1]), logits[:, 0])


def test_every_word_counts_and_so_does_every_part(tower, tokenizer):
    """Trap: under a causal mask, reading at the first end mark hides what follows it."""
    mark = "<|endoftext|>"
    texts = ["a fake face", "a fake nose", f"a fake face{mark}by a printer", f"a fake face{mark}by a screen"]
    with torch.no_grad():
        found = embedded(tower, tokenised(tokenizer, tower, texts))
    for i in range(4):
        for j in range(i):
            assert (found[i] - found[j]).abs().max() > 1e-3, (texts[i], texts[j])


def test_no_word_is_lost_or_written_over_between_text_and_encoder(tower, tokenizer):
    """Trap: class words and end marks that never reach the encoder."""
    texts = averaging(anchor_texts(PromptsConfig(("la_softmoe", "uniattackdetection"), level="species")))[0]
    tokens = tokenised(tokenizer, tower, texts)
    for text, row, end in zip(texts, tokens.ids.tolist(), tokens.ends.tolist(), strict=True):
        assert row[0] == tokenizer.bos_token_id
        assert row[end:] == [tokenizer.eos_token_id] * (len(row) - end)
        assert tokenizer.decode(row[1:end]).replace(" ", "") == text.lower().replace(" ", "")


def test_the_others_in_a_batch_change_nothing(tower, tokenizer):
    texts = ["a fake face", "This is a much longer text of a live face, and it goes on"]
    with torch.no_grad():
        together = embedded(tower, tokenised(tokenizer, tower, texts))
        one_by_one = embedded(tower, tokenised(tokenizer, tower, texts), batch_size=1)
        apart = torch.cat([embedded(tower, tokenised(tokenizer, tower, [text])) for text in texts])
    torch.testing.assert_close(together, apart, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(together, one_by_one, rtol=1e-5, atol=1e-6)


def test_each_text_is_encoded_once(tower, tokenizer):
    each, shares = averaging(anchor_texts(PromptsConfig(("T-3", "T-8"))))
    assert len(each) == 4
    assert shares.tolist() == [[[0.5, 0.5, 0, 0], [0, 0, 0.5, 0.5]]] * 2
    torch.testing.assert_close(
        averaging(anchor_texts(PromptsConfig(level="species")))[1].sum(-1), torch.ones(2, 2)
    )


def test_an_ensemble_is_a_mean_of_directions_not_of_lengths(tower, tokenizer):
    texts = (AnchorTexts(("a live face",), ("a fake face", "a print")),)
    with torch.no_grad():
        first, second = embedded(tower, tokenised(tokenizer, tower, ["a fake face", "a print"])).double()
    expected = first / first.norm() + second / second.norm()
    found = text_features(tower, tokenizer, texts)[0, 1].double()
    torch.testing.assert_close(found, expected / expected.norm(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("is_training", [True, False])
def test_the_encoder_stays_as_it_was(tower, tokenizer, is_training):
    tower.train(is_training)
    before = {name: value.clone() for name, value in tower.state_dict().items()}
    found = text_features(tower, tokenizer, anchor_texts(PromptsConfig()))
    assert tower.training == is_training
    assert not found.requires_grad
    assert all(torch.equal(value, tower.state_dict()[name]) for name, value in before.items())
    tower.eval()


def test_siglip_reads_its_answer_off_the_last_place_of_the_full_length():
    """Golden: `SiglipModel.get_text_features` of texts padded as its documentation says."""
    siglip, tokenizer = tiny_siglip(), siglip_tokenizer()
    texts = anchor_texts(PromptsConfig(("T-3", "T-8")), num_families=1)
    found = text_features(siglip_tower(siglip), tokenizer, texts)
    for side, sentences in enumerate((texts[0].bonafide, texts[0].attack)):
        with torch.no_grad():
            inputs = tokenizer(list(sentences), padding="max_length", max_length=16, return_tensors="pt")
            rows = siglip.get_text_features(input_ids=inputs["input_ids"]).pooler_output.double()
        expected = mean_direction([(row / row.norm()).tolist() for row in rows])
        assert found[0, side].tolist() == pytest.approx(expected, abs=2e-6)


def test_a_text_that_is_too_long_is_refused_not_cut(tokenizer):
    short = text_tower(tiny_clip(positions=16))
    with pytest.raises(
        RecipeError, match=r"at most 16 tokens with its start and end; 'a fake face xy.*has \d+; shorten"
    ):
        tokenised(tokenizer, short, ["a fake face " + "xy" * 20])


def test_a_tokenizer_of_another_checkpoint_is_refused(tokenizer):
    with pytest.raises(
        CheckpointError, match=r"of one checkpoint; 'a' has token 521, and the encoder knows 100"
    ):
        tokenised(tokenizer, text_tower(tiny_clip(vocab_size=100, end=99)), ["a"])
    with pytest.raises(CheckpointError, match="must end every text with its end mark; 'a' has none"):
        tokenised(siglip_tokenizer(has_end=False), text_tower(tiny_clip()), ["a"])


def test_an_encoder_of_another_kind_is_refused(clip, tower, tokenizer):
    with pytest.raises(CheckpointError, match="must be CLIP's or SigLIP's; got clip_vision_model"):
        embedded(clip.vision_model, tokenised(tokenizer, tower, ["a"]))
