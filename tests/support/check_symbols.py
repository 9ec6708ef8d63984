"""The shared library exports what <logfwd.h> declares, and nothing else. Arguments: header, library, nm.

And it calls nothing that would raise or mask a signal, print, sleep, or end the process (logfwd(3)).
"""

import re
import subprocess
import sys

# abort() is there for assert() alone, of builds that have it, by another name.
UNWANTED = set("""
    raise kill tgkill pthread_kill sigaction signal sigprocmask pthread_sigmask
    exit _exit _Exit quick_exit abort
    printf __printf_chk vprintf fprintf __fprintf_chk vfprintf puts putchar fputs fwrite fputc perror
    write dprintf syslog vsyslog sleep usleep nanosleep clock_nanosleep pause select
    pthread_cond_wait send recv recvfrom read
""".split())

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
listing = subprocess.run([nm, "-D", "--undefined-only", library],
                         capture_output=True, text=True, check=True).stdout
called = {line.split()[-1].split("@")[0] for line in listing.splitlines()} & UNWANTED
for name in sorted(called):
    print(f"{name}: called by the library")
sys.exit(declared != exported or bool(called))
