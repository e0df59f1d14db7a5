#!/usr/bin/env bats
# iperf 2: a thread for each stream, in the server and in the client. No more
# than 8 streams: with 20 the server, 2.1.8, at times corrupts its memory natively.

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
	local streams=8 round

	mode "$1"
	start_server begin
	for round in 1 2 3; do
		watched iperf -c 127.0.0.1 -p "$port" -P "$streams" -n 65536K -f k
		check_threads 6
		sleep 0.5
		check_report server "$((streams * round))" 65536
	done
	finish TERM "$2"
	check_stats 24
}

client() {
	local streams=8 round

	mode "$1"
	start_server begin_natively
	for round in 1 2 3; do
		begin client iperf -c 127.0.0.1 -p "$port" -P "$streams" -n 65536K -f k
		watched tail --pid="$pid" -f /dev/null
		await_end 0
		check_threads 6
		check_report client "$streams" 65536
	done
	check_stats 24
}

@test "iperf as server natively: 8 streams" {
	server native 0
}

@test "iperf as server under greenshim: 8 streams" {
	server greenshim 0
}

@test "iperf as client natively: 8 streams" {
	client native
}

@test "iperf as client under greenshim: 8 streams" {
	client greenshim
}
