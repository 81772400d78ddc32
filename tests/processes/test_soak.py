"""A long training under constant fire, compared with one that nobody disturbed.

``nox -s soak`` trains each game for ten minutes (``CFR_SHM_SOAK_SECONDS`` says otherwise). Every
2 to 5 seconds something happens to it: workers are killed, crash or hang, the coordinator is
terminated or killed, everything is killed, everything is suspended. Whatever ended is resumed.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import psutil
import pytest
from engine_harness import eventually, is_gone

from cfr_shm.games.registry import load_game
from cfr_shm.games.small.synthetic import synthetic_buckets
from cfr_shm.memory.checkpoint import Checkpoint
from cfr_shm.run.directory import StoredRun

SECONDS = float(os.environ.get("CFR_SHM_SOAK_SECONDS", "600"))
SEED = int(os.environ.get("CFR_SHM_SOAK_SEED", "1"))

#: What is trained takes this share of the time when nobody disturbs it, and a little more than the
#: whole of it under fire.
UNDISTURBED = 0.75

#: If it ends before the time is over, it goes on for another such share.
FURTHER = 0.1

#: Exploitabilities of two async runs of the same length on Leduc are this close.
NOISE = 0.5

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals"),
]

LARGE = ["--game", "synthetic", "--set", f"game.buckets={synthetic_buckets(1 << 30)}"]
#: Its own time budget would end it before its iterations do.
HOLDEM = ["-c", "hu_small", "--time-budget", "1e6"]

#: A freeze that a worker dies in is run again: it has to be shorter than the time between two
#: faults, which the large table's own, of eight million iterations, is not.
SHORT_FREEZE = ["--set", f"engine.freeze={1 << 15}"]
GAMES = {"leduc": ["-c", "leduc"], "hold'em": HOLDEM, "synthetic 1 GiB": LARGE}

#: What happens, and how often of 100 times.
FAULTS = {
    "kill a worker": 45,
    "crash a worker": 10,
    "stop a worker": 12,
    "ask for a checkpoint": 8,
    "suspend all": 8,
    "terminate": 9,
    "kill the coordinator": 5,
    "kill all": 3,
}


class Victim:
    """A training in a session of its own, resumed whenever it has ended before its time."""

    def __init__(self, path: Path, arguments: list[str], target: int, further: int) -> None:
        self.path = path
        self.target = target
        self._further = further
        self.faults: Counter[str] = Counter()
        self._first = ["train", *arguments, "--iters", str(target), "--logdir", str(path)]
        self._random = random.Random(SEED)
        self._process: subprocess.Popen[bytes] | None = None
        self._recorded: set[int] = set()

    def run(self, seconds: float, limit_seconds: float) -> dict[str, Any]:
        """Disturb it for ``seconds`` and until it is finished; return its last summary.

        A target that was too near, for it comes from the rate of another moment, is moved on.
        """
        begun = time.monotonic()
        end = begun + limit_seconds
        try:
            while True:
                self._start()
                if self._torment(end):
                    found = self._summary()
                    if time.monotonic() - begun >= seconds and found["status"] == "finished":
                        return found
                    self.target += self._further
                assert time.monotonic() < end, f"not finished; {dict(self.faults)}"
        finally:
            self._end()

    def _start(self) -> None:
        has_checkpoint = any((self.path / "checkpoints").glob("[0-9]*"))
        going_on = ["resume", str(self.path), "--iters", str(self.target)]
        command = going_on if has_checkpoint else self._first
        if not has_checkpoint and self.path.exists():
            command = [*self._first[:-1], str(self.path.with_name(f"{time.monotonic_ns()}"))]
            self.path = Path(command[-1])
        with (self.path.parent / "output.txt").open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "cfr_shm", *command],
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def _torment(self, end: float) -> bool:
        """Do something every few seconds; return whether it came to its regular end."""
        assert self._process is not None
        while time.monotonic() < end:
            try:
                code = self._process.wait(self._random.uniform(2.0, 5.0))
            except subprocess.TimeoutExpired:
                self._children()
                names, weights = zip(*FAULTS.items(), strict=True)
                fault = self._random.choices(names, weights)[0]
                with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
                    if self._do(fault):
                        self.faults[fault] += 1
                continue
            text = (self.path.parent / "output.txt").read_text(errors="replace")
            # Killed between its last checkpoint and its end, it has nothing left to do.
            done = code == 0 or (code == 2 and "nothing is left to do" in text[-500:])
            assert done or code in (143, -signal.SIGKILL), text[-3000:]
            self._end()
            return done
        return False

    def _do(self, fault: str) -> bool:
        process = self._process
        assert process is not None
        workers = [pid for pid in self._children() if pid in self._workers]
        if "a worker" in fault:
            if not workers:
                return False
            numbers = {"kill": signal.SIGKILL, "crash": signal.SIGSEGV, "stop": signal.SIGSTOP}
            os.kill(self._random.choice(workers), numbers[fault.split()[0]])
        elif fault == "ask for a checkpoint":
            if not workers:
                return False  # Python may not have come to its handlers yet.
            os.kill(process.pid, signal.SIGUSR1)
        elif fault == "suspend all":
            os.killpg(process.pid, signal.SIGSTOP)
            time.sleep(3.0)
            os.killpg(process.pid, signal.SIGCONT)
        elif fault == "terminate":
            if not workers:
                return False
            os.killpg(process.pid, signal.SIGTERM)
        elif fault == "kill the coordinator":
            process.kill()
        else:
            for pid in (*self._children(), process.pid):
                os.kill(pid, signal.SIGKILL)
        return True

    def _children(self) -> list[int]:
        """The children, recorded; ``_workers`` are those that are no resource tracker."""
        assert self._process is not None
        self._workers: set[int] = set()
        found = []
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in psutil.Process(self._process.pid).children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    found.append(child.pid)
                    if "resource_tracker" not in " ".join(child.cmdline()):
                        self._workers.add(child.pid)
        self._recorded.update(found)
        return found

    def _end(self) -> None:
        """Nobody may be left, nor need to be killed, after the coordinator has gone."""
        process = self._process
        if process is None:
            return
        self._process = None
        if process.poll() is None:
            process.kill()
        process.wait()
        if not eventually(self._nobody_is_left, 20.0):
            # Who was stopped while it started has not yet asked to be killed with its parent.
            for pid in self._recorded:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
        assert eventually(self._nobody_is_left, 60.0)

    def _nobody_is_left(self) -> bool:
        return all(map(is_gone, self._recorded))

    def _summary(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.path / "summary.json").read_text())
        return found


def last_checkpoint(path: Path) -> Checkpoint:
    stored = StoredRun(path)
    config = stored.load_config()
    game = load_game(config.game, None, config.abstraction)
    return stored.load_checkpoint(config, game, pytest.fail)


def undisturbed(path: Path, arguments: list[str]) -> dict[str, Any]:
    command = ["train", *arguments, "--logdir", str(path), "--json"]
    done = subprocess.run([sys.executable, "-m", "cfr_shm", *command], capture_output=True)
    assert done.returncode == 0, done.stderr
    summary: dict[str, Any] = json.loads(done.stdout)
    return summary


@pytest.mark.parametrize("game", GAMES)
@pytest.mark.parametrize("mode", ["async", "deterministic"])
def test_soak(mode: str, game: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [*GAMES[game], "--num-workers", "2"]
    if mode != "async":
        arguments += ["--set", f"engine.mode={mode}"]
        arguments += SHORT_FREEZE if GAMES[game] is LARGE else []
    measured = undisturbed(tmp_path / "rate", [*arguments, "--time-budget", "4"])
    # Who goes on behind a freeze that was cut short has other borders than the undisturbed run.
    freeze = measured["freeze"] or 1
    freezes_per_second = measured["iterations_per_second"] / freeze
    (tmp_path / "victim").mkdir()
    victim = Victim(
        tmp_path / "victim" / "run",
        [*arguments, "--checkpoint-interval", "2", "--set", "engine.deadline_seconds=5"],
        target=freeze * math.ceil(UNDISTURBED * SECONDS * freezes_per_second),
        further=freeze * math.ceil(FURTHER * SECONDS * freezes_per_second),
    )
    begun = time.monotonic()
    found = victim.run(SECONDS, 20.0 * SECONDS + 300.0)
    minutes = (time.monotonic() - begun) / 60.0
    target = victim.target
    arguments += ["--iters", str(target)]
    assert found["iterations"] == target
    assert found["status"] == "finished"
    checkpoint = last_checkpoint(victim.path)
    assert checkpoint.completed == ((0, target),)
    alone = undisturbed(tmp_path / "alone", [*arguments, "--checkpoint-interval", "0"])
    assert alone["iterations"] == target
    if mode != "async":
        assert last_checkpoint(tmp_path / "alone").rows.tobytes() == checkpoint.rows.tobytes()
        assert found["utility"] == alone["utility"]
    elif alone["exploitability"] is not None:
        ratio = found["exploitability"]["value"] / alone["exploitability"]["value"]
        assert 1 - NOISE < ratio < 1 / (1 - NOISE)
    with capsys.disabled():
        sys.stdout.write(
            f"\n{mode}, {game}: {sum(victim.faults.values())} faults {dict(victim.faults)}, "
            f"{target} iterations in {minutes:.1f} min; exploitability "
            f"{found['exploitability']} against {alone['exploitability']} undisturbed\n"
        )
