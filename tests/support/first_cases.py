"""Which of several like cases README's ``pytest`` runs; the others are for ``-m thorough``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def first_cases(cases: Iterable[Any], keep: int = 1) -> list[Any]:
    """Return cases for ``parametrize``, all but the first ``keep`` of them marked thorough.

    A case of several arguments is a tuple, as ``parametrize`` takes it.
    """
    found = []
    for index, case in enumerate(cases):
        values = case if isinstance(case, tuple) else (case,)
        marks = () if index < keep else (pytest.mark.thorough,)
        found.append(pytest.param(*values, marks=marks))
    return found
