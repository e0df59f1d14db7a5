#include "signal_state.h"

#define DUMP_MAGIC 0x67736475

static volatile bool wanted;

bool dump_requested(const siginfo_t *info)
{
	if (info->si_code != SI_QUEUE || info->si_value.sival_int != DUMP_MAGIC)
		return false;
	wanted = true;
	hub_attention(&threads.hub);
	return true;
}

void dump_if_requested(void)
{
	wanted = false;
}
