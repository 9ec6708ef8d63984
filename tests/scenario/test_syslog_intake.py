"""Programs that know nothing of logfwd log through its dev-log, as they would to /dev/log.

util-linux's logger, glibc's syslog() (by Python's syslog module, which calls it), Python's
SysLogHandler and senders of RFC 5424 write to the socket. Each record arrives with the
severity it was given, from logger syslog.TAG, and with the pid and uid that the kernel
vouches for, whatever the text claims. Routing by such a name uses the deepest logger that
exists and creates none. Datagrams that are no syslog at all disturb nobody.
"""

import logging
import logging.handlers
import os
import shutil
import subprocess
import sys

import pytest

from tests.support import wire
from tests.support.daemon import run, target

SEVERITIES = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"]
ROOT_TAKES_ALL = "logger root { level = notset handlers = {all} }\n"
# The uid is on the wire only where a template puts it.
TEMPLATE = 'handler all { target = central template = "{uid} {pid} {level} {message}" }\n'

# glibc connects to "/dev/log": in a root folder of its own that is the socket of the test.
GLIBC = """
import ctypes, os, sys, syslog
if os.geteuid() != 0:
    ctypes.CDLL(None).unshare(0x10000000)  # CLONE_NEWUSER: chroot() needs it
os.chroot(sys.argv[1])
syslog.openlog("glibc-probe", syslog.LOG_PID, syslog.LOG_DAEMON)
for severity in range(8):
    syslog.syslog(severity, f"severity {severity}")
print(os.getpid())
"""

PYTHON = """
import logging, logging.handlers, os, sys
handler = logging.handlers.SysLogHandler(sys.argv[1])
handler.ident = "python-probe: "
log = logging.getLogger()
log.addHandler(handler)
log.setLevel(1)
log.error("from %s", "Python")
print(os.getpid())
"""


@pytest.fixture
def daemon(start_daemon, collector):
    return start_daemon(target("central", collector) + TEMPLATE + ROOT_TAKES_ALL)


def spawn(*command):
    """A program to its end: its pid by our own word, and what it printed."""
    with subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True) as child:
        printed = child.communicate(timeout=20)[0]
    assert child.returncode == 0
    return child.pid, printed


def fields(message):
    """uid, pid, level and text as the template puts them."""
    uid, pid, level, text = message.text.decode().split(" ", 3)
    return int(uid), int(pid), level, text


@pytest.mark.skipif(shutil.which("logger") is None, reason="logger (bsdutils) is not installed")
@pytest.mark.parametrize("format_option", [[], ["--rfc5424"]], ids=str)
def test_logger_of_util_linux(daemon, collector, format_option):
    for severity, name in enumerate(SEVERITIES):
        pid, _ = spawn(
            "logger", "-u", daemon.syslog_path, *format_option,
            "-p", f"daemon.{name}", "-t", "backup", f"{name} by logger",
        )
        message = collector.messages(severity + 1)[severity]
        assert message.severity == severity
        assert message.app == "backup"
        assert message.logger == "syslog.backup"
        assert message.procid == str(pid)
        assert fields(message)[0] == os.getuid()
        assert fields(message)[3] == f"{name} by logger"
    daemon.check()


def test_glibc_syslog(daemon, collector):
    root = daemon.folder / "root"
    (root / "dev").mkdir(parents=True)
    os.link(daemon.syslog_path, root / "dev" / "log")
    done = run(sys.executable, "-S", "-c", GLIBC, root)
    if "PermissionError" in done.stderr or "Operation not permitted" in done.stderr:
        pytest.skip("neither root nor allowed to make a user namespace, so no chroot()")
    assert done.returncode == 0, done.stderr
    pid = done.stdout.strip()
    for severity, message in enumerate(collector.messages(8)):
        assert message.severity == severity
        assert (message.app, message.logger) == ("glibc-probe", "syslog.glibc-probe")
        assert message.procid == pid
        assert fields(message)[3] == f"severity {severity}"
    daemon.check()


