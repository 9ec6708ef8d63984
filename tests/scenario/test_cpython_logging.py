"""CPython's own tests of logging.Logger pass with logfwd's loggers, but for what differs on purpose.

They are those of Debian's libpython3.11-testsuite, run unchanged through
tests/support/cpython_logging.py. What their handlers were shown is what the collector got.
"""

import json

import pytest

from tests.support import escaping
from tests.support.daemon import SOURCE, run, target
from tests.support.python_program import PYTHON, environment

CLASSES = [
    "BasicFilterTest", "BuiltinLevelsTest", "ChildLoggerTest", "CustomLevelsAndFiltersTest",
    "ExceptionTest", "LastResortTest", "LogRecordFactoryTest", "LoggerAdapterTest", "LoggerTest",
    "MemoryTest", "ModuleLevelMiscTest",
]

# A test that is named here must fail, and one that is not must pass.
DIFFERENCES = {
    "ChildLoggerTest.test_child_loggers":
        "getChild() and getLogger() give a new lease each time, which ends by itself; "
        "the logger behind leases of one name is one, but the objects are not",
    "CustomLevelsAndFiltersTest.test_logger_filter":
        "the daemon's levels end at 100: those above, of which this test is, are all 100",
    "LastResortTest.test_last_resort":
        "a record without a handler is the daemon's to count; nothing is printed in its place",
    "LoggerAdapterTest.test_has_handlers":
        "handlers are the daemon's and cannot be removed here: a live lease counts as one",
    "LoggerTest.test_caching":
        "it looks into a cache of CPython's, which has no place here: levels change from outside",
    "LoggerTest.test_has_handlers":
        "handlers are the daemon's and cannot be removed here: a live lease counts as one",
    "LoggerTest.test_has_handlers_no_propagate":
        "propagation is the daemon's, from its configuration",
    "LoggerTest.test_pickling":
        "a lease is of one process: pickling raises a TypeError that says what to do instead",
    "LoggerTest.test_root_logger_aliases":
        "None, '' and 'root' name one logger, but each call gives a lease of its own; "
        "no name may hold a NUL, and no lease holds its parent's object",
}


@pytest.fixture
def program_environment(start_daemon, collector):
    """A daemon whose root has the level that CPython's has, and what a program needs to find it."""
    daemon = start_daemon(f"""{target("central", collector)}
        handler default {{ target = central }}
        logger root {{ level = warning handlers = {{default}} }}
    """)
    return daemon, environment(daemon) | {"PYTHONPATH": f"{SOURCE}/lib/python:{SOURCE}"}


@pytest.mark.parametrize("name", CLASSES)
def test_cpythons_tests_pass(program_environment, collector, name):
    daemon, variables = program_environment
    done = run(PYTHON, "-m", "tests.support.cpython_logging", name, env=variables)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    failed = {test: end for test, end in said["ends"].items() if end != "passed"}
    assert said["ends"], "it ran none"
    assert failed.keys() == {test for test in DIFFERENCES if test.startswith(name + ".")}, failed
    expected = [(logger, escaping.text(text.encode())) for logger, text in said["records"]]
    arrived = [(each.logger, each.text.decode()) for each in collector.messages(len(expected))]
    assert arrived == expected
    assert daemon.stats()["records"]["received"] == len(expected)


def test_what_differs_is_of_a_class_that_runs():
    assert {test.split(".")[0] for test in DIFFERENCES} <= set(CLASSES)
