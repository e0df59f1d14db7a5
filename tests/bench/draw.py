"""Tables in Markdown and plots in SVG and PNG of what scripts/bench has measured.

    draw.py KIT FOLDER

KIT is where plot.py is. FOLDER has the figures, as lines of fields with tabs between them: table.tsv, echo.tsv, and one
file for each plot with name, x, median, least and most.
"""
import os
import sys

sys.path.insert(0, sys.argv[1])
import plot  # noqa: E402

COLOURS = {"native threads": "#b45309", "threads": "#b45309", "greenshim": "#0f766e", "greenlets": "#0f766e", "epoll": "#4b5563"}
NAMES = {"threads": "native threads", "greenlets": "greenshim", "epoll": "epoll, by hand"}
# Each: the file, what it shows, what it grows with.
PLOTS = (
    ("echo-rate", "Echo server: requests per second", "connections"),
    ("echo-p99", "Echo server: 99th percentile of latency, µs", "connections"),
    ("create", "Create and join a thread, ns", "threads at a time"),
    ("memory", "Memory of a parked thread, user and kernel, bytes", "threads"),
)


def lines(folder, name):
    path = os.path.join(folder, name + ".tsv")
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as file:
        return [[field.strip() for field in line.rstrip("\n").split("\t")] for line in file]


def markdown(heads, rows, texts=1):
    """The first columns are text, the others numbers."""
    rules = [":--" if i < texts else "--:" for i in range(len(heads))]
    return "\n".join("| %s |" % " | ".join(row) for row in [heads, rules, *rows]) + "\n"


def draw(folder, name, title, x_label):
    """True if there was something to draw."""
    series = {}
    for kind, x, *values in lines(folder, name):
        if all(values):
            series.setdefault(kind, []).append((float(x), *map(float, values)))
    if not series:
        return False
    curves = plot.Curves([(NAMES.get(kind, kind), COLOURS[kind], points) for kind, points in series.items()], x_label, title,
                         key=True)
    for kind, text in ("svg", plot.svg(curves, plot.PAPER).encode()), ("png", plot.png(curves)):
        with open(os.path.join(folder, "%s.%s" % (name, kind)), "wb") as file:
            file.write(text)
    return True


def main(folder):
    parts = []
    rows = lines(folder, "table")
    if rows:
        parts.append(markdown(["medians", "native", "greenshim", "ratio (least to most)"], rows))
    rows = [[row[0], NAMES.get(row[1], row[1]), *row[2:]] for row in lines(folder, "echo")]
    if rows:
        heads = ["connections", "echo server", "requests/s", "p50, µs", "p99, µs", "of epoll (least to most)"]
        parts.append(markdown(heads, rows, 2))
    parts += ["![%s](%s.svg)\n" % (title, name) for name, title, x_label in PLOTS if draw(folder, name, title, x_label)]
    with open(os.path.join(folder, "bench.md"), "w", encoding="utf-8") as file:
        file.write("\n".join(parts))
    print("tables and plots: %s/bench.md, .svg, .png" % os.path.relpath(folder))


main(sys.argv[2])
