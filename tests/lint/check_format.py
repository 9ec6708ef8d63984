"""Every C and C++ file is formatted as .clang-format says."""

import subprocess

import tree

top = tree.root()
formatter = tree.tool("clang-format")
sources = tree.files(top, ".c", ".cc", ".h")
status = subprocess.run([formatter, "--dry-run", "-Werror", "--ferror-limit=3", *sources]).returncode
tree.finish([] if status == 0 else ["run: clang-format -i FILE"])
