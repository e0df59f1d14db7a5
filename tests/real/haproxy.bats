#!/usr/bin/env bats
# HAProxy: four threads that share listeners, each with an epoll set of its own; they spin on locks of HAProxy's own, wait
# for each other at rendezvous without a futex, and sleep in sched_yield.

load helpers

setup_file() {
	real_setup_file haproxy openssl
	make_certificate
	cat "$BATS_FILE_TMPDIR/cert.pem" "$BATS_FILE_TMPDIR/key.pem" >"$BATS_FILE_TMPDIR/both.pem"
}

teardown() {
	finish_all
}

balance() {
	local port tls_port conf=$BATS_TEST_TMPDIR/haproxy.cfg

	mode "$1"
	begin_origin http "$www"
	port=$(free_port)
	tls_port=$(free_port)
	cat >"$conf" <<-END
		global
		    nbthread 4
		    maxconn 3000
		defaults
		    mode http
		    timeout connect 30s
		    timeout client 60s
		    timeout server 60s
		frontend all
		    bind 127.0.0.1:$port
		    bind 127.0.0.1:$tls_port ssl crt $BATS_FILE_TMPDIR/both.pem
		    default_backend origin
		backend origin
		    server origin 127.0.0.1:$origin_port
	END
	begin haproxy haproxy -db -f "$conf"
	wait_for_port "$port"
	drive 127.0.0.1 "$port" 100 10 http /large "$www/large"
	check_threads 4
	drive -t 127.0.0.1 "$tls_port" 100 5 http /small "$www/small"
	drive -r 127.0.0.1 "$port" 1000 2 http /small "$www/small"
	check_threads 4
	finish USR1 0
	check_stats 3
}

@test "HAProxy natively: 100 connections, over TLS too, and 1,000" {
	balance native
}

@test "HAProxy under greenshim: 100 connections, over TLS too, and 1,000" {
	balance greenshim
}
