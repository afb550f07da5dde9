/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Event channels by bitmaps (the two-level ABI): every operation with good and bad arguments, what
 * becomes pending where, masks, upcalls, closing, polling, and reset at the end.
 */
#define SUBJECT "events"
#include "subject.h"

#define LAST_PORT (EVTCHN_FIFO_NR_CHANNELS - 1)

static u32 ports[8];

static bool bit(volatile u64 *words, u32 port)
{
    return words[port / 64] >> port % 64 & 1;
}

static void pending_say(const char *what, u32 port)
{
    volatile struct vcpu_info *v = &shared_info->vcpu_info[0];
    SAY("%s -> pending %u, masked %u, selector %lx, upcall %u", what,
        bit(shared_info->evtchn_pending, port), bit(shared_info->evtchn_mask, port),
        v->evtchn_pending_sel, v->evtchn_upcall_pending);
    __atomic_and_fetch(&shared_info->evtchn_pending[port / 64], ~(1ull << port % 64),
                       __ATOMIC_SEQ_CST);
    v->evtchn_pending_sel = 0;
    v->evtchn_upcall_pending = 0;
}

static s64 op(u32 cmd, void *arg)
{
    return HYPERCALL2(event_channel_op, cmd, arg);
}

static s64 alloc(domid_t dom, domid_t remote, u32 *port)
{
    struct evtchn_alloc_unbound a = {.dom = dom, .remote_dom = remote, .port = 777};
    s64 result = op(EVTCHNOP_alloc_unbound, &a);
    *port = a.port;
    return result;
}

static void status(const char *what, u32 port)
{
    struct evtchn_status s = {.dom = DOMID_SELF, .port = port, .status = 99, .vcpu = 99};
    s64 result = op(EVTCHNOP_status, &s);
    if (result)
        SAY("status of %s -> %ld", what, result);
    else
        SAY("status of %s -> %u vcpu %u, %u %u", what, s.status, s.vcpu,
            s.status > 1 ? s.u.virq & 0xffff : s.u.unbound.dom,
            s.status == 2 ? s.u.interdomain.port : 0);
}

static s64 simple(u32 cmd, u32 port)
{
    struct evtchn_close c = {.port = port};
    return op(cmd, &c);
}

static void allocation(void)
{
    static const domid_t doms[] = {DOMID_SELF, 0,         1,         4711,
                                   DOMID_IO,   DOMID_XEN, DOMID_COW, DOMID_INVALID,
                                   DOMID_IDLE, 0xffff,    0x8000};
    for (u32 i = 0; i < COUNT(doms); i++)
        for (u32 k = 0; k < COUNT(doms); k++) {
            u32 port;
            s64 result = alloc(doms[i], doms[k], &port);
            SAY("alloc_unbound(%x, %x) -> %ld, port %u", doms[i], doms[k], result, port);
            if (!result) {
                status("it", port);
                SAY("close -> %ld", simple(EVTCHNOP_close, port));
            }
        }
}

static void interdomain(void)
{
    for (u32 i = 0; i < 3; i++)
        alloc(DOMID_SELF, DOMID_SELF, &ports[i]);
    alloc(DOMID_SELF, 4711, &ports[3]);
    static const domid_t doms[] = {DOMID_SELF, 0, 4711, DOMID_IDLE};
    const u32 remotes[] = {ports[0], ports[0], ports[3], 0, 1000, LAST_PORT, LAST_PORT + 1, ~0u};
    for (u32 d = 0; d < COUNT(doms); d++)
        for (u32 r = 0; r < COUNT(remotes); r++) {
            struct evtchn_bind_interdomain b = {
                .remote_dom = doms[d], .remote_port = remotes[r], .local_port = 777};
            s64 result = op(EVTCHNOP_bind_interdomain, &b);
            SAY("bind_interdomain(%x, %x) -> %ld, port %u", doms[d], remotes[r], result,
                b.local_port);
            if (!result) {
                ports[4] = b.local_port;
                pending_say("bound", ports[4]);
                status("the one", ports[0]);
                status("the other", ports[4]);
            }
        }
    SAY("send -> %ld", simple(EVTCHNOP_send, ports[4]));
    pending_say("the other end", ports[0]);
    SAY("send back -> %ld", simple(EVTCHNOP_send, ports[0]));
    pending_say("this end", ports[4]);
    SAY("send to unbound -> %ld", simple(EVTCHNOP_send, ports[1]));
    SAY("send to closed -> %ld", simple(EVTCHNOP_send, 1000));
    shared_info->evtchn_mask[ports[0] / 64] |= 1ull << ports[0] % 64;
    SAY("send to masked -> %ld", simple(EVTCHNOP_send, ports[4]));
    volatile struct vcpu_info *v = &shared_info->vcpu_info[0];
    SAY("masked -> pending %u, selector %lx, upcall %u", bit(shared_info->evtchn_pending, ports[0]),
        v->evtchn_pending_sel, v->evtchn_upcall_pending);
    SAY("unmask -> %ld", simple(EVTCHNOP_unmask, ports[0]));
    pending_say("unmasked", ports[0]);
    SAY("close one end -> %ld", simple(EVTCHNOP_close, ports[4]));
    status("the end that stays", ports[0]);
    SAY("send to it -> %ld", simple(EVTCHNOP_send, ports[0]));
    for (u32 i = 0; i < 4; i++)
        SAY("close %u -> %ld", i, simple(EVTCHNOP_close, ports[i]));
}

