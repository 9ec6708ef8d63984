"""`logfwdctl tail` shows records as they pass, changes nothing of their way, and costs a bounded bit.

Operators see all records, others those of their own user. What a reader does not read in time is
counted, and the count stands in the place of what is missing; the daemon neither waits nor grows.
"""

import json
import os
import pathlib
import re
import signal
import subprocess
import threading

import jsonschema
import pytest

from tests.support import procfs
from tests.support.daemon import LOGFWDCTL, run, target
from tests.support.waiting import PATIENCE, wait_for

SCHEMA = json.loads((pathlib.Path(__file__).parent / "schemas" / "tail.json").read_text())
NOBODY = {"user": 65534, "group": 65534, "extra_groups": []}
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may act as two users")

LINE = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z (?P<level>\S+) +(?P<logger>\S+?)(\[(?P<pid>\d+)\])?"
    r"( \((?P<remarks>[^)]*)\))?: (?P<text>.*)"
)
MISSING = re.compile(r"-- (\d+) records not shown --")


class Tail:
    """One `logfwdctl tail` that has begun; its lines are read all the time."""

    def __init__(self, daemon, *arguments, **options):
        self.daemon = daemon
        before = self.live()
        self.process = subprocess.Popen(
            [LOGFWDCTL, "-s", str(daemon.control_path), "tail", *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options,
        )  # fmt: skip
        self.lines = []
        self.thread = threading.Thread(target=self._read)
        self.thread.start()
        wait_for(lambda: self.live() == before + 1, "the tail has begun")

    def live(self):
        return self.daemon.stats()["tails"]["live"]

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait()
        self.thread.join()
        self.process.stdout.close()
        self.process.stderr.close()

    def wait_for_lines(self, count):
        """So many lines, without their ends."""
        wait_for(lambda: len(self.lines) >= count, lambda: f"{count} lines: {self.lines[-5:]}")
        assert len(self.lines) == count, self.lines[:10]
        return [line.removesuffix("\n") for line in self.lines]

    def parsed(self, count):
        return [LINE.fullmatch(line).groupdict() for line in self.wait_for_lines(count)]

    def texts(self, count):
        return [line["text"] for line in self.parsed(count)]

    def end(self):
        """Exit status and stderr, once it ends by itself."""
        status = self.process.wait(PATIENCE)
        self.thread.join()
        return status, self.process.stderr.read()


@pytest.fixture
def app(client):
    """The client, with logger 1 open: app.db."""
    client.open(1, b"app.db")
    client.flush()
    return client


def test_records_are_shown_in_order_as_they_pass(daemon, app, collector):
    with Tail(daemon) as tail:
        expected = []
        for number in range(40):
            texts = [b"text %d.%d" % (number, i) for i in range(50)]
            app.log(1, *texts, level=30)
            app.flush()
            expected += [text.decode() for text in texts]
        lines = tail.parsed(len(expected))
    assert [line["text"] for line in lines] == expected
    assert {(line["level"], line["logger"], line["pid"], line["remarks"]) for line in lines} == {
        ("warning", "app.db", str(os.getpid()), None)
    }
    assert [message.text.decode() for message in collector.messages(len(expected))] == expected


def test_levels_and_patterns_choose(daemon, app):
    app.open(2, b"web")
    with Tail(daemon, "app*") as by_name, Tail(daemon, "--level", "ERROR") as by_level:
        app.log(1, b"one", level=20)
        app.log(2, b"two", level=40)
        app.log(1, b"three", level=45)
        app.log(1, b"filtered", level=5)
        app.flush()
        assert by_name.texts(2) == ["one", "three"]
        assert by_level.texts(2) == ["two", "three"]
        assert [line["level"] for line in by_level.parsed(2)] == ["error", "45"]


def test_all_shows_what_levels_filter(daemon, app):
    with Tail(daemon, "--all") as tail:
        app.log(1, b"below", level=5)
        app.log(1, b"above", level=20)
        app.flush()
        assert [(line["text"], line["remarks"]) for line in tail.parsed(2)] == [
            ("below", "filtered"), ("above", None),
        ]  # fmt: skip


def test_the_fate_of_a_record_is_shown(start_daemon, collector):
    daemon = start_daemon(
        target("central", collector) + "handler default { target = central  rate-limit = 1 }\n"
        "logger root { level = info  handlers = {default}  recorder = 5 }\n"
        "logger mute { propagate = false }\n"
    )
    with daemon.client() as client, Tail(daemon) as tail:
        client.open(1, b"mute")
        client.open(2, b"app")
        client.log(1, b"nobody takes it")
        client.log(2, b"one", level=20)
        client.log(2, b"two", level=20)
        client.log(2, b"kept", level=10)
        client.log(2, b"trigger", level=40)
        client.flush()
        assert [(line["text"], line["remarks"]) for line in tail.parsed(5)] == [
            ("nobody takes it", "no_handler"), ("one", None), ("two", "rate_limited"),
            ("kept", "rate_limited, recorded"), ("trigger", "rate_limited"),
        ]  # fmt: skip


def test_syslog_messages_are_shown_and_made_visible(daemon):
    with Tail(daemon) as tail:
        daemon.syslog(b"<13>tagged: \x1b[2J\n<0>forged \xff" + b"x" * 9000)
        (line,) = tail.parsed(1)
    assert line["logger"] == "syslog.tagged" and line["level"] == "notice"
    assert line["text"].startswith("#033[2J#012<0>forged #377xxx")
    assert re.fullmatch(r".*x \.\.\. \(90\d\d bytes\)", line["text"])


def test_json_lines_are_by_the_schema(daemon, app):
    with Tail(daemon, "--all", "--format", "json") as tail:
        app.log(1, b"one \xff", level=20)
        app.log(1, b"two" * 5000, level=5)
        app.flush()
        daemon.syslog(b"<13>tagged: three")
        entries = [json.loads(line) for line in tail.wait_for_lines(3)]
    for entry in entries:
        jsonschema.validate(entry, SCHEMA)
    assert [entry["fate"] for entry in entries] == ["accepted", "filtered", "accepted"]
    assert entries[0]["text"] == "one #377" and entries[0]["uid"] == os.geteuid()
    assert entries[1]["length"] == 15000
    jsonschema.validate({"not_shown": 1}, SCHEMA)


def test_it_ends_after_so_many(daemon, app):
    with Tail(daemon, "--count", "2") as tail:
        app.log(1, b"one", b"two", b"three")
        app.flush()
        assert tail.texts(2) == ["one", "two"]
        assert tail.end() == (0, "")
        wait_for(lambda: tail.live() == 0, "the daemon has forgotten it")


@needs_root
def test_a_stranger_sees_only_records_of_his_own(start_daemon, collector):
    daemon = start_daemon(target("central", collector), listen="control-mode = 0666")
    environment = os.environ | {"LOGFWD_SOCKET": str(daemon.client_path)}

    def send(text, **options):
        done = run(LOGFWDCTL, "send", "a", "error", text, env=environment, **options)
        assert done.returncode == 0, done

    with Tail(daemon, **NOBODY) as his, Tail(daemon) as ours:
        send("root's secret")
        send("his own", **NOBODY)
        assert his.texts(1) == ["his own"]
        assert ours.texts(2) == ["root's secret", "his own"]
        his.process.send_signal(signal.SIGINT)
        ours.process.send_signal(signal.SIGINT)
        status, said = his.end()
        assert status == -signal.SIGINT
        assert said.count("\n") == 1 and "only records of uid 65534 are shown" in said
        assert ours.end() == (-signal.SIGINT, "")


def test_a_reader_that_stands_still_neither_slows_nor_grows_the_daemon(daemon, app):
    many, batch = 200_000, 1000
    app.on_flushed = None
    with Tail(daemon, "--all", "--format", "json") as tail:
        tail.process.send_signal(signal.SIGSTOP)
        before = procfs.memory_mib(daemon.pid)
        for number in range(0, many, batch):
            app.log(1, *[b"%d" % n for n in range(number, number + batch)], level=5)
            if number % 10000 == 0:
                app.flush()
        app.flush()
        grown = procfs.memory_mib(daemon.pid) - before
        assert grown < 8 or not procfs.memory_is_exact(daemon.pid)
        assert daemon.stats()["tails"]["records"]["not_shown"] > many / 2
        tail.process.send_signal(signal.SIGCONT)

        def shown():
            entries = [json.loads(line) for line in list(tail.lines)]
            return sum(entry.get("not_shown", 1) for entry in entries) == many

        wait_for(shown, lambda: f"all are accounted for: {tail.lines[-2:]}", pause=0.1)
        entries = [json.loads(line) for line in tail.lines]
    at = 0
    for entry in entries:  # what is missing is missing exactly where it says so
        if "not_shown" not in entry:
            assert entry["text"] == str(at)
        at += entry.get("not_shown", 1)
    stats = daemon.stats()["tails"]["records"]
    assert stats["shown"] + stats["not_shown"] == many


def test_tails_are_bounded(daemon, app):
    tails = []
    try:
        for _ in range(8):
            tails.append(Tail(daemon))
        done = run(LOGFWDCTL, "-s", daemon.control_path, "tail")
        assert done.returncode == 1 and "too many tails" in done.stderr
        app.log(1, b"for all")
        app.flush()
        assert all(tail.texts(1) == ["for all"] for tail in tails)
        assert daemon.stats()["tails"]["refused"] == 1
    finally:
        for tail in tails:
            tail.__exit__()
    wait_for(lambda: daemon.stats()["tails"]["live"] == 0, "all have ended")


def test_it_ends_when_nobody_reads_its_output(daemon, app):
    with Tail(daemon) as tail:
        with open("/dev/full", "w") as full:
            command = [LOGFWDCTL, "-s", str(daemon.control_path), "tail"]
            with subprocess.Popen(command, stdout=full, stderr=subprocess.DEVNULL) as other:
                try:
                    wait_for(lambda: tail.live() == 2, "the second one has begun")
                    app.log(1, b"one")
                    app.flush()
                    assert other.wait(PATIENCE) == 1
                finally:
                    other.kill()
        assert tail.texts(1) == ["one"]


def test_it_says_when_the_daemon_ends(daemon):
    with Tail(daemon) as tail:
        daemon.terminate()
        status, said = tail.end()
    assert status == 1 and "too early" in said
    daemon.assert_clean_exit()


def test_a_reload_leaves_it(daemon, app, collector):
    with Tail(daemon) as tail:
        daemon.write_config(target("other", collector))
        daemon.reload()
        app.log(1, b"after the reload")
        app.flush()
        assert tail.texts(1) == ["after the reload"]
