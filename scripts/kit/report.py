"""The report: one HTML page that needs nothing else, and the figures as CSV and JSON, inside it and beside it."""
import base64
import csv
import html
import io
import json
import os
import platform
import re
import shlex

import plot
from figures import METRICS, MODES, RAW, shown, times

escape = html.escape
HERE = os.path.dirname(os.path.abspath(__file__))


def machine():
    """What one wants to know of it, and no name of it."""
    cpu = platform.machine()
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
        names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    with open("/proc/meminfo", encoding="ascii") as file:
        total = int(file.readline().split()[1]) / 1024 / 1024
    many = len(os.sched_getaffinity(0))
    return "%d CPU%s (%s), %.0f GiB of memory, Linux %s" % (many, "" if many == 1 else "s", names[0] if names else cpu, total,
                                                           platform.release())


def as_csv(rows):
    text = io.StringIO()
    writer = csv.DictWriter(text, RAW, lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: "" if row[key] is None else round(row[key], 4) if isinstance(row[key], float) else row[key]
                      for key in RAW} for row in rows)
    return text.getvalue()


def as_json(asked, summary, notes, facts):
    return json.dumps({"server": asked.server, "load": asked.load, "greenshim_options": asked.options,
                       "seconds": asked.seconds, "rounds": asked.rounds, **facts, "notes": notes,
                       "measurements": [{key: row[key] for key in RAW} for row in summary.rows]}, indent=1) + "\n"


def verdict(summary, metric, connections):
    """The class of a ratio: within five per cent, or where the rounds of both overlap, it tells nothing."""
    ratio = summary.ratio(metric, connections)
    native, under = (summary.values(metric, mode, connections) for mode in MODES)
    if ratio is None or 0.95 <= ratio <= 1.05 or (min(native) <= max(under) and min(under) <= max(native)):
        return "same"
    return "better" if (ratio > 1) == metric.more_is_better else "worse"


def named(metric):
    return escape(metric.name) + (", " + metric.unit if metric.unit else "")


def tiles(summary):
    connections = summary.connections[-1]
    made = []
    for metric in summary.known:
        middles = [shown(summary.middle(metric, mode, connections)) for mode in MODES]
        made.append('<div class="tile %s"><b>%s</b><span>%s</span><small>%s → %s %s</small></div>' % (
            verdict(summary, metric, connections), times(summary.ratio(metric, connections), " ×"), escape(metric.name),
            *middles, metric.unit))
    title = "With {:,} connection{}: native → greenshim".format(connections, "" if connections == 1 else "s")
    return '<h2>%s</h2>\n<div class="tiles">%s</div>' % (title, "\n".join(made))


def plots(summary):
    made = []
    for metric in summary.known:
        series = [(mode, mode, summary.points(metric, mode)) for mode in MODES]
        curves = plot.Curves(series, log_y=None if metric.unit == "ms" or metric.key == "os_threads" else False)
        better = ("more" if metric.more_is_better else "less") + " is better" + ("; logarithmic" if curves.log_y else "")
        svg = plot.for_page(curves, {mode: mode for mode in MODES})
        svg = svg.replace("<svg", '<svg role="img" aria-label="%s"' % escape(metric.name), 1)
        made.append("<figure><figcaption><b>%s</b> <small>%s</small></figcaption>\n%s</figure>" % (named(metric), better, svg))
    return '<div class="plots">%s</div>' % "\n".join(made)


def table(summary):
    heads = "".join('<th colspan="3">{:,} connections</th>'.format(count) for count in summary.connections)
    second = "".join("<th>native</th><th>greenshim</th><th>ratio</th>" for _ in summary.connections)
    lines = []
    for metric in summary.known:
        cells = []
        for connections in summary.connections:
            cells += ["<td>%s</td>" % shown(summary.middle(metric, mode, connections)) for mode in MODES]
            ratio = times(summary.ratio(metric, connections))
            cells.append('<td class="%s">%s</td>' % (verdict(summary, metric, connections), ratio))
        lines.append('<tr><th scope="row">%s</th>%s</tr>' % (named(metric), "".join(cells)))
    return ('<div class="wide"><table><thead><tr><th></th>%s</tr><tr><th></th>%s</tr></thead><tbody>%s</tbody></table></div>'
            % (heads, second, "\n".join(lines)))


def raw_cell(value):
    return shown(value) if isinstance(value, float) or value is None else escape(str(value))


def raw_table(rows):
    heads = "".join("<th>%s</th>" % key for key in RAW)
    lines = ["<tr>%s</tr>" % "".join("<td>%s</td>" % raw_cell(row[key]) for key in RAW) for row in rows]
    return ('<div class="wide"><table class="raw"><thead><tr>%s</tr></thead><tbody>%s</tbody></table></div>'
            % (heads, "\n".join(lines)))


def link(name, kind, text):
    data = base64.b64encode(text.encode()).decode()
    return '<a download="%s" href="data:%s;base64,%s">%s</a>' % (escape(name), kind, data, escape(name))


def method(asked, facts):
    if asked.rounds > 1:
        rounds = ("%d rounds of %d s for each number of connections, native and greenshim first in turn, each started anew, one"
                  " at a time." % (asked.rounds, asked.seconds))
    else:
        rounds = "One round of %d s for each number of connections: no telling how much the figures vary." % asked.seconds
    said = [rounds, "Numbers are medians, bands in the plots the least and the most, ratios greenshim's to native's, of the same"
            " round. A ratio has a colour where it is off by more than five per cent and no round of the one overlaps with one of"
            " the other.", facts["compared"]]
    lines = ["<li>%s</li>" % escape(one) for one in said]
    lines += ["<li><b>%s</b>: %s.</li>" % (escape(metric.name), escape(metric.about)) for metric in METRICS]
    return "<ul>%s</ul>" % "".join(lines)


def page(asked, summary, notes, facts):
    """The whole of it."""
    values = {
        "TITLE": escape(asked.title or os.path.basename(asked.server[0]) + ", natively and under greenshim"),
        "SERVER": escape(shlex.join(asked.server)), "LOAD": escape(asked.load),
        "OPTIONS": escape(shlex.join(asked.options) or "none"), "MACHINE": escape(facts["machine"]),
        "DATE": escape(facts["date"]), "VERSION": escape(facts["greenshim"]),
        "NOTES": "".join('<p class="note">%s</p>' % escape(note) for note in notes),
        "TILES": tiles(summary), "PLOTS": plots(summary), "TABLE": table(summary), "METHOD": method(asked, facts),
        "RAW": raw_table(summary.rows), "CSV": link(os.path.basename(asked.files["csv"]), "text/csv", as_csv(summary.rows)),
        "JSON": link(os.path.basename(asked.files["json"]), "application/json", as_json(asked, summary, notes, facts))}
    with open(os.path.join(HERE, "report.html"), encoding="utf-8") as file:
        text = file.read()
    return re.sub("@(%s)@" % "|".join(values), lambda found: values[found[1]], text)


def write(asked, summary, notes, facts):
    texts = {"html": page(asked, summary, notes, facts), "csv": as_csv(summary.rows), "json": as_json(asked, summary, notes, facts)}
    for kind, text in texts.items():
        with open(asked.files[kind], "w", encoding="utf-8") as file:
            file.write(text)
