#!/usr/bin/env bats
# Larger runtimes with threads of their own, and what looks closely at threads or the kernel: `make suites`.

load ../helpers

setup_file() {
	"$real_root/scripts/setup" runtimes
	real_setup_file fio gnatmake guile sbcl swipl valgrind
}

teardown() {
	finish_all
}

@test "sbcl: breakpoints, collections that signals begin, guarded stacks" {
	same_output 17 sbcl --noinform --disable-debugger --load "$real_root/tests/real/threads.lisp"
	[ "$threads" -eq 1 ]
}

@test "guile: threads, futures, cancellation" {
	same_output 18 guile --no-auto-compile "$real_root/tests/real/threads.scm"
	[ "$threads" -eq 1 ]
}

@test "swi-prolog: workers, queues, signals and limits of time" {
	same_output 15 swipl -g main "$real_root/tests/real/threads.prolog"
	[ "$threads" -eq 1 ]
}

@test "gnat: tasks, protected objects, selects with delays, aborts, the end of a stack" {
	(cd "$BATS_TEST_TMPDIR" && gnatmake -q -O1 "$real_root/tests/real/tasks.adb")
	same_output 15 "$BATS_TEST_TMPDIR/tasks"
	[ "$threads" -eq 1 ]
}

# fio checks what it has written.
@test "fio: threads with every engine, and what they wrote" {
	cd "$BATS_TEST_TMPDIR"
	for engine in psync pvsync2 libaio io_uring posixaio; do
		same_output 4 fio --thread --numjobs=3 --ioengine=$engine --iodepth=8 --rw=randrw --size=1m --bs=4k \
			--name=job --verify=crc32c --verify_state_save=0 --output=fio.out
		rm -f job.*
	done
}

@test "valgrind: the program runs natively in it, and one line says so" {
	local program=${BUILD:-$real_root/build}/tests/programs/launcher_hello

	mode native
	under valgrind -q "$program" 5 3 >"$BATS_TEST_TMPDIR/native.out" && return 1
	mode greenshim
	under valgrind -q "$program" 5 3 >"$BATS_TEST_TMPDIR/greenshim.out" 2>"$BATS_TEST_TMPDIR/greenshim.err" && return 1
	cd "$BATS_TEST_TMPDIR"
	diff native.out greenshim.out
	cat greenshim.err
	[ "$(grep -c '; the program runs natively$' greenshim.err)" -eq 1 ]
}
