"""Checkpoints come back bit for bit; damaged ones are passed over or refused, never used."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from cfr_shm import __version__
from cfr_shm.errors import EXIT_CHECKPOINT, ArrayStoreError, CheckpointError, NotFiniteError
from cfr_shm.games.small.kuhn import kuhn
from cfr_shm.games.small.leduc import leduc
from cfr_shm.layout.rows import table_words
from cfr_shm.memory.checkpoint import Checkpoint, CheckpointStore, load_checkpoint
from cfr_shm.memory.tables import table_of
from cfr_shm.storage.disk import Disk
from cfr_shm.storage.store import read_manifest, write_store

GAME = kuhn()


def checkpoint_of(iterations: int, mark: float | None = None) -> Checkpoint:
    """A checkpoint whose rows hold ``mark``, or the iterations."""
    rows = np.zeros(table_words(GAME.table_entries))
    table_of(rows).strategy_sum[0] = iterations if mark is None else mark
    return Checkpoint(
        fingerprint="f" * 64,
        config={"game": {"name": "kuhn"}, "run": {"seed": 7}},
        completed=((0, iterations - 1), (iterations, iterations + 1))[iterations == 1 :],
        iterations=iterations,
        nodes=12 * iterations,
        utility_sums=(0.1, -0.1),
        seconds=1.5,
        rows=rows,
        extra={"weight": 3.0},
    )


@pytest.fixture
def store(tmp_path):
    return CheckpointStore(tmp_path / "checkpoints", keep=3)


@pytest.fixture
def three(store):
    """A store that holds checkpoints of 100, 200 and 300 iterations."""
    for iterations in (100, 200, 300):
        store.save(checkpoint_of(iterations), GAME)
    return store


def load(store: CheckpointStore, **options) -> tuple[Checkpoint, list[str]]:
    warnings: list[str] = []
    loaded = store.load_latest(warn=warnings.append, game=GAME, **options)
    assert all("\n" not in warning for warning in warnings)
    return loaded, warnings


def refused(store: CheckpointStore, **options) -> str:
    with pytest.raises(CheckpointError) as caught:
        load(store, **options)
    assert caught.value.exit_code == EXIT_CHECKPOINT
    assert "\n" not in str(caught.value)
    return str(caught.value)


def names(store: CheckpointStore) -> list[str]:
    return sorted(path.name for path in store.directory.iterdir())


def forge(directory: Path, change) -> None:
    """Change what a manifest says about the run, under a digest that fits."""
    path = directory / "manifest.json"
    content = json.loads(path.read_text())
    del content["digest"]
    change(content["about"])
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    content["digest"] = hashlib.sha256(canonical.encode()).hexdigest()
    path.write_text(json.dumps(content))


def damage(path: Path, offset: int) -> None:
    content = bytearray(path.read_bytes())
    content[offset] ^= 1
    path.write_bytes(content)


def edit(path: Path) -> None:
    path.write_text(path.read_text().replace('"kuhn"', '"kuhm"'))


# --- what was saved comes back -----------------------------------------------------------


def test_everything_comes_back(store):
    saved = checkpoint_of(100)
    saved.rows.view(np.uint64)[3:9] = np.arange(6, dtype=np.uint64) << np.uint64(20)
    path = store.save(saved, GAME)
    assert path == store.directory / "100"
    loaded, warnings = load(store, fingerprint="f" * 64)
    assert warnings == []
    assert loaded.path == path
    assert loaded.rows.tobytes() == saved.rows.tobytes()
    assert not loaded.rows.flags.writeable
    for field in dataclasses.fields(Checkpoint):
        if field.name not in ("rows", "path"):
            assert getattr(loaded, field.name) == getattr(saved, field.name)


def test_numpy_numbers_are_stored_as_numbers(store):
    saved = dataclasses.replace(
        checkpoint_of(10), nodes=np.int64(9), utility_sums=tuple(np.array([1.5, -1.5]))
    )
    store.save(saved, GAME)
    loaded, _ = load(store)
    assert loaded.nodes == 9
    assert loaded.utility_sums == (1.5, -1.5)


def test_a_run_that_has_just_begun(store):
    empty = dataclasses.replace(checkpoint_of(1), completed=(), iterations=0)
    store.save(empty, GAME)
    assert load(store)[0].completed == ()


def test_the_newest_is_loaded(three):
    assert load(three)[0].iterations == 300
    assert [each.iterations for each in three.stored()] == [100, 200, 300]


def test_the_newest_few_are_kept(store):
    for iterations in range(100, 800, 100):
        store.save(checkpoint_of(iterations), GAME)
    assert names(store) == ["500", "600", "700"]


@pytest.mark.parametrize("keep", [1, 0, -1])
def test_the_one_before_is_always_kept(tmp_path, keep):
    with pytest.raises(ValueError, match="at least 2"):
        CheckpointStore(tmp_path, keep=keep)


def test_few_checkpoints_are_not_pruned(tmp_path):
    store = CheckpointStore(tmp_path / "c", keep=10)
    for iterations in (1, 2, 3, 4):
        store.save(checkpoint_of(iterations), GAME)
    assert names(store) == ["1", "2", "3", "4"]


def test_saving_the_same_iterations_again(store):
    """Each save is a directory of its own: the one before is whole until the new one is."""
    paths = [store.save(checkpoint_of(100, mark), GAME) for mark in (1.0, 2.0, 3.0, 4.0)]
    assert [path.name for path in paths] == ["100", "100-2", "100-3", "100-4"]
    assert load(store)[0].rows[0] == 4.0
    assert names(store) == ["100-2", "100-3", "100-4"]
    assert store.save(checkpoint_of(100, 5.0), GAME).name == "100"
    assert load(store)[0].rows[0] == 5.0


def test_going_back_to_an_older_checkpoint_and_on_from_there(three):
    """What was saved last counts, not what has the most iterations."""
    three.save(checkpoint_of(150), GAME)
    assert load(three)[0].iterations == 150
    three.save(checkpoint_of(160), GAME)
    three.save(checkpoint_of(170), GAME)
    assert names(three) == ["150", "160", "170"]


def test_a_mapped_checkpoint_outlives_its_removal(store):
    store.save(checkpoint_of(1), GAME)
    loaded, _ = load(store)
    for iterations in (2, 3, 4, 5):
        store.save(checkpoint_of(iterations), GAME)
    assert loaded.rows[0] == 1.0


def test_what_is_no_checkpoint_is_left_alone(three):
    (three.directory / "notes.txt").write_text("mine")
    (three.directory / "400").write_text("a file")
    (three.directory / "0500-0").mkdir()
    (three.directory / "backup").mkdir()
    (three.directory / "600").symlink_to(three.directory / "300")
    for iterations in (700, 800, 900):
        three.save(checkpoint_of(iterations), GAME)
    assert names(three) == sorted(
        ["notes.txt", "400", "0500-0", "backup", "600", "700", "800", "900"]
    )
    assert three.save(checkpoint_of(400), GAME).name == "400-2"
    assert load(three)[0].iterations == 400


def test_one_checkpoint_by_its_path(three):
    loaded = load_checkpoint(three.directory / "100", game=GAME)
    assert loaded.iterations == 100
    with pytest.raises(CheckpointError, match="no such directory"):
        load_checkpoint(three.directory / "101")


# --- nothing to load ---------------------------------------------------------------------


def test_missing_directory(store):
    assert refused(store) == f"{store.directory}: no such directory"
    assert store.stored() == []


def test_empty_directory(store):
    store.directory.mkdir()
    assert refused(store) == f"{store.directory}: is empty"


def test_only_temporary_parts(store):
    (store.directory / ".100.4242-0123abcd.tmp").mkdir(parents=True)
    assert refused(store) == f"{store.directory}: holds only unfinished parts of a save"


def test_no_checkpoint(store):
    (store.directory / "something").mkdir(parents=True)
    assert refused(store) == f"{store.directory}: holds no checkpoint"


# --- falling back ------------------------------------------------------------------------


def truncate(directory: Path) -> None:
    path = directory / "rows.npy"
    path.write_bytes(path.read_bytes()[:-1])


def replace_by_link(directory: Path) -> None:
    (directory / "rows.npy").unlink()
    (directory / "rows.npy").symlink_to(directory.parent / "100" / "rows.npy")


def replace_by_fifo(directory: Path) -> None:
    (directory / "rows.npy").unlink()
    os.mkfifo(directory / "rows.npy")


DAMAGES = {
    "truncated": truncate,
    "changed or damaged": lambda directory: damage(directory / "rows.npy", 200),
    "its header says": lambda directory: damage(directory / "rows.npy", 3),
    "edited or damaged": lambda directory: edit(directory / "manifest.json"),
    "rows.npy: missing": lambda directory: (directory / "rows.npy").unlink(),
    "holds no manifest.json": lambda directory: (directory / "manifest.json").unlink(),
    "wrong magic": lambda directory: (directory / "manifest.json").write_text("{}"),
    "is a symbolic link": replace_by_link,
    "is a FIFO": replace_by_fifo,
    "'iterations' says 7": lambda directory: forge(directory, lambda a: a.update(iterations=7)),
}


@pytest.mark.skipif(sys.platform == "win32", reason="no FIFOs on Windows")
@pytest.mark.parametrize("reason", DAMAGES)
def test_damaged_checkpoint_falls_back_to_the_one_before(three, reason):
    DAMAGES[reason](three.directory / "300")
    loaded, warnings = load(three)
    assert loaded.iterations == 200
    assert loaded.rows[0] == 200.0
    assert len(warnings) == 1
    assert warnings[0].startswith(f"{three.directory / '300'}")
    assert reason in warnings[0]
    assert warnings[0].endswith("; falling back to the checkpoint before it")


def test_two_damaged_checkpoints(three):
    damage(three.directory / "300" / "rows.npy", 200)
    (three.directory / "200" / "manifest.json").write_text("x")
    loaded, warnings = load(three)
    assert loaded.iterations == 100
    assert ["/300/" in warnings[0], "/200/" in warnings[1]] == [True, True]
    assert len(warnings) == 2


def test_damaged_manifests_of_older_checkpoints_are_not_mentioned(three):
    (three.directory / "200" / "manifest.json").write_text("x")
    assert load(three)[1] == []


def test_no_whole_checkpoint(three):
    for name in ("100", "200", "300"):
        damage(three.directory / name / "rows.npy", 200)
    message = refused(three)
    assert message.startswith(str(three.directory / "300" / "rows.npy"))
    assert message.endswith("no older checkpoint is whole")


def test_a_single_damaged_checkpoint_has_none_before_it(three):
    for name in ("100", "200"):
        shutil.rmtree(three.directory / name)
    damage(three.directory / "300" / "rows.npy", 200)
    warnings: list[str] = []
    with pytest.raises(CheckpointError, match=r"; there is no other$"):
        three.load_latest(warn=warnings.append, game=GAME)
    assert warnings == []


def test_a_save_after_a_damaged_one_is_the_newest(three):
    (three.directory / "300" / "manifest.json").write_text("x")
    three.save(checkpoint_of(250), GAME)
    three.save(checkpoint_of(300), GAME)
    loaded, warnings = load(three)
    assert loaded.path == three.directory / "300-2"
    assert len(warnings) == 1


def test_damaged_manifests_are_never_pruned(three):
    (three.directory / "100" / "manifest.json").write_text("x")
    for iterations in (400, 500, 600):
        three.save(checkpoint_of(iterations), GAME)
    assert names(three) == ["100", "400", "500", "600"]


# --- refused outright --------------------------------------------------------------------


def test_newer_format_is_refused_although_there_is_an_older_checkpoint(three):
    path = three.directory / "300" / "manifest.json"
    path.write_text(json.dumps({"magic": "cfr-shm array store", "format": 2}))
    assert "format 2 is newer than 1" in refused(three)


@pytest.mark.parametrize("change", [{"table_format": 1}, {"table_format": 3}, None])
def test_a_table_laid_out_by_another_version_is_refused_with_both_versions(three, change):
    def as_before(about):
        about.update(change or {}, written_by="cfr-shm 0.0.9")
        if change is None:  # As the first versions wrote it.
            del about["table_format"]

    forge(three.directory / "300", as_before)
    found = (change or {"table_format": 1})["table_format"]
    message = refused(three)
    assert message.startswith(str(three.directory / "300"))
    assert f"table format {found} of cfr-shm 0.0.9, this is cfr-shm {__version__}" in message
    assert "with table format 2: go on with the version that wrote it" in message
    with pytest.raises(CheckpointError, match=f"table format {found} of"):
        load_checkpoint(three.directory / "300")


def test_a_compact_table_comes_back_compact(store):
    rows = np.zeros(table_words(GAME.table_entries, compact=True))
    table_of(rows, compact=True).strategy_sum[1] = 3.0
    plain = checkpoint_of(100)
    config = {**plain.config, "table": {"compact": True}}
    store.save(dataclasses.replace(plain, rows=rows, config=config), GAME)
    loaded, _ = load(store)
    assert loaded.compact
    assert loaded.table.strategy_sum.dtype == np.float32
    assert loaded.table.strategy_sum[1] == 3.0
    with pytest.raises(ValueError, match="kuhn takes"):
        store.save(dataclasses.replace(plain, rows=rows), GAME)


def test_checkpoint_of_another_config_lists_the_keys(three):
    seen = []

    def differences(config):
        seen.append(config)
        return ["game.name", "run.seed"]

    message = refused(three, fingerprint="0" * 64, differences=differences)
    assert message.startswith(str(three.directory / "300"))
    assert "belongs to another run, which differs in game.name, run.seed;" in message
    assert seen == [{"game": {"name": "kuhn"}, "run": {"seed": 7}}]
    assert "differs in its fingerprint" in refused(three, fingerprint="0" * 64)


def test_checkpoint_of_another_game(three):
    with pytest.raises(CheckpointError, match=r"rows holds \d+ words, leduc takes \d+"):
        load_checkpoint(three.directory / "300", game=leduc())


def test_another_kind_of_store(store):
    write_store(store.directory / "100", {"rows": np.zeros(3)}, {}, kind="buckets")
    assert "holds 'buckets', expected 'checkpoint'" in refused(store)


@pytest.mark.parametrize(
    "arrays",
    [
        {},
        {"rows": np.zeros(3, np.float32)},
        {"rows": np.zeros((3, 1))},
        {"rows": np.zeros(3), "more": np.zeros(3)},
        {"columns": np.zeros(3)},
    ],
)
def test_other_arrays(store, arrays):
    path = store.save(checkpoint_of(100), GAME)
    about = dict(json.loads((path / "manifest.json").read_text())["about"])
    write_store(store.directory / "200", arrays, about, kind="checkpoint")
    with pytest.raises(CheckpointError, match="rows"):
        load_checkpoint(store.directory / "200")


FORGERIES = {
    "fingerprint": [None, 1],
    "config": [None, []],
    "extra": [None, 1],
    "completed": [None, 1, [[0, 0]], [[1, 0]], [[0, 50], [40, 90]], [[-1, 99]], [[0]], [[0, "x"]]],
    "iterations": [-1, 1 << 60, 1.0, True, None],
    "nodes": [-1, 1 << 60, 1.0, True, None],
    "sequence": [-1, None],
    "utility_sums": [None, 1.0, ["x"], [None]],
    "seconds": [-1.0, None, "x", True],
}


@pytest.mark.parametrize(("key", "value"), [(k, v) for k, vs in FORGERIES.items() for v in vs])
def test_manifest_that_no_run_could_have_written(three, key, value):
    forge(three.directory / "300", lambda about: about.update({key: value}))
    with pytest.raises(CheckpointError, match=f"'{key}' is .*, which no checkpoint can hold"):
        load_checkpoint(three.directory / "300", game=GAME)


def test_manifest_without_a_key(three):
    forge(three.directory / "300", lambda about: about.pop("nodes"))
    with pytest.raises(CheckpointError, match="'nodes' is None"):
        load_checkpoint(three.directory / "300")


# --- NaN ---------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_table_that_is_not_finite_is_never_saved(three, value):
    bad = checkpoint_of(400)
    bad.rows[0] = value
    with pytest.raises(NotFiniteError, match=r"strategy_sum\[0\] is"):
        three.save(bad, GAME)
    assert names(three) == ["100", "200", "300"]


@pytest.mark.parametrize("field", ["seconds", "utility_sums"])
def test_totals_that_are_not_finite_are_never_saved(three, field):
    value = {"seconds": float("nan"), "utility_sums": (float("inf"), 0.0)}[field]
    with pytest.raises(CheckpointError, match=field):
        three.save(dataclasses.replace(checkpoint_of(400), **{field: value}), GAME)
    assert names(three) == ["100", "200", "300"]


def test_stored_table_that_is_not_finite_is_passed_over(three):
    """As an older version without the check might have left it."""
    path = three.directory / "300"
    rows = np.load(path / "rows.npy")
    about = json.loads((path / "manifest.json").read_text())["about"]
    rows[0] = np.nan
    for file in path.iterdir():
        file.unlink()
    path.rmdir()
    write_store(path, {"rows": rows}, about, kind="checkpoint")
    loaded, warnings = load(three)
    assert loaded.iterations == 200
    assert f"{path}: strategy_sum[0] is nan, expected a finite number" in warnings[0]
    assert load_checkpoint(path).iterations == 300, "without a game nobody knows where rows lie"


def test_completed_must_add_up(three):
    with pytest.raises(CheckpointError, match="'completed' covers 10 iterations, 'iterations'"):
        three.save(dataclasses.replace(checkpoint_of(400), completed=((0, 10),)), GAME)
    assert names(three) == ["100", "200", "300"]


# --- the disk fails ----------------------------------------------------------------------


def test_full_disk_keeps_what_was_saved(three):
    class Full(Disk):
        def write(self, descriptor, data):
            raise OSError(28, "No space left on device")

    full = CheckpointStore(three.directory, keep=2, disk=Full())
    with pytest.raises(ArrayStoreError, match="400: cannot be saved: No space left on device"):
        full.save(checkpoint_of(400), GAME)
    assert names(three) == ["100", "200", "300"]
    assert load(three)[0].iterations == 300


def test_failing_removal_of_old_checkpoints_does_not_fail_the_save(three):
    class Stuck(Disk):
        def remove(self, path):
            raise OSError(5, "Input/output error")

    stuck = CheckpointStore(three.directory, keep=2, disk=Stuck())
    stuck.save(checkpoint_of(400), GAME)
    assert load(three)[0].iterations == 400
    three.save(checkpoint_of(500), GAME)
    assert names(three) == ["300", "400", "500"], "the parts left over are pruned by the next save"


# --- what is written is what is read -----------------------------------------------------


@pytest.mark.parametrize(("sequence", "loads"), [((1 << 53) - 1, 200), (1 << 53, 100)])
def test_row_32_no_sequence_is_written_that_is_not_read(store, sequence, loads):
    """Whoever edits a manifest to the last number there is gets no checkpoint that nobody loads."""
    store.save(checkpoint_of(100), GAME)
    path = store.directory / "100"
    about = {**read_manifest(path).about, "sequence": sequence}
    shutil.rmtree(path)
    write_store(path, {"rows": checkpoint_of(100).rows}, about, kind="checkpoint")
    if loads == 200:
        store.save(checkpoint_of(200), GAME)
    with pytest.raises(CheckpointError, match="'sequence' is 9007199254740993"):
        store.save(checkpoint_of(300), GAME)
    loaded, warnings = load(store)
    assert loaded.iterations == loads
    assert not warnings


@pytest.mark.parametrize("pid", ["9999999999", "4294967296", "2147483648", "0"])
def test_row_32_a_temporary_name_with_a_number_that_no_process_has(three, pid):
    part = three.directory / f".400.{pid}-0123abcd.tmp"
    part.mkdir()
    (part / "rows.npy").write_text("half of it")
    three.save(checkpoint_of(400), GAME)
    assert load(three)[0].iterations == 400
    if pid != "0":
        assert not part.exists()


def test_row_32_a_checkpoint_of_impossible_counts_is_passed_over(three):
    path = three.directory / "300"
    about = dict(read_manifest(path).about)
    for key, value in {"nodes": 10**200, "seconds": -1.0, "utility_sums": [[]]}.items():
        shutil.rmtree(path)
        rows = checkpoint_of(300).rows
        write_store(path, {"rows": rows}, {**about, key: value}, kind="checkpoint")
        loaded, warnings = load(three)
        assert loaded.iterations == 200
        assert f"{key!r} is " in warnings[0]
