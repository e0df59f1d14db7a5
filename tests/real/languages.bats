#!/usr/bin/env bats
# Language runtimes with threads of their own: the same program prints the
# same natively and under greenshim.

load helpers

setup_file() {
	real_setup_file perl "$python" tclsh
}

teardown() {
	finish_all
}

@test "perl: interpreter threads, a shared queue and a condition variable" {
	same_output 8 perl "$real_root/tests/real/threads.pl"
	[ "$threads" -eq 1 ]
}

@test "python: a thousand threads, queues, locks and timers" {
	same_output 1000 "$python" "$real_root/tests/real/threads.py"
	[ "$threads" -eq 1 ]
}

@test "ruby: threads, queues and sockets" {
	skip_without ruby
	same_output 20 ruby "$real_root/tests/real/threads.rb"
}

@test "java: threads, monitors and an executor" {
	skip_without java
	same_output 16 java -Xmx256m "$real_root/tests/real/Threads.java"
}

@test "node: worker threads and the thread pool" {
	skip_without node
	same_output 4 node "$real_root/tests/real/threads.js"
}

@test "tcl: thread pools, shared variables, messages and sockets" {
	same_output 15 tclsh "$real_root/tests/real/threads.tcl"
	[ "$threads" -eq 1 ]
}
