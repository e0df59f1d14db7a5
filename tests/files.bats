#!/usr/bin/env bats
# Calls on files: what waits for a disk, made by the kernel directly or by helpers (--files pool). The file system that
# takes its time is a FUSE server of the test's own; where none can be mounted those tests are skipped.

load helpers

@test "files: positions, appending, cold pages, errors, SIGXFSZ" {
	both file_basic
}

@test "files: the same by helpers" {
	GREENSHIM_FILES=pool both file_basic
	assert_stat offloaded 3000
}

@test "files: names, modes, sizes, contents, directly and by helpers" {
	both file_names
	GREENSHIM_FILES=pool both file_names
	assert_stat offloaded 40
}

@test "files: by helpers, fsync in one thread stops no other" {
	GREENSHIM_FILES=pool both file_slow sync
	assert_stat offloaded 2
}

@test "files: by helpers, no call stops others; signals, cancellation, fork, close meanwhile" {
	GREENSHIM_FILES=pool both file_slow
	assert_parked read 5
	assert_parked write
}

@test "files: exit and exec while a helper is in a call" {
	GREENSHIM_FILES=pool both file_slow exit
	GREENSHIM_FILES=pool compare file_slow exec
}

@test "files: by helpers, an open that waits for another process's lease stops no other" {
	GREENSHIM_FILES=pool both file_basic lease
}

@test "files: what is in the page cache is read without helpers" {
	GREENSHIM_FILES=pool both file_cached
	[ "$(stat_of offloaded)" -lt 50 ] || { show && false; }
}

@test "files: other suites' programs with helpers" {
	export GREENSHIM_FILES=pool
	for program in io_pipe io_fifo io_event io_splice fd_close fd_flags stdio_wait process_fork process_system \
		cancel_points signal_eintr name_basic calls_rare; do
		both $program
	done
}

@test "files: --files takes direct or pool" {
	run "$greenshim" --files pool true
	[ "$status" -eq 0 ]
	run "$greenshim" --files both true
	[ "$status" -eq 2 ]
	GREENSHIM_FILES=both run "$greenshim" "$programs/thread_basic"
	[[ $output == *"GREENSHIM_FILES=both is ignored: expected direct or pool"* ]]
}
