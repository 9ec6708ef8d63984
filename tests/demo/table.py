"""Prints the demo's columns side by side."""

LABEL_WIDTH, COLUMN_WIDTH = 46, 16

ROWS = [  # label, or a row: what it is, its key in a column
    ("connections made", "made"),
    ("  what ended it", "ended"),
    "with all of them open",
    ("loggers live", "open.loggers"),
    ("placeholders", "open.placeholders"),
    ("descriptors of the client", "open.descriptors"),
    ("connections of the client to the daemon", "open.clients"),
    ("UDP sockets (logfwd: most at any moment)", "open.udp"),
    ("memory of the client, MiB", "open.client_memory"),
    ("memory of the daemon before, MiB", "before.daemon_memory"),
    ("memory of the daemon, MiB", "open.daemon_memory"),
    ("records received by the collector", "open.received"),
    "after closing all of them",
    ("loggers that are still held", "closed.loggers"),
    ("placeholders", "closed.placeholders"),
    ("descriptors of the client", "closed.descriptors"),
    ("UDP sockets", "closed.udp"),
    ("memory of the client, MiB", "closed.client_memory"),
    ("memory of the daemon, MiB", "closed.daemon_memory"),
    "second round: as many opened again, then kill -9",
    ("loggers live before it", "again.loggers"),
    ("records received by the collector", "again.received"),
    ("seconds until every logger was gone", "killed.seconds"),
    ("loggers that are still held", "killed.loggers"),
    ("placeholders", "killed.placeholders"),
    ("UDP sockets", "killed.udp"),
    ("memory of the daemon, MiB", "killed.daemon_memory"),
]


def cell(column, key):
    """A value as text; "-" for what the column has not."""
    value = column.get(key, "-")
    if isinstance(value, float):
        return f"{value:.3f}" if key.endswith("seconds") else f"{value:.1f}"
    return f"{value:,}" if isinstance(value, int) else value


def print_table(columns):
    """columns: title to column, in order."""
    print("\n" + " " * LABEL_WIDTH + "".join(f"{title:>{COLUMN_WIDTH}}" for title in columns))
    for row in ROWS:
        if isinstance(row, str):
            print(f"-- {row} ".ljust(LABEL_WIDTH + COLUMN_WIDTH * len(columns), "-"))
            continue
        label, key = row
        cells = "".join(f"{cell(column, key):>{COLUMN_WIDTH}}" for column in columns.values())
        print(f"{label:<{LABEL_WIDTH}}{cells}")
    print()
