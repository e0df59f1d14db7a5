/* The parts below: stacks and their guards, timers, lists, parking. */
#include <signal.h>

#include "core_test.h"

#include "greenlet_hub.h"
#include "stack.h"
#include "timer.h"
#include "waitq.h"

static __attribute__((noinline)) long dig(long depth)
{
	volatile char here[512];

	here[0] = (char)depth;
	return depth ? dig(depth - 1) + here[0] : 0;
}

static int overflows(void *value, void **result)
{
	*result = V(dig(N(value)));
	return 0;
}

static void overflow(void)
{
	greenlet_t first = greenlet_new(overflows, NULL), g = greenlet_new(overflows, NULL);

	EQ(greenlet_set_stack(first, 40000), 0);
	EQ(greenlet_set_stack(g, 40000), 0);
	EQ(greenlet_switch(first, V(20), NULL), 0); /* neighbours do not matter */
	greenlet_switch(g, V(160), NULL);	    /* into the neighbour's, were there no guard */
	_exit(5);
}

static char *fault;

static void note_fault(int nr, siginfo_t *info, void *context)
{
	(void)nr, (void)context;
	fault = info->si_addr;
	_exit(fault ? 7 : 8);
}

static void overflow_with_handler(void)
{
	static char alternate[65536];
	stack_t stack = {.ss_sp = alternate, .ss_size = sizeof(alternate)};
	struct sigaction act = {.sa_sigaction = note_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};

	sigaltstack(&stack, NULL);
	sigaction(SIGSEGV, &act, NULL);
	overflow();
}

static void guard_is_hit(void)
{
	struct outcome o;

	if (emulated() || SANITIZED)
		return;
	o = in_child(overflow);
	EQ(WIFSIGNALED(o.status) ? WTERMSIG(o.status) : 0, SIGSEGV);
	o = in_child(overflow_with_handler);
	EQ(WIFEXITED(o.status) ? WEXITSTATUS(o.status) : 0, 7);
}

static int fills_stack(void *value, void **result)
{
	char *low = (char *)__builtin_frame_address(0) - N(value);

	*result = V(*(volatile char *)low);
	return 0;
}

static void stack_sizes(void)
{
	static const size_t sizes[] = {0, 1, 10000, 16384, 100000, 1 << 20, 64 << 20};

	for (size_t i = 0; i < COUNT(sizes); i++) {
		greenlet_t g = greenlet_new(fills_stack, NULL);
		long use = (long)sizes[i] - 4096;

		EQ(greenlet_set_stack(g, sizes[i]), 0);
		EQ(greenlet_switch(g, V(use > 0 && !SANITIZED ? use : 0), NULL), 0);
		greenlet_unref(g);
	}
}

static void stack_pools(void)
{
	struct stack_pool pool = {0};
	struct stack *s[300], *again;
	long page = sysconf(_SC_PAGESIZE);

	EQ(stack_get(&pool, (size_t)1 << 60), NULL);
	for (size_t i = 0; i < COUNT(s); i++) {
		s[i] = stack_get(&pool, 60000);
		EQ(s[i] != NULL && s[i]->size >= 60000, true);
		memset(s[i]->low, (int)i, s[i]->size);
		EQ((uintptr_t)s[i]->low % (uintptr_t)page, 0);
	}
	for (size_t i = 0; i < COUNT(s); i++)
		EQ((unsigned char)s[i]->low[s[i]->size - 1], i & 0xff); /* none overlaps */
	EQ(pool.in_use, COUNT(s));
	for (size_t i = 0; i < COUNT(s); i++)
		stack_put(&pool, s[i]);
	stack_put(&pool, NULL);
	EQ(pool.in_use, 0);
	again = stack_get(&pool, 60000);
	EQ(again, s[STACK_CACHE - 1]); /* the warmest */
	stack_pool_close(&pool);       /* kept: one is in use */
	again->low[0] = 1;
}

