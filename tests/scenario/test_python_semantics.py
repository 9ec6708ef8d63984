"""The daemon's hierarchy is that of CPython's logging: random programs do the same to both.

A program opens and closes loggers, sets and unsets levels, reloads configurations (levels,
propagation, handlers with levels and filters) and emits records of all levels from 1 to 100, over
names with shared prefixes and empty components, of odd bytes, and as long and as deep as may be.
Each record must hit the same handlers in the same order, or be filtered by both.
What Python cannot do, ending a logger, is done by building its loggers anew from those that
live, in random order. A program that differs is shrunk before it is shown.

An operation is a line that does something: none is counted that Python and the tree skip. Programs
come from Python's own generator, so that a seed is all that a failure needs to be repeated;
the tree's own failures shrink well by leaving out, which is all that a library would add.
"""

import collections
import logging
import os
import random
import subprocess
import sys
import urllib.parse

import pytest

from tests.support.length import steps

DRIVER = os.path.join(os.environ.get("LOGFWD_BUILD", "build"), "tests", "tree_driver")
BATCHES = 20
PROGRAMS = 35  # of one batch
PROGRAMS_LONG = 350
OPERATIONS = 150  # of one program: 105,000 in all, 1,050,000 in a long run
NUMBERS = range(12)
LETTERS = "abcd"
NAME_MAX, DEPTH_MAX = 255, 32

# CPython's Manager._fixupChildren() compares "root"[:len(name)] with the new logger's name, and
# so leaves the children of a logger of these names below the root. A quirk, not a rule.
QUIRKS = {"r", "ro", "roo"}


class Hit(logging.Handler):
    """A handler that notes its letter."""

    def __init__(self, letter, rule, hits):
        super().__init__(rule[0])
        if rule[1]:
            self.addFilter(logging.Filter(rule[1]))
        self.letter = letter
        self.hits = hits

    def emit(self, record):
        self.hits.append(self.letter)


class State:
    """What a program has built so far, and the lines that build it in the driver."""

    def __init__(self):
        self.rules = {letter: (0, "") for letter in LETTERS}
        self.config = {}  # name: (level, handlers, propagate)
        self.leases = {}  # number: [name, level], the newest level last
        self.lines = []

    def open(self, number, name):
        if number not in self.leases:
            self.leases[number] = [name, 0]
            self.lines.append(f"open {number} {encoded(name)}")

    def close(self, number):
        if self.leases.pop(number, None):
            self.lines.append(f"close {number}")

    def level(self, number, level):
        if number in self.leases:
            name, _ = self.leases.pop(number)
            self.leases[number] = [name, level]  # the newest one
            self.lines.append(f"level {number} {level}")

    def reload(self, rules, config):
        self.rules, self.config = rules, config
        self.lines += [
            f"rule {letter} {level} {encoded(prefix)}" for letter, (level, prefix) in rules.items()
        ]
        self.lines += [
            f"logger {encoded(name)} {level} {handlers or '-'} {propagate:d}"
            for name, (level, handlers, propagate) in config.items()
        ]
        self.lines.append("commit")

    def own_level(self, name):
        """The newest level of a lease, or else the configuration's."""
        leased = [level for leased, level in self.leases.values() if canonical(leased) == name and level]
        return leased[-1] if leased else self.config.get(name, (0,))[0]


def encoded(name):
    """A name in one word; what its bytes are Python has decoded as UTF-8 where it could."""
    return urllib.parse.quote_from_bytes(bytes_of(name), safe="").replace("-", "%2D") or "-"


def bytes_of(name):
    return name.encode("utf-8", "surrogateescape")


def canonical(name):
    return "" if name == "root" else name


class Python:
    """CPython's loggers for a state. What only adds is added; all else builds them anew."""

    def __init__(self, state, shuffler):
        self.state = state
        self.shuffler = shuffler
        self.hits = []
        self.manager = None

    def forget(self):
        self.manager = None

    def logger(self, name):
        return self.manager.getLogger(name) if name else self.manager.root

    def refresh(self):
        """Creates the loggers that there are not yet, and sets all that they have."""
        if self.manager is None:
            self.manager = logging.Manager(logging.RootLogger(0))
            self.manager.root.manager = self.manager
            self.handlers = {
                letter: Hit(letter, rule, self.hits) for letter, rule in self.state.rules.items()
            }
        live = {""} | set(self.state.config) | {canonical(name) for name, _ in self.state.leases.values()}
        for name in self.shuffler.sample(sorted(live), len(live)):
            logger = self.logger(name)
            logger.setLevel(self.state.own_level(name))
            _, handlers, logger.propagate = self.state.config.get(name, (0, "", True))
            logger.handlers = [self.handlers[letter] for letter in handlers]

    def emit(self, name, level):
        """The letters of the handlers that were hit, or "-"."""
        self.refresh()
        logger = self.logger(canonical(name))
        if not logger.isEnabledFor(level):
            return "-"
        self.hits.clear()
        logger.log(level, "a record")
        return "".join(self.hits)


