"""Whatever bytes a client supplies, a strict RFC 5424 parser accepts every datagram.

A hostile client puts each of the 256 byte values into each field that it may fill: the
program's name, a logger's name, a key and a value of the context, the text. Nothing it
writes may end its record early, forge another one, or reach a terminal raw. What must be
refused (a NUL in a name, a key that is no SD-NAME) is refused alone, and the connection
lives. The same holds for what comes in by the syslog(3) socket.
"""

import os
import random
import socket

import pytest

from tests.support import escaping, rfc5424, wire
from tests.support.daemon import target
from tests.support.length import steps

SD_NAME_BYTES = set(range(0x21, 0x7F)) - set(b'="]')

BAD_MESSAGES = [
    b"",
    b"<14>",
    b"<192>1 - - - - - -",
    b"<014>1 - - - - - -",
    b"<14>2 - - - - - -",
    b"<14>1 - - - - -",
    b"<14>1  - - - - - -",
    b"<14>1 2026-02-30T00:00:00Z - - - - -",
    b"<14>1 2026-01-01T00:00:60Z - - - - -",
    b"<14>1 2026-01-01T24:00:00Z - - - - -",
    b"<14>1 2026-01-01T00:00:00.1234567Z - - - - -",
    b"<14>1 2026-01-01t00:00:00z - - - - -",
    b"<14>1 - " + b"h" * 256 + b" - - - -",
    b"<14>1 - - " + b"a" * 49 + b" - - -",
    b"<14>1 - - - - - -x",
    b"<14>1 - - - - - []",
    b"<14>1 - - - - - [a]x",
    b"<14>1 - - - - - [a][a]",
    b'<14>1 - - - - - [a b="]"]',
    b'<14>1 - - - - - [a b="\\n"]',
    b'<14>1 - - - - - [a b="x" ]',
    b'<14>1 - - - - - [a =""]',
    b"<14>1 - - - - - - \n",
    b"<14>1 - - - - - - \x7f",
    b"<14>1 - - - - - - \xff",
    b"<14>1 - - - - - - \xc2\x85",
    b"<14>1 - - - - - - \xe2\x80\xae",
    b"<14>1 - - - - - \xef\xbb\xbfx",
]

# What forgers try, and what has broken others.
HOSTILE = [
    b"\n<0>1 2026-01-01T00:00:00Z forged sshd 1 - - in",
    b'"][forged@1 a="b',
    b'\\"]',
    b"\\",
    b"]]]",
    b"%n%s%999999d",
    b"{message}{context.KEY}",
    b"${jndi:ldap://x}",
    b"\xef\xbb\xbfbom",
    b"\xed\xa0\x80 surrogate",
    b"\xf4\x90\x80\x80 beyond",
    b"\xc0\xafoverlong",
    b"\xe2\x80\xa8line\xe2\x80\xa9paragraph",
    b"\xe2\x80\xaeright to left",
    b"\x1b]0;title\x07\x1b[2J",
    b"\xe2\x82",
]


@pytest.fixture
def daemon(start_daemon, collector):
    return start_daemon(target("central", collector, datagram_bytes=65507))


def one_more(daemon, collector, send):
    """The message of the one datagram that send() causes: not none, and not two."""
    seen = len(collector.datagrams)
    send()
    message = rfc5424.strict(collector.received(seen + 1)[seen])
    return message


def no_more_than(daemon, collector, count):
    """Nothing else was sent: by the daemon's accounts and by what arrived."""
    stats = daemon.wait_for_stats(
        lambda stats: stats["targets"]["central"]["queued"] == 0, "the queue is empty"
    )
    assert stats["targets"]["central"]["sent"] == count
    assert len(collector.received(count)) == count


@pytest.mark.parametrize("bad", BAD_MESSAGES, ids=repr)
def test_the_parser_itself_is_strict(bad):
    with pytest.raises(ValueError):
        rfc5424.strict(bad)


