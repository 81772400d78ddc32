"""``cfr-shm doctor``: look at this machine the way a training will use it."""

from __future__ import annotations

import argparse

from cfr_shm.cli.flags import add_json_flag

DESCRIPTION = (
    "Examine this machine: versions, cores, limits of memory, huge pages, kernel cache, workers, "
    "and how fast it reaches random memory. Every line that is not 'ok' comes with a remedy; the "
    "exit code is 1 if training would not work."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's flags."""
    parser.add_argument(
        "--mpi", action="store_true", help="look at all ranks of mpiexec or srun instead"
    )
    add_json_flag(parser)


def run(namespace: argparse.Namespace) -> int:
    """Examine and print; return the exit code."""
    from dataclasses import asdict

    from cfr_shm.cli.session import print_json, print_lines, say
    from cfr_shm.errors import EXIT_OK, EXIT_RUNTIME
    from cfr_shm.ranks.world import open_world
    from cfr_shm.run.doctor import examine
    from cfr_shm.run.examined_ranks import examine_ranks

    if namespace.mpi:
        world = open_world("mpi")
        findings = examine_ranks(world)
        if world.rank > 0:
            return EXIT_OK
    else:
        findings = examine(say)
    works = all(finding.status != "bad" for finding in findings)
    if namespace.json:
        print_json({"works": works, "findings": [asdict(finding) for finding in findings]})
    else:
        width = max(len(finding.name) for finding in findings)
        for finding in findings:
            print_lines([f"{finding.status:<4}  {finding.name:<{width}}  {finding.found}"])
            if finding.remedy:
                print_lines([f"{'':<4}  {'':<{width}}  remedy: {finding.remedy}"])
    return EXIT_OK if works else EXIT_RUNTIME
