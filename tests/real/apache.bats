#!/usr/bin/env bats
# Apache with mpm_worker: a listener thread and a pool of workers in a child.

load helpers

setup_file() {
	real_setup_file apache2
}

teardown() {
	finish_all
}

write_conf() {
	cat >"$BATS_TEST_TMPDIR/apache.conf" <<-END
		ServerRoot "$BATS_TEST_TMPDIR"
		ServerName localhost
		Listen 127.0.0.1:$1
		PidFile "$BATS_TEST_TMPDIR/apache.pid"
		DefaultRuntimeDir "$BATS_TEST_TMPDIR"
		ErrorLog "$BATS_TEST_TMPDIR/apache.err"
		LoadModule mpm_worker_module /usr/lib/apache2/modules/mod_mpm_worker.so
		LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
		User www-data
		Group www-data
		ServerLimit $2
		StartServers $2
		ThreadLimit $3
		ThreadsPerChild $3
		MaxRequestWorkers $(($2 * $3))
		MinSpareThreads 1
		MaxSpareThreads $(($2 * $3))
		ListenBacklog 1024
		KeepAlive On
		KeepAliveTimeout 30
		MaxKeepAliveRequests 0
		DocumentRoot "$www"
	END
}

# serve MODE CHILDREN THREADS
serve() {
	local port

	mode "$1"
	port=$(free_port)
	chmod 777 "$BATS_TEST_TMPDIR" "$stats"
	write_conf "$port" "$2" "$3"
	begin apache apache2 -f "$BATS_TEST_TMPDIR/apache.conf" -DFOREGROUND
	wait_for_port "$port"
	drive -r 127.0.0.1 "$port" 100 10 http /small "$www/small"
	drive 127.0.0.1 "$port" 100 20 http /large "$www/large"
	check_threads "$3"
	if [ $(($2 * $3)) -ge 1000 ]; then
		drive 127.0.0.1 "$port" 1000 5 http /small "$www/small"
		check_threads "$3"
	fi
}

@test "apache mpm_worker natively: 100 and 1,000 connections" {
	serve native 1 1024
	finish TERM 0
}

@test "apache mpm_worker under greenshim: 100 and 1,000 connections" {
	serve greenshim 1 1024
	finish TERM 0
	check_stats 1024
}

@test "apache mpm_worker under greenshim, on as many OS threads as it finds work for" {
	serve default 1 1024
	finish TERM 0
	check_stats 1024
}

@test "apache mpm_worker, four children, graceful stop, natively" {
	serve native 4 64
	finish WINCH 0
}

@test "apache mpm_worker, four children, graceful stop, under greenshim" {
	serve greenshim 4 64
	finish WINCH 0
	check_stats 256
}
