"""Every Python file compiles and has no unused or undefined name (pyflakes)."""

import subprocess
import sys

import tree

top = tree.root()
sources = tree.files(top, ".py")
probe = subprocess.run([sys.executable, "-m", "pyflakes", "--version"], capture_output=True)
if probe.returncode != 0:
    tree.tool("pyflakes3")  # skips, or fails where every tool must be there
status = subprocess.run([sys.executable, "-m", "pyflakes", *sources]).returncode
tree.finish([] if status == 0 else ["pyflakes found something"])
