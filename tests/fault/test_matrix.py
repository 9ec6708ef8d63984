"""Whatever fails between the daemon and its collectors: what arrives and what is reported lost is all.

Each row makes one fault in network namespaces of its own while numbered records pass through the
real daemon. Received and reported lost are together what was submitted, a counter tells of the
fault, each logger's records are in order, the ledgers close, and no descriptor is left open.
The rows run side by side, since a fault lasts, and are summed up in a table at the end.
"""

import concurrent.futures
import os

import pytest

from tests.fault import rows_collectors, rows_names, rows_paths, rows_sockets
from tests.fault.rows import parameters
from tests.fault.scene import Scene, counted

FILES = (rows_collectors, rows_paths, rows_names, rows_sockets)  # each registers its rows
SIDE_BY_SIDE = int(os.environ.get("LOGFWD_FAULT_ROWS", "6"))


def measure(row):
    """Runs one row; its outcome, and what its counter counted."""
    scene = Scene()
    try:
        row.make(scene)
        moved = counted(scene.daemon.stats(), row.counter) - counted(scene.before, row.counter)
        return scene.finish(), moved, scene.resumed_s
    finally:
        scene.close()


@pytest.fixture(scope="module")
def measured(request, table):
    """The rows that are asked for, each as a future of measure()."""
    wanted = [
        item.callspec.params["row"] for item in request.session.items
        if getattr(item, "callspec", None) and "row" in item.callspec.params
    ]
    with concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        futures = {row.name: pool.submit(measure, row) for row in wanted}
        table.futures = futures
        yield futures


@pytest.mark.long
@pytest.mark.parametrize("row", parameters())
def test_row(row, measured):
    outcome, moved, _ = measured[row.name].result()
    assert outcome.silent == 0, outcome
    assert outcome.reported == outcome.missing, f"what arrived is reported lost: {outcome}"
    assert outcome.duplicates <= outcome.submitted / 1000 or outcome.mirrored, outcome
    assert moved > 0, f"{row.counter} did not move"
