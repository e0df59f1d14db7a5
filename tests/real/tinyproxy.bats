#!/usr/bin/env bats
# tinyproxy: a thread for each connection, from a pool of none.

load helpers

setup_file() {
	real_setup_file tinyproxy
}

teardown() {
	finish_all
}

proxy() {
	local port conf=$BATS_TEST_TMPDIR/tinyproxy.conf

	mode "$1"
	begin_origin http "$www"
	port=$(free_port)
	cat >"$conf" <<-END
		Port $port
		Listen 127.0.0.1
		MaxClients 1100
		Timeout 60
		Allow 127.0.0.1
		LogFile "$BATS_TEST_TMPDIR/tinyproxy.log"
		LogLevel Warning
	END
	begin tinyproxy tinyproxy -d -c "$conf"
	wait_for_port "$port"
	drive -r 127.0.0.1 "$port" 100 10 http "http://127.0.0.1:$origin_port/large" "$www/large"
	check_threads 100
	drive -r 127.0.0.1 "$port" 1000 2 http "http://127.0.0.1:$origin_port/small" "$www/small"
	check_threads 1000
	finish TERM 0
	check_stats 3000
}

@test "tinyproxy natively: 100 and 1,000 connections" {
	proxy native
}

@test "tinyproxy under greenshim: 100 and 1,000 connections" {
	proxy greenshim
}

@test "tinyproxy under greenshim, on as many OS threads as it finds work for" {
	proxy default
}
