#!/usr/bin/env bats
# memcached: libevent in each of four threads.

load helpers

setup_file() {
	real_setup_file memcached
}

teardown() {
	finish_all
}

cache() {
	local port

	mode "$1"
	port=$(free_port)
	chmod 777 "$stats" # for nobody
	begin memcached memcached -u nobody -l 127.0.0.1 -p "$port" -U 0 -t 4 -c 1100 -m 256
	wait_for_port "$port"
	set_and_get "$port" 100 100
	check_threads 5
	set_and_get "$port" 1000 5
	check_threads 5
	finish TERM 0
	check_stats 4
}

# Each connection sets a value of 8 KiB, gets it, and gets one that is not there.
set_and_get() {
	drive 127.0.0.1 "$1" "$2" "$3" talk \
		'set key%c%r 7 0 8192\r\n%z\r\n' 'STORED\r\n' \
		'get key%c%r\r\n' 'VALUE key%c%r 7 8192\r\n%z\r\nEND\r\n' \
		'delete key%c%r\r\nget key%c%r\r\n' 'DELETED\r\nEND\r\n'
}

@test "memcached natively: 100 and 1,000 connections" {
	cache native
}

@test "memcached under greenshim: 100 and 1,000 connections" {
	cache greenshim
}

@test "memcached under greenshim, on as many OS threads as it finds work for" {
	cache default
}
