"""A configuration with a mistake is refused with file, line and reason, and changes nothing.

Each file of broken/ has one mistake and says on its first line where and why it must be
refused. logfwdd refuses to start with it (exit 78), so does its --check; and a daemon that
runs, with records passing all the time, refuses to reload it, whether it takes the place of
the main file or lies in conf.d: levels, loggers, targets, sockets and descriptors are what
they were, and of the numbered records none is lost. Files that are no regular files, and a
series of broken ones longer than libconfuse's include stack, do not wedge it either.
"""

import os
import pathlib
import re
import signal
import stat
import threading

import pytest

from tests.support import wire
from tests.support.daemon import LOGFWDCTL, LOGFWDD, Daemon, run, target, temporary_folder
from tests.support.waiting import wait_for

BROKEN = sorted(pathlib.Path(__file__).with_name("broken").glob("*.conf"))
EXPECT = re.compile(r"# expect: (?:(?P<line>\d+): )?(?P<reason>.+)")
CONFIG_ERROR = 78  # EX_CONFIG


def expectation(path):
    """The line (None: the mistake has none) and the part of the reason that a file announces."""
    match = EXPECT.fullmatch(path.read_text(errors="replace").splitlines()[0])
    assert match is not None, f"{path} does not begin with '# expect: LINE: part of the reason'"
    return match["line"], match["reason"]


def assert_refused(said, path, line, reason):
    """One line names file, line and reason."""
    place = f"{path}:{line}: " if line else f"{path}: "
    named = [each for each in said.splitlines() if place in each]
    assert named, f"no line with {place!r} in {said!r}"
    assert reason in named[0], named[0]


def test_there_are_enough_of_them():
    assert len(BROKEN) >= 30


@pytest.mark.parametrize("arguments", [["-f"], ["--check", "-f"]], ids=" ".join)
@pytest.mark.parametrize("path", BROKEN, ids=[path.stem for path in BROKEN])
def test_refused_at_start(path, arguments):
    line, reason = expectation(path)
    done = run(LOGFWDD, *arguments, path)
    assert done.returncode == CONFIG_ERROR, done
    assert_refused(done.stderr, path, line, reason)


@pytest.mark.parametrize("path", BROKEN[:3], ids=[path.stem for path in BROKEN[:3]])
def test_refused_by_the_tool(path):
    line, reason = expectation(path)
    search = os.pathsep.join([os.path.dirname(LOGFWDD), os.environ["PATH"]])
    done = run(LOGFWDCTL, "check", path, env=os.environ | {"PATH": search})
    assert done.returncode == CONFIG_ERROR, done  # it runs `logfwdd --check`
    assert_refused(done.stdout + done.stderr, path, line, reason)


class Traffic:
    """Numbered records from a client, from now until the end of a with statement."""

    def __init__(self, daemon, collector):
        self.daemon, self.collector = daemon, collector
        self.sent = 0
        self.enough = threading.Event()
        self.failure = None

    def __enter__(self):
        self.thread = threading.Thread(target=self._run)
        self.thread.start()
        return self

    def _run(self):
        try:
            with wire.Client(self.daemon.client_path, b"traffic") as client:
                client.open(1, b"app.traffic")
                client.send(wire.set_level(1, 15))
                while not self.enough.is_set():
                    client.log(1, *[b"%d" % number for number in range(self.sent, self.sent + 20)])
                    client.flush()
                    self.sent += 20
                    self.collector.received(self.sent)  # so that no socket buffer runs over
        except BaseException as failure:
            self.failure = failure

    def __exit__(self, *_):
        self.enough.set()
        self.thread.join()
        assert self.failure is None, self.failure
        assert self.collector.texts() == [b"%d" % number for number in range(self.sent)]


CONFIG = """
handler default { target = central }
handler errors { target = central level = error facility = local3 }
logger root { level = info handlers = {default} }
logger app { level = warning context = {"service=edge"} }
logger app.db { handlers = {errors} propagate = false }
"""


@pytest.fixture
def daemon(start_daemon, collector):
    return start_daemon(target("central", collector) + CONFIG)


def state(daemon):
    """All that a refused reload must leave as it was."""
    loggers = {
        name: {key: logger[key] for key in ("level", "effective", "configured", "leases")}
        for name, logger in daemon.loggers().items()
    }
    targets = {
        name: [each["policy"], each["sockets"], sorted(each["servers"])]
        for name, each in daemon.request("targets")["targets"].items()
    }
    stats = daemon.stats()
    return {
        "loggers": loggers,
        "targets": targets,
        "pool": [stats["sockets"][key] for key in ("open", "limit", "opened")],
        "clients": stats["clients"]["live"],
        "removed": stats["removed"],
        "descriptors": daemon.links(),
    }


def wait_for_traffic(traffic, more=40):
    seen = traffic.sent
    traffic.collector.received(seen + more)


def test_a_broken_main_file_changes_nothing_under_traffic(daemon, collector):
    with Traffic(daemon, collector) as traffic:
        wait_for_traffic(traffic)
        before = state(daemon)
        for path in BROKEN:
            line, reason = expectation(path)
            daemon.config_path.write_bytes(path.read_bytes())
            assert_refused(daemon.refused_reload(), daemon.config_path, line, reason)
            assert state(daemon) == before, path
        wait_for_traffic(traffic)
        daemon.write_config(target("central", collector) + CONFIG)
        daemon.reload()
        assert state(daemon) == before
        wait_for_traffic(traffic)


