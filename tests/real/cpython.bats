#!/usr/bin/env bats
# CPython's own tests of threads, sockets and children (Debian's package libpython3.11-testsuite): each test has the
# same result natively and under greenshim. suites/cpython.bats has the modules that take longer.

load suites

setup_file() {
	setup_cpython
}

@test "CPython's test_thread" {
	both_ways cpython 20 test_thread
	check_stats 80
}

@test "CPython's test_threading" {
	both_ways cpython 150 test_threading
	check_stats 100
}

@test "CPython's test_queue" {
	both_ways cpython 45 test_queue
	check_stats 20
}

@test "CPython's test_socketserver" {
	both_ways cpython 15 test_socketserver
	check_stats 10
}

@test "CPython's test_threading_local" {
	both_ways cpython 15 test_threading_local
	check_stats 10
}

@test "CPython's test_httpservers" {
	both_ways cpython 40 test_httpservers
	check_stats 10
}

@test "CPython's test_subprocess" {
	both_ways cpython 200 test_subprocess
	check_stats 10
}

@test "CPython's test_fork1" {
	both_ways cpython 4 test_fork1
}

@test "CPython's test_select, test_poll and test_epoll" {
	both_ways cpython 5 test_select+ test_poll+ test_epoll+
	check_stats 3
}
