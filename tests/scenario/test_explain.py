"""`explain` says what really happens, in random configurations with overrides and leases.

Each case asks the daemon what would become of a record, then gives it that record, by a lease or
by a tag to dev-log, and compares: filtered, without a handler, or the very handlers, each as
often as it is met, with the datagram that came, but for time, program and pid, which are the
sender's. Cases that went nowhere are told apart by the accounts. A failure is one seed.
"""

import collections
import json
import random
import re

import pytest

from tests.support import wire
from tests.support.daemon import target
from tests.support.length import steps
from tests.support.waiting import wait_for

CONFIGURATIONS = 50
CONFIGURATIONS_LONG = 500
CASES = 200  # of one configuration: 10,000 in all, 100,000 in a long run

Case = collections.namedtuple("Case", "number name level by_lease")

SEVERITIES = {70: 0, 60: 1, 50: 2, 40: 3, 30: 4, 25: 5, 20: 6, 10: 7}  # of levels, for dev-log
COMPONENTS = ["a", "b", "ab", "\u00e9", "syslog", "", ""]
ROOT = ["root"] * 3  # which a filter can name, too
TAGS = ["a", "a.b", "a.b.c", "ab", "a..b", "b.", ".a", "..", "b"]
FACILITIES = ["kern", "daemon", "local0", "local7"]
TEMPLATES = [
    "{message}",
    "[{logger}] {level} {message}",
    "{context} {uid} {host} {{{message}",
    "{context.k1}/{context.k2} {message}",
]
# What stands in front of a datagram's text, without time, program and pid.
RFC5424 = re.compile(r"(<\d+>1) \S+ (\S+) \S+ \S+ (.*)", re.DOTALL)
RFC3164 = re.compile(r"(<\d+>)\w{3} [ \d]\d \d\d:\d\d:\d\d (\S+) [^ :]+: (.*)", re.DOTALL)
MARK = re.compile(r"handler(\d+)\|.*case-(\d+)\.$", re.DOTALL)


def random_level(rng):
    return rng.choice(list(SEVERITIES)) if rng.random() < 0.5 else rng.randint(1, 100)


def random_threshold(rng):
    """A low one rather, so that not nearly everything is filtered."""
    return min(random_level(rng), random_level(rng))


def random_names(rng):
    made = {".".join(rng.choice(COMPONENTS) for _ in range(rng.randint(1, 5))) for _ in range(14)}
    made |= {f"syslog.{rng.choice(TAGS)}" for _ in range(4)} | {"syslog", "root"}
    return sorted(made - {""})


def random_handler(rng, number, names):
    options = [
        "target = " + rng.choice(["central", "second"]),
        f'template = "handler{number}|{rng.choice(TEMPLATES)}"',
        f"facility = {rng.choice(FACILITIES)}",
        f"format = {rng.choice(['rfc5424', 'rfc5424', 'rfc3164'])}",
    ]
    if rng.random() < 0.4:
        options.append(f"level = {random_threshold(rng)}")
    if rng.random() < 0.4:
        options.append(f'filter = "{rng.choice([*names, *ROOT])}"')
    return f"handler handler{number} {{ {' '.join(options)} }}\n"


def random_logger(rng, name, n_handlers):
    chosen = rng.sample(range(n_handlers), rng.randint(0, min(3, n_handlers)))
    options = ["handlers = {" + ", ".join(f"handler{number}" for number in chosen) + "}"]
    if rng.random() < 0.5:
        options.append(f"level = {random_threshold(rng)}")
    if rng.random() < 0.2:
        options.append("propagate = false")
    if rng.random() < 0.4:
        options.append(f'context = {{"k{rng.randint(1, 3)}=v{rng.randint(1, 99)}"}}')
    return f'logger "{name}" {{ {" ".join(options)} }}\n'


