#!/usr/bin/env bats
# Debian's CPython: its own threading web server, and one over TLS.

load helpers

setup_file() {
	real_setup_file "$python" openssl
	make_certificate
}

teardown() {
	finish_all
}

# http.server listens with a queue of five, which loses connections by the
# hundred natively as well: all that is changed is the queue's length.
longer_queue='
import runpy, socketserver
socketserver.TCPServer.request_queue_size = 1024
runpy.run_module("http.server", run_name="__main__")
'

http_server() {
	local port

	mode "$1"
	port=$(free_port)
	begin server "$python" -c "$longer_queue" "$port" --bind 127.0.0.1 --directory "$www"
	wait_for_port "$port"
	drive 127.0.0.1 "$port" 100 10 http /large "$www/large"
	check_threads 100
	drive -h 2000 127.0.0.1 "$port" 1000 1 http /small "$www/small"
	check_threads 1000
	finish INT 0
	grep -q 'Keyboard interrupt received, exiting' "$BATS_TEST_TMPDIR/server.out"
	check_stats 2000
}

tls_server() {
	local port

	mode "$1"
	port=$(free_port)
	begin server "$python" "$real_root/tests/real/tls_server.py" "$port" "$www" \
		"$BATS_FILE_TMPDIR/cert.pem" "$BATS_FILE_TMPDIR/key.pem"
	wait_for_port "$port"
	drive -t 127.0.0.1 "$port" 100 10 http /large "$www/large"
	check_threads 100
	drive -t -h 2000 127.0.0.1 "$port" 1000 2 http /small "$www/small"
	check_threads 1000
	finish TERM 0
	grep -q stopped "$BATS_TEST_TMPDIR/server.out"
	check_stats 1100
}

@test "python3 -m http.server natively: 100 and 1,000 connections" {
	http_server native
}

@test "python3 -m http.server under greenshim: 100 and 1,000 connections" {
	http_server greenshim
}

@test "python's ThreadingMixIn over TLS natively: 100 and 1,000 connections" {
	tls_server native
}

@test "python's ThreadingMixIn over TLS under greenshim: 100 and 1,000 connections" {
	tls_server greenshim
}
