# suites.bash - test suites that others wrote, run natively and under greenshim, and each of their tests' results compared.
#
# A suite is a function run_SUITE UNIT: it runs one of the suite's programs in the test's mode and appends to $results
# lines `start NAME` and `RESULT NAME [why]`. prefix_SUITE UNIT tells how the names begin. What differs must stand in
# differences.txt, and what stands there must differ. Names that do not agree are run again, alone, twice: a loaded or
# slow machine fails tests that measure time. What never agreed in three runs is a difference.

# shellcheck source=tests/real/helpers.bash
source "$(dirname "${BASH_SOURCE[0]}")/helpers.bash"

suites_setup_file() {
	local library=$real_tools/companion.so

	real_setup_file "$@"
	if [ ! "$library" -nt "$real_root/tests/real/companion.c" ]; then
		${CC:-cc} -std=c11 -O2 -fPIC -shared -pthread -o "$library.$$" "$real_root/tests/real/companion.c"
		mv "$library.$$" "$library"
	fi
}

teardown() {
	finish_all
}

# in_session SECONDS COMMAND...: in the test's mode, in a session of its own, of which nothing is left.
in_session() {
	local limit=$1 status=0 session

	shift
	setsid env --default-signal=INT,QUIT timeout -k 5 "$limit" "${with[@]}" "${under[@]}" "$@" </dev/null 3>&- &
	session=$!
	wait "$session" || status=$?
	pkill -9 -s "$session" || true
	return "$status"
}

# Every process of the program has a second thread: tests/real/companion.c.
with_companion() {
	with=(env LD_PRELOAD="$real_tools/companion.so")
}

run_unit() {
	local with=()

	results=$BATS_TEST_TMPDIR/$mode.results
	mkdir -p "$BATS_TEST_TMPDIR/$mode"
	cd "$BATS_TEST_TMPDIR/$mode" || return 1
	"run_$1" "$2" >"$BATS_TEST_TMPDIR/$mode.out" 2>&1 || {
		echo "$2 failed to run ($mode)"
		tail -n 20 "$BATS_TEST_TMPDIR/$mode.out"
		return 1
	}
}

# NAME RESULT for each test, sorted by name.
outcome() {
	awk '$1 == "start" { result[$2] = "ended"; next } { result[$2] = $1 }
		END { for (name in result) print name, result[name] }' "$1" | LC_ALL=C sort
}

# Lines `> NAME` that differ and are not listed, and `< NAME` that are listed and do not differ.
wrong() {
	local file=$BATS_TEST_TMPDIR/compare

	outcome "$BATS_TEST_TMPDIR/native.results" >"$file.native"
	outcome "$BATS_TEST_TMPDIR/greenshim.results" >"$file.greenshim"
	LC_ALL=C join -a 1 -a 2 -e - -o 0,1.2,2.2 "$file.native" "$file.greenshim" | awk '$2 != $3' >"$file.differs"
	awk -v prefix="$1" 'index($1 " ", prefix) == 1 { print $1, $2, $3 }' "$real_root/tests/real/differences.txt" |
		LC_ALL=C sort >"$file.listed"
	diff "$file.listed" "$file.differs" | sed -n 's/^\([<>]\) \(\S*\).*/\1 \2/p' | LC_ALL=C sort -u
}

forget() {
	local side

	for side in native greenshim; do
		awk 'NR == FNR { again[$2]; next } !($2 in again)' "$BATS_TEST_TMPDIR/wrong" "$BATS_TEST_TMPDIR/$side.results" \
			>"$BATS_TEST_TMPDIR/$side.kept"
		mv "$BATS_TEST_TMPDIR/$side.kept" "$BATS_TEST_TMPDIR/$side.results"
	done
}

run_again() {
	local before=$BATS_TEST_TMPDIR/wrong.before

	echo "# $2 once more: $(cut -d ' ' -f 2 "$BATS_TEST_TMPDIR/wrong" | head -n 4 | tr '\n' ' ')" >&3
	cp "$BATS_TEST_TMPDIR/wrong" "$before"
	forget
	mode native
	run_unit "$1" "$2"
	mode greenshim
	run_unit "$1" "$2"
	wrong "$3" | LC_ALL=C comm -12 "$before" - >"$BATS_TEST_TMPDIR/wrong"
}

explain() {
	local sign name

	while read -r sign name; do
		if [ "$sign" = '<' ]; then
			echo "$name is listed in differences.txt and does not differ"
		else
			echo "$name differs:"
			grep "^[a-z]* $name\( .*\)\?$" "$BATS_TEST_TMPDIR"/{native,greenshim}.results |
				sed "s,^$BATS_TEST_TMPDIR/,  ,; s/\.results//" || true
		fi
	done <"$BATS_TEST_TMPDIR/wrong"
}

# For `make suites`: a line for each unit; the figures of --stats are those of its test so far.
report() {
	[ -n "${SUITES_REPORT-}" ] || return 0
	printf '%-48s %5d results %3d differ %3d wrong so far %6d threads %6d offloaded %8.0f ms hub blocked\n' "$1" \
		"$(wc -l <"$BATS_TEST_TMPDIR/compare.greenshim")" "$(wc -l <"$BATS_TEST_TMPDIR/compare.differs")" \
		"$(wc -l <"$BATS_TEST_TMPDIR/wrong")" "$(stat_of threads_made)" "$(stat_of offloaded)" \
		"$(stat_of hub_blocked_ns)e-6" >>"$SUITES_REPORT"
}

