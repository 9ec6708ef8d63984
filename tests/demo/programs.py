"""The processes of the demo beside the daemon: the collector, and the programs that log."""

import json
import pathlib
import re
import select
import subprocess

from tests.support.daemon import LOGFWDCTL
from tests.support.waiting import PATIENCE


class Process:
    """A child with pipes that is stopped when its with-block ends."""

    def __init__(self, command, **options):
        self.child = subprocess.Popen([str(word) for word in command], text=True, **options)
        self.pid = self.child.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.terminate()
        self.child.wait(PATIENCE)

    def line(self, stream, what):
        """The next line of a pipe; "" when the child has closed it."""
        ready = select.select([stream], [], [], PATIENCE)[0]
        assert ready, f"not within {PATIENCE} s: {what}"
        return stream.readline()


class Collector(Process):
    """`logfwdctl receive`: writes what arrives by UDP into a file, one record a line."""

    # One of logfwd's records: the pid of its sender, its logger, and a context.
    RECORD = re.compile(
        rb'^<\d+>1 \S+ \S+ \S+ (\d+) - \[logfwd@32473 logger="(Connection\.\d+)"\]'
        rb'\[ctx@32473 peer="[\d.:]+"\]',
        re.M,
    )

    def __init__(self, folder):
        self.path = pathlib.Path(folder, "received")
        self.path.touch()
        super().__init__(
            [LOGFWDCTL, "receive", "127.0.0.1:0", "--quiet", "--output", self.path],
            stderr=subprocess.PIPE,
        )
        listening = re.search(
            r"listening on (\S+):(\d+)", self.line(self.child.stderr, "the collector listens")
        )
        self.host, self.port = listening[1], int(listening[2])
        self.address = f"{self.host}:{self.port}"

    def received(self):
        """How many records have arrived."""
        return self.path.read_bytes().count(b"\n")

    def loggers(self):
        """How many loggers they are from; the same name in two processes counts twice."""
        return len(set(self.RECORD.findall(self.path.read_bytes())))


class Program(Process):
    """A program that logs; it stops at each of its stages until it is told to go on."""

    def __init__(self, command, *words, **options):
        super().__init__(
            [*command, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, **options
        )
        self.name = pathlib.Path(command[-1]).name

    def reach(self, stage):
        """Waits for the program to say that a stage is reached; returns what it said."""
        line = self.line(self.child.stdout, f"{self.name} is {stage}")
        facts = json.loads(line or "{}")
        assert facts.get("stage") == stage, f"{self.name} ended before it was {stage}"
        return facts

    def go_on(self):
        """Lets it go on to its next stage."""
        self.child.stdin.write("\n")
        self.child.stdin.flush()

    def kill(self):
        """kill -9: it gets no chance to close anything."""
        self.child.kill()
        self.child.wait(PATIENCE)
