"""The shared library exports what <logfwd.h> declares, and nothing else. Arguments: header, library, nm."""

import re
import subprocess
import sys

header, library, nm = sys.argv[1:]
with open(header) as file:
    code = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S)
declared = set(re.findall(r"\b(logfwd_\w+)\(", code))
listing = subprocess.run([nm, "-D", "--defined-only", library],
                         capture_output=True, text=True, check=True).stdout
symbols = [line.split() for line in listing.splitlines()]
# An "A" is the name of the version that the symbols carry.
exported = {name.split("@")[0] for _, kind, name in symbols if kind != "A"}
for name in sorted(declared ^ exported):
    print(f"{name}: {'exported, but not declared' if name in exported else 'not exported'}")
sys.exit(declared != exported)
