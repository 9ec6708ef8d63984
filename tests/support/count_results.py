"""Sums up runs of `meson test`: prints "N passed, N failed" as the last line, counting subtests.

usage: count_results.py STATUS TESTLOG..., with the exit status of the runs (0 when all were good)
and their testlog.json (one JSON object a line, one a test program). A program that speaks TAP
counts by its subtests; one that failed although no subtest did (it crashed, or ran out of time)
counts as one failure more.
Exits 1 if anything failed.
"""

import json
import re
import sys

GOOD = {"OK", "EXPECTEDFAIL"}
TAP_PLAN = re.compile(r"^1\.\.\d+", re.M)
TAP_TEST = re.compile(r"^(not ok|ok)\b[^#\n]*(?:# *(skip|todo))?", re.M | re.I)


def count(program):
    """How many of a program's tests passed, failed and were skipped."""
    passed, failed, skipped = 0, 0, 0
    output = program.get("stdout", "")
    subtests = TAP_TEST.findall(output) if TAP_PLAN.search(output) else []
    for verdict, directive in subtests:
        if directive:
            skipped += 1
        elif verdict == "ok":
            passed += 1
        else:
            failed += 1
    result = program["result"]
    if result not in GOOD | {"SKIP"}:
        failed = max(failed, 1)
    elif not subtests:
        passed, skipped = (0, 1) if result == "SKIP" else (1, 0)
    return passed, failed, skipped


def main(status, *log_paths):
    """Prints the sums; returns the exit status."""
    passed, failed, skipped = 0, 0, 0
    for log_path in log_paths:
        with open(log_path, encoding="utf-8", errors="replace") as log:
            for line in log:
                more = count(json.loads(line))
                passed, failed, skipped = passed + more[0], failed + more[1], skipped + more[2]
    if status != 0 and failed == 0:
        print(f"meson test ended with status {status}")
        failed = 1
    if skipped:
        print(f"{skipped} skipped")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), *sys.argv[2:]))
