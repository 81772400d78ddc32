"""What other commands do with a spot: go on, estimate it, or name the command that works."""

import json

import pytest

from cfr_shm.cli.main import main
from cfr_shm.errors import EXIT_CHECKPOINT, EXIT_OK, EXIT_USAGE

TOY = """
spot:
  board: 2c2d2h3s3d
  pot: 100
  stack: 100
  oop: AA,QQ
  ip: KK
  bets: a
"""


@pytest.fixture
def spot(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "toy.yaml"
    path.write_text(TOY)
    return path


@pytest.fixture
def solved(spot, tmp_path, capsys):
    directory = tmp_path / "solved"
    assert main(["solve", str(spot), "--iters", "20", "--logdir", str(directory)]) == EXIT_OK
    capsys.readouterr()
    return directory


def document(capsys, *arguments):
    assert main([*map(str, arguments), "--json"]) == EXIT_OK
    return json.loads(capsys.readouterr().out)


def refusal(capsys, *arguments):
    assert main([*map(str, arguments)]) == EXIT_USAGE
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1
    return said[0]


def test_estimate_says_of_a_spot_what_solve_does(spot, solved, capsys):
    found = document(capsys, "estimate", "-c", spot)
    assert found["nodes"] == document(capsys, "solve", spot, "--estimate")["nodes"]
    assert found["seconds_per_iteration"] > 0
    again = document(capsys, "estimate", "-c", solved)
    assert again["memory_bytes"] == found["memory_bytes"]
    assert main(["estimate", "-c", str(spot)]) == EXIT_OK
    assert " 1 board," in capsys.readouterr().out


def test_resume_goes_on_with_a_spot(solved, capsys):
    assert document(capsys, "resume", solved, "--iters", 50)["iterations"] == 50
    seconds = document(capsys, "resume", solved, "--iters", 60)["seconds"]
    found = document(capsys, "resume", solved, "--time-budget", 0.05)
    assert found["seconds"] >= seconds + 0.05
    assert (
        document(
            capsys, "train", "--resume-from", solved, "--iters", 1_000_000, "--time-budget", 0.05
        )["iterations"]
        > found["iterations"]
    )


def test_a_run_of_before_its_parameters_were_recorded_goes_on_as_it_began(spot, tmp_path, capsys):
    plain, told = tmp_path / "plain", tmp_path / "told"
    before = ["--set", "spot.alpha=1.5", "--set", "spot.average_every=1"]
    for directory, keys in ((plain, []), (told, before)):
        solved = [str(spot), "--iters", "20", "--logdir", str(directory), *keys]
        assert main(["solve", *solved]) == EXIT_OK
    assert "  alpha: [1.3, 1.7, 150.0]\n  average_every: 2\n" in (plain / "config.yaml").read_text()
    config = (told / "config.yaml").read_text()
    said = "  alpha: 1.5\n  average_every: 1\n"
    assert said in config
    (told / "config.yaml").write_text(config.replace(said, ""))  # as it was
    capsys.readouterr()
    assert document(capsys, "solve", told, "--iters", 40)["iterations"] == 40
    assert (told / "config.yaml").read_text().count(said) == 1
    assert (
        main(["solve", str(plain), "--iters", "40", "--set", "spot.alpha=1.5"]) == EXIT_CHECKPOINT
    )
    assert "are the tables of another spot" in capsys.readouterr().err


def test_train_names_the_command_that_solves(spot, capsys):
    assert f"cfr-shm solve {spot}" in refusal(capsys, "train", "-c", spot)


@pytest.mark.parametrize("command", ["eval", "show", "query", "export"])
def test_what_reads_blueprints_names_the_command_that_shows_a_spot(command, solved, capsys):
    further = {"query": ["--hole", "KhKd"], "export": ["--out", "x.csv", "--format", "csv"]}.get(
        command, []
    )
    said = refusal(capsys, command, solved, *further)
    assert f"cfr-shm solve {solved} --line LINE" in said


def test_a_list_of_flops_names_the_command_that_goes_on(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    directory = tmp_path / "flops"
    directory.mkdir()
    (directory / "config.yaml").write_text(TOY.replace("  board: 2c2d2h3s3d\n", ""))
    said = refusal(capsys, "resume", directory)
    assert f"cfr-shm solve {directory} --flops FILE" in said