def test_python_sysloghandler(daemon, collector):
    _, printed = spawn(sys.executable, "-S", "-c", PYTHON, daemon.syslog_path)
    (message,) = collector.messages(1)
    assert message.severity == 3
    assert (message.app, message.logger) == ("python-probe", "syslog.python-probe")
    assert message.procid == printed.strip()
    assert fields(message)[3] == "from Python"  # without the NUL that it appends
    daemon.check()


def test_python_sysloghandler_in_this_process(daemon, collector):
    handler = logging.handlers.SysLogHandler(str(daemon.syslog_path))
    try:
        handler.handle(logging.LogRecord("a", logging.WARNING, "", 0, "tag: line\n", (), None))
    finally:
        handler.close()
    (message,) = collector.messages(1)
    assert fields(message) == (os.getuid(), os.getpid(), "warning", "line")


def test_rfc5424_senders(daemon, collector):
    daemon.syslog(
        b"<27>1 2026-11-22T10:11:12.5Z elsewhere billing 4711 ID47 - paid",
        b'<27>1 2026-11-22T10:11:12.5Z elsewhere billing 4711 ID47 [a@1 b="\\]"][c@1] paid twice',
        b"<27>1 - - billing - - - \xef\xbb\xbfpaid with a byte order mark",
        b"<27>1 - - billing - - -",
    )
    messages = collector.messages(4)
    for message in messages:
        assert message.severity == 3
        assert (message.app, message.logger) == ("billing", "syslog.billing")
        assert message.procid == str(os.getpid())
    assert fields(messages[0])[3] == "paid"
    assert fields(messages[1])[3].endswith("paid twice")
    assert fields(messages[2])[3].endswith("paid with a byte order mark")
    assert fields(messages[3])[3] == ""


@pytest.mark.parametrize("claim", [b"sshd[1]: root in", b"Nov 22 10:11:12 sshd[1]: root in"])
def test_a_claimed_pid_is_not_believed(daemon, collector, claim):
    daemon.syslog(b"<38>" + claim)
    (message,) = collector.messages(1)
    assert message.procid == str(os.getpid())
    assert (message.app, message.logger) == ("sshd", "syslog.sshd")
    assert fields(message)[:2] == (os.getuid(), os.getpid())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may act as two users")
def test_the_uid_is_the_senders(daemon, collector):
    os.chmod(daemon.syslog_path, 0o666)
    script = "import socket,sys;s=socket.socket(1,2);s.connect(sys.argv[1]);s.send(b'<13>t: hi')"
    done = run(sys.executable, "-S", "-c", script, daemon.syslog_path, user=65534, group=65534)
    assert done.returncode == 0, done.stderr
    (message,) = collector.messages(1)
    assert fields(message)[0] == 65534


@pytest.mark.parametrize("ending", [b"", b"\0", b"\n", b"\n\0", b"\0\0"])
def test_endings_are_removed(daemon, collector, ending):
    daemon.syslog(b"<13>tag: the end" + ending)
    (message,) = collector.messages(1)
    assert fields(message)[3] == "the end"


