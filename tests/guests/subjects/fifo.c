/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Event channels by queues (the FIFO ABI): control blocks and event arrays with good and bad
 * arguments, what the words and queue heads say after events, masks, priorities, and many events at
 * once.
 */
#define SUBJECT "fifo"
#include "subject.h"

static u8 control_pages[2][PAGE_SIZE] PAGE_ALIGNED;
static u32 array[4][PAGE_SIZE / 4] PAGE_ALIGNED;
static volatile struct evtchn_fifo_control_block *control = (void *)control_pages[0];

static s64 op(u32 cmd, void *arg)
{
    return HYPERCALL2(event_channel_op, cmd, arg);
}

static s64 init(u64 gfn, u32 offset, u32 vcpu)
{
    struct evtchn_init_control i = {.control_gfn = gfn, .offset = offset, .vcpu = vcpu};
    s64 result = op(EVTCHNOP_init_control, &i);
    if (!result)
        SAY("init_control(%x, %u) -> link bits %u", offset, vcpu, i.link_bits);
    return result;
}

static s64 expand(u64 gfn)
{
    struct evtchn_expand_array e = {.array_gfn = gfn};
    return op(EVTCHNOP_expand_array, &e);
}

static s64 simple(u32 cmd, u32 port)
{
    struct evtchn_close c = {.port = port};
    return op(cmd, &c);
}

static u32 ipi(void)
{
    struct evtchn_bind_ipi b = {.vcpu = 0};
    op(EVTCHNOP_bind_ipi, &b);
    return b.port;
}

static volatile u32 *word(u32 port)
{
    return &array[port / 1024][port % 1024];
}

static void state(const char *what, const u32 *ports, u32 count)
{
    char *words = "", *heads = "";
    for (u32 i = 0; i < count; i++)
        words = text("%s %x", words, *word(ports[i]));
    for (u32 i = 0; i < EVTCHN_FIFO_MAX_QUEUES; i++)
        if (control->head[i])
            heads = text("%s %u:%u", heads, i, control->head[i]);
    SAY("%s -> words%s, ready %x, heads%s, upcall %u", what, words, control->ready, heads,
        shared_info->vcpu_info[0].evtchn_upcall_pending);
}

/* Takes one event of a queue, as a kernel does. Returns its port, 0 for none. */
static u32 take(u32 queue)
{
    u32 port = control->head[queue];
    if (!port)
        return 0;
    u32 old = __atomic_fetch_and(word(port), ~(1u << EVTCHN_FIFO_LINKED | EVTCHN_FIFO_LINK_MASK),
                                 __ATOMIC_SEQ_CST);
    control->head[queue] = old & EVTCHN_FIFO_LINK_MASK;
    if (!control->head[queue])
        __atomic_fetch_and(&control->ready, ~(1u << queue), __ATOMIC_SEQ_CST);
    __atomic_fetch_and(word(port), ~(1u << EVTCHN_FIFO_PENDING), __ATOMIC_SEQ_CST);
    return port;
}

static void take_all(void)
{
    char *taken = "";
    u32 n = 0, port;
    for (u32 queue = 0; queue < EVTCHN_FIFO_MAX_QUEUES; queue++)
        while (n < 24 && (port = take(queue))) {
            taken = text("%s %u:%u", taken, queue, port);
            n++;
        }
    SAY("taken ->%s", taken);
    shared_info->vcpu_info[0].evtchn_upcall_pending = 0;
}

static void bad_arguments(void)
{
    u64 page = mfn_of(control_pages[0]);
    RESULT("expand before init", expand(mfn_of(array[0])));
    RESULT("priority before init", simple(EVTCHNOP_set_priority, 1));
    SAY("init misaligned -> %ld", init(page, 4, 0));
    SAY("init at the end -> %ld", init(page, PAGE_SIZE - 64, 0));
    SAY("init beyond the page -> %ld", init(page, PAGE_SIZE, 0));
    SAY("init of no vCPU -> %ld", init(page, 0, 31));
    SAY("init of vCPU ~0 -> %ld", init(page, 0, ~0u));
    SAY("init of no frame -> %ld", init(0xfffffff, 0, 0));
    SAY("init of all ones -> %ld", init(~0ull, 0, 0));
    SAY("init of a page table -> %ld", init(mfn_of((void *)start_info->pt_base), 0, 0));
}

static void arrays(void)
{
    RESULT("expand by no frame", expand(0xfffffff));
    RESULT("expand by a page table", expand(mfn_of((void *)start_info->pt_base)));
    RESULT("expand", expand(mfn_of(array[0])));
    RESULT("expand by the same", expand(mfn_of(array[0])));
    RESULT("read-only for the guest now", map(array[0], pte_of(array[0], PTE_ORDINARY & ~PTE_W)));
    map(array[0], pte_of(array[0], PTE_ORDINARY));
    RESULT("as a page table", mmuext(MMUEXT_PIN_L1_TABLE, mfn_of(array[0]), 0));
}

