#!/usr/bin/env bats
# Several OS threads run the greenlets: what a program can tell is the same.

load helpers

setup() {
	(($(LD_SHOW_AUXV=1 /bin/true | sed -n 's/^AT_HWCAP2: *//p') & 2)) || skip "the kernel does not offer FSGSBASE: there is one OS thread"
}

# The programs of tests/programs whose names begin with one of these letters, natively and on 2 OS threads.
on_two() {
	local names=() path

	for path in "$programs"/[$1]*; do
		[[ $path = *.d ]] || names+=("${path##*/}")
	done
	cd "$root" && BUILD=$build PROGRAMS="${names[*]}" SETTINGS="GREENSHIM_HUBS=2" scripts/seeds
}

compare_on_one_cpu() {
	local greenshim="$BATS_TEST_TMPDIR/pinned"

	printf '#!/bin/sh\nexec taskset -c %s %s "$@"\n' "$(taskset -cp $$ | sed 's/.*[: ]\([0-9]*\).*/\1/')" \
		"$root/scripts/greenshim" >"$greenshim"
	chmod +x "$greenshim"
	both "$@"
}

@test "hubs: two threads that spin on each other without a call run at the same time" {
	GREENSHIM_HUBS=2 GREENSHIM_PREEMPT=off both spin_both
	assert_stat os_threads 2
}

@test "hubs: who asks of pipes and sockets need not be on the first OS thread, though another is in sigwait" {
	for _ in {1..5}; do
		GREENSHIM_HUBS=2 GREENSHIM_PREEMPT=off both spin_both asking
		assert_stat os_threads 2
	done
}

# Where others have the CPU all the time there is none: then it is tried again.
@test "hubs: there is a second OS thread where one has too much to do, and another CPU nothing" {
	[ "$(nproc)" -gt 1 ] || skip "there is one CPU"
	for _ in {1..20}; do
		GREENSHIM_HUBS= both spin_long
		[ "$(most_of os_threads)" -eq 1 ] || break
	done
	assert_stat os_threads 2
	GREENSHIM_HUBS=1 both spin_long
	[ "$(most_of os_threads)" -eq 1 ]
	GREENSHIM_HUBS= compare_on_one_cpu spin_long
	[ "$(most_of os_threads)" -eq 1 ]
}

@test "hubs: a thread's CPU time is known while it runs on another OS thread, and makes no switch" {
	for _ in {1..5}; do
		GREENSHIM_HUBS=2 GREENSHIM_PREEMPT=off limit=20 both thread_clocks unasked
	done
}

@test "hubs: statistics are written though the main thread has given up its locale" {
	GREENSHIM_HUBS=2 both locale_own
}

@test "hubs: a mutex with priority inheritance is left on one OS thread while another says that it waits" {
	for _ in {1..10}; do
		GREENSHIM_HUBS=2 both mutex_pi_many
		GREENSHIM_HUBS=4 both mutex_pi_many
	done
}

@test "hubs: the programs a to e on two OS threads" {
	on_two a-e
}

@test "hubs: the programs f to m on two OS threads" {
	on_two f-m
}

@test "hubs: the programs n to r on two OS threads" {
	on_two n-r
}

@test "hubs: the programs s to z on two OS threads" {
	on_two s-z
}

@test "hubs: random calls on two and on four OS threads" {
	local seed

	for seed in 51 52 53 54; do
		GREENSHIM_HUBS=2 both random_calls $seed 40
		GREENSHIM_HUBS=4 both random_calls $seed 40
	done
}