def test_a_broken_include_changes_nothing_under_traffic(daemon, collector):
    """Syntax errors and wrong options, in a file of conf.d; the main file stays good."""
    mistakes = [
        "target half {",
        "logger app.x { level = loud }",
        "nonsense = 1",
        "handler second { target = nowhere }",
        "handler default { target = central }",
        "logger app { level = info }",
        "/* no end",
        'logger app.y { level = "info }',
        'include("/etc/passwd")',
        "}",
    ]
    with Traffic(daemon, collector) as traffic:
        wait_for_traffic(traffic)
        before = state(daemon)
        for text in mistakes:
            path = daemon.write_include("50-broken.conf", text + "\n")
            said = daemon.refused_reload()
            assert re.search(re.escape(str(path)) + r":\d+: ", said), (text, said)
            assert state(daemon) == before, text
        wait_for_traffic(traffic)


def test_a_refused_reload_by_signal_changes_nothing(daemon, collector):
    path = daemon.write_include("50-broken.conf", "nonsense = 1\n")
    before = state(daemon)
    daemon.process.send_signal(signal.SIGHUP)
    wait_for(
        lambda: f"{path}:1: " in daemon.stderr(),
        lambda: f"the mistake on stderr: {daemon.stderr()}",
    )
    assert state(daemon) == before


def test_the_eleventh_broken_file_does_not_block_the_next_good_reload(daemon, collector):
    for number in range(15):
        path = daemon.write_include("50-broken.conf", f"logger app.n{number} {{ level = \n")
        assert str(path) in daemon.refused_reload()
    daemon.write_include("50-broken.conf", "logger app.good { level = debug }\n")
    daemon.reload()
    assert daemon.loggers()["app.good"]["effective"] == 10
    assert daemon.descriptors() == daemon.descriptors_at_start


def test_a_dry_run_only_says_what_is_wrong(daemon):
    before = state(daemon)
    path = daemon.write_include("50-new.conf", "logger app.new { level = debug }\n")
    daemon.ctl("reload", "--dry-run")
    assert state(daemon) == before
    path.write_text("logger app.new { level = loud }\n")
    assert_refused(daemon.ctl("reload", "--dry-run", status=1), path, 1, "loud")
    assert state(daemon) == before


# What is not a regular, readable file of a decent size.


def directory(path):
    path.mkdir()


def fifo(path):
    os.mkfifo(path)


def link_to_nothing(path):
    path.symlink_to(path.with_suffix(".nothing"))


def link_to_itself(path):
    path.symlink_to(path)


def device(path):
    path.symlink_to("/dev/zero")


def huge(path):
    """60 MB, sparse."""
    with open(path, "wb") as file:
        file.truncate(60 * 1000 * 1000)


def long_comment(path):
    path.write_text("# " + "x" * (2 << 20) + "\n")


def zeros(path):
    path.write_bytes(b"\0" * 100)


def byte_order_mark(path):
    path.write_bytes(b"\xef\xbb\xbfpool { sockets = 4 }\n")


ODD_FILES = [
    directory, fifo, link_to_nothing, link_to_itself, device, huge, long_comment, zeros,
    byte_order_mark,
]


@pytest.mark.parametrize("make", ODD_FILES, ids=lambda make: make.__name__)
def test_an_odd_file_is_refused_at_start(make, collector):
    folder = temporary_folder()
    daemon = Daemon(target("central", collector), folder)
    try:
        odd = folder / "odd.conf"
        make(odd)
        for arguments in (["-f", odd], ["--check", "-f", odd]):
            done = run(LOGFWDD, *arguments)
            assert done.returncode == CONFIG_ERROR, done
            assert f"{odd}:" in done.stderr
    finally:
        daemon.discard()


def test_a_missing_file_is_refused_at_start(tmp_path):
    done = run(LOGFWDD, "-f", tmp_path / "missing.conf")
    assert done.returncode == CONFIG_ERROR
    assert f"{tmp_path / 'missing.conf'}: " in done.stderr
    assert "write it, or name another one" in done.stderr


@pytest.mark.parametrize("arguments", [["--check", "-f"], ["-f"]], ids=" ".join)
def test_a_missing_folder_of_a_socket_is_named(collector, tmp_path, arguments):
    """Found when the daemon starts, and not when it checks."""
    path = tmp_path / "logfwd.conf"
    missing = tmp_path / "missing" / "client.sock"
    path.write_text(f'listen {{ client = "{missing}" }}\n{target("central", collector)}')
    done = run(LOGFWDD, *arguments, path)
    if "--check" in arguments:
        assert done.returncode == 0
    else:
        assert done.returncode == 1 and f"{missing}: cannot bind; its folder must exist" in done.stderr


@pytest.mark.parametrize("place", ["main", "include"])
@pytest.mark.parametrize("make", ODD_FILES, ids=lambda make: make.__name__)
def test_an_odd_file_changes_nothing_at_reload(daemon, collector, make, place):
    before = state(daemon)
    path = daemon.config_path
    good = path.read_text()
    if place == "include":
        path = daemon.folder / "conf.d" / "50-odd.conf"
        path.parent.mkdir()
    else:
        path.unlink()
    make(path)
    assert f"{path}:" in daemon.refused_reload()
    assert state(daemon) == before
    if stat.S_ISDIR(os.lstat(path).st_mode):
        path.rmdir()
    else:
        path.unlink()
    daemon.config_path.write_text(good)
    daemon.reload()
    assert state(daemon) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become one who may not read a file")
def test_an_unreadable_file_is_refused(collector):
    folder = temporary_folder()
    daemon = Daemon(target("central", collector), folder)
    try:
        daemon.config_path.chmod(0o600)
        done = run(LOGFWDD, "-f", daemon.config_path, user=65534, group=65534, extra_groups=[])
        assert done.returncode == CONFIG_ERROR
        assert f"{daemon.config_path}: " in done.stderr
    finally:
        daemon.discard()
