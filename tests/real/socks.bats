#!/usr/bin/env bats
# microsocks: a thread for each connection, on stacks of 32 KiB.

load helpers

setup_file() {
	real_setup_file microsocks
}

teardown() {
	finish_all
}

# SOCKS 5 as RFC 1928 has it: no authentication, connect to the echo server.
through_socks() {
	local port target

	mode "$1"
	begin_origin echo
	target=$(printf '\\x7f\\x00\\x00\\x01\\x%02x\\x%02x' $((origin_port / 256)) $((origin_port % 256)))
	port=$(free_port)
	begin microsocks microsocks -i 127.0.0.1 -p "$port"
	wait_for_port "$port"
	for connections in 100 1000; do
		drive 127.0.0.1 "$port" "$connections" 1 talk \
			'\x05\x01\x00' '\x05\x00' \
			"\\x05\\x01\\x00\\x01$target" '\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00' \
			'%c%z' '%c%z' 'and %c' 'and %c' '%z%z%z%z' '%z%z%z%z'
		check_threads "$connections"
	done
	finish TERM "$2"
	check_stats 1100
}

@test "microsocks natively: 100 and 1,000 connections" {
	through_socks native 143
}

@test "microsocks under greenshim: 100 and 1,000 connections" {
	through_socks greenshim 143
}
