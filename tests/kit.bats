# greenshim bench: what the report holds, and what it refuses.

load helpers

setup() {
	cd "$BATS_TEST_TMPDIR"
	cat >server.py <<-'END'
		import http.server, os, sys, time

		KIND, PORT = sys.argv[1], int(sys.argv[2])
		served = 0
		UNDER = "libgreenshim.so" in os.environ.get("LD_PRELOAD", "")

		def body():
		    global served
		    served += 1
		    if KIND == "wears" and UNDER and served > 20:
		        return b"worn out\n"
		    if KIND == "differs" and UNDER:
		        return b"another answer\n"
		    if KIND == "changes":
		        return b"it is %d\n" % time.monotonic_ns()
		    return b"the answer on :%d\n" % PORT

		class Handler(http.server.BaseHTTPRequestHandler):
		    protocol_version = "HTTP/1.1"

		    def do_GET(self):
		        if KIND == "dies" and self.headers["Accept"] is None:
		            print("out of luck", file=sys.stderr, flush=True)
		            os._exit(7)
		        text = body()
		        self.send_response(200)
		        self.send_header("Content-Length", str(len(text)))
		        self.end_headers()
		        self.wfile.write(text)

		    def log_message(self, *_):
		        pass

		http.server.ThreadingHTTPServer.request_queue_size = 64
		http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
	END
}

# bench ARGUMENT...: stdout to the file out, stderr to err, exit status to $status.
bench() {
	status=0
	timeout -k 5 240 "$greenshim" bench "$@" >out 2>err </dev/null || status=$?
}

quick=(--connections 3,1 --rounds 2 --seconds 1 --timeout 60)

# refused STATUS TEXT: no report, and the last line on stderr says TEXT.
refused() {
	[ "$status" -eq "$1" ] || { echo "exit status $status, not $1" && cat err && return 1; }
	[ ! -s out ]
	[ ! -e greenshim-bench.html ]
	[ ! -e greenshim-bench.csv ]
	tail -n 1 err | grep -F -- "greenshim bench: " || { cat err && return 1; }
	tail -n 1 err | grep -F -- "$2" || { cat err && return 1; }
}

# Nothing that the run started is left: its servers have their port in their command.
assert_none_left() {
	refute pgrep -f "$PWD/server.py" >/dev/null
}

@test "kit: the report holds the figures of both servers, and needs no other file" {
	bench "${quick[@]}" --title 'A <small> server' --output page.html -- python3 "$PWD/server.py" good {port}
	[ "$status" -eq 0 ] || { cat err && return 1; }
	python3 - <<-'END'
		import base64, csv, json, re

		page = open("page.html").read()
		rows = list(csv.DictReader(open("page.csv")))
		told = json.load(open("page.json"))
		assert len(rows) == 8 == len(told["measurements"]), rows
		assert {(row["mode"], row["connections"], row["round"]) for row in rows} == {
		    (mode, connections, number) for mode in ("native", "greenshim") for connections in "13" for number in "12"}
		# Each is first in turn.
		assert [row["mode"] for row in rows[::2]] == ["native", "greenshim", "greenshim", "native"], rows
		for row in rows:
		    for key in "rate", "requests", "p50_ms", "p99_ms", "rss_mib", "os_threads":
		        assert float(row[key]) > 0, (key, row)
		    assert float(row["cpu_us"]) >= 0 and float(row["machine_mib"]) >= 0 and float(row["memory_mib"]) > float(row["rss_mib"])
		    assert row["mode"] == "native" or row["os_threads"] == "1", row
		assert page.count("<svg") == 7, page.count("<svg")
		assert "A &lt;small&gt; server" in page and "<small> server" not in page
		assert not re.search(r"@[A-Z]+@", page)
		assert not re.search(r"(src|href)=\"(?!data:)", page) and "@import" not in page and "url(" not in page
		links = re.findall(r'href="data:[a-z/]+;base64,([^"]+)"', page)
		assert [base64.b64decode(link).decode() for link in links] == [open("page.csv").read(), open("page.json").read()]
		assert not told["notes"] and 'class="note"' not in page, told["notes"]
		for row in told["measurements"]:
		    assert "{:,.0f}".format(row["requests"]) in page, row
	END
	grep -q '3 connections .* native .* greenshim .* ratio' out
	[ "$(grep -c '^ *Requests per second' out)" -eq 2 ]
	[ "$(grep -c '^\[[1-8]/8\] round' err)" -eq 8 ]
	assert_none_left
}

