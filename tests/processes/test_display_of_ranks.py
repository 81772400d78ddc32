"""What rank 0 shows of all ranks: rows on a terminal, a line elsewhere, both in the log."""

import re
import subprocess
import sys

import pytest
from launched import MPIEXEC

pytest.importorskip("rich")

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="mpich's wheel is for Linux"),
    pytest.mark.usefixtures("no_segment_of_mpi_is_left", "ranks_may_share_cores"),
]

#: Gives a command a terminal of 80 columns, and copies what it draws there into a file.
_IN_A_TERMINAL = """
import fcntl, os, pty, struct, sys, termios

process, terminal = pty.fork()
if process == 0:
    fcntl.ioctl(2, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    os.execv(sys.executable, [sys.executable, "-m", "cfr_shm", *sys.argv[2:]])
with open(sys.argv[1], "wb") as file:
    try:
        while drawn := os.read(terminal, 4096):
            file.write(drawn)
    except OSError:
        pass
sys.exit(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
"""


def train(directory, ranks, seconds, first=("-m", "cfr_shm")):
    line = (
        "train", "-c", "leduc", "--mpi", "--num-workers", 1, "--time-budget", seconds, "--logdir",
        directory / "run", "--set", "engine.exchange=0.1", "--set", "run.progress_interval=1",
    )  # fmt: skip
    programs = ["-n", 1, sys.executable, *first, *line, ":"]
    programs += ["-n", ranks - 1, sys.executable, "-m", "cfr_shm", *line]
    done = subprocess.run(
        list(map(str, (MPIEXEC, *programs))), capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.mark.parametrize(
    "ranks",
    [pytest.param(n, marks=m) for n, m in ((2, pytest.mark.slow), (4, pytest.mark.thorough))],
)
def test_rank_0_draws_a_row_for_each_on_a_terminal(tmp_path, ranks):
    script, drawn = tmp_path / "terminal.py", tmp_path / "drawn"
    script.write_text(_IN_A_TERMINAL)
    train(tmp_path, ranks, 6, first=(script, drawn))
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", drawn.read_text()).replace("\r", "\n")
    last = text.rpartition("iter/s  iterations")[2] or text
    for rank in range(ranks):
        assert re.search(rf"^ *{rank} +\S+ +1 +[1-9][\d,]* +[1-9][\d,]* *$", last, re.MULTILINE)
    assert re.search(r"^[1-9]\d* exchanges in \d+\.\d s", last, re.MULTILINE)
    assert max(map(len, last.partition("exchanges in")[0].splitlines())) <= 80


@pytest.mark.thorough
def test_elsewhere_a_line_says_how_ranks_do(tmp_path):
    done = train(tmp_path, 2, 2)
    said = r"^Iteration \d+ .* workers 2, 2 ranks with [\d,]+( to [\d,]+)? iter/s, \d+ exchanges in"
    assert re.search(said, done.stderr, re.MULTILINE), done.stderr
    assert re.search(r"^rate: .*, 2 workers$", done.stdout, re.MULTILINE), done.stdout
    log = (tmp_path / "run" / "log.txt").read_text()
    for rank in (0, 1):
        assert re.search(rf" info rank {rank} on \S+: [\d,]+ iter/s, [\d,]+ iterations, 1 w", log)
