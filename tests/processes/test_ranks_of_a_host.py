"""Ranks of one host: what they compile, what memory they take, and one that is alone."""

import itertools
import json
import sys
from pathlib import Path

import compiled_kernels
import pytest
from launched import call_ranks

from cfr_shm.config.load import load_config
from cfr_shm.kernels.jit import JIT_DISABLED
from cfr_shm.layout.rows import table_bytes
from cfr_shm.ranks.exchange import exchange_bytes
from cfr_shm.run.forecast import game_of, sizes_of

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="mpich's wheel is for Linux"),
    pytest.mark.usefixtures("no_segment_of_mpi_is_left", "ranks_may_share_cores"),
]

_COUNTING = f"""
import json, os, sys
sys.path.insert(0, {str(Path(compiled_kernels.__file__).parent)!r})
from compiled_kernels import counting_compiled
from cfr_shm.cli.main import main

with counting_compiled() as compiled:
    code = main(sys.argv[1:])
with open(f"compiled-{{os.environ['PMI_RANK']}}.json", "w") as file:
    json.dump(compiled, file)
sys.exit(code)
"""

_MEASURED = """
import json, os, resource, sys
from cfr_shm.cli.main import main

code = main(sys.argv[1:])
with open(f"peak-{os.environ['PMI_RANK']}.json", "w") as file:
    json.dump(1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file)
sys.exit(code)
"""


def written(directory, name):
    """Return what each rank has written."""
    return [json.loads(each.read_text()) for each in sorted(directory.glob(f"{name}-*.json"))]


def script(directory, text):
    path = directory / "script.py"
    path.write_text(text)
    return path


@pytest.mark.thorough
@pytest.mark.skipif(JIT_DISABLED, reason="nothing is compiled")
def test_ranks_compile_each_kernel_once_for_the_host(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    program, run = script(tmp_path, _COUNTING), tmp_path / "run"
    line = ("train", "-c", "kuhn", "--mpi", "--num-workers", 1, "--iters", 20_000, "--logdir", run)
    done = call_ranks(4, *line, script=program, CFR_SHM_CACHE_DIR=str(tmp_path / "cache"))
    assert done.returncode == 0, done.stdout + done.stderr
    compiled = list(itertools.chain(*written(tmp_path, "compiled")))
    assert len(list(tmp_path.glob("compiled-*.json"))) == 4
    assert {"best_response", "average_strategy", "collect_regrets"} <= set(compiled)
    assert len(compiled) == len(set(compiled))
    told = done.stdout + done.stderr + (run / "log.txt").read_text()
    assert "damaged" not in told
    (run / "log.txt").parent.rename(tmp_path / "before")
    again = call_ranks(4, *line, script=program, CFR_SHM_CACHE_DIR=str(tmp_path / "cache"))
    assert again.returncode == 0, again.stdout + again.stderr
    assert list(itertools.chain(*written(tmp_path, "compiled"))) == []


@pytest.mark.thorough
def test_one_rank_of_mpi_is_a_run_without_it(tmp_path):
    rows = []
    for name, started in (("ranks", ("--mpi",)), ("alone", ())):
        run = tmp_path / name
        line = ("train", "-c", "leduc", "--num-workers", 1, "--iters", 20_000, "--seed", 1)
        done = call_ranks(1, *line, "--logdir", run, *started)
        assert done.returncode == 0, done.stdout + done.stderr
        rows.append((run / "checkpoints" / "20000" / "rows.npy").read_bytes())
    assert rows[0] == rows[1]
    assert json.loads((tmp_path / "ranks" / "summary.json").read_text())["exchanges"] == 0


@pytest.mark.thorough
def test_a_directory_that_nobody_named_is_one_for_all_ranks(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = call_ranks(2, "train", "-c", "kuhn", "--mpi", "--num-workers", 1, "--iters", 2000)
    assert done.returncode == 0, done.stdout + done.stderr
    (run,) = [each for each in (tmp_path / "runs").iterdir() if not each.is_symlink()]
    assert json.loads((run / "summary.json").read_text())["iterations"] == 2000


@pytest.mark.thorough
@pytest.mark.parametrize("ranks", [2])
def test_a_rank_takes_its_table_and_what_it_exchanges(tmp_path, monkeypatch, ranks):
    """Beside what a rank of a tiny table takes: at most 4 bytes an entry and 128 MiB more.

    It is less: what ``estimate`` counts. Rank 0 alone has a copy for its checkpoints.
    """
    peaks, entries = [], []
    for buckets in (1, 5000):
        place = tmp_path / str(buckets)
        place.mkdir()
        monkeypatch.chdir(place)
        done = call_ranks(
            ranks, "train", "-c", "synthetic_16mb", "--mpi", "--num-workers", 1, "--iters", 40_000,
            "--set", f"game.buckets={buckets}", "--set", "engine.exchange=0.05",
            "--logdir", place / "run", script=script(place, _MEASURED),
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        summary = json.loads((place / "run" / "summary.json").read_text())
        assert summary["exchanges"] > 0
        config = load_config("synthetic_16mb", {}, (f"game.buckets={buckets}",))
        entries.append(sizes_of(config, game_of(config)).entries)
        peaks.append(written(place, "peak"))
    taken = [large - small for small, large in zip(*peaks, strict=True)]
    table = table_bytes(entries[1])
    assert max(entries) > 1_000_000
    beside = exchange_bytes(entries[1], survives=False, damped=False)
    copies = [1, *[0] * (ranks - 1)]
    for copy, each in zip(copies, taken, strict=True):
        assert table * 0.9 < each
        assert each < (1 + copy) * table + beside + (16 << 20)
