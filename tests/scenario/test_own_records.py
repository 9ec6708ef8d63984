"""What the daemon says by itself: a client that is gone, and what a rate limit suppressed.

Both go the way of any record, to the collectors, and are counted as notices: the ledgers of
what clients gave are theirs alone. Of a storm of deaths the first are told, the others summed up.
"""

import os
import re
import signal
import time

from tests.support.daemon import AUDIBLE, target
from tests.support.python_program import start_python
from tests.support.waiting import wait_for



def gone(collector):
    return [m for m in collector.messages() if m.logger == "logfwd.clients"]


def test_a_death_is_told(start_daemon, collector):
    daemon = start_daemon(target("central", collector) + AUDIBLE)
    program = start_python(daemon, """
        import logfwd
        from logfwd._client import default_client
        held = [logfwd.getLogger(f"job.{n}") for n in range(7)]
        for log in held:
            log.info("at work")
        default_client().flush(10)
        print("ready", flush=True)
        input()
    """)
    assert program.stdout.readline() == "ready\n"
    program.send_signal(signal.SIGKILL)
    program.wait()
    wait_for(lambda: gone(collector), lambda: f"a word of its death: {collector.texts()}")
    (message,) = gone(collector)
    assert message.severity == 5 and message.app == "logfwdd"
    assert int(message.procid) == daemon.pid
    assert re.fullmatch(
        rb"client gone: pid=%d uid=%d user=\S+ program=\S+ loggers=7 records=7 recorded=0"
        % (program.pid, os.getuid()), message.text,
    ), message.text
    stats = daemon.stats()
    assert stats["records"]["received"] == 7
    assert stats["targets"]["central"]["notices"] == stats["notices"] == 1


def test_who_closed_its_client_is_not_dead(start_daemon, collector):
    """Its loggers were still open, more than a socket holds: closing the client closes them."""
    daemon = start_daemon(
        target("central", collector) + AUDIBLE + "logger job { level = error  recorder = 10 }\n"
    )
    program = start_python(daemon, """
        import ctypes
        from logfwd._library import Options, library
        info, text = 20, b"kept by the recorder"
        client = ctypes.c_void_p()
        options = Options(size=ctypes.sizeof(Options), wait_ms=10000)
        assert library.logfwd_client_open(ctypes.byref(client), ctypes.byref(options)) == 0
        for number in range(30000):
            logger = ctypes.c_void_p()
            name = b"job.%d" % number
            assert library.logfwd_logger_open(client, name, ctypes.byref(logger)) == 0
            assert library.logfwd_write(logger, info, text, len(text)) == 0
        assert library.logfwd_flush(client, 10000) == 0
        library.logfwd_client_close(client)
        print("closed", flush=True)
        input()
    """)
    assert program.stdout.readline() == "closed\n"
    stats = daemon.wait_for_stats(
        lambda stats: stats["clients"]["live"] == 0 and stats["loggers"]["leased"] == 0, "its end"
    )
    program.kill()
    program.wait()
    assert stats["loggers"]["reclaimed"] == {"released": 30000, "client_exit": 0}
    assert stats["recorder"]["forgotten"] == stats["recorder"]["kept"] == 30000
    assert stats["clients"]["violations"] == stats["notices"] == 0


def test_a_storm_is_summed_up(start_daemon, collector):
    daemon = start_daemon(
        target("central", collector) + AUDIBLE + "limits { clients = 1000  uid-share = 100 }\n"
    )
    for _ in range(300):
        with daemon.client() as client:
            client.on_flushed = None
            client.open(1, b"short.life")
            client.flush()
    daemon.wait_for_stats(lambda stats: stats["clients"]["live"] == 0, "the end of all")

    def told():
        single = summed = 0
        for message in gone(collector):
            more = re.match(rb"(\d+) more clients? gone: loggers=(\d+) ", message.text)
            single += more is None
            summed += int(more[1]) if more else 0
        return single, summed

    wait_for(lambda: sum(told()) == 300, lambda: f"all deaths told or summed up: {told()}")
    single, summed = told()
    assert 50 <= single < 300, "of a storm the first are told"
    assert summed == 300 - single


def test_what_a_rate_limit_suppressed_is_announced(start_daemon, collector):
    daemon = start_daemon(
        target("central", collector)
        + "handler default { target = central  rate-limit = 1  rate-burst = 2  facility = user }\n"
    )
    with daemon.client() as client:
        client.open(1, b"app")
        client.log(1, *[b"%d" % n for n in range(10)])
        client.flush()
        message = collector.wait_for_text(b"suppressed by rate-limit of handler default")
        assert message.text.startswith(b"8 records suppressed")
        assert message.facility == 1
        stats = daemon.stats()
        assert stats["records"]["rate_limited"] == 8
        assert stats["targets"]["central"]["notices"] == 1


