"""A process that makes kernels ready as a training does: the base, then one algorithm's.

    python algorithm_process.py ALGORITHM

What was told, and which kernels were compiled, is printed as JSON.
"""

import json
import sys


def main():
    """Make everything ready and print what happened."""
    from compiled_kernels import counting_compiled
    from plain_settings import algorithm_settings

    from cfr_shm.engine.algorithm_kernels import make_algorithm_ready
    from cfr_shm.kernels.warm import compile_kernels

    told = []
    with counting_compiled() as compiled:
        compile_kernels(told.append)
        make_algorithm_ready(algorithm_settings(name=sys.argv[1]), False, False, told.append)
    json.dump({"told": told, "compiled": compiled}, sys.stdout)


if __name__ == "__main__":
    main()
