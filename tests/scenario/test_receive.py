"""`logfwdctl receive`, the small collector for trials: it prints or counts what arrives, and loses nothing unsaid."""

import contextlib
import os
import re
import signal
import socket
import subprocess

import pytest

from tests.support.daemon import LOGFWDCTL, run
from tests.support.waiting import PATIENCE, wait_for


@contextlib.contextmanager
def receiver(*arguments, address="127.0.0.1:0", **options):
    """A `receive` that listens; with .to, where to send."""
    command = [LOGFWDCTL, "receive", address, *map(str, arguments)]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    with subprocess.Popen(command, **options) as process:
        try:
            found = re.fullmatch(rb"listening on \[?(.+?)\]?:(\d+)\n", process.stderr.readline())
            process.to = (found[1].decode(), int(found[2]))
            yield process
        finally:
            process.kill()


def send(process, *datagrams):
    family = socket.AF_INET6 if ":" in process.to[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sender:
        for datagram in datagrams:
            sender.sendto(datagram, process.to)


def resolves(name):
    try:
        return bool(socket.getaddrinfo(name, 0))
    except socket.gaierror:
        return False


def ending(process):
    """Exit status, stdout and stderr of a process that ends by itself."""
    output, errors = process.communicate(timeout=PATIENCE)
    return process.returncode, output, errors.decode()


@pytest.mark.parametrize("address", ["127.0.0.1:0", "[::1]:0", "localhost:0"])
def test_receive_prints_one_line_for_each_datagram(address):
    if address == "localhost:0" and not resolves("localhost"):
        pytest.skip("this machine has no name for itself in /etc/hosts")
    with receiver("--count", 4, address=address) as process:
        send(process, b"plain", b"two\nlines\0", b"", "für \x1b[2J".encode() + b"\xff")
        status, output, errors = ending(process)
    assert status == 0 and errors == "received 4\n"
    assert output == "plain\ntwo#012lines#000\n\nfür #033[2J#377\n".encode()


def test_receive_takes_the_largest_datagram():
    with receiver("--count", 1) as process:
        send(process, b"x" * 65507)
        assert ending(process)[1] == b"x" * 65507 + b"\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_receive_ends_well_by_signal(number):
    with receiver() as process:
        send(process, b"1", b"2", b"3")
        process.send_signal(number)
        assert ending(process) == (0, b"1\n2\n3\n", "received 3\n")


def test_receive_stops_at_the_count():
    with receiver("--count", 100) as process:
        send(process, *[b"%d" % number for number in range(150)])
        status, output, errors = ending(process)
    assert (status, errors) == (0, "received 100\n")
    assert output.split() == [b"%d" % number for number in range(100)]


def test_receive_fails_when_too_few_come_in_time():
    with receiver("--count", 2, "--timeout", 0.2) as process:
        send(process, b"one")
        status, output, errors = ending(process)
    assert (status, output) == (1, b"one\n")
    assert errors == "received 1\nlogfwdctl: fewer than 2 came in time\n"
    with receiver("--timeout", 0.01) as process:
        assert ending(process) == (0, b"", "received 0\n")


def test_receive_writes_a_file_also_when_quiet(tmp_path):
    with receiver("--quiet", "--count", 64, "--output", tmp_path / "received") as process:
        send(process, *[b"kept"] * 64)
        assert ending(process) == (0, b"", "received 64\n")
    assert (tmp_path / "received").read_bytes() == b"kept\n" * 64


@pytest.mark.parametrize("count", [63, 64, 65, 128])
def test_receive_holds_no_line_back(tmp_path, count):
    """Also when what waited was just as much as it takes at a time."""
    path = tmp_path / "out"
    with receiver("--output", path) as process:
        process.send_signal(signal.SIGSTOP)
        os.waitpid(process.pid, os.WUNTRACED)
        send(process, *[b"%d" % number for number in range(count)])
        process.send_signal(signal.SIGCONT)
        wait_for(
            lambda: len(path.read_bytes().split()) == count,
            lambda: f"{count} lines, there are {len(path.read_bytes().split())}",
        )


def test_receive_quiet_counts_only():
    with receiver("--quiet", "--count", 3) as process:
        send(process, b"1", b"2", b"3")
        assert ending(process) == (0, b"", "received 3\n")


def test_receive_says_when_it_cannot_write(tmp_path):
    with receiver("--output", "/dev/full") as process:
        send(process, b"lost")
        status, _, errors = ending(process)
    assert status == 1 and "No space left" in errors
    done = run(LOGFWDCTL, "receive", "127.0.0.1:0", "--output", tmp_path)
    assert done.returncode == 1 and "cannot write" in done.stderr


@pytest.mark.parametrize("address", [
    "5514", ":5514", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:514x", "::1:5514",
    "[::1]", "[::1:1",
])  # fmt: skip
def test_receive_refuses_a_bad_address(address):
    done = run(LOGFWDCTL, "receive", address)
    assert done.returncode == 1 and "form ADDRESS:PORT" in done.stderr


def test_receive_refuses_a_port_that_is_taken():
    with receiver() as process:
        host, port = process.to
        done = run(LOGFWDCTL, "receive", f"{host}:{port}")
    assert done.returncode == 1 and f"{host}:{port}: another program" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may have so large a buffer")
def test_receive_holds_a_burst_of_100000():
    """Stopped while they arrive, so that the kernel's buffer has to hold them all."""
    with receiver("--quiet", "--count", 100000, "--timeout", PATIENCE) as process:
        process.send_signal(signal.SIGSTOP)
        send(process, *[b"x" * 200] * 100000)
        process.send_signal(signal.SIGCONT)
        assert ending(process)[::2] == (0, "received 100000\n")


@pytest.mark.skipif(os.geteuid() != 0, reason="without root the buffer's size is not known")
def test_receive_says_what_the_kernel_dropped():
    with receiver("--quiet") as process:
        process.send_signal(signal.SIGSTOP)
        send(process, *[b"x" * 60000] * 3000)
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGCONT)
        status, _, errors = ending(process)
    received, dropped = map(int, re.findall(r"\d+", errors))
    assert status == 0 and received + dropped == 3000 and dropped > 0
