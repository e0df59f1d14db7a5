#!/usr/bin/env bats
# CPython's own tests of threads, sockets and children (Debian's package
# libpython3.11-testsuite): each test has the same result natively and under
# greenshim, but for those that cpython-differences.txt lists with a reason.

load helpers

setup_file() {
	real_setup_file "$python"
	"$python" -c 'import test.test_threading' || {
		echo "libpython3.11-testsuite is not installed: run scripts/setup"
		return 1
	}
}

teardown() {
	finish_all
}

# A test that hangs or crashes ends the run: it goes on with the next one.
run_module() {
	local tries results=$BATS_TEST_TMPDIR/$mode.results out=$BATS_TEST_TMPDIR/$mode.out

	mkdir -p "$BATS_TEST_TMPDIR/$mode"
	cd "$BATS_TEST_TMPDIR/$mode"
	for ((tries = 0; tries < 10; tries++)); do
		timeout -k 5 150 setsid "${under[@]}" "$python" "$real_root/tests/real/cpython_run.py" \
			"$1" "$results" 40 </dev/null >"$out" 2>&1 3>&- || true
		! grep -qx complete "$out" || return 0
	done
	echo "$1 does not come to its end ($mode)" >&2
	tail -n 20 "$out" >&2
	return 1
}

# NAME RESULT for each test, sorted by name.
outcome() {
	awk '$1 == "start" { result[$2] = "ended"; next } { result[$2] = $1 }
		END { for (name in result) print name, result[name] }' "$1" | LC_ALL=C sort
}

compare() {
	local file=$BATS_TEST_TMPDIR/$1

	outcome "$BATS_TEST_TMPDIR/native.results" >"$file.native"
	outcome "$BATS_TEST_TMPDIR/greenshim.results" >"$file.greenshim"
	LC_ALL=C join -a 1 -a 2 -e - -o 0,1.2,2.2 "$file.native" "$file.greenshim" |
		awk '$2 != $3' >"$file.differs"
	grep "^test\.$1\." "$real_root/tests/real/cpython-differences.txt" |
		awk '{ print $1, $2, $3 }' | LC_ALL=C sort >"$file.listed" || true
	diff "$file.listed" "$file.differs" && return
	echo "differences listed (<) and found (>) are not the same:"
	while read -r _ name _; do
		grep "^[a-z]* $name .*" "$BATS_TEST_TMPDIR/greenshim.results" || true
	done < <(diff "$file.listed" "$file.differs" | grep '^>')
	return 1
}

both_ways() {
	mode native
	run_module "$1" &
	mode greenshim
	begun+=($!)
	run_module "$1"
	wait "${begun[0]}"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/native.results")" -ge "$2" ]
	compare "$1"
}

@test "CPython's test_thread" {
	both_ways test_thread 40
	check_stats 80
}

@test "CPython's test_threading" {
	both_ways test_threading 300
	check_stats 100
}

@test "CPython's test_queue" {
	both_ways test_queue 90
	check_stats 20
}

@test "CPython's test_socketserver" {
	both_ways test_socketserver 30
	check_stats 10
}

@test "CPython's test_threading_local" {
	both_ways test_threading_local 30
	check_stats 10
}

@test "CPython's test_httpservers" {
	both_ways test_httpservers 80
	check_stats 10
}

@test "CPython's test_subprocess" {
	both_ways test_subprocess 400
	check_stats 10
}

@test "CPython's test_fork1" {
	both_ways test_fork1 8
}

@test "CPython's test_select" {
	both_ways test_select 10
}

@test "CPython's test_poll" {
	both_ways test_poll 10
}

@test "CPython's test_epoll" {
	both_ways test_epoll 18
}
