"""What is removed, and what is left alone because somebody lives who uses it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cfr_shm.cli import main as cli
from cfr_shm.kernels.cache import cache_directory
from cfr_shm.memory import segments
from cfr_shm.memory.arena import Arena, ArraySpec
from cfr_shm.memory.segments import remove_stale_segments, stale_segments
from cfr_shm.run.leftovers import find_leftovers, remove_leftovers
from cfr_shm.storage.store import write_store

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="looks into /dev/shm")
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="needs flock")

NO_PROCESS = 2**22 + 1  # beyond what Linux gives out


@pytest.fixture
def shm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of segments that nobody else uses."""
    path = tmp_path / "shm"
    path.mkdir()
    for function in (stale_segments, remove_stale_segments):
        monkeypatch.setattr(function, "__defaults__", (path,))
    monkeypatch.setattr(segments, "SHM", path)
    return path


def _plant(directory: Path, name: str) -> Path:
    path = directory / name
    path.write_bytes(bytes(10_000))
    return path


@linux_only
def test_segments_that_nobody_holds_are_stale(shm: Path) -> None:
    stale = _plant(shm, "cfrshm-0123abcd")
    found = stale_segments()
    assert [(each.path, each.byte_count >= 10_000) for each in found] == [(stale, True)]
    assert stale.exists(), "looking removes nothing"
    assert [each.path for each in remove_stale_segments()] == [stale]
    assert list(shm.iterdir()) == []


@linux_only
@pytest.mark.parametrize("name", ["psm_0123abcd", "cfrshm-0123abcd.bak", "cfrshm-", "sem.x"])
def test_what_bears_another_name_is_not_ours(shm: Path, name: str) -> None:
    path = _plant(shm, name)
    assert remove_stale_segments() == []
    assert path.exists()


@linux_only
def test_a_segment_that_is_held_is_left_alone(shm: Path) -> None:
    path = _plant(shm, "cfrshm-0123abcd")
    descriptor = os.open(path, os.O_RDWR)
    assert segments.hold(descriptor)
    assert remove_stale_segments() == []
    os.close(descriptor)
    assert len(remove_stale_segments()) == 1


@linux_only
def test_a_segment_that_is_mapped_is_left_alone_even_without_a_lock(shm: Path) -> None:
    path = _plant(shm, "cfrshm-0123abcd")
    mapped = np.memmap(path, mode="r")
    assert remove_stale_segments() == []
    del mapped
    assert len(remove_stale_segments()) == 1


@linux_only
def test_what_is_no_regular_file_is_left_alone(shm: Path, tmp_path: Path) -> None:
    target = _plant(tmp_path, "cfrshm-00000000")
    (shm / "cfrshm-00000001").symlink_to(target)
    os.mkfifo(shm / "cfrshm-00000002")
    (shm / "cfrshm-00000003").mkdir()
    assert remove_stale_segments() == []
    assert len(list(shm.iterdir())) == 3


@linux_only
def test_a_new_segment_that_was_swept_at_birth_is_made_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from cfr_shm.memory import arena as arena_module

    names = []

    def swept_once(descriptor: int | None) -> bool:
        names.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        if len(names) == 1:
            Path(names[0]).unlink()
        return segments.hold(descriptor)

    monkeypatch.setattr(arena_module, "hold", swept_once)
    with Arena.create([ArraySpec("rows", np.dtype("f8"), (8,))], "") as arena:
        assert len(names) == 2
        assert f"/dev/shm/{arena.name}" == names[1] != names[0]
        Arena.attach(arena.name).close()


@linux_only
def test_an_arena_is_held_until_it_is_closed() -> None:
    script = (
        "import sys; from cfr_shm.memory.segments import stale_segments;"
        "print([each.path.name for each in stale_segments()])"
    )
    with Arena.create([ArraySpec("rows", np.dtype("f8"), (8,))], "") as arena:
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert arena.name not in done.stdout


def test_unfinished_parts_are_listed_and_then_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    whole = run / "checkpoints" / "1024"
    write_store(whole, {"rows": np.zeros(100)}, {}, kind="checkpoint")
    part = run / "checkpoints" / f".2048.{NO_PROCESS}-0123abcd.tmp"
    part.mkdir()
    (part / "rows.npy").write_bytes(bytes(1000))
    mine = run / "checkpoints" / f".4096.{os.getppid()}-0123abcd.tmp"
    mine.mkdir()
    monkeypatch.setenv("CFR_SHM_CACHE_DIR", str(tmp_path / "cache"))
    build = tmp_path / "cache" / "buckets" / f".standard-0123.{NO_PROCESS}-0123abcd.tmp"
    build.mkdir(parents=True)
    found = [each for each in find_leftovers([run]) if each.kind == "unfinished files"]
    expected = [(str(build), 0), (str(part), 1000)]
    assert [(each.path, each.byte_count) for each in found] == expected
    assert remove_leftovers(found) == found
    assert sorted(path.name for path in whole.parent.iterdir()) == sorted([mine.name, "1024"])


@posix_only
@pytest.mark.parametrize("own_is_filled", [True, False])
def test_old_caches_go_and_those_in_use_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_is_filled: bool
) -> None:
    import fcntl

    monkeypatch.setenv("CFR_SHM_CACHE_DIR", str(tmp_path))
    own = cache_directory()
    old, newest, held = (tmp_path / f"kernels-{n}" for n in ("aaaa", "bbbb", "cccc"))
    for age, path in ((400, old), (300, newest), (500, held), (0, own)):
        path.mkdir()
        if path != own or own_is_filled:
            (path / "kernel.sha256").write_bytes(bytes(10))
        moment = path.stat().st_mtime - age
        os.utime(path, (moment, moment))
    descriptor = os.open(held, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    found = [each for each in find_leftovers([]) if each.kind == "kernel cache"]
    expected = [old, newest] if own_is_filled else [old]
    assert [Path(each.path) for each in found] == expected
    assert remove_leftovers(found) == found
    os.close(descriptor)
    assert held.exists()
    assert own.exists()
    assert newest.exists() != own_is_filled


@posix_only
def test_clean_shows_first_and_removes_on_yes(
    tmp_path: Path,
    shm: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("CFR_SHM_CACHE_DIR", str(tmp_path / "cache"))
    segment = _plant(shm, "cfrshm-0123abcd")
    run = tmp_path / "run"
    part = run / "checkpoints" / f".2048.{NO_PROCESS}-0123abcd.tmp"
    part.mkdir(parents=True)
    assert cli.main(["clean", str(run)]) == 0
    shown = capsys.readouterr().out
    assert str(part) in shown
    assert shown.endswith("nothing was removed; 'cfr-shm clean --yes' removes these\n")
    assert part.exists()
    assert cli.main(["clean", str(run), "--yes", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert str(part) in document["removed"]
    assert not part.exists()
    assert segment.exists() == (sys.platform != "linux")


def test_clean_wants_directories_that_there_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["clean", str(tmp_path / "nowhere")]) == 2
    assert "there is no such run directory" in capsys.readouterr().err
