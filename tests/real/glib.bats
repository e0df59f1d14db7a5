#!/usr/bin/env bats
# GLib's own tests, as Debian installs them (libglib2.0-tests): each has the same result natively and under greenshim.

load suites

setup_file() {
	suites_setup_file dbus-run-session
	[ -d /usr/share/installed-tests/glib ] || {
		echo "libglib2.0-tests is not installed: run scripts/setup"
		return 1
	}
}

@test "GLib's threads, locks and queues" {
	both_ways installed 2 glib/642026 glib/642026-ec glib/asyncqueue glib/atomic glib/cond glib/mutex glib/once glib/onceinit \
		glib/private glib/rec-mutex glib/rwlock glib/thread glib/thread-pool glib/threadtests \
		glib/slice-concurrent glib/closure-refcount
	check_stats 100
}

@test "GLib's main loops, tasks, signals and children" {
	both_ways installed 2 glib/mainloop glib/contexts glib/cancellable glib/task glib/unix glib/unix-fd \
		glib/spawn-multithreaded glib/spawn-test glib/gsubprocess glib/timer
	check_stats 20
}

@test "GLib's sockets, resolver and D-Bus" {
	both_ways installed 2 glib/socket glib/socket-listener glib/socket-service glib/pollable glib/converter-stream \
		glib/gdbus-connection glib/gdbus-peer glib/gdbus-server-auth glib/gdbus-threading glib/gdbus-non-socket glib/actions
	check_stats 50
}
