"""Who may include whom (daemon/README.md): a folder sees only what stands here, and its own."""

import re

import tree

BASE, WIRE = {"base"}, {"base", "wire"}
MAY_SEE = {
    "lib/base": set(),
    "lib/wire": BASE,
    "lib/ring": WIRE,
    "lib/client": WIRE | {"ring"},
    "lib/ctl": WIRE,
    "lib/examples": set(),
    "daemon/os": BASE,
    "daemon/format": WIRE,
    "daemon/route": WIRE,
    "daemon/intake": WIRE | {"ring", "os"},
    "daemon/output": WIRE | {"os", "format"},
    "daemon/control": WIRE | {"os"},
    # Only the option structs in their headers: nothing of config calls a stage.
    "daemon/config": WIRE | {"os", "format", "route", "intake", "output", "control"},
}
# Libraries that are walled in: header prefix and the folders that may include it.
WALLED = {
    "confuse.h": {"daemon/config"},
    "jansson.h": {"daemon/control", "lib/ctl", "daemon"},
    "event2/": {"daemon/intake", "daemon/output", "daemon/control", "daemon/os", "daemon"},
    "systemd/": {"daemon/os"},
}


def upward(top, folder, allowed):
    """Includes of project folders that this folder must not see."""
    for path in tree.files(top / folder, ".c", ".h"):
        for header in re.findall(r'^#include "(\w+)/', path.read_text(), re.M):
            if header not in allowed | {path.parent.name}:
                yield f"{path.relative_to(top)}: must not include {header}/"


def walled(top):
    """Includes of a library outside the folders that keep it in."""
    for path in tree.files(top / "lib", ".c", ".h") + tree.files(top / "daemon", ".c", ".h"):
        folder = str(path.parent.relative_to(top))
        for header in re.findall(r"^#include <([\w./]+)>", path.read_text(), re.M):
            for prefix, folders in WALLED.items():
                if header.startswith(prefix) and folder not in folders:
                    yield f"{path.relative_to(top)}: must not include <{header}>"


top = tree.root()
known = set(MAY_SEE) | {"lib/include", "lib/python"}
problems = [
    f"{folder.relative_to(top)}: a new folder needs its line in tests/lint/check_includes.py"
    for part in ("lib", "daemon")
    for folder in sorted((top / part).iterdir())
    if folder.is_dir() and str(folder.relative_to(top)) not in known
]
for folder, allowed in MAY_SEE.items():
    problems += upward(top, folder, allowed)
problems += walled(top)
tree.finish(problems)
