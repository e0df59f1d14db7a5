#!/usr/bin/env bats
# All of GLib's installed tests: `make suites`.

load ../suites

setup_file() {
	suites_setup_file dbus-run-session
}

@test "GLib: every program" {
	local units

	mapfile -t units < <(cd /usr/share/installed-tests && printf '%s\n' glib/*.test | sed 's/\.test$//')
	[ "${#units[@]}" -gt 200 ]
	both_ways installed 1 "${units[@]}"
	check_stats 1000
}
