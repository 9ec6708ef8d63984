"""The demo: 80,000 connections that log, without logfwd and with it, in one table.

The origin's program (origin.py) stands beside the same on logfwd in Python (clients.py) and in
C (clients.c). Exits 1 and says why when a promise does not hold.
usage: LOGFWD_BUILD=FOLDER python3 -m tests.demo.run [--connections N]
"""

import argparse
import resource
import sys

from tests.demo import columns
from tests.demo.columns import MEMORY_SLACK_MIB, RECLAIM_S
from tests.demo.table import print_table

POOL_SOCKETS = 16  # the default of pool.sockets

PROGRAMS = {
    "logfwd, Python": [*columns.PYTHON, columns.HERE / "clients.py"],
    "logfwd, C": [columns.BUILD / "tests" / "demo" / "demo_clients"],
}


def broken_promises(column, count):
    """What a column on logfwd does not keep of what the manual promises."""
    memory = {stage: column[f"{stage}.daemon_memory"] for stage in ("before", "closed", "killed")}
    grown = memory["killed"] - max(memory["before"], memory["closed"])
    promises = {
        f"{count} live loggers": column["open.loggers"] == column["again.loggers"] == count,
        "one client connection": column["open.clients"] == column["open.client_sockets"] == 1,
        f"1 to {POOL_SOCKETS} UDP sockets": 1 <= column["open.udp"] <= POOL_SOCKETS,
        "every record received, once": column["not_once"] == 0,
        f"no logger left {RECLAIM_S} s after closing": column["closed.seconds"] < RECLAIM_S,
        f"no logger left {RECLAIM_S} s after kill -9": column["killed.seconds"] < RECLAIM_S,
        "memory as before, or a second round adds nothing": grown <= MEMORY_SLACK_MIB,
    }
    return [promise for promise, kept in promises.items() if not kept]


def run_all(count):
    """Makes every column; returns them by title."""
    print("==> the origin: a UDP socket for each connection", file=sys.stderr, flush=True)
    result = {"origin, Python": columns.of_origin(count)}
    for title, command in PROGRAMS.items():
        print(f"==> {title}: {count} loggers over one connection", file=sys.stderr, flush=True)
        result[title] = columns.of_logfwd(command, count)
    return result


def main():
    parser = argparse.ArgumentParser(description="80,000 connections, without logfwd and with it")
    parser.add_argument("--connections", type=int, default=80000, help="for each program")
    count = parser.parse_args().connections
    descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))
    try:
        result = run_all(count)
    except AssertionError as error:
        sys.exit(f"demo: {error}")
    print_table(result)
    looks = sum(result[title]["samples"] for title in PROGRAMS)
    print(f"A process may have {descriptors:,} descriptors here. UDP sockets are counted through")
    print(f"/proc: in the client for the origin, in the daemon for logfwd ({looks:,} looks).")
    broken = [f"{title}: not kept: {promise}" for title in PROGRAMS
              for promise in broken_promises(result[title], count)]
    if broken:
        sys.exit("\n".join(["", *broken]))


if __name__ == "__main__":
    main()
