"""A wheel and an sdist are made of the Python package, without a network, and the wheel works."""

import email
import re
import shutil
import tarfile
import zipfile

import pytest

from tests.support.daemon import SOURCE, run, temporary_folder
from tests.support.python_program import PYTHON, environment

PACKAGE = SOURCE / "lib" / "python"


@pytest.fixture
def folder():
    found = temporary_folder()
    yield found
    shutil.rmtree(found)


def build(kind, source, out):
    """Asks the build backend for a "wheel" or an "sdist", as pip and build do; returns its path."""
    done = run(PYTHON, "-c", "import sys, setuptools.build_meta as backend;"
               f"print(backend.build_{kind}(sys.argv[1]), file=sys.stderr)", out, cwd=source)
    assert done.returncode == 0, done.stderr
    return out / done.stderr.splitlines()[-1]


def version():
    """What meson.build says."""
    return re.search(r"version: '([^']+)'", (SOURCE / "meson.build").read_text())[1]


def test_the_wheel_of_the_sdist_is_whole_and_logs(folder, daemon, collector):
    source = shutil.copytree(PACKAGE, folder / "source",  # for the backend writes there
                             ignore=shutil.ignore_patterns("__pycache__"))
    with tarfile.open(build("sdist", source, folder)) as sdist:
        sdist.extractall(folder)
    wheel = build("wheel", folder / f"logfwd-{version()}", folder)
    with zipfile.ZipFile(wheel) as content:
        content.extractall(folder / "site")
        names = {name for name in content.namelist() if name.startswith("logfwd/")}
        metadata = email.message_from_bytes(
            content.read(f"logfwd-{version()}.dist-info/METADATA"))
    sources = {f"logfwd/{path.name}" for path in (PACKAGE / "logfwd").iterdir() if path.is_file()}
    assert names == sources
    assert (metadata["Name"], metadata["Version"]) == ("logfwd", version())
    assert "logfwd for Python" in metadata.get_payload()
    done = run(PYTHON, "-c", "import logfwd; print(logfwd.__file__); logfwd.getLogger('a').error('b')",
               env=environment(daemon) | {"PYTHONPATH": str(folder / "site")})
    assert done.stdout.startswith(str(folder)), done.stderr
    assert collector.messages(1)[0].text == b"b"
