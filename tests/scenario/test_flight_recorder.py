"""The flight recorder: what the level held back is sent when it is wanted, in order and marked.

The last N records below the level, of each leased logger by itself, come first when a record
at the trigger passes, or when the process dies without closing the logger. A logger that is
closed takes its own along. Memory is bounded, and a third ledger says what became of each.
"""

import signal

import pytest

from tests.support import wire
from tests.support.daemon import target
from tests.support.python_program import start_python

RECORDER = "logger app { recorder = 3 }\n"


def texts(collector, count):
    """Texts in order, those that a recorder kept with a star."""
    return [
        ("*" if message.sd["logfwd@32473"].get("recorded") == "true" else "")
        + message.text.decode()
        for message in collector.messages(count)
    ]


@pytest.fixture
def recording(start_daemon, collector):
    return start_daemon(target("central", collector) + RECORDER)


def test_a_trigger_sends_the_last_ones_first(recording, collector):
    with recording.client() as client:
        client.open(1, b"app.x")
        client.open(2, b"app.y")
        client.log(1, b"1", b"2", b"3", b"4", level=10)
        client.log(2, b"other", level=10)
        client.log(1, b"info is no trigger", level=20)
        client.log(1, b"5", level=15)
        client.log(1, b"error", level=40)
        client.log(1, b"again", level=40)
        client.flush()
        assert texts(collector, 6) == [
            "info is no trigger", "*3", "*4", "*5", "error", "again",
        ]
        stats = recording.stats()
        assert stats["recorder"] == {"kept": 6, "sent": 3, "forgotten": 2, "held": 1,
                                     "not_kept": 0,
                                     "held_bytes": stats["recorder"]["held_bytes"]}
        assert stats["records"]["filtered"] == 6
        assert stats["records"]["recorded"] == 3
        assert stats["records"]["received"] == 9 + 3


def test_what_died_tells_what_it_did(recording, collector):
    program = start_python(recording, """
        import logfwd
        from logfwd._client import default_client
        log = logfwd.getLogger("app.job")
        for step in range(10):
            log.debug("step %d", step)
        default_client().flush(10)
        print("ready", flush=True)
        input()
    """)
    assert program.stdout.readline() == "ready\n"
    assert recording.stats()["recorder"]["held"] == 3, "the library sends what is recorded"
    program.send_signal(signal.SIGKILL)
    program.wait()
    assert texts(collector, 3) == ["*step 7", "*step 8", "*step 9"]
    recording.wait_for_stats(lambda stats: stats["loggers"]["leased"] == 0, "the end of its lease")
    assert recording.stats()["recorder"]["held_bytes"] == 0


def test_explain_says_that_it_records(start_daemon, collector):
    daemon = start_daemon(
        target("central", collector) + RECORDER
        + "logger app.loud { recorder-trigger = critical recorder = 7 }\n"
        "logger app.not { recorder = 0 }\n"
    )
    for name, rule in [("app", (3, 40)), ("app.x.y", (3, 40)), ("app.loud", (7, 50)),
                       ("app.loud.z", (7, 50)), ("app.not.a", None), ("root", None), ("other", None)]:
        said = daemon.request("explain", name=name, level=10)["recorder"]
        assert said == (rule and {"records": rule[0], "trigger": rule[1]}), name
    assert (
        "flight recorder: keeps the last 7 that are filtered, until one of critical sends them\n"
        in daemon.ctl("explain", "app.loud.z", "debug")
    )
    assert "flight recorder" not in daemon.ctl("explain", "app.not", "debug")


def test_what_is_closed_is_forgotten(recording, collector):
    with recording.client() as client:
        client.open(1, b"app")
        client.log(1, b"never seen", level=10)
        client.send(wire.close_logger(1))
        client.open(1, b"app")
        client.log(1, b"error", level=40)
        client.flush()
        assert texts(collector, 1) == ["error"]
        recorder = recording.stats()["recorder"]
        assert (recorder["kept"], recorder["forgotten"], recorder["held_bytes"]) == (1, 1, 0)


def test_without_a_recorder_nothing_is_kept(daemon, collector):
    with daemon.client() as client:
        client.open(1, b"app")
        client.log(1, b"never seen", level=10)
        client.log(1, b"error", level=40)
        client.flush()
        assert texts(collector, 1) == ["error"]
        assert daemon.stats()["recorder"]["kept"] == 0


def test_trigger_inheritance_and_its_end(start_daemon, collector):
    daemon = start_daemon(
        target("central", collector)
        + "logger app { recorder = 2  recorder-trigger = warning }\n"
        + "logger app.not { recorder = 0 }\n"
    )
    with daemon.client() as client:
        assert client.levels.others.items() >= {
            ("app", wire.RECORDER): 1, ("app.not", wire.RECORDER): 0,
        }.items()
        client.open(1, b"app.a.b")
        client.open(2, b"app.not.b")
        client.log(1, b"kept", level=10)
        client.log(2, b"not kept", level=10)
        client.log(1, b"warning", level=30)
        client.log(2, b"warning too", level=30)
        client.flush()
        assert texts(collector, 3) == ["*kept", "warning", "warning too"]


