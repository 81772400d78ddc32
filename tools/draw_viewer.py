"""Draw the pictures of docs/viewer.md: the viewer of a run and of a solved spot.

    python tools/draw_viewer.py RUN
    python tools/draw_viewer.py --spot SPOT

RUN is a heads-up hold'em run, SPOT the run directory of a turn that was solved. Needs the extras
``viewer`` and ``browser-tests``, and Chromium.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
PLACE = "#line=b2.5bb+c+/+x&board=7c8cTd&run="
SIZES = {"viewer.png": (1280, 900, "light"), "viewer_phone.png": (390, 844, "dark")}
REPORTS = {
    "viewer_run_outs.png": ("cards", ".runouts"),
    "viewer_players.png": ("players", ".squares"),
}


def main() -> None:
    """Serve the run, look at it twice."""
    run = sys.argv[-1]
    draw = _draw_reports if sys.argv[1] == "--spot" else _draw_place
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
                draw(browser, url, Path(run).resolve().name)
        finally:
            server.terminate()


def _draw_place(browser: Browser, url: str, run: str) -> None:
    for name, (width, height, scheme) in SIZES.items():
        page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
        page.goto(url + PLACE + run)
        page.wait_for_selector(".matrix")
        page.screenshot(path=str(IMAGES / name))
        print(f"wrote {IMAGES / name}")


def _draw_reports(browser: Browser, url: str, run: str) -> None:
    for name, (report, inside) in REPORTS.items():
        page = browser.new_page(viewport={"width": 1000, "height": 2400})
        page.goto(f"{url}#line=x&report={report}&run={run}")
        page.wait_for_selector(inside, timeout=300_000)
        box = page.locator(".reports").bounding_box()
        assert box is not None
        clip = {**box, "height": min(box["height"], 900.0)}
        page.screenshot(path=str(IMAGES / name), clip=clip)
        print(f"wrote {IMAGES / name}")


if __name__ == "__main__":
    main()
