"""Runs what is measured, each side in turn, and keeps the figures."""
import json
import os
import statistics
import subprocess
import sys

BUILD = os.environ["BENCH_BUILD"]
ROOT = os.environ["BENCH_ROOT"]
OUT = os.environ.get("BENCH_OUT", os.path.join(BUILD, "bench"))
HERE = os.path.join(BUILD, "tests", "bench")
LAUNCHER = os.path.join(ROOT, "scripts", "greenshim")
CPUS = sorted(os.sched_getaffinity(0))
CPU = int(os.environ.get("BENCH_CPU", CPUS[0]))
LOAD_CPU = int(os.environ.get("BENCH_LOAD_CPU", CPUS[-1]))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", 5))
SIDES = ("native", "greenshim", "Boost.Fiber", "epoll")
LIMIT_S = 30

# Both natively and under greenshim: the C library takes it for what threads' stacks are by default.
SMALL_STACKS = ["sh", "-c", 'ulimit -s 256; exec "$@"', "sh"]


def program(name, *arguments):
    return [os.path.join(HERE, name), *map(str, arguments)]


def under(command, *options):
    return [LAUNCHER, *options, *command]


def both(name, *arguments):
    """A program natively and under greenshim."""
    command = program(name, *arguments)
    return {"native": command, "greenshim": under(command)}


def fiber(*arguments):
    """The peer's side: none where it could not be built."""
    command = program("fiber", *arguments)
    return {"Boost.Fiber": command} if os.path.exists(command[0]) else {}


def warn(text):
    print("bench: " + text, file=sys.stderr, flush=True)


def pin(cpus):
    return lambda: os.sched_setaffinity(0, cpus)


def numbers(command, cpus=(CPU,), limit=LIMIT_S, environment=None):
    """What it printed, or None if it failed."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=pin(cpus), timeout=limit,
                              env={**os.environ, **(environment or {})}, check=False)
    except subprocess.TimeoutExpired:
        warn("%s took longer than %d s" % (" ".join(command), limit))
        return None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().split("\n")[0][:200]
        warn("%s: exit status %d %s" % (" ".join(command), done.returncode, said))
        return None
    return [float(word) for word in done.stdout.split()]


def in_turn(sides, rounds, once):
    """Calls once(command) for every side in each round, another one first each time: lists of its figures, by side. A side
    that fails is asked no more."""
    found = {side: [] for side in sides}
    names = list(sides)
    for i in range(rounds):
        for side in names[i % len(names):] + names[:i % len(names)]:
            values = once(sides[side]) if found[side] is not None else None
            found[side] = found[side] + [values] if values else None
    return {side: values for side, values in found.items() if values}


def shown(value):
    if value is None:
        return "-"
    if value >= 1000:
        return "{:,.0f}".format(value)
    return "%.0f" % value if value >= 100 or value == int(value) else "%.1f" % value if value >= 10 else "%.2f" % value


class Row:
    """One figure of every side: lists of what each round gave."""

    def __init__(self, title, samples, more_is_better=False):
        self.title = title
        self.samples = samples
        self.more_is_better = more_is_better

    def middle(self, side):
        values = self.samples.get(side)
        return statistics.median(values) if values else None

    def ratios(self, side):
        """How many times better greenshim is, round by round."""
        ours, theirs = self.samples.get("greenshim"), self.samples.get(side)
        if not ours or not theirs:
            return []
        pairs = [(a, b) if self.more_is_better else (b, a) for a, b in zip(ours, theirs)]
        return sorted(a / b for a, b in pairs if b > 0)

    def ratio(self, side):
        found = self.ratios(side)
        return statistics.median(found) if found else None

    def as_json(self):
        return {"title": self.title, "more_is_better": self.more_is_better, "samples": self.samples}


class Book:
    """What one benchmark has found: rows of the table, and points of curves. Written when it is over."""

    def __init__(self, name):
        self.name = name
        self.rows = []
        self.curves = {}

    def row(self, title, samples, more_is_better=False):
        samples = {side: values for side, values in samples.items() if values}
        if not samples:
            return
        row = Row(title, samples, more_is_better)
        self.rows.append(row)
        cells = " ".join("%12s" % shown(row.middle(side)) for side in SIDES)
        ratios = " ".join("%8s" % (shown(row.ratio(side)) if row.ratio(side) else "-") for side in SIDES if side != "greenshim")
        print("%-62s %s  %s" % (title, cells, ratios), flush=True)

    def compare(self, title, sides, rounds=ROUNDS, more_is_better=False, cpus=(CPU,)):
        found = in_turn(sides, rounds, lambda command: numbers(command, cpus))
        self.row(title, {side: [values[0] for values in lines] for side, lines in found.items()}, more_is_better)

    def point(self, curve, side, x, values):
        self.curves.setdefault(curve, {}).setdefault(side, []).append([x, statistics.median(values), min(values), max(values)])

    def write(self):
        os.makedirs(OUT, exist_ok=True)
        with open(os.path.join(OUT, self.name + ".json"), "w", encoding="utf-8") as file:
            json.dump({"rows": [row.as_json() for row in self.rows], "curves": self.curves}, file, indent=1)


def heading(title):
    ratios = ["/ " + side for side in SIDES if side != "greenshim"]
    print("\n%-62s %s  %s" % (title, " ".join("%12s" % side for side in SIDES), " ".join("%8s" % name[:8] for name in ratios)))
