"""A thousand threads at once, held by a barrier, then queues, timers and pipes."""
import concurrent.futures
import hashlib
import os
import queue
import socket
import subprocess
import threading
import time

COUNT = 1000
barrier = threading.Barrier(COUNT + 1)
digests = [None] * COUNT
local = threading.local()


def one(number):
    local.value = number
    barrier.wait()
    time.sleep(0.001 * (number % 7))
    digests[local.value] = hashlib.sha256(b"%d" % local.value).hexdigest()


threads = [threading.Thread(target=one, args=(n,)) for n in range(COUNT)]
for thread in threads:
    thread.start()
barrier.wait()
for thread in threads:
    thread.join()
print("digest", hashlib.sha256("".join(digests).encode()).hexdigest())

numbers, squares = queue.Queue(10), queue.Queue(10)


def square():
    while (n := numbers.get()) is not None:
        squares.put(n * n)
    squares.put(None)


def feed():
    for n in range(5000):
        numbers.put(n)
    for _ in range(4):
        numbers.put(None)


for target in [feed] + [square] * 4:
    threading.Thread(target=target).start()
total = ends = 0
while ends < 4:
    value = squares.get()
    if value is None:
        ends += 1
    else:
        total += value
print("squares", total)


def echo(sock):
    with sock:
        while data := sock.recv(4096):
            sock.sendall(data)


def ask(number):
    near, far = socket.socketpair()
    threading.Thread(target=echo, args=(far,)).start()
    with near:
        near.sendall(b"x%d" % number * 100)
        near.shutdown(socket.SHUT_WR)
        return len(b"".join(iter(lambda: near.recv(4096), b"")))


with concurrent.futures.ThreadPoolExecutor(50) as pool:
    print("echoed", sum(pool.map(ask, range(500))))
    outputs = pool.map(lambda n: subprocess.run(["echo", str(n)], capture_output=True).stdout, range(30))
    print("children", b"".join(outputs).decode().split())

fired = []
timers = [threading.Timer(0.05 * n, fired.append, [n]) for n in (3, 1, 2)]
for timer in timers:
    timer.start()
for timer in timers:
    timer.join()
print("timers", sorted(fired), "left", threading.active_count(), "pid", os.getpid() == threading.get_native_id())
