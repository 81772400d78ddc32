"""Make the reference's modules importable here too."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "reference"))
