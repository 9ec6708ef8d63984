"""The daemon's hierarchy is Python's: random programs do the same to the tree and to CPython's logging.

A program opens and closes loggers, sets levels, reloads configurations (levels, propagation,
handlers with levels and filters) and emits records, over names with shared prefixes and empty
components. Each record must hit the same handlers in the same order, or be filtered by both.
What Python cannot do, ending a logger, is done by building its loggers anew from those that
live, in random order. A program that differs is shrunk before it is shown.
"""

import collections
import logging
import os
import random
import subprocess

import pytest

from tests.support.length import steps

DRIVER = os.path.join(os.environ.get("LOGFWD_BUILD", "build"), "tests", "tree_driver")
BATCHES = 20
PROGRAMS = 35  # of one batch
PROGRAMS_LONG = 350
OPERATIONS = 150  # of one program: 105,000 in all, 1,050,000 in a long run
NUMBERS = range(12)
LETTERS = "abcd"
LEVELS = [1, 5, 10, 15, 20, 25, 30, 40, 50, 70, 100]

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
            self.lines.append(f"open {number} {name or '-'}")

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
        self.lines += [f"rule {letter} {level} {prefix or '-'}" for letter, (level, prefix) in rules.items()]
        self.lines.append("config " + " ".join(
            f"{name}={level}:{handlers}{'' if propagate else '!'}"
            for name, (level, handlers, propagate) in config.items()))

    def own_level(self, name):
        """The newest level of a lease, or else the configuration's."""
        leased = [level for leased, level in self.leases.values() if canonical(leased) == name and level]
        return leased[-1] if leased else self.config.get(name, (0,))[0]


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
            state.lines.append(f"name {name or '-'} {level}")
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
    return operations


def random_name(rng):
    while True:
        name = ".".join(rng.choice(["a", "b", "ab", "r", "", ""]) for _ in range(rng.randint(1, 6)))
        if name not in QUIRKS:
            return name


def random_reload(rng, names):
    rules = {
        letter: (
            rng.choice(LEVELS) if rng.random() < 0.4 else 0,
            rng.choice(["root"] + names) if rng.random() < 0.4 else "",
        )
        for letter in LETTERS
    }
    chosen = rng.sample([name for name in names if name != "root"], rng.randint(0, len(names) // 2))
    config = {
        name: (
            rng.choice(LEVELS) if rng.random() < 0.4 else 0,
            "".join(rng.sample(LETTERS, rng.randint(0, 3))),
            rng.random() < 0.8,
        )
        for name in {""} | set(chosen)
    }
    return "reload", rules, config


def random_program(rng):
    names = ["", "root", "root.a"] + sorted({random_name(rng) for _ in range(12)} - {""})
    operations = [random_reload(rng, names)]
    for _ in range(OPERATIONS):
        verb = rng.choices(["open", "close", "level", "reload", "emit", "name"], [20, 8, 14, 3, 45, 10])[0]
        if verb == "reload":
            operations.append(random_reload(rng, names))
        elif verb == "open":
            operations.append((verb, rng.choice(NUMBERS), rng.choice(names)))
        elif verb == "close":
            operations.append((verb, rng.choice(NUMBERS)))
        elif verb == "level":
            operations.append((verb, rng.choice(NUMBERS), rng.choice([0] + LEVELS)))
        elif verb == "emit":
            operations.append((verb, rng.choice(NUMBERS), rng.choice(LEVELS)))
        else:
            operations.append((verb, rng.choice(names), rng.choice(LEVELS)))
    return operations


@pytest.fixture(autouse=True)
def no_last_resort(monkeypatch):
    """A record without a handler is nobody's, also in Python."""
    monkeypatch.setattr(logging, "lastResort", logging.NullHandler())


@pytest.mark.long
@pytest.mark.parametrize("batch", range(BATCHES))
def test_random_programs_hit_the_same_handlers(batch):
    for number in steps(PROGRAMS, PROGRAMS_LONG):
        seed = batch * PROGRAMS_LONG + number
        operations = random_program(random.Random(seed))
        if differs(operations):
            lines, expected = run_python(shrink(operations))
            pytest.fail("\n".join([f"seed {seed}:", *lines, f"Python: {expected}",
                                   f"daemon: {run_driver(lines)}"]))


def test_programs_reach_what_they_are_for():
    """The generator is no straw man: many records, filtered ones, lost ones, and several hits."""
    seen = collections.Counter()
    for seed in range(PROGRAMS):
        _, expected = run_python(random_program(random.Random(seed)))
        seen.update(hits if hits in ("", "-") else len(hits) for hits in expected)
    assert seen.total() > PROGRAMS * OPERATIONS / 4
    assert min(seen[kind] for kind in ("", "-", 1, 2, 3)) > PROGRAMS
