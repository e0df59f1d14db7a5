#!/usr/bin/env bats
# Servers with clients of every kind, shortly; `make soak` takes an hour.

load helpers

setup_file() {
	real_setup_file memcached tinyproxy
}

@test "soak: churn, resets, slow and silent clients, too few descriptors, stops; nothing stays, nobody is forgotten" {
	GREENSHIM_LIBRARY=${BUILD:-$real_root/build}/libgreenshim.so "$real_root/scripts/soak" 16
}
