"""No worker imports the main module, whatever platform starts it by ``spawn``."""

from __future__ import annotations

import sys
from multiprocessing import spawn

from cfr_shm.engine.worker_process import main_module_hidden


def told_of_the_main_module() -> set[str]:
    """What a new process is told to import as its main module."""
    return {key for key in spawn.get_preparation_data("worker") if key.startswith("init_main")}


def test_a_worker_is_not_told_of_the_main_module(monkeypatch, tmp_path):
    main = sys.modules["__main__"]
    monkeypatch.setattr(main, "__spec__", None)
    monkeypatch.setattr(main, "__file__", str(tmp_path / "program.py"), raising=False)
    assert told_of_the_main_module(), "a main module that is a file: spawn would import it"
    with main_module_hidden():
        assert not told_of_the_main_module()
    assert sys.modules["__main__"] is main