static void virqs(void)
{
    for (u32 virq = 0; virq < 26; virq++)
        for (u32 vcpu = 0; vcpu < 3; vcpu += 2) {
            struct evtchn_bind_virq b = {.virq = virq, .vcpu = vcpu, .port = 777};
            s64 result = op(EVTCHNOP_bind_virq, &b);
            SAY("bind_virq(%u, vcpu %u) -> %ld, port %u", virq, vcpu, result, b.port);
            if (result)
                continue;
            status("it", b.port);
            SAY("again -> %ld", op(EVTCHNOP_bind_virq, &b));
            SAY("send -> %ld", simple(EVTCHNOP_send, b.port));
            pending_say("after that", b.port);
            SAY("close -> %ld", simple(EVTCHNOP_close, b.port));
        }
    static const u32 vcpus[] = {0, 1, 2, 31, 32, 8191, 8192, ~0u};
    for (u32 i = 0; i < COUNT(vcpus); i++) {
        if (vcpus[i] == 1)
            continue; /* there by the number of processors */
        struct evtchn_bind_ipi b = {.vcpu = vcpus[i], .port = 777};
        s64 result = op(EVTCHNOP_bind_ipi, &b);
        SAY("bind_ipi(vcpu %u) -> %ld, port %u", vcpus[i], result, b.port);
        if (result)
            continue;
        status("it", b.port);
        SAY("send -> %ld", simple(EVTCHNOP_send, b.port));
        pending_say("after that", b.port);
        struct evtchn_bind_vcpu move = {.port = b.port, .vcpu = 0};
        SAY("bind_vcpu of it -> %ld", op(EVTCHNOP_bind_vcpu, &move));
        SAY("close -> %ld", simple(EVTCHNOP_close, b.port));
    }
    struct evtchn_bind_virq timer = {.virq = VIRQ_DEBUG};
    op(EVTCHNOP_bind_virq, &timer);
    struct evtchn_bind_vcpu move = {.port = timer.port, .vcpu = 0};
    SAY("bind_vcpu of a vCPU's VIRQ -> %ld", op(EVTCHNOP_bind_vcpu, &move));
    simple(EVTCHNOP_close, timer.port);
    alloc(DOMID_SELF, DOMID_SELF, &ports[0]);
    for (u32 i = 0; i < COUNT(vcpus); i++) {
        move = (struct evtchn_bind_vcpu){.port = ports[0], .vcpu = vcpus[i]};
        if (vcpus[i] != 1)
            SAY("bind_vcpu(%u) -> %ld", vcpus[i], op(EVTCHNOP_bind_vcpu, &move));
    }
    simple(EVTCHNOP_close, ports[0]);
}

static void bad_ports(void)
{
    static const u32 cmds[] = {EVTCHNOP_close, EVTCHNOP_send, EVTCHNOP_unmask, EVTCHNOP_bind_vcpu,
                               EVTCHNOP_set_priority};
    static const u32 numbers[] = {0,          1,  5, 1000, 4095, 4096, LAST_PORT, LAST_PORT + 1,
                                  0x80000000, ~0u};
    for (u32 c = 0; c < COUNT(cmds); c++)
        for (u32 i = 0; i < COUNT(numbers); i++) {
            struct evtchn_bind_vcpu arg = {.port = numbers[i]};
            SAY("op %u of port %x -> %ld", cmds[c], numbers[i], op(cmds[c], &arg));
        }
    static const domid_t doms[] = {0, 4711, DOMID_IO, DOMID_XEN, DOMID_IDLE, DOMID_INVALID};
    for (u32 i = 0; i < COUNT(doms); i++)
        for (u32 k = 0; k < COUNT(numbers); k++) {
            struct evtchn_status s = {.dom = doms[i], .port = numbers[k]};
            SAY("status(%x, %x) -> %ld", doms[i], numbers[k], op(EVTCHNOP_status, &s));
        }
    for (u32 cmd = 0; cmd < 18; cmd++) {
        SAY("op %u nowhere -> %ld", cmd, op(cmd, (void *)NONCANONICAL));
        SAY("op %u of what is not there -> %ld", cmd, op(cmd, (void *)LOW_NONE));
        SAY("op %u of the hypervisor's -> %ld", cmd, op(cmd, (void *)HYPERVISORS));
    }
    SAY("op ~0 -> %ld", op(~0u, (void *)LOW_NONE));
    static const u32 pirqs[] = {100000, ~0u};
    for (u32 i = 0; i < COUNT(pirqs); i++) {
        struct evtchn_bind_pirq b = {.pirq = pirqs[i], .flags = ~0u};
        SAY("bind_pirq(%u) -> %ld", pirqs[i], op(EVTCHNOP_bind_pirq, &b));
    }
}

