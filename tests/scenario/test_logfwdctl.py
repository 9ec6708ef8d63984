"""What people and scripts see of logfwdctl: output, exit codes, and what it says when things go wrong.

The first half talks to a control socket of this file's own, so that the daemon may answer
anything, or nothing; the second half to the real daemon.
"""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import threading
import urllib.request

import pytest

from tests.support.daemon import LOGFWDCTL, LOGFWDD, run, target
from tests.support.waiting import PATIENCE

STATS = {
    "version": "9.8.7",
    "uptime_seconds": 3700.25,
    "balanced": True,
    "records": {
        "received": 18446744073709, "accepted": 18446744073707, "filtered": 1, "rate_limited": 0,
        "no_handler": 0, "rejected": 1, "rejected_by": {"malformed": 1, "oversize": 0},
        "deliveries": 18446744073707,
    },
    "targets": {
        "central": {
            "enqueued": 18446744073708, "sent": 18446744073700,
            "dropped": {"queue_full": 5, "oversize": 0}, "queued": 3, "queued_bytes": 300,
            "refused": 0, "truncated": 0, "notices": 1,
            "servers": {
                "[2001:db8:ffff:ffff:ffff:ffff:ffff:ffff]:65535": {
                    "state": "up", "sent": 18446744073700, "errors": {"ECONNREFUSED": 2},
                },
            },
        },
    },
    "removed": {"enqueued": 0, "sent": 0, "dropped": 0, "notices": 0},
    "notices": 1,
    "recorder": {"kept": 9, "sent": 4, "forgotten": 3, "held": 2},
    "loggers": {"live": 80000, "leased": 80000, "placeholders": 1, "peak": 80000,
                "opened": 80000, "reclaimed": {"released": 0, "client_exit": 0}},
    "clients": {"live": 1, "peak": 1, "connected": 1, "client_dropped": 0},
    "sockets": {"open": 1, "limit": 16, "peak": 1, "opened": 1, "evicted": 0},
}  # fmt: skip


@pytest.fixture
def ctl(tmp_path):
    """A function that runs logfwdctl against a control socket that gives one answer, as bytes."""

    def call(answer, *arguments, **options):
        with answering(tmp_path / "control.sock", answer) as asked:
            done = run(LOGFWDCTL, "-s", tmp_path / "control.sock", *arguments, **options)
        done.asked = asked
        return done

    return call


@contextlib.contextmanager
def answering(path, answer):
    """A control socket that answers what it is asked with bytes; yields the list of requests."""
    asked = []
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    listener.listen()

    def serve():
        with contextlib.suppress(OSError):  # the end of the listener
            while True:
                connection, _ = listener.accept()
                with connection, connection.makefile("rb") as lines:
                    asked.append(lines.readline())
                    connection.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield asked
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        listener.close()
        path.unlink()


def ok(result):
    return json.dumps({"status": "ok", "result": result}).encode() + b"\n"


def more(result):
    return json.dumps({"status": "more", "result": result}).encode() + b"\n"


def error(code, text):
    return json.dumps({"status": "error", "code": code, "error": text}).encode() + b"\n"


# usage


VERBS = ["stats", "loggers", "level", "explain", "tail", "clients", "targets", "reload", "check", "healthcheck", "send",
         "receive"]  # fmt: skip


def test_help_names_every_verb():
    done = run(LOGFWDCTL, "--help")
    assert done.returncode == 0 and done.stderr == ""
    assert re.findall(r"^  ([a-z]+) ", done.stdout, re.M) == VERBS
    assert all(len(line) <= 80 for line in done.stdout.splitlines())


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_has_help(verb):
    done = run(LOGFWDCTL, verb, "--help")
    assert done.returncode == 0 and done.stderr == ""
    assert done.stdout.startswith(f"usage: logfwdctl {verb}")
    assert all(len(line) <= 80 for line in done.stdout.splitlines())


