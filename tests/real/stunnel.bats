#!/usr/bin/env bats
# stunnel: a thread for each TLS connection, on stacks of 64 KiB.

load helpers

setup_file() {
	real_setup_file stunnel4 openssl
	make_certificate
}

teardown() {
	finish_all
}

# stunnel 5.68 joins its threads when it is told to stop, and crashes natively
# too if some are just ending: the connections must be over first.
wait_for_idle() {
	local tries

	for ((tries = 0; tries < 100; tries++)); do
		if [ "$(ls "/proc/$pid/fd" | wc -l)" -lt 50 ]; then
			sleep 0.5
			return 0
		fi
		sleep 0.1
	done
	echo "connections are left open"
	return 1
}

# The server end of the tunnel is under test; below, the client end.
terminate() {
	local port

	mode "$1"
	begin_origin http "$www"
	port=$(free_port)
	write_stunnel_conf stunnel no "$port" "$origin_port"
	begin stunnel stunnel4 "$BATS_TEST_TMPDIR/stunnel.conf"
	wait_for_port "$port"
	drive -t 127.0.0.1 "$port" 100 10 http /large "$www/large"
	check_threads 100
	drive -t 127.0.0.1 "$port" 1000 5 http /small "$www/small"
	check_threads 1000
	wait_for_idle
	finish TERM 0
	check_stats 1100
}

originate() {
	local port tls_port keep

	mode "$1"
	begin_origin echo
	tls_port=$(free_port)
	write_stunnel_conf other no "$tls_port" "$origin_port"
	begin_natively other stunnel4 "$BATS_TEST_TMPDIR/other.conf"
	port=$(free_port)
	write_stunnel_conf stunnel yes "$port" "$tls_port"
	begin stunnel stunnel4 "$BATS_TEST_TMPDIR/stunnel.conf"
	wait_for_port "$port"
	drive 127.0.0.1 "$port" 100 20 talk '%c%r%z' '%c%r%z'
	check_threads 100
	drive 127.0.0.1 "$port" 1000 2 talk '%c%r%z' '%c%r%z'
	check_threads 1000
	wait_for_idle
	finish TERM 0
	check_stats 1100
}

# write_stunnel_conf NAME IS_CLIENT ACCEPT CONNECT
write_stunnel_conf() {
	cat >"$BATS_TEST_TMPDIR/$1.conf" <<-END
		foreground = yes
		pid =
		debug = 3
		[tunnel]
		client = $2
		accept = 127.0.0.1:$3
		connect = 127.0.0.1:$4
		cert = $BATS_FILE_TMPDIR/cert.pem
		key = $BATS_FILE_TMPDIR/key.pem
	END
}

@test "stunnel as a TLS server natively: 100 and 1,000 connections" {
	terminate native
}

@test "stunnel as a TLS server under greenshim: 100 and 1,000 connections" {
	terminate greenshim
}

@test "stunnel as a TLS server under greenshim, on as many OS threads as it finds work for" {
	terminate default
}

@test "stunnel as a TLS client natively: 100 and 1,000 connections" {
	originate native
}

@test "stunnel as a TLS client under greenshim: 100 and 1,000 connections" {
	originate greenshim
}
