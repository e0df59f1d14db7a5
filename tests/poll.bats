# Waiting for descriptors: what a program sees under greenshim is what it sees natively.

load helpers

@test "poll and ppoll: arguments, every event, timeouts, signals" {
	both poll_basic
}

@test "poll: many threads, many descriptors; one descriptor for many; one that is closed meanwhile" {
	both poll_many
}

@test "select and pselect: arguments, the three sets, high descriptors, time left, signals" {
	both select_basic
}

@test "epoll_wait, epoll_pwait, epoll_pwait2: triggers, changing and nested sets, several threads, signals" {
	both epoll_basic
}
