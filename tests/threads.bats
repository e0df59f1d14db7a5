# pthreads as glibc has it: the same natively and with greenlets for threads, on one OS thread.

load helpers

@test "threads: results, thread-local storage, errno, registers, locales, jumps, deep stacks" {
	both thread_basic
	assert_stat threads_made 185
	assert_switched 1000
	assert_os_threads_one
}

@test "threads: two thousand at once, twenty thousand in turn" {
	both thread_many
	assert_stat threads_made 22000
	assert_stat threads_most_alive 2001
	assert_os_threads_one
}

@test "threads: small stacks, and stacks of the program's" {
	both thread_stack
	assert_switched 200
	assert_os_threads_one
}

@test "stacks: sizes and guards, used again, locked, limited, changed, in children" {
	both thread_guards
}

# Guards that are no mappings of their own: Linux 6.13.
@test "stacks: nothing of another thread in one's own variables, little in memory, one at a time and in batches" {
	both thread_leftovers
}

@test "threads: more than the kernel has mappings for" {
	both thread_crowd
	printf '%s\n' 6.13 "$(uname -r)" | sort -CV || skip "this kernel has no guards for them"
	run_under crowd "$(program_of thread_crowd)" 40000
	show
	[ "$(cat "$BATS_TEST_TMPDIR/crowd.out")" = "40000 joined, sum 799980000" ]
	assert_os_threads_one
}

@test "threads: attributes, defaults, affinity, scheduling, signal mask" {
	both attr_basic
	assert_os_threads_one
}

@test "attributes of everything: each value, what is none, in a child" {
	both attr_all
	assert_os_threads_one
}

@test "joining: tries and deadlines, those that may not be joined, signals, cancellation, a child, main" {
	both join_all
	assert_parked futex 20
}

@test "deadlines: every call that takes one, with every clock, times past, negative and invalid" {
	both time_limits
	assert_parked futex 50
	assert_os_threads_one
}

@test "scheduling: every function, of oneself, of others, of nobody, inherited, in a child; with the right to it or not" {
	compare sched_all # whose statistics cannot be written
	both sched_all may
}

@test "CPU time: each thread's own, by clocks, rusage and others' clocks; sleeps on it; from when nobody had asked, too" {
	both thread_clocks
	both thread_clocks unasked
	GREENSHIM_PREEMPT=off both thread_clocks unasked
	assert_os_threads_one
}

@test "fork: handlers in order, locks and keys in the child" {
	both atfork_all
}

@test "threads: names of one's own and of others" {
	both name_basic
	assert_os_threads_one
}

@test "threads: the word that is cleared at the end, the robust list" {
	both thread_words
	assert_os_threads_one
}

@test "threads: detached; joins that do not wait, or not for ever" {
	both detach_basic
	assert_parked futex 5
	assert_os_threads_one
}

@test "mutexes: every type, to owner, others, tries and deadlines" {
	both mutex_kinds
	assert_parked futex 15
	assert_os_threads_one
}

@test "mutexes: contended, of every type" {
	both mutex_contend
	assert_parked futex 100
	assert_os_threads_one
}

@test "mutexes: robust, with owners that die" {
	both mutex_robust
	assert_parked futex 5
	assert_os_threads_one
}

@test "mutexes: priority inheritance and ceilings" {
	both mutex_pi
	assert_parked futex 15
	assert_os_threads_one
}

@test "mutexes: ceilings and their owners' priorities; with the right to it or not" {
	both mutex_ceiling
	compare mutex_ceiling unprivileged # whose statistics cannot be written
}

@test "futexes by syscall(2): counts, clocks, requeueing with priority inheritance, futex_waitv and what came after" {
	both futex_calls
	assert_parked futex 10
	assert_parked futex_waitv 8
}

@test "between processes: mutex, condition variable, semaphore, rwlock, barrier" {
	both mutex_shared
	assert_switched 20
}

@test "between processes: robust mutexes of threads whose process ends" {
	both mutex_heirs
}

