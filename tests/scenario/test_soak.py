"""Everything at once and for a while: what goes wrong only in company, or only in the long run.

Clients by hand, a program over the Python package, the C example and writers to dev-log log in
turns; clients vanish and are killed, the configuration is changed and broken, and one of two
collectors comes and goes. All along the accounts close, and every datagram that arrives is
whole and comes once and in order; the collector that stays gets every record. In the end no
client, no logger and no descriptor is left of it all, and the daemon's memory has not grown.
"""

import collections
import itertools
import random
import re
import time

import pytest

from tests.support import rfc5424, wire
from tests.support.daemon import BUILD, run, target
from tests.support.length import seconds
from tests.support.procfs import MemoryWatch, udp_overrun
from tests.support.python_program import environment, start_python

EXAMPLE = BUILD / "lib" / "client" / "logfwd-example"
CLIENTS_MAX = 5  # by hand, at once
BURST = 50  # records

# A text of ours says who wrote it, and its number there.
NUMBERED = re.compile(rb"((wire|dev|python)-\d+) (\d+)")
OTHERS = re.compile(rb"connection \d is open|\d+ records? lost: .*")

# Logs a burst for each line that it reads, and never holds a logger for long. Its writer's number
# is no process id: those come again after a while.
PYTHON = """
    import itertools, sys, logfwd
    from logfwd._client import default_client
    numbers = itertools.count()
    loggers = {}
    for line in sys.stdin:
        for number in itertools.islice(numbers, 50):
            name = f"Connection.{number % 7}"
            loggers[name] = logfwd.getLogger(name, context={"peer": number})
            loggers[name].info("python-SERIAL %d", number)
        default_client().flush(10)
"""

# What a good configuration may have beside the two targets, and what spoils it.
ADDITIONS = [
    "",
    "logger Connection { level = warning }\n",
    "logger app { level = debug context = {\"site=a\"} }\n",
    "handler third { target = third }\nlogger app { handlers = {third} }\n",
]
MISTAKES = ["logger {", "target steady { }\n", "handler x { target = nowhere }\n", "\0"]


