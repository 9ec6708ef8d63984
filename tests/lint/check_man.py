"""Every manual page is well-formed, and says what it is in its NAME section."""

import re
import subprocess

import tree

top = tree.root()
checker = tree.tool("mandoc")
pages = [path for path in tree.files(top) if re.fullmatch(r".+\.[1-8](\.in)?", path.name)]
problems = []
for page in pages:
    report = subprocess.run([checker, "-T", "lint", "-W", "warning", page],
                            capture_output=True, text=True)
    problems += [line.replace(f"{top}/", "") for line in report.stdout.splitlines()]
tree.finish(problems)
