#!/usr/bin/env bats
# siege: a threaded client, a thread for each user.

load helpers

setup_file() {
	real_setup_file siege
}

teardown() {
	finish_all
}

attack() {
	local users

	mode "$1"
	begin_origin http "$www"
	cat >"$BATS_TEST_TMPDIR/siegerc" <<-END
		verbose = false
		quiet = false
		json_output = true
		show-logfile = false
		logging = false
		limit = 1100
		protocol = HTTP/1.1
		connection = keep-alive
		benchmark = true
		timeout = 60
	END
	for users in 100 1000; do
		HOME=$BATS_TEST_TMPDIR begin siege siege -R "$BATS_TEST_TMPDIR/siegerc" -c "$users" -r 5 -b \
			"http://127.0.0.1:$origin_port/large"
		watched tail --pid="$pid" -f /dev/null
		await_end 0
		check_threads "$users"
		check_hits $((users * 5))
	done
	check_stats 1100
}

# siege drops the bodies but counts them: all came, and all of each.
check_hits() {
	local megabytes

	megabytes=$(($1 * 200000 / 1024 / 1024))
	if ! grep -q "\"transactions\":[[:space:]]*$1," "$BATS_TEST_TMPDIR/siege.out" ||
		! grep -q '"failed_transactions":[[:space:]]*0,' "$BATS_TEST_TMPDIR/siege.out" ||
		! grep -q "\"data_transferred\":[[:space:]]*$megabytes" "$BATS_TEST_TMPDIR/siege.out"; then
		echo "not $1 good transactions of $megabytes MB"
		show_output
		return 1
	fi
}

@test "siege natively: 100 and 1,000 users" {
	attack native
}

@test "siege under greenshim: 100 and 1,000 users" {
	attack greenshim
}
