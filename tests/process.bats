# Children, programs, locks, and what belongs to each thread: as natively, and no thread stops another.

load helpers

@test "process: system, popen, posix_spawn and vfork in one thread do not stop another" {
	both process_system
}

@test "process: children of vfork, clone and posix_spawn whose exec or end waits for another thread" {
	both process_beside
}

@test "process: posix_spawn with every attribute and file action, from a thread, while others wait" {
	both process_spawn
}

@test "process: fork from any thread; the child makes threads and children of its own" {
	both process_fork
}

@test "process: setuid and its like change every thread, and interrupt what it waits in" {
	both process_ids
}

@test "process: exec from a thread, exec that fails" {
	both process_exec
}

@test "process: wait for one child, any, a group, stopped ones; from several threads; signals" {
	both process_wait
}

@test "process: a thread traces its child, by each way to wait" {
	both process_trace
}

@test "process: children that share the memory and run beside it" {
	both process_share
}

@test "locks: flock, F_SETLKW, F_OFD_SETLKW between processes and threads" {
	both lock_two
}

@test "ipc: System V semaphores and queues, POSIX queues" {
	both ipc_sysv
}

@test "process: the ways to end, with handlers that block, while others are parked, spin or hold locks" {
	compare exit_ways
}

@test "process: daemons, by daemon and by two forks, before and after threads and by a thread" {
	both process_daemon
}

@test "ipc: System V shared memory, other processes' memory, wait3" {
	both ipc_shm
}

@test "rare calls: the names for large files, file handles, watches, urgent data" {
	both calls_large
}

@test "ipc: POSIX queues: notification, attributes, limits of time, priorities, errors" {
	both ipc_mqueue
}

@test "ipc: asynchronous i/o of POSIX: each operation, each way to be told, cancellation, lists" {
	both ipc_aio
}

@test "ipc: semaphores, queues and locks in every way: signals, cancellation, handlers, many, in a child" {
	limit=120 both every_ipc
}

@test "threads: names, CPUs, policies and niceness are each thread's own" {
	both sched_own
}

@test "threads: a child and a program inherit what the thread has that makes or executes them" {
	both sched_child
}

@test "threads: their numbers where calls take those of processes; what several threads forbid" {
	both thread_numbers
}

@test "memory: what was unmapped stays free while threads wait" {
	both memory_free
}

@test "threads: those that compute share the CPU by their niceness" {
	both sched_share
}

@test "membarrier: the global one stops no other thread" {
	both memory_barrier
}

@test "rare calls: credentials, scheduling, exec by descriptor, openat2, pwritev2, semop, tkill" {
	both calls_rare
}

@test "process: seccomp filters of one thread and of all, who inherits them, and that the others go on" {
	both process_sandbox
}

@test "process: what seccomp filters answer, whom they end, and what is no filter" {
	both process_verdicts
}

@test "process: the same filters where what is made at run time is watched too, and with a turn every millisecond" {
	for program in process_sandbox process_verdicts; do
		GREENSHIM_SYSCALLS=all both $program
		GREENSHIM_PREEMPT=1 both $program
	done
}

# Its threads are the kernel's: a filter may kill for what greenshim calls.
@test "process: threads after a seccomp filter that kills for what the program does not call" {
	local way

	for way in seccomp prctl neither child; do
		compare process_filter $way
		cat "$BATS_TEST_TMPDIR/greenshim.out"
		[ "$(wc -l <"$BATS_TEST_TMPDIR/greenshim.err")" -eq 1 ]
		grep '^greenshim: the program filters its system calls: .*; the program runs natively$' "$BATS_TEST_TMPDIR/greenshim.err"
	done
}
