"""Text encoders and tokenizers small enough to make in a test: the files of CLIP's tokenizer, and words for SigLIP."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    CLIPConfig,
    CLIPModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    PreTrainedTokenizerFast,
    SiglipConfig,
    SiglipModel,
    SiglipTextModel,
)

WIDTH = 12
MERGES = ("f a", "fa k", "fak e</w>", "fa c", "fac e</w>", "l i", "li v", "liv e</w>")
SIGLIP_WORDS = ["this", "is", "an", "image", "of", "a", "photo", "fake", "live", "face", "printed"]


def byte_letters() -> list[str]:
    """The 256 letters that stand for bytes in byte-level vocabularies, by their definition."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [number for number in range(256) if number not in printable]
    return [chr(one) for one in printable] + [chr(256 + place) for place in range(len(rest))]


def write_clip_tokenizer(folder: Path) -> Path:
    """`vocab.json` and `merges.txt` in the layout of CLIP: every byte, every byte at a word's end, and a few merges."""
    folder.mkdir(parents=True, exist_ok=True)
    letters = byte_letters()
    words = [
        *letters,
        *(f"{one}</w>" for one in letters),
        *(merge.replace(" ", "") for merge in MERGES),
        "<|startoftext|>",
        "<|endoftext|>",
    ]
    vocabulary = {word: number for number, word in enumerate(words)}
    assert len(vocabulary) == len(words)
    (folder / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *MERGES, ""]), encoding="utf-8")
    return folder


def clip_tokenizer(folder: Path) -> CLIPTokenizer:
    return CLIPTokenizer.from_pretrained(write_clip_tokenizer(folder))


def tiny_clip(*, vocab_size: int = 522, positions: int = 77, end: int = 521) -> CLIPModel:
    """A whole CLIP of random weights, joint width 12, images of 32 pixels."""
    torch.manual_seed(0)
    text = {
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "vocab_size": vocab_size,
        "max_position_embeddings": positions,
        "bos_token_id": end - 1,
        "eos_token_id": end,
    }
    vision = {
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "image_size": 32,
        "patch_size": 8,
    }
    return CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=WIDTH)).eval()


def text_tower(clip: CLIPModel) -> CLIPTextModelWithProjection:
    """The text encoder of a CLIP, with the same weights."""
    config = clip.config.text_config
    config.projection_dim = clip.config.projection_dim
    tower = CLIPTextModelWithProjection(config)
    tower.load_state_dict(
        {name: value for name, value in clip.state_dict().items() if name.startswith("text_")}
    )
    return tower.eval()


def siglip_tokenizer(*, has_end: bool = True) -> PreTrainedTokenizerFast:
    """A word a token, and the end mark that SigLIP pads with."""
    words = {word: number for number, word in enumerate(["<pad>", "</s>", "<unk>", *SIGLIP_WORDS])}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    if has_end:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="$A </s>", special_tokens=[("</s>", 1)]
        )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="</s>", pad_token="</s>")


def tiny_siglip() -> SiglipModel:
    """A whole SigLIP of random weights, width 12."""
    torch.manual_seed(0)
    shape = {
        "hidden_size": WIDTH,
        "intermediate_size": 24,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
    }
    text = shape | {
        "vocab_size": 20,
        "max_position_embeddings": 16,
        "bos_token_id": 1,
        "eos_token_id": 1,
        "pad_token_id": 1,
    }
    vision = shape | {"image_size": 32, "patch_size": 8}
    return SiglipModel(SiglipConfig(text_config=text, vision_config=vision)).eval()


def siglip_tower(siglip: SiglipModel) -> SiglipTextModel:
    return siglip.text_model