@test "between processes: every shared object, robust owners that die; both under greenshim, or one" {
	local first second

	both shared_two
	assert_switched 100
	cd "$BATS_TEST_TMPDIR"
	for first in env "$greenshim"; do
		for second in env "$greenshim"; do
			rm -f file
			timeout -k 5 60 "$second" "$programs/shared_two" "$PWD/file" b apart >"b.${second##*/}.${first##*/}" 2>&1 3>&- &
			timeout -k 5 60 "$first" "$programs/shared_two" "$PWD/file" a apart >"a.${second##*/}.${first##*/}" 2>&1
			wait $! || true
		done
	done
	for first in a b; do
		[ -s "$first.env.env" ]
		for second in "$first".*; do
			diff "$first.env.env" "$second"
		done
	done
}

@test "condition variables: signal, broadcast, deadlines on both clocks" {
	both cond_basic
	assert_parked futex 30
	assert_os_threads_one
}

@test "semaphores: unnamed and named" {
	both sem_basic
	assert_parked futex 100
	both sem_all
}

@test "read-write locks: both preferences" {
	both rwlock_basic
	assert_parked futex 20
	assert_os_threads_one
}

@test "barriers, once, keys, spin locks" {
	local program

	for program in barrier_basic once_basic key_basic spin_basic; do
		both "$program"
		assert_os_threads_one
	done
}

@test "all that waits in pthreads, semaphores and C11 threads: signals, cancellation, in handlers, many, in a child" {
	both every_thread
	assert_parked futex 300
	assert_os_threads_one
}

@test "cancellation at each kind of cancellation point" {
	both cancel_points
	assert_parked futex 5
	assert_parked read
	assert_parked accept
}

@test "cancellation at every point: pending, deferred, asynchronous; and where there is none" {
	both cancel_all
	assert_parked futex 5
}

@test "cancellation: states, types, cleanup handlers" {
	both cancel_state
	assert_os_threads_one
}

@test "ends: main by pthread_exit, exit and _exit in a thread, return" {
	both exit_main
	both exit_thread return
	both exit_thread exit
	both exit_thread _exit
}

@test "C11 threads" {
	both c11_basic
	assert_parked futex 100
	both c11_all
	assert_parked futex 20
	assert_os_threads_one
}

@test "C++: exceptions across waits, thread_local, mutexes, futures, cancellation" {
	both thread_cpp
	assert_switched 1000
	assert_os_threads_one
}

@test "C++: cancellation and pthread_exit unwind through every wait, from main too" {
	both cancel_cxx
	assert_switched 100
}

@test "C++20: latches, barriers, semaphores, stop tokens, atomics that wait, every lock with every deadline" {
	both cxx20_all
	assert_switched 500
	assert_os_threads_one
}

@test "OpenMP: loops, tasks, locks, barriers, nesting, cancellation; few and many threads, which spin or sleep" {
	local number

	for number in 1 2 16 200; do
		OMP_NUM_THREADS=$number OMP_WAIT_POLICY=active both openmp_all
		OMP_NUM_THREADS=$number OMP_WAIT_POLICY=passive OMP_CANCELLATION=true both openmp_all
	done
}

# icecast2 accepts connections before a thread that it made has set up what they need; natively that is long done.
@test "threads: a new thread starts when its creator makes a call, even one that does not block" {
	run_under early "$(program_of thread_early)"
	[ "$(cat "$BATS_TEST_TMPDIR/early.out")" = "started: 1" ]
}

@test "threads: locks go to the highest real-time priority first" {
	both mutex_priority
}

@test "threads: made behind greenshim's back, by an address from dlsym: the rest run natively too, and one line says so" {
	compare thread_behind
	[ "$(grep -cx 'greenshim: other threads run already: .*; the program runs natively' \
		"$BATS_TEST_TMPDIR/greenshim.err")" -eq 1 ]
	compare thread_behind all
	[ ! -s "$BATS_TEST_TMPDIR/greenshim.err" ]
}
