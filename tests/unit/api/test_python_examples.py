"""The examples of docs/python.md and of the API's docstrings are run."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

import cfr_shm.api
from cfr_shm.kernels.jit import JIT_DISABLED

DOCS = Path(__file__).resolve().parents[3] / "docs"
OWN_GAME = (DOCS / "your_own_game.md").read_text()


@pytest.fixture
def coins(tmp_path, monkeypatch) -> Path:
    """A directory to work in, with the game that docs/your_own_game.md writes."""
    block = re.search(r"<!-- example: begin -->\n```python\n(.*?)```", OWN_GAME, re.DOTALL)
    assert block is not None
    (tmp_path / "coins.py").write_text(block[1])
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.thorough
@pytest.mark.skipif(JIT_DISABLED, reason="a hundred thousand iterations as plain Python")
def test_the_examples_of_the_documentation(coins):
    found = doctest.testfile(str(DOCS / "python.md"), module_relative=False)
    assert found.failed == 0
    assert found.attempted > 35


@pytest.mark.thorough
def test_the_examples_of_the_docstrings(coins):
    found = doctest.testmod(cfr_shm.api)
    assert found.failed == 0
    assert found.attempted >= 3


def test_a_game_of_ones_own_imports_from_the_package_alone():
    imports = re.findall(r"^(?:from|import) .*cfr_shm.*$", OWN_GAME, re.MULTILINE)
    assert imports == ["from cfr_shm import Game, TreeBuilder, history_game"]
