"""What a handler's options make of a record, seen at the collector.

Facility and level become PRI, a template shapes the text, RFC 3164 is spoken on request,
sequence numbers count without a gap, and what does not fit is cut at a character border and
says how long it was, or goes in numbered parts, or is a counted loss. Levels, propagation and filters let through what Python's logging would.
"""

import os
import re
import time

import pytest

from tests.support import escaping, rfc3164, wire
from tests.support.daemon import target
from tests.support.waiting import wait_for

SEVERITY_BOUNDS = [(1, 7), (10, 7), (11, 6), (20, 6), (21, 5), (25, 5), (26, 4), (30, 4), (31, 3),
                   (40, 3), (41, 2), (50, 2), (51, 1), (60, 1), (61, 0), (70, 0), (100, 0)]


def one_handler(collector, options="", **target_options):
    return (
        target("central", collector, **target_options)
        + f"handler default {{ target = central {options} }}\n"
        + "logger root { level = 1 handlers = {default} }\n"
    )


def test_each_level_has_its_severity(start_daemon, collector):
    daemon = start_daemon(one_handler(collector, "facility = local3"))
    with daemon.client() as client:
        client.open(1, b"app")
        for level, _ in SEVERITY_BOUNDS:
            client.log(1, b"%d" % level, level=level)
        client.flush()
    messages = collector.messages(len(SEVERITY_BOUNDS))
    assert [(int(each.text), each.severity) for each in messages] == SEVERITY_BOUNDS
    assert {each.facility for each in messages} == {19}


def test_the_time_is_that_of_the_call(start_daemon, collector):
    daemon = start_daemon(one_handler(collector))
    times = [0, 1, 999999, 1763806272345678, 253402300799999999, -1, int(time.time() * 1e6)]
    with daemon.client() as client:
        client.open(1, b"app")
        client.send(*[wire.record(1, b"x", time_us=each) for each in times])
        client.flush()
    for wanted, message in zip(times, collector.messages(len(times)), strict=True):
        got = message.timestamp
        assert round(got.timestamp() * 1e6) == pytest.approx(wanted, abs=32)  # a float's limit
        assert got.microsecond == wanted % 1000000


@pytest.mark.parametrize("time_us", [-(1 << 63), (1 << 63) - 1, 253402300800000000])
def test_a_time_beyond_the_calendar_is_the_nil_value(start_daemon, collector, time_us):
    daemon = start_daemon(one_handler(collector))
    with daemon.client() as client:
        client.open(1, b"app")
        client.send(wire.record(1, b"x", time_us=time_us))
    assert collector.messages(1)[0].timestamp is None


def test_a_template_shapes_the_text(start_daemon, collector):
    template = (
        "{{{logger}}} {level}/{app}/{pid}/{uid} {context.peer} [{context}] {message}{context.no}"
    )
    daemon = start_daemon(one_handler(collector, f'template = "{template}"'))
    with daemon.client(b"shop") as client:
        client.open(1, b"Connection.7")
        client.send(wire.set_context(1, b"peer", b"10.0.0.7:1"))
        client.send(wire.set_context(1, b"tls", b"yes"))
        client.log(1, b"{logger} is not read again", level=30)
    (message,) = collector.messages(1)
    head, context, rest = re.split(r"[][]", message.text.decode())
    assert head == f"{{Connection.7}} warning/shop/{os.getpid()}/{os.getuid()} 10.0.0.7:1 "
    assert sorted(context.split()) == ["peer=10.0.0.7:1", "tls=yes"]
    assert rest == " {logger} is not read again"


def test_rfc3164_on_request(start_daemon, collector):
    daemon = start_daemon(one_handler(collector, "format = rfc3164 facility = mail"))
    with daemon.client(b"postfix") as client:
        client.open(1, b"app")
        client.log(1, b"plain", b"line\nbreak \xff", b"%s", level=40)
    messages = [rfc3164.parse(datagram) for datagram in collector.received(3)]
    assert [each.text for each in messages] == [b"plain", b"line#012break #377", b"%s"]
    for each in messages:
        assert (each.facility, each.severity) == (2, 3)
        assert (each.tag, each.pid) == ("postfix", os.getpid())