def random_config(rng, names):
    n_handlers = rng.randint(1, 6)
    configured = {"root"} | set(rng.sample(names, rng.randint(0, len(names) // 2)))
    return "".join(
        [random_handler(rng, number, names) for number in range(n_handlers)]
        + [random_logger(rng, name, n_handlers) for name in sorted(configured)]
    )


def random_override(rng, names):
    """A pattern and a level."""
    name = rng.choice(names)
    if rng.random() < 0.5:
        return name, random_threshold(rng)
    return name[: rng.randint(0, len(name))] + "*", random_threshold(rng)


def set_override(daemon, rng, pattern, level):
    """Now and then by the tool; by its protocol it is faster. An empty level unsets."""
    if rng.random() < 0.1:
        until = ["--for", "10m"] if level and rng.random() < 0.5 else []
        daemon.ctl("level", *until, "--", pattern, level or "unset")
    else:
        until = {"seconds": 600.0} if level and rng.random() < 0.5 else {}
        daemon.request("set-level", name=pattern, level=level, **until)


class Leases:
    """Two clients with their leases, which give some loggers a level."""

    def __init__(self, daemon, rng, names):
        self.clients = [daemon.client(b"logfwdctl") for _ in range(2)]  # explain's own name
        self.by_name = {}  # (client, logger id), the last of them
        self.all = []
        for number, name in enumerate(rng.choices(names, k=12) + ROOT, 1):
            client = rng.choice(self.clients)
            client.open(number, name.encode())
            self.by_name[name] = client, number
            self.all.append((client, number))
            if rng.random() < 0.5:
                client.send(wire.set_level(number, random_threshold(rng)))
                client.flush()  # of two clients' levels the later one counts
        self.flush()

    def log(self, case):
        client, number = self.by_name[case.name]
        client.log(number, text_of(case).encode(), level=case.level)

    def flush(self):
        for client in self.clients:
            client.flush()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """Loggers first: a client that goes with open ones is worth a record of its own."""
        for client, number in self.all:
            client.send(wire.close_logger(number))
        for client in self.clients:
            client.close()


def text_of(case):
    return f"case-{case.number}."


def random_case(rng, number, leases):
    if rng.random() < 0.6:
        return Case(number, rng.choice(sorted(leases.by_name)), random_level(rng), True)
    name = "syslog." + rng.choice(TAGS)
    return Case(number, name, rng.choice(list(SEVERITIES)), False)


def datagram_of(case):
    priority = 8 + SEVERITIES[case.level]
    return f"<{priority}>{case.name.removeprefix('syslog.')}: {text_of(case)}".encode()


def give(daemon, leases, cases):
    for case in cases:
        if case.by_lease:
            leases.log(case)
    leases.flush()
    daemon.syslog(*(datagram_of(case) for case in cases if not case.by_lease))


def comparable(datagram):
    """A datagram without what is the sender's."""
    whole = RFC5424.fullmatch(datagram) or RFC3164.fullmatch(datagram)
    assert whole is not None, datagram
    return whole.groups()


def arrived(collectors):
    """What came, by case and handler."""
    found = collections.defaultdict(dict)
    for collector in collectors:
        for datagram in collector.take():
            text = datagram.decode()
            handler, number = map(int, MARK.search(text).groups())
            found[number].setdefault(f"handler{handler}", []).append(comparable(text))
    return found


def explained_hits(explained):
    """What explain says that comes, of each handler."""
    hits = collections.defaultdict(list)
    for step in explained["path"]:
        for handler in step["handlers"]:
            if handler["verdict"] == "takes":
                hits[handler["handler"]].append(comparable(handler["datagram"]))
    return dict(hits)


def compare(case, explained, came):
    expected = explained_hits(explained)
    assert came == expected, f"{case}: {json.dumps(explained)}"
    assert (explained["verdict"] == "delivered") == bool(expected), f"{case}: {explained}"
    if explained["verdict"] == "filtered":
        assert case.level < explained["effective"]["level"], f"{case}: {explained}"


def verdicts_of(daemon):
    records = daemon.stats()["records"]
    return collections.Counter(
        delivered=records["accepted"],
        filtered=records["filtered"],
        no_handler=records["no_handler"],
    ), records["deliveries"]


def run_cases(daemon, collectors, cases, leases):
    """Explains all, gives all, and compares; returns the verdicts."""
    explained = [
        daemon.request("explain", name=case.name, level=case.level, text=text_of(case))
        for case in cases
    ]
    verdicts = collections.Counter(each["verdict"] for each in explained)
    before, deliveries = verdicts_of(daemon)
    give(daemon, leases, cases)
    wait_for(lambda: (verdicts_of(daemon)[0] - before).total() >= len(cases), "all are taken")
    after, deliveries_after = verdicts_of(daemon)
    hits = deliveries_after - deliveries
    wait_for(lambda: sum(len(each.datagrams) for each in collectors) >= hits, "all have come")
    came = arrived(collectors)
    for case, each in zip(cases, explained):
        compare(case, each, came[case.number])
    assert after - before == verdicts
    assert hits == sum(len(each) for of_case in came.values() for each in of_case.values())
    return verdicts


def run_configuration(daemon, collectors, targets, rng):
    names = random_names(rng)
    daemon.write_config(targets + random_config(rng, names))
    daemon.reload()
    overrides = dict(random_override(rng, names) for _ in range(rng.randint(0, 4)))
    with Leases(daemon, rng, names) as leases:
        for pattern, level in overrides.items():
            set_override(daemon, rng, pattern, level)
        cases = [random_case(rng, number, leases) for number in range(CASES)]
        verdicts = run_cases(daemon, collectors, cases, leases)
    for pattern in overrides:
        set_override(daemon, rng, pattern, 0)
    return verdicts


@pytest.mark.long
def test_explain_agrees_with_what_happens(start_daemon, collectors):
    receivers = collectors(), collectors()
    targets = target("central", receivers[0]) + target("second", receivers[1])
    daemon = start_daemon(targets)
    verdicts = collections.Counter()
    for seed in steps(CONFIGURATIONS, CONFIGURATIONS_LONG):
        try:
            verdicts += run_configuration(daemon, receivers, targets, random.Random(seed))
        except AssertionError as error:
            config = daemon.config_path.read_text()
            raise AssertionError(f"seed {seed}: {error}\n{config}") from error
    print(f"{verdicts.total()} cases: {dict(verdicts)}")
    assert verdicts.total() >= CONFIGURATIONS * CASES
    assert min(verdicts[kind] for kind in ("delivered", "filtered", "no_handler")) > CONFIGURATIONS


def test_a_handler_that_is_met_again_needs_room_for_each(start_daemon, collector):
    daemon = start_daemon(
        target("central", collector)
        + "handler one { target = central  rate-limit = 1  rate-burst = 2 }\n"
        + "".join(f"logger {name} {{ handlers = {{one}} }}\n" for name in ("root", "a", "a.b"))
    )
    explained = daemon.request("explain", name="a.b", level=40)
    verdicts = [handler["verdict"] for step in explained["path"] for handler in step["handlers"]]
    assert verdicts == ["takes", "takes", "rate_limited"]
    assert explained["verdict"] == "delivered"
    with daemon.client() as client:
        client.open(1, b"a.b")
        client.log(1, b"met three times", level=40)
        client.flush()
    assert daemon.stats()["records"]["deliveries"] == 2
    assert [message.text for message in collector.messages(2)] == [b"met three times"] * 2


@pytest.mark.parametrize("oversize, size", [("cut", 1000), ("split", 1000), ("drop", 1000), ("drop", 9)])
def test_what_exceeds_a_datagram(start_daemon, collector, oversize, size):
    daemon = start_daemon(target("central", collector, datagram_bytes=480, oversize=oversize))
    explained = daemon.request("explain", name="a", level=40, text="x" * size)
    (handler,) = explained["path"][0]["handlers"]
    with daemon.client() as client:
        client.open(1, b"a")
        client.log(1, b"x" * size, level=40)
        client.flush()
    central = daemon.stats()["targets"]["central"]
    dropped = central["dropped"]["oversize"]
    assert (explained["verdict"] == handler["verdict"] == "oversize") == (dropped == 1)
    if dropped:
        assert (oversize, size) == ("drop", 1000) and "datagram" not in handler
        assert "drops it: it exceeds" in daemon.ctl("explain", "a", "error", "x" * size)
        return
    sent = [datagram.decode() for datagram in collector.received(central["enqueued"])]
    assert explained["verdict"] == "delivered" and handler.get("parts", 1) == len(sent)
    # the sender's name and number are another, so how much of the text fits is too
    assert comparable(handler["datagram"].rstrip("x")) == comparable(sent[0].rstrip("x"))
    assert (len(sent) > 1) == (oversize == "split") == (
        f", in {len(sent)} parts;" in daemon.ctl("explain", "a", "error", "x" * size)
    )
