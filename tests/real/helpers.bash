# helpers.bash - real programs, run natively and under greenshim by the same code.
#
# A test calls `mode native`, `mode greenshim` or `mode default`, starts servers with `begin`,
# loads them with `drive`, ends the one under test with `finish`. Whatever a
# test started is gone after `teardown`.

# shellcheck disable=SC2034 # several of these are for those who source this

real_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
real_tools=${BUILD:-$real_root/build}/tests/real
python=/usr/bin/python3
begun=()

# Compiles the client and its companions if they are older than their source.
real_build() {
	local here=$real_root/tests/real

	mkdir -p "$real_tools"
	(
		flock 9
		set -e
		cd "$here"
		if [ ! "$real_tools/client" -nt client.c ] || [ ! "$real_tools/client" -nt exchange.c ] ||
			[ ! "$real_tools/client" -nt exchange.h ]; then
			${CC:-cc} -std=c11 -O2 -o "$real_tools/client" client.c exchange.c -lssl -lcrypto
		fi
		for tool in origin watch; do
			if [ ! "$real_tools/$tool" -nt $tool.c ]; then
				${CC:-cc} -std=c11 -O2 -o "$real_tools/$tool" $tool.c
			fi
		done
	) 9>"$real_tools/.lock"
}

# For setup_file: the tools, the files to serve, and the programs a file needs.
real_setup_file() {
	local program

	for program in "$@"; do
		if ! PATH=$PATH:/usr/sbin type -P "$program" >/dev/null; then
			echo "$program is not installed: run scripts/setup" >&2
			return 1
		fi
	done
	ulimit -n "$(ulimit -Hn)"
	real_build
	export PATH=$PATH:/usr/sbin
	export www=$BATS_FILE_TMPDIR/www
	mkdir -p "$www"
	head -c 1024 /dev/urandom >"$www/small"
	head -c 200000 /dev/urandom >"$www/large"
	chmod -R a+rX "$BATS_FILE_TMPDIR" "$BATS_RUN_TMPDIR"
}

# mode native|greenshim|default: what `begin` and `under` put before the command. greenshim: on one OS thread, unless
# GREENSHIM_HUBS says how many. default: on as many as it finds work for.
mode() {
	local hubs=${GREENSHIM_HUBS:-1}

	mode=$1
	os_threads_max=$hubs
	stats=$BATS_TEST_TMPDIR/stats
	mkdir -p "$stats"
	if [ "$mode" = native ]; then
		under=(env)
	else
		if [ "$mode" = default ]; then
			mode=greenshim
			hubs=auto
			os_threads_max=$(nproc)
		fi
		under=(env "GREENSHIM_STATS=$stats/%p" "GREENSHIM_HUBS=$hubs" "${GREENSHIM:-$real_root/scripts/greenshim}")
	fi
}

# Runs a command in the foreground in the test's mode; its OS threads then are
# in $threads (not where it runs in a pipe).
under() {
	local status=0

	"$real_tools/watch" "$BATS_TEST_TMPDIR/watch" 0 timeout -k 5 "${limit:-100}" \
		"${under[@]}" "$@" || status=$?
	threads=$(sed -n 's/^threads_max //p' "$BATS_TEST_TMPDIR/watch")
	return "$status"
}

# Starts a program in the background in a session of its own. bash starts it
# with SIGINT ignored, which env undoes: its own stop signal must reach it.
# Its number goes to $pid; its output to files named after it.
begin_with() {
	local name=$1

	shift
	setsid env --default-signal=INT,QUIT "$@" </dev/null >"$BATS_TEST_TMPDIR/$name.out" \
		2>"$BATS_TEST_TMPDIR/$name.err" 3>&- &
	pid=$!
	begun+=("$pid")
}

begin() {
	local name=$1

	shift
	begin_with "$name" "${under[@]}" "$@"
}

begin_natively() {
	local keep=${pid-} name=$1

	shift
	begin_with "$name" "$@"
	helper_pid=$pid
	pid=$keep
}

# The small server of tests/real/origin.c; its port goes to $origin_port.
begin_origin() {
	local tries

	begin_natively origin "$real_tools/origin" "$@"
	for ((tries = 0; tries < 100; tries++)); do
		origin_port=$(cat "$BATS_TEST_TMPDIR/origin.out")
		[ -z "$origin_port" ] || return 0
		sleep 0.05
	done
	return 1
}

