"""Real programs under load, by greenshim bench."""
import json
import os
import shutil
import subprocess
import tempfile
import time

from measure import BUILD, LAUNCHER, program, warn

COUNTS = os.environ.get("BENCH_REAL_CONNECTIONS", "100,1000,5000")
SECONDS = os.environ.get("BENCH_REAL_SECONDS", "3")
ROUNDS = os.environ.get("BENCH_REAL_ROUNDS", "3")
LONGER = "--seconds", str(4 * int(SECONDS))  # where to make the connections takes several seconds: TLS
MOST = 6000
PYTHON = """
import runpy, socketserver
socketserver.TCPServer.request_queue_size = 4096
runpy.run_module("http.server", run_name="__main__")
"""
APACHE = """
ServerRoot "{0}"
ServerName localhost
Listen 127.0.0.1:@PORT@
PidFile "{0}/apache.pid"
DefaultRuntimeDir "{0}"
ErrorLog "{0}/apache.err"
LoadModule mpm_worker_module /usr/lib/apache2/modules/mod_mpm_worker.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
User www-data
Group www-data
ServerLimit 1
StartServers 1
ThreadLimit {1}
ThreadsPerChild {1}
MaxRequestWorkers {1}
MinSpareThreads 1
MaxSpareThreads {1}
ListenBacklog 4096
KeepAlive On
KeepAliveTimeout 30
MaxKeepAliveRequests 0
DocumentRoot "{0}/www"
"""
TINYPROXY = """
Port @PORT@
Listen 127.0.0.1
MaxClients {1}
Timeout 60
Allow 127.0.0.1
LogFile "{0}/tinyproxy.log"
LogLevel Warning
"""
STUNNEL = """
foreground = yes
pid =
debug = 3
[tunnel]
accept = 127.0.0.1:@PORT@
connect = 127.0.0.1:{2}
cert = {0}/cert.pem
key = {0}/key.pem
"""


def found(*names):
    missing = [name for name in names if not shutil.which(name)]
    if missing:
        warn("not installed (scripts/setup bench): " + ", ".join(missing))
    return not missing


class Place:
    """A folder with what the servers need, and an origin behind the proxies."""

    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="greenshim-bench.")
        os.chmod(self.path, 0o777)
        os.mkdir(self.path + "/www")
        with open(self.path + "/www/body", "wb") as file:
            file.write(os.urandom(1024))
        self.children = []
        self.port = None
        return self

    def __exit__(self, *_):
        for child in self.children:
            child.kill()
            child.wait()
        shutil.rmtree(self.path, ignore_errors=True)

    def begin(self, command):
        self.children.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL))
        return self.children[-1]

    def origin(self):
        """The port of tests/real's web server, which is native."""
        made = os.path.join(BUILD, "tests", "bench", "origin")
        self.port = int(self.begin([made, "http", self.path + "/www"]).stdout.readline())

    def configured(self, text, *command):
        """A command, CONF in it a file with this text, which is made anew for the port of each start."""
        with open(self.path + "/conf", "w", encoding="ascii") as file:
            file.write(text.format(self.path, MOST, self.port))
        line = 'conf=$0.$1; sed "s/@PORT@/$1/" "$0" >"$conf"; exec ' + " ".join(command).replace("CONF", '"$conf"')
        return ["sh", "-c", line, self.path + "/conf", "{port}"]


def measured(place, name, server, *options):
    """What greenshim bench finds of one server; nothing if it fails."""
    output = os.path.join(place.path, "report.html")
    command = [LAUNCHER, "bench", "--rounds", ROUNDS, "--connections", COUNTS, "--seconds", SECONDS, "--output", output,
               "--timeout", "60", *options, "--", *server]
    try:
        done = subprocess.run(command, capture_output=True, timeout=1200, check=False)
    except subprocess.TimeoutExpired:
        warn("greenshim bench of %s took too long" % name)
        return []
    if done.returncode:
        warn("%s: %s" % (name, done.stderr.decode("utf-8", "replace").strip().split("\n")[-1]))
        return []
    with open(output[:-5] + ".json", encoding="utf-8") as file:
        return json.load(file)["measurements"]


def kit(book, place, name, server, *options):
    """Its rows of the table."""
    rows = measured(place, name, server, *options)
    for n in sorted({row["connections"] for row in rows}):
        sides = {row["mode"]: row for row in rows if row["connections"] == n}
        for what, key, more in (("requests/s", "rate", True), ("p99, ms", "p99_ms", False), ("CPU per request, us", "cpu_us", False)):
            book.row("{}, {:,} connections: {}".format(name, n, what), {side: [row[key]] for side, row in sides.items() if row[key]},
                     more)
    return rows


def by_url(book, place, name, server, scheme="http", *options):
    kit(book, place, name, server, "--url", scheme + "://127.0.0.1:{port}/body", *options)


