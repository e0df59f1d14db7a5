#!/usr/bin/env bats
# rsyslog: threads that read, queues between them, and threads that write; messages by TCP and by a local socket.

load helpers

setup_file() {
	real_setup_file rsyslogd
	cat >"$BATS_FILE_TMPDIR/send.py" <<-'END'
		import socket, sys, threading
		def tcp(k):
		    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
		    for i in range(200):
		        s.sendall(b"<13>Nov 28 12:00:00 host tag: tcp %d %d %s\n" % (k, i, b"x" * (i % 100)))
		    s.close()
		def local(k):
		    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		    s.connect(sys.argv[2])
		    for i in range(500):
		        s.send(b"<13>Nov 28 12:00:00 tag: local %d %d" % (k, i))
		all = [threading.Thread(target=tcp, args=(k,)) for k in range(100)]
		all += [threading.Thread(target=local, args=(k,)) for k in range(4)]
		for t in all:
		    t.start()
		for t in all:
		    t.join()
	END
	{
		python3 -c 'for k in range(100):
		    for i in range(200): print(" tcp %d %d %s" % (k, i, "x" * (i % 100)))'
		python3 -c 'for k in range(4):
		    for i in range(500): print(" local %d %d" % (k, i))'
	} | LC_ALL=C sort >"$BATS_FILE_TMPDIR/expected"
}

teardown() {
	finish_all
}

collect() {
	local port tries

	mode "$1"
	port=$(free_port)
	cat >"$BATS_TEST_TMPDIR/rsyslog.conf" <<-END
		global(maxMessageSize="8k" workDirectory="$BATS_TEST_TMPDIR")
		module(load="imuxsock" SysSock.Use="off")
		module(load="imtcp" maxSessions="500")
		input(type="imuxsock" Socket="$BATS_TEST_TMPDIR/log.sock" RateLimit.Interval="0")
		input(type="imtcp" port="$port" address="127.0.0.1")
		template(name="text" type="string" string="%msg%\n")
		main_queue(queue.type="LinkedList" queue.workerThreads="4" queue.size="100000")
		action(type="omfile" file="$BATS_TEST_TMPDIR/all.log" template="text"
		    queue.type="LinkedList" queue.workerThreads="2" queue.size="100000")
	END
	begin rsyslog rsyslogd -n -f "$BATS_TEST_TMPDIR/rsyslog.conf" -i "$BATS_TEST_TMPDIR/pid"
	wait_for_port "$port"
	watched "$python" "$BATS_FILE_TMPDIR/send.py" "$port" "$BATS_TEST_TMPDIR/log.sock"
	check_threads 8
	for ((tries = 0; tries < 300; tries++)); do
		[ "$(wc -l <"$BATS_TEST_TMPDIR/all.log")" -lt 22000 ] || break
		sleep 0.1
	done
	finish TERM 0
	LC_ALL=C sort "$BATS_TEST_TMPDIR/all.log" | cmp - "$BATS_FILE_TMPDIR/expected"
	check_stats 5
}

@test "rsyslog natively: 22,000 messages of 104 clients" {
	collect native
}

@test "rsyslog under greenshim: 22,000 messages of 104 clients" {
	collect greenshim
}
