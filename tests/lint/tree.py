"""The files of the project, as the checks of this folder see them."""

import os
import pathlib
import shutil
import sys

SKIPPED_TEST = 77  # what meson takes for "skipped"


def root():
    """The checkout: the check's only argument."""
    return pathlib.Path(sys.argv[1]).resolve()


def files(top, *suffixes):
    """All files below top with one of the suffixes (all without any), sorted; not what is built."""
    found = []
    for folder, folders, names in os.walk(top):
        folders[:] = [
            name
            for name in folders
            if name not in (".git", "__pycache__") and not name.startswith(("build", ".pytest"))
        ]
        found += [pathlib.Path(folder, name) for name in names if name.endswith(suffixes or "")]
    return sorted(found)


def tool(name):
    """The path of a program; where it is missing the check is skipped, but `./dev lint` insists."""
    path = shutil.which(name)
    if path is None:
        print(f"{name} is not installed")
        sys.exit(1 if os.environ.get("LOGFWD_LINT_STRICT") else SKIPPED_TEST)
    return path


def finish(problems):
    """Prints what was found and ends the check with it."""
    print("\n".join(problems))
    sys.exit(bool(problems))
