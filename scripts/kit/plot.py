"""Draws curves with gnuplot: for a page that may be light or dark, or as files of their own."""
import math
import re
import subprocess

WIDTH, HEIGHT = 560, 300
FONT = "system-ui, Helvetica, Arial, sans-serif"
# What stands for the page's own colours until gnuplot is done: an SVG inside a page may use its variables.
MARKS = {"#010203": "var(--axis)", "#010204": "var(--text)", "#010205": "var(--grid)"}
PAPER = {"axis": "#8a8f98", "text": "#24292f", "grid": "#e3e5e8"}
SHAPES = (7, 5, 9, 11, 13)  # circle, square, triangles, diamond: colour alone does not tell
LOG_SPAN = 30
# What an SVG element inside a page does not need, or the page says better.
UNWANTED = (r"<title>.*?</title>", r"<desc>.*?</desc>", r"<defs>.*?</defs>", r' id="[^"]*"', r' xmlns(:\w+)?="[^"]*"',
            r" shape-rendering='crispEdges'", r' font-family="[^"]*"', r"</?tspan\s*>")
# gnuplot's symbols are defined once a file, by names that would meet in a page.
USE = r"<use xlink:href='#%s' transform='translate\(([-0-9.]+),([-0-9.]+)\) scale\(([0-9.]+)\)' color='([^']*)'/>"
SYMBOLS = {"gpPt6": r"<circle cx='\1' cy='\2' r='\3' fill='\4' stroke='none'/>",
           "gpPt4": r"<rect x='-1' y='-1' width='2' height='2' transform='translate(\1,\2) scale(\3)' fill='\4' stroke='none'/>"}


def number(value, most=0):
    """As one would write it beside most: 1,234 or 0.123, and 5k where there are also 10k."""
    for unit, letter, least in (1e9, "G", 1e9), (1e6, "M", 1e6), (1e3, "k", 1e4):
        if value >= unit and max(value, most) >= least:
            return "%.3g%s" % (value / unit, letter)
    return "{:,.0f}".format(value) if value == int(value) else "%.3g" % value


def steps(top):
    """Ticks from 0 to the first round one that is not below top."""
    raw = (top or 1) / 4
    unit = 10 ** math.floor(math.log10(raw))
    step = next(unit * many for many in (1, 2, 2.5, 5, 10) if unit * many >= raw * 0.999)
    return [step * i for i in range(math.ceil(top / step - 1e-9) + 1)] if top else [0, 1]


def decades(least, most):
    """Ticks of a logarithmic axis."""
    low, high = math.floor(math.log10(least)), math.ceil(math.log10(most))
    several = (1,) if high - low > 2 else (1, 3)
    return [many * 10.0 ** i for i in range(low, high + 1) for many in several
            if least / 3.2 <= many * 10.0 ** i <= most * 3.2]


def ticks(values):
    return "(%s)" % ", ".join('"%s" %.12g' % (number(value, max(values)), value) for value in values)


def thin(counts, most=8):
    """Not so many that their labels run into each other."""
    kept = [count for i, count in enumerate(counts) if i % math.ceil(len(counts) / most) == 0]
    return kept if counts[-1] in kept else kept[:-1] + [counts[-1]]


