#!/usr/bin/env bats
# What a program finds when there are no descriptors, no memory or no threads left; greenshim wants some itself.

load helpers

@test "exhaustion: descriptors, for what is made and for what waits" {
	both exhaust_fds
}

@test "exhaustion: descriptors, before the first thread: the program runs natively" {
	compare exhaust_fds early
	grep -qx 'greenshim: no hub: Too many open files; the program runs natively' "$BATS_TEST_TMPDIR/greenshim.err"
}

@test "exhaustion: descriptors, with a few left for the first thread" {
	both exhaust_fds few
}

@test "exhaustion: address space, with threads on stacks of the program's" {
	both exhaust_memory
	assert_parked poll
	assert_parked pselect6
}

@test "exhaustion: threads, where a helper would be needed" {
	compare exhaust_threads
	# Not root any more, it can write its figures nowhere else.
	GREENSHIM_STATS=stderr run_natively figures "$greenshim" "$(program_of exhaust_threads)"
	grep -qx 'os_threads 1' "$BATS_TEST_TMPDIR/figures.err"
	grep -qE '^parks.flock ([3-9]|[1-9][0-9])' "$BATS_TEST_TMPDIR/figures.err"
}