@pytest.mark.parametrize(
    "datagram",
    [
        b"", b"\0", b"\n", b"<", b"<>", b"<1", b"<13", b"<13>", b"<192>x: y", b"<999>x: y",
        b"<-1>x: y", b"<2147483648>x: y", b"<18446744073709551616>x: y", b"<007>x: y", b"<1a>x",
        b"<13>:", b"<13>[", b"<13>[]:", b"<13>[1]: x", b"<13>tag[", b"<13>tag[1", b"<13>tag[1]",
        b"<13>1", b"<13>1 ", b"<13>1 - - - - - ", b"<13>1 - - - - - [", b'<13>1 - - - - - [a b="',
        b"<13>1 - - - - - [a]x", b"<13>Nov", b"<13>Nov 22 10:11:12", b"<13>Nov 22 10:11:12 ",
        b"<13>Xyz 99 99:99:99 tag: x", b"no priority at all", b"<13>" + b"t" * 300 + b": long tag",
        b"<13>" + b"a." * 100 + b": deep tag", b"<13>tag: " + b"x" * 60000, b"\xff" * 200,
        b"<13>a\0b: c\0d",
    ],
    ids=lambda datagram: repr(datagram[:20]),
)
def test_a_malformed_datagram_disturbs_nobody(daemon, collector, datagram):
    loggers = daemon.loggers().keys()
    daemon.syslog(b"<13>before: 1", datagram, b"<13>after: 2")
    stats = daemon.wait_for_stats(
        lambda stats: stats["records"]["received"] == 3
        and stats["targets"]["central"]["sent"] == 3 - stats["records"]["rejected"],
        "three datagrams taken",
    )
    assert stats["records"]["rejected"] <= 1
    messages = collector.messages(3 - stats["records"]["rejected"])
    assert (messages[0].app, messages[-1].app) == ("before", "after")
    assert all(message.procid == str(os.getpid()) for message in messages)
    assert daemon.loggers().keys() == loggers


def test_routing_uses_the_deepest_logger_and_creates_none(start_daemon, collectors):
    central, mail, postfix = collectors(), collectors(), collectors()
    daemon = start_daemon(
        target("central", central) + target("mail", mail) + target("postfix", postfix)
        + """
        handler default { target = central }
        handler mail { target = mail }
        handler postfix { target = postfix }
        logger root { level = info handlers = {default} }
        logger "syslog.mail" { level = warning handlers = {mail} propagate = false }
        logger "syslog.mail.postfix" { level = debug handlers = {postfix} }
        """
    )
    before = daemon.loggers()
    daemon.syslog(
        b"<11>cron: one",  # no such logger: root
        b"<11>mail: two",  # its own
        b"<14>mail: filtered, for info is below warning",
        b"<11>mail.exim: three",  # the nearest: syslog.mail
        b"<15>mail.postfix: four",  # its own, and up to syslog.mail, which does not propagate
        b"<11>mailer: five",  # no component of its own: root
        b"<15>cron: filtered, for debug is below info",
    )
    stats = daemon.wait_for_stats(lambda stats: stats["records"]["received"] == 7, "all taken")
    assert stats["records"]["filtered"] == 2
    assert central.texts(2) == [b"one", b"five"]
    assert mail.texts(3) == [b"two", b"three", b"four"]
    assert postfix.texts(1) == [b"four"]
    assert [message.logger for message in mail.messages()] == [
        "syslog.mail", "syslog.mail.exim", "syslog.mail.postfix",
    ]
    after = daemon.loggers()
    assert after.keys() == before.keys()


def test_a_thousand_tags_leave_no_logger(daemon, collector):
    for number in range(1000):
        daemon.syslog(b"<14>tag-%d: x" % number)
    collector.received(1000)
    assert len({message.logger for message in collector.messages()}) == 1000
    stats = daemon.stats()["loggers"]
    assert (stats["leased"], stats["placeholders"], stats["live"]) == (0, 0, 0)


def test_leased_syslog_loggers_take_part(daemon, collector):
    """A client that leases syslog.cron and sets its level decides what cron may say."""
    with daemon.client() as client:
        client.open(1, b"syslog.cron")
        client.send(wire.set_level(1, 40))
        client.flush()
        daemon.syslog(b"<14>cron: filtered", b"<11>cron: kept", b"<14>other: kept too")
        assert [fields(message)[3] for message in collector.messages(2)] == ["kept", "kept too"]
        daemon.wait_for_stats(lambda stats: stats["records"]["filtered"] == 1, "one filtered")
    daemon.wait_for_descriptors()
    daemon.syslog(b"<14>cron: again")
    assert fields(collector.messages(3)[2])[3] == "again"
