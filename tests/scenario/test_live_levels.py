"""What `logfwdctl level` sets holds at once, in every process, until it is unset or its time is over.

It stands above the levels of leases and of the configuration, for one logger or for all whose
name begins so, those still to come included; what it covered is there again afterwards. It
outlives reloads. Only who may operate the daemon can set one, and there is a bound on them.
"""

import time

import pytest

from tests.support import wire
from tests.support.daemon import AUDIBLE, control_request, target
from tests.support.python_program import start_python
from tests.support.waiting import wait_for

OVERRIDES_MAX = 256


@pytest.fixture
def daemon(start_daemon, collector):
    """The smallest one, with no level set by anybody."""
    return start_daemon(target("central", collector) + AUDIBLE)


def logged(daemon, collector, client, logger_id, level):
    """Does a record of that level arrive?"""
    before = len(collector.datagrams)
    client.log(logger_id, b"probe", level=level)
    client.flush()
    collector.received(before)
    sent = daemon.stats()["targets"]["central"]["sent"]
    collector.received(sent)
    return len(collector.datagrams) > before


def test_a_level_stands_above_leases_and_configuration(start_daemon, collector):
    daemon = start_daemon(
        target("central", collector) + AUDIBLE + "logger app { level = error }\n"
    )
    with daemon.client() as client:
        client.open(1, b"app")
        client.send(wire.set_level(1, 30))
        assert not logged(daemon, collector, client, 1, 20)
        daemon.ctl("level", "app", "debug")
        assert logged(daemon, collector, client, 1, 10)
        assert daemon.request("level", name="app")["own"]["source"] == "override"
        daemon.ctl("level", "app", "unset")
        assert not logged(daemon, collector, client, 1, 20)
        assert logged(daemon, collector, client, 1, 30), "the lease's level is there again"
        client.send(wire.set_level(1, 0))
        assert not logged(daemon, collector, client, 1, 30), "and then the configuration's"
        assert daemon.request("level", name="app")["own"]["source"] == "config"


def test_a_pattern_holds_for_loggers_still_to_come(daemon, collector):
    with daemon.client() as client:
        daemon.ctl("level", "Connection.*", "debug")
        client.open(1, b"Connection.1")
        client.open(2, b"Connections")
        assert logged(daemon, collector, client, 1, 10)
        assert not logged(daemon, collector, client, 2, 10)
        daemon.ctl("level", "Connection.1", "error")
        assert not logged(daemon, collector, client, 1, 30), "the exact one counts"
        daemon.ctl("level", "syslog.back*", "debug")
        daemon.syslog(b"<191>Nov 23 10:11:12 backup: by name alone")
        wait_for(lambda: any(b"by name alone" in each for each in collector.datagrams),
                 lambda: "a datagram at debug of a name that nobody has leased")


def test_a_logger_with_a_level_lives_until_that_ends(daemon):
    daemon.ctl("level", "nobody.here", "debug")
    assert not daemon.loggers()["nobody.here"]["placeholder"]
    assert daemon.loggers()["nobody"]["placeholder"]
    daemon.ctl("level", "nobody.here", "unset")
    assert set(daemon.loggers()) == {"root"}


def test_a_level_ends_by_itself(daemon, collector):
    with daemon.client() as client:
        client.open(1, b"app")
        daemon.ctl("level", "app", "debug", "--for", "0.5s")
        left = daemon.request("level")["overrides"][0]["seconds_left"]
        assert 0 < left <= 0.5
        assert logged(daemon, collector, client, 1, 10)
        wait_for(lambda: not daemon.request("level")["overrides"], lambda: "the end of its time")
        assert not logged(daemon, collector, client, 1, 10)
        assert daemon.stats()["loggers"]["overrides"] == 0
        assert "level of app set to 10 for 0.500 s" in daemon.stderr()
        assert "level of app, set by an operator, has ended" in daemon.stderr()


def test_the_root_is_called_so(daemon):
    daemon.ctl("level", "", "debug")
    daemon.ctl("level", "", "unset")
    assert "root has no level set by an operator" in daemon.ctl("level", "", "unset", status=1)
    assert "level of root set to 10" in daemon.stderr()
    assert "level of root unset" in daemon.stderr()


def test_a_level_outlives_a_reload(daemon, collector):
    daemon.ctl("level", "app", "debug")
    daemon.ctl("level", "Connection.*", "trace")
    daemon.reload()
    with daemon.client() as client:
        client.open(1, b"app.db")
        client.open(2, b"Connection.7")
        assert logged(daemon, collector, client, 1, 10)
        assert logged(daemon, collector, client, 2, 5)


