"""greenshim bench: see options.py for what it does and how it is used. Called by the launcher, with its own path first."""
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

import answers
import figures
import load
import options
import process
import report
from figures import MODES
from server import NAMES, STOP_SECONDS, Server

MIB = 1024 * 1024


class Progress:
    """Lines on stderr; on a terminal also what goes on right now."""

    def __init__(self, steps, seconds):
        self.steps = steps
        self.done = 0
        self.left = seconds
        self.terminal = sys.stderr.isatty()

    def now(self, text):
        if self.terminal:
            sys.stderr.write("\r\033[K%s" % text[:shutil.get_terminal_size().columns - 1])
            sys.stderr.flush()

    def say(self, text):
        sys.stderr.write("%s%s\n" % ("\r\033[K" if self.terminal else "", text))
        sys.stderr.flush()

    def step(self, seconds, text):
        self.done += 1
        self.left -= seconds
        self.say("[%*d/%d] %s" % (len(str(self.steps)), self.done, self.steps, text))


def duration(seconds):
    return "%d s" % seconds if seconds < 100 else "%d min %02d s" % (seconds // 60, seconds % 60)


class Run:
    """All rounds of both servers. The first native one's answers are the reference for all others."""

    def __init__(self, asked, launcher, scratch):
        self.asked = asked
        self.launcher = launcher
        self.scratch = scratch
        self.rows = []
        self.reference = None
        self.compared = 0
        self.statistics = []
        self.killed = set()
        self.warm_up = min(1, asked.seconds)
        steps = 2 * asked.rounds * len(asked.connections)
        self.progress = Progress(steps, steps * (asked.seconds + 1) + 2 * asked.rounds * (self.warm_up + 1))

    def compare(self, server):
        found = answers.collect(self.asked, server)
        if self.reference is None:
            self.reference = found
            found = answers.collect(self.asked, server)
        answers.compare(self.reference, found, server.mode)
        self.compared += len(found)

    def load(self, server, connections, seconds):
        """The load, and answers that are compared meanwhile."""
        asking = answers.UnderLoad(self.asked, server, self.reference)
        asking.start()
        try:
            row = load.run(self.asked, server, connections, seconds)
        finally:
            asking.end()
        asking.check()
        self.compared += asking.compared
        row["compared"] = asking.compared
        return row

    def measure(self, server, number, connections):
        self.progress.now("%s, %d connections, round %d of %d; about %s left"
                          % (NAMES[server.mode], connections, number, self.asked.rounds, duration(max(0, self.progress.left))))
        watch = process.Watch(server.child.pid, server.others)
        cpu = process.cpu_of(server.child.pid, server.others)
        watch.start()
        try:
            row = self.load(server, connections, self.asked.seconds)
        finally:
            cpu = process.cpu_of(server.child.pid, server.others) - cpu
            watch.end()
        load.check_answered(row, server, connections, self.asked.seconds)
        row.update(round=number, mode=server.mode, connections=connections, os_threads=watch.threads, rss_mib=watch.rss / MIB,
                   memory_mib=watch.memory / MIB, machine_mib=max(0, watch.machine - server.machine_before) / MIB,
                   cpu_us=max(0, cpu) * 1e6 / row["requests"])
        self.rows.append(row)
        latency = "" if row["p99_ms"] is None else ", p99 %s ms" % figures.shown(row["p99_ms"])
        self.progress.step(self.asked.seconds + 1, "round %d, %-9s %7d connections: %8s requests/s%s, %s MiB, OS threads: %d" % (
            number, server.mode, connections, figures.shown(row["rate"]), latency, figures.shown(row["rss_mib"]),
            row["os_threads"]))

    def turn(self, mode, number):
        """One server's life: start, compare, load, compare again, end."""
        server = Server(self.asked, mode, self.scratch, self.launcher)
        self.progress.now("starting the server %s" % NAMES[mode])
        try:
            server.start()
            self.compare(server)
            self.load(server, self.asked.connections[0], self.warm_up)
            for connections in self.asked.connections:
                self.measure(server, number, connections)
            self.compare(server)
        finally:
            if not server.stop():
                self.killed.add(mode)
        if mode == "greenshim":
            self.statistics.append(server.figures())

    def all(self):
        self.progress.say("native and greenshim, rounds: %d, connections: %s, %d s each: about %s" % (
            self.asked.rounds, ", ".join(map(str, self.asked.connections)), self.asked.seconds, duration(self.progress.left)))
        # What is the same natively from one time to the next must be known first.
        for number in range(1, self.asked.rounds + 1):
            for mode in MODES if number % 2 else reversed(MODES):
                self.turn(mode, number)

    def notes(self):
        """What a reader must know before believing the figures."""
        made = []
        if not all(one.get("threads_made") for one in self.statistics):
            made.append("greenshim told of no threads that became greenlets: the server made none, it cannot run under greenshim"
                        " (greenshim --check tells), and then both columns are native; or it could not tell, as when it is killed.")
        for mode in sorted(self.killed):
            made.append("%s the server did not end within %d s of its signal (--stop) and was killed."
                        % (NAMES[mode].capitalize(), STOP_SECONDS))
        summary = figures.Summary(self.rows)
        for key, what in ("connect_errors", "connections could not be made"), ("timeouts", "requests timed out"), \
                ("errors", "requests failed or had a status that is neither 2xx nor 3xx"):
            counts = [summary.sum(key, mode) for mode in MODES]
            if any(counts):
                made.append("Under load %s: natively %s, under greenshim %s." % (what, *map("{:,}".format, counts)))
        return made

    def facts(self, version):
        return {"machine": report.machine(), "date": time.strftime("%Y-%m-%d %H:%M"), "greenshim": version,
                "compared": "%s answers of the two servers were compared, before, under and after load, and were the same."
                            % "{:,}".format(self.compared)}


def keep_logs(asked, scratch):
    """What the servers wrote, where the user finds it after a failure; or nothing."""
    logs = [os.path.join(scratch, mode + ".log") for mode in MODES]
    logs = [log for log in logs if os.path.exists(log) and os.path.getsize(log)]
    if not logs:
        return ""
    try:
        with open(asked.files["log"], "wb") as kept:
            for log in logs:
                kept.write(("==> %s <==\n" % NAMES[os.path.basename(log)[:-4]]).encode())
                with open(log, "rb") as file:
                    shutil.copyfileobj(file, kept)
    except OSError:
        return ""
    return " (what both have written: %s)" % asked.files["log"]


def bench(asked, launcher):
    version = subprocess.run([launcher, "--version"], capture_output=True, check=True).stdout.decode().split()[-1]
    process.adopt_orphans()
    scratch = tempfile.mkdtemp(prefix="greenshim-bench.")
    os.chmod(scratch, 0o711)
    try:
        run = Run(asked, launcher, scratch)
        run.all()
        summary = figures.Summary(run.rows)
        notes = run.notes()
        report.write(asked, summary, notes, run.facts(version))
        print(figures.table(summary))
        for note in notes:
            print("note: " + note)
        print("report: %s, figures: %s, %s" % tuple(asked.files[kind] for kind in ("html", "csv", "json")))
    except options.Failure as failure:
        raise options.Failure(failure.status, str(failure) + (
            keep_logs(asked, scratch) if failure.status == options.SERVER_FAILED else "")) from failure
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def interrupted(number, _):
    raise KeyboardInterrupt(number)


def main():
    signal.signal(signal.SIGTERM, interrupted)
    signal.signal(signal.SIGHUP, interrupted)
    launcher = sys.argv[1]
    try:
        bench(options.read(sys.argv[2:]), launcher)
        return 0
    except options.Failure as failure:
        text, status = str(failure), failure.status
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        text, status = "%s" % error, options.OURS
    except KeyboardInterrupt:
        text, status = "interrupted", 130
    except Exception:
        # Python's own exit status would say that the answers differ.
        text, status = traceback.format_exc().strip().replace("\n", "; "), options.OURS
    if sys.stderr.isatty():
        sys.stderr.write("\r\033[K")
    sys.stderr.write("greenshim bench: %s\n" % "".join(one if one.isprintable() else "?" for one in text))
    return status


sys.exit(main())
