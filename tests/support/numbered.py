"""Processes of tests/programs/log_numbered, and what must become of their records.

Whose record it is, and which, can be told from every part of its text: what is torn, or merged with
another, or under a logger, a context or a pid that is not its own, is found.
"""

import collections
import mmap
import os
import re
import struct
import subprocess

from tests.support import rfc5424
from tests.support.daemon import BUILD
from tests.support.waiting import PATIENCE

PROGRAM = BUILD / "tests" / "log_numbered"

# As the program has them.
THREADS = 3
LOGGERS = 3
RENEWED_AFTER = 300
TEXT_MIN, TEXT_SPREAD, TEXT_SPREAD_16 = 40, 120, 8000

HEAD = re.compile(rb"(\d+) (\d+) (\d+) ")

Notes = collections.namedtuple("Notes", "logged failed waits longest_us")  # of a thread
NOTES = struct.Struct("=4Q")


def text_length(number):
    mixed = number * 2654435761 % 2**32 >> 8
    return TEXT_MIN + mixed % (TEXT_SPREAD_16 if mixed % 16 == 0 else TEXT_SPREAD)


class Writer:
    """One process that logs until it is told to end, or killed. What it noted outlives it."""

    def __init__(self, daemon, number, wait_ms=0, pause_us=0):
        """wait_ms: how long each record may be waited for; 0: it waits in the client's buffer."""
        self.number, self.wait_ms = number, wait_ms
        with open(os.memfd_create("notes"), "r+b") as memory:
            memory.truncate(THREADS * NOTES.size)
            self.memory = mmap.mmap(memory.fileno(), 0)
            self.process = subprocess.Popen(
                [str(part) for part in (PROGRAM, number, wait_ms, pause_us, memory.fileno())],
                pass_fds=[memory.fileno()],
                env=os.environ | {"LOGFWD_SOCKET": str(daemon.client_path)},
            )

    @property
    def pid(self):
        return self.process.pid

    def notes(self):
        """What each thread knows of itself."""
        return [Notes(*words) for words in NOTES.iter_unpack(self.memory[:])]

    def kill(self):
        self.process.kill()
        self.process.wait()

    def end(self):
        """A good end: the daemon has everything."""
        self.process.terminate()
        assert self.process.wait(4 * PATIENCE) == 0, self.notes()


class Record(collections.namedtuple("Record", "writer thread number context")):
    """A record as it arrived, found to be whole and nobody else's."""

    @classmethod
    def of(cls, datagram, pids):
        """pids: those of the writers, by number."""
        message = rfc5424.strict(datagram)
        head = HEAD.match(message.text)
        assert head is not None, message
        writer, thread, number = map(int, head.groups())
        length = text_length(number)
        assert message.text == (head[0] * (length // len(head[0]) + 1))[:length], message
        assert message.procid == str(pids[writer]), message
        assert message.logger == f"storm.{writer}.{thread}.{number % LOGGERS}", message
        assert int(message.context["opened"]) == number - number % RENEWED_AFTER, message
        return cls(writer, thread, number, message.context)


def by_thread(records):
    """The records of each thread, in the order of their arrival, by writer and thread.

    Of each logger they have come in order, and none of them twice.
    """
    found, newest = collections.defaultdict(list), {}
    for record in records:
        logger = record.writer, record.thread, record.number % LOGGERS
        assert record.number > newest.get(logger, -1), f"twice, or too late: {record}"
        newest[logger] = record.number
        found[record.writer, record.thread].append(record)
    return found
