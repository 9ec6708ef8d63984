"""The columns of the demo's table: what a program was measured at, by stage.

A column is a dict of "stage.what" to a number. Stages: "open" while all connections are open,
"closed" after closing them, "again" and "killed" before and after kill -9 of a second program
with as many.
"""

import json
import os
import pathlib
import sys
import tempfile
import time

from tests.demo.programs import Collector, Program
from tests.support.daemon import BUILD, SOURCE, Daemon, target, temporary_folder
from tests.support.procfs import UdpSampler, links, memory_mib, sockets, udp_sockets
from tests.support.waiting import wait_for

HERE = pathlib.Path(__file__).resolve().parent
PYTHON = [sys.executable, "-B"]
WARM_UP = 1000  # connections of the client that comes before "before" is measured
RECLAIM_S = 1  # within which everything is as before, after closing and after kill -9
MEMORY_SLACK_MIB = 2  # "as before" for the daemon's memory


def of_origin(count):
    """The origin's program: it needs no daemon, and what it costs is all its own."""
    command = [*PYTHON, HERE / "origin.py"]
    with (
        tempfile.TemporaryDirectory(prefix="logfwd-") as folder,
        Collector(folder) as collector,
        Program(command, collector.host, collector.port, count) as program,
    ):
        opened = program.reach("open")
        made = opened["connections"]
        wait_for(lambda: collector.received() >= made, "the origin's records arrive")
        column = {"made": made, "ended": opened["ended"], "open.received": collector.received()}
        column |= _of_process("open", program, opened)
        program.go_on()
        column |= _of_process("closed", program, program.reach("closed"))
    return column


def _of_process(stage, program, facts):
    return {
        f"{stage}.loggers": facts["loggers"],
        f"{stage}.placeholders": facts["placeholders"],
        f"{stage}.descriptors": len(links(program.pid)),
        # A row of the kernel's table can be missed when other sockets come and go: the most counts.
        f"{stage}.udp": max(udp_sockets(program.pid) for _ in range(3)),
        f"{stage}.client_memory": memory_mib(program.pid),
    }


def of_logfwd(command, count):
    """A program on logfwd, with a daemon of its own: one run that closes, one that is killed."""
    folder = temporary_folder()
    with Collector(folder) as collector:
        daemon = Daemon(target("central", collector), folder)
        try:
            daemon.start()
            column = Rounds(command, daemon, collector).run(count)
            daemon.stop()
        finally:
            daemon.discard()
    return column


class Rounds:
    """One program after the other against one daemon."""

    def __init__(self, command, daemon, collector):
        self.command, self.daemon, self.collector = command, daemon, collector
        self.environment = os.environ | {
            "LOGFWD_SOCKET": str(daemon.client_path),
            "LD_LIBRARY_PATH": str(BUILD / "lib" / "client"),
            "PYTHONPATH": str(SOURCE / "lib" / "python"),
        }
        self.expected = 0  # records, of all programs so far
        self.column = {}

    def run(self, count):
        """Warms up, then both rounds; returns the column."""
        with UdpSampler(self.daemon.pid) as sampler:
            self._open_and_close(WARM_UP)
            self.column = {"made": count, "ended": "all made"}
            self.column["before.daemon_memory"] = memory_mib(self.daemon.pid)
            self._open_and_close(count)
            with self._open("again", count) as program:
                program.kill()
                self._wait_empty("killed")
        self.column["open.udp"], self.column["samples"] = sampler.most, sampler.samples
        self.column["not_once"] = self._not_once()
        return self.column

    def _not_once(self):
        """How many records more or less than one of each logger the collector has, by all its runs."""
        received, loggers = self.collector.received(), self.collector.loggers()
        return abs(self.expected - received) + abs(self.expected - loggers)

    def _open_and_close(self, count):
        with self._open("open", count) as program:
            program.go_on()
            program.reach("closed")
            self._wait_empty("closed")
            self.column["closed.descriptors"] = len(links(program.pid))
            self.column["closed.client_memory"] = memory_mib(program.pid)

    def _open(self, stage, count):
        """Starts a program, waits until all that it logs has arrived, and measures."""
        program = Program(self.command, count, env=self.environment)
        program.reach("open")
        self.expected += count
        wait_for(
            lambda: self.collector.received() >= self.expected,
            lambda: f"{self.expected} records arrive, {self.collector.received()} did",
        )
        stats = json.loads(self.daemon.ctl("stats", "--format", "json"))
        self.column |= {
            f"{stage}.loggers": stats["loggers"]["leased"],
            f"{stage}.placeholders": stats["loggers"]["placeholders"],
            f"{stage}.clients": stats["clients"]["live"],
            f"{stage}.client_sockets": sockets(program.pid),
            f"{stage}.descriptors": len(links(program.pid)),
            f"{stage}.received": self.collector.received() - self.expected + count,
            f"{stage}.client_memory": memory_mib(program.pid),
            f"{stage}.daemon_memory": memory_mib(self.daemon.pid),
        }
        return program

    def _wait_empty(self, stage):
        """Waits until the daemon holds no logger of a program; measures how long, and what is left.

        The daemon gives memory back in a turn of its own: the least within a second counts.
        """
        start = time.monotonic()
        loggers = wait_for(self._loggers_if_empty, "every logger is gone")
        self.column |= {
            f"{stage}.seconds": time.monotonic() - start,
            f"{stage}.loggers": loggers["leased"],
            f"{stage}.placeholders": loggers["placeholders"],
            f"{stage}.udp": udp_sockets(self.daemon.pid),
            f"{stage}.daemon_memory": self._least_memory(start + RECLAIM_S),
        }
        self.daemon.check()

    def _least_memory(self, deadline):
        enough = self.column.get("before.daemon_memory", 0) + MEMORY_SLACK_MIB
        least = memory_mib(self.daemon.pid)
        while least > enough and time.monotonic() < deadline:
            time.sleep(0.005)
            least = min(least, memory_mib(self.daemon.pid))
        return least

    def _loggers_if_empty(self):
        loggers = self.daemon.stats()["loggers"]
        return loggers if loggers["leased"] == loggers["placeholders"] == 0 else None
