# Sleeps: in order, never early, interrupted as natively.

load helpers

@test "time: nanosleep and clock_nanosleep on every clock" {
	both time_sleep
}
