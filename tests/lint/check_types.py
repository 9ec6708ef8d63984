"""The Python package's types hold, which it promises by py.typed, and its examples fit them (mypy)."""

import os
import subprocess
import sys

import tree

OPTIONS = ["--disallow-untyped-defs", "--check-untyped-defs", "--warn-unused-ignores",
           "--cache-dir", os.devnull]

top = tree.root()
probe = subprocess.run([sys.executable, "-m", "mypy", "--version"], capture_output=True)
if probe.returncode != 0:
    tree.tool("mypy")  # skips, or fails where every tool must be there
sources = [top / "lib" / "python" / "logfwd", *tree.files(top / "lib" / "examples", ".py")]
status = subprocess.run([sys.executable, "-m", "mypy", *OPTIONS, *sources])
tree.finish([] if status.returncode == 0 else ["mypy found something"])