def test_each_byte_in_each_field(daemon, collector):
    records = 0
    for byte in range(256):
        raw = bytes([byte])
        app, name = b"a" + raw + b"z", b"Connection." + raw + b".1"
        value, text = b"v" + raw + b"w", raw + b"x" + raw
        with daemon.client(app) as client:
            client.open(1, name)
            client.send(wire.set_context(1, b"peer", value))
            client.send(wire.record(1, text))
            if byte == 0:
                refused = wire.refusal(client.expect(wire.ERROR).body)
                assert (refused.code, refused.logger_id) == (wire.ERROR_NAME, 1)
                client.open(2, b"Connection.nul")
                client.send(wire.set_context(2, b"peer", value))
                client.send(wire.record(2, text))
                name = b"Connection.nul"
            client.flush()
        records += 1
        message = rfc5424.strict(collector.received(records)[-1])
        assert message.app == escaping.header_field(app, 48)
        assert message.logger == escaping.text(name)
        assert message.context == {"peer": escaping.text(value)}
        assert message.text.decode() == escaping.text(text)
        assert message.procid == str(os.getpid())
        assert message.pri == 16 * 8 + 6
    no_more_than(daemon, collector, records)
    # The record to the name that was refused is the only one that got no further.
    assert daemon.stats()["records"]["rejected_by"]["unknown_logger"] == 1


def test_each_byte_in_a_context_key(daemon, collector):
    with daemon.client() as client:
        client.open(1, b"Connection.1")
        for byte in range(256):
            key = b"k" + bytes([byte])
            client.send(wire.set_context(1, key, b"v"))
            if byte not in SD_NAME_BYTES:
                refused = wire.refusal(client.expect(wire.ERROR).body)
                assert (refused.code, refused.logger_id) == (wire.ERROR_CONTEXT, 1)
                assert refused.reason.isprintable()
                key = None
            message = one_more(daemon, collector, lambda: client.log(1, b"x"))
            assert message.context == ({key.decode(): "v"} if key else {})
            if key:
                client.send(wire.set_context(1, key, None))
    no_more_than(daemon, collector, 256)


@pytest.mark.long
def test_hostile_and_random_strings_in_all_fields_at_once(daemon, collector):
    seed = random.SystemRandom().randrange(1 << 32)
    print("seed", seed)  # shown when the test fails
    chance = random.Random(seed)
    count = 0
    with daemon.client() as client:
        for number in steps(500, 50000):
            raw = chance.randbytes(chance.randrange(1, 60))
            raw = HOSTILE[number] if number < len(HOSTILE) else raw
            name = b"Connection." + raw.replace(b"\0", b"").replace(b".", b"")
            client.send(
                wire.open_logger(number, name),
                wire.set_context(number, b"peer", raw),
                wire.record(number, raw),
                wire.close_logger(number),
            )
            client.flush()
            count += 1
            message = rfc5424.strict(collector.received(count)[number])
            assert message.logger == escaping.text(name)
            assert message.context == {"peer": escaping.text(raw)}
            assert message.text.decode() == escaping.text(raw)
            assert (message.pri, message.procid) == (16 * 8 + 6, str(os.getpid()))
    no_more_than(daemon, collector, count)


def test_each_byte_through_the_syslog_socket(daemon, collector):
    sent = 0
    for byte in range(256):
        raw = bytes([byte])
        for datagram in (
            b"<13>tag" + raw + b"x: in the tag",
            b"<13>Nov 22 10:11:12 tag[1]: " + raw + b" at the start",
            b"<13>tag: in the" + raw + b"middle",
            raw + b"<13>tag: before it all",
            b"<13>1 2026-11-22T10:11:12Z h" + raw + b" app" + raw + b" - - - text" + raw + b".",
        ):
            daemon.syslog(datagram)
            sent += 1
        stats = daemon.stats()["records"]
        assert stats["received"] <= sent
    stats = daemon.wait_for_stats(
        lambda stats: stats["records"]["received"] == sent
        and not stats["targets"]["central"]["queued"],
        f"{sent} datagrams taken",
    )
    delivered = stats["targets"]["central"]["sent"]
    assert delivered + stats["records"]["rejected"] == sent
    messages = collector.messages(delivered)
    assert {message.procid for message in messages} == {str(os.getpid())}
    assert {message.host for message in messages} == {socket.gethostname()}
    no_more_than(daemon, collector, delivered)


def test_text_bytes_through_the_syslog_socket_are_kept(daemon, collector):
    for byte in set(range(256)) - set(b"\0\n\r "):  # which the end of a line may lose
        raw = b"x" + bytes([byte]) + b"y"
        message = one_more(daemon, collector, lambda: daemon.syslog(b"<13>tag: " + raw))
        assert message.text.decode() == escaping.text(raw)
        assert message.app == "tag"
