#!/usr/bin/env bats
# iperf 2: a thread for each stream, in the server and in the client. No more
# than 20 streams: with 50 the server, 2.1.8, corrupts its memory natively.

load helpers

setup_file() {
	real_setup_file iperf
}

teardown() {
	finish_all
}

start_server() {
	port=$(free_port)
	"$1" server iperf -s -p "$port" -f k
	[ "$1" != begin_natively ] || local pid=$helper_pid
	wait_for_port "$port"
}

# With -n each stream sends exactly this much: the server's report must have
# that many streams, each of that size, and the sum.
check_report() {
	local file=$BATS_TEST_TMPDIR/$1.out

	[ "$(grep -c "^\[ *[0-9]*\].* $3 KBytes " "$file")" -ge "$2" ] || {
		echo "not $2 streams of $3 KBytes in $1.out"
		tail -n 30 "$file"
		return 1
	}
}

server() {
	local streams=20 round

	mode "$1"
	start_server begin
	for round in 1 2 3; do
		watched iperf -c 127.0.0.1 -p "$port" -P "$streams" -n 8192K -f k
		check_threads 15
		sleep 0.5
		check_report server "$((streams * round))" 8192
	done
	finish TERM "$2"
	check_stats 60
}

client() {
	local streams=20 round

	mode "$1"
	start_server begin_natively
	for round in 1 2 3; do
		begin client iperf -c 127.0.0.1 -p "$port" -P "$streams" -n 8192K -f k
		watched tail --pid="$pid" -f /dev/null
		await_end 0
		check_threads 15
		check_report client "$streams" 8192
	done
	check_stats 60
}

@test "iperf as server natively: 20 streams" {
	server native 0
}

@test "iperf as server under greenshim: 20 streams" {
	server greenshim 0
}

@test "iperf as client natively: 20 streams" {
	client native
}

@test "iperf as client under greenshim: 20 streams" {
	client greenshim
}
