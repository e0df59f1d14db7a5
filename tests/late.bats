#!/usr/bin/env bats
# System calls in code that was not there when the first thread was made.

load helpers

# build: tests/late's library and program, here.
build_late() {
	cd "$BATS_TEST_TMPDIR"
	cc -O1 -fPIC -shared -DFROM=50 -o library.so "$root/tests/late/library.c"
	cc -O1 -pthread -DFROM=50 -o program "$root/tests/late/program.c" -ldl
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