static void events(void)
{
    u32 p[4] = {ipi(), ipi(), ipi(), ipi()};
    SAY("ports -> %u %u %u %u", p[0], p[1], p[2], p[3]);
    state("at first", p, 4);
    RESULT("send", simple(EVTCHNOP_send, p[0]));
    state("one masked", p, 4);
    for (u32 i = 0; i < 4; i++)
        RESULT("unmask", simple(EVTCHNOP_unmask, p[i]));
    state("unmasked", p, 4);
    RESULT("send again", simple(EVTCHNOP_send, p[0]));
    for (u32 i = 1; i < 4; i++)
        RESULT("send", simple(EVTCHNOP_send, p[i]));
    state("four in the queue", p, 4);
    take_all();
    state("taken", p, 4);
    static const u32 priorities[] = {0, 15, 3, 16, ~0u};
    for (u32 i = 0; i < COUNT(priorities); i++) {
        struct evtchn_set_priority s = {.port = p[i % 4], .priority = priorities[i]};
        SAY("priority %u -> %ld", priorities[i], op(EVTCHNOP_set_priority, &s));
    }
    for (u32 i = 0; i < 4; i++)
        simple(EVTCHNOP_send, p[i]);
    state("by priority", p, 4);
    struct evtchn_set_priority s = {.port = p[0], .priority = 9};
    SAY("priority of one in a queue -> %ld", op(EVTCHNOP_set_priority, &s));
    take_all();
    simple(EVTCHNOP_send, p[0]);
    state("its new queue", p, 1);
    take_all();
    /* The guest masks one that is in the queue already, takes it, and unmasks it when it came
     * again. */
    __atomic_fetch_or(word(p[1]), 1u << EVTCHN_FIFO_MASKED, __ATOMIC_SEQ_CST);
    simple(EVTCHNOP_send, p[1]);
    state("masked by the guest", p + 1, 1);
    simple(EVTCHNOP_unmask, p[1]);
    state("and unmasked", p + 1, 1);
    RESULT("close one in the queue", simple(EVTCHNOP_close, p[1]));
    state("closed", p + 1, 1);
    SAY("its port is given again -> %u", ipi());
    take_all();
    SAY("and now -> %u", ipi());
    /* Words that no hypervisor wrote. */
    *word(p[2]) = 0x0fffffff & ~(1u << EVTCHN_FIFO_BUSY);
    RESULT("send with a wrong link", simple(EVTCHNOP_send, p[2]));
    *word(p[2]) &= ~EVTCHN_FIFO_LINK_MASK;
    state("a wrong word", p + 2, 1);
    *word(p[3]) = 1u << EVTCHN_FIFO_BUSY;
    RESULT("send with BUSY", simple(EVTCHNOP_send, p[3]));
    state("BUSY", p + 3, 1);
    control->head[7] = 0;
    control->ready = 0;
    for (u32 i = 0; i < 4; i++)
        simple(EVTCHNOP_close, p[i]);
}

/* Beyond the first page of words. */
static void many(void)
{
    struct evtchn_alloc_unbound a = {.dom = DOMID_SELF, .remote_dom = DOMID_SELF};
    s64 result;
    u32 count = 0;
    while (count < 1100 && !(result = op(EVTCHNOP_alloc_unbound, &a)))
        count++;
    SAY("ports with one page -> %u, then %ld", count, result);
    SAY("send to one without a word -> %ld", simple(EVTCHNOP_send, a.port));
    RESULT("expand by a second page", expand(mfn_of(array[1])));
    while (count < 2000 && !(result = op(EVTCHNOP_alloc_unbound, &a)))
        count++;
    SAY("ports then -> %u, the last %u, %ld", count, a.port, result);
    struct evtchn_bind_interdomain b = {.remote_dom = DOMID_SELF, .remote_port = a.port};
    answer = op(EVTCHNOP_bind_interdomain, &b);
    SAY("bind -> %ld, %u", answer, b.local_port);
    RESULT("unmask", simple(EVTCHNOP_unmask, a.port));
    RESULT("send", simple(EVTCHNOP_send, b.local_port));
    u32 both[] = {a.port, b.local_port};
    state("a high port", both, 2);
    take_all();
}

void guest_main(void)
{
    subject_start();
    traps_tolerated = true;
    bad_arguments();
    u32 before = ipi();
    SAY("a port of before -> %u, send %ld", before, simple(EVTCHNOP_send, before));
    SAY("init -> %ld", init(mfn_of(control_pages[0]), 0, 0));
    SAY("init again -> %ld", init(mfn_of(control_pages[1]), 0, 0));
    RESULT("send without an array", simple(EVTCHNOP_send, before));
    arrays();
    state("after the array", &before, 1);
    RESULT("unmask", simple(EVTCHNOP_unmask, before));
    RESULT("send", simple(EVTCHNOP_send, before));
    state("sent", &before, 1);
    take_all();
    events();
    many();
    struct evtchn_reset r = {.dom = DOMID_SELF};
    RESULT("reset", op(EVTCHNOP_reset, &r));
    RESULT("expand after reset", expand(mfn_of(array[0])));
    SAY("a port after reset -> %u", ipi());
    SAY("end -> 0");
}
