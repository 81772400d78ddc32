"""Whose a directory is: owners, modes, sticky parents and links, told apart."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from cfr_shm.machine import own_directories
from cfr_shm.machine.own_directories import is_own_file, make_own_directory, why_not_own

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="owners and modes of POSIX")


def test_an_own_directory_and_one_that_is_not_there_yet(tmp_path):
    assert why_not_own(tmp_path) is None
    assert why_not_own(tmp_path / "not" / "there") is None


def test_no_directory_is_judged_from_a_working_directory_that_is_gone(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert why_not_own(Path("cache")) is None, "whoever makes it will know"


@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777, 0o1777])
def test_others_may_not_write_to_it(tmp_path, mode):
    directory = tmp_path / "cache"
    directory.mkdir()
    directory.chmod(mode)
    assert why_not_own(directory) == (
        f"others may write to {directory} ('chmod go-w {directory}' forbids it)"
    )


@pytest.mark.parametrize(
    ("mode", "own"), [(0o777, False), (0o1777, True), (0o755, True), (0o770, False)]
)
def test_nor_to_what_is_above_it_unless_that_is_sticky(tmp_path, mode, own):
    parent = tmp_path / "parent"
    below = parent / "a" / "b"
    below.mkdir(parents=True)
    parent.chmod(mode)
    found = why_not_own(below)
    assert (found is None) == own
    assert own or str(parent) in found


def test_links_are_judged_with_what_they_point_to_and_where_they_lie(tmp_path):
    open_to_all, own = tmp_path / "open", tmp_path / "own"
    for each in (open_to_all, own):
        each.mkdir()
    (tmp_path / "to_own").symlink_to(own)
    (own / "out").symlink_to("../open/cache")
    (open_to_all / "cache").mkdir()
    (open_to_all / "back").symlink_to("../own")
    open_to_all.chmod(0o777)
    assert why_not_own(tmp_path / "to_own") is None
    assert str(open_to_all) in why_not_own(own / "out")
    # What lies there is our own, but somebody else could lay another link.
    assert str(open_to_all) in why_not_own(open_to_all / "back")


def test_links_in_a_circle_end(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert "too many links" in why_not_own(tmp_path / "a")


def test_directories_of_another_user(tmp_path, monkeypatch):
    directory = tmp_path / "theirs"
    directory.mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: directory.stat().st_uid + 1)
    found = why_not_own(directory)
    if directory.stat().st_uid == 0:
        assert found is None  # root may be trusted: it could do anything
        os.chown(directory, 12345, -1)
        found = why_not_own(directory)
    assert "belongs to another user" in found


def test_own_files_are_regular_and_nobody_else_can_write_to_them(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"")
    assert is_own_file(path.stat())
    path.chmod(0o660)
    assert not is_own_file(path.stat())
    assert not is_own_file(tmp_path.stat())
    os.mkfifo(tmp_path / "fifo")
    assert not is_own_file((tmp_path / "fifo").stat())


def test_directories_are_made_for_the_user_alone_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        make_own_directory(tmp_path / "a" / "b")
    finally:
        os.umask(before)
    for made in (tmp_path / "a", tmp_path / "a" / "b"):
        assert stat.S_IMODE(made.stat().st_mode) == 0o700
    assert why_not_own(tmp_path / "a" / "b") is None
    make_own_directory(tmp_path / "a" / "b")


def test_every_step_is_looked_at(tmp_path):
    steps = own_directories._steps(Path("/"))
    assert steps == [Path("/")]
    assert own_directories._steps(tmp_path)[-1] == tmp_path
