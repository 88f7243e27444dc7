import doctest
import importlib

import pytest


@pytest.mark.parametrize("file", ["recipe", "schedule"])
def test_examples_in_docstrings_run(file):
    result = doctest.testmod(importlib.import_module(f"bonaface.training.{file}"))
    assert result.attempted
    assert not result.failed