class Curves:
    """One diagram. A series is a name, a colour, and points (x, middle, least, most)."""

    def __init__(self, series, x_label="connections", title="", log_y=None, key=False):
        self.series = [one for one in series if one[2]]
        self.x_label = x_label
        self.title = title
        self.key = key
        values = [value for _, _, points in self.series for point in points for value in point[1:]]
        self.counts = sorted({point[0] for _, _, points in self.series for point in points})
        positive = [value for value in values if value > 0]
        self.most, self.least = max(values), min(positive or [1])
        self.log_y = log_y if log_y is not None else bool(positive) and self.most > LOG_SPAN * self.least
        self.log_x = self.counts[-1] >= 5 * self.counts[0] > 0

    def script(self, colours):
        lines = ['set border 1 lc rgb "%s"' % colours["axis"], 'set tics nomirror scale 0.5 tc rgb "%s"' % colours["text"],
                 'set grid ytics lt 1 lw 1 dt solid lc rgb "%s"' % colours["grid"],
                 'set key %s tc rgb "%s"' % (self.key_place(), colours["text"]),
                 'set xlabel "%s" offset 0,0.4 tc rgb "%s"' % (self.x_label, colours["text"]),
                 "set style fill transparent solid 0.18"]
        if self.key:
            lines.append("set bmargin 5.5")
        if self.title:
            lines.append('set title "%s" tc rgb "%s"' % (self.title.replace('"', "'"), colours["text"]))
        return lines + self.axes() + self.plots()

    def key_place(self):
        return "at graph 0.5, screen 0.05 center center horizontal maxrows 1 Left reverse samplen 1.5" if self.key else "off"

    def axes(self):
        first, last = self.counts[0], self.counts[-1]
        lines = ["set xtics " + ticks(thin(self.counts))]
        if self.log_x:
            lines += ["set logscale x", "set xrange [%g:%g]" % (first / 1.15, last * 1.15)]
        else:
            edge = (last - first) * 0.06 or 1
            lines.append("set xrange [%g:%g]" % (first - edge, last + edge))
        if self.log_y:
            marks = decades(self.least, self.most)
            return lines + ["set logscale y", "set ytics scale 0 " + ticks(marks),
                            "set yrange [%g:%g]" % (min(marks[0] / 1.05, self.least / 1.2), max(marks[-1], self.most) * 1.05)]
        marks = steps(self.most)
        return lines + ["set ytics scale 0 " + ticks(marks), "set yrange [0:%g]" % (marks[-1] or 1)]

    def plots(self):
        lines, bands, drawn = [], [], []
        for i, (name, colour, points) in enumerate(self.series):
            rows = ["%.12g %.12g %.12g %.12g" % point for point in sorted(points)]
            lines += ["$s%d << EOD" % i, *rows, "EOD"]
            if any(point[2] < point[3] for point in points):
                bands.append('$s%d using 1:3:4 with filledcurves lc rgb "%s" notitle' % (i, colour))
            drawn.append('$s%d using 1:2 with linespoints lw 2 pt %d ps 0.7 lc rgb "%s" title "%s"'
                         % (i, SHAPES[i % len(SHAPES)], colour, name))
        return lines + ["plot " + ", ".join(bands + drawn)]


def run(lines):
    done = subprocess.run(["gnuplot"], input="\n".join(lines).encode(), capture_output=True, check=False)
    if done.returncode or not done.stdout:
        raise RuntimeError("gnuplot failed: " + done.stderr.decode("utf-8", "replace").strip().replace("\n", " ")[:300])
    return done.stdout


def svg(curves, colours):
    terminal = 'set terminal svg size %d,%d dynamic noenhanced font "%s,13"' % (WIDTH, HEIGHT, FONT)
    return run([terminal + (' background "white"' if colours is PAPER else ""), *curves.script(colours)]).decode()


def for_page(curves, variables):
    """An SVG element in the page's colours: a series' colour is the name of a variable."""
    names = {mark: name for mark, name in MARKS.items()}
    series = []
    for i, (name, variable, points) in enumerate(curves.series):
        mark = "#0102%02x" % (16 + i)
        names[mark] = "var(--%s)" % variables[variable]
        series.append((name, mark, points))
    curves.series = series
    text = svg(curves, {name[6:-1]: mark for mark, name in MARKS.items()})
    return tidy(text, names)


def tidy(text, names):
    for mark, name in names.items():
        parts = [int(mark[i:i + 2], 16) for i in (1, 3, 5)]
        text = re.sub(r"rgb\(\s*%d,\s*%d,\s*%d\)" % tuple(parts), name, text)
    text = text[text.index("<svg"):]
    for unwanted in UNWANTED:
        text = re.sub(unwanted, "", text, flags=re.S)
    for shape, element in SYMBOLS.items():
        text = re.sub(USE % shape, element, text)
    empty = re.compile(r"<g [^>]*>\s*</g>")
    while empty.search(text):
        text = empty.sub("", text)
    return re.sub(r"\n\s*\n+", "\n", text)


def png(curves):
    return run(['set terminal pngcairo size %d,%d noenhanced font "Sans,10" fontscale 2 linewidth 2 pointscale 2 background "white"'
                % (2 * WIDTH, 2 * HEIGHT),
                *curves.script(PAPER)])
