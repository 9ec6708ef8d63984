"""What the kernel says of a process: memory, descriptors, sockets."""

import os
import pathlib
import re
import threading


def memory_mib(pid):
    """Resident memory in MiB."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"^VmRSS:\s+(\d+) kB", status, re.M)[1]) / 1024


def links(pid):
    """What the open descriptors are, by number."""
    folder = pathlib.Path(f"/proc/{pid}/fd")
    found = {}
    for entry in os.listdir(folder):
        try:
            found[int(entry)] = os.readlink(folder / entry)
        except FileNotFoundError:
            pass  # closed in the meantime
    return found


def sockets(pid):
    """How many descriptors are sockets."""
    return sum(link.startswith("socket:") for link in links(pid).values())


def udp_sockets(pid):
    """How many of them are UDP sockets."""
    inodes = set()
    for table in ("udp", "udp6"):
        lines = pathlib.Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]
        inodes |= {f"socket:[{line.split()[9]}]" for line in lines}
    return len(inodes & set(links(pid).values()))


class UdpSampler:
    """Looks at a process's UDP sockets all the time of a with-block; keeps the largest number seen."""

    PERIOD_S = 0.005

    def __init__(self, pid):
        self.pid, self.samples, self.most = pid, 0, 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def _run(self):
        while not self.over.wait(self.PERIOD_S):
            self.most = max(self.most, udp_sockets(self.pid))
            self.samples += 1
