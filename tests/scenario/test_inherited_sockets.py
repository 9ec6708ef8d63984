"""logfwdd takes its sockets from a service manager, by name, and misses nothing queued before it.

A small parent stands in for systemd: it makes the three sockets, lets clients use them
while no daemon is there, and only then starts logfwdd with LISTEN_FDS, LISTEN_PID and
LISTEN_FDNAMES. READY=1 arrives on NOTIFY_SOCKET, and what was queued is delivered, with the
true senders. The sockets stay when the daemon ends, and the next one goes on with them.
"""

import os
import socket
import sys

import pytest

from tests.support import wire
from tests.support.daemon import LOGFWDD, Daemon, run, target
from tests.support.manager import ACTIVATE, Manager
from tests.support.waiting import wait_for


@pytest.fixture
def manager(collector):
    manager = Manager(target("central", collector))
    yield manager
    try:
        manager.daemon.stop()
    finally:
        manager.daemon.discard()
        manager.close()


def test_ready_is_said_and_all_three_serve(manager, collector):
    daemon = manager.start()
    manager.wait_for_notice("READY=1")
    with daemon.client() as client:
        client.open(1, b"app")
        client.log(1, b"by the client socket")
        client.flush()
    daemon.syslog(b"<13>tag: by the syslog socket")
    assert sorted(collector.texts(2)) == [b"by the client socket", b"by the syslog socket"]
    daemon.ctl("healthcheck")
    daemon.terminate()
    manager.wait_for_notice("STOPPING=1")
    daemon.assert_clean_exit()


def test_a_watchdog_hears_of_us(manager):
    """As often as WatchdogSec= says; no word of it to a manager that does not ask."""
    manager.start(environment={"WATCHDOG_USEC": "200000"})
    for _ in range(3):
        manager.wait_for_notice("WATCHDOG=1")


def test_what_was_queued_before_the_start_is_delivered(manager, collector):
    daemon = manager.daemon
    with wire.Client(daemon.client_path, greet=False) as client:
        client.send(wire.hello(b"early"), wire.open_logger(1, b"app"), wire.record(1, b"one"))
        client.send(wire.record(1, b"two"))
        daemon.syslog(*[b"<13>early: by syslog %d" % number for number in range(5)])
        manager.start(waiting_clients=1)
        manager.wait_for_notice("READY=1")
        client.flush()
        messages = collector.messages(7)
        assert [each.text for each in messages if each.logger == "app"] == [b"one", b"two"]
        by_syslog = [each.text for each in messages if each.logger == "syslog.early"]
        assert by_syslog == [b"by syslog %d" % number for number in range(5)]
        for message in messages:
            assert message.procid == str(os.getpid())
            assert message.app == "early"


def test_the_next_daemon_goes_on_with_the_same_sockets(manager, collector):
    for number in range(3):
        daemon = manager.start()
        with daemon.client() as client:
            client.open(1, b"app")
            client.log(1, b"%d" % number)
            client.flush()
        daemon.terminate()
        daemon.assert_clean_exit()
        assert daemon.client_path.is_socket() and daemon.syslog_path.is_socket()
        daemon.syslog(b"<13>tag: between two daemons")
    manager.start()
    assert collector.texts(6).count(b"between two daemons") == 3


def test_the_order_of_the_sockets_does_not_matter(manager, collector):
    daemon = manager.start(["control", "client", "syslog"])
    daemon.syslog(b"<13>tag: by syslog")
    collector.received(1)


def test_what_is_not_inherited_is_bound(manager, collector):
    """Only the client socket comes from the manager."""
    for name in ("syslog", "control"):
        os.unlink(manager.sockets[name].getsockname())
    daemon = manager.start(["client"])
    daemon.syslog(b"<13>tag: by syslog")
    with daemon.client() as client:
        client.open(1, b"app")
        client.log(1, b"by the client socket")
        client.flush()
    collector.received(2)


def test_a_second_socket_of_a_name_and_a_strange_one_are_closed(manager, collector):
    """Each with a warning that says which of the two it is; the first of the name is served."""
    labels = ["client", "client", "strange"]
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as second:
        second.bind(str(manager.daemon.folder / "second"))
        second.listen()
        for name in ("syslog", "control"):
            os.unlink(manager.sockets[name].getsockname())
        manager.sockets["second"] = second
        daemon = manager.start(["client", "second", "second"], labels)
        with daemon.client() as client:
            client.open(1, b"app")
            client.log(1, b"by the first")
            client.flush()
    assert collector.texts(1) == [b"by the first"]
    warnings = [line for line in daemon.stderr().splitlines() if "inherited socket" in line]
    assert len(warnings) == 2
    assert '"client": there is another one of that name' in warnings[0]
    assert '"strange": the name is none of client, syslog, control' in warnings[1]


@pytest.mark.parametrize(
    "names, labels",
    [(["syslog"], ["client"]), (["client"], ["control"]), (["control"], ["syslog"])],
    ids=str,
)
def test_a_socket_of_the_wrong_kind_is_refused(manager, names, labels):
    number = manager.sockets[names[0]].fileno()
    done = run(
        sys.executable, "-S", "-c", ACTIVATE, ":".join(labels), number, LOGFWDD, "-f",
        manager.daemon.config_path, pass_fds=[number],
    )
    assert done.returncode == 1, done
    assert labels[0] in done.stderr


def test_descriptors_for_somebody_else_are_left_alone(start_daemon, collector):
    """LISTEN_PID names another process: the daemon binds its own sockets."""
    daemon = Daemon(target("central", collector))
    try:
        daemon.start(env=os.environ | {"LISTEN_FDS": "3", "LISTEN_PID": "1"})
        daemon.syslog(b"<13>tag: by its own socket")
        collector.received(1)
        wait_for(lambda: daemon.stats()["records"]["received"] == 1, "taken")
        daemon.stop()
    finally:
        daemon.discard()
