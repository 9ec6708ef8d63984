"""The rows of the fault matrix by name; the files rows_*.py add theirs."""

import dataclasses
from typing import Callable

import pytest

ROWS = []


@dataclasses.dataclass(frozen=True)
class Row:
    """One fault. make(scene) starts the daemon, makes the fault and undoes it."""

    name: str
    counter: str  # of scene.counted(): what must have moved
    make: Callable
    xfail: str | None  # why it is known to fail

    def __str__(self):
        return self.name.replace(" ", "-")


def row(name, counter, xfail=None):
    """Registers a function as the row of that name."""

    def register(make):
        ROWS.append(Row(name, counter, make, xfail))
        return make

    return register


def parameters():
    """All of them for pytest.mark.parametrize; one that is known to fail must fail."""
    return [
        pytest.param(
            each, id=str(each),
            marks=[pytest.mark.xfail(strict=True, reason=each.xfail)] if each.xfail else [],
        )
        for each in ROWS
    ]