def test_every_process_hears_of_it(daemon, collector):
    """Programs whose calls are disabled make no system call for them, and hear of it all the same."""
    programs = [start_python(daemon, """
        import logfwd, time
        from logfwd._client import default_client
        log = logfwd.getLogger("app.worker")
        default_client().flush(10)
        print("ready", flush=True)
        deadline = time.monotonic() + 20
        while not log.isEnabledFor(10) and time.monotonic() < deadline:
            time.sleep(0.001)
        log.debug("now")
        default_client().flush(10)
        print("done", flush=True)
        input()
    """) for _ in range(3)]
    for program in programs:
        assert program.stdout.readline() == "ready\n"
    daemon.ctl("level", "app", "debug")
    for program in programs:
        assert program.stdout.readline() == "done\n"
        program.communicate("\n")
    assert collector.texts(3) == [b"now"] * 3


def test_the_map_says_what_operators_have_set(daemon):
    with daemon.client() as client:
        daemon.ctl("level", "app", "debug")
        daemon.ctl("level", "app.x*", "error")
        levels = wire.level_map(client.expect(wire.LEVEL_MAP).body)
        while len(levels.others) < 2:
            levels = wire.level_map(client.expect(wire.LEVEL_MAP).body)
        assert levels.others == {("app", wire.OVERRIDE): 10, ("app.x", wire.OVERRIDE_PREFIX): 40}


def test_what_is_wrong_is_refused_by_its_name(daemon):
    assert "no level set by an operator" in daemon.ctl("level", "app", "unset", status=1)
    assert '"loud" is no level' in daemon.ctl("level", "app", "loud", status=2)
    assert "no duration" in daemon.ctl("level", "app", "debug", "--for", "soon", status=2)
    assert "last character" in daemon.ctl("level", "a*b", "debug", status=2)
    assert "longer than 255 bytes" in daemon.ctl("level", "a" * 256, "debug", status=2)
    for number in range(OVERRIDES_MAX):
        daemon.request("set-level", name=f"many.{number}", level=10)
    assert "unset one first" in daemon.ctl("level", "one.more", "debug", status=1)
    daemon.ctl("level", "many.0", "info")  # in the place of one that is there
    assert daemon.stats()["loggers"]["overrides"] == OVERRIDES_MAX


@pytest.mark.parametrize("request_", [
    {"level": 101, "name": "a"}, {"level": -1, "name": "a"}, {"name": "a"}, {"level": 10},
    {"level": 10, "name": "a", "seconds": -1}, {"level": 10, "name": "a", "seconds": 1e9},
    {"level": 0, "name": "a", "seconds": 5}, {"level": 10, "name": "a", "more": 1},
])
def test_requests_are_checked(daemon, request_):
    answer = control_request(daemon.control_path, verb="set-level", **request_)
    assert answer["status"] == "error" and answer["code"] == "usage"
    assert daemon.request("level")["overrides"] == []


def test_people_can_read_it(daemon):
    assert daemon.ctl("level") == (
        "root is info  (configuration, for root)\nno level is set by an operator\n"
    )
    daemon.ctl("level", "app", "debug", "--for", "10m")
    daemon.ctl("level", "Connection.*", "35")
    said = daemon.ctl("level")
    assert said.splitlines()[1] == "LEVEL      ENDS IN     LOGGER"
    assert "debug      9m 5" in said or "debug      10m 0" in said
    assert said.splitlines()[3] == "35         -           Connection.*"
    said = daemon.ctl("level", "app.db")
    assert said.startswith("app.db  (there is none now)\n  own level        not set\n"
                           "  effective level  debug  (operator, for app, ends in ")
    assert all(len(line) <= 80 for line in said.splitlines())


def test_eighty_thousand_loggers_fit_a_terminal(start_daemon, collector):
    daemon = start_daemon(target("central", collector) + "limits { uid-share = 100 }\n")
    with daemon.client() as client:
        for first in range(0, 80000, 500):
            client.send(*[wire.open_logger(n, b"Connection.%d" % n)
                          for n in range(first, first + 500)])
        client.flush()
        begin = time.monotonic()
        lines = daemon.ctl("loggers").splitlines()
        assert time.monotonic() - begin < 20
        assert len(lines) < 10 and all(len(line) <= 80 for line in lines)
        assert any(line.endswith("Connection.*  (80000)") for line in lines)
        daemon.ctl("level", "Connection.*", "debug")
        said = daemon.ctl("explain", "Connection.7", "debug")
        assert said.startswith("Connection.7 at debug: delivered\n")
