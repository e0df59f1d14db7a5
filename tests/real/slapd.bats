#!/usr/bin/env bats
# OpenLDAP's slapd: a listener and a pool of 16 threads, that share a memory-mapped database with robust mutexes.

load helpers

setup_file() {
	real_setup_file slapd ldapadd ldapmodify ldapsearch
	{
		printf 'dn: dc=x\nobjectClass: dcObject\nobjectClass: organization\no: x\ndc: x\n\n'
		for ((i = 0; i < 300; i++)); do
			printf 'dn: cn=name%03d,dc=x\nobjectClass: person\ncn: name%03d\nsn: %0200d\n\n' $i $i $i
		done
	} >"$BATS_FILE_TMPDIR/entries"
}

teardown() {
	finish_all
}

# ldap PROGRAM ARGUMENT...
ldap() {
	"$1" -x -H "ldap://127.0.0.1:$port" -D cn=admin,dc=x -w secret "${@:2}"
}

find_all() {
	ldap ldapsearch -LLL -b dc=x '(objectClass=person)' cn sn
}

# Each of 20 clients changes ten entries of its own, and looks for others before and after.
client() {
	local i

	find_all >"$BATS_TEST_TMPDIR/found.$1" && cmp "$BATS_TEST_TMPDIR/found.$1" "$BATS_TEST_TMPDIR/expected" || return 1
	for ((i = $1 * 10; i < $1 * 10 + 10; i++)); do
		printf 'dn: cn=name%03d,dc=x\nchangetype: modify\nreplace: description\ndescription: of %d\n\n' $i "$1"
	done | ldap ldapmodify >/dev/null || return 1
	[ "$(ldap ldapsearch -LLL -b dc=x "(description=of $1)" dn | grep -c '^dn:')" -eq 10 ]
}

directory() {
	local port i clients=() failed=0

	mode "$1"
	port=$(free_port)
	mkdir "$BATS_TEST_TMPDIR/db"
	cat >"$BATS_TEST_TMPDIR/slapd.conf" <<-END
		include /etc/ldap/schema/core.schema
		modulepath /usr/lib/ldap
		moduleload back_mdb
		threads 16
		database mdb
		suffix dc=x
		rootdn cn=admin,dc=x
		rootpw secret
		directory $BATS_TEST_TMPDIR/db
		maxsize 67108864
		dbnosync
	END
	begin slapd slapd -d 0 -f "$BATS_TEST_TMPDIR/slapd.conf" -h "ldap://127.0.0.1:$port"
	wait_for_port "$port"
	ldap ldapadd -f "$BATS_FILE_TMPDIR/entries" >/dev/null
	find_all >"$BATS_TEST_TMPDIR/expected"
	[ "$(grep -c '^sn:' "$BATS_TEST_TMPDIR/expected")" -eq 300 ]
	for ((i = 0; i < 20; i++)); do
		client $i 3>&- &
		clients+=($!)
	done
	for i in "${clients[@]}"; do
		wait "$i" || failed=$((failed + 1))
	done
	[ "$failed" -eq 0 ]
	# An anonymous bind, 200 connections at once.
	drive 127.0.0.1 "$port" 200 5 talk '0\x0c\x02\x01\x01`\x07\x02\x01\x03\x04\0\x80\0' \
		'0\x0c\x02\x01\x01a\x07\x0a\x01\0\x04\0\x04\0'
	check_threads 16
	find_all >"$BATS_FILE_TMPDIR/all.$1"
	finish TERM 0
	check_stats 16
}

@test "slapd natively: 20 clients that change and search, 200 connections" {
	directory native
}

@test "slapd under greenshim: 20 clients that change and search, 200 connections; the entries are the same" {
	directory greenshim
	cmp "$BATS_FILE_TMPDIR/all.native" "$BATS_FILE_TMPDIR/all.greenshim"
}