def test_version():
    assert re.fullmatch(r"logfwdctl \d+\.\d+\.\d+\n", run(LOGFWDCTL, "-V").stdout)


@pytest.mark.parametrize(
    "arguments",
    [
        [], ["--nonsense"], ["-s"], ["nonsense"], ["stat"], ["stats", "more"],
        ["stats", "--format"], ["stats", "--format", "xml"], ["stats", "--check", "--watch"],
        ["stats", "--check", "--format", "prometheus"], ["clients", "--format", "prometheus"],
        ["clients", "more"], ["targets", "--all"], ["loggers", "a", "b"], ["reload", "now"],
        ["tail", "a", "b"], ["tail", "--level", "loud"], ["tail", "--count", "0"],
        ["tail", "--format", "prometheus"], ["check"], ["check", "a", "b"], ["healthcheck", "--timeout", "0"],
        ["healthcheck", "--timeout", "nan"], ["healthcheck", "--timeout", "1s"], ["send", "a"],
        ["send", "a", "info"], ["send", "a", "notset", "x"], ["send", "a", "101", "x"],
        ["send", "a", "loud", "x"], ["send", "n" * 256, "info", "x"],
        ["send", ".".join("n" * 33), "info", "x"], ["receive", "a", "b"],
        ["receive", "--count", "0"], ["receive", "--count", "-1"], ["receive", "--count", "1x"],
        ["receive", "--timeout", ""],
    ],
    ids=" ".join,
)  # fmt: skip
def test_wrong_usage_is_exit_2(arguments):
    done = run(LOGFWDCTL, *arguments)
    assert done.returncode == 2
    assert done.stdout == "" and done.stderr != ""


@pytest.mark.parametrize(
    "arguments",
    [
        ["level", "app", "loud"], ["explain", "app", "loud"], ["send", "app", "loud", "text"],
        ["tail", "--level", "loud"], ["tail", "--count", "loud"], ["stats", "--format", "loud"],
        ["level", "app", "info", "--for", "loud"], ["healthcheck", "--timeout", "loud"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_wrong_usage_says_what_was_wrong(arguments):
    done = run(LOGFWDCTL, *arguments)
    assert done.returncode == 2 and '"loud" is no ' in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["level", "\udcff", "debug"], ["level", "\udcff"], ["loggers", "\udcff*"], ["tail", "\udcff"],
        ["explain", "\udcff", "debug"], ["explain", "app", "debug", "\udcff"],
    ],
    ids=ascii,
)  # fmt: skip
def test_what_is_not_utf_8_cannot_be_asked(arguments):
    done = run(LOGFWDCTL, *arguments)
    assert done.returncode == 2 and "is not UTF-8" in done.stderr


# answers of all kinds


def test_stats_text_fits_80_columns(ctl):
    done = ctl(ok(STATS), "stats")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0] == "logfwdd 9.8.7, up 1h 01m, accounts balanced"
    assert all(len(line) <= 80 for line in lines)
    assert re.search(r"^  received +18446744073709$", done.stdout, re.M)
    assert re.search(r"^      queue_full +5$", done.stdout, re.M)


def test_stats_text_leaves_out_what_is_zero(ctl):
    lines = [line.split() for line in ctl(ok(STATS), "stats").stdout.splitlines()]
    for absent in ("oversize", "removed", "rate_limited", "reclaimed", "evicted"):
        assert not [line for line in lines if line[0] == absent]
    nothing = STATS | {
        "records": dict.fromkeys(("received", "accepted", "filtered"), 0),
        "loggers": {"live": 0, "peak": 0},
    }
    text = ctl(ok(nothing), "stats").stdout
    assert re.search(r"^records\n  received +0\ntargets$", text, re.M)
    assert re.search(r"^loggers\n  live +0\nclients$", text, re.M)


