# Sockets: what a program sees under greenshim is what it sees natively.

load helpers

@test "streams, local and TCP: partial, whole, peeked, large, both ways, timeouts, ends" {
	both net_stream
	assert_parked read
	assert_parked recvfrom
	assert_parked recvmsg
	assert_parked write
	assert_parked writev
	assert_parked sendto
	assert_parked sendmsg
}

@test "an echo server with 100 connections and its clients in one process; many readers and writers of one socket" {
	both net_many
	assert_parked accept
	assert_switched 1000
	assert_os_threads_one
}

@test "accept: many threads, timeouts, flags, a listener shared with a child process" {
	both net_accept
	assert_parked accept
}

@test "connect: refused, timeouts, a full local queue, again, interrupted" {
	both net_connect
	assert_parked connect
}

@test "messages: descriptors, truncation, sendmmsg and recvmmsg, a peer whose queue is full" {
	both net_message
	assert_parked recvmsg
	assert_parked recvmmsg
	assert_parked sendmmsg
	assert_parked sendto
	assert_os_threads_one
}

@test "getaddrinfo in one thread does not stop another" {
	both dns_lookup
	assert_parked poll
}
