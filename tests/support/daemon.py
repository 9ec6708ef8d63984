"""The real logfwdd in a temporary folder, with its accounts checked at every step."""

import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile

from tests.support import ledger, procfs, wire
from tests.support.waiting import PATIENCE, wait_for

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("LOGFWD_BUILD", SOURCE / "build"))
LOGFWDD = os.environ.get("LOGFWDD", str(BUILD / "daemon" / "logfwdd"))
LOGFWDCTL = os.environ.get("LOGFWDCTL", str(BUILD / "lib" / "ctl" / "logfwdctl"))

# In a configuration: clients that are gone are told of, which else would be in everybody's way.
AUDIBLE = "# audible\n"

# What the sanitizers print, and what a failed assert() does.
CRASH = re.compile(r"Sanitizer|runtime error:|Assertion .* failed")


def run(*command, timeout=PATIENCE, **options):
    """A program to its end, with its output as text."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | options
    return subprocess.run([str(part) for part in command], timeout=timeout, **options)


def temporary_folder():
    """Short, for the paths of sockets are bounded; open, for tests with a second user."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="logfwd-"))
    folder.chmod(0o755)
    return folder


def control_request(path, **request):
    """One request to a control socket and its answer, as objects; the daemon has closed by then.

    Of an answer in slices, the last one, with the lists of all of them in its result.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(PATIENCE)
        connection.connect(str(path))
        connection.sendall(json.dumps(request).encode() + b"\n")
        with connection.makefile("rb") as answer:
            lines = [json.loads(line) for line in answer]
    *slices, last = lines
    for key, rows in last.get("result", {}).items() if slices else ():
        last["result"][key] = [row for line in slices for row in line["result"][key]] + rows
    return last


def target(name, *collectors, **options):
    """A target section over collectors (or addresses); an option's '_' stands for '-'."""
    servers = ", ".join(f'"{getattr(each, "address", each)}"' for each in collectors)
    lines = [f"servers = {{{servers}}}"]
    lines += [f"{key.replace('_', '-')} = {value}" for key, value in options.items()]
    return f"target {name} {{\n    " + "\n    ".join(lines) + "\n}\n"


