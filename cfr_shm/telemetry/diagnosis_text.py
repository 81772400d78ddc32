"""A diagnosis as a table for people."""

from __future__ import annotations

from collections.abc import Sequence

from cfr_shm.telemetry.diagnostics import Diagnosis, Verdict
from cfr_shm.telemetry.samples import MachineUse, ProcessUse

_HEAD = (
    "pid",
    "role",
    "user",
    "system",
    "vol/s",
    "invol/s",
    "faults/s",
    "moves/s",
    "rss",
    "shared",
)


def diagnosis_lines(diagnosis: Diagnosis) -> list[str]:
    """Return the lines: processes, machine, verdicts with cause and remedy."""
    lines = [f"{diagnosis.subject}, {diagnosis.seconds:.1f} s observed", ""]
    if diagnosis.processes:
        lines += aligned([_HEAD, *map(_process_cells, diagnosis.processes)])
        lines.append("")
    if diagnosis.machine is not None:
        lines += [_machine_line(diagnosis.machine), ""]
    lines += aligned([_verdict_cells(verdict) for verdict in diagnosis.verdicts], right=False)
    for verdict in diagnosis.verdicts:
        if verdict.status == "bad":
            lines += ["", f"{verdict.name}: {verdict.cause}", f"  remedy: {verdict.remedy}"]
    return lines


def aligned(rows: Sequence[tuple[str, ...]], *, right: bool = True) -> list[str]:
    """Return rows as lines whose columns are as wide as their widest cell."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    adjust = str.rjust if right else str.ljust
    return [
        "  ".join(adjust(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _process_cells(process: ProcessUse) -> tuple[str, ...]:
    return (
        str(process.pid),
        process.role,
        f"{process.user_fraction:.1%}",
        f"{process.system_fraction:.1%}",
        f"{process.voluntary_per_second:.1f}",
        f"{process.involuntary_per_second:.1f}",
        _optional(process.page_faults_per_second),
        _optional(process.migrations_per_second),
        _megabytes(process.resident_bytes),
        _megabytes(process.shared_bytes),
    )


def _optional(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _megabytes(value: int | None) -> str:
    return "-" if value is None else f"{value / (1 << 20):,.0f} MiB"


def _machine_line(machine: MachineUse) -> str:
    line = (
        f"machine: {machine.cores} cores, {machine.busy_fraction:.1%} busy, "
        f"{machine.system_fraction:.1%} in the kernel, {machine.stolen_fraction:.1%} stolen"
    )
    if machine.kernel_task_fraction is not None:
        line += f", kernel_task {machine.kernel_task_fraction:.1%} of a core"
    return line


def _verdict_cells(verdict: Verdict) -> tuple[str, ...]:
    mark = {"ok": "ok", "bad": "BAD", "unknown": "?"}[verdict.status]
    return (f"{verdict.name:<13}", mark, verdict.measured, f"(wanted: {verdict.threshold})")