# both_ways SUITE LEAST UNIT...: each unit tells of LEAST tests, and they agree. One that does not keeps none from its run.
both_ways() {
	local suite=$1 least=$2 unit prefix tries native failed=0

	shift 2
	for unit in "$@"; do
		prefix=$("prefix_$suite" "$unit")
		rm -f "$BATS_TEST_TMPDIR"/*.results
		mode native
		run_unit "$suite" "$unit" &
		native=$!
		mode greenshim
		run_unit "$suite" "$unit" || failed=1
		wait "$native" || failed=1
		wrong "$prefix" >"$BATS_TEST_TMPDIR/wrong"
		for ((tries = 0; tries < 2; tries++)); do
			[ -s "$BATS_TEST_TMPDIR/wrong" ] || break
			run_again "$suite" "$unit" "$prefix" || failed=1
		done
		report "$suite $unit"
		explain
		[ ! -s "$BATS_TEST_TMPDIR/wrong" ] || failed=1
		[ "$(grep -vc ' ended$' "$BATS_TEST_TMPDIR/compare.native")" -ge "$least" ] || {
			echo "$unit tells of too few tests:"
			cat "$BATS_TEST_TMPDIR/compare.native"
			failed=1
		}
	done
	return "$failed"
}

# --- CPython: a module of its tests; with + after its name, each of its processes has a second thread.

setup_cpython() {
	suites_setup_file "$python"
	"$python" -c 'import test.test_threading' || {
		echo "libpython3.11-testsuite is not installed: run scripts/setup"
		return 1
	}
}

prefix_cpython() {
	echo "test.${1%+}."
}

# A test that hangs or crashes ends the run: it goes on with the next one.
run_cpython() {
	local tries

	[ "$1" = "${1%+}" ] || with_companion
	for ((tries = 0; tries < 20; tries++)); do
		in_session "${seconds_in_all:-200}" "$python" "$real_root/tests/real/cpython_run.py" "${1%+}" "$results" \
			"${seconds_each:-60}" >"$results.out" 2>&1 || true
		! grep -qx complete "$results.out" || return 0
		cat "$results.out"
	done
	return 1
}

# --- stress-ng: STRESSOR:OPERATIONS or STRESSOR:SECONDSs, verified; each of its processes has a second thread.

prefix_stress_ng() {
	echo "stress-ng/${1%:*} "
}

run_stress_ng() {
	local name=${1%:*} ops=${1#*:} status=0 files=$BATS_TEST_TMPDIR/$mode.files limits

	limits=("--$name-ops" "$ops" -t 60)
	[ "$ops" = "${ops%s}" ] || limits=(-t "$ops")
	mkdir -p "$files"
	with_companion
	echo "start stress-ng/$name" >>"$results"
	in_session 120 stress-ng --"$name" 1 "${limits[@]}" --verify --metrics-brief --temp-path "$files" \
		>"$results.out" 2>&1 || status=$?
	rm -rf "$files"
	awk -v status="$status" -v name="$name" -v ops="$ops" '
		$1 == "stress-ng:" && $2 == "metrc:" && $4 == name && $5 ~ /^[0-9]+$/ && !done { done = $5 }
		$2 == "fail:" && why == "" { why = substr($0, index($0, $4)) }
		END {
			word[2] = "fail"
			word[3] = "resources"
			word[4] = "unknown"
			word[0] = done < (ops ~ /s$/ ? 1 : ops + 0) ? "short" : "ok"
			print (status in word ? word[status] : "status-" status), "stress-ng/" name, why
		}' "$results.out" >>"$results" || return 1
	cat "$results.out"
}

# --- GLib and those that install their tests as it does: SUITE/PROGRAM, which speaks TAP.

prefix_installed() {
	echo "$1/"
}

run_installed() {
	local command status=0

	command=$(sed -n 's/^Exec=//p' "/usr/share/installed-tests/$1.test")
	echo "start $1/end" >>"$results"
	# shellcheck disable=SC2086,SC2016 # the command is words; $@ is the inner shell's
	HOME=$PWD XDG_RUNTIME_DIR=$PWD in_session 240 dbus-run-session -- $command --tap >"$results.out" 2>&1 || status=$?
	sed -n "s,^ok [0-9]* \(\S*\).*# SKIP\(.*\),skip $1\1\2,p;t;s,^\(not \)\?ok [0-9]* \(\S*\).*,\1ok $1\2,p" "$results.out" |
		sed 's/^not ok /fail /; s/seed:[0-9]*$/seed/' >>"$results"
	echo "status-$status $1/end" >>"$results"
	cat "$results.out"
}

# --- rt-tests: a command line, told by its end; what it measures is not compared.

prefix_rt() {
	echo "rt-tests/${1// /_} "
}

run_rt() {
	local command status=0

	read -ra command <<<"$1"
	echo "start rt-tests/${1// /_}" >>"$results"
	in_session 120 "${command[@]}" >"$results.out" 2>&1 || status=$?
	echo "status-$status rt-tests/${1// /_}" >>"$results"
	cat "$results.out"
}
