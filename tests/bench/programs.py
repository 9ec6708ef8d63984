"""Where the forwarders' programs are: installed, or unpacked aside from their Debian packages.

rsyslog and syslog-ng conflict as packages, so what is not installed is fetched with apt-get and
unpacked with `dpkg -x` into a folder of its own. Nothing is installed, no maintainer script runs.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

LIBRARY_FOLDERS = ("usr/lib/x86_64-linux-gnu", "usr/lib/aarch64-linux-gnu", "lib/x86_64-linux-gnu",
                   "lib/aarch64-linux-gnu", "usr/lib/syslog-ng")
SEARCH_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


class Unavailable(Exception):
    """A program is not to be had; the text says why."""


@dataclass(frozen=True)
class Program:
    path: Path
    root: Path  # "/" or the folder it was unpacked into

    def environment(self) -> dict[str, str]:
        if self.root == Path("/"):
            return dict(os.environ)
        folders = [str(self.root / folder) for folder in LIBRARY_FOLDERS]
        return dict(os.environ, LD_LIBRARY_PATH=":".join(folders))

    def folder_of(self, pattern: str) -> Path:
        """The folder that holds the file which matches the pattern below usr/lib."""
        for found in sorted((self.root / "usr/lib").glob(pattern)):
            return found.parent
        raise Unavailable(f"{self.path.name}: no {pattern} below {self.root}usr/lib")


class Programs:
    """Finds programs; fetches what is missing into `aside` when `fetch` allows it."""

    def __init__(self, aside: Path, fetch: bool):
        self.aside = aside
        self.fetch = fetch

    def find(self, name: str, package: str) -> Program:
        installed = shutil.which(name, path=SEARCH_PATH)
        if installed is not None:
            return Program(Path(installed), Path("/"))
        root = self.aside / package
        unpacked = root / "usr/sbin" / name
        if not unpacked.exists():
            if not self.fetch:
                raise Unavailable(f"{name} is not installed, and --no-fetch was given")
            unpack(package, root)
        if not unpacked.exists():
            raise Unavailable(f"package {package} holds no {name}")
        return Program(unpacked, root)


def unpack(package: str, root: Path) -> None:
    """Unpacks a package, and those that it needs beside the installed ones, into root."""
    print(f"fetching {package}, to unpack it into {root}", file=sys.stderr)
    root.parent.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(dir=root.parent) as name:
            folder = Path(name)
            plan = apt("-s", "install", "--no-install-recommends", package, folder=folder)
            wanted = [line.split()[1] for line in plan.splitlines() if line.startswith("Inst ")]
            apt("-o", "APT::Sandbox::User=root", "download", *wanted, folder=folder)
            for archive in sorted(folder.glob("*.deb")):
                subprocess.run(["dpkg", "-x", archive, folder / "root"], check=True, text=True,
                               capture_output=True)
            (folder / "root").rename(root)  # whole or not at all
    except (OSError, subprocess.CalledProcessError) as error:
        said = (getattr(error, "stderr", None) or str(error)).strip().splitlines()
        raise Unavailable(f"{package}: {said[-1]}") from error


def apt(*arguments: str, folder: Path) -> str:
    return subprocess.run(["apt-get", "-q", *arguments], cwd=folder, check=True, text=True,
                          capture_output=True).stdout