def test_memory_is_bounded(start_daemon, collector):
    daemon = start_daemon(
        target("central", collector)
        + "logger app { recorder = 100 }\nlimits { recorder-bytes = 20000  uid-share = 100 }\n"
    )
    with daemon.client() as client:
        client.open(1, b"app.a")
        client.log(1, *[b"%d " % n + b"x" * 1000 for n in range(60)], level=10)
        client.flush()
        recorder = daemon.stats()["recorder"]
        assert recorder["held_bytes"] <= 20000 and 10 < recorder["held"] < 20
        assert recorder["kept"] == 60, "its own oldest give way"
        client.open(2, b"app.b")
        client.log(2, b"y" * 1000, level=10)
        client.flush()
        assert daemon.stats()["recorder"]["not_kept"] <= 1
        client.log(1, b"error", level=40)
        client.flush()
        said = texts(collector, recorder["held"] + 1)
        assert [each.split()[0] for each in said] == [
            f"*{n}" for n in range(60 - recorder["held"], 60)
        ] + ["error"]


def test_a_reload_may_lower_its_memory(start_daemon, collector):
    def config(number):
        return (
            f"limits {{ recorder-bytes = {number}  uid-share = 100 }}\n"
            + target("central", collector) + "logger app { recorder = 100 }\n"
        )

    daemon = start_daemon(config(1000000))
    with daemon.client() as client:
        for number in range(5):
            client.open(number, b"app.%d" % number)
            client.log(number, *[b"x" * 1000] * 20, level=10)
        client.flush()
        assert daemon.stats()["recorder"]["held"] == 100
        daemon.write_config(config(50000))
        daemon.reload()
        recorder = daemon.stats()["recorder"]
        assert 40000 < recorder["held_bytes"] <= 50000
        assert recorder["held"] + recorder["forgotten"] == 100


def test_a_reload_may_end_it(recording, collector):
    with recording.client() as client:
        client.open(1, b"app")
        client.log(1, b"1", b"2", level=10)
        client.flush()
        assert recording.stats()["recorder"]["held"] == 2
        recording.write_config(target("central", collector) + "logger app { recorder = 1 }\n")
        recording.reload()
        assert recording.stats()["recorder"]["held"] == 1
        recording.write_config(target("central", collector))
        recording.reload()
        assert recording.stats()["recorder"]["held_bytes"] == 0


def test_processes_that_share_a_logger_are_separate(recording, collector):
    with recording.client() as one, recording.client() as two:
        for client, number in ((one, 1), (two, 2)):
            client.open(1, b"app.shared")
            client.log(1, b"of %d" % number, level=10)
            client.flush()
        two.log(1, b"error", level=40)
        two.flush()
        assert texts(collector, 2) == ["*of 2", "error"]
        assert recording.stats()["recorder"]["held"] == 1


def test_recorded_keeps_its_time_and_level_and_has_the_context_of_now(recording, collector):
    with recording.client() as client:
        client.open(1, b"app")
        client.log(1, b"1", b"2", level=10)
        client.flush()
        client.send(wire.set_context(1, b"peer", b"10.0.0.7"))
        client.log(1, b"error", level=40)
        messages = collector.messages(3)
    assert [message.severity for message in messages] == [7, 7, 3]
    times = [message.timestamp for message in messages]
    assert times == sorted(times)
    assert [message.context for message in messages] == [{"peer": "10.0.0.7"}] * 3


def test_the_last_words_of_the_dead_have_the_context_of_all_that_it_leased(recording, collector):
    for parent, child in ((1, 2), (2, 1), (1, 5000), (5000, 1)):
        with recording.client() as client:
            client.open(parent, b"app")
            client.open(child, b"app.x")
            client.send(wire.set_context(parent, b"peer", b"10.0.0.7"))
            client.log(child, b"kept", level=10)
            client.flush()
    messages = collector.messages(4)
    assert [message.text for message in messages] == [b"kept"] * 4
    assert [message.context for message in messages] == [{"peer": "10.0.0.7"}] * 4


def test_handlers_take_what_their_level_allows(start_daemon, collectors):
    everything, severe = collectors(), collectors()
    daemon = start_daemon(
        target("everything", everything) + target("severe", severe)
        + "handler all { target = everything }\n"
        + "handler severe { target = severe  level = error }\n"
        + "logger root { handlers = {all, severe}  recorder = 5 }\n"
    )
    with daemon.client() as client:
        client.open(1, b"app")
        client.log(1, b"kept", level=10)
        client.log(1, b"error", level=40)
        client.flush()
        assert texts(everything, 2) == ["*kept", "error"]
        assert texts(severe, 1) == ["error"]