def test_claims_of_a_client_forge_nothing(start_daemon, collector):
    daemon = start_daemon(target("central", collector) + AUDIBLE)
    with daemon.client(b"shop loggers=99\n\xff\"]") as client:
        client.open(1, b"app")
        client.flush()
    wait_for(lambda: gone(collector), "a word of its end")
    (message,) = gone(collector)
    assert message.text.endswith(b' program=shop_loggers=99__"] loggers=1 records=0 recorded=0')


def test_their_logger_says_where_they_go(start_daemon, collectors):
    central, operations = collectors(), collectors()
    both = target("central", central) + target("operations", operations)
    daemon = start_daemon(
        both + "handler default { target = central }\nhandler ends { target = operations }\n"
        "logger logfwd.clients { handlers = {ends}  propagate = false }\n"
    )
    with daemon.client() as client:
        client.open(1, b"app")
        client.flush()
    wait_for(lambda: gone(operations), "a word of its end")
    daemon.write_config(both + "logger logfwd.clients { level = warning }\n")
    daemon.reload()
    with daemon.client() as client:
        client.open(1, b"app")
        client.flush()
    daemon.wait_for_stats(lambda stats: stats["clients"]["live"] == 0, "a second end")
    assert daemon.stats()["notices"] == 1
    assert central.datagrams == [] and len(operations.datagrams) == 1


def suppressed(collector):
    """How many records came, and how many are said not to have come, each time that was said."""
    said = [re.search(rb"(\d+) records? suppressed by", each) for each in list(collector.datagrams)]
    numbers = [int(match[1]) for match in said if match]
    return len(said) - len(numbers), numbers


def limited(collector, options):
    return target("central", collector) + f"handler default {{ {options} }}\n"


def test_announcement_has_the_shape_of_its_handler(start_daemon, collector):
    daemon = start_daemon(limited(
        collector,
        'rate-limit = 1  format = rfc3164  facility = mail  level = error  template = "{logger}"',
    ))
    with daemon.client() as client:
        client.open(1, b"app")
        client.log(1, *[b"text"] * 100, level=40)
        client.flush()
        wait_for(lambda: suppressed(collector)[1], "word of what was suppressed")
    said = next(each for each in collector.datagrams if b"suppressed" in each)
    assert said.startswith(b"<20>")  # mail, warning
    assert b" logfwdd[%d]: " % daemon.pid in said


def test_steady_excess_is_announced_about_once_a_second(start_daemon, collector):
    daemon = start_daemon(limited(collector, "rate-limit = 100"))
    given, begin = 0, time.monotonic()
    with daemon.client() as client:
        client.on_flushed = None
        client.open(1, b"app")
        while len(suppressed(collector)[1]) < 3:
            client.log(1, *[b"text"] * 10)
            client.flush()
            given += 10
        assert time.monotonic() - begin > 1.5

        def all_told():
            came, told = suppressed(collector)
            return came + sum(told) == given

        wait_for(all_told, lambda: f"all of {given} came or were announced: {suppressed(collector)}")
    stats = daemon.stats()
    assert stats["records"]["accepted"] == suppressed(collector)[0]
    assert stats["notices"] == len(suppressed(collector)[1])


def test_what_was_suppressed_is_told_before_a_reload(start_daemon, collector):
    daemon = start_daemon(limited(collector, "rate-limit = 1"))
    with daemon.client() as client:
        client.open(1, b"app")
        client.log(1, *[b"text"] * 10)
        client.flush()
        daemon.write_config(target("central", collector))
        daemon.reload()
        wait_for(lambda: suppressed(collector)[1], "word of it")
    came, told = suppressed(collector)
    assert came + sum(told) == 10


def test_what_waits_to_be_said_is_said_at_the_end(start_daemon, collectors):
    central, ends = collectors(), collectors()
    daemon = start_daemon(
        target("central", central) + target("ends", ends)
        + "handler default { target = central  rate-limit = 1 }\nhandler ends { target = ends }\n"
        + "logger logfwd.clients { handlers = {ends}  propagate = false }\n"
    )
    clients = [daemon.client() for _ in range(100)]
    for client in clients:
        client.on_flushed = None
        client.open(1, b"app")
        client.log(1, b"text")
        client.flush()
    for client in clients:
        client.close()
    daemon.wait_for_stats(lambda stats: stats["clients"]["live"] == 0, "the end of all")
    daemon.terminate()
    daemon.assert_clean_exit()
    for each in (central, ends):
        each.stop()  # with all that was sent
    came, told = suppressed(central)
    assert came + sum(told) == 100
    assert told_of(ends) == 100


def told_of(collector):
    """How many clients are said to be gone."""
    said = [re.match(rb"(\d+) more clients? gone:|client gone:", each.text) for each in gone(collector)]
    return sum(int(match[1] or 1) for match in said)
