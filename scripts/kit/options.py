"""What the user asked for: options, checked before anything is started, and what is filled in for {port} and its like."""
import argparse
import os
import re
import resource
import shlex
import shutil
import signal
import urllib.parse

USAGE = "greenshim bench [options] -- server-command [arguments]"
ABOUT = """\
Measures a server natively and under greenshim, in turn, with the same load, and writes one HTML report with plots. The
server must stay in the foreground. Nothing is measured if the two servers answer differently."""
PLACES = """\
Filled in, in the server's command and COMMANDs: {port} (one that is free, or --port; in URLs too), {host}, {url}, {seconds}
and {threads} (of the load generator); in COMMANDs also {connections}. COMMANDs are run by sh.

A load command's output is understood if it is that of wrk, ab, hey, redis-benchmark, pgbench, sysbench or mysqlslap, or has
lines such as `requests_per_second 1234`, `p50_ms 1.5` and `p99_ms 7`. Else --rate, --p50 and --p99 tell where its figures are.

Exit status: 0 the report is written; 1 the servers answer differently; 2 wrong usage; 3 the server did not start, opened
no port in time, or ended under load; 4 the load or check command failed, or told no figures; 125 greenshim itself failed,
126 the server cannot be executed, 127 it was not found; 130 interrupted."""
WRK = "wrk -t{threads} -c{connections} -d{seconds}s --timeout 10s --latency {url}"
DIFFER, USAGE_WRONG, SERVER_FAILED, LOAD_FAILED, OURS = 1, 2, 3, 4, 125
MOST_CONNECTIONS = 1000000


class Failure(Exception):
    """Ends the run: an exit status, and one line that says what is wrong and what to do."""

    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


class Parser(argparse.ArgumentParser):
    def error(self, message):
        raise Failure(USAGE_WRONG, message + " (greenshim bench --help tells how)")


def ladder(text):
    try:
        counts = [int(part) for part in text.split(",")]
    except ValueError:
        counts = []
    if not counts or min(counts) < 1 or max(counts) > MOST_CONNECTIONS:
        raise argparse.ArgumentTypeError("%r: numbers of connections, such as 10,100,1000" % text)
    return sorted(set(counts))


def between(least, most):
    def number(text):
        if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError("%r: a number from %d to %d" % (text, least, most))
        return int(text)

    return number


def cpus(text):
    found = set()
    for part in text.split(","):
        ends = re.fullmatch(r"([0-9]{1,5})(?:-([0-9]{1,5}))?", part)
        added = range(int(ends[1]), int(ends[2] or ends[1]) + 1) if ends else ()
        found.update(added)
        if not added or not found <= os.sched_getaffinity(0):
            raise argparse.ArgumentTypeError("%r: CPUs that may be used, such as 0-3 or 0,2" % text)
    return found


def regex(text):
    try:
        return re.compile(text, re.MULTILINE)
    except re.error as error:
        raise argparse.ArgumentTypeError("%r: %s" % (text, error)) from error


def figure(text):
    if regex(text).groups != 1:
        raise argparse.ArgumentTypeError("%r: one group (in parentheses) that matches the figure" % text)
    return text


def signal_named(text):
    name = text.upper() if text.upper().startswith("SIG") else "SIG" + text.upper()
    if name not in signal.Signals.__members__:
        raise argparse.ArgumentTypeError("%r: a signal's name, such as TERM or INT" % text)
    return signal.Signals[name]


def parser():
    made = Parser(prog="greenshim bench", usage=USAGE, description=ABOUT, epilog=PLACES, allow_abbrev=False,
                  formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(prog, max_help_position=22, width=120))
    add = made.add_argument
    add("--url", action="append", metavar="URL", help="what is asked for, http://127.0.0.1:{port}/ by default; more than"
        " once: all are compared, the first one is loaded")
    add("--port", type=between(1, 65535), help="the port on which the server listens, if {port} is not in its command")
    add("--load", metavar="COMMAND", help="generates the load (%s)" % WRK)
    add("--check", metavar="COMMAND", help="must print the same for both servers, and succeed; instead of fetching URLs")
    add("--mask", action="append", type=regex, default=[], metavar="REGEX",
        help="leave what matches out of the comparison, such as dates")
    add("--connections", type=ladder, default=[10, 100, 1000], metavar="LIST", help="numbers of connections (10,100,1000)")
    add("--seconds", type=between(1, 3600), default=5, metavar="N", help="of load for each of them (5)")
    add("--rounds", type=between(1, 99), default=3, metavar="N", help="repetitions, of which the medians are shown (3)")
    add("--timeout", type=between(1, 3600), default=20, metavar="N", help="seconds within which the port is open (20)")
    add("--options", default="", metavar="OPTIONS", help="of greenshim, such as '--stack 256k'")
    add("--server-cpus", type=cpus, metavar="CPUS", help="CPUs for the server, such as 0-3 (all)")
    add("--load-cpus", type=cpus, metavar="CPUS", help="CPUs for the load generator (all)")
    add("--threads", type=between(1, 1024), metavar="N", help="of the load generator (half as many as its CPUs)")
    add("--stop", type=signal_named, default=signal.SIGTERM, metavar="SIGNAL", help="ends the server (TERM)")
    for name, what in ("rate", "requests a second"), ("p50", "the median latency, in ms"), ("p99", "the latency's 99th percentile"):
        add("--" + name, type=figure, metavar="REGEX", help="finds %s, in the load command's output" % what)
    add("--title", default="", help="of the report")
    add("--output", default="greenshim-bench.html", metavar="FILE", help="the report; its figures are also written beside"
        " it, as .csv and .json (greenshim-bench.html)")
    add("server", nargs="*", metavar="server-command", help=argparse.SUPPRESS)
    return made