@test "kit: what differs is not compared" {
	bench "${quick[@]}" -- python3 "$PWD/server.py" differs {port}
	refused 1 "the answers differ"
	tail -n 1 err | grep -F "another answe"
	bench "${quick[@]}" -- python3 "$PWD/server.py" wears {port}
	refused 1 "the answers differ"
	tail -n 1 err | grep -F "worn out"
	assert_none_left
}

@test "kit: what changes natively is told apart, and left out with --mask" {
	bench "${quick[@]}" -- python3 "$PWD/server.py" changes {port}
	refused 1 "natively the answers differ from one time to the next"
	bench "${quick[@]}" --rounds 1 --connections 2 --mask 'is [0-9]+' -- python3 "$PWD/server.py" changes {port}
	[ "$status" -eq 0 ] || { cat err && return 1; }
}

@test "kit: a load command and a check command of one's own" {
	local load='echo requests_per_second 1,200; echo p99_ms 7; sleep 0.3'

	bench "${quick[@]}" --rounds 1 --load "$load" --check 'echo {port} | tr -d 0-9; echo same' -- \
		python3 "$PWD/server.py" good {port}
	[ "$status" -eq 0 ] || { cat err && return 1; }
	[ "$(grep -c 'Requests per second *1,200 *1,200 *1.00' out)" -eq 2 ]
	[ "$(grep -c '99th percentile of latency, ms *7 *7 *1.00' out)" -eq 2 ]
	refute grep 'Median latency' out
	rm greenshim-bench.*
	bench "${quick[@]}" --load "$load" --check 'date +%N' -- python3 "$PWD/server.py" good {port}
	refused 1 "natively the answers differ"
	bench "${quick[@]}" --load 'echo 5 a second' --rate '^([0-9]+) a sec' --rounds 1 --check 'echo a' -- \
		python3 "$PWD/server.py" good {port}
	[ "$status" -eq 0 ]
	grep -q 'Requests per second *5 ' out
}

@test "kit: a warm-up in which nothing is answered yet is no failure, a measurement is" {
	local load='echo requests_per_second $(({seconds} - 1)); sleep 0.3'

	bench --connections 1 --rounds 1 --seconds 2 --load "$load" --check 'echo a' -- python3 "$PWD/server.py" good {port}
	[ "$status" -eq 0 ] || { cat err && return 1; }
	grep -q 'Requests per second *1 ' out
	rm greenshim-bench.*
	bench "${quick[@]}" --load "$load" --check 'echo a' -- python3 "$PWD/server.py" good {port}
	refused 4 "natively nothing was answered with 1 connections in 1 s"
	assert_none_left
}

@test "kit: the figures of load generators are found" {
	cd /
	PYTHONPATH=$root/scripts/kit python3 -B - <<-'END'
		import load

		wrk = """  Latency Distribution
		     50%    1.29ms
		     99%  350.00us
		  8811 requests in 1.01s, 1.02MB read
		  Socket errors: connect 1, read 9, write 0, timeout 2
		  Non-2xx or 3xx responses: 12
		Requests/sec:   8711.60
		"""
		ab = "Complete requests:      1000\nRequests per second:    5524.83 [#/sec] (mean)\n  50%      1\n  99%     12\n"
		hey = "  Requests/sec:\t3123.4\n  50% in 0.0020 secs\n  99% in 0.0100 secs\n"
		known = (wrk, 8711.6, 1.29, 0.35), (ab, 5524.83, 1, 12), (hey, 3123.4, 2, 10), ("nothing 5\n", None, None, None), \
		    ("GET: 70000.5 requests per second, p50=0.3 msec\n", 70000.5, None, None), \
		    ("tps = 51.2 (without\n", 51.2, None, None), ("  transactions:  900    (89.9 per sec.)\n", 89.9, None, None)
		for text, rate, p50, p99 in known:
		    found = load.rate_in(text, None), load.latency_in(text, 50, None), load.latency_in(text, 99, None)
		    assert found == (rate, p50, p99), (text, found)
		assert load.errors_in(wrk) == {"errors": 12, "connect_errors": 1, "timeouts": 2}
	END
}

