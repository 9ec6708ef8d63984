"""The Python package's types hold, which it promises to its users by py.typed (mypy)."""

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
status = subprocess.run([sys.executable, "-m", "mypy", *OPTIONS, top / "lib" / "python" / "logfwd"])
tree.finish([] if status.returncode == 0 else ["mypy found something"])
