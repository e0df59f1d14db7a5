"""The server, started natively or under greenshim, until it is ended again."""
import glob
import os
import signal
import socket
import subprocess
import time
import urllib.parse

import process
from options import Failure, SERVER_FAILED, fill

NAMES = {"native": "natively", "greenshim": "under greenshim"}
STOP_SECONDS = 15
KILL_SECONDS = 5


def free_port():
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return made.getsockname()[1]


def is_open(host, port):
    try:
        with socket.create_connection((host, port), 1) as made:
            # Our own port may happen to be the one that we ask for: then it is connected to itself, and nobody listens.
            return made.getsockname() != made.getpeername()
    except OSError:
        return False


def on_cpus(cpus):
    return (lambda: os.sched_setaffinity(0, cpus)) if cpus else None


def environment(mode, statistics):
    """The user's, without what would make both servers the same."""
    made = {name: value for name, value in os.environ.items() if name != "GREENSHIM_OFF"}
    preloads = [one for one in made.get("LD_PRELOAD", "").split(":") if one and not one.endswith("/libgreenshim.so")]
    made["LD_PRELOAD"] = ":".join(preloads)
    if not preloads:
        del made["LD_PRELOAD"]
    if mode == "greenshim":
        made["GREENSHIM_STATS"] = os.path.join(statistics, "%p")
    return made


def how_it_ended(status):
    if status >= 0:
        return "exit status %d" % status
    try:
        return signal.Signals(-status).name
    except ValueError:
        return "signal %d" % -status


class Server:
    """One run of the server. The places for {port} and its like are in self.places."""

    def __init__(self, asked, mode, scratch, launcher):
        self.asked = asked
        self.mode = mode
        self.log = os.path.join(scratch, mode + ".log")
        self.statistics = os.path.join(scratch, mode + ".stats")
        os.makedirs(self.statistics, exist_ok=True)
        os.chmod(self.statistics, 0o1777)  # it may become another user before it ends
        for name in os.listdir(self.statistics):
            os.unlink(os.path.join(self.statistics, name))
        self.port = asked.port or free_port()
        self.places = {"port": self.port, "seconds": asked.seconds, "threads": asked.threads}
        self.urls = [fill(url, self.places) for url in asked.url]
        self.host = self.places["host"] = urllib.parse.urlsplit(self.urls[0]).hostname
        self.places["url"] = self.urls[0]
        self.command = [fill(word, self.places) for word in asked.server]
        if mode == "greenshim":
            self.command = [launcher, *asked.options, *self.command]
        self.others = set()  # sessions of load and check commands
        self.child = None

    def start(self):
        if is_open(self.host, self.port):
            raise Failure(SERVER_FAILED, "port %d is in use already: end what listens there, or write {port} in the server's"
                          " command for a free one" % self.port)
        self.machine_before = process.machine_used()
        with open(self.log, "ab") as log:
            self.child = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                          env=environment(self.mode, self.statistics), start_new_session=True,
                                          preexec_fn=on_cpus(self.asked.server_cpus))
        end = time.monotonic() + self.asked.timeout
        while not is_open(self.host, self.port):
            if not self.is_alive():
                raise Failure(SERVER_FAILED, "%s the server ended before it opened port %d (%s)%s"
                              % (NAMES[self.mode], self.port, how_it_ended(self.child.returncode), self.last_words()))
            if time.monotonic() > end:
                raise Failure(SERVER_FAILED, "%s the server did not open port %d within %d s: give --port if it listens elsewhere,"
                              " --timeout if it needs longer%s"
                              % (NAMES[self.mode], self.port, self.asked.timeout, self.last_words()))
            time.sleep(0.05)

    def is_alive(self):
        return self.child.poll() is None or bool(process.tree(self.child.pid, self.others))

    def check_alive(self, when):
        if not self.is_alive():
            raise Failure(SERVER_FAILED, "%s the server ended %s (%s)%s"
                          % (NAMES[self.mode], when, how_it_ended(self.child.returncode), self.last_words()))

    def last_words(self):
        """The last line that it wrote, for a message; all of it is kept in the log."""
        try:
            with open(self.log, "rb") as log:
                log.seek(max(0, os.fstat(log.fileno()).st_size - 4096))
                lines = log.read().decode("utf-8", "replace").split("\n")
        except OSError:
            return ""
        lines = [line.strip() for line in lines if line.strip()]
        return "; its last line: " + lines[-1][:200] if lines else "; it wrote nothing"

    def stop(self):
        """Ends it, and all that it started. False if it had to be killed."""
        if not self.child:
            return True
        asked_at = time.monotonic()
        if self.child.poll() is None:
            self.child.send_signal(self.asked.stop)
        told_all = killed = False
        while True:
            self.child.poll()
            left = process.tree(self.child.pid, self.others)
            waited = time.monotonic() - asked_at
            if not left or waited > STOP_SECONDS + KILL_SECONDS:  # what is another user's cannot be killed
                break
            if waited > STOP_SECONDS:
                killed = True
                send(left, signal.SIGKILL)
            elif waited > 1 and self.child.returncode is not None and not told_all:
                told_all = True
                send(left, self.asked.stop)
            time.sleep(0.02)
        reap_orphans()
        return not killed

    def figures(self):
        """What greenshim told at its end, summed over processes; empty if it made no threads."""
        sums = {}
        for name in glob.glob(os.path.join(glob.escape(self.statistics), "*")):
            with open(name, encoding="ascii", errors="replace") as file:
                for words in map(str.split, file):
                    if len(words) == 2 and words[1].isdigit():
                        sums[words[0]] = sums.get(words[0], 0) + int(words[1])
        return sums


def send(stats, number):
    for stat in stats:
        try:
            os.kill(stat.pid, number)
        except OSError:
            pass


def reap_orphans():
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass
