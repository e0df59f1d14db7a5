"""Tables in Markdown and plots in SVG and PNG of what was measured; and the README's part of them."""
import glob
import json
import os
import re
import sys

import real
from measure import OUT, ROOT, SIDES, Row, shown, warn

sys.path.insert(0, os.path.join(ROOT, "scripts", "kit"))
import plot  # noqa: E402
from report import machine  # noqa: E402

COLOURS = {"native": "#b45309", "greenshim": "#0f766e", "Boost.Fiber": "#7c3aed", "epoll": "#4b5563"}
# Each: the file, what it shows, what it grows with.
PLOTS = (
    ("echo-rate", "Echo server: requests per second", "connections"),
    ("echo-p99", "Echo server: 99th percentile of latency, µs", "connections"),
    ("make", "Make a thread that parks, ns", "threads"),
    ("join", "End and join a parked thread, ns", "threads"),
    ("memory", "Memory of a parked thread, user and kernel, bytes", "threads"),
    ("yield", "sched_yield of two threads, ns", "parked threads beside them"),
    ("pipe", "Round trip by two pipes, ns", "parked threads beside them"),
    ("timed", "Ping-pong with deadlines, ns", "other threads with a deadline"),
    ("expire", "CPU time of a sleep that ends, ns", "threads that sleep"),
    ("wake-one", "Wake one of the waiters on a futex, ns", "waiters"),
    ("wake-all", "Wake all waiters on a futex, ns each", "waiters"),
    ("poll", "Wait in poll for one of many descriptors, ns", "descriptors"),
    ("epoll", "Wait in epoll_wait for one of many descriptors, ns", "descriptors"),
    ("read", "Wake one of many readers of descriptors, ns", "descriptors, each with a reader"),
    ("hubs-yield", "sched_yield of eight threads, ns", "OS threads (--hubs)"),
    ("hubs-echo", "Echo server, 1,000 connections: requests per second", "OS threads (--hubs)"),
)
REAL = re.compile(r"(.*), ([0-9,]+) connections: (requests/s|p99, ms|CPU per request, us)")
MARKS = ("<!-- bench: begin -->", "<!-- bench: end -->")


def books(names):
    """What each benchmark has found, in this order."""
    for name in names:
        path = os.path.join(OUT, name + ".json")
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                yield name, json.load(file)


def markdown(heads, rows):
    rules = [":--"] + ["--:"] * (len(heads) - 1)
    return "\n".join("| %s |" % " | ".join(row) for row in [heads, rules, *rows]) + "\n"


def times(row, side):
    """A ratio, and between what the rounds' ratios were where there are several."""
    found = row.ratios(side)
    if not found:
        return "-"
    text = "%.2f" % row.ratio(side)
    return text if len(found) < 2 else "%s (%.2f to %.2f)" % (text, found[0], found[-1])


def figures(rows):
    others = [side for side in SIDES if side != "greenshim"]
    lines = [[row.title.strip(), *(shown(row.middle(side)) for side in SIDES), *(times(row, side) for side in others)] for row in rows]
    return markdown(["medians", *SIDES, *("× " + side for side in others)], lines)


def by_program(rows):
    """A line for each program and number of connections."""
    lines = {}
    for row in rows:
        program, n, what = REAL.fullmatch(row.title).groups()
        lines.setdefault((program, n), {})[what] = row
    made = []
    for (program, n), got in lines.items():
        cells = [program, n]
        for what in "requests/s", "p99, ms", "CPU per request, us":
            row = got.get(what)
            ratio = row and row.ratio("native")
            if ratio and what != "requests/s":
                ratio = 1 / ratio
            cells += [shown(row.middle("native")), shown(row.middle("greenshim")), "%.2f" % ratio] if ratio else ["-"] * 3
        made.append(cells)
    return markdown(["program", "connections", "requests/s", "greenshim", "ratio", "p99, ms", "greenshim", "ratio", "CPU/request, µs",
                     "greenshim", "ratio"], made)


def draw(curves):
    """The files' names and titles of what there was to draw."""
    for name, title, x_label in PLOTS:
        sides = curves.get(name)
        if not sides:
            continue
        series = [(side, COLOURS[side], [tuple(point) for point in sides[side]]) for side in SIDES if sides.get(side)]
        drawn = plot.Curves(series, x_label, title, key=True)
        for kind, text in ("svg", plot.svg(drawn, plot.PAPER).encode()), ("png", plot.png(drawn)):
            with open(os.path.join(OUT, "%s.%s" % (name, kind)), "wb") as file:
                file.write(text)
        yield name, title


def collect(names):
    """Rows of single figures, those of real programs, and curves."""
    few, programs, curves = [], [], {}
    for name, book in books(names):
        rows = [Row(one["title"], one["samples"], one["more_is_better"]) for one in book["rows"]]
        (programs if name in real.ALL else few).extend(rows)
        curves.update(book["curves"])
    return few, programs, curves


def tables(few, programs):
    parts = [machine() + ".\n"]
    if few:
        parts.append(figures(few))
    if programs:
        parts.append(by_program(programs))
    return parts


def write(names):
    """bench.md and the plots, of these alone."""
    few, programs, curves = collect(names)
    for old in glob.glob(os.path.join(OUT, "*.svg")) + glob.glob(os.path.join(OUT, "*.png")):
        os.remove(old)
    parts = tables(few, programs) + ["![%s](%s.svg)\n" % (title, name) for name, title in draw(curves)]
    with open(os.path.join(OUT, "bench.md"), "w", encoding="utf-8") as file:
        file.write("\n".join(parts))
    print("\ntables and plots: %s/bench.md, .svg, .png" % os.path.relpath(OUT))


def readme(names):
    """Puts the tables of what was last measured of each, of which none may be missing, between two marks in the README."""
    path = os.path.join(ROOT, "README.md")
    missing = [name for name in names if not os.path.exists(os.path.join(OUT, name + ".json"))]
    with open(path, encoding="utf-8") as file:
        text = file.read()
    if missing or not all(mark in text for mark in MARKS):
        warn("not yet measured: %s" % " ".join(missing) if missing else "README.md has no marks")
        return 1
    few, programs, _ = collect(names)
    before, after = text.split(MARKS[0])[0], text.split(MARKS[1])[1]
    with open(path, "w", encoding="utf-8") as file:
        file.write(before + MARKS[0] + "\n" + "\n".join(tables(few, programs)) + MARKS[1] + after)
    return 0
