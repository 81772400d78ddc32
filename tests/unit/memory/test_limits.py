"""The memory that may be taken, read from faked control groups, and the message that refuses."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from cfr_shm.errors import EXIT_MEMORY, MemoryReserveError
from cfr_shm.memory.limits import (
    Limit,
    cgroup_available_bytes,
    private_limits,
    require_memory,
    shared_limits,
    size_text,
)

GIB = 1 << 30


def group(directory: Path, **files: object) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (directory / name.replace("__", ".")).write_text(f"{content}\n")


def member(tmp_path: Path, text: str) -> tuple[Path, Path]:
    path = tmp_path / "membership"
    path.write_text(text)
    root = tmp_path / "root"
    root.mkdir(exist_ok=True)
    return path, root


def test_version_2(tmp_path):
    where = member(tmp_path, "0::/user.slice/job\n")
    group(where[1] / "user.slice" / "job", memory__max=8 * GIB, memory__current=3 * GIB)
    assert cgroup_available_bytes(*where) == 5 * GIB


def test_version_2_without_limit(tmp_path):
    where = member(tmp_path, "0::/job\n")
    group(where[1] / "job", memory__max="max", memory__current=3 * GIB)
    assert cgroup_available_bytes(*where) is None


def test_version_2_high_counts_too(tmp_path):
    where = member(tmp_path, "0::/job\n")
    group(where[1] / "job", memory__max="max", memory__high=4 * GIB, memory__current=GIB)
    assert cgroup_available_bytes(*where) == 3 * GIB


def test_every_ancestor_bounds_its_children(tmp_path):
    where = member(tmp_path, "0::/slice/job\n")
    group(where[1] / "slice" / "job", memory__max=8 * GIB, memory__current=0)
    group(where[1] / "slice", memory__max=6 * GIB, memory__current=5 * GIB)
    assert cgroup_available_bytes(*where) == GIB


def test_file_pages_are_free(tmp_path):
    where = member(tmp_path, "0::/job\n")
    stat = f"anon 5\ninactive_file {GIB}\nactive_file {GIB}\nshmem 7"
    group(where[1] / "job", memory__max=8 * GIB, memory__current=7 * GIB, memory__stat=stat)
    assert cgroup_available_bytes(*where) == 3 * GIB


def test_version_1(tmp_path):
    where = member(tmp_path, "9:name=systemd:/\n4:cpu,memory:/docker/1\n0::/\n")
    stat = f"inactive_file 1\nactive_file 1\ntotal_inactive_file {GIB}\ntotal_active_file 0"
    group(
        where[1] / "memory" / "docker" / "1",
        memory__limit_in_bytes=4 * GIB,
        memory__usage_in_bytes=2 * GIB,
        memory__stat=stat,
    )
    assert cgroup_available_bytes(*where) == 3 * GIB


def test_version_1_without_limit(tmp_path):
    where = member(tmp_path, "4:memory:/\n")
    group(
        where[1] / "memory",
        memory__limit_in_bytes=9223372036854771712,
        memory__usage_in_bytes=2 * GIB,
    )
    assert cgroup_available_bytes(*where) is None


def test_container_that_sees_its_own_group_as_root(tmp_path):
    where = member(tmp_path, "4:memory:/docker/abc\n")
    group(where[1] / "memory", memory__limit_in_bytes=GIB, memory__usage_in_bytes=GIB // 4)
    assert cgroup_available_bytes(*where) == GIB * 3 // 4


def test_path_that_leads_out_of_the_root(tmp_path):
    where = member(tmp_path, "0::/../../other\n")
    group(where[1], memory__max=GIB, memory__current=0)
    group(tmp_path / "other", memory__max=1, memory__current=0)
    assert cgroup_available_bytes(*where) == GIB


@pytest.mark.parametrize("text", ["", "garbage\n", "0::\n", "::::\n\n", "4:memory\n"])
def test_membership_that_makes_no_sense(tmp_path, text):
    assert cgroup_available_bytes(*member(tmp_path, text)) is None


def test_files_that_make_no_sense(tmp_path):
    where = member(tmp_path, "0::/job\n")
    group(where[1] / "job", memory__max="x", memory__current="y", memory__stat="a b c")
    assert cgroup_available_bytes(*where) is None
    group(where[1] / "job", memory__max=GIB)
    assert cgroup_available_bytes(*where) == GIB


def test_no_control_groups(tmp_path):
    assert cgroup_available_bytes(tmp_path / "nowhere", tmp_path) is None


def test_tightest_limit_is_named_with_both_sizes():
    limits = [Limit("the machine", 5 * GIB, "end others"), Limit("the box", 3 * GIB, "enlarge it")]
    require_memory(3 * GIB, limits)
    with pytest.raises(MemoryReserveError) as caught:
        require_memory(4 * GIB, limits)
    message = "the tables need 4 GiB, but the box has only 3 GiB left; enlarge it"
    assert str(caught.value) == message
    assert caught.value.exit_code == EXIT_MEMORY


def test_less_than_the_margin():
    with pytest.raises(MemoryReserveError, match="has only 0 bytes left"):
        require_memory(1, [Limit("the box", -5, "enlarge it")])


def test_this_machine_has_limits():
    names = [limit.name for limit in private_limits()]
    assert names[0] == "the machine's memory"
    assert all(limit.available_bytes > 0 for limit in shared_limits())
    if sys.platform == "linux" and Path("/dev/shm").is_dir():
        assert [limit.name for limit in shared_limits()] == [*names, "/dev/shm"]


@pytest.mark.parametrize(
    ("byte_count", "text"),
    [
        (0, "0 bytes"),
        (1023, "1023 bytes"),
        (1024, "1 KiB"),
        (GIB - 1, "1024 MiB"),
        (3 * GIB // 2, "1.5 GiB"),
        (1 << 43, "8192 GiB"),
        (1 << 50, "1048576 GiB"),
    ],
)
def test_size_text(byte_count, text):
    assert size_text(byte_count) == text