def test_rfc3164_marks_it_before_the_text(start_daemon, collector):
    daemon = start_daemon(
        target("central", collector)
        + "handler default { format = rfc3164 }\nlogger root { recorder = 5 }\n"
    )
    with daemon.client() as client:
        client.open(1, b"app")
        client.log(1, b"kept", level=10)
        client.log(1, b"error", level=40)
        client.flush()
    kept, error = collector.received(2)
    assert kept.endswith(b": [recorded] kept") and error.endswith(b": error")


def test_a_user_has_a_share_of_its_memory(start_daemon, collector):
    daemon = start_daemon(
        target("central", collector)
        + "logger app { recorder = 2000 }\nlimits { recorder-bytes = 1000000  uid-share = 25 }\n"
    )
    with daemon.client() as client:
        for number in range(20):
            client.open(number, b"app.%d" % number)
            client.log(number, *[b"x" * 1000] * 100, level=10)
            client.flush()
            assert daemon.stats()["recorder"]["held_bytes"] <= 250000
        recorder = daemon.stats()["recorder"]
        assert recorder["held_bytes"] > 225000 and recorder["not_kept"] > 0
        assert recorder["kept"] + recorder["not_kept"] == 2000


def test_the_largest_one_comes_whole_and_in_order(start_daemon, collector):
    count = 2000
    daemon = start_daemon(
        target("central", collector) + f"logger app {{ recorder = {count} }}\n"
    )
    with daemon.client() as client:
        client.open(1, b"app")
        client.log(1, *[b"%d" % number for number in range(count + 100)], level=10)
        client.log(1, b"error", level=40)
        client.flush()
    said = [datagram.rpartition(b"] ")[2] for datagram in collector.received(count + 1)]
    assert said == [*(b"%d" % number for number in range(100, count + 100)), b"error"]


def by_logger(collector, count):
    said = {}
    for message in collector.messages(count):
        sd = message.sd["logfwd@32473"]
        said.setdefault(sd["logger"], []).append(("recorded" in sd, message.text.decode()))
    return said


def stop(daemon, client):
    daemon.terminate()
    daemon.assert_clean_exit()


def die(daemon, client):
    client.close()


def reload(daemon, client):
    for _ in range(3):
        daemon.reload()


@pytest.mark.parametrize("happens", [stop, die, reload])
def test_what_happens_while_they_are_sent_changes_nothing(start_daemon, collector, happens):
    """Sixteen thousand at once take many turns of the loop, and something comes between."""
    loggers, count = 8, 2000
    daemon = start_daemon(target("central", collector) + f"logger app {{ recorder = {count} }}\n")
    with daemon.client() as client:
        for number in range(loggers):
            client.open(number, b"app.%d" % number)
            client.log(number, *[b"%d" % each for each in range(count)], level=10)
        client.flush()
        assert daemon.stats()["recorder"]["held"] == loggers * count
        for _ in range(2):
            client.send(b"".join(wire.record(number, b"error", level=40) for number in range(loggers)))
        happens(daemon, client)
        said = by_logger(collector, loggers * (count + 2))
    assert len(said) == loggers
    for name, texts_of in said.items():
        assert texts_of == [*((True, str(each)) for each in range(count)),
                            *[(False, "error")] * 2], name
    if happens is not stop:
        recorder = daemon.stats()["recorder"]
        assert (recorder["sent"], recorder["held_bytes"]) == (loggers * count, 0)


@pytest.mark.parametrize("stops", [False, True])
def test_who_dies_with_much_says_it_in_slices(start_daemon, collector, stops):
    """Eight full recorders of a client that is gone; the daemon may stop before all are sent."""
    loggers, count = 8, 2000
    daemon = start_daemon(target("central", collector) + f"logger app {{ recorder = {count} }}\n"
                          "logger logfwd.clients { }\n")
    with daemon.client() as other:
        with daemon.client() as client:
            for number in range(loggers):
                client.open(number, b"app.%d" % number)
                client.log(number, *[b"%d" % each for each in range(count)], level=10)
            client.flush()
        other.open(1, b"other")
        other.log(1, b"heard meanwhile")
        other.flush()
        if stops:
            stop(daemon, other)
        said = by_logger(collector, loggers * count + 2)
    assert said.pop("other") == [(False, "heard meanwhile")]
    (recorded, end), = said.pop("logfwd.clients")
    assert not recorded and f"recorded={loggers * count}" in end
    assert len(said) == loggers
    for name, texts_of in said.items():
        assert texts_of == [(True, str(each)) for each in range(count)], name


def test_the_end_of_the_daemon_is_nobodys_death(start_daemon, collector):
    daemon = start_daemon(
        target("central", collector) + RECORDER + "logger logfwd.clients { }\n"
    )
    with daemon.client() as client:
        client.open(1, b"app")
        client.log(1, b"kept", level=10)
        client.flush()
        daemon.terminate()
        daemon.assert_clean_exit()
    assert collector.datagrams == []
