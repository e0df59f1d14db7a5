"""One operation at a time: switches, threads, locks, pipes, sleeps, memory, start-up."""
import os

from measure import BUILD, ROUNDS, SMALL_STACKS, both, fiber, in_turn, numbers, program, under

LIBRARY = os.environ["GREENSHIM_LIBRARY"]


def switch(book):
    book.compare("a switch of libgreenlet; a jump of Boost.Context, ns", {"greenshim": program("switch"), **fiber("jump")})
    book.compare("greenlet_sleep(0), ns", {"greenshim": program("switch", "sleep")})
    book.compare("greenlet_spawn and join, ns", {"greenshim": program("switch", "spawn")})


def yields(book):
    book.compare("sched_yield between two threads, ns", {**both("yield"), **fiber("yield", 300000)})


def create(book):
    book.compare("create and join, one at a time, ns", {**both("create"), **fiber("create", 20000, 1)})
    book.compare("create and join, 100 at a time, ns", {**both("create", 20000, 100), **fiber("create", 20000, 100)})


def locks(book):
    book.compare("mutex, uncontended, ns", both("mutex"))
    book.compare("mutex, eight threads, ns", both("mutex", 2000000, 8))
    book.compare("condition variable ping-pong, ns", {**both("cond"), **fiber("cond", 50000)})
    book.compare("semaphore ping-pong, ns", {**both("sem"), **fiber("sem", 50000)})


def calls(book):
    book.compare("write and read of a ready socket, ns", both("ready"))
    book.compare("pipe ping-pong, ns", both("pipe"))
    for title, more in ("a native call, --syscalls all, ns", []), ("the same in code made at run time, ns", [300000, "made"]):
        command = program("dispatch", *more)
        book.compare(title, {"native": command, "greenshim": under(command, "--syscalls", "all")})
    book.compare("50 us sleep: how late, ns", both("sleep"))


def plain(command):
    """By LD_PRELOAD, without what the launcher sets."""
    return ["env", "LD_PRELOAD=" + LIBRARY, *command]


def memory(book):
    few, many = program("parked", 30000, "cond"), program("parked", 100000, "cond")
    for size, stack in ("8 MiB", []), ("256 KiB", SMALL_STACKS):
        for title, ours in ("", under(many)), (", by LD_PRELOAD alone", plain(many)):
            found = in_turn({"native": stack + few, "greenshim": stack + ours}, 1, numbers)
            book.row("a parked thread's memory, stacks of %s%s, bytes" % (size, title),
                     {side: [values[1] for values in lines] for side, lines in found.items()})


def idle(book):
    for many in 1000, 100000:
        command = program("idle", many)
        sides = {"native": program("idle", min(many, 30000)), "greenshim": under(command)}
        found = in_turn(sides, 1, numbers)
        for i, title in enumerate(("CPU time, us", "wake-ups")):
            book.row("{:,} parked threads, 2 s: {}".format(many, title), {side: [v[0][i]] for side, v in found.items()})


def start(book):
    """The preload's cost, without the launcher's."""
    for title, more in ("start without a thread, us", []), ("start with a thread, us", ["thread"]):
        command = [*program("start", 200), os.path.join(BUILD, "tests", "bench", "true"), *more]
        sides = {"native": command, "greenshim": ["env", "GREENSHIM_BENCH_PRELOAD=" + LIBRARY, *command]}
        found = {side: [v[0] for v in lines] for side, lines in in_turn(sides, ROUNDS, numbers).items()}
        book.row(title, found)
        if len(found) == 2:
            book.row("  what the preload adds, us", {"greenshim": [a - b for a, b in zip(found["greenshim"], found["native"])]})


ALL = {"switch": switch, "yield": yields, "create": create, "locks": locks, "calls": calls, "memory": memory, "idle": idle, "start": start}
