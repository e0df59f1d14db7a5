#!/usr/bin/env bats
# System calls in code that was not there when the first thread was made.

load helpers

# build: tests/late's library and program, here.
build_late() {
	cd "$BATS_TEST_TMPDIR"
	cc -O1 -fPIC -shared -DFROM=50 -o library.so "$root/tests/late/library.c"
	cc -O1 -pthread -D_GNU_SOURCE -DFROM=50 -o program "$root/tests/late/program.c" -ldl
}

@test "late: a library that is opened while threads run parks them, without another thread, from its constructor on" {
	build_late
	limit=30 both "$PWD/program" ./library.so
	assert_parked read 60
	assert_os_threads_one
}

@test "late: the same with a library that another one needs" {
	build_late
	echo 'extern long late_read(int, char *, long), late_begun(void);
		void *needs[] = {late_read, late_begun};' >outer.c
	cc -fPIC -shared -o outer.so outer.c ./library.so
	limit=30 both "$PWD/program" ./outer.so
	assert_parked read 60
}

@test "late: the same with a library in a list of its own (dlmopen)" {
	build_late
	limit=30 both "$PWD/program" ./library.so own
	assert_parked read 60
	assert_os_threads_one
}

@test "late: --syscalls all: calls in code that the program makes park, are interrupted, and fork" {
	GREENSHIM_SYSCALLS=all limit=30 both code_made
	assert_parked read 300
	assert_os_threads_one
}

@test "late: --syscalls all: a library with calls of its own, and one that is not there any more" {
	build_late
	GREENSHIM_SYSCALLS=all limit=30 both "$PWD/program" ./library.so
	assert_parked read 60
}

@test "late: a value of --syscalls that is unknown is named, and the program runs" {
	GREENSHIM_SYSCALLS=some run "$greenshim" "$programs/thread_basic"
	[[ $output == *"GREENSHIM_SYSCALLS=some is ignored: expected sites or all"* ]]
	run "$greenshim" --syscalls some true
	[ "$status" -eq 2 ]
}

@test "late: a library with thread-local variables whose constructor and destructor block, make threads and run programs" {
	cd "$BATS_TEST_TMPDIR"
	cc -O1 -fPIC -shared -pthread -o constructor.so "$root/tests/late/constructor.c"
	cc -O1 -pthread -o opens "$root/tests/late/opens.c" -ldl
	both "$PWD/opens" ./constructor.so
	assert_parked futex
	assert_parked read
	assert_os_threads_one
}
