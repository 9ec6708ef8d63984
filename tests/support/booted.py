"""A machine of its own that systemd has booted, with this host's /usr and what `meson install` puts there.

systemd-nspawn makes it: its root is in memory, its network a loopback of its own, and the installed
files lie over the host's /usr. Nothing of the host is written.
"""

import contextlib
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

from tests.support.daemon import BUILD, LOGFWDD, run
from tests.support.waiting import wait_for

BOOT_S = 60
STATES = ("running", "degraded")


def why_not():
    """Why no machine can be booted here; None: it can be tried."""
    if os.geteuid() != 0:
        return "only root may boot a machine"
    for tool in ("systemd-nspawn", "nsenter", "meson"):
        if shutil.which(tool) is None:
            return f"there is no {tool}"
    if "libasan" in run("ldd", LOGFWDD).stdout:
        return "a sanitizer does what the service may not"
    return None


class Ended(Exception):
    """The machine is gone before it was up."""


class Machine:
    """Boots at the begin of a with-block, and is gone after it."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="logfwd-"))
        self.process = self.leader = None

    def __enter__(self):
        try:
            run("meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", check=True,
                env=os.environ | {"DESTDIR": str(self.folder)})
            self._boot()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_):
        with contextlib.suppress(AssertionError):  # then it is killed
            self.run("systemctl", "poweroff", "--force", "--force", check=False)
            wait_for(lambda: self.process.poll() is not None, "it is off")
        self._end()

    def _boot(self):
        self.process = subprocess.Popen(
            ["systemd-nspawn", "--quiet", "--directory=/", "--volatile=yes", "--register=no",
             "--keep-unit", f"--machine=logfwd-{os.getpid()}", "--private-network",
             "--console=pipe", f"--overlay-ro=/usr:{self.folder}/usr:/usr", "--boot",
             "systemd.unit=basic.target"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
        try:
            wait_for(self._is_up, "systemd runs", BOOT_S, 0.1)
        except (AssertionError, Ended) as error:
            self.process.kill()
            said = self.process.communicate()[0].decode(errors="replace")
            pytest.skip(f"no machine can be booted here: {error} {said[-300:]}")
        libraries = next(self.folder.rglob("liblogfwd.so")).parent
        self.run("ldconfig", f"/{libraries.relative_to(self.folder)}")

    def _is_up(self):
        if self.process.poll() is not None:
            raise Ended("systemd-nspawn ended")
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        self.leader = next(iter(children.read_text().split()), None)
        if self.leader is None:
            return False
        return self.run("systemctl", "is-system-running", check=False).strip() in STATES

    def _end(self):
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, 9)
            self.process.wait()
        shutil.rmtree(self.folder)

    def command(self, *command):
        """A command of the host as one of the machine."""
        return ["nsenter", "-t", self.leader, "-m", "-u", "-i", "-n", "-p", "--", *map(str, command)]

    def run(self, *command, check=True, stdin=None):
        """Runs a command to its end; what it printed."""
        done = run(*self.command(*command), input=stdin)
        assert not check or done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def write(self, path, text):
        self.run("sh", "-c", f'mkdir -p "$(dirname {path})" && cat >{path}', stdin=text)
