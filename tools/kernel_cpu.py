"""Judge the kernel CPU use of any process tree: ``tools/kernel_cpu.py PID [--seconds 30]``.

The same as ``cfr-shm diagnose --pid PID``, for those who remember it under this name.
"""

from __future__ import annotations

import sys

from cfr_shm.cli.main import main

if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help"):
        sys.exit(f"usage: {sys.argv[0]} PID [--seconds S] [--interval S] [--plot FILE] [--json]")
    sys.exit(main(["diagnose", "--pid", *sys.argv[1:]]))
