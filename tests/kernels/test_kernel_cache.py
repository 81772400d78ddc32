"""The kernel cache: its key, its owner, many processes at once, damage, and running without it."""

import collections
import json
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import tiny_kernels

from cfr_shm.kernels import cache
from cfr_shm.kernels.cache import cache_key, cache_root
from cfr_shm.kernels.jit import JIT_DISABLED

needs_compilation = pytest.mark.skipif(JIT_DISABLED, reason="nothing is compiled")
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="owners and locks of POSIX")

SUPPORT = Path(tiny_kernels.__file__).parent
TINY = ("tiny_kernels.py", "012")
NAMES = [each.__name__ for each in tiny_kernels.KERNELS]


def start(directory, script, *arguments, flags=(), **environment):
    """Start a process of tests/support with a cache of its own."""
    environment = {**os.environ, "CFR_SHM_CACHE_DIR": str(directory), **environment}
    return subprocess.Popen(
        [sys.executable, *flags, str(SUPPORT / script), *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def outcome(process):
    """Return what a process printed when it ended well."""
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return json.loads(out)


def run(directory, *command, **options):
    return outcome(start(directory, *(command or TINY), **options))


def tally(outcomes):
    return collections.Counter(name for each in outcomes for name in each["compiled"])


def stored(directory, pattern):
    return sorted(directory.glob(f"kernels-*/{pattern}"))


# --- the key ---------------------------------------------------------------------------------


def test_the_key_follows_the_sources(tmp_path, monkeypatch):
    package = tmp_path / "cfr_shm"
    callees = [package / "kernels" / "parts" / "rng.py", package / "layout" / "tree.py"]
    for callee in callees:
        callee.parent.mkdir(parents=True)
        callee.write_text("B = 1\n")
    monkeypatch.setattr(cache, "_PACKAGE", package)
    first = cache_key()
    assert cache_key() == first
    for callee in callees:
        callee.write_text("B = 2\n")
        changed = cache_key()
        assert changed != first
        first = changed


def test_the_key_follows_where_a_source_lies(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "_PACKAGE", tmp_path)
    for room in ("parts", "tables"):
        (tmp_path / "kernels" / room).mkdir(parents=True)
    source = tmp_path / "kernels" / "parts" / "rng.py"
    source.write_text("B = 1\n")
    first = cache_key()
    source.rename(tmp_path / "kernels" / "tables" / "rng.py")
    assert cache_key() != first


def test_the_key_reads_every_kernel_there_is():
    named = {path.name for path in cache.kernel_sources()}
    assert {"external.py", "rng.py", "equity.py", "rows.py", "jit.py", "cache.py"} <= named


@pytest.mark.parametrize("setting", ["BOUNDSCHECK", "OPT", "SLP_VECTORIZE", "DEBUGINFO_DEFAULT"])
def test_the_key_follows_how_numba_is_told_to_compile(monkeypatch, setting):
    first = cache_key()
    before = getattr(cache.numba_config, setting)
    monkeypatch.setattr(cache.numba_config, setting, 0 if before else 1)
    assert cache_key() != first


def test_installations_have_keys_of_their_own(tmp_path, monkeypatch):
    first = cache_key()
    monkeypatch.setattr(cache.sys, "prefix", "/another/environment")
    assert cache_key() != first
    monkeypatch.undo()
    copy = tmp_path / "cfr_shm"
    for source in cache.kernel_sources():
        path = copy / source.relative_to(cache._PACKAGE)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(source.read_bytes())
    monkeypatch.setattr(cache, "_PACKAGE", copy)
    assert cache_key() != first


@needs_compilation
@pytest.mark.thorough
def test_interpreter_flags_have_keys_of_their_own_and_touch_nobody_elses(tmp_path):
    for flags in ([], ["-O"], ["-X", "dev"]):
        assert run(tmp_path, TINY[0], "0", flags=flags)["compiled"] == [NAMES[0]]
    assert len(list(tmp_path.glob("kernels-*"))) == 3
    assert run(tmp_path, TINY[0], "0") == {"told": [], "compiled": []}


def test_the_cache_lies_where_it_is_told(monkeypatch):
    monkeypatch.setenv("CFR_SHM_CACHE_DIR", "/somewhere")
    assert cache_root() == Path("/somewhere")
    monkeypatch.delenv("CFR_SHM_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", "/elsewhere")
    if sys.platform == "linux":
        assert cache_root() == Path("/elsewhere/cfr-shm")


@pytest.mark.skipif(sys.platform != "linux", reason="homes as Linux names them")
def test_where_the_cache_of_a_user_without_a_home_lies(monkeypatch, tmp_path):
    """Nobody has to have one: a container may run as a number that no list of users has."""

    def unknown(_user):
        raise KeyError

    for name in ("CFR_SHM_CACHE_DIR", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", unknown)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert cache_root() == tmp_path / f"cfr-shm-{os.getuid()}"


@pytest.mark.skipif(sys.platform == "win32", reason="homes of other users")
def test_a_cache_in_a_home_that_is_not_there_is_refused_in_one_line():
    environment = {**os.environ, "CFR_SHM_CACHE_DIR": "~no-such-user/x"}
    line = [sys.executable, "-m", "cfr_shm", "clean"]
    done = subprocess.run(line, env=environment, capture_output=True, text=True, check=False)
    told = "cfr-shm: error: CFR_SHM_CACHE_DIR: ~no-such-user/x: there is no such home directory"
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"{told}; name another\n"


# --- many processes --------------------------------------------------------------------------


@needs_compilation
def test_processes_that_start_at_once_compile_each_kernel_once(tmp_path):
    orders = ("012", "210", "120", "021")
    outcomes = [outcome(each) for each in [start(tmp_path, TINY[0], each) for each in orders]]
    assert tally(outcomes) == dict.fromkeys(NAMES, 1)
    assert not [line for each in outcomes for line in each["told"] if "damaged" in line]
    assert run(tmp_path) == {"told": [], "compiled": []}


def kill_at_random(processes, count, seconds, seed):
    """Kill ``count`` processes, each after a random time of at most ``seconds``."""
    random_ = random.Random(seed)
    for process in random_.sample(processes, count):
        time.sleep(random_.uniform(0.0, seconds))
        process.kill()


def survivors(processes):
    for process in processes:
        process.wait(timeout=600)
    return [outcome(each) for each in processes if each.returncode != -9]


@needs_compilation
@posix_only
@pytest.mark.thorough
def test_who_is_killed_while_compiling_harms_nobody(tmp_path):
    processes = [start(tmp_path, TINY[0], each) for each in ("012", "210", "120", "021")]
    kill_at_random(processes, 3, 0.8, seed=1)
    left = survivors(processes)
    assert left
    assert max(tally(left).values(), default=0) <= 1
    assert not [line for each in left for line in each["told"] if "damaged" in line]
    assert run(tmp_path) == {"told": [], "compiled": []}


@needs_compilation
@posix_only
@pytest.mark.thorough
@pytest.mark.parametrize("instant", ["compiled", "code stored", "digests half stored"])
def test_killed_at_every_step_of_storing(tmp_path, instant):
    """Another process compiles it again, and takes nothing for damaged."""
    place = {
        "compiled": "cache.KernelStore.save_overload = die",
        "code stored": "cache._note_digests = die",
        "digests half stored": "cache.Path.replace = die",
    }[instant]
    script = f"""
import os, signal
from cfr_shm.kernels import cache
die = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
{place}
import tiny_kernels
tiny_kernels.call(0)
"""
    killed = tmp_path / "killed.py"  # a file, as what runs again: ``-c`` could find another package
    killed.write_text(script)
    environment = {"CFR_SHM_CACHE_DIR": str(tmp_path), "PYTHONPATH": pythonpath()}
    dead = subprocess.run([sys.executable, str(killed)], env={**os.environ, **environment})
    assert dead.returncode == -9
    again = run(tmp_path, TINY[0], "0")
    assert again == {"told": ["compiling 0"], "compiled": ["add_up"]}
    assert not stored(tmp_path, "*.part")
    assert run(tmp_path, TINY[0], "0") == {"told": [], "compiled": []}


def pythonpath():
    return os.pathsep.join(filter(None, [str(SUPPORT), os.environ.get("PYTHONPATH")]))


@needs_compilation
@posix_only
def test_a_stopped_compiler_is_not_waited_for_without_end(tmp_path, monkeypatch):
    import fcntl

    told = []
    monkeypatch.setattr(cache, "cache_directory", lambda: tmp_path)
    monkeypatch.setattr(cache, "_SLOW_SECONDS", 0.0)
    monkeypatch.setattr(cache, "_PATIENCE_SECONDS", 0.1)
    descriptor = os.open(tmp_path / "name.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with cache.telling(told.append), cache._locked("name"):
        pass
    os.close(descriptor)
    assert len(told) == 2
    assert all(line.startswith("another process has been compiling name for") for line in told)


@needs_compilation
@posix_only
@pytest.mark.thorough
def test_real_kernels_under_kills(tmp_path):
    many_trainings(tmp_path, ["full_width", "outcome_sampling"], processes=4, kills=3)


@needs_compilation
@posix_only
@pytest.mark.slow
def test_eight_trainings_start_at_once_on_a_cold_cache(tmp_path):
    four = ["external_sampling", "chance_sampling", "outcome_sampling", "cfr_plus"]
    many_trainings(tmp_path / "calm", four, processes=8, kills=0)
    many_trainings(tmp_path / "kills", four, processes=8, kills=6)


def many_trainings(directory, algorithms, processes, kills):
    chosen = [algorithms[place % len(algorithms)] for place in range(processes)]
    chosen = ["cfr_plus" if each == "full_width" else each for each in chosen]
    started = [start(directory, "algorithm_process.py", each) for each in chosen]
    kill_at_random(started, kills, 8.0, seed=kills)
    left = survivors(started)
    assert kills or len(left) == processes
    counts = tally(left)
    assert set(counts.values()) <= {1}
    assert kills or {"best_response", "average_strategy", "outcome_sampling"} <= set(counts)
    assert not [line for each in left for line in each["told"] if "damaged" in line]
    for algorithm in set(chosen):
        run(directory, "algorithm_process.py", algorithm)
        again = run(directory, "algorithm_process.py", algorithm)
        assert again == {"told": [], "compiled": []}


# --- damage ----------------------------------------------------------------------------------


def flip_a_bit(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def replace_by_a_link(path):
    moved = path.rename(path.with_suffix(".moved"))
    path.symlink_to(moved)


DAMAGE = {
    "a flipped bit": flip_a_bit,
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:40]),
    "emptied": lambda path: path.write_bytes(b""),
    "gone": Path.unlink,
    "a directory": lambda path: (path.unlink(), path.mkdir()),
    "a link": replace_by_a_link,
    "others may write": lambda path: path.chmod(0o666),
}


@pytest.fixture(scope="module")
def warm(tmp_path_factory):
    """A cache that holds the three kernels; copy it before you change it."""
    directory = tmp_path_factory.mktemp("warm")
    assert sorted(run(directory)["compiled"]) == sorted(NAMES)
    return directory


def copy_of(warm, tmp_path):
    return Path(shutil.copytree(warm, tmp_path / "copy"))


@needs_compilation
@posix_only
@pytest.mark.parametrize("suffix", ["nbi", "nbc"])
@pytest.mark.parametrize("damage", DAMAGE)
def test_every_damage_is_noticed(warm, tmp_path, monkeypatch, damage, suffix):
    copy = copy_of(warm, tmp_path)
    (victim,) = stored(copy, f"tiny_kernels.largest-*.{suffix}")
    monkeypatch.setattr(cache, "cache_directory", lambda: victim.parent)
    name = victim.name.partition(".1.nbc")[0].removesuffix(".nbi")
    assert cache._state(name) == cache.INTACT
    DAMAGE[damage](victim)
    assert cache._state(name) == cache.DAMAGED
    cache._remove(name)
    assert [each.suffix for each in victim.parent.glob(f"{name}.*")] == [".lock"]


@needs_compilation
def test_row_21_what_is_damaged_is_compiled_again_and_nothing_else(warm, tmp_path):
    copy = copy_of(warm, tmp_path)
    (index,) = stored(copy, "tiny_kernels.largest-*.nbi")
    (code,) = stored(copy, "tiny_kernels.add_up-*.nbc")
    index.write_bytes(index.read_bytes()[:40])
    flip_a_bit(code)
    others = stored(copy, "tiny_kernels.count_positive*")
    before = [(each.read_bytes(), each.stat().st_mtime_ns) for each in others]
    again = run(copy)
    assert sorted(again["compiled"]) == ["add_up", "largest"]
    assert len([line for line in again["told"] if "damaged" in line]) == 2
    assert [(each.read_bytes(), each.stat().st_mtime_ns) for each in others] == before
    assert run(copy) == {"told": [], "compiled": []}


@needs_compilation
def test_row_21_digests_that_are_damaged_or_swapped(warm, tmp_path):
    copy = copy_of(warm, tmp_path)
    (one,) = stored(copy, "tiny_kernels.largest-*.sha256")
    (two,) = stored(copy, "tiny_kernels.add_up-*.sha256")
    one.write_text(two.read_text())
    two.write_bytes(b"\xff\x00")
    assert sorted(run(copy)["compiled"]) == ["add_up", "largest"]
    assert len({each.read_text() for each in (one, two)}) == 2


@needs_compilation
def test_row_21_a_full_or_read_only_cache_costs_time_and_nothing_else(tmp_path):
    """The cache directory is taken away from a process that has opened it."""
    script = """
import shutil
from cfr_shm.kernels import cache
import tiny_kernels
shutil.rmtree(cache.cache_directory())
cache.cache_directory().write_text("no directory any more")
for which in range(3):
    tiny_kernels.call(which)
"""
    environment = {"CFR_SHM_CACHE_DIR": str(tmp_path), "PYTHONPATH": pythonpath()}
    subprocess.run([sys.executable, "-c", script], env={**os.environ, **environment}, check=True)


@needs_compilation
def test_row_21_without_a_writable_cache_kernels_are_compiled_all_the_same(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a directory")
    found = run(blocked)
    assert "cannot be written" in found["told"][0]
    assert sorted(found["compiled"]) == sorted(NAMES)


def test_the_state_of_a_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "cache_directory", lambda: tmp_path)
    monkeypatch.setattr(cache, "CACHE_USABLE", True)
    assert cache.cache_state() == "cold"
    for suffix in cache._CODE:
        (tmp_path / f"a{suffix}").write_bytes(b"code")
    assert cache.cache_state() == "cold"
    cache._note_digests("a")
    assert cache.cache_state() == "warm"
    (tmp_path / "b.nbi").write_bytes(b"another process is compiling")
    assert cache.cache_state() == "warm"
    (tmp_path / "a.nbi").write_bytes(b"CODE")
    assert cache.cache_state() == "damaged"
    monkeypatch.setattr(cache, "CACHE_USABLE", False)
    assert cache.cache_state() == "unusable"


# --- whose it is -----------------------------------------------------------------------------


@needs_compilation
@posix_only
def test_code_is_not_loaded_from_where_others_can_write(warm, tmp_path):
    copy = copy_of(warm, tmp_path)
    (directory,) = copy.glob("kernels-*")
    directory.chmod(0o720)
    found = run(copy)
    assert "is not used: others may write to" in found["told"][0]
    assert str(directory) in found["told"][0]
    assert sorted(found["compiled"]) == sorted(NAMES)


@needs_compilation
@posix_only
def test_the_directories_of_a_cache_are_made_for_the_user_alone(tmp_path):
    environment = {**os.environ, "CFR_SHM_CACHE_DIR": str(tmp_path / "a" / "b")}
    script = "import os; os.umask(0); import cfr_shm.kernels.cache as c; print(c.WHY_UNUSABLE)"
    found = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert found.stdout == "\n"
    made = [tmp_path / "a", tmp_path / "a" / "b", *(tmp_path / "a" / "b").iterdir()]
    assert [oct(each.stat().st_mode & 0o777) for each in made] == [oct(0o700)] * 3


# --- removal ---------------------------------------------------------------------------------


@posix_only
def test_a_directory_that_a_process_holds_is_never_removed(tmp_path):
    directory = tmp_path / "kernels-0123"
    directory.mkdir()
    (directory / "a.nbi").write_bytes(b"code")
    hold = f"""
from pathlib import Path
from cfr_shm.kernels.cache import _hold
print(_hold(Path({str(directory)!r})), flush=True)
input()
"""
    holder = subprocess.Popen(
        [sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "True\n"
    assert cache.is_held(directory)
    cache.remove_unheld(directory)
    assert (directory / "a.nbi").exists()
    holder.communicate("\n", timeout=60)
    assert not cache.is_held(directory)
    cache.remove_unheld(directory)
    assert list(tmp_path.iterdir()) == []
