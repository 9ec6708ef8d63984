"""Runs classes of CPython's test_logging.py against logfwd's loggers; a program for its tests.

usage: python3 -m tests.support.cpython_logging CLASS...

In the place of logging.getLogger(), logging.Logger and logging.root stand leases of the daemon,
made by Lease below. The tests add handlers and look at what these were given, which is what
a collector is for a lease: so Lease gives to them what it has given to the daemon. Names, levels,
filters, records and what is enabled are the package's own.
Prints one object: the tests by their ends, and the records that should be at the collector.
"""

import contextlib
import io
import json
import logging
import sys
import unittest
from test import test_logging

import logfwd
from logfwd._client import default_client

# They make no lease: level names, a filter by itself, classes for logging.getLogger() to make,
# programs of their own.
NOT_OURS = {
    "BasicFilterTest.test_empty_filter",
    "BuiltinLevelsTest.test_issue27935",
    "BuiltinLevelsTest.test_regression_22386",
    "BuiltinLevelsTest.test_regression_29220",
    "ModuleLevelMiscTest.test_get_level_names_mapping",
    "ModuleLevelMiscTest.test_logging_at_shutdown",
    "ModuleLevelMiscTest.test_logging_at_shutdown_open",
    "ModuleLevelMiscTest.test_recursion_error",
    "ModuleLevelMiscTest.test_set_logger_class",
    "ModuleLevelMiscTest.test_subclass_logger_cache",
}

handlers = {}  # of the loggers that have some, by name
records = []  # logger and text, in the order of the calls
leases = []  # of the test that runs; CPython's loggers never end, so these wait for the test's end
plain = logging.Formatter()


class Lease(logfwd.Logger):
    """A lease with handlers that see its records, and those of the leases below."""

    addHandler = logging.Logger.addHandler
    removeHandler = logging.Logger.removeHandler

    def __init__(self, name):
        super().__init__(name)
        leases.append(self)

    @property
    def handlers(self):
        return handlers.setdefault(self.name, [])

    def callHandlers(self, record):
        super().callHandlers(record)
        with contextlib.suppress(TypeError):  # arguments that do not fit; stderr was told
            records.append((record.name, plain.format(record)))
        name = record.name
        while name:
            self.show(handlers.get(name, ()), record)
            name = name.rpartition(".")[0] or ("" if name == "root" else "root")

    @staticmethod
    def show(those, record):
        for each in those:
            if record.levelno >= each.level:
                each.handle(record)


def get_logger(name=None):
    return Lease(name)


class Fixture:
    """BaseTest's own, without its assumption that a new logger has no handler anywhere."""

    def setUp(self):
        self.addCleanup(put_back, logging._nameToLevel, dict(logging._nameToLevel))
        self.addCleanup(put_back, logging._levelToName, dict(logging._levelToName))
        self.addCleanup(logging.disable, logging.NOTSET)
        self.root_logger = logging.getLogger("")
        self.root_logger.setLevel(logging.DEBUG)
        self.stream = io.StringIO()
        self.root_hdlr = logging.StreamHandler(self.stream)
        self.root_hdlr.setFormatter(logging.Formatter(self.log_format))
        self.root_logger.addHandler(self.root_hdlr)

    def tearDown(self):
        pass


def put_back(mapping, content):
    mapping.clear()
    mapping.update(content)


class Result(unittest.TestResult):
    """The end of each test by its name, with the error's last line; leaves nothing to the next."""

    def __init__(self):
        super().__init__()
        self.ends = {}

    def startTest(self, test):
        super().startTest(test)
        logging.root = Lease("")
        # Until it has heard the levels, the library leaves to the daemon what to filter.
        assert default_client().flush(10)

    def stopTest(self, test):
        super().stopTest(test)
        while leases:
            leases.pop().close()
        handlers.clear()

    def addSuccess(self, test):
        self.ends[name_of(test)] = "passed"

    def addFailure(self, test, error):
        self.ends[name_of(test)] = f"{error[0].__name__}: {error[1]}"

    addError = addFailure


def name_of(test):
    return ".".join(test.id().split(".")[-2:])


def main(classes):
    for name in ("setUp", "tearDown"):
        setattr(test_logging.BaseTest, name, getattr(Fixture, name))
    logging.getLogger, logging.Logger = get_logger, Lease
    result = Result()
    for name in classes:
        for test in unittest.defaultTestLoader.loadTestsFromTestCase(getattr(test_logging, name)):
            if name_of(test) not in NOT_OURS:
                test.run(result)
    json.dump({"ends": result.ends, "records": records}, sys.stdout)


main(sys.argv[1:])