TARGETS = {
    "central": STATS["targets"]["central"] | {
        "policy": "failover", "sockets": 1, "last_error": "Connection refused", "last_error_seconds": 75.5,
        "queued": 99999999, "refused": 2,
        "servers": {
            "logs.example.com:514": {
                "state": "unresolved", "sent": 18446744073700, "refused": 2, "sockets": 1,
                "address": "[2001:db8::1]:514", "addresses": 2, "errors": {"ECONNREFUSED": 2, "EPERM": 1},
            },
        },
    },
    "copies": {
        "policy": "mirror", "sockets": 2, "last_error": None, "last_error_seconds": None,
        "queued": 0, "sent": 100000000, "refused": 0, "dropped": {"queue_full": 1},
        "servers": {
            "127.0.0.1:514": {
                "state": "up", "queued": 3, "sent": 50000000, "refused": 0, "sockets": 1,
                "dropped": {"queue_full": 1, "oversize": 0}, "address": "127.0.0.1:514", "addresses": 1,
                "errors": {},
            },
        },
    },
}  # fmt: skip


def test_targets_are_a_table(ctl):
    done = ctl(ok({"targets": TARGETS}), "targets")
    assert done.stdout == """\
POLICY         QUEUED     SENT  DROPPED  REFUSED  SOCKETS  TARGET
  STATE                                                      SERVER
failover     99999999    18.4T        5        2        1  central
    dropped: queue_full 5
    last error: Connection refused, 1m 15s ago
  unresolved             18.4T                 2        1    logs.example.com:514 at [2001:db8::1]:514, one of 2
      errors: ECONNREFUSED 2, EPERM 1
mirror              0   100.0M        1        0        2  copies
    dropped: queue_full 1
  up                3 50000000        1        0        1    127.0.0.1:514
      dropped: queue_full 1
"""


def test_stats_json_is_what_the_daemon_said(ctl):
    done = ctl(ok(STATS), "stats", "--format", "json")
    assert json.loads(done.stdout) == STATS
    assert done.stdout.count("\n") == 1
    assert json.loads(done.asked[0]) == {"verb": "stats"}


def test_stats_prometheus_is_the_daemons_text(ctl):
    done = ctl(ok({"text": "# TYPE a counter\na 1\n"}), "stats", "--format", "prometheus")
    assert done.stdout == "# TYPE a counter\na 1\n"
    assert json.loads(done.asked[0]) == {"verb": "stats", "format": "prometheus"}


def test_check_closes(ctl):
    done = ctl(ok(STATS), "stats", "--check")
    assert done.returncode == 0
    assert "target central: closes (18446744073708)\n" in done.stdout


def test_check_says_which_ledger_is_off_and_by_how_much(ctl):
    doctored = json.loads(json.dumps(STATS))
    doctored["targets"]["central"]["sent"] -= 5
    done = ctl(ok(doctored), "stats", "--check")
    assert done.returncode == 1
    assert "target central: OFF BY 5\n" in done.stdout
    assert "records: closes" in done.stdout
    done = ctl(ok(doctored), "stats", "--check", "--format", "json")
    report = json.loads(done.stdout)
    assert done.returncode == 1 and report["closes"] is False
    assert [each["ledger"] for each in report["ledgers"] if not each["closes"]] == ["target central"]