@pytest.mark.parametrize("character", ["x", "ä", "€", "😀"])
@pytest.mark.parametrize("datagram_bytes", [480, 2048])
def test_what_does_not_fit_is_cut(start_daemon, collector, datagram_bytes, character):
    daemon = start_daemon(one_handler(collector, datagram_bytes=datagram_bytes))
    text = (character * 5000).encode()
    with daemon.client() as client:
        client.open(1, b"app")
        client.log(1, text, b"short")
    cut, short = collector.messages(2)
    assert datagram_bytes - 4 < len(collector.datagrams[0]) <= datagram_bytes
    assert cut.sd["logfwd@32473"]["truncated"] == str(len(text))
    assert cut.text.decode() == character * (len(cut.text) // len(character.encode()))
    assert "truncated" not in short.sd["logfwd@32473"]
    assert daemon.stats()["targets"]["central"]["truncated"] == 1


@pytest.mark.parametrize("when_full", ["drop-oldest", "drop-lowest"])
def test_what_does_not_fit_goes_in_parts(start_daemon, collector, when_full):
    """In order, one behind the other, each numbered in the text's record and in the stream."""
    daemon = start_daemon(
        one_handler(
            collector, datagram_bytes=480, oversize="split", sequence="true", when_full=when_full
        )
    )
    text = "".join(f"{number} äß€😀\n" for number in range(4000)).encode()[:65536]
    with daemon.client() as client:
        client.open(1, b"app")
        client.open(2, b"other")
        client.log(1, b"before", text)
        client.log(2, b"after")
    stats = daemon.wait_for_stats(
        lambda stats: stats["records"]["accepted"] == 3
        and not stats["targets"]["central"]["queued"],
        "all is sent",
    )
    central = stats["targets"]["central"]
    messages = collector.messages(central["sent"])
    before, *parts, after = messages
    assert (before.text, after.text) == (b"before", b"after")
    assert max(map(len, collector.datagrams)) <= 480
    own = [message.sd["logfwd@32473"] for message in parts]
    assert [each["part"] for each in own] == [str(1 + i) for i in range(len(parts))]
    assert {each["parts"] for each in own} == {str(len(parts))}
    assert "part" not in before.sd["logfwd@32473"] and "truncated" not in own[0]
    joined = b"".join(message.text for message in parts).decode()
    assert joined == escaping.text(text)
    assert [int(each.sd["meta"]["sequenceId"]) for each in messages] == list(
        range(1, len(messages) + 1)
    )
    assert (central["split"], central["truncated"]) == (1, 0)
    assert stats["records"]["deliveries"] == central["enqueued"] == len(messages)


@pytest.mark.parametrize(
    "options", [{}, {"sockets": 2}, {"rate": 2000}], ids=["at-once", "two-ports", "paced"]
)
def test_parts_stay_together_where_servers_take_turns(start_daemon, collectors, options):
    """Of 20 loggers, each with long records and short ones; at a pace, most wait in the queue."""
    both = [collectors(), collectors()]
    daemon = start_daemon(
        target("central", *both, datagram_bytes=480, oversize="split", policy="balance", **options)
    )
    with daemon.client() as client:
        for number in range(20):
            client.open(number, b"app.%d" % number)
        for record in range(8):
            for number in range(20):
                client.log(number, b"short", b"%d:" % record + b"x" * (700 + 50 * number))
    central = daemon.wait_for_stats(
        lambda stats: stats["records"]["accepted"] == 2 * 8 * 20
        and not stats["targets"]["central"]["queued"],
        "all is sent",
    )["targets"]["central"]
    wait_for(lambda: sum(len(each.datagrams) for each in both) == central["sent"], "all is there")
    shorts, homes = [0, 0], {}
    for where, each in enumerate(both):
        joined = {}
        for message in each.messages():
            own = message.sd["logfwd@32473"]
            if "part" not in own:
                shorts[where] += 1
                continue
            joined.setdefault(own["logger"], []).append((own["part"], own["parts"], message.text))
        for logger, parts in joined.items():
            assert homes.setdefault(logger, where) == where, f"parts of {logger} at both"
            whole = b"".join(text for _, _, text in parts).decode()
            assert re.findall(r"(\d):x+", whole) == [str(record) for record in range(8)]
            numbers = [int(part) for part, _, _ in parts]
            assert numbers == [*range(1, int(parts[0][1]) + 1)] * 8
    assert sum(shorts) == 160 and min(shorts) > 0 and len(homes) == 20
    assert len(set(homes.values())) == 2


def test_what_does_not_fit_is_dropped_on_request(start_daemon, collector):
    daemon = start_daemon(one_handler(collector, datagram_bytes=480, oversize="drop"))
    with daemon.client() as client:
        client.open(1, b"app")
        client.log(1, b"short", b"x" * 481, b"after")
    messages = collector.messages(3)
    assert [message.text for message in messages[:2]] == [b"short", b"after"]
    assert messages[2].text.startswith(b"1 record lost: oversize 1")
    assert daemon.stats()["targets"]["central"]["dropped"]["oversize"] == 1


@pytest.mark.parametrize("oversize", ["cut", "split", "drop"])
def test_hard_records_in_a_batch_leave_their_neighbours_unharmed(
    start_daemon, collector, oversize
):
    """70 kB, of which a client sends what a frame holds, and every byte value."""
    daemon = start_daemon(one_handler(collector, datagram_bytes=2048, oversize=oversize))
    neighbours = [b"neighbour %d" % number for number in range(20)]
    every = bytes(range(1, 256)) + b"\0"
    with daemon.client() as client:
        client.open(1, b"app")
        texts = [*neighbours[:10], b"x" * wire.RECORD_MAX, *neighbours[10:15], every]
        client.send(
            *(
                wire.record(1, text, original_length=70000 if len(text) > 1000 else None)
                for text in [*texts, *neighbours[15:]]
            )
        )
        client.flush()
    central = daemon.wait_for_stats(
        lambda stats: not stats["targets"]["central"]["queued"], "all is sent"
    )["targets"]["central"]
    messages = collector.messages(central["sent"])  # each by the strict parser
    texts = [message.text for message in messages]
    long = [text for text in texts if text.startswith(b"xxx")]
    assert [text for text in texts if text.startswith(b"neighbour")] == neighbours
    assert texts[10 + len(long) + 5].decode() == escaping.text(every)
    assert texts[10 : 10 + len(long)] == long
    if oversize == "cut":
        assert len(long) == 1
        assert messages[10].sd["logfwd@32473"]["truncated"] == "70000"
        assert len(collector.datagrams[10]) == 2048
    else:
        assert sum(map(len, long)) == (wire.RECORD_MAX if oversize == "split" else 0)


def test_a_text_that_the_client_cut_says_so(start_daemon, collector):
    daemon = start_daemon(one_handler(collector))
    with daemon.client() as client:
        client.open(1, b"app")
        client.send(wire.record(1, b"the beginning", original_length=1000000))
    (message,) = collector.messages(1)
    assert message.text == b"the beginning"
    assert message.sd["logfwd@32473"]["truncated"] == "1000000"


def test_sequence_numbers_have_no_gap(start_daemon, collector):
    daemon = start_daemon(one_handler(collector, sequence="true"))
    with daemon.client() as client:
        client.open(1, b"app")
        client.log(1, *[b"x"] * 100)
    numbers = [int(message.sd["meta"]["sequenceId"]) for message in collector.messages(100)]
    assert numbers == list(range(1, 101))


def test_levels_propagation_and_filters(start_daemon, collectors):
    everything, errors, database = collectors(), collectors(), collectors()
    daemon = start_daemon(
        target("everything", everything) + target("errors", errors) + target("database", database)
        + """
        handler everything { target = everything }
        handler errors { target = errors level = error filter = "app.db" }
        handler database { target = database }
        logger root { level = warning handlers = {everything, errors} }
        logger app { level = debug }
        logger app.db { handlers = {database} }
        logger app.db.pool { propagate = false handlers = {database} }
        """
    )
    with daemon.client() as client:
        names = [b"", b"app", b"app.db", b"app.db.pool", b"app.dbx"]
        for number, name in enumerate(names):
            client.open(number, name)
            for level in (10, 30, 40):
                client.log(number, (name or b"root") + b" %d" % level, level=level)
        client.flush()
    stats = daemon.stats()
    assert stats["records"]["filtered"] == 1  # root at debug
    assert everything.texts(11) == [
        b"root 30", b"root 40", b"app 10", b"app 30", b"app 40", b"app.db 10", b"app.db 30",
        b"app.db 40", b"app.dbx 10", b"app.dbx 30", b"app.dbx 40",
    ]
    assert errors.texts(1) == [b"app.db 40"]
    assert database.texts(6) == [
        b"app.db 10", b"app.db 30", b"app.db 40",
        b"app.db.pool 10", b"app.db.pool 30", b"app.db.pool 40",
    ]
    assert stats["records"]["deliveries"] == 18


def test_the_context_of_the_configuration_is_added(start_daemon, collector):
    daemon = start_daemon(
        target("central", collector)
        + 'logger Connection { context = {"service=edge", "peer=unknown"} }\n'
    )
    with daemon.client() as client:
        client.open(1, b"Connection.7")
        client.open(2, b"other")
        client.send(wire.set_context(1, b"peer", b"10.0.0.7"))
        client.log(1, b"x")
        client.log(2, b"y")
    assert [message.context for message in collector.messages(2)] == [
        {"peer": "10.0.0.7", "service": "edge"}, {},
    ]


def test_a_rate_limit_counts_what_it_stops(start_daemon, collector):
    daemon = start_daemon(one_handler(collector, "rate-limit = 10 rate-burst = 20"))
    with daemon.client() as client:
        client.open(1, b"app")
        client.log(1, *[b"%d" % number for number in range(200)])
        client.flush()
        records = daemon.stats()["records"]
        assert records["accepted"] + records["rate_limited"] == 200
        assert 20 <= records["accepted"] <= 60
        collector.received(records["accepted"])
