#include "signal_state.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#include "../core/reserve.h"
/* A signal may come while a greenlet is inside malloc: nodes are the kernel's memory, reused. */
#define SLAB (16 << 10)

struct signal_node {
	struct list node;
	bool directed; /* at the thread, not handed to it from the process */
	siginfo_t info;
};

static struct list free_nodes = {&free_nodes, &free_nodes};
static unsigned in_use;

static struct signal_node *node_of(struct list *node)
{
	return LIST_ENTRY(node, struct signal_node, node);
}

static struct signal_node *node_alloc(void)
{
	if (list_empty(&free_nodes)) {
		char *slab = reserve_map(SLAB);

		if (!slab)
			return NULL;
		for (struct signal_node *n = (void *)slab; n + 1 <= (struct signal_node *)(slab + SLAB); n++)
			list_push(&free_nodes, &n->node);
	}
	in_use++;
	return node_of(list_pop(&free_nodes));
}

static void node_free(struct signal_node *n)
{
	in_use--;
	list_remove(&n->node);
	list_push_front(&free_nodes, &n->node);
}

static void recount(struct signal_queue *q)
{
	q->set = 0;
	LIST_EACH(node, &q->list)
		q->set |= SIGNAL_BIT(node_of(node)->info.si_signo);
}

unsigned signal_queue_total(void)
{
	return in_use;
}

void signal_queue_init(struct signal_queue *q)
{
	list_init(&q->list);
	q->set = 0;
}

static bool already_pending(const struct signal_queue *q, int sig, bool directed)
{
	if (sig >= 32 || !set_has(q->set, sig)) /* real-time signals queue, each of them */
		return false;
	LIST_EACH(node, &q->list)
		if (node_of(node)->info.si_signo == sig && node_of(node)->directed == directed)
			return true;
	return false;
}

/* A timer's signal is queued once: further expiries are counted in it. timer_getoverrun(2). */
static bool merge_timer(const struct signal_queue *q, const siginfo_t *info)
{
	if (info->si_code != SI_TIMER)
		return false;
	LIST_EACH(node, &q->list) {
		siginfo_t *other = &node_of(node)->info;

		if (other->si_code != SI_TIMER || other->si_signo != info->si_signo ||
		    other->si_timerid != info->si_timerid)
			continue;
		other->si_overrun += info->si_overrun + 1;
		return true;
	}
	return false;
}

void signal_queue_add(struct signal_queue *q, const siginfo_t *info, bool directed)
{
	struct signal_node *n;

	if (already_pending(q, info->si_signo, directed) || merge_timer(q, info))
		return;
	n = node_alloc();
	if (!n)
		return;
	n->directed = directed;
	siginfo_copy(&n->info, info);
	list_push(&q->list, &n->node);
	q->set |= SIGNAL_BIT(info->si_signo);
}

int signal_queue_take(struct signal_queue *q, uint64_t set, siginfo_t *info)
{
	int sig;

	if (!(q->set & set))
		return 0;
	sig = signal_first(q->set & set);
	LIST_EACH(node, &q->list) {
		struct signal_node *n = node_of(node);

		if (n->info.si_signo != sig)
			continue;
		siginfo_copy(info, &n->info);
		node_free(n);
		break;
	}
	if (info->si_code == SI_TIMER)
		signal_timer_taken(info);
	recount(q);
	return sig;
}

void signal_queue_move(struct signal_queue *from, struct signal_queue *to, uint64_t set, bool only_shared)
{
	if (!(from->set & set))
		return;
	LIST_EACH_SAFE(node, &from->list) {
		struct signal_node *n = node_of(node);

		if (!set_has(set, n->info.si_signo) || (only_shared && n->directed))
			continue;
		list_remove(node);
		list_push(&to->list, node);
		to->set |= SIGNAL_BIT(n->info.si_signo);
	}
	recount(from);
}

void signal_queue_drop(struct signal_queue *q, uint64_t set)
{
	if (!(q->set & set))
		return;
	LIST_EACH_SAFE(node, &q->list)
		if (set_has(set, node_of(node)->info.si_signo))
			node_free(node_of(node));
	recount(q);
}

void signal_queue_each(const struct signal_queue *q, void (*fn)(const siginfo_t *info, bool directed))
{
	LIST_EACH(node, &q->list)
		fn(&node_of(node)->info, node_of(node)->directed);
}

void signal_queue_forked(void)
{
	in_use = 0;
	list_init(&free_nodes);
}
