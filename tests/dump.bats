# `greenshim --dump PID`: every live greenlet, from a process in which all hang, and from a busy one.

load helpers

setup() {
	mkfifo "$BATS_TEST_TMPDIR/in"
}

teardown() {
	[ -z "${pid-}" ] || kill -KILL "$pid" 2>/dev/null || true
}

# start [ARGUMENT]: the target under greenshim, its threads in their places.
start() {
	local tries

	exec 9<>"$BATS_TEST_TMPDIR/in"
	"$greenshim" "$programs/dump_target" "$@" <&9 >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
	pid=$!
	for tries in $(seq 100); do
		! grep -q ready "$BATS_TEST_TMPDIR/out" || return 0
		sleep 0.1
	done
	return 1
}

# wanted PATTERN [FILE]: in the dump, within ten seconds.
wanted() {
	local tries

	for tries in $(seq 100); do
		! grep -Eq -- "$1" "${2-$BATS_TEST_TMPDIR/err}" || return 0
		sleep 0.1
	done
	echo "no $1 in:"
	cat "${2-$BATS_TEST_TMPDIR/err}"
	return 1
}

@test "dump: threads that wait, with number, name, reason, since when, and a backtrace into the program" {
	start
	"$greenshim" --dump "$pid"
	wanted '^greenshim: process [0-9]+ has 4 greenlets$'
	wanted '^#2 tid [0-9]+ "locker" parked: futex, in futex, for [0-9]+\.[0-9]{3} s$'
	wanted '^#3 tid [0-9]+ "sleeper" parked: .*nanosleep'
	wanted '^#4 tid [0-9]+ "dump_target" parked: poll'
	wanted '^    dump_target\+0x[0-9a-f]+$'
	wanted '^    libc\.so\.6\+0x[0-9a-f]+$'
}

@test "dump: twice, and the program goes on and ends as it would" {
	start
	"$greenshim" --dump "$pid"
	wanted 'has 4 greenlets'
	"$greenshim" --dump "$pid"
	echo >&9
	wait "$pid"
	pid=
	[ "$(grep -c 'has 4 greenlets' "$BATS_TEST_TMPDIR/err")" -eq 2 ]
	grep -qx 'ready 5' "$BATS_TEST_TMPDIR/out" # its own use of the same signal
}

@test "dump: a program that makes no call" {
	start busy
	"$greenshim" --dump "$pid"
	wanted '^#1 tid [0-9]+ "dump_target" ready$'
	wanted '"locker" parked'
}

@test "dump: to the file that GREENSHIM_DUMP names" {
	export GREENSHIM_DUMP=$BATS_TEST_TMPDIR/dump-%p
	start
	"$greenshim" --dump "$pid"
	wanted 'has 4 greenlets' "$BATS_TEST_TMPDIR/dump-$pid"
	[ ! -s "$BATS_TEST_TMPDIR/err" ]
}

@test "dump: a process that is not under greenshim, or none, is told from one that is" {
	run "$greenshim" --dump $$
	[ "$status" -eq 1 ]
	[[ $output == *"does not run under greenshim"* ]]
	run "$greenshim" --dump 99999999
	[ "$status" -eq 2 ]
	run "$greenshim" --dump x
	[ "$status" -eq 2 ]
}
