"""Arenas across processes: who unlinks, what is left, and what does not fit."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from arena_scripts import specs

from cfr_shm.memory.arena import Arena

SCRIPTS = Path(__file__).with_name("arena_scripts.py")
LINUX = sys.platform == "linux"
linux_only = pytest.mark.skipif(not LINUX, reason="looks into /dev/shm")


def command(function: str, *arguments: str) -> list[str]:
    return [sys.executable, str(SCRIPTS), function, *arguments]


def run(*arguments: str) -> str:
    """Run a script to its end; return what it printed. It must print no warning."""
    done = subprocess.run(command(*arguments), capture_output=True, text=True, timeout=120)
    assert done.stderr == ""
    assert done.returncode == 0
    return done.stdout.strip()


def exists(name: str) -> bool:
    return Path("/dev/shm", name).exists()


@pytest.mark.parametrize("method", ["spawn", *(["fork"] if LINUX else [])])
def test_children_attach_and_only_the_creator_unlinks(method):
    name = run("children_write", method)
    assert name.startswith("cfrshm-")
    assert not exists(name)


@linux_only
@pytest.mark.parametrize("function", ["child_of_before", "forked_creator"])
def test_forked_children_unlink_nothing(function):
    assert not exists(run(function))


def test_unrelated_process_unlinks_nothing():
    with Arena.create(specs(100), "") as arena:
        arena.array("rows")[0] = 4.5
        for _ in range(2):
            assert run("attach", arena.name) == "4.5"
        time.sleep(0.1)
        Arena.attach(arena.name).close()


@linux_only
def test_killed_creator_leaves_no_segment():
    """The resource tracker outlives the creator by a moment and unlinks."""
    with subprocess.Popen(command("create_and_wait"), stdout=subprocess.PIPE, text=True) as creator:
        try:
            assert creator.stdout is not None
            name = creator.stdout.readline().strip()
            assert exists(name)
            attached = Arena.attach(name)
        finally:
            creator.kill()
        creator.wait()
    deadline = time.monotonic() + 60
    while exists(name) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not exists(name)
    attached.array("rows")[0] = 1.0
    assert attached.close()


@pytest.mark.parametrize("function", ["ends_with_views", "interrupted_reserve"])
def test_ends_quietly_and_leaves_no_segment(function):
    assert not exists(run(function))


@pytest.mark.skipif(not hasattr(psutil.Process, "num_fds"), reason="counts descriptors")
def test_no_descriptor_is_left():
    def cycle():
        with Arena.create(specs(100), "") as arena:
            assert Arena.attach(arena.name).close()

    cycle()
    before = psutil.Process().num_fds()
    for _ in range(20):
        cycle()
    assert psutil.Process().num_fds() == before


# --- a small /dev/shm --------------------------------------------------------------------


def run_with_small_shm(*arguments: str, options: str = "size=8m") -> str:
    """Run a script where /dev/shm is an empty file system of 8 MiB; nobody else sees it."""
    if not LINUX or shutil.which("unshare") is None:
        pytest.skip("needs mount namespaces")
    enter = ["unshare", "--map-root-user", "--mount", "sh", "-c"]
    mount = f"mount -t tmpfs -o {options} tmpfs /dev/shm"
    if subprocess.run([*enter, mount], capture_output=True, timeout=60).returncode != 0:
        pytest.skip("mount namespaces are not allowed here")
    inside = [*enter, f'{mount} && exec "$@"', "sh", *command(*arguments)]
    done = subprocess.run(inside, capture_output=True, text=True, timeout=120)
    assert done.stderr == ""
    assert done.returncode == 0
    return done.stdout.strip()


def test_row_18_shared_memory_too_small():
    message = run_with_small_shm("too_large", "9")
    assert message == (
        "the tables need 9 MiB, but /dev/shm has only 8 MiB left; choose a smaller game or "
        "enlarge it (mount -o remount,size=... /dev/shm; docker run --shm-size)"
    )


@pytest.mark.parametrize("without", [("limits",), ("limits", "_populate")])
def test_row_18_shared_memory_that_is_taken_meanwhile(without):
    """An error too where the free space was there when it was asked for: never SIGBUS."""
    message = run_with_small_shm("too_large", "9", *without)
    assert message.startswith("the tables need 9 MiB, but memory ran out after 0 bytes: No space")


@pytest.mark.parametrize("options", ["size=8m", "size=8m,huge=advise"])
def test_arena_takes_its_pages_at_once(options):
    run_with_small_shm("reserved", options=options)