def run_python(operations):
    """Runs a program; returns the driver's lines and what it should print."""
    state = State()
    python = Python(state, random.Random(0))
    expected = []
    for verb, *words in operations:
        if verb == "emit":
            number, level = words
            if number in state.leases:
                expected.append(python.emit(state.leases[number][0], level))
                state.lines.append(f"emit {number} {level}")
        elif verb == "name":
            name, level = words
            expected.append(python.emit(name, level))
            state.lines.append(f"name {encoded(name)} {level}")
            python.forget()  # Python has created the logger
        else:
            getattr(state, verb)(*words)
            if verb in ("close", "reload"):
                python.forget()
    return state.lines, expected


def run_driver(lines):
    text = "".join(line + "\n" for line in lines)
    done = subprocess.run([DRIVER], input=text, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def differs(operations):
    lines, expected = run_python(operations)
    return run_driver(lines) != expected


def shrink(operations):
    """Leaves out whatever can be left out while the program still differs."""
    size = len(operations) // 2
    while size > 0:
        at = 0
        while at < len(operations):
            shorter = operations[:at] + operations[at + size:]
            if differs(shorter):
                operations = shorter
            else:
                at += size
        size //= 2
    for at, (verb, *words) in enumerate(operations):
        if verb == "reload":
            operations = with_less(operations, at, *words)
    return operations


def with_less(operations, at, rules, config):
    """The same program with a reload that says no more than it must."""

    def put(rules, config):
        return [*operations[:at], ("reload", rules, config), *operations[at + 1:]]

    for letter in rules:
        simpler = rules | {letter: (0, "")}
        rules = simpler if differs(put(simpler, config)) else rules
    for name in list(config):
        simpler = {other: config[other] for other in config if other != name}
        config = simpler if differs(put(rules, simpler)) else config
    return put(rules, config)


PLAIN = ["a", "b", "ab", "r", "", ""]
ODD = [*PLAIN, "root", "a-b", "%41", "\u00e9", "\udcff\udc80", "\x01", " =:!"]


def random_level(rng):
    """Python's own more often than each of the others."""
    if rng.random() < 0.3:
        return rng.choice([1, 10, 20, 25, 30, 40, 50, 100])
    return rng.randint(1, 100)


def random_name(rng):
    while True:
        components = ODD if rng.random() < 0.3 else PLAIN
        name = ".".join(rng.choice(components) for _ in range(rng.randint(1, 6)))
        if name not in QUIRKS:
            return name


def random_family(rng):
    """A name at a bound, and others on its path and beside it."""
    if rng.random() < 0.5:
        deep = ".".join(rng.choice(["a", "b", ""]) for _ in range(DEPTH_MAX))
        whole = deep + "a" * rng.choice([0, NAME_MAX - len(deep)])
    else:
        whole = "a." + "x" * rng.randint(1, NAME_MAX - 4) + "."
        whole += "y" * (NAME_MAX - len(whole))
    borders = [at for at, byte in enumerate(whole) if byte == "."]
    cut = {whole[:at] for at in rng.sample(borders, min(4, len(borders)))}
    return {whole, whole[:-1], whole[:-1] + "z"} | cut


def random_names(rng):
    names = {random_name(rng) for _ in range(12)}
    if rng.random() < 0.2:
        names |= random_family(rng)
    return ["", "root", "root.a"] + sorted(names - {""} - QUIRKS)


def random_filter(rng, names):
    """A logger's name, or the beginning of one, which need not be any logger's."""
    name = rng.choice(["root"] + names)
    return name[: rng.randint(0, len(name))] if rng.random() < 0.2 else name


def random_reload(rng, names):
    rules = {
        letter: (
            random_level(rng) if rng.random() < 0.4 else 0,
            random_filter(rng, names) if rng.random() < 0.4 else "",
        )
        for letter in LETTERS
    }
    chosen = rng.sample([name for name in names if name != "root"], rng.randint(0, len(names) // 2))
    config = {
        name: (
            random_level(rng) if rng.random() < 0.4 else 0,
            "".join(rng.sample(LETTERS, rng.randint(0, 3))),
            rng.random() < 0.8,
        )
        for name in {""} | set(chosen)
    }
    return "reload", rules, config


def random_operation(rng, names, opened):
    """One that does something; opened: the numbers that are open, which it keeps up to date."""
    closed = [number for number in NUMBERS if number not in opened]
    weights = {"open": 20 * bool(closed), "close": 8 * bool(opened), "level": 14 * bool(opened),
               "reload": 3, "emit": 45 * bool(opened), "name": 10}
    (verb,) = rng.choices(list(weights), weights.values())
    if verb == "reload":
        return random_reload(rng, names)
    if verb == "open":
        opened.append(rng.choice(closed))
        return verb, opened[-1], rng.choice(names)
    if verb == "close":
        return verb, opened.pop(rng.randrange(len(opened)))
    if verb == "level":
        return verb, rng.choice(opened), 0 if rng.random() < 0.2 else random_level(rng)
    return verb, rng.choice(opened if verb == "emit" else names), random_level(rng)


def random_program(rng):
    names = random_names(rng)
    opened = []
    return [random_reload(rng, names)] + [
        random_operation(rng, names, opened) for _ in range(OPERATIONS - 1)
    ]


@pytest.fixture(autouse=True)
def no_last_resort(monkeypatch):
    """A record without a handler is nobody's, also in Python."""
    monkeypatch.setattr(logging, "lastResort", logging.NullHandler())


def report(seed, operations):
    lines, expected = run_python(operations)
    return "\n".join([f"seed {seed}:", *lines, f"Python: {expected}", f"daemon: {run_driver(lines)}"])


@pytest.mark.long
@pytest.mark.parametrize("batch", range(BATCHES))
def test_random_programs_hit_the_same_handlers(batch):
    done = records = pairs = 0
    for number in steps(PROGRAMS, PROGRAMS_LONG):
        seed = batch * PROGRAMS_LONG + number
        operations = random_program(random.Random(seed))
        lines, expected = run_python(operations)
        if run_driver(lines) != expected:
            pytest.fail(report(seed, shrink(operations)))
        done += operations_in(lines)
        records += len(expected)
        pairs += sum(len(hits) for hits in expected if hits != "-")
    print(f"{done} operations, {records} records, {pairs} (handler, record) pairs")
    assert done >= PROGRAMS * OPERATIONS


def operations_in(lines):
    """A reload is one, however many lines it takes."""
    return sum(not line.startswith(("rule ", "logger ")) for line in lines)


def test_programs_reach_what_they_are_for():
    """The generator is no straw man: all levels and bounds, and all that can become of a record."""
    seen = collections.Counter()
    emitted, names = set(), set()
    for seed in range(PROGRAMS * 2):
        operations = random_program(random.Random(seed))
        _, expected = run_python(operations)
        seen.update(hits if hits in ("", "-") else len(hits) for hits in expected)
        emitted |= {words[-1] for verb, *words in operations if verb in ("emit", "name")}
        names |= {words[-1] for verb, *words in operations if verb == "open"}
    assert seen.total() > PROGRAMS * OPERATIONS
    assert min(seen[kind] for kind in ("", "-", 1, 2, 3)) > PROGRAMS
    assert emitted == set(range(1, 101))
    assert max(len(bytes_of(name)) for name in names) == NAME_MAX
    assert max(name.count(".") + 1 for name in names) == DEPTH_MAX
    assert any(".." in name for name in names) and any(name.endswith(".") for name in names)
    assert any("root" in name.split(".")[1:] for name in names)
    assert any(not name.isascii() for name in names)


@pytest.mark.parametrize("wrong", ["level", "close", "rule", "logger"])
def test_a_tree_that_is_wrong_is_found_and_shrunk(wrong, monkeypatch):
    """Here the driver is deaf to one verb; a handful of operations is enough to show it."""
    honest = run_driver
    module = sys.modules[__name__]
    monkeypatch.setattr(module, "run_driver", lambda lines: honest(
        [line for line in lines if not line.startswith(wrong + " ")]))
    for seed in range(PROGRAMS):
        operations = random_program(random.Random(seed))
        if wrong == "close":  # a number is opened once only, for the driver would lose its lease
            operations = without_reopening(operations)
        if differs(operations):
            break
    shrunk = shrink(operations)
    print(report(seed, shrunk))
    assert differs(shrunk) and len(shrunk) <= 6
    assert all(not differs(shrunk[:at] + shrunk[at + 1:]) for at in range(len(shrunk)))


def without_reopening(operations):
    opened = set()
    kept = []
    for verb, *words in operations:
        if verb == "open" and words[0] in opened:
            continue
        if verb == "open":
            opened.add(words[0])
        kept.append((verb, *words))
    return kept
