"""Receivers that others have written understand every record.

A real rsyslogd and a real syslog-ng receive 10,000 records each from two clients' loggers
and write host, program, pid, structured data and text where RFC 5424 puts them: all there,
each right, in order. What a hostile client has put into its fields reaches them as one
message like any other.
"""

import os
import socket

import pytest

from tests.support import escaping, receivers, rfc5424, wire
from tests.support.daemon import target

RECORDS = 10000
LOGGERS = 10
BATCH = 200  # fits every receiver's socket buffer, also where it cannot be raised


@pytest.fixture(params=[receivers.rsyslogd, receivers.syslog_ng], ids=["rsyslogd", "syslog-ng"])
def receiver(request):
    try:
        receiver = request.param()
    except receivers.Unavailable as reason:
        pytest.skip(str(reason))
    yield receiver
    receiver.stop()


@pytest.fixture
def daemon(start_daemon, receiver):
    return start_daemon(target("central", receiver))


def elements(text):
    """STRUCTURED-DATA as a receiver wrote it; its order is the receiver's own."""
    return rfc5424.parse(f"<1>1 - - - - - {text}".encode()).sd


def text_of(number):
    return f"record {number}: 100 % of {{fields}} \"quoted\" [in] brackets \\ grün €"


def test_ten_thousand_records_arrive_right_and_in_order(daemon, receiver):
    with daemon.client(b"shop") as shop, daemon.client(b"stock") as stock:
        clients = (shop, stock)
        for client in clients:
            for number in range(LOGGERS):
                client.send(
                    wire.open_logger(number, b"Connection.%d" % number),
                    wire.set_context(number, b"peer", b'10.0.0.%d "]\\' % number),
                )
        for start in range(0, RECORDS, BATCH):
            client = clients[start // BATCH % 2]
            client.send(*[
                wire.record(number % LOGGERS, text_of(number).encode(), level=30)
                for number in range(start, start + BATCH)
            ])
            client.flush()
            receiver.lines(start + BATCH)
            daemon.stats()
    lines = receiver.lines(RECORDS)
    assert len(lines) == RECORDS
    for number, (host, program, pid, sd, text) in enumerate(lines):
        assert text == text_of(number)
        assert host == socket.gethostname()
        assert program == ("shop", "stock")[number // BATCH % 2]
        assert pid == str(os.getpid())
        assert elements(sd) == {
            "logfwd@32473": {"logger": f"Connection.{number % LOGGERS}"},
            "ctx@32473": {"peer": f'10.0.0.{number % LOGGERS} "]\\'},
        }
    stats = daemon.stats()["targets"]["central"]
    assert (stats["sent"], stats["refused"], stats["queued"]) == (RECORDS, 0, 0)


def test_every_byte_value_is_one_message(daemon, receiver):
    with daemon.client(b"hostile") as client:
        client.open(1, b"Connection.1")
        for byte in range(256):
            raw = b"<0>" + bytes([byte]) + b"x"
            client.send(wire.set_context(1, b"peer", raw), wire.record(1, raw, level=40))
            if byte % (BATCH // 2) == 0:
                client.flush()
                receiver.lines(byte + 1)
        client.flush()
        lines = receiver.lines(256)
    assert len(lines) == 256
    for byte, (_, program, pid, sd, text) in enumerate(lines):
        expected = escaping.text(b"<0>" + bytes([byte]) + b"x")
        assert (program, pid) == ("hostile", str(os.getpid()))
        assert elements(sd)["ctx@32473"] == {"peer": expected}
        assert text == expected
