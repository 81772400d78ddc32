"""Draw docs/images/train.svg: what a terminal shows during a training, and at its end.

``python tools/draw_training.py [SECONDS]`` trains Leduc poker for as long as told (default 15)
with checkpoints on the way. The lines are those of that very run: the live display as it stood
after the second checkpoint, and how it ended.
"""

from __future__ import annotations

import io
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.terminal_theme import TerminalTheme

from cfr_shm.config.load import load_config
from cfr_shm.config.reader import Setting
from cfr_shm.run.directory import default_path
from cfr_shm.run.train import train
from cfr_shm.telemetry.events import Evaluated, Event, Progress, RunEnded
from cfr_shm.telemetry.live import Picture
from cfr_shm.telemetry.progress import describe

TARGET = Path(__file__).resolve().parents[1] / "docs" / "images" / "train.svg"
COLUMNS = 84
FONT = "ui-monospace, 'Cascadia Mono', Menlo, Consolas, monospace"
BACKGROUND, FOREGROUND = (24, 27, 31), (222, 226, 230)
COLOURS = [
    (BACKGROUND, (110, 118, 126)),
    ((224, 108, 117), (240, 128, 136)),
    ((126, 192, 120), (152, 210, 146)),
    ((229, 192, 123), (240, 208, 150)),
    ((97, 160, 228), (130, 184, 240)),
    ((198, 120, 221), (214, 150, 234)),
    ((86, 182, 194), (120, 204, 214)),
    (FOREGROUND, (245, 247, 249)),
]
THEME = TerminalTheme(
    BACKGROUND, FOREGROUND, [dark for dark, _ in COLOURS], [bright for _, bright in COLOURS]
)

#: Rich's own frame without its window buttons, and without the font that it would fetch.
FRAME = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: {font}; font-size: {char_height}px;
  line-height: {line_height}px; font-variant-east-asian: full-width; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
<rect fill="#181b1f" width="100%" height="100%" rx="8"/>
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


class Recorder:
    """Takes a run's events and keeps what a terminal would show."""

    def __init__(self) -> None:
        self._picture = Picture(time.monotonic)
        self._shown: Any = None
        self._evaluations = 0
        self.console = Console(
            record=True, width=COLUMNS, force_terminal=True, file=io.StringIO(), highlight=False
        )

    def __call__(self, event: Event) -> None:
        """Take in an event."""
        self._picture.take(event)
        level, text = describe(event)
        if isinstance(event, Progress):
            if self._evaluations >= 2 and self._shown is None:
                self._shown = self._picture.render()
        elif isinstance(event, RunEnded):
            if self._shown is not None:
                self.console.print(self._shown)
            self.console.print(text, markup=False)
        elif level != "debug":
            self.console.print(text, markup=False)
        self._evaluations += isinstance(event, Evaluated)


def main(seconds: float) -> None:
    """Train, and write the picture."""
    recorder = Recorder()
    command = f"cfr-shm train --time-budget {seconds:g} --checkpoint-interval {seconds / 3:g}"
    recorder.console.print(f"[bold]$ {command}[/bold]")
    given = [
        Setting("run.time_budget", f"{seconds:g}", "--time-budget", "--time-budget"),
        Setting("run.checkpoint_interval", f"{seconds / 3:g}", "--checkpoint-interval", "flag"),
    ]
    config = load_config("leduc", {}, [], given)
    with tempfile.TemporaryDirectory() as directory:
        os.chdir(directory)
        train(config, default_path("leduc"), report=recorder)
    svg = recorder.console.export_svg(
        title="", theme=THEME, code_format=FRAME.replace("{font}", FONT), unique_id="train"
    )
    TARGET.write_text(svg)
    print(f"wrote {TARGET}")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 15.0)
