#!/usr/bin/env python3
"""soak.py tinyproxy|memcached [--seconds N] [--native] [--seed N]

Runs a server and, for so long, clients of every kind on loopback: honest ones, whose answers are compared byte for byte,
and rude ones, which reset, go away in the middle, read slowly or talk nonsense. Now and then there are more connections
than the server may have descriptors, and now and then it is stopped and continued. In the end nothing may have stayed:
descriptors, greenlets, OS threads, memory, CPU time; and no honest client may be without an answer. Prints what it saw;
exit status 1 if something is wrong.
"""
import argparse
import asyncio
import collections
import os
import random
import re
import resource
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

HONEST, RUDE = 12, 12
LIMIT = 120  # descriptors of the server
FLOOD = LIMIT + 40
ANSWER_S = 120  # an honest client without an answer for so long: a lost wake-up
LARGE = random.Random(1).randbytes(400_000)
SMALL = random.Random(2).randbytes(700)
here = os.path.dirname(os.path.abspath(__file__))
greenshim = os.path.join(here, "../../scripts/greenshim")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Memcached:
    def command(self, directory, port):
        self.port = port
        user = ["-u", "root"] if os.getuid() == 0 else []  # whose limits may be changed
        return ["memcached", "-l", "127.0.0.1", "-p", str(port), "-t", "4", "-c", "2000", *user]

    async def prepare(self):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        for name, body in (b"small", SMALL), (b"large", LARGE):
            writer.write(b"set %s 0 0 %d\r\n%s\r\n" % (name, len(body), body))
            assert await reader.readline() == b"STORED\r\n"
        writer.close()

    def request(self, large):
        return b"get large\r\n" if large else b"get small\r\n"

    async def answer(self, reader, large):
        body = LARGE if large else SMALL
        head = await reader.readline()
        got = await reader.readexactly(len(body) + 7)
        return head.startswith(b"VALUE ") and got == body + b"\r\nEND\r\n"

    requests_per_connection = 5
    interrupted_by_stops = False