@test "kit: an answer that is cut off or never ends is none" {
	cd /
	PYTHONPATH=$root/scripts/kit timeout 60 python3 -B - <<-'END'
		import http.client, socket, threading

		import answers

		HEAD = b"HTTP/1.1 200 OK\r\n"
		listener = socket.create_server(("127.0.0.1", 0))

		def fetch(parts, again=b""):
		    def serve():
		        with listener.accept()[0] as made:
		            made.recv(4096)
		            made.sendall(HEAD + parts)
		            try:
		                while again:
		                    made.sendall(again)
		            except OSError:
		                pass
		    thread = threading.Thread(target=serve)
		    thread.start()
		    try:
		        return answers.fetch("http://127.0.0.1:%d/" % listener.getsockname()[1], 1 if again else 30)
		    except (OSError, http.client.HTTPException) as error:
		        return type(error).__name__
		    finally:
		        thread.join()

		whole = "status 200", b"hello"
		assert fetch(b"Content-Length: 5\r\n\r\nhello") == whole
		assert fetch(b"Content-Length: 9\r\n\r\nhello") == "IncompleteRead"
		assert fetch(b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n") == whole
		assert fetch(b"Transfer-Encoding: chunked\r\n\r\n9\r\nhello") == "IncompleteRead"
		assert fetch(b"\r\nhello") == whole
		assert fetch(b"Content-Length: 0\r\n\r\n") == ("status 200", b"")
		assert fetch(b"\r\n", b"event\n") == "TimeoutError"
	END
}

@test "kit: a load generator that has just been started is none of the server's processes" {
	cd /
	PYTHONPATH=$root/scripts/kit timeout 60 python3 -B - <<-'END'
		import subprocess, threading, time, types

		import load, process

		class Slow(subprocess.Popen):
		    def __init__(self, *arguments, **named):
		        super().__init__(*arguments, **named)
		        time.sleep(0.3)

		def look():
		    while not over.is_set():
		        seen.update(one.pid for one in process.tree(0, server.others))

		subprocess.Popen = Slow
		server = types.SimpleNamespace(places={}, others=set())
		seen, over = set(), threading.Event()
		looker = threading.Thread(target=look)
		looker.start()
		command = load.Command(types.SimpleNamespace(load_cpus=None), server, "sleep 0.3; echo done", 1)
		assert command.finish(30)[::2] == (b"done\n", 0)
		over.set()
		looker.join()
		assert not seen, seen
	END
}

@test "kit: wrong usage is exit status 2" {
	local wrong

	for wrong in '' '--nonsense -- true {port}' '-- true' '--connections 0 -- true {port}' '--connections 1,x -- true {port}' \
		'--rounds 0 -- true {port}' '--stop NOSUCH -- true {port}' '--url ftp://a/ -- true {port}' '--rate abc -- true {port}' \
		'--mask ( -- true {port}' '--load x -- true {port}' '--server-cpus 99999 -- true {port}' '--server-cpus 0-0,1-0 -- true {port}' \
		'--output /nowhere/at/all.html -- true {port}' '--connections 1000000 -- true {port}'; do
		# shellcheck disable=SC2086 # words they are
		(ulimit -n 512 && bench $wrong && refused 2 "" && [ "$(wc -l <err)" -eq 1 ]) || { echo "$wrong" && return 1; }
	done
	bench --help
	[ "$status" -eq 0 ]
	grep -q '^usage: greenshim bench' out
}

@test "kit: a server that is not there, does not start, opens no port or ends is told" {
	local taken

	bench "${quick[@]}" -- no-such-program-anywhere {port}
	refused 127 "not found"
	bench "${quick[@]}" -- ./server.py {port}
	refused 126 "cannot be executed"
	bench "${quick[@]}" -- sh -c 'echo no luck >&2; exit 3' {port}
	refused 3 "natively the server ended before it opened port"
	tail -n 1 err | grep -F "(exit status 3); its last line: no luck"
	grep -F 'no luck' greenshim-bench.log
	bench "${quick[@]}" --timeout 1 -- sleep 1000 {port}
	refused 3 "did not open port"
	bench "${quick[@]}" --load 'wrk -t1 -c{connections} -d{seconds} {url}' -- python3 "$PWD/server.py" dies {port}
	refused 3 "natively the server ended under load"
	tail -n 1 err | grep -F "out of luck"
	python3 -c 'if True:
		import socket, time
		s = socket.create_server(("127.0.0.1", 0))
		print(s.getsockname()[1], flush=True)
		time.sleep(60)' \
		>port 3>&- &
	taken=$!
	until [ -s port ]; do sleep 0.05; done
	bench "${quick[@]}" --port "$(cat port)" -- python3 "$PWD/server.py" good "$(cat port)"
	kill "$taken"
	refused 3 "is in use already"
	assert_none_left
}

@test "kit: a load generator that is missing or fails is told" {
	bench "${quick[@]}" --load 'no-such-load {url}' -- python3 "$PWD/server.py" good {port}
	refused 4 "was not found"
	bench "${quick[@]}" --load 'echo no idea {url}' -- python3 "$PWD/server.py" good {port}
	refused 4 "told no requests per second"
	bench "${quick[@]}" --load 'echo no idea {url}' --rate '([0-9])?' -- python3 "$PWD/server.py" good {port}
	refused 4 "told no requests per second"
	bench "${quick[@]}" --check 'echo oh >&2; exit 9' -- python3 "$PWD/server.py" good {port}
	refused 4 "failed (exit status 9); it says: oh"
	assert_none_left
}

@test "kit: a server without threads, or one that has to be killed, is noted" {
	cat >single.py <<-'END'
		import http.server, signal, sys

		signal.signal(signal.SIGUSR1, signal.SIG_IGN)
		http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler).serve_forever()
	END
	# With less patience than the 15 s that a server has.
	python3 -E -s -B - "$root/scripts/kit" "$greenshim" "${quick[@]}" --rounds 1 --connections 1 --stop USR1 -- \
		python3 single.py {port} >out 2>err <<-'END' || { cat err && return 1; }
		import runpy, sys

		sys.argv.pop(0)
		sys.path.insert(0, sys.argv[0])
		import server

		server.STOP_SECONDS = 1
		runpy.run_path(sys.argv[0], run_name="__main__")
	END
	grep -F 'note: greenshim told of no threads' out
	grep -F 'note: Natively the server did not end within 1 s' out
	grep -F 'note: Under greenshim the server did not end within 1 s' out
	grep -F 'told of no threads' greenshim-bench.html
}

