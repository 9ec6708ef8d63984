"""Medians, ratios, the table and the verdict of a run."""

import statistics
from dataclasses import dataclass
from typing import Callable, Collection

from forwarders import Row

LOGFWD_ROWS = ("dev-log", "libclient")
PEER = "rsyslog"
FLOOR = "floor"


class Results:
    """All measurements of a run, by row, load and round."""

    def __init__(self, measurements: list[dict]):
        self.measurements = measurements

    def values(self, row: str, load: str, name: str) -> dict[int, float]:
        """The figure of each round."""
        return {one["round"]: one[name] for one in self.measurements
                if one["row"] == row and one["load"] == load}

    def median(self, row: str, load: str, name: str) -> float | None:
        values = self.values(row, load, name).values()
        return statistics.median(values) if values else None

    def spread(self, row: str, load: str, name: str) -> float | None:
        """Half of what lies between the lowest and the highest, as a share of the median."""
        values = self.values(row, load, name).values()
        middle = self.median(row, load, name)
        return (max(values) - min(values)) / 2 / middle if middle else None

    def ratio(self, row: str, other: str, load: str, name: str) -> float | None:
        """Median of the rounds' ratios: within a round both rows met the same machine."""
        ours, theirs = self.values(row, load, name), self.values(other, load, name)
        ratios = [ours[number] / theirs[number] for number in ours
                  if number in theirs and theirs[number]]
        return statistics.median(ratios) if ratios else None

    def total(self, row: str, name: str) -> int:
        return sum(one[name] for one in self.measurements if one["row"] == row)

    def highest(self, row: str, name: str) -> int:
        return max((one[name] for one in self.measurements if one["row"] == row), default=0)


@dataclass(frozen=True)
class Column:
    heading: str
    unit: str
    value: Callable[[Results, str], float | None]
    form: str = "{:.2f}"

    def text(self, results: Results, row: str) -> str:
        value = self.value(results, row)
        return "-" if value is None else self.form.format(value)


def median_of(load: str, name: str, divisor: float = 1) -> Callable[[Results, str], float | None]:
    def value(results: Results, row: str) -> float | None:
        median = results.median(row, load, name)
        return None if median is None else median / divisor

    return value


def ratio_to(other: str, load: str, name: str) -> Callable[[Results, str], float | None]:
    return lambda results, row: results.ratio(row, other, load, name)


def percent_of_spread(results: Results, row: str) -> float | None:
    spread = results.spread(row, "one", "cpu_us")
    return None if spread is None else spread * 100


COLUMNS = (
    Column("CPU/rec", "us, 1 wr", median_of("one", "cpu_us")),
    Column("+-", "%", percent_of_spread, "{:.0f}"),
    Column("x", "floor", ratio_to(FLOOR, "one", "cpu_us")),
    Column("x", "rsyslog", ratio_to(PEER, "one", "cpu_us")),
    Column("CPU/rec", "us, 2 wr", median_of("two", "cpu_us")),
    Column("rec/s", "1 wr", median_of("one", "records_per_second"), "{:,.0f}"),
    Column("x", "rsyslog", ratio_to(PEER, "one", "records_per_second")),
    Column("rec/s", "2 wr", median_of("two", "records_per_second"), "{:,.0f}"),
    Column("p50 us", "20k/s", median_of("paced", "latency_p50_us"), "{:,.0f}"),
    Column("p99 us", "20k/s", median_of("paced", "latency_p99_us"), "{:,.0f}"),
    Column("call us", "p50", median_of("one", "call_p50_ns", 1e3)),
    Column("call us", "p99.9", median_of("one", "call_p999_ns", 1e3), "{:,.0f}"),
    Column("MiB", "peak", lambda results, row: results.highest(row, "memory_peak_kib") / 1024,
           "{:.0f}"),
    Column("out of", "order", lambda results, row: results.total(row, "reordered"), "{:,}"),
    Column("lost", "", lambda results, row: results.total(row, "lost"), "{:,}"),
)


def table(results: Results, rows: list[Row]) -> str:
    lines = [[""] + [column.heading for column in COLUMNS],
             ["forwarder"] + [column.unit for column in COLUMNS]]
    lines += [[row.label] + [column.text(results, row.key) for column in COLUMNS] for row in rows]
    widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]))]
    shown = ["  ".join(cell.rjust(width) if at else cell.ljust(width)
                       for at, (cell, width) in enumerate(zip(line, widths))) for line in lines]
    shown.insert(2, "  ".join("-" * width for width in widths))
    return "\n".join(line.rstrip() for line in shown)


def loggers_line(results: Results) -> str:
    """Open, log and close of a logger, each record from a new one."""
    rate = results.median("libclient", "loggers", "records_per_second")
    if rate is None:
        return ""
    return (f"open + log + close of a logger: {rate:,.0f}/s, CPU "
            f"{results.median('libclient', 'loggers', 'client_cpu_us'):.2f} us in the client, "
            f"{results.median('libclient', 'loggers', 'cpu_us'):.2f} us in the daemon, "
            "the record included")


def verdict(results: Results, wanted: Collection[str]) -> list[str]:
    """What is wrong with logfwd in these results, of the rows wanted; nothing when it passes."""
    wrong = []
    for row in wanted:
        if not results.values(row, "one", "cpu_us"):
            if row in (*LOGFWD_ROWS, PEER):
                wrong.append(f"{row} was not measured")
        elif row in LOGFWD_ROWS:
            lost, duplicates = results.total(row, "lost"), results.total(row, "duplicates")
            if lost != 0:
                wrong.append(f"logfwd by {row} lost {lost:,} records")
            if duplicates != 0:
                wrong.append(f"logfwd by {row} delivered {duplicates:,} records twice")
    ratio = results.ratio("dev-log", PEER, "one", "cpu_us")
    if ratio is not None and ratio > 1:
        wrong.append(f"logfwd by dev-log takes {ratio:.2f} times the CPU of {PEER} per record")
    return wrong