class Daemon:
    """One logfwdd. Every helper leaves with the ledgers checked; stop() checks all the rest."""

    def __init__(self, config, folder=None, listen=""):
        """config: without its listen section, to which listen adds. folder: its own when None."""
        self.listen = listen
        self.folder = folder or temporary_folder()
        self.config_path = self.folder / "logfwd.conf"
        self.client_path = self.folder / "client.sock"
        self.syslog_path = self.folder / "dev-log"
        self.control_path = self.folder / "control.sock"
        self.stderr_path = self.folder / "stderr"
        self.write_config(config)
        self.process = None
        self.descriptors_at_start = None
        self.steps = 0

    # configuration

    def whole_config(self, config):
        """config behind a listen section that points into the folder, on the first line."""
        return (
            f'listen {{ client = "{self.client_path}" syslog = "{self.syslog_path}"'
            f' control = "{self.control_path}" {self.listen} }}\n{config}'
        )

    def write_config(self, config):
        self.config_path.write_text(self.whole_config(config))

    def write_include(self, name, text):
        """A file of conf.d, or none when text is None; returns its path."""
        path = self.folder / "conf.d" / name
        path.parent.mkdir(exist_ok=True)
        if text is None:
            path.unlink()
        else:
            path.write_text(text)
        return path

    # life

    def start(self, command=None, waiting_clients=0, **options):
        """Starts it and waits until it answers.

        command: instead of the plain one. waiting_clients: connections that it finds at its start.
        """
        with open(self.stderr_path, "ab") as stderr:
            self.process = subprocess.Popen(
                command or [LOGFWDD, "-f", str(self.config_path)],
                stdin=subprocess.DEVNULL,
                stdout=stderr,
                stderr=stderr,
                **options,
            )
        wait_for(self._answers_or_ended, "the daemon answers")
        assert self.process.poll() is None, f"logfwdd ended at start:\n{self.stderr()}"
        config = self.config_path.read_text()
        if AUDIBLE not in config and "logfwd.clients" not in config:
            self.request("set-level", name="logfwd.clients*", level=100)
        self.descriptors_at_start = self.descriptors() - waiting_clients
        self.check()
        return self

    def _answers_or_ended(self):
        if self.process.poll() is not None:
            return True
        try:
            return control_request(self.control_path, verb="stats")["status"] == "ok"
        except (FileNotFoundError, PermissionError, ConnectionRefusedError, ConnectionResetError):
            return False  # not bound yet, or bound without its mode, or not listening

    def stop(self, closes_descriptors=True):
        """The end of every scenario: nothing leaked, accounts closed, TERM obeyed, no crash."""
        if self.process is None:
            return
        if self.process.poll() is None:
            if closes_descriptors:
                self.wait_for_descriptors()
            self.check()
            self.terminate()
        self.assert_clean_exit()

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE)

    def assert_clean_exit(self):
        status = self.process.wait(PATIENCE)
        self.process = None
        assert CRASH.search(self.stderr()) is None, self.stderr()
        assert status == 0, f"exit {status}:\n{self.stderr()}"

    def discard(self):
        """After everything: no process and no folder stays, whatever happened."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def stderr(self):
        return self.stderr_path.read_text(errors="replace")

    # what /proc says

    @property
    def pid(self):
        return self.process.pid

    def links(self):
        """What its descriptors are, by number."""
        return procfs.links(self.pid)

    def udp_sockets(self):
        """How many UDP sockets it holds, by the kernel's word."""
        return procfs.udp_sockets(self.pid)

    def descriptors(self):
        """How many it holds beside the sockets of the pool."""
        return len(self.links()) - self.udp_sockets()

    def wait_for_descriptors(self, seconds=PATIENCE):
        """Waits until it holds no more than at the start: every client is forgotten.

        Fewer is no mistake: a resolver's socket shows as one of UDP only after its first question.
        """
        wait_for(
            lambda: self.descriptors() <= self.descriptors_at_start,
            lambda: f"{self.descriptors_at_start} descriptors again: {self.links()}",
            seconds,
        )

    # the accounts

    def request(self, verb, **arguments):
        """A verb's result, over the control socket."""
        answer = control_request(self.control_path, verb=verb, **arguments)
        assert answer["status"] == "ok", answer
        return answer["result"]

    def stats(self):
        """One snapshot; its ledgers are always checked."""
        stats = self.request("stats")
        assert not ledger.problems(stats), ledger.problems(stats)
        assert stats["balanced"] is True
        return stats

    def ctl(self, *arguments, status=0):
        """logfwdctl against this daemon; its output."""
        done = run(LOGFWDCTL, "-s", self.control_path, *arguments)
        assert done.returncode == status, (arguments, done)
        return done.stdout if status == 0 else done.stderr

    def check(self):
        """The accounts close, by the tool's own reckoning and by ours."""
        self.ctl("stats", "--check")
        self.stats()  # last: then the daemon has closed the tool's connection too

    def step(self):
        """After every step: the accounts close; in long loops the tool is asked now and then."""
        self.steps += 1
        if self.steps <= 20 or self.steps % 50 == 0:
            self.check()
        else:
            self.stats()

    def wait_for_stats(self, condition, what, seconds=PATIENCE):
        """Waits until condition(stats) holds; returns those stats, with the ledgers checked."""
        last = {}

        def holds():
            last.update(self.stats())
            return condition(last)

        wait_for(holds, lambda: f"{what}: {json.dumps(last)}", seconds)
        self.check()
        return last

    def loggers(self):
        """Every node of the tree by name, placeholders too."""
        found = self.request("loggers", all=True)["loggers"]
        return {logger["name"]: logger for logger in found}

    # what scenarios do

    def client(self, app_name=b"wire"):
        """A client by hand; whenever it flushes, the accounts are checked."""
        return wire.Client(self.client_path, app_name, on_flushed=self.step)

    def syslog(self, *datagrams):
        """Datagrams to the syslog(3) socket, from this process."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.settimeout(PATIENCE)
            sender.connect(str(self.syslog_path))
            for datagram in datagrams:
                sender.send(datagram)

    def reload(self):
        """A reload that must work."""
        self.ctl("reload")
        self.check()

    def refused_reload(self):
        """A reload that must fail: what logfwdctl says."""
        said = self.ctl("reload", status=1)
        self.check()
        return said
