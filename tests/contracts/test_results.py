"""The numbers of the README and of the default bundle's page are those of the measured files."""

import importlib.util
from pathlib import Path

import pytest

from bonaface.bundle import bundle_folder

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(not bundle_folder().is_dir(), reason="the embedded bundle is not there")
def test_the_results_that_are_told_are_the_measured_ones():
    path = ROOT / "docs" / "generate_results.py"
    spec = importlib.util.spec_from_file_location("generate_results", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for path, section in ((module.README, module.section()), (module.PAGE, module.page_section())):
        text = path.read_text(encoding="utf-8")
        assert module.filled(text, section) == text