class Soak:
    """The daemon, who logs to it, and what has arrived."""

    def __init__(self, start_daemon, collectors, chance):
        self.chance = chance
        self.steady, self.flapping, self.third = (collectors() for _ in range(3))
        self.daemon = start_daemon(self.config(""))
        self.memory = MemoryWatch(self.daemon.pid)
        self.clients = []  # by hand, each with what counts its records
        self.serials = itertools.count(1)
        self.datagrams = itertools.count()  # to dev-log
        self.program = None  # over the Python package
        self.newest = {}  # number of the newest record, by collector, writer and logger
        self.arrived = collections.Counter()  # records, by collector
        self.writers = set()  # kinds of those who were heard

    def config(self, addition):
        return (
            target("steady", self.steady)
            + target("flapping", self.flapping, queue_bytes=65536)
            + (target("third", self.third) if "third" in addition else "")
            + "handler steady { target = steady }\nhandler flapping { target = flapping }\n"
            + "logger root { level = info handlers = {steady, flapping} }\n"
            + addition
        )

    # what happens

    def log_by_hand(self):
        """A burst by one of the clients, or by a new one, to a logger that lives no longer."""
        if len(self.clients) < CLIENTS_MAX:
            serial = next(self.serials)
            client = self.daemon.client(b"wire-%d" % serial)
            self.clients.append((client, b"wire-%d" % serial, itertools.count()))
        client, writer, numbers = self.chance.choice(self.clients)
        name = self.chance.choice([b"app", b"app.part", b"Connection.1", b""])
        client.send(wire.open_logger(1, name), wire.set_context(1, b"peer", writer))
        if self.chance.random() < 0.2:
            client.send(wire.set_level(1, self.chance.choice([10, 20, 40])))
        client.log(1, *(b"%s %d" % (writer, next(numbers)) for _ in range(BURST)))
        client.send(wire.close_logger(1))
        client.flush()

    def vanish(self):
        """A client goes in the middle of something, with its answers unread."""
        if self.clients:
            client, writer, numbers = self.clients.pop(self.chance.randrange(len(self.clients)))
            client.open(2, b"app.last")
            client.log(2, *(b"%s %d" % (writer, next(numbers)) for _ in range(BURST)))
            client.send(wire.flush(1), wire.open_logger(3, b"app.never.used"))
            client.close()

    def log_to_dev_log(self):
        self.daemon.syslog(*(
            b"<13>soak: dev-1 %d" % number for number in itertools.islice(self.datagrams, BURST)
        ))

    def log_from_python(self):
        if self.program is None:
            source = PYTHON.replace("SERIAL", str(next(self.serials)))
            self.program = start_python(self.daemon, source)
        assert self.program.poll() is None
        self.program.stdin.write("\n")
        self.program.stdin.flush()

    def kill_python(self):
        if self.program is not None:
            self.program.kill()
            self.program.communicate()
            self.program = None

    def run_example(self):
        assert run(EXAMPLE, env=environment(self.daemon)).returncode == 0

    def change_config(self):
        self.daemon.write_config(self.config(self.chance.choice(ADDITIONS)))
        self.daemon.reload()

    def break_config(self):
        self.daemon.write_config(self.config(self.chance.choice(MISTAKES)))
        self.daemon.refused_reload()

    def flap(self):
        if self.flapping.socket is None:
            self.flapping.start()
        else:
            self.flapping.stop()

    EVENTS = {
        log_by_hand: 30, vanish: 8, log_to_dev_log: 15, log_from_python: 20, kill_python: 3,
        run_example: 4, change_config: 4, break_config: 4, flap: 4,
    }

    def happen(self):
        """Something by chance; then the accounts must close."""
        (event,) = self.chance.choices(list(self.EVENTS), self.EVENTS.values())
        event(self)
        self.daemon.step()
        self.memory.look()
        self.take()

    # what is asked of it

    def take(self):
        """Looks at all that has arrived since the last time."""
        for collector in (self.steady, self.flapping, self.third):
            for datagram in collector.take():
                self.arrived[collector] += 1
                self.judge(collector, rfc5424.strict(datagram))

    def judge(self, collector, message):
        """A message is one of those that somebody wrote, and newer than what came before it."""
        numbered = NUMBERED.fullmatch(message.text)
        if numbered is None:
            assert OTHERS.fullmatch(message.text), message
            self.writers.add("others")
            return
        place = (collector, numbered[1], message.logger)
        assert int(numbered[3]) > self.newest.get(place, -1), f"twice, or too late: {message}"
        self.newest[place] = int(numbered[3])
        self.writers.add(numbered[2].decode())

    def leave(self):
        """Nobody logs any more."""
        self.kill_python()
        for client, _, _ in self.clients:
            client.close()

    def end(self):
        """All go, all configured goes: what is left is what was there at the start."""
        self.leave()
        if self.flapping.socket is None:
            self.flapping.start()
        self.daemon.write_config(self.config(""))
        self.daemon.reload()
        stats = self.daemon.wait_for_stats(
            lambda stats: stats["clients"]["live"] == 0
            and not any(each["queued"] for each in stats["targets"].values()),
            "nobody is left, and nothing waits", 60,
        )
        assert self.daemon.loggers().keys() == {"root"}
        assert (stats["loggers"]["leased"], stats["loggers"]["placeholders"]) == (0, 0)
        self.memory.check()
        self.check_steady(stats["targets"]["steady"])

    def check_steady(self, counts):
        """Nothing was dropped, and all that was sent is here, or was too much for this test."""
        assert not any(counts["dropped"].values()) and counts["refused"] == 0, counts
        overrun = udp_overrun(self.steady.socket)
        self.steady.received(counts["sent"] - overrun - self.arrived[self.steady])
        self.take()
        assert self.arrived[self.steady] == counts["sent"] - overrun


@pytest.mark.long
def test_everything_at_once_for_a_while(start_daemon, collectors):
    seed = random.SystemRandom().randrange(1 << 32)
    print("seed", seed)  # shown when the test fails
    soak = Soak(start_daemon, collectors, random.Random(seed))
    end = time.monotonic() + seconds(3, 300)
    try:
        while time.monotonic() < end:
            soak.happen()
        soak.end()
    finally:
        soak.leave()
    assert soak.writers == {"wire", "dev", "python", "others"}
