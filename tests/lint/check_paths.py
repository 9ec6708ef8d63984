"""No file names a path that exists on one machine only: the checkout's own place, or a home."""

import pathlib
import re

import tree

# Top folders that mean the same everywhere (hier(7)); any other above the checkout is this machine's.
COMMON = {"bin", "dev", "etc", "lib", "media", "mnt", "opt", "proc", "run", "sbin", "srv", "sys",
          "tmp", "usr", "var"}


def machine_folders(top):
    """Top folders whose mention is a mistake."""
    folders = {"home", "root", "Users"}
    for path in (top, pathlib.Path.home()):
        if len(path.parts) > 1 and path.parts[1] not in COMMON:
            folders.add(path.parts[1])
    return folders


def lines(path):
    """The numbered lines of a text file; none of a binary one."""
    try:
        return enumerate(path.read_text().splitlines(), 1)
    except UnicodeDecodeError:
        return []


top = tree.root()
machine_path = re.compile(r"(?<![\w./*-])/(%s)/\w" % "|".join(sorted(machine_folders(top))))
tree.finish(
    [
        f"{path.relative_to(top)}:{number}: names a path of one machine: {text.strip()[:80]}"
        for path in tree.files(top)
        for number, text in lines(path)
        if machine_path.search(text)
    ]
)