def apache(book):
    if found("apache2"):
        with Place() as place:
            by_url(book, place, "apache", place.configured(APACHE, "apache2 -f CONF -DFOREGROUND"))


def python(book):
    with Place() as place:
        by_url(book, place, "python http.server", ["/usr/bin/python3", "-c", PYTHON, "{port}", "--bind", "127.0.0.1", "--directory",
                                                  place.path + "/www"])


def stunnel(book):
    if found("stunnel4", "openssl"):
        with Place() as place:
            place.origin()
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                            "-subj", "/CN=localhost", "-keyout", place.path + "/key.pem", "-out", place.path + "/cert.pem"],
                           capture_output=True, check=True)
            by_url(book, place, "stunnel", place.configured(STUNNEL, "stunnel4 CONF"), "https", *LONGER)


def tinyproxy(book):
    """wrk asks the proxy for a whole URL."""
    if found("tinyproxy"):
        with Place() as place:
            place.origin()
            script, url = place.path + "/proxy.lua", "http://127.0.0.1:%d/body" % place.port
            with open(script, "w", encoding="ascii") as file:
                file.write('wrk.path = "%s"\nwrk.headers["Host"] = "127.0.0.1:%d"\n' % (url, place.port))
            check = ("python3 -c 'import urllib.request as u; u.install_opener(u.build_opener(u.ProxyHandler({\"http\":"
                     " \"http://127.0.0.1:{port}\"}))); print(u.urlopen(\"%s\").read())'" % url)
            load = "wrk -t1 -c{connections} -d{seconds}s --timeout 10s --latency -s %s http://127.0.0.1:{port}/" % script
            kit(book, place, "tinyproxy", place.configured(TINYPROXY, "tinyproxy -d -c CONF"), "--load", load, "--check", check)


def talk(kind):
    return ["--load", "%s {port} {connections} {seconds}000 %s" % (program("talk_load")[0], kind)]


def memcached(book):
    if found("memcached"):
        with Place() as place:
            check = ("python3 -c 'import socket; s = socket.create_connection((\"127.0.0.1\", {port}));"
                     " s.send(b\"get none\\r\\nversion\\r\\nquit\\r\\n\"); print(s.makefile().read())'")
            kit(book, place, "memcached", ["memcached", "-u", "nobody", "-l", "127.0.0.1", "-p", "{port}", "-U", "0", "-t", "4", "-c",
                                           str(MOST)], *talk("memcached"), "--check", check)


def mariadb(book):
    """A thread for each connection; and natively also with its own pool of threads, which is for many connections."""
    if not found("mariadbd", "mariadb", "mariadb-install-db"):
        return
    with Place() as place:
        data, user = place.path + "/data", "root" if os.geteuid() == 0 else os.environ.get("USER", "mysql")
        subprocess.run(["mariadb-install-db", "--no-defaults", "--user=" + user, "--datadir=" + data,
                        "--auth-root-authentication-method=normal", "--skip-test-db"], capture_output=True, check=True)
        server = ["mariadbd", "--no-defaults", "--user=" + user, "--datadir=" + data, "--socket=%s/db.sock" % place.path,
                  "--port={port}", "--bind-address=127.0.0.1", "--pid-file=%s/db.pid" % place.path, "--max-connections=%d" % MOST,
                  "--back-log=4096", "--innodb-buffer-pool-size=64M", "--table-open-cache=12000", "--skip-name-resolve"]
        fill(server, place.path)
        ask = "mariadb --no-defaults --host=127.0.0.1 --port={port} --user=root -N -e 'select * from shop.counter'"
        rows = kit(book, place, "mariadb", server, *talk("mysql"), "--check", ask)
        pool = measured(place, "mariadb's pool", [*server, "--thread-handling=pool-of-threads"], *talk("mysql"), "--check", ask)
        for n in sorted({row["connections"] for row in pool}):
            rate = {row["mode"]: [row["rate"]] for row in rows if row["connections"] == n}
            rate["native"] = [row["rate"] for row in pool if row["connections"] == n and row["mode"] == "native"]
            book.row("mariadb, natively by its own pool of threads, {:,} connections: requests/s".format(n), rate, True)


def fill(server, path):
    child = subprocess.Popen([word if word != "--port={port}" else "--skip-networking" for word in server], stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            time.sleep(0.2)
            done = subprocess.run(["mariadb", "--no-defaults", "--socket=%s/db.sock" % path, "--user=root", "-e",
                                   "create database shop; use shop; create table counter (id int primary key, n bigint) engine=innodb;"
                                   " insert into counter select seq, seq from seq_1_to_10"], capture_output=True, check=False)
            if not done.returncode:
                return
        raise RuntimeError("mariadb: " + done.stderr.decode())
    finally:
        child.terminate()
        child.wait()


ALL = {"apache": apache, "tinyproxy": tinyproxy, "stunnel": stunnel, "memcached": memcached, "mariadb": mariadb, "python": python}
