"""Runs a small Python program against the package and the library of this build."""

import os
import subprocess
import textwrap

from tests.support.daemon import BUILD, SOURCE, run

PYTHON = "/usr/bin/python3"
LIBRARY_FOLDER = BUILD / "lib" / "client"


def _sanitizer_runtime():
    """The sanitizers' runtime that the library was built with, which must be loaded first."""
    lines = run("ldd", LIBRARY_FOLDER / "liblogfwd.so").stdout.splitlines()
    return [line.split()[2] for line in lines if "libasan" in line]


def environment(daemon):
    """What a program needs to find package, library and daemon."""
    found = os.environ | {
        "PYTHONPATH": str(SOURCE / "lib" / "python"),
        "LD_LIBRARY_PATH": str(LIBRARY_FOLDER),
        "LOGFWD_SOCKET": str(daemon.client_path),
    }
    runtime = _sanitizer_runtime()
    if runtime:
        # The interpreter itself leaks by design.
        found |= {"LD_PRELOAD": runtime[0], "ASAN_OPTIONS": "detect_leaks=0"}
    return found


def start_python(daemon, program):
    """Starts a program, given as an indented string; its output is a pipe."""
    return subprocess.Popen(
        [PYTHON, "-c", textwrap.dedent(program)],
        env=environment(daemon), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )


def run_python(daemon, program, **options):
    """A program to its end, which must be a good one; its output. options: run()'s."""
    done = run(PYTHON, "-c", textwrap.dedent(program), env=environment(daemon), **options)
    assert done.returncode == 0, done.stderr
    return done.stdout
