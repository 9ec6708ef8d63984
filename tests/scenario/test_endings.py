"""The library is there to the end: at exit and in destructors, under cancellation, without descriptors.

A program that it begins anew as (exec) has none of its descriptors; and when the library is itself
unloaded, it leaves nothing that would be called. The same by socket and by ring.
"""

import collections
import os

import pytest

from tests.support.daemon import BUILD, run, target

PROGRAMS = BUILD / "tests"
LIBRARY = BUILD / "lib/client/liblogfwd.so"
HANGS_AFTER_S = 90


@pytest.fixture
def daemon(start_daemon, collector, collectors, limits):
    """What threads say without a pause goes to a collector of its own."""
    return start_daemon(
        limits + target("central", collector) + target("aside", collectors())
        + "handler default { target = central }\nhandler busy { target = aside }\n"
        + "logger root { level = info  handlers = {default} }\n"
        + "logger endings.busy { handlers = {busy}  propagate = false }\n")


def run_program(daemon, name, *arguments):
    environment = os.environ | {"LOGFWD_SOCKET": str(daemon.client_path)}
    if name == "unload":  # it leaves clients behind, on purpose
        environment["ASAN_OPTIONS"] = environment.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
    done = run(PROGRAMS / name, *arguments, env=environment, timeout=HANGS_AFTER_S)
    assert done.returncode == 0, done
    return done.stdout


def texts(daemon, collector):
    """Of all that was logged, once nobody logs any more."""
    stats = daemon.wait_for_stats(lambda stats: stats["clients"]["live"] == 0, "all have left")
    messages = collector.messages(stats["targets"]["central"]["sent"])
    return collections.Counter(each.text.decode() for each in messages)


def test_exit_while_threads_log(daemon, collector):
    run_program(daemon, "endings", "exit")
    said = texts(daemon, collector)
    assert said["main"] == said["atexit"] == said["destructor"] == 1


def test_cancelled_threads_leave_no_lock(daemon, collector):
    run_program(daemon, "endings", "cancel")
    said = texts(daemon, collector)
    assert all(said[str(number)] == 1 for number in range(50))


def test_what_found_no_descriptor_arrives_later(daemon, collector):
    run_program(daemon, "endings", "limit")
    assert texts(daemon, collector) == {"without": 1, "with": 1}


def test_no_file_gets_what_is_logged(daemon, collector):
    """All is closed six times over, each time between two calls of four threads, or in one."""
    run_program(daemon, "endings", "close", daemon.folder)
    for number in range(8):
        assert (daemon.folder / f"data{number}").read_text() == 6 * "data\n"
    daemon.wait_for_stats(lambda stats: stats["clients"]["live"] == 0, "it has left")
    arrived = [tuple(map(int, text.split())) for text in collector.texts(4 * 1000)]
    # Once each; the daemon may read the next connection before the end of the one that was closed.
    assert sorted(arrived) == [(thread, number) for thread in range(4) for number in range(1000)]


def test_what_does_not_wait_arrives(daemon, collector):
    """A program closes all its descriptors while the daemon listens, logs on, and is gone."""
    count = int(run_program(daemon, "endings", "leave"))
    assert texts(daemon, collector) == {str(number): 1 for number in range(count)}


def test_no_descriptor_is_inherited(daemon, collector):
    run_program(daemon, "endings", "exec")
    assert texts(daemon, collector) == {str(number): 1 for number in range(50)}


def test_an_unloaded_library_is_called_by_nobody(daemon, collector):
    run_program(daemon, "unload", LIBRARY)
    assert texts(daemon, collector) == {str(number): 1 for number in range(20)}
