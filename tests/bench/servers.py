"""Echo servers under load: requests per second and latency, system calls, short connections, two cores."""
import os
import re
import resource
import signal
import subprocess
import time

from measure import CPU, CPUS, LOAD_CPU, ROUNDS, in_turn, numbers, pin, program, under, warn

MS = int(os.environ.get("BENCH_MS", 1000))
# Each of them, and the load generator, needs a descriptor for each connection.
MOST = resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 500
COUNTS = [int(n) for n in os.environ.get("BENCH_CONNECTIONS", "1 10 100 1000 5000 10000 18000").split()]
THREADS = program("echo_threads")


def sides():
    found = {"native": THREADS, "greenshim": under(THREADS), "epoll": program("echo_epoll")}
    if os.path.exists(program("echo_fiber")[0]):
        found["Boost.Fiber"] = program("echo_fiber")
    return found


class Server:
    """One echo server's life. It ends with its standard input."""

    def __init__(self, command, cpus=(CPU,)):
        self.command = command
        self.cpus = cpus

    def __enter__(self):
        self.child = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=pin(self.cpus))
        self.port = self.child.stdout.readline().decode().strip()
        return self

    def __exit__(self, *_):
        self.child.stdin.close()
        try:
            self.child.wait(10)
        except subprocess.TimeoutExpired:
            warn("%s does not end" % " ".join(self.command))
            self.child.kill()
            self.child.wait()
        self.child.stdout.close()


def load(command, connections, cpus=(CPU,), load_cpus=(LOAD_CPU,), by="echo_load"):
    """Requests per second, median and 99th percentile of the latency."""
    with Server(command, cpus) as server:
        return numbers(program(by, server.port, connections, MS), load_cpus, MS / 1000 + 20) if server.port else None


def column(found, i):
    return {side: [values[i] for values in lines] for side, lines in found.items()}


def echo(book):
    for n in COUNTS:
        if n > MOST:
            continue
        found = in_turn(sides(), (ROUNDS + 1) // 2, lambda command: load(command, n))
        title = "echo, one core, {:,} connection{}: ".format(n, "s" if n > 1 else "")
        book.row(title + "requests/s", column(found, 0), True)
        book.row(title + "p99, us", column(found, 2))
        for curve, i in ("echo-rate", 0), ("echo-p99", 2):
            for side, values in column(found, i).items():
                book.point(curve, side, n, values)


def cores(book):
    """All cores, which the load generator shares."""
    for n in 10, 100, 1000, 5000:
        many = str(len(CPUS))
        asked = {"native": THREADS, "greenshim": under(THREADS, "--hubs", many), "epoll": program("echo_epoll", many)}
        found = in_turn(asked, (ROUNDS + 1) // 2, lambda command: load(command, n, CPUS, CPUS))
        title = "echo, {} cores, {:,} connections: ".format(many, n)
        book.row(title + "requests/s", column(found, 0), True)
        book.row(title + "p99, us", column(found, 2))


def hubs(book):
    for n in 1, 2, 4:
        asked = {"native": THREADS, "greenshim": under(THREADS, "--hubs", str(n)), "epoll": program("echo_epoll", n)}
        found = in_turn(asked, (ROUNDS + 1) // 2, lambda command: load(command, 1000, CPUS, CPUS))
        for side, values in column(found, 0).items():
            book.point("hubs-echo", side, n, values)
        book.row("echo, all cores, 1,000 connections, %d hub%s: requests/s" % (n, "s" if n > 1 else ""), column(found, 0), True)


def churn(book):
    for n in 1, 100:
        found = in_turn(sides(), (ROUNDS + 1) // 2, lambda command: load(command, n, by="churn_load"))
        title = "connections of one request, %d at a time: " % n
        book.row(title + "a second", column(found, 0), True)
        book.row(title + "p99, us", column(found, 2))


def traced(command):
    """System calls per request, by strace, of a server that is warm; and how many of those are epoll_ctl."""
    with Server(command) as server:
        busy = subprocess.Popen(program("echo_load", server.port, 100, 4000), stdout=subprocess.DEVNULL, preexec_fn=pin([LOAD_CPU]))
        time.sleep(1)
        strace = subprocess.Popen(["strace", "-f", "-c", "-p", str(server.child.pid)], stderr=subprocess.PIPE)
        time.sleep(1.5)
        strace.send_signal(signal.SIGINT)
        text = strace.communicate(timeout=20)[1].decode("utf-8", "replace")
        busy.kill()
        busy.wait()
    counts = {}
    for calls, name in re.findall(r"^ *[0-9.]+ +[0-9.]+ +[0-9]+ +([0-9]+) +(?:[0-9]+ +)?(\w+)$", text, re.MULTILINE):
        counts[name] = int(calls)
    counts.pop("total", None)
    answers = sum(counts.get(name, 0) for name in ("write", "sendto", "sendmsg"))
    if answers < 100:
        warn("strace counted no answers: " + " ".join(command))
        return None
    return [sum(counts.values()) / answers, counts.get("epoll_ctl", 0) / answers]


def syscalls(book):
    try:
        found = in_turn(sides(), 1, traced)
    except (OSError, subprocess.SubprocessError) as error:
        warn("system calls are not counted: %s" % error)
        return
    book.row("system calls per request, 100 connections", column(found, 0))
    book.row("  of these epoll_ctl", column(found, 1))


ALL = {"echo": echo, "cores": cores, "hubs-echo": hubs, "churn": churn, "syscalls": syscalls}
