"""The load generator: runs it, and finds its figures in what it printed."""
import os
import re
import signal
import subprocess
import time

import process
from options import Failure, LOAD_FAILED, fill
from server import NAMES, on_cpus

NUMBER = r"([0-9][0-9.,]*(?:e[+-]?[0-9]+)?)"
# Of wrk and hey; ab; redis-benchmark; pgbench; sysbench; our own.
RATES = [r"^\s*Requests/sec:\s+" + NUMBER, r"^Requests per second:\s+" + NUMBER, NUMBER + r" requests per second",
         r"^tps = " + NUMBER, r"transactions:\s+[0-9]+\s+\(" + NUMBER + " per sec", r"^requests_per_second[ :=]+" + NUMBER]
# How long all queries took, and how many a client made: mysqlslap's.
BATCH = (r"Average number of seconds to run all queries:\s+" + NUMBER, r"Number of clients running queries:\s+" + NUMBER,
         r"Average number of queries per client:\s+" + NUMBER)
COUNTS = [r"^\s*" + NUMBER + r" requests in ", r"^Complete requests:\s+" + NUMBER, r"^requests[ :=]+" + NUMBER]
UNITS = {"us": 0.001, "ms": 1, "": 1, "s": 1000, "secs": 1000, "m": 60000}
LATENCY = r"^\s*%d(?:\.0+)?%%(?: in|)\s+([0-9.]+) ?(us|ms|secs|s|m|)\s*$"
FAILED = [r"Non-2xx or 3xx responses: " + NUMBER, r"^Non-2xx responses:\s+" + NUMBER, r"^Failed requests:\s+" + NUMBER,
          r"^errors[ :=]+" + NUMBER]
SOCKET_ERRORS = r"Socket errors: connect ([0-9]+), read ([0-9]+), write ([0-9]+), timeout ([0-9]+)"


def number_in(patterns, text):
    for pattern in patterns:
        found = re.search(pattern, text, re.MULTILINE)
        if found and found[1]:
            try:
                return float(found[1].replace(",", ""))
            except ValueError:
                continue
    return None


def rate_in(text, own):
    if own:
        return number_in([own], text)
    rate = number_in(RATES, text)
    batch = [number_in([pattern], text) for pattern in BATCH]
    if rate is None and all(batch):
        rate = batch[1] * batch[2] / batch[0]
    return rate


def latency_in(text, percent, own):
    """In milliseconds."""
    if own:
        return number_in([own], text)
    found = re.search(LATENCY % percent, text, re.MULTILINE)
    if found:
        return round(float(found[1]) * UNITS[found[2]], 6)
    return number_in([r"\bp%d_ms[ :=]+%s" % (percent, NUMBER)], text)


def errors_in(text):
    found = re.search(SOCKET_ERRORS, text)
    return {"errors": int(number_in(FAILED, text) or 0),
            "connect_errors": int(found[1]) if found else 0, "timeouts": int(found[4]) if found else 0}


class Command:
    """A command of the user's, run by sh in a session of its own, so that what it starts is told from the server's."""

    def __init__(self, asked, server, text, connections):
        self.text = fill(text, dict(server.places, connections=connections))
        self.server = server
        with process.BIRTH:
            self.child = subprocess.Popen(["sh", "-c", self.text], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                          stderr=subprocess.PIPE, start_new_session=True, preexec_fn=on_cpus(asked.load_cpus))
            server.others.add(self.child.pid)

    def finish(self, limit):
        """stdout, stderr and the exit status; None for one that takes longer than limit seconds. Nothing of it stays."""
        try:
            out, err = self.child.communicate(timeout=limit)
            return out, err, self.child.returncode
        except subprocess.TimeoutExpired:
            self.kill()
            return *self.child.communicate(), None
        finally:
            self.kill()

    def kill(self):
        try:
            os.killpg(self.child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def failure_of(what, command, err, status, limit):
    words = [line.strip() for line in err.decode("utf-8", "replace").split("\n") if line.strip()]
    said = "; it says: " + words[-1][:200] if words else ""
    if status is None:
        said = "did not end within %d s" % limit
    elif status == 127:
        said = "was not found: install its program, or mend its name" + said
    else:
        said = "failed (exit status %d)%s" % (status, said)
    return Failure(LOAD_FAILED, "the %s command %s; it was: %s" % (what, said, command.text))


def run(asked, server, connections, seconds):
    """One measurement's figures of the load generator's."""
    server.places["seconds"] = seconds
    limit = seconds * 3 + 60
    begin = time.monotonic()
    command = Command(asked, server, asked.load, connections)
    out, err, status = command.finish(limit)
    elapsed = time.monotonic() - begin
    server.check_alive("under load, with %d connections" % connections)
    if status != 0:
        raise failure_of("load", command, err, status, limit)
    text = out.decode("utf-8", "replace") + "\n" + err.decode("utf-8", "replace")
    rate = rate_in(text, asked.rate)
    if rate is None:
        raise Failure(LOAD_FAILED, "the load command told no requests per second: give --rate REGEX that finds them, or have it"
                      " print `requests_per_second N`; it was: " + command.text)
    return {"rate": rate, "requests": number_in(COUNTS, text) or rate * elapsed, "elapsed": elapsed,
            "p50_ms": latency_in(text, 50, asked.p50), "p99_ms": latency_in(text, 99, asked.p99), **errors_in(text)}


def check_answered(row, server, connections, seconds):
    if row["rate"] <= 0:
        raise Failure(LOAD_FAILED, "%s nothing was answered with %d connections in %d s: fewer --connections or more --seconds"
                      " are needed" % (NAMES[server.mode], connections, seconds))
