"""Draw the pictures of docs/viewer.md: the viewer of a run, on a desk and on a phone.

    python tools/draw_viewer.py RUN

RUN is a heads-up hold'em run. Needs the extras ``viewer`` and ``browser-tests``, and Chromium.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
PLACE = "#line=b2.5bb+c+/+x&board=7c8cTd&run="
SIZES = {"viewer.png": (1280, 900, "light"), "viewer_phone.png": (390, 844, "dark")}


def main() -> None:
    """Serve the run, look at it twice."""
    run = sys.argv[1]
    command = [sys.executable, "-m", "cfr_shm", "view", run, "--port", "0", "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            url = server.stdout.readline().strip()
            with sync_playwright() as playwright:
                chromium = shutil.which("chromium")
                browser = playwright.chromium.launch(
                    executable_path=chromium, args=["--no-sandbox"]
                )
                for name, (width, height, scheme) in SIZES.items():
                    page = browser.new_page(
                        viewport={"width": width, "height": height}, color_scheme=scheme
                    )
                    page.goto(url + PLACE + Path(run).resolve().name)
                    page.wait_for_selector(".matrix")
                    page.screenshot(path=str(IMAGES / name))
                    print(f"wrote {IMAGES / name}")
        finally:
            server.terminate()


if __name__ == "__main__":
    main()
