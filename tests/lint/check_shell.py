"""Every shell script passes shellcheck."""

import subprocess

import tree


def is_script(path):
    """A file of ours that starts with a shell's #! line."""
    with open(path, "rb") as stream:
        first = stream.readline()
    return first.startswith(b"#!") and first.strip().endswith((b"bash", b"sh"))


top = tree.root()
checker = tree.tool("shellcheck")
scripts = [path for path in tree.files(top) if path.is_file() and is_script(path)]
status = subprocess.run([checker, "--external-sources", *scripts]).returncode
tree.finish([] if status == 0 else ["shellcheck found something"])
