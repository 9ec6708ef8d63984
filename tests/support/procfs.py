"""What the kernel says of a process: memory, descriptors, sockets."""

import os
import pathlib
import re
import statistics
import threading


def _status_mib(pid, field):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"^{field}:\s+(\d+) kB", status, re.M)[1]) / 1024


def memory_mib(pid):
    """Resident memory in MiB."""
    return _status_mib(pid, "VmRSS")


def memory_is_exact(pid):
    """False under a sanitizer, which reserves terabytes and keeps freed memory for a while."""
    return _status_mib(pid, "VmSize") < 1024 * 1024


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


def udp_overrun(own_socket):
    """How many datagrams the kernel dropped because this process's socket was full."""
    inode = str(os.fstat(own_socket.fileno()).st_ino)
    for line in pathlib.Path("/proc/self/net/udp").read_text().splitlines()[1:]:
        words = line.split()
        if words[9] == inode:
            return int(words[12])
    raise AssertionError(f"no UDP socket with inode {inode}")


class MemoryWatch:
    """Whether a process keeps memory each time that it does the same."""

    SLACK_MIB = 1  # what an allocator keeps at hand, more or less

    def __init__(self, pid):
        self.pid, self.looks = pid, []
        self.is_exact = memory_is_exact(pid)

    def look(self):
        """To be called once for each time."""
        self.looks.append(memory_mib(self.pid))

    def check(self):
        """The last quarter of the looks shows what the second one showed; the first warms up."""
        quarter = len(self.looks) // 4
        before = statistics.median(self.looks[quarter : 2 * quarter])
        after = statistics.median(self.looks[-quarter:])
        print(f"memory {before:.1f} MiB, then {after:.1f} MiB")
        assert after < before + self.SLACK_MIB or not self.is_exact, self.looks


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
