#!/usr/bin/env bats
# Redis with four threads for input and output, which the main one makes spin, and others that sync its file and free
# memory; a child writes the file anew.

load helpers

setup_file() {
	real_setup_file redis-server redis-cli
}

teardown() {
	finish_all
}

ask() {
	redis-cli -p "$port" "$@"
}

store() {
	local port tries

	mode "$1"
	port=$(free_port)
	mkdir "$BATS_TEST_TMPDIR/data"
	begin redis redis-server --port "$port" --bind 127.0.0.1 --io-threads 4 --io-threads-do-reads yes --save '' \
		--appendonly yes --enable-debug-command local --dir "$BATS_TEST_TMPDIR/data"
	wait_for_port "$port"
	drive 127.0.0.1 "$port" 100 15 talk \
		'*3\r\n$3\r\nSET\r\n$15\r\nkey%c%r\r\n$8192\r\n%z\r\n' '+OK\r\n' \
		'*2\r\n$3\r\nGET\r\n$15\r\nkey%c%r\r\n' '$8192\r\n%z\r\n'
	check_threads 7
	[ "$(ask bgrewriteaof)" = "Background append only file rewriting started" ]
	drive 127.0.0.1 "$port" 500 5 talk \
		'*3\r\n$6\r\nINCRBY\r\n$7\r\ncounter\r\n$1\r\n0\r\n' ':0\r\n' \
		'*3\r\n$4\r\nSADD\r\n$3\r\nset\r\n$12\r\n%c%r\r\n' ':1\r\n'
	for ((tries = 0; tries < 300; tries++)); do
		! ask info persistence | grep -q 'aof_rewrite_in_progress:1' || { sleep 0.1 && continue; }
		break
	done
	ask info persistence | grep 'aof_last_bgrewrite_status:ok'
	ask debug digest >"$BATS_FILE_TMPDIR/digest.$1"
	finish TERM 0
	check_stats 6
}

@test "Redis natively: 100 and 500 connections, its file written anew meanwhile" {
	store native
}

@test "Redis under greenshim: 100 and 500 connections, its file written anew meanwhile; the data are the same" {
	store greenshim
	diff "$BATS_FILE_TMPDIR/digest.native" "$BATS_FILE_TMPDIR/digest.greenshim"
}