class Tinyproxy:
    def command(self, directory, port):
        self.port = port
        self.origin = free_port()
        path = os.path.join(directory, "tinyproxy.conf")
        with open(path, "w") as conf:
            conf.write(f"Port {port}\nListen 127.0.0.1\nMaxClients 1000\nTimeout 20\nAllow 127.0.0.1\n"
                       f'LogFile "{directory}/tinyproxy.log"\nLogLevel Critical\n')
        return ["tinyproxy", "-d", "-c", path]

    async def serve(self, reader, writer):
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            body = LARGE if b"/large" in head else SMALL
            writer.write(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()

    async def prepare(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", self.origin, backlog=1000)

    def request(self, large):
        name = "large" if large else "small"
        return f"GET http://127.0.0.1:{self.origin}/{name} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n".encode()

    async def answer(self, reader, large):
        head = await reader.readuntil(b"\r\n\r\n")
        return b" 200 " in head.split(b"\r\n")[0] and await reader.read(-1) == (LARGE if large else SMALL)

    requests_per_connection = 1
    interrupted_by_stops = True  # its sockets have timeouts: what waits there ends by EINTR, natively too (signal(7))


class Process:
    """The server, and what the kernel knows of it."""

    def __init__(self, command, directory, native):
        self.dump_file = os.path.join(directory, "dump")
        self.native = native
        self.errors = open(os.path.join(directory, "stderr"), "w+")
        self.child = subprocess.Popen(command if native else [greenshim, *command], stdin=subprocess.DEVNULL,
                                      stdout=subprocess.DEVNULL, stderr=self.errors,
                                      env={**os.environ, "GREENSHIM_DUMP": self.dump_file})
        self.pid = self.child.pid

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def os_threads(self):
        return len(os.listdir(f"/proc/{self.pid}/task"))

    def rss_kib(self):
        with open(f"/proc/{self.pid}/status") as f:
            return int(re.search(r"VmRSS:\s*(\d+)", f.read())[1])

    def mappings(self):
        with open(f"/proc/{self.pid}/maps") as f:
            return sum(1 for _ in f)

    def cpu_s(self):
        with open(f"/proc/{self.pid}/stat") as f:
            fields = f.read().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def greenlets(self):
        """By --dump, whose last line of its kind is the newest."""
        if self.native:
            return self.os_threads()
        before = os.path.getsize(self.dump_file) if os.path.exists(self.dump_file) else 0
        subprocess.run([greenshim, "--dump", str(self.pid)], check=True)
        for _ in range(600):
            if os.path.exists(self.dump_file) and os.path.getsize(self.dump_file) > before:
                break
            time.sleep(0.1)
        with open(self.dump_file) as f:
            f.seek(before)
            return int(re.search(r"has (\d+) greenlets", f.read())[1])

    def limit(self, descriptors):
        resource.prlimit(self.pid, resource.RLIMIT_NOFILE, (descriptors, descriptors))


class Soak:
    def __init__(self, server, process, seconds, seed):
        self.server, self.process = server, process
        self.end = time.monotonic() + seconds
        self.random = random.Random(seed)
        self.counts = collections.Counter()
        self.wrong = []
        self.pressed = 0  # counts floods, and stops that interrupt, by two; odd during a flood
        self.running = asyncio.Event()  # not set while the server is stopped
        self.running.set()
        self.trouble_s = time.monotonic()  # when the last flood or stop ended

    def over(self):
        return time.monotonic() >= self.end or self.wrong

    async def connect(self):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        return reader, writer

    def reset(self, writer):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async def one_honest(self):
        reader, writer = await self.connect()
        try:
            for _ in range(self.random.randint(1, self.server.requests_per_connection)):
                large = self.random.random() < 0.1
                writer.write(self.server.request(large))
                if not await self.server.answer(reader, large):
                    return "another answer"
        finally:
            writer.close()
        return None

    async def honest(self):
        """Each gets its answer; where the server had no descriptors left, whatever it could do."""
        while not self.over():
            pressed = self.pressed
            try:
                error = await asyncio.wait_for(self.one_honest(), ANSWER_S)
            except asyncio.TimeoutError:
                self.wrong.append(f"an honest client had no answer for {ANSWER_S} s")
                return
            except (OSError, asyncio.IncompleteReadError) as e:
                error = repr(e)
            if error and pressed == self.pressed and pressed % 2 == 0:
                since = time.monotonic() - self.trouble_s
                self.wrong.append(f"an honest client had {error}, {since:.3f} s after the last flood or stop had ended; "
                                  f"the server has {self.process.descriptors()} descriptors")
            self.counts["honest under pressure" if error else "honest"] += 1

    async def rude_once(self, kind):
        reader, writer = await self.connect()
        request = self.server.request(True)
        pause = self.random.random() * 0.05
        try:
            if kind == "half a request":
                writer.write(request[:self.random.randrange(len(request))])
                await asyncio.sleep(pause)
            elif kind == "half-closed":
                writer.write(request)
                writer.write_eof()
                await reader.read(1000)
            elif kind == "reads slowly":
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                writer.write(request)
                for _ in range(20):
                    await reader.read(2000)
                    await asyncio.sleep(pause)
            elif kind == "garbage":
                writer.write(self.random.randbytes(self.random.randint(1, 3000)))
                await asyncio.wait_for(reader.read(1000), pause + 0.01)
            elif kind == "silent":
                await asyncio.sleep(pause * 20)
            else:
                writer.write(request)
                await asyncio.sleep(pause)
        finally:
            if kind != "half-closed" and self.random.random() < 0.7:
                self.reset(writer)
            else:
                writer.close()

    async def rude(self):
        kinds = ["half a request", "half-closed", "reads slowly", "garbage", "silent", "goes away"]
        while not self.over():
            await self.running.wait()
            kind = self.random.choice(kinds)
            try:
                await asyncio.wait_for(self.rude_once(kind), ANSWER_S)
            except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError):
                pass
            self.counts[kind] += 1

    async def flood(self):
        """More than the server can take. Some stop listening then: who is not connected soon gives up."""
        self.pressed += 1
        connects = [asyncio.ensure_future(self.connect()) for _ in range(FLOOD)]
        await asyncio.wait(connects, timeout=2)
        for connect in connects:
            connect.cancel()
        for held in await asyncio.gather(*connects, return_exceptions=True):
            if isinstance(held, tuple):
                self.reset(held[1])
        await asyncio.sleep(2)
        for _ in range(300):  # until the server has noticed, which takes it longer on a busy machine
            if self.process.descriptors() < LIMIT * 3 // 4:
                break
            await asyncio.sleep(0.2)
        self.pressed += 1
        self.trouble_s = time.monotonic()
        self.counts["floods"] += 1

    async def stop(self):
        """No new rude clients meanwhile: in the queue of the stopped server they would become another flood."""
        self.running.clear()
        if self.server.interrupted_by_stops:
            self.pressed += 2
        os.kill(self.process.pid, signal.SIGSTOP)
        await asyncio.sleep(0.7)
        os.kill(self.process.pid, signal.SIGCONT)
        self.running.set()
        self.trouble_s = time.monotonic()
        self.counts["stops"] += 1

    async def trouble(self):
        while not self.over():
            await asyncio.sleep(1.5)
            await self.flood()
            await self.stop()

    async def run(self):
        jobs = [self.honest() for _ in range(HONEST)] + [self.rude() for _ in range(RUDE)] + [self.trouble()]
        await asyncio.gather(*jobs)


def same_soon(what, measure, wanted, wrong):
    """Timeouts of the server's own may have to pass first."""
    for _ in range(60):
        value = measure()
        if value <= wanted:
            break
        time.sleep(1)
    print(f"{what}: {wanted} before, {value} after")
    if value > wanted:
        wrong.append(f"{what}: {value}, not {wanted}")


async def wait_for_port(port):
    for _ in range(600):
        try:
            (await asyncio.open_connection("127.0.0.1", port))[1].close()
            return
        except OSError:
            await asyncio.sleep(0.1)
    sys.exit(f"nothing listens on port {port}")


async def soak(args, directory):
    server = {"memcached": Memcached, "tinyproxy": Tinyproxy}[args.server]()
    process = Process(server.command(directory, free_port()), directory, args.native)
    try:
        await wait_for_port(server.port)
        await server.prepare()
        process.limit(LIMIT)
        warm_s = max(args.seconds * 0.25, 5)
        warm = Soak(server, process, warm_s, args.seed)
        await warm.run()
        await asyncio.sleep(2)
        before = {"descriptors": process.descriptors(), "greenlets": process.greenlets(),
                  "OS threads": process.os_threads(), "mappings": process.mappings()}
        rss = process.rss_kib()
        main = Soak(server, process, max(args.seconds - warm_s, 5), args.seed + 1)
        await main.run()
        wrong = warm.wrong + main.wrong
        if process.child.poll() is not None:
            wrong.append(f"the server is gone: {process.child.returncode}")
            return wrong
        await asyncio.sleep(2)
        print(", ".join(f"{name} {n}" for name, n in sorted((warm.counts + main.counts).items())))
        measures = {"descriptors": process.descriptors, "greenlets": process.greenlets, "OS threads": process.os_threads}
        # With more to do than one CPU can there may be a greenlet-running OS thread for each; no helper's stays.
        before["OS threads"] = max(before["OS threads"], len(os.sched_getaffinity(0)))
        for name, measure in measures.items():
            same_soon(name, measure, before[name], wrong)
        same_soon("mappings", process.mappings, before["mappings"] + 100, wrong)
        after = process.rss_kib()
        print(f"resident memory: {rss} KiB after warming up, {after} KiB in the end")
        if after > rss * 1.15 + 4096:
            wrong.append("memory grows")
        cpu = process.cpu_s()
        time.sleep(4)
        cpu = process.cpu_s() - cpu
        print(f"CPU time when idle: {cpu:.2f} s in 4 s")
        if cpu > 0.4:
            wrong.append("it spins")
        if not main.counts["honest"] or not main.counts["floods"] or not main.counts["stops"]:
            wrong.append("too short: not every kind of trouble was made")
        return wrong
    finally:
        process.child.kill()
        process.child.wait()
        process.errors.seek(0)
        lines = collections.Counter(line.rstrip() for line in process.errors)
        for line, n in lines.most_common(5):
            print(f"stderr, {n} times: {line[:150]}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("server", choices=["memcached", "tinyproxy"])
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--native", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        wrong = asyncio.run(soak(args, directory))
    for line in wrong:
        print(f"WRONG: {line}")
    print("failed" if wrong else "passed")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