/* What the allocation of ports looks like: lowest first, up to the ABI's end. */
static void all_ports(void)
{
    u32 count = 0, port, last = 0;
    s64 result;
    while (!(result = alloc(DOMID_SELF, DOMID_SELF, &port))) {
        last = port;
        count++;
    }
    SAY("all ports -> %u, the last %u, then %ld", count, last, result);
    SAY("close of one in the middle -> %ld", simple(EVTCHNOP_close, 2048));
    answer = alloc(DOMID_SELF, DOMID_SELF, &port);
    SAY("and again -> %ld, %u", answer, port);
    struct evtchn_bind_interdomain b = {.remote_dom = DOMID_SELF, .remote_port = 2000};
    SAY("bind when all are used -> %ld", op(EVTCHNOP_bind_interdomain, &b));
}

/* A kernel that takes its events: without this they come again and again. */
static bool event_taken(struct trap_regs *regs)
{
    if (regs->vector != ENTRY_EVENT)
        return false;
    SAY("event -> mask %u, IF %lx", shared_info->vcpu_info[0].evtchn_upcall_mask,
        regs->rflags >> 9 & 1);
    shared_info->vcpu_info[0].evtchn_upcall_pending = 0;
    return true;
}

static void upcalls(void)
{
    volatile struct vcpu_info *v = &shared_info->vcpu_info[0];
    struct evtchn_bind_ipi b = {.vcpu = 0};
    op(EVTCHNOP_bind_ipi, &b);
    for (u32 mode = KERNEL; mode <= USER; mode++) {
        simple(EVTCHNOP_send, b.port);
        in.rflags = 0x202;
        run(mode, CODE("nop; nop"));
        SAY("mode %u with one pending -> %s at +%lx, mask %u", mode, trap_text(&outcome),
            outcome.rip - LOW_CODE, v->evtchn_upcall_mask);
        pending_say("and left", b.port);
        in.rflags = 2;
        simple(EVTCHNOP_send, b.port);
        run(mode, CODE("nop; nop"));
        SAY("mode %u with one pending and masked -> %s", mode, trap_text(&outcome));
        pending_say("and left", b.port);
    }
    in_reset();
    /* The kernel opens events by itself: the next hypercall delivers. */
    simple(EVTCHNOP_send, b.port);
    in.rbx = (u64)&v->evtchn_upcall_mask;
    in.rdi = in.rsi = 0;
    run(KERNEL, CODE("movb $0, (%rbx); mov $17, %eax; syscall; nop; nop"));
    SAY("opened by a store, and a hypercall -> %s at +%lx rax %lx", trap_text(&outcome),
        outcome.rip - LOW_CODE, outcome.rax);
    v->evtchn_upcall_mask = 1;
    pending_say("and left", b.port);
    /* Polling does not need the mask, nor the upcall. */
    struct sched_poll poll = {.ports.va = (u64)&b.port, .nr_ports = 1, .timeout = 1};
    SAY("poll, nothing -> %ld", HYPERCALL2(sched_op, SCHEDOP_poll, &poll));
    simple(EVTCHNOP_send, b.port);
    poll.timeout = 0;
    SAY("poll, one pending -> %ld", HYPERCALL2(sched_op, SCHEDOP_poll, &poll));
    trap_hook = event_taken;
    answer = HYPERCALL2(sched_op, SCHEDOP_block, 0);
    SAY("block with one pending -> %ld, mask %u", answer, v->evtchn_upcall_mask);
    trap_hook = NULL;
    v->evtchn_upcall_mask = 1;
    pending_say("and left", b.port);
    simple(EVTCHNOP_close, b.port);
    in_reset();
}

static void resets(void)
{
    static const domid_t doms[] = {4711, DOMID_IO, DOMID_IDLE, DOMID_SELF};
    for (u32 i = 0; i < COUNT(doms); i++) {
        struct evtchn_reset r = {.dom = doms[i]};
        SAY("reset(%x) -> %ld", doms[i], op(EVTCHNOP_reset, &r));
    }
    answer = alloc(DOMID_SELF, DOMID_SELF, &ports[0]);
    SAY("a port afterwards -> %ld, %u", answer, ports[0]);
}

void guest_main(void)
{
    subject_start();
    traps_tolerated = true;
    allocation();
    interdomain();
    virqs();
    bad_ports();
    upcalls();
    all_ports();
    resets();
    SAY("end -> 0");
}
