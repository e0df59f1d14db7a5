#!/usr/bin/env bats
# nginx: two workers that fork from a master, each with a pool of 16 threads that reads the files.

load helpers

setup_file() {
	real_setup_file nginx
}

teardown() {
	finish_all
}

serve() {
	local port conf=$BATS_TEST_TMPDIR/nginx.conf directive

	mode "$1"
	port=$(free_port)
	chmod 777 "$stats" # for nobody
	cat >"$conf" <<-END
		daemon off;
		worker_processes 2;
		pid $BATS_TEST_TMPDIR/nginx.pid;
		error_log $BATS_TEST_TMPDIR/error.log warn;
		thread_pool default threads=16;
		events { worker_connections 1200; }
		http {
		    access_log off;
		    aio threads;
		    sendfile off;
		    output_buffers 2 16k;
		    keepalive_requests 100000;
	END
	for directive in client_body proxy fastcgi uwsgi scgi; do
		echo "${directive}_temp_path $BATS_TEST_TMPDIR/$directive;"
	done >>"$conf"
	echo "server { listen 127.0.0.1:$port backlog=1024; root $www; } }" >>"$conf"
	begin nginx nginx -e "$BATS_TEST_TMPDIR/error.log" -c "$conf"
	wait_for_port "$port"
	drive 127.0.0.1 "$port" 100 20 http /large "$www/large"
	check_threads 17
	kill -HUP "$pid" # new workers, of which each has its pool
	drive -r 127.0.0.1 "$port" 500 4 http /small "$www/small"
	drive 127.0.0.1 "$port" 100 5 http /large "$www/large"
	check_threads 17
	finish QUIT 0
	check_stats 32
	[ ! -s "$BATS_TEST_TMPDIR/error.log" ] || { cat "$BATS_TEST_TMPDIR/error.log" && return 1; }
}

@test "nginx natively: files by pools of threads, 100 and 500 connections, and new workers meanwhile" {
	serve native
}

@test "nginx under greenshim: files by pools of threads, 100 and 500 connections, and new workers meanwhile" {
	serve greenshim
}
