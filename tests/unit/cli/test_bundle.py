"""Bundles: strategies that are opened without their run, and without its card buckets."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

import cfr_shm
from cfr_shm.cli.main import main
from cfr_shm.errors import CfrShmError, CheckpointError
from cfr_shm.games.registry import load_game
from cfr_shm.layout.rows import table_bytes, table_words
from cfr_shm.run.bundle import StoredBundle
from cfr_shm.storage.array_files import ArrayFile
from cfr_shm.storage.manifest import encode_manifest
from cfr_shm.storage.store import read_manifest
from cfr_shm.strategy.row_sums import StoredSums

ROYAL = """
game: {name: holdem, blinds: [1, 2], stacks: 20, ranks: 5}
abstraction: {preflop: [[3bb], [allin]], flop: [[1]], turn: [[1]], river: [[1]],
              bucket_method: percentile, bucket_counts: [25, 6, 5, 4]}
table: {compact: COMPACT}
"""


def train_and_bundle(place, compact="false"):
    (place / "royal.yaml").write_text(ROYAL.replace("COMPACT", compact))
    run = str(place / "run")
    quiet = ["--num-workers", "1", "--iters", "2000", "--logdir", run]
    assert main(["train", "-c", str(place / "royal.yaml"), *quiet]) == 0
    bundle = str(place / "bundle")
    assert main(["export", run, "--format", "bundle", "--out", bundle]) == 0
    return place


@pytest.fixture(scope="module", params=["false", "true"], ids=["wide", "compact"])
def place(request, tmp_path_factory):
    """A royal run of either layout, and its bundle."""
    return train_and_bundle(tmp_path_factory.mktemp("bundled"), request.param)


@pytest.fixture
def alone(place, tmp_path):
    """A copy of the bundle."""
    shutil.copytree(place / "bundle", tmp_path / "alone")
    return tmp_path / "alone"


def test_it_needs_no_buckets_but_its_own(alone):
    found = StoredBundle(alone)
    config = found.load_config()
    game = load_game(config.game, pytest.fail, config.abstraction)
    assert game.bucket_file.path == str(alone / "buckets")


def told(capsys, *arguments) -> dict:
    capsys.readouterr()
    assert main([*map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_it_answers_as_the_run_does(place, alone, capsys):
    for arguments in (
        ["query", "--hole", "AhKd"],
        ["query", "--hole", "AhKd", "--line", "b3bb c / x", "--board", "Qc Jd Tc"],
        ["show"],
        ["show", "--line", "b3bb c / x x / x x /", "--board", "Qc Jd Tc Ts Ac"],
        ["eval", "--method", "river", "--boards", "5"],
    ):
        name, *rest = arguments
        ours, theirs = told(capsys, name, place / "run", *rest), told(capsys, name, alone, *rest)
        for key in ("checkpoint", "seconds", "measures"):
            ours.pop(key, None), theirs.pop(key, None)
        assert theirs == ours
    found = told(capsys, "match", place / "run", alone, "--boards", "4")
    assert (found["value"], found["low"], found["high"]) == (0.0, 0.0, 0.0)


def test_python_opens_it(place, alone, tmp_path):
    with cfr_shm.open_run(place / "run") as run, cfr_shm.open_run(alone) as bundle:
        assert bundle.iterations == run.iterations == 2000
        assert bundle.hand("AhKd") == run.hand("AhKd")
        ours, theirs = run.strategy(), bundle.strategy()
        np.testing.assert_array_equal(theirs["probability"], ours["probability"])
        assert bundle.summary == {}
        bundle.export(tmp_path / "again.npz")
    assert main(["match", str(tmp_path / "again.npz"), str(alone), "--boards", "2"]) == 0


def test_it_is_played_against_and_named_by_its_own_name(alone, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("f\n" * 9))
    found = told(capsys, "play", alone, "--hands", "2", "--seed", "1", "--seat", "SB")
    assert found["names"] == ["you", "alone@2000"]
    assert found["hands"] == 2
    assert told(capsys, "match", alone, alone, "--boards", "2")["names"] == ["alone@2000"] * 2
    assert main(["export", str(alone), "--format", "ranges", "--out", str(tmp_path / "r.txt")]) == 0
    assert told(capsys, "query", f"{alone}@2000", "--hole", "AhKd")["iterations"] == 2000
    assert main(["query", f"{alone}@7", "--hole", "AhKd"]) == 2
    assert "there are 2000" in capsys.readouterr().err


def test_only_rows_that_are_asked_for_are_read(alone, monkeypatch):
    sizes = []
    read = ArrayFile.read

    def spy(self, first, count):
        sizes.append(count)
        return read(self, first, count)

    monkeypatch.setattr(ArrayFile, "read", spy)
    monkeypatch.setattr(ArrayFile, "check", lambda *_: pytest.fail("digests are compared"))
    with cfr_shm.open_run(alone) as bundle:
        assert sizes == []
        bundle.hand("AhKd")
        assert len(sizes) == 1
        assert sizes[0] <= 25 * 3 * 3 // 2 + 2


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="bytes read are Linux's to tell")
def test_opening_a_gigabyte_reads_manifests_and_headers_alone(place, alone):
    with cfr_shm.open_run(alone) as bundle:  # whatever is imported for the first time
        assert bundle.iterations == 2000
        game, config, compact = bundle.game, bundle.config, bundle.config.table.compact
    entries = (1 << 30) // table_bytes(16, compact) * 16
    manifest = read_manifest(alone / "strategy", kind="checkpoint")
    shape = (table_words(entries, compact),)
    stored = dataclasses.replace(manifest.arrays["rows"], shape=shape)
    header = stored.header
    size = len(header) + 8 * shape[0]
    stored = dataclasses.replace(stored, byte_count=size, sha256="0" * 64)
    with (alone / "strategy" / "rows.npy").open("wb") as file:
        file.write(header)
        file.truncate(stored.byte_count)  # a hole: it takes no disk
    changed = dataclasses.replace(manifest, arrays={"rows": stored})
    (alone / "strategy" / "manifest.json").write_bytes(encode_manifest(changed, alone))
    larger = dataclasses.replace(game, table_entries=entries)
    before = bytes_read()
    found = StoredBundle(alone).load_checkpoint(config, larger, pytest.fail, in_memory=False)
    assert bytes_read() - before < 256 << 10
    assert found.iterations == 2000
    with found.open_rows() as rows:
        assert StoredSums(rows, compact).sums(np.array([entries - 16]), 3).tolist() == [[0.0] * 3]
    assert stored.byte_count == pytest.approx(1 << 30, rel=1e-6)


def bytes_read() -> int:
    """Return the bytes that this process has read by system calls."""
    return int(Path("/proc/self/io").read_text().split("rchar: ")[1].split()[0])


def test_what_changes_ends_nobody(alone, capsys):
    rows = alone / "strategy" / "rows.npy"
    assert main(["export", str(alone), "--check"]) == 0
    content = bytearray(rows.read_bytes())
    with cfr_shm.open_run(alone) as bundle:
        bundle.hand("AhKd")
        os.truncate(rows, len(content) // 2)  # under a reader that has it open
        with pytest.raises(CfrShmError, match="truncated while it was read"):
            bundle.hand("AhKd", "b3bb c / x x / x x / x", "QcJdTcTsAc")
    with pytest.raises(CheckpointError, match="the manifest says"):
        cfr_shm.open_run(alone)
    content[-8:] = b"\xff" * 8
    rows.write_bytes(content)
    capsys.readouterr()
    assert main(["export", str(alone), "--check"]) == 3
    assert "its content was changed or damaged" in capsys.readouterr().err
    assert main(["eval", str(alone), "--method", "river", "--boards", "2"]) == 3
    assert main(["query", str(alone), "--hole", "AhKd"]) == 0


def test_the_card_is_what_hubs_read(place):
    text = (place / "bundle" / "README.md").read_text()
    _, head, body = text.split("---\n", 2)
    card = yaml.load(head, Loader=yaml.SafeLoader)
    assert card["library_name"] == "cfr-shm"
    assert "poker" in card["tags"]
    assert card["model-index"][0]["name"] == "bundle"
    summary = json.loads((place / "run" / "summary.json").read_text())
    metrics = card["model-index"][0]["results"][0]["metrics"]
    if summary.get("quality"):
        assert metrics[0]["value"] == summary["quality"]["value"]
    assert "2,000 iterations" in body
    assert "cfr-shm eval DIR" in body
    assert '"stacks": "20"' in body


def test_a_bundle_replaces_nothing_and_is_checked(place, tmp_path, capsys):
    run, bundle = str(place / "run"), str(place / "bundle")
    assert main(["export", run, "--format", "bundle", "--out", bundle, "--force"]) == 2
    assert "never overwritten" in capsys.readouterr().err
    assert main(["export", run, "--format", "bundle", "--out", f"{run}/checkpoints"]) == 2
    assert "which is a run" in capsys.readouterr().err
    assert main(["export", run, "--check"]) == 2
    assert "is no bundle" in capsys.readouterr().err
    assert main(["export", run]) == 2
    assert "--format" in capsys.readouterr().err
    assert main(["resume", bundle]) == 2
    assert "is not a run directory" in capsys.readouterr().err
    manifest = tmp_path / "bad" / "strategy" / "manifest.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_text("{}")
    assert main(["query", str(tmp_path / "bad"), "--hole", "AhKd"]) == 3
    assert not [each for each in place.iterdir() if each.name.endswith(".tmp")]


def test_a_small_game_has_a_bundle_too(tmp_path, capsys):
    run, bundle = str(tmp_path / "run"), tmp_path / "bundle"
    assert main(["train", "-c", "kuhn", "--iters", "500", "--logdir", run]) == 0
    assert main(["export", run, "--format", "bundle", "--out", str(bundle)]) == 0
    assert sorted(each.name for each in bundle.iterdir()) == ["README.md", "strategy"]
    assert told(capsys, "eval", bundle)["value"] == told(capsys, "eval", run)["value"]
    capsys.readouterr()
    assert main(["show", str(bundle)]) == 0
    assert StoredBundle(bundle).load_config().game.name == "kuhn"
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    head = (bundle / "README.md").read_text().split("---\n")[1]
    metrics = yaml.load(head, Loader=yaml.SafeLoader)["model-index"][0]["results"][0]["metrics"]
    assert metrics[0]["value"] == summary["exploitability"]["value"]
