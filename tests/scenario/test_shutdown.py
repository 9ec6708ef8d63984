"""TERM and INT end logfwdd in good order: what was handed to it goes out, then it exits 0.

Records that were written to its sockets just before the signal are read, routed and sent;
clients are told that it stops. A collector that cannot be reached delays it for a bounded
time only. Its sockets are removed, so that the next start is not in doubt.
"""

import os
import select
import signal
import socket
import time

import pytest

from tests.support import wire
from tests.support.collector import own_address
from tests.support.daemon import LOGFWDD, Daemon, target, run
from tests.support.waiting import wait_for

# The drain is bounded; with what it takes a loaded machine to end a process.
LONGEST_END = 15


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT], ids=str)
def test_records_just_before_the_signal_arrive(daemon, collector, how):
    """It sleeps while they are written and while it is told to end: nothing was read before."""
    texts = [b"%d" % number for number in range(200)]  # more packets than it reads in one turn
    with daemon.client() as client:
        client.open(1, b"app")
        client.flush()
        daemon.process.send_signal(signal.SIGSTOP)
        client.socket.settimeout(None)  # with a timeout it would be polled, and only a quarter fits
        for text in texts:
            client.log(1, text)
        daemon.syslog(*[b"<13>tag: by syslog %d" % number for number in range(5)])
        daemon.process.send_signal(how)
        daemon.process.send_signal(signal.SIGCONT)
        client.socket.settimeout(20)
        bye = client.expect_end()
    assert bye is not None and bye.code == wire.ERROR_SHUTDOWN
    daemon.assert_clean_exit()
    collector.received(205)
    assert [text for text in collector.texts() if b"syslog" not in text] == texts
    assert sum(b"by syslog" in text for text in collector.texts()) == 5


def test_many_clients_at_the_end(daemon, collector):
    clients = [daemon.client(b"client-%d" % number) for number in range(20)]
    try:
        for client in clients:
            client.open(1, b"app")
            client.log(1, *[b"%d" % number for number in range(100)])
        daemon.terminate()
        daemon.assert_clean_exit()
    finally:
        for client in clients:
            client.close()
    messages = collector.messages(2000)
    for number in range(20):
        own = [message.text for message in messages if message.app == f"client-{number}"]
        assert own == [b"%d" % each for each in range(100)]


def test_an_idle_daemon_ends_at_once(daemon):
    started = time.monotonic()
    daemon.terminate()
    assert time.monotonic() - started < 5
    daemon.assert_clean_exit()
    for path in (daemon.client_path, daemon.syslog_path, daemon.control_path):
        assert not path.exists()


def own_mounts_are_possible():
    """They take root, and a root folder that is a mount point, which that of a chroot may not be."""
    return os.path.exists("/etc/resolv.conf") and run("unshare", "--mount", "true").returncode == 0


@pytest.mark.skipif(not own_mounts_are_possible(),
                    reason="the daemon cannot have a resolv.conf of its own here")
def test_a_name_that_is_still_asked_for_does_not_outlive_the_loop(tmp_path):
    """Its nameserver is silent. The question ends while the loop turns once more, without clients."""
    silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    silent.bind((own_address(), 53))
    resolv_conf = tmp_path / "resolv.conf"
    resolv_conf.write_text(f"nameserver {silent.getsockname()[0]}\n")
    daemon = Daemon(target("central", "collector.example:514"))
    script = f'mount --bind {resolv_conf} /etc/resolv.conf && exec "$0" "$@"'
    try:
        daemon.start(["unshare", "--mount", "sh", "-c", script, LOGFWDD, "-f", daemon.config_path])
        with daemon.client() as client:
            client.open(1, b"app")
            client.send(wire.set_level(1, 10))
            client.log(1, b"waits")
            client.flush()
            assert select.select([silent], [], [], LONGEST_END)[0], "it asks"
            daemon.terminate()
        daemon.assert_clean_exit()
    finally:
        daemon.discard()
        silent.close()


def test_a_reload_while_it_stops_is_refused(start_daemon, collector):
    collector.stop()
    daemon = start_daemon(target("central", collector))
    with daemon.client() as client:
        client.open(1, b"app")
        client.log(1, *[b"%d" % number for number in range(10)])
        client.flush()
    daemon.process.send_signal(signal.SIGTERM)
    wait_for(lambda: "stopping" in daemon.stderr(), "it says that it stops")
    assert "the daemon stops" in daemon.ctl("reload", status=1)
    daemon.process.wait(LONGEST_END)
    daemon.assert_clean_exit()


def test_an_unreachable_collector_delays_the_end_for_a_bounded_time(start_daemon, collector):
    collector.stop()
    daemon = start_daemon(target("central", collector))
    with daemon.client() as client:
        client.open(1, b"app")
        client.log(1, *[b"%d" % number for number in range(500)])
        client.flush()
        assert daemon.stats()["targets"]["central"]["queued"] > 0
        daemon.check()
        started = time.monotonic()
        daemon.terminate()
        assert time.monotonic() - started < LONGEST_END
    daemon.assert_clean_exit()


def test_the_next_start_finds_its_place(start_daemon, collector):
    """After a good end, and after a kill that left the sockets behind."""
    first = start_daemon(target("central", collector))
    folder = first.folder
    first.process.kill()
    first.process.wait()
    first.process = None
    assert os.path.exists(first.client_path), "nobody was there to remove it"
    second = start_daemon(target("central", collector), folder=folder)
    with second.client() as client:
        client.open(1, b"app")
        client.log(1, b"served again")
        collector.received(1)


def test_a_second_daemon_does_not_take_the_sockets_of_the_first(daemon, collector):
    done = run(LOGFWDD, "-f", daemon.config_path)
    assert done.returncode == 1, done
    assert str(daemon.folder) in done.stderr
    with daemon.client() as client:
        client.open(1, b"app")
        client.log(1, b"still the first")
        collector.received(1)


def test_a_file_in_the_place_of_a_socket_is_left_alone(start_daemon, collector):
    daemon = start_daemon(target("central", collector))
    daemon.terminate()
    daemon.assert_clean_exit()
    daemon.syslog_path.write_text("precious")
    done = run(LOGFWDD, "-f", daemon.config_path)
    assert done.returncode == 1, done
    assert str(daemon.syslog_path) in done.stderr
    assert daemon.syslog_path.read_text() == "precious"


def test_a_client_that_connects_at_the_end_is_not_left_hanging(daemon):
    daemon.process.send_signal(signal.SIGTERM)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as late:
        late.settimeout(20)
        try:
            late.connect(str(daemon.client_path))
            late.send(wire.hello())
            while late.recv(65536):
                pass
        except (FileNotFoundError, ConnectionRefusedError, ConnectionResetError, BrokenPipeError):
            pass
    daemon.assert_clean_exit()
