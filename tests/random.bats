#!/usr/bin/env bats
# Random sequences of calls by several threads on what they share, decided by a seed. `make random` has more of them.

load helpers

# random_calls' own steps are enough for some of each kind of call to wait and to be woken.
seeds() { # FIRST LAST
	local seed

	for ((seed = $1; seed <= $2; seed++)); do
		both random_calls "$seed" 40 || {
			echo "seed $seed"
			return 1
		}
	done
}

@test "random: calls of twelve seeds" {
	seeds 1 12
}

@test "random: calls of four seeds in other orders" {
	GREENSHIM_SEED=7 seeds 21 24
}

@test "random: calls of four seeds, with a turn for others each millisecond" {
	GREENSHIM_PREEMPT=1 seeds 31 34
}

@test "random: calls of four seeds, with helpers for files" {
	GREENSHIM_FILES=pool seeds 41 44
}