is_listening() {
	(exec 8<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

free_port() {
	local tries port

	for ((tries = 0; tries < 50; tries++)); do
		port=$((20000 + RANDOM % 12000))
		if ! is_listening "$port"; then
			echo "$port"
			return 0
		fi
	done
	return 1
}

is_running() {
	local state

	state=$(sed -n 's/^State:\s*\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null) || return 1
	[ -n "$state" ] && [ "$state" != Z ]
}

show_output() {
	local file

	for file in "$BATS_TEST_TMPDIR"/*.out "$BATS_TEST_TMPDIR"/*.err; do
		[ -s "$file" ] || continue
		echo "--- ${file##*/}"
		tail -n 20 "$file"
	done
}

wait_for_port() {
	local tries

	for ((tries = 0; tries < 300; tries++)); do
		if ! is_running "$pid"; then
			echo "the server ended before it listened"
			show_output
			return 1
		fi
		if is_listening "$1"; then
			return 0
		fi
		sleep 0.1
	done
	echo "the server does not listen"
	show_output
	return 1
}

# drive [client's options] HOST PORT CONNECTIONS ROUNDS ...: loads the server
# in $pid; its OS threads then are in $threads.
drive() {
	watched "$real_tools/client" "$@"
}

watched() {
	if ! "$real_tools/watch" "$BATS_TEST_TMPDIR/watch" "$pid" timeout -k 5 "${limit:-100}" "$@" \
		>"$BATS_TEST_TMPDIR/load.out" 2>"$BATS_TEST_TMPDIR/load.err"; then
		echo "failed ($mode): ${*:1:12}"
		show_output
		return 1
	fi
	threads=$(sed -n 's/^threads_max //p' "$BATS_TEST_TMPDIR/watch")
}

# Natively the load should make about this many OS threads, and must make
# a fourth of them, on a busy machine, or it proves nothing; under greenshim
# they are all greenlets of one, or of as few as mode says.
check_threads() {
	if [ "$mode" = native ]; then
		[ "$threads" -ge $(($1 / 4)) ] || echo "only $threads OS threads natively, not $1"
		[ "$threads" -ge $(($1 / 4)) ]
	else
		[ "$threads" -le "$os_threads_max" ] || echo "$threads OS threads under greenshim"
		[ "$threads" -le "$os_threads_max" ]
	fi
}

# The CPU time of the processes that were begun as $pid, in ticks (proc(5)).
ticks() {
	cat /proc/[0-9]*/stat 2>/dev/null | awk -v session="$pid" '{
		sub(/^.*\) /, "")
		if ($4 == session)
			sum += $12 + $13
	} END { print sum + 0 }'
}

# Without a load the server comes to rest: a twentieth of a CPU is too much.
check_idle() {
	local tries before after

	for ((tries = 0; tries < 40; tries++)); do
		before=$(ticks)
		sleep 0.5
		after=$(ticks)
		[ $((after - before)) -gt 2 ] || return 0
	done
	echo "$((after - before)) ticks in half a second without a load ($mode)"
	return 1
}

# finish SIGNAL STATUS: stops the server in $pid, idle again, with its own stop
# signal.
finish() {
	check_idle
	kill "-$1" "$pid"
	await_end "$2"
}

# await_end STATUS: the program in $pid ends by itself, with this status.
await_end() {
	local tries status=0

	for ((tries = 0; tries < ${limit:-20} * 10; tries++)); do
		is_running "$pid" || break
		sleep 0.1
	done
	if is_running "$pid"; then
		echo "still running ($mode): $pid"
		show_output
		return 1
	fi
	wait "$pid" || status=$?
	if [ "$status" -ne "$1" ]; then
		echo "exit status is $status, not $1 ($mode)"
		show_output
		return 1
	fi
}

# The sum of one key over the statistics of all processes of the test.
stat_of() {
	cat "$stats"/* 2>/dev/null | awk -v key="$1" '$1 == key { n += $2 } END { printf "%.0f\n", n }'
}

# The threads really were greenlets, and they really switched.
check_stats() {
	[ "$mode" = greenshim ] || return 0
	if [ "$(stat_of threads_made)" -lt "${1:-1}" ] || [ "$(stat_of switches)" -lt 1 ]; then
		echo "threads_made $(stat_of threads_made), switches $(stat_of switches)"
		return 1
	fi
}

# For teardown: ends every session that the test began.
finish_all() {
	local session

	for session in "${begun[@]}"; do
		kill -9 -- "-$session" 2>/dev/null || true
		wait "$session" 2>/dev/null || true
	done
}

# For setup_file: a certificate of our own, ECDSA so that handshakes are cheap.
make_certificate() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
		-subj /CN=localhost -keyout "$BATS_FILE_TMPDIR/key.pem" \
		-out "$BATS_FILE_TMPDIR/cert.pem" 2>"$BATS_FILE_TMPDIR/openssl.err"
}

# same_output THREADS COMMAND...: by both, compared, and the exit status too; the program makes that many threads at least.
same_output() {
	local made=$1 how status native=

	shift
	for how in native greenshim; do
		mode $how
		status=0
		under "$@" >"$BATS_TEST_TMPDIR/$how.out" 2>"$BATS_TEST_TMPDIR/$how.err" || status=$?
		if [ "$status" -ge 124 ] || [ "$status" -ne "${native:-$status}" ]; then
			echo "exit status natively ${native:-$status}, under greenshim $status"
			show_output
			return 1
		fi
		native=$status
	done
	diff "$BATS_TEST_TMPDIR/native.out" "$BATS_TEST_TMPDIR/greenshim.out"
	check_stats "$made"
}

skip_without() {
	type -P "$1" >/dev/null || skip "$1 is not on this machine"
}
