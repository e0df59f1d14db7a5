"""What is measured: names, units, and how several rounds make one number."""
import collections
import statistics

Metric = collections.namedtuple("Metric", "key name unit more_is_better about")

MODES = ("native", "greenshim")
METRICS = (
    Metric("rate", "Requests per second", "", True, "answered, as the load generator counts them"),
    Metric("p50_ms", "Median latency", "ms", False, "half of the requests took no longer"),
    Metric("p99_ms", "99th percentile of latency", "ms", False, "99 of 100 requests took no longer"),
    Metric("cpu_us", "CPU time per request", "µs", False, "of the server and its children, in user mode and in the kernel"),
    Metric("rss_mib", "Resident memory", "MiB", False, "the most, summed over the server's processes"),
    Metric("memory_mib", "Memory, user and kernel", "MiB", False, "the most of resident memory, page tables and 16 KiB of kernel"
           " stack for each OS thread. machine_mib in the raw figures is by how much the whole machine's use, without file caches,"
           " grew from before the server's start: the load generator counts there, and whatever else runs"),
    Metric("os_threads", "OS threads", "", False, "the most, summed over the server's processes"),
)
RAW = ("round", "mode", "connections", "requests", "elapsed", *(metric.key for metric in METRICS), "machine_mib", "connect_errors",
       "timeouts", "errors", "compared")


class Summary:
    """The middle, least and most of every metric, and the middle of the rounds' ratios."""

    def __init__(self, rows):
        self.rows = rows
        self.connections = sorted({row["connections"] for row in rows})
        self.known = [metric for metric in METRICS if all(row[metric.key] is not None for row in rows)]

    def values(self, metric, mode, connections):
        return [row[metric.key] for row in self.rows if row["mode"] == mode and row["connections"] == connections]

    def middle(self, metric, mode, connections):
        return statistics.median(self.values(metric, mode, connections))

    def ratio(self, metric, connections):
        """greenshim's to native's of the same round."""
        pairs = zip(self.values(metric, "native", connections), self.values(metric, "greenshim", connections))
        ratios = [under / native for native, under in pairs if native > 0]
        return statistics.median(ratios) if ratios else None

    def points(self, metric, mode):
        made = []
        for connections in self.connections:
            values = self.values(metric, mode, connections)
            made.append((connections, statistics.median(values), min(values), max(values)))
        return made

    def sum(self, key, mode):
        return sum(row[key] for row in self.rows if row["mode"] == mode)


def shown(value):
    """Three digits that count."""
    if value is None:
        return "–"
    if value >= 100 or value == int(value):
        return "{:,.0f}".format(value)
    return "%.1f" % value if value >= 10 else "%.2f" % value


def times(ratio, sign=""):
    return "–" if ratio is None else ("%.2f%s" if ratio >= 0.1 else "%.2g%s") % (ratio, sign)


def table(summary):
    """As text, for a terminal."""
    lines = []
    for connections in summary.connections:
        lines.append("%-30s %12s %12s %8s" % ("{:,} connections".format(connections), "native", "greenshim", "ratio"))
        for metric in summary.known:
            name = metric.name + (", " + metric.unit if metric.unit else "")
            ratio = summary.ratio(metric, connections)
            lines.append("  %-28s %12s %12s %8s" % (name, shown(summary.middle(metric, "native", connections)),
                                                   shown(summary.middle(metric, "greenshim", connections)),
                                                   times(ratio)))
    return "\n".join(lines)
