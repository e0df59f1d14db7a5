#!/usr/bin/env bats
# Squid: one thread that serves, and with aufs 16 that open, read, write and remove the files of its cache.

load helpers

setup_file() {
	real_setup_file squid
}

teardown() {
	finish_all
}

cache() {
	local port conf=$BATS_TEST_TMPDIR/squid.conf

	mode "$1"
	begin_origin http "$www"
	port=$(free_port)
	mkdir "$BATS_TEST_TMPDIR/cache"
	chmod 777 "$stats" "$BATS_TEST_TMPDIR" # for its user
	[ "$(id -u)" -ne 0 ] || chown proxy "$BATS_TEST_TMPDIR/cache"
	cat >"$conf" <<-END
		http_port 127.0.0.1:$port
		pid_filename $BATS_TEST_TMPDIR/squid.pid
		cache_dir aufs $BATS_TEST_TMPDIR/cache 64 4 4
		cache_mem 1 MB
		maximum_object_size_in_memory 10 KB
		access_log none
		cache_log $BATS_TEST_TMPDIR/cache.log
		netdb_filename none
		coredump_dir $BATS_TEST_TMPDIR
		http_access allow all
		refresh_pattern . 1000 100% 1000
		shutdown_lifetime 1 seconds
	END
	squid -N -z -f "$conf" >"$BATS_TEST_TMPDIR/make.out" 2>&1
	begin squid squid -N -f "$conf"
	wait_for_port "$port"
	drive -r 127.0.0.1 "$port" 100 5 http "http://127.0.0.1:$origin_port/large" "$www/large"
	check_threads 17
	drive -r 127.0.0.1 "$port" 500 2 http "http://127.0.0.1:$origin_port/small" "$www/small"
	check_threads 17
	finish TERM 0
	check_stats 16
}

@test "Squid natively: a cache in files, 100 and 500 connections" {
	cache native
}

@test "Squid under greenshim: a cache in files, 100 and 500 connections" {
	cache greenshim
}
