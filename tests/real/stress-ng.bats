#!/usr/bin/env bats
# stress-ng's stressors, each with a second thread in every process, and --verify: what it verifies holds natively and
# under greenshim, and both come to the number of operations asked for.

load suites

setup_file() {
	suites_setup_file stress-ng
}

@test "stress-ng's threads, locks and queues" {
	both_ways stress_ng 1 pthread:50 mutex:1000 sem:1s sem-sysv:500 futex:500 mq:1000 msg:1000 dekker:1000 \
		exit-group:3 race-sched:4 membarrier:1
	check_stats 60
}

@test "stress-ng's signals and timers" {
	both_ways stress_ng 1 signal:500 sigpending:200 sigsuspend:200 sigq:200 sigrt:100 sigchld:20 sigfd:100 sigio:10 \
		sigsegv:100 sigabrt:10 sigtrap:50 sigpipe:50 signest:50 kill:50 alarm:50 itimer:2 timer:200 timerfd:200 nanosleep:50 \
		sleep:100 hrtimers:100 bad-altstack:2
	check_stats 40
}

@test "stress-ng's pipes, sockets and polls" {
	both_ways stress_ng 1 pipe:1000 ring-pipe:500 fifo:500 eventfd:500 poll:100 epoll:100 splice:100 tee:50 \
		vm-splice:200 sock:10 sockpair:200 sockfd:200 sockmany:20 udp:500 udp-flood:200 rawsock:200 rawudp:200 switch:1000 \
		sendfile:20 io-uring:20 aio:50 pidfd:5
	check_stats 40
}

@test "stress-ng's processes" {
	both_ways stress_ng 1 fork:5 vfork:20 spawn:5 wait:20 clone:2 daemon:5 zombie:10 session:10 pty:1 \
		flock:1000 lockf:500 lockofd:500 close:100 dup:2 ptrace:100 context:20 unshare:2 nice:5 schedpolicy:50
	check_stats 40
}
