#!/usr/bin/env bats
# More of stress-ng's stressors, and more of their operations, than every day: `make suites`.

load ../suites

setup_file() {
	suites_setup_file stress-ng
}

@test "stress-ng: threads, memory and processors" {
	both_ways stress_ng 1 affinity:500 atomic:5 clock:50 clone:2 cyclic:100 exit-group:3 fp-error:500 funcret:500 getrandom:100 \
		longjmp:100 madvise:2 mcontend:2 membarrier:20 mincore:5 misaligned:1 mprotect:100 null:100 peterson:1000 prctl:5 \
		race-sched:4 resched:20 rlimit:5 schedpolicy:50 secretmem:1 set:20 stack:1 tlb-shootdown:2 usersyscall:5 vdso:1000
}

@test "stress-ng: signals and timers" {
	both_ways stress_ng 1 sigfpe:100 itimer:5 timer:2000 timerfd:2000 sleep:1000 sigq:5000 sigrt:1000 sigsuspend:5000 \
		signal:5000 sigfd:2000 sigio:200 sigsegv:2000 signest:500 watchdog:10 nice:5 kcmp:10
}

@test "stress-ng: descriptors, sockets, pipes and queues" {
	both_ways stress_ng 1 aiol:20 copy-file:5 dnotify:10 dup:3 epoll:500 eventfd:2000 fanotify:100 fcntl:50 fstat:5 get:20 \
		inotify:1 io:5 lease:5 locka:1000 msg:5000 mq:5000 netdev:100 netlink-task:100 ping-sock:5 poll:500 procfs:1 \
		readahead:5 revio:100 seal:100 sctp:5 sendfile:50 shm:2 shm-sysv:2 sockabuse:5 sockdiag:100 sync-file:5 tun:2 udp:2000 \
		urandom:20 utime:100 xattr:5 zero:100
}

@test "stress-ng: processes" {
	both_ways stress_ng 1 exec:5 fork:50 key:2 mmapfork:1 pidfd:10 ptrace:5000 seccomp:5 softlockup:1 spawn:20 \
		stackmmap:1 sysinfo:20 touch:20 vfork:200 vforkmany:1 vm-addr:1 vm-segv:2 wait:200 waitcpu:100 yield:1000 zombie:100
}
