"""``python -m cfr_shm`` is ``cfr-shm``."""

import sys

from cfr_shm.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