#define TIMERS 500

static void timers(void)
{
	static struct timer t[TIMERS];
	struct timer_heap heap = {0};
	unsigned seed = 3;
	uint64_t last = 0;
	int left = 0;

	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < TIMERS; i++)
			if (!timer_armed(&t[i]) && rand_r(&seed) % 2)
				timer_add(&heap, &t[i], (uint64_t)(rand_r(&seed) % 1000));
		for (int i = 0; i < TIMERS; i++)
			if (rand_r(&seed) % 4 == 0)
				timer_cancel(&t[i]);
		for (int i = 0; i < 50; i++) {
			struct timer *due = timer_pop_due(&heap, 100);

			EQ(due ? due->deadline_ns <= 100 : !heap.root || heap.root->deadline_ns > 100, true);
		}
	}
	for (int i = 0; i < TIMERS; i++)
		left += timer_armed(&t[i]);
	for (struct timer *due; (due = timer_pop_due(&heap, 5000)); left--) {
		EQ(due->deadline_ns >= last, true);
		EQ(timer_armed(due), false);
		last = due->deadline_ns;
	}
	EQ(left, 0);
	EQ(heap.root, NULL);
}

struct node {
	struct list list;
	int value;
};

static void lists(void)
{
	struct list head;
	struct node n[5] = {0};
	int sum = 0;

	list_init(&head);
	EQ(list_empty(&head), true);
	EQ(list_pop(&head), NULL);
	list_remove(&n[0].list); /* unlinked: nothing */
	for (int i = 0; i < 5; i++) {
		n[i].value = i;
		if (i % 2)
			list_push(&head, &n[i].list);
		else
			list_push_front(&head, &n[i].list);
	}
	LIST_EACH_SAFE(node, &head) {
		tell("%d ", LIST_ENTRY(node, struct node, list)->value);
		if (LIST_ENTRY(node, struct node, list)->value == 0)
			list_remove(node);
	}
	TOLD("4 2 0 1 3 ");
	EQ(list_linked(&n[0].list), false);
	for (struct list *node; (node = list_pop(&head));)
		sum += LIST_ENTRY(node, struct node, list)->value;
	EQ(sum, 10);
	EQ(list_empty(&head), true);
}

static struct fiber *sleeper;
static bool last_park;

static int parks(void *value, void **result)
{
	*result = NULL;
	(void)value;
	sleeper = fiber_self;
	EQ(hub_wake(fiber_self, 1), false); /* not parked */
	hub_wake_kept(fiber_self, 5);
	EQ(greenlet_block("test", DEADLINE_NEVER), 5); /* kept, and taken once */
	EQ(greenlet_block("test", deadline_in(MS)), -ETIMEDOUT);
	EQ(greenlet_block("test", 1), -ETIMEDOUT); /* over already */
	last_park = true;
	EQ(greenlet_block("test", DEADLINE_NEVER), 6);
	tell("woken ");
	return 0;
}

static void in_hub(void *arg)
{
	EQ(fiber_self, NULL);
	tell("%s ", (char *)arg);
}

static void parking(void)
{
	greenlet_t g = greenlet_spawn(parks, NULL);

	while (!last_park)
		EQ(greenlet_sleep(MS), 0);
	EQ(sleeper->state, FIBER_PARKED);
	STR_EQ(sleeper->why, "test");
	EQ(hub_wake(sleeper, 6), true);
	EQ(hub_wake(sleeper, 7), false); /* ready: once */
	hub_call(in_hub, "called");	 /* at once */
	TOLD("called ");
	greenlet_unref(g);
	EQ(greenlet_sleep(0), 0);
}

TESTS({0, "guard_is_hit", guard_is_hit}, {0, "stack_sizes", stack_sizes}, {0, "stack_pools", stack_pools},
      {0, "timers", timers}, {0, "lists", lists}, {0, "parking", parking})
