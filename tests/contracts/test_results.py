"""The README's numbers are those of the measured files."""

import importlib.util
from pathlib import Path

import pytest

from bonaface.bundle import embedded_bundle

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(not embedded_bundle().is_dir(), reason="the embedded bundle is not there")
def test_the_results_in_the_readme_are_the_measured_ones():
    path = ROOT / "docs" / "generate_results.py"
    spec = importlib.util.spec_from_file_location("generate_results", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert module.filled(readme) == readme
