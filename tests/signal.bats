# Signals: what a program sees under greenshim is what it sees natively.

load helpers

@test "signals: masks, pending sets and directed signals are each thread's own" {
	both signal_mask
}

@test "signals: EINTR where Linux gives it, with and without SA_RESTART" {
	both signal_eintr
}

@test "signals: sigwait, sigwaitinfo, sigtimedwait, signalfd" {
	both signal_wait
}

@test "signals: sigsuspend, pause, and the masks of ppoll, pselect and epoll_pwait" {
	both signal_suspend
}

@test "signals: order, sa_mask, alternate stacks, jumps and contexts of handlers" {
	both signal_handler
}

@test "signals: alarm, setitimer, timer_create" {
	both signal_timer
}

@test "signals: which calls a stop of the process ends, once it goes on" {
	both signal_stop
	assert_parked epoll_wait
	assert_parked rt_sigtimedwait
}

@test "signals: the older functions, BSD's and System V's; sets; messages" {
	both signal_old
}

@test "signals: queued ones: order, what they say, their limit, overruns of timers, masks that open them inside" {
	both signal_queue
}

@test "signals: a thread's number for kill, sigqueue and their like; the signals of descriptors for a thread" {
	both signal_owner
}

@test "signals: what is pending where a thread executes a program, and where that fails" {
	compare signal_exec
}

@test "signals: POSIX timers of each clock, each way to be told, and what is wrong with them" {
	both timer_kinds
	assert_parked rt_sigtimedwait
}

@test "signals: a jump out of a handler across each kind of blocked call" {
	both signal_jump
}

@test "signals: what children inherit by fork, vfork, posix_spawn and exec" {
	compare signal_child # it ends by exec, its statistics with it
}

@test "signals: what waits for signals, children and readiness in every way: signals, cancellation, handlers, many" {
	limit=120 both every_signal
}

@test "signals: cancellation of parked calls" {
	both signal_cancel
}

@test "signals: servers with a signal thread, or with main alone unblocked; default actions" {
	both signal_daemon
}

@test "signals: what is ignored, faults too, is so for children and programs that are executed" {
	compare signal_ignored # it ends by exec, its statistics with it
	GREENSHIM_SYSCALLS=all compare signal_ignored
}

@test "signals: what is pending before there are threads is one thread's or the process's" {
	both signal_before
}

@test "signals: a thread that may not read the time stamp counter" {
	both signal_counter
}

@test "signals: bad pointers are EFAULT, bad accesses are faults" {
	both signal_fault
}

@test "signals: a filter and its SIGSYS handler meet the program's own calls alone, whatever it refuses" {
	both signal_filter
}

@test "signals: breakpoints, privileged and undefined instructions are their own thread's, and deadly without a handler" {
	both signal_trap
}

@test "signals: the end of a stack is told apart, and is nobody else's matter" {
	ulimit -c "$(ulimit -H -c)"
	both stack_overflow
	refute grep -q overflowed "$BATS_TEST_TMPDIR/native.err"
	# By each death but main's and the bad pointer's, once by each thread that recovers.
	[ "$(grep -c '^greenshim: greenlet #[0-9]* tid [0-9]* "stack_overflow" has overflowed its stack of .* KiB (--stack' \
		"$BATS_TEST_TMPDIR/greenshim.err")" -eq 9 ]
	[ "$(grep -c 'stack of 64 KiB' "$BATS_TEST_TMPDIR/greenshim.err")" -eq 2 ]
	[ "$(wc -l <"$BATS_TEST_TMPDIR/greenshim.err")" -eq 9 ]
	GREENSHIM_STACK=512k run_under larger "$(program_of stack_overflow)"
	grep -q 'stack of 512 KiB' "$BATS_TEST_TMPDIR/larger.err"
}

@test "signals: faults of each kind, and each death by a default action, its core too" {
	both signal_kinds
}

@test "signals: coroutines of the program's own that block, are interrupted, move to another thread, and fault" {
	both context_switch
}

@test "signals: thousands of faults while others want the CPU" {
	both signal_faults
}

@test "signals: handlers that park, fork, leave the thread or switch contexts; set*id; many at once; no cost when idle" {
	both signal_nested
}