def test_watch_prints_rates_until_it_is_interrupted(tmp_path):
    with answering(tmp_path / "control.sock", ok(STATS)):
        command = [LOGFWDCTL, "-s", tmp_path / "control.sock", "stats", "--watch"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watch:
            lines = [watch.stdout.readline() for _ in range(3)]
            watch.send_signal(signal.SIGINT)
            assert watch.wait(PATIENCE) == -signal.SIGINT
    assert "RECEIVED/s" in lines[0]
    assert lines[1].split() == ["0", "0", "0", "0", "3", "80000", "1"] and len(lines[1]) <= 80


def test_loggers_are_a_tree(ctl):
    def logger(name, level=0, effective=20, leases=0, records=0, placeholder=False):
        return {"name": name, "level": level, "effective": effective, "leases": leases,
                "records": records, "placeholder": placeholder}  # fmt: skip

    loggers = [
        logger("app.db.pool", 35, 35, 1, 7), logger("root", 20), logger("app-2"),
        logger("app", 10, 10), logger("b\x1b[2J.c", effective=0), logger("app.db", placeholder=True),
    ]  # fmt: skip
    folded = [{"parent": "Connection", "count": 80000, "leases": 80000, "records": 160000}]
    done = ctl(ok({"loggers": loggers, "folded": folded}), "loggers", "app*", "--all")
    assert done.stdout == (
        "EFFECTIVE   LEVEL       LEASES     RECORDS  NAME\n"
        "info        info             0           0  root\n"
        "                         80000      160000  Connection.*  (80000)\n"
        "debug       debug            0           0  app\n"
        "info        -                0           0    db  (placeholder)\n"
        "35          35               1           7      pool\n"
        "info        -                0           0  app-2\n"
        "all         -                0           0  b#033[2J.c\n"
    )
    assert json.loads(done.asked[0]) == {"verb": "loggers", "pattern": "app*", "all": True}


def test_no_logger_is_said_in_words(ctl):
    none = ok({"loggers": [], "folded": []})
    done = ctl(none, "loggers", "no\x1bsuch*")
    assert (done.returncode, done.stdout) == (0, "no logger matches no#033such* now\n")
    assert json.loads(ctl(none, "loggers", "x", "--format", "json").stdout) == {
        "loggers": [], "folded": [],
    }  # fmt: skip


def client_called(app):
    return {"pid": 1, "uid": 2, "app": app, "loggers": 3, "records": 4, "dropped": 5,
            "connected_seconds": 0.5, "ended": False}  # fmt: skip


def test_clients_come_in_slices(ctl):
    first, second = [client_called("one")], [client_called("two"), client_called("e\x1bvil")]
    answer = more({"clients": first}) + more({"clients": []}) + ok({"clients": second})
    text = ctl(answer, "clients").stdout
    assert [line.split()[-1] for line in text.splitlines()] == ["APP", "one", "two", "e#033vil"]
    assert text.splitlines()[1].split()[-2] == "0.5s"
    assert all(len(line) <= 80 for line in text.splitlines())
    shown = ctl(answer, "clients", "--format", "json").stdout
    assert json.loads(shown) == {"clients": first + second}
    done = ctl(more({"clients": first}), "clients")
    assert done.returncode == 1 and "ends too early" in done.stderr


def slice_of(*names, count=0):
    loggers = [{"name": name, "level": 0, "effective": 20, "leases": 1, "records": 2} for name in names]
    folded = [{"parent": "Connection", "count": count, "leases": count, "records": 1}]
    return {"loggers": loggers, "folded": folded if count > 0 else []}


def test_loggers_come_in_slices(ctl):
    answer = more(slice_of("b", count=17)) + more(slice_of()) + ok(slice_of("a", "c", count=3))
    assert [line.split()[-1] for line in ctl(answer, "loggers").stdout.splitlines()[1:]] == [
        "(20)", "a", "b", "c",
    ]  # fmt: skip
    printed = ctl(answer, "loggers", "--format", "json").stdout
    assert printed.count("\n") == 1
    assert json.loads(printed) == {
        "loggers": slice_of("b", "a", "c")["loggers"],
        "folded": [{"parent": "Connection", "count": 20, "leases": 20, "records": 2}],
    }


@pytest.mark.parametrize("shape", ["text", "json"])
@pytest.mark.parametrize(
    "rest, said", [(b"", "too early"), (b"{", "no answer"), (error("failed", "no memory"), "no memory")]
)
def test_an_answer_that_breaks_off_is_a_failure(ctl, shape, rest, said):
    done = ctl(more(slice_of("a")) + rest, "loggers", "--format", shape)
    assert done.returncode == 1 and said in done.stderr


def test_clients_are_a_table(ctl):
    client = {"pid": 4194304, "uid": 4294967294, "app": "evil\n\x9b", "loggers": 80000,
              "records": 123456789, "dropped": 0, "connected_seconds": 90061.5}  # fmt: skip
    done = ctl(ok({"clients": [client]}), "clients")
    assert done.stdout.splitlines()[1] == (
        " 4194304 4294967294     80000   123456789         0      1d 1h  evil#012#302#233"
    )
    assert json.loads(ctl(ok({"clients": [client]}), "clients", "--format", "json").stdout) == {
        "clients": [client]
    }


@pytest.mark.parametrize(
    "answer",
    [
        b"", b"\n", b"{", b"[]\n", b"42\n", b"{}\n", b'{"status":1}\n', b'{"status":"ok"}\n',
        b'{"status":"ok","result":[]}\n', b'{"status":"error","error":{}}\n', b"\xff\xfe\n",
        b'{"status":"maybe"}\n', ok(STATS)[:-20],
    ],
    ids=repr,
)  # fmt: skip
def test_nonsense_is_no_answer(ctl, answer):
    done = ctl(answer, "stats")
    assert done.returncode == 1 and done.stdout == ""
    assert "no answer from logfwdd" in done.stderr


@pytest.mark.parametrize("code, status", [("usage", 2), ("denied", 1), ("failed", 1)])
def test_refusals_are_printed(ctl, code, status):
    done = ctl(error(code, "because\x1b"), "reload")
    assert done.returncode == status
    assert done.stderr == f"logfwdctl: {code}: because#033\n"


def test_a_missing_daemon_is_named(tmp_path):
    done = run(LOGFWDCTL, "-s", tmp_path / "nobody", "stats")
    assert done.returncode == 1
    assert str(tmp_path / "nobody") in done.stderr and "is logfwdd running" in done.stderr
    done = run(LOGFWDCTL, "-s", "x" * 200, "stats")
    assert done.returncode == 1 and "at most 107 bytes" in done.stderr


def test_the_wrong_socket_is_named(daemon):
    for path in (daemon.client_path, daemon.syslog_path):
        done = run(LOGFWDCTL, "-s", path, "stats")
        assert done.returncode == 1 and f"{path}: " in done.stderr and "listen.control" in done.stderr


def test_output_that_cannot_be_written_is_a_failure(ctl):
    with open("/dev/full", "w") as full:
        assert ctl(ok(STATS), "stats", stdout=full).returncode == 1


def test_healthcheck_gives_up_in_time(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as silent:
        silent.bind(str(tmp_path / "silent"))
        silent.listen()
        done = run(LOGFWDCTL, "-s", tmp_path / "silent", "healthcheck", "--timeout", "0.2")
    assert done.returncode == 1 and "timed out" in done.stderr


# the real daemon


def test_stats_of_the_daemon(daemon):
    stats = json.loads(daemon.ctl("stats", "--format", "json"))
    assert stats["balanced"] is True and stats["targets"].keys() == {"central"}
    assert "accounts balanced" in daemon.ctl("stats")
    assert re.search(r"^logfwd_balanced 1$", daemon.ctl("stats", "--format", "prometheus"), re.M)
    assert "OFF" not in daemon.ctl("stats", "--check")


def test_the_log_says_where_metrics_are(start_daemon, collector):
    daemon = start_daemon(target("central", collector) + 'metrics { listen = "127.0.0.1:0" }')
    place = re.search(r"metrics at (http://127\.0\.0\.1:\d+/metrics)$", daemon.stderr(), re.M)
    with urllib.request.urlopen(place[1], timeout=PATIENCE) as answer:
        assert b"\nlogfwd_balanced 1\n" in answer.read()


def test_send_reaches_the_collector(daemon, collector):
    environment = os.environ | {"LOGFWD_SOCKET": str(daemon.client_path)}
    done = run(LOGFWDCTL, "send", "a.b", "ERR", "-t", "two", "words", env=environment)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    message = collector.messages(1)[0]
    assert message.text == b"-t two words"
    assert b'logger="a.b"' in collector.datagrams[0]


def test_send_fails_without_a_daemon(tmp_path):
    environment = os.environ | {"LOGFWD_SOCKET": str(tmp_path / "nobody")}
    done = run(LOGFWDCTL, "send", "a", "info", "lost", env=environment)
    assert done.returncode == 1
    assert f"logfwdd at {tmp_path}/nobody did not take the record" in done.stderr
    assert "No such file or directory; is it running?" in done.stderr


def test_send_says_why_the_socket_does_not_serve(daemon):
    environment = os.environ | {"LOGFWD_SOCKET": str(daemon.control_path)}
    done = run(LOGFWDCTL, "send", "a", "info", "lost", env=environment)
    assert done.returncode == 1 and "listen.client of its configuration" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become one who may not connect")
def test_send_says_who_may(daemon):
    daemon.client_path.chmod(0o600)
    environment = os.environ | {"LOGFWD_SOCKET": str(daemon.client_path)}
    done = run(LOGFWDCTL, "send", "a", "info", "lost", env=environment,
               user=65534, group=65534, extra_groups=[])
    assert done.returncode == 1 and "listen.client-mode" in done.stderr


def test_lists_show_who_is_there(daemon):
    with daemon.client(b"teller") as client:
        client.open(1, b"bank.teller")
        client.log(1, b"one")
        client.flush()
        assert re.search(r"^info +c - +1 +1  bank\.teller$", daemon.ctl("loggers"), re.M)
        assert "bank" not in daemon.ctl("loggers", "shop*")
        assert re.search(rf"^ *{os.getpid()} .* teller$", daemon.ctl("clients"), re.M)
    targets = json.loads(daemon.ctl("targets", "--format", "json"))["targets"]
    assert targets["central"]["policy"] == "failover"
    assert re.search(r"^failover +0 +\d+ +0 +0 +\d  central\n  up .*    127\.[\d.]+:\d+$",
                     daemon.ctl("targets"), re.M)


def test_hundreds_of_clients_are_listed_once_each(daemon):
    with contextlib.ExitStack() as stack:
        for number in range(600):
            stack.enter_context(daemon.client(b"client%d" % number))
        listed = json.loads(daemon.ctl("clients", "--format", "json"))["clients"]
        assert [each["app"] for each in listed] == [f"client{n}" for n in reversed(range(600))]
        assert len(daemon.ctl("clients").splitlines()) == 1 + 600


def test_reload_and_its_rehearsal(daemon, collector):
    daemon.ctl("reload", "--dry-run")
    daemon.write_config("nonsense")
    assert "logfwd.conf:" in daemon.ctl("reload", "--dry-run", status=1)
    assert "logfwd.conf:" in daemon.ctl("reload", status=1)
    daemon.write_config(target("renamed", collector))
    daemon.ctl("reload", "--dry-run")
    assert daemon.stats()["targets"].keys() == {"central"}
    daemon.ctl("reload")
    assert daemon.stats()["targets"].keys() == {"renamed"}


def test_healthcheck_sees_a_daemon_that_hangs(daemon):
    assert "answered in" in daemon.ctl("healthcheck")
    daemon.process.send_signal(signal.SIGSTOP)
    try:
        daemon.ctl("healthcheck", "--timeout", "0.2", status=1)
    finally:
        daemon.process.send_signal(signal.SIGCONT)
    daemon.ctl("healthcheck")


def test_check_asks_the_daemons_program(daemon):
    beside = os.environ | {"PATH": f"{os.path.dirname(LOGFWDD)}:{os.environ['PATH']}"}
    assert run(LOGFWDCTL, "check", daemon.config_path, env=beside).returncode == 0
    daemon.write_config("nonsense")
    done = run(LOGFWDCTL, "check", daemon.config_path, env=beside)
    assert done.returncode == 78 and "logfwd.conf:" in done.stderr
