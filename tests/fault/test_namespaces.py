"""The networks of these tests leave nothing: no link, process, thread or descriptor, also after a failure."""

import os
import pathlib
import re
import subprocess
import threading

import pytest

from tests.fault.scene import Scene
from tests.support.daemon import target
from tests.support.waiting import wait_for

OURS = re.compile(r"to\d+")  # links of a Network; it names nothing else


def children():
    path = pathlib.Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    return path.read_text(encoding="ascii").split()


def state():
    """All that could stay behind here."""
    return {
        "descriptors": len(os.listdir("/proc/self/fd")),
        "links": [name for name in os.listdir("/proc/self/net/dev_snmp6") if OURS.fullmatch(name)],
        "children": len(children()),
        "threads": threading.active_count(),
    }


def one_scene(fails):
    scene = Scene()
    try:
        collectors = scene.far(3)
        scene.start(target("central", *collectors))
        with scene.flow():
            scene.arrives(collectors[0])
            assert not fails, "as asked for"
        scene.finish()
    finally:
        scene.close()


@pytest.mark.parametrize("fails", [False, True])
def test_a_scene_leaves_nothing(fails):
    before = state()
    if fails:
        with pytest.raises(AssertionError, match="as asked for"):
            one_scene(fails)
    else:
        one_scene(fails)
    wait_for(lambda: state() == before, lambda: f"{before} again, not {state()}")


def test_a_killed_test_leaves_no_namespace():
    """Nothing but a descriptor holds a namespace, so the kernel takes it back with its process."""
    program = (
        "import sys; from tests.support.namespaces import Network\n"
        "network = Network(); network.add_far(); print(network.near.run('readlink', '/proc/self/ns/net'))\n"
        "sys.stdout.flush(); sys.stdin.read()"
    )
    with subprocess.Popen(
        ["/usr/bin/python3", "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        inode = process.stdout.readline().strip()
        held = f"/proc/{process.pid}/fd"
        assert any(os.readlink(f"{held}/{each}") == inode for each in os.listdir(held))
        process.kill()
    assert inode not in namespaces_held()


def namespaces_held():
    """The network namespaces that any process holds or is in."""
    found = set()
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            found.update(os.readlink(each) for each in folder.glob("fd/*"))
            found.add(os.readlink(folder / "ns/net"))
        except OSError:
            pass  # gone in the meantime
    return found
