import pytest
import torch

from .tiny_text import clip_tokenizer


@pytest.fixture
def one_thread():
    """Many small products: more threads would wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return clip_tokenizer(tmp_path_factory.mktemp("tokenizer"))
