"""What the kernel tells of a server's processes: CPU time, OS threads, memory."""
import collections
import ctypes
import os
import threading

TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
PR_SET_CHILD_SUBREAPER = 36
# Of each OS thread, on x86-64 and aarch64.
KERNEL_STACK = 16384
SAMPLE_SECONDS = 0.2
# With each so many samples the server's processes are looked for anew.
SEARCH = 5

# Held while a command is started and until it is known as none of the server's, and while the server's are looked for.
BIRTH = threading.Lock()

Stat = collections.namedtuple("Stat", "pid state parent session cpu threads rss")


def adopt_orphans():
    """A server that goes to the background stays our descendant."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def stat_of(pid):
    try:
        with open("/proc/%d/stat" % pid, encoding="utf-8", errors="replace") as file:
            text = file.read()
    except OSError:
        return None
    words = text[text.rindex(")") + 2:].split()
    cpu = sum(int(word) for word in words[11:15]) / TICK
    return Stat(pid, words[0], int(words[1]), int(words[3]), cpu, int(words[17]), int(words[21]) * PAGE)


def tree(root, besides=()):
    """The live processes of the server that was started as root: its descendants, and our own that are none of besides."""
    with BIRTH:
        stats = [stat_of(int(name)) for name in os.listdir("/proc") if name.isdigit()]
        besides = set(besides)
    stats = [stat for stat in stats if stat and stat.state not in "ZX"]
    us = os.getpid()
    found = {stat.pid for stat in stats if stat.pid == root or (stat.parent == us and stat.session not in besides)}
    while True:
        more = {stat.pid for stat in stats if stat.parent in found} - found
        if not more:
            return [stat for stat in stats if stat.pid in found]
        found |= more


def page_tables(pid):
    """Bytes that the kernel needs to map the process's memory."""
    try:
        with open("/proc/%d/status" % pid, encoding="utf-8", errors="replace") as file:
            return next((1024 * int(line.split()[1]) for line in file if line.startswith("VmPTE:")), 0)
    except OSError:
        return 0


def machine_used():
    """Bytes that processes and the kernel use, on the whole machine, without what only caches files."""
    with open("/proc/meminfo", encoding="ascii") as file:
        kib = {line.split(":")[0]: int(line.split()[1]) for line in file}
    cached = kib["Buffers"] + kib["Cached"] + kib["SReclaimable"] - kib["Shmem"]
    return 1024 * (kib["MemTotal"] - kib["MemFree"] - cached)


class Watch(threading.Thread):
    """The most that the server has had of each, from start() to end()."""

    def __init__(self, root, besides):
        super().__init__(daemon=True)
        self.root = root
        self.besides = besides
        self.over = threading.Event()
        self.threads = self.rss = self.memory = self.machine = 0

    def run(self):
        turn = 0
        while True:
            if turn % SEARCH == 0:
                stats = tree(self.root, self.besides)
            else:
                stats = [stat for stat in (stat_of(stat.pid) for stat in stats) if stat]
            turn += 1
            self.threads = max(self.threads, sum(stat.threads for stat in stats))
            self.rss = max(self.rss, sum(stat.rss for stat in stats))
            self.memory = max(self.memory, sum(stat.rss + page_tables(stat.pid) + stat.threads * KERNEL_STACK for stat in stats))
            self.machine = max(self.machine, machine_used())
            if self.over.wait(SAMPLE_SECONDS):
                return

    def end(self):
        self.over.set()
        self.join()


def cpu_of(root, besides):
    return sum(stat.cpu for stat in tree(root, besides))
