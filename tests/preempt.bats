#!/usr/bin/env bats
# Threads that make no call. The whole suite again, with others let in every millisecond, is a stress of its own.

load helpers

@test "preemption: spinning on a variable, taking turns, computing, a signal to a thread that spins" {
	both preempt_spin
	assert_stat preempted 3
}

@test "preemption: every millisecond" {
	GREENSHIM_PREEMPT=1 both preempt_spin
	assert_stat preempted 30
}

@test "preemption: on the alternate stack of a program whose stack pointer no signal may use" {
	both preempt_stack
	assert_stat preempted 3
}

@test "preemption: an idle program is not interrupted, one that makes calls hardly" {
	both time_sleep
	[ "$(stat_of preempted)" -eq 0 ]
}

@test "preemption: pthreads, signals, descriptors and processes with it every millisecond" {
	export GREENSHIM_PREEMPT=1
	for program in thread_basic mutex_contend cond_basic rwlock_basic cancel_points cancel_state thread_cpp io_pipe \
		net_many signal_handler signal_nested signal_eintr process_fork process_system epoll_basic; do
		both $program
	done
}

@test "preemption: a tick cuts no call short that no signal was sent to" {
	both preempt_calls
	assert_stat preempted 3
	GREENSHIM_PREEMPT=1 both preempt_calls
	assert_stat preempted 30
	GREENSHIM_HUBS=2 both preempt_calls
}

@test "preempt: a lock that its owner takes again at once, and waits with, is still had by others" {
	both lock_greedy
	assert_os_threads_one
}

# A turn in each tick of CPU time, which the kernel looks at every 4 ms, would take longer than the limit.
@test "preemption: threads that hand work around get their turns faster than the ticks of CPU time" {
	limit=30 both preempt_turns
	assert_stat preempted 1000
}
