# helpers.bash - for every suite: the paths, and `both`, which runs one program natively and under greenshim and wants
# the same from each.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${BUILD:-$root/build}
programs=$build/tests/programs
greenshim=$root/scripts/greenshim
export GREENSHIM_LIBRARY=$build/libgreenshim.so
# Where not told otherwise: tests ask whether all were greenlets of one OS thread. With several: hubs.bats.
export GREENSHIM_HUBS=${GREENSHIM_HUBS:-1}

# A program of tests/programs by its name, any other by its path.
program_of() {
	case $1 in
	*/*) echo "$1" ;;
	*) echo "$programs/$1" ;;
	esac
}

# run_natively / run_under NAME COMMAND...: stdout to NAME.out, stderr to NAME.err, exit status to $status. Never more
# than $limit seconds (60).
run_natively() {
	local name=$BATS_TEST_TMPDIR/$1

	shift
	status=0
	timeout -k 5 "${limit:-60}" "$@" >"$name.out" 2>"$name.err" </dev/null || status=$?
}

run_under() {
	local name=$1

	shift
	statistics=$BATS_TEST_TMPDIR/$name.stats
	rm -rf "$statistics"
	mkdir -p "$statistics"
	GREENSHIM_STATS=$statistics/%p run_natively "$name" "$greenshim" "$@"
}

show() {
	local file

	for file in "$BATS_TEST_TMPDIR"/*.out "$BATS_TEST_TMPDIR"/*.err "$BATS_TEST_TMPDIR"/*.stats/*; do
		[ ! -s "$file" ] || { echo "--- ${file#"$BATS_TEST_TMPDIR"/}" && tail -n 20 "$file"; }
	done
}

# `! command` does not fail a test, unless it is the last one; this does.
refute() {
	! "$@"
}

# both PROGRAM [ARGUMENT]...: the same output and exit status natively and under greenshim, where its threads must really
# have been greenlets. A status of 77 natively skips the test (the program's output says why).
both() {
	compare "$@"
	assert_greenlets
}

# The same for a program that makes no thread, or whose statistics are lost (exec, a fatal signal).
compare() {
	local program tries

	program=$(program_of "$1")
	shift
	[ -x "$program" ] || { echo "$program is not built: run make tests" && return 1; }
	for tries in 1 2 3; do
		! compare_once "$program" "$@" || return 0
		echo "differs in run $tries"
		is_unsteady "$program" "$@" || break
	done
	show
	return 1
}

compare_once() {
	local native

	run_natively native "$@"
	native=$status
	[ "$native" -ne 77 ] || skip "$(tail -n 1 "$BATS_TEST_TMPDIR/native.out")"
	run_under greenshim "$@"
	[ "$status" -eq "$native" ] || { echo "exit status natively $native, under greenshim $status" && return 1; }
	diff -u "$BATS_TEST_TMPDIR/native.out" "$BATS_TEST_TMPDIR/greenshim.out"
}

# On a machine so busy that a program says now this, now that, natively, a difference proves nothing.
is_unsteady() {
	run_natively again "$@"
	! cmp -s "$BATS_TEST_TMPDIR/native.out" "$BATS_TEST_TMPDIR/again.out"
}

# stat_of KEY: the sum over all processes of the last run under greenshim; most_of KEY: the largest of them.
stat_of() {
	cat "$statistics"/* 2>/dev/null | awk -v key="$1" '$1 == key { n += $2 } END { print n + 0 }'
}

most_of() {
	cat "$statistics"/* 2>/dev/null | awk -v key="$1" '$1 == key && $2 > n { n = $2 } END { print n + 0 }'
}

# assert_stat KEY AT_LEAST
assert_stat() {
	local value

	value=$(stat_of "$1")
	[ "$value" -ge "$2" ] && return
	echo "$1 is $value, not $2 or more"
	show
	return 1
}

assert_greenlets() {
	assert_stat threads_made 1
	assert_stat switches 1
}

# assert_switched N; assert_parked CALL N: a call that is silently not answered cannot pass.
assert_switched() {
	assert_stat switches "$1"
}

assert_parked() {
	assert_stat "parks.$1" "${2:-1}"
}

assert_os_threads_one() {
	[ "$(most_of os_threads)" -eq 1 ] && return
	echo "$(most_of os_threads) OS threads"
	return 1
}
