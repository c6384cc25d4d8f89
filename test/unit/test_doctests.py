"""The examples in docstrings are run as they stand."""

from __future__ import annotations

import doctest
from importlib import import_module
from pathlib import Path

import pytest

MODEL = Path(__file__).absolute().parents[2] / "model"
SHOWN = [path for path in sorted(MODEL.rglob("*.py")) if ">>> " in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("path", SHOWN, ids=lambda path: str(path.relative_to(MODEL)))
def test_examples(path):
    parts = path.relative_to(MODEL).with_suffix("").parts
    failed, tried = doctest.testmod(import_module(".".join(["subsidence_mapper.model", *parts])))
    assert tried and not failed


def test_the_contract_is_shown_by_an_example():
    assert MODEL / "methods" / "base.py" in SHOWN
