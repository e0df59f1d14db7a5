#!/usr/bin/env bats
# rt-tests: threads that wake each other by mutexes with priority inheritance, semaphores, queues, signals and ptrace,
# and end as they do natively. How fast they are is not compared.

load suites

setup_file() {
	suites_setup_file pi_stress hackbench
}

@test "rt-tests" {
	both_ways rt 1 "pi_stress --duration=1 --groups=2 --quiet" "ptsematest -t -l 100 -i 500" "pmqtest -t -l 100 -i 500" \
		"sigwaittest -t -l 100 -i 500" "signaltest -l 100 -t 4 -q" "pip_stress" "ssdd -i 100 -f 3" \
		"hackbench -T -g 2 -l 50 -f 5" "hackbench -T -p -g 2 -l 50 -f 5" "cyclictest -q -t 4 -l 100 -i 1000"
	check_stats 40
}
