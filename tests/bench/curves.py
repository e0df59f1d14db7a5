"""How the cost of one operation grows: with threads, timers, waiters, descriptors, OS threads."""
import os
import resource

from measure import CPUS, SMALL_STACKS, both, fiber, in_turn, numbers, program, under

# The kernel has no more threads, and a process here no more descriptors.
NATIVE_MOST = 30000
FIBERS_MOST = 100000
COUNTS = (1, 10, 100, 1000, 10000, 30000, 100000, 1000000)


def memory_gib():
    with open("/proc/meminfo", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("MemAvailable:")) / 2 ** 20


def chosen(counts, most):
    asked = os.environ.get("BENCH_THREADS")
    return [n for n in (map(int, asked.split()) if asked else counts) if n <= most]


def grow(book, name, counts, fields, peer_fields=(), rounds=2, before=()):
    """A point of each curve for each number that a program prints."""
    for n in counts:
        sides = {side: [*before, *command] for side, command in both(name, n).items()}
        if n > NATIVE_MOST:
            del sides["native"]
        if peer_fields and n <= FIBERS_MOST:
            sides.update(fiber(name, n))
        found = in_turn(sides, rounds if n < 10000 else 1, lambda command: numbers(command, limit=90))
        for side, lines in found.items():
            for i, field in enumerate(peer_fields if side == "Boost.Fiber" else fields):
                # What is small beside an idle machine's noise tells nothing.
                if field and not (field == "memory" and n < 10000):
                    book.point(field, side, n, [values[i] for values in lines])
        if found:
            print("%-12s %9s  %s" % (name, "{:,}".format(n), told(found)), flush=True)


def told(found):
    return "; ".join("%s %s" % (side, " ".join("%.0f" % value for value in lines[0])) for side, lines in found.items())


def threads(book):
    """They park in sleep, cond wait and read in turn, on stacks of 256 KiB. A million of them natively: the kernel refuses."""
    grow(book, "parked", chosen(COUNTS, 1000000 if memory_gib() > 16 else 100000), ["make", "memory", "yield", "pipe", "join"],
         ["make", "yield", "join"], before=SMALL_STACKS)
    for curve, title, unit in (("make", "made, s", 1e-3), ("memory", "memory, GiB", 1e6 / 2 ** 30), ("join", "ended and joined, s", 1e-3)):
        most = [point[1] for point in book.curves.get(curve, {}).get("greenshim", []) if point[0] == 1000000]
        book.row("1,000,000 threads: " + title, {"greenshim": [value * unit for value in most]})


def timers(book):
    grow(book, "timers", chosen(COUNTS, 1000000), ["timed", "expire"], ["timed"])


def waiters(book):
    grow(book, "waiters", chosen(COUNTS, 100000), ["wake-one", "wake-all"], ["wake-one", "wake-all"])


def descriptors(book):
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 100
    grow(book, "descriptors", chosen((1, 10, 100, 1000, 5000, 10000, 18000), most), ["poll", "epoll", "read"])


def hubs(book):
    """Eight threads that yield, on so many OS threads."""
    for n in 1, 2, 4:
        command = under(program("yield", 300000, 8), "--hubs", str(n))
        found = in_turn({"native": program("yield", 300000, 8), "greenshim": command}, 3, lambda one: numbers(one, CPUS))
        for side, lines in found.items():
            book.point("hubs-yield", side, n, [values[0] for values in lines])
        print("%-12s %9d  %s" % ("hubs", n, told(found)), flush=True)


ALL = {"threads": threads, "timers": timers, "waiters": waiters, "descriptors": descriptors, "hubs": hubs}
