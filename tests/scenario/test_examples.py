"""The examples, built as a user builds them, against the installed library.

`meson install` puts everything below a folder; pkg-config finds header and library there, and
Python its package.
"""

import os
import shutil
import socket
import subprocess

import pytest

from tests.support.daemon import BUILD, SOURCE, run, temporary_folder
from tests.support.python_program import PYTHON, environment

EXAMPLES = SOURCE / "lib" / "examples"
WARNINGS = ["-Wall", "-Wextra", "-Werror"]
C = ["gcc", "-std=gnu17", "-pthread"]
OF_C = ["c99", "c11", "gnu17"]
OF_CPLUSPLUS = ["c++11", "c++14", "c++17", "c++20", "c++23"]
CONNECTIONS = 10


@pytest.fixture(scope="module")
def installed():
    """The folder below which everything is installed."""
    folder = temporary_folder()
    done = run("meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", folder, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    yield folder
    shutil.rmtree(folder)


def one_of(folder, pattern):
    (path,) = folder.glob(pattern)
    return path


def pkg_config(installed, *options):
    """The words that pkg-config says of logfwd."""
    variables = os.environ | {
        "PKG_CONFIG_PATH": str(one_of(installed, "**/pkgconfig/logfwd.pc").parent),
        "PKG_CONFIG_SYSROOT_DIR": str(installed),
    }
    done = run("pkg-config", *options, "logfwd", env=variables)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def build(installed, compiler, source):
    """Builds an example without a warning; returns the program's path."""
    program = installed / source.stem
    flags = pkg_config(installed, "--cflags"), pkg_config(installed, "--libs")
    if any("libasan" in line for line in run("ldd", library(installed)).stdout.splitlines()):
        compiler = [*compiler, "-fsanitize=address,undefined"]
    done = run(*compiler, *WARNINGS, *flags[0], "-o", program, source, *flags[1])
    assert (done.returncode, done.stderr) == (0, "")
    return program


def library(installed):
    return one_of(installed, "**/liblogfwd.so.0")


def installed_environment(daemon, installed):
    found = environment(daemon) | {"LD_LIBRARY_PATH": str(library(installed).parent)}
    found["PYTHONPATH"] = str(one_of(installed, "**/dist-packages"))
    return found


def test_installing_again_keeps_the_configuration(installed):
    path = one_of(installed, "**/logfwd/logfwd.conf")
    assert path.read_text() == (SOURCE / "conf" / "logfwd.conf").read_text()
    path.write_text('target mine { servers = {"127.0.0.1:514"} }')
    done = run("meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", installed, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert path.read_text().startswith("target mine")


def test_pkg_config_knows_the_version(installed):
    assert library(installed).resolve().name.endswith(pkg_config(installed, "--modversion")[0])
    assert "-llogfwd" in pkg_config(installed, "--libs")


@pytest.fixture
def start_server(daemon, installed):
    """A function that starts an echo server; gives its process and port."""
    started = []

    def start(*command):
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True,
                                  env=installed_environment(daemon, installed))
        started.append(server)
        return server, int(server.stdout.readline())

    yield start
    for server in started:
        server.kill()
        server.wait()
        server.stdout.close()


def echoes(connection, data):
    connection.sendall(data)
    with connection.makefile("rb", buffering=0) as answer:
        return answer.read(len(data)) == data


@pytest.mark.parametrize("language", ["c", "python"])
def test_an_echo_server_has_a_logger_for_each_connection(
        daemon, collector, installed, start_server, language):
    if language == "c":
        command = [build(installed, C, EXAMPLES / "echo_server.c")]
    else:
        command = [PYTHON, EXAMPLES / "echo_server.py"]
    server, port = start_server(*command)
    connections = [socket.create_connection(("127.0.0.1", port)) for _ in range(CONNECTIONS)]
    peers = ["%s:%d" % each.getsockname() for each in connections]
    assert all(echoes(each, b"hello") for each in connections)
    stats = daemon.wait_for_stats(
        lambda stats: stats["loggers"]["leased"] == CONNECTIONS, "one for each")
    assert stats["clients"]["live"] == 1
    for each in connections:
        each.close()
    daemon.wait_for_stats(lambda stats: stats["loggers"]["leased"] == 0, "none is left")
    said = {}
    for each in collector.messages(2 * CONNECTIONS):
        assert each.procid == str(server.pid)
        said.setdefault((each.logger, each.context["peer"]), []).append(each.text.decode())
    names = [f"Connection.{number}" for number in range(1, CONNECTIONS + 1)]
    assert sorted(said) == sorted(zip(names, peers))
    assert all(texts == ["open", "closed after 5 bytes"] for texts in said.values())


@pytest.mark.parametrize("standard", OF_C)
def test_the_header_is_of_every_standard(installed, standard):
    done = run("gcc", f"-std={standard}", "-pedantic", *WARNINGS, "-fsyntax-only",
               one_of(installed, "**/logfwd.h"))
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("standard", OF_CPLUSPLUS)
def test_the_header_serves_cplusplus(daemon, collector, installed, standard):
    program = build(installed, ["g++", f"-std={standard}", "-pedantic"], EXAMPLES / "scoped_logger.cc")
    done = run(program, env=installed_environment(daemon, installed))
    assert done.returncode == 0, done.stderr
    messages = collector.messages(6)
    assert [(each.logger, each.context.get("number")) for each in messages] == [
        ("Connection.1", "1"), ("Connection.2", "2"), ("server", None),
        ("Connection.3", "3"), ("Connection.4", "4"), ("server", None)]
