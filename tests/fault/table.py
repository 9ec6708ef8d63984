"""The table of the fault matrix, as Markdown."""

from tests.fault.rows import ROWS

HEAD = "| fault | submitted | received | reported lost | silent loss | twice, marked | back after | counter |"


class Table:
    """futures: what runs or ran, by the name of its row."""

    def __init__(self):
        self.futures, self.skipped = {}, None

    def lines(self):
        if self.skipped is not None:
            return [f"tests/fault: all skipped: {self.skipped}"]
        if not self.futures:
            return []
        rule = "|" + " --- |" * (HEAD.count("|") - 1)
        return [HEAD, rule, *(self._line(row) for row in ROWS if row.name in self.futures)]

    def _line(self, row):
        future = self.futures[row.name]
        if not future.done():
            return f"| {row.name} | not finished |"
        if future.exception() is not None:
            return f"| {row.name} | failed: {repr(future.exception())[:80]} |"
        outcome, moved, resumed_s = future.result()
        back = "" if resumed_s is None else f"{resumed_s:.1f} s"
        cells = (
            row.name, outcome.submitted, outcome.received, outcome.reported, outcome.silent,
            outcome.duplicates, back, f"{row.counter} {moved}",
        )
        return "| " + " | ".join(map(str, cells)) + " |"
