#!/usr/bin/env bats
# The modules of CPython's own tests that take too long for every day: `make suites`.

load ../suites

setup_file() {
	setup_cpython
}

@test "CPython: signals, children and the calls of os" {
	both_ways cpython 1 test_signal test_threadsignals test_wait3 test_wait4 test_popen test_os test_posix test_pty
}

@test "CPython: the same with a second thread in every process" {
	both_ways cpython 1 test_signal+ test_wait3+ test_wait4+ test_popen+ test_posix+ test_pty+
	check_stats 6
}

@test "CPython: sockets, TLS and their protocols" {
	both_ways cpython 1 test_socket test_selectors test_ssl test_httplib test_http_cookies test_http_cookiejar test_ftplib \
		test_smtplib
	check_stats 100
}

@test "CPython: files, log and faults" {
	both_ways cpython 1 test_io test_logging test_faulthandler test_threadedtempfile
	check_stats 10
}

@test "CPython: pools and processes" {
	seconds_in_all=1500 seconds_each=120
	both_ways cpython 200 test_concurrent_futures test_multiprocessing_fork
	check_stats 100
}

@test "CPython: asyncio" {
	seconds_in_all=1500 seconds_each=120
	both_ways cpython 2000 test_asyncio
	check_stats 100
}