def fill(text, places):
    """Puts values into {port} and the like; other braces are the user's."""
    return re.sub(r"\{(%s)\}" % "|".join(places), lambda found: str(places[found[1]]), text)


def find_server(name):
    if not os.path.exists(name) if "/" in name else not shutil.which(name):
        raise Failure(127, "%s: not found; the server's command comes after --" % name)
    found = name if "/" in name else shutil.which(name)
    if os.path.isdir(found) or not os.access(found, os.X_OK):
        raise Failure(126, "%s: cannot be executed" % name)


def find_port(asked):
    """A fixed port, or None for a free one each time."""
    if asked.port or any("{port}" in word for word in asked.server):
        return asked.port
    try:
        fixed = urllib.parse.urlsplit(asked.url[0]).port if asked.url and "{port}" not in asked.url[0] else None
    except ValueError as error:
        raise Failure(USAGE_WRONG, "--url %s: %s" % (asked.url[0], error)) from error
    if not fixed:
        raise Failure(USAGE_WRONG, "on which port does it listen? Write {port} in the server's command, or give --port N")
    return fixed


def check_urls(asked):
    for url in asked.url:
        parts = urllib.parse.urlsplit(url.replace("{port}", "1"))
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Failure(USAGE_WRONG, "--url %s: http://HOST:PORT/PATH or https://… is needed" % url)


def need(tool, package, status, instead=""):
    if not shutil.which(tool):
        raise Failure(status, "%s is not installed: install it (Debian: apt-get install %s)%s" % (tool, package, instead))


def check_files(asked):
    stem = asked.output[:-5] if asked.output.endswith(".html") else asked.output
    asked.files = {"html": asked.output, "csv": stem + ".csv", "json": stem + ".json", "log": stem + ".log"}
    folder = os.path.dirname(asked.output) or "."
    for path in asked.files.values():
        if os.path.isdir(path) or not os.access(path if os.path.exists(path) else folder, os.W_OK):
            raise Failure(USAGE_WRONG, "--output %s: %s cannot be written" % (asked.output, path))


def raise_limit(asked):
    """As many descriptors as we may have, for both servers and the load generator alike."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if most not in (resource.RLIM_INFINITY, -1) and most < asked.connections[-1] + 50:
        raise Failure(USAGE_WRONG, "--connections %d: a process here may have only %d descriptors (ulimit -Hn)"
                      % (asked.connections[-1], most))


def read(arguments):
    """The options, with what was left out filled in, or Failure."""
    # argparse would take options of the server's for ours.
    cut = arguments.index("--") if "--" in arguments else len(arguments)
    asked = parser().parse_args(arguments[:cut])
    asked.server += arguments[cut + 1:]
    if not asked.server:
        raise Failure(USAGE_WRONG, "no server given: greenshim bench [options] -- server-command")
    asked.by_url = bool(asked.url) or not asked.load or "{url}" in asked.load
    if not asked.by_url and not asked.check:
        raise Failure(USAGE_WRONG, "--load without {url}: give --check COMMAND too, which prints what both servers"
                      " must answer alike")
    asked.port = find_port(asked)
    asked.url_given = bool(asked.url)
    asked.url = asked.url or ["http://127.0.0.1:{port}/"]
    check_urls(asked)
    find_server(asked.server[0])
    check_files(asked)
    try:
        asked.options = shlex.split(asked.options)
    except ValueError as error:
        raise Failure(USAGE_WRONG, "--options: %s" % error) from error
    if not asked.load:
        need("wrk", "wrk", LOAD_FAILED, ", or give --load COMMAND")
        asked.load = WRK
    need("gnuplot", "gnuplot-nox", OURS)
    raise_limit(asked)
    if not asked.threads:
        asked.threads = len(asked.load_cpus) if asked.load_cpus else max(1, len(os.sched_getaffinity(0)) // 2)
    # wrk wants no more threads than connections.
    asked.threads = min(asked.threads, asked.connections[0])
    return asked
