"""systemd takes every unit without a word, and finds the service no more exposed than 1.2 of 10.

What is checked are copies whose programs are one that every machine has.
"""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import tree

EXPOSURE_MAX = 12  # tenths, as `systemd-analyze security --threshold` counts


def copy_units(folder):
    """Puts the units as installed into folder; returns their paths."""
    service = pathlib.Path(os.environ["LOGFWD_BUILD"], "systemd", "logfwd.service").read_text()
    service = re.sub(r"^(Exec\w+=)\S+", rf"\1{shutil.which('true')}", service, flags=re.M)
    units = [folder / "logfwd.service"]
    units[0].write_text(service)
    for source in sorted((tree.root() / "systemd").glob("*.socket")):
        units.append(folder / source.name)
        units[-1].write_text(source.read_text())
    return units


def complaints(command, **options):
    """What a systemd tool has to say about the units; nothing is what it should be."""
    run = subprocess.run(command, capture_output=True, text=True, **options)
    lines = [line for line in (run.stdout + run.stderr).splitlines() if "logfwd" in line]
    return lines or ([f"{command[1]}: {run.stderr}"] if run.returncode != 0 else [])


analyze = tree.tool("systemd-analyze")
with tempfile.TemporaryDirectory() as name:
    units = copy_units(pathlib.Path(name))
    problems = complaints([analyze, "verify", "--man=no", *units])
    exposure = subprocess.run(
        [analyze, "security", "--offline=true", f"--threshold={EXPOSURE_MAX}", units[0]],
        capture_output=True,
        text=True,
    )
    if exposure.returncode != 0:
        problems.append(exposure.stdout + exposure.stderr)
tree.finish(problems)
