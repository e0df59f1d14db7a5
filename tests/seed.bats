#!/usr/bin/env bats
# Ready threads in other orders than first come, first served: the output must not depend on it.

load helpers

in_ten_orders() {
	local seed

	for seed in {1..10}; do
		GREENSHIM_SEED=$seed both "$1" || {
			echo "seed $seed"
			return 1
		}
	done
}

@test "seeds: barriers, keys, once and spin locks under ten orders" {
	in_ten_orders barrier_basic
	in_ten_orders once_basic
}

@test "seeds: sockets under ten orders" {
	in_ten_orders net_many
}

@test "seeds: the same seed gives the same order, another one another" {
	cat >"$BATS_TEST_TMPDIR/order.c" <<-'END'
		#include <pthread.h>
		#include <sched.h>
		#include <stdio.h>
		static void *turns(void *arg)
		{
			for (int i = 0; i < 5; i++) {
				printf("%ld ", (long)arg);
				sched_yield();
			}
			return NULL;
		}
		int main(void)
		{
			pthread_t t[6];
			for (long i = 0; i < 6; i++)
				pthread_create(&t[i], NULL, turns, (void *)i);
			for (int i = 0; i < 6; i++)
				pthread_join(t[i], NULL);
			return 0;
		}
	END
	cc -pthread -o "$BATS_TEST_TMPDIR/order" "$BATS_TEST_TMPDIR/order.c"
	for seed in 1 2; do
		"$greenshim" --seed $seed "$BATS_TEST_TMPDIR/order" >"$BATS_TEST_TMPDIR/$seed"
		"$greenshim" --seed $seed "$BATS_TEST_TMPDIR/order" | cmp - "$BATS_TEST_TMPDIR/$seed"
	done
	refute cmp "$BATS_TEST_TMPDIR/1" "$BATS_TEST_TMPDIR/2"
}
