"""The rows of the fault matrix by name; the files rows_*.py add theirs."""

import dataclasses
from typing import Callable

ROWS = []


@dataclasses.dataclass(frozen=True)
class Row:
    """One fault. make(scene) starts the daemon, makes the fault and undoes it."""

    name: str
    counter: str  # of scene.counted(): what must have moved
    make: Callable

    def __str__(self):
        return self.name.replace(" ", "-")


def row(name, counter):
    """Registers a function as the row of that name."""

    def register(make):
        ROWS.append(Row(name, counter, make))
        return make

    return register