@test "kit: interrupted, it ends the server; a program called bench is run by greenshim -- bench" {
	local pid

	"$greenshim" bench --seconds 30 --timeout 60 -- python3 "$PWD/server.py" good {port} >out 2>err 3>&- &
	pid=$!
	# The server's command has its port; greenshim bench's own has not, and may not have begun to mind signals.
	until pgrep -f "$PWD/server.py good [0-9]" >/dev/null; do sleep 0.05; done
	sleep 1
	kill "$pid"
	status=0
	wait "$pid" || status=$?
	refused 130 "interrupted"
	assert_none_left
	mkdir bin
	printf '#!/bin/sh\necho "I am $0"\n' >bin/bench
	chmod +x bin/bench
	[ "$(PATH=$PWD/bin:$PATH "$greenshim" -- bench)" = "I am $PWD/bin/bench" ]
}

@test "kit: make bench writes tables and plots" {
	local name

	BENCH_OUT=$PWD/drawn BENCH_ROUNDS=1 BENCH_MS=500 BENCH_CONNECTIONS='1 5' BENCH_THREADS='2 20' BUILD=$build \
		"$root/scripts/bench" yield threads echo >out 2>err || { cat err && return 1; }
	cat err
	refute grep -v 'without Boost.Fiber' err
	grep -q '^| sched_yield between two threads, ns | [0-9.,]\+ | [0-9.]\+ | [-0-9.]\+ | - | [0-9.]\+ ' drawn/bench.md
	for name in requests/s 'p99, us'; do
		grep -q "^| echo, one core, 5 connections: $name | [0-9.,]\\+ | [0-9.,]\\+ | [-0-9.,]\\+ | [0-9.,]\\+ | [0-9.]\\+ " drawn/bench.md
	done
	python3 - <<-'END'
		import json
		for name, least in ("threads", {"native", "greenshim"}), ("echo", {"native", "greenshim", "epoll"}):
		    curves = json.load(open("drawn/%s.json" % name))["curves"]
		    assert curves, name
		    for curve, sides in curves.items():
		        assert least <= set(sides), (curve, set(sides))
		        assert all(len(points) == 2 and points[-1][1] > 0 for points in sides.values()), (curve, sides)
	END
	for name in echo-rate echo-p99 make join; do
		grep -q "($name.svg)" drawn/bench.md
		python3 -c 'import sys, xml.dom.minidom as m; assert m.parse(sys.argv[1]).getElementsByTagName("path")' "drawn/$name.svg"
		[ "$(head -c 4 "drawn/$name.png" | tail -c 3)" = PNG ]
	done
	refute grep -r "$PWD" drawn
}
