# libgreenlet: the programs of tests/core (each begins by saying what it is about), the examples, other CPUs.

load helpers

# check_program PROGRAM [LAUNCHER...]: it ends with status 0 (77: skipped).
check_program() {
	local program=$1

	shift
	[ -x "$program" ] || { echo "$program is not built: run make tests" && return 1; }
	run_natively "${program##*/}" "$@" "$program"
	[ "$status" -ne 77 ] || skip "$(tail -n 1 "$BATS_TEST_TMPDIR/${program##*/}.out")"
	[ "$status" -eq 0 ] || { echo "${program##*/}: exit status $status" && show && return 1; }
}

core() {
	check_program "$build/tests/core/$1"
}

# The names of all programs.
core_names() {
	local source

	for source in "$root"/tests/core/*.c "$root"/tests/core/*.cc; do
		source=${source##*/}
		echo "${source%.*}"
	done
}

# example NAME: its output is stdin's.
example() {
	run_natively "$1" "$build/tests/examples/$1"
	[ "$status" -eq 0 ] || { echo "exit status $status" && show && return 1; }
	diff - "$BATS_TEST_TMPDIR/$1.out"
	[ ! -s "$BATS_TEST_TMPDIR/$1.err" ] || { show && return 1; }
}

@test "core: rules 1-8, 13, 15, 16: values, switches, what each keeps for itself" {
	core rules_switch
}

@test "core: rules 9-12, 17, 18, 26-28: parents and deaths" {
	core rules_death
}

@test "core: rules 19-25: exceptions that are thrown, foreign ones that abort" {
	core rules_throw
}

@test "core: rules 28-34, 37: OS threads" {
	core rules_thread
}

@test "core: rules 35, 36, 38, 39: references" {
	core rules_ref
}

@test "core: rules 14, 40-46: states, frames, tracing, locals, generators" {
	core rules_state
}

@test "core: rules 15, 16, 25 in C++" {
	core rules_cxx
}

@test "core: each of the 46 rules has a test, and each program is run here" {
	local name

	for name in $(core_names); do
		"$build/tests/core/$name" --rules
		grep -qx "	core $name" "$BATS_TEST_FILENAME" || { echo "$name is not run" >&2 && return 1; }
	done | sort -nu >"$BATS_TEST_TMPDIR/tested"
	diff <(seq 46) "$BATS_TEST_TMPDIR/tested"
}

@test "core: the thread pointer, told to the kernel between any two instructions of a switch" {
	core context
}

@test "core: spawn, join, kill, links" {
	core hub_spawn
}

@test "core: sleep, fairness, idle, timeouts, callbacks, deadlocks" {
	core hub_time
}

@test "core: descriptors and the stream server" {
	core hub_fd
}

@test "core: fork" {
	core hub_fork
}

@test "core: several hubs, offloaded calls" {
	core hub_thread
}

@test "core: Event, AsyncResult, Semaphore, RLock, Condition" {
	core sync
}

@test "core: queues, groups, pools" {
	core sync_queue
}

@test "core: stacks and their guards, timers, lists, parking" {
	core parts
}

@test "core: example: two that take turns" {
	example switch <<-'END'
		12
		56
		34
	END
}

@test "core: example: values both ways" {
	example values <<-'END'
		hello world
		42
	END
}

@test "core: example: generators" {
	example generator <<-'END'
		g-r-e-e-n
		l-e-t-s
		s-w-i-t-c-h
		b-y
	END
}

@test "core: examples with the shared library" {
	local name

	for name in switch values generator; do
		cc -I"$build/include" -pthread -o "$BATS_TEST_TMPDIR/$name.so" "$root/tests/examples/$name.c" -L"$build" -lgreenlet
		LD_LIBRARY_PATH=$build "$BATS_TEST_TMPDIR/$name.so" >"$BATS_TEST_TMPDIR/$name.shared"
		diff <("$build/tests/examples/$name") "$BATS_TEST_TMPDIR/$name.shared"
	done
}

@test "core: aarch64, cross-built, under qemu-user" {
	local tool cross=aarch64-linux-gnu libev=$build/arm64-libev name programs=()

	for tool in "$cross-gcc" "$cross-g++" qemu-aarch64; do
		type -P "$tool" >/dev/null || skip "$tool is not on this machine"
	done
	"$root/scripts/fetch-arm64" "$libev" 2>"$BATS_TEST_TMPDIR/fetch.log" || skip "$(tail -n 1 "$BATS_TEST_TMPDIR/fetch.log")"
	mapfile -t programs < <(core_names | sed "s|^|$build/aarch64/tests/core/|")
	CPPFLAGS="-isystem $libev/usr/include" make -s -C "$root" BUILD="$build/aarch64" CC=$cross-gcc CXX=$cross-g++ AR=$cross-ar \
		OBJCOPY=$cross-objcopy LIBEV="$libev/usr/lib/$cross/libev.a" "$build/aarch64/libgreenlet.so" \
		"$build/aarch64/libgreenlet.a" "${programs[@]}"
	for name in "${programs[@]}"; do
		check_program "$name" qemu-aarch64 -L "/usr/$cross"
	done
}
