from __future__ import annotations

import pytest

from cfr_shm.engine import platform_profile
from cfr_shm.engine.platform_profile import choose_profile, detect_profile
from cfr_shm.engine.waits import WaitProfile


@pytest.mark.parametrize(
    ("system", "machine", "figures"),
    [
        ("Darwin", "arm64", (100, 50, 500)),
        ("Darwin", "x86_64", (50, 20, 200)),
        ("Linux", "x86_64", (10, 10, 100)),
        ("Linux", "aarch64", (10, 10, 100)),
        ("Windows", "AMD64", (10, 10, 100)),
        ("FreeBSD", "amd64", (10, 10, 100)),
    ],
)
def test_figures_of_the_contract(system: str, machine: str, figures: tuple[int, ...]) -> None:
    profile = detect_profile(system, machine)
    assert (profile.base_ms, profile.min_ms, profile.max_ms) == figures


def test_this_platform_is_detected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform_profile.platform, "system", lambda: "Darwin")
    monkeypatch.setattr(platform_profile.platform, "machine", lambda: "arm64")
    assert detect_profile() == platform_profile.APPLE_SILICON


def test_overrides_move_the_rest_only_as_far_as_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    own = platform_profile.LINUX_AND_WINDOWS
    monkeypatch.setattr(platform_profile, "detect_profile", lambda: own)
    assert choose_profile(None, None, None) == own
    assert choose_profile(20, 15, 300) == WaitProfile(20, 15, 300)
    assert choose_profile(250, None, None) == WaitProfile(250, 10, 250)
    assert choose_profile(None, None, 5) == WaitProfile(5, 5, 5)


@pytest.mark.parametrize("figures", [(0, 1, 2), (10, 0, 20), (10, 30, 20), (30, 10, 20)])
def test_impossible_figures_are_refused(figures: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="wait profile"):
        WaitProfile(*figures)
