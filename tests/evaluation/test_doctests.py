from __future__ import annotations

import doctest
import importlib

import pytest


@pytest.mark.parametrize("room", ["rates", "curves", "thresholds", "intervals", "ordered"])
def test_examples_in_docstrings_run(room: str) -> None:
    result = doctest.testmod(importlib.import_module(f"bonaface.evaluation.{room}"))
    assert result.attempted
    assert not result.failed
