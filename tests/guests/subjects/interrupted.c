/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Long hypercalls while events keep coming: each is interrupted and goes on, the events are
 * delivered in between, and the result is what it would have been.
 */
#define SUBJECT "interrupted"
#include "subject.h"

#define MS      1000000ull
#define UPDATES 20000u
#define CALLS   8000u
#define FRAMES  512u

static struct mmu_update updates[UPDATES];
static struct mmuext_op commands[UPDATES];
static struct multicall_entry calls[CALLS];
static u64 page[512] PAGE_ALIGNED, lists[2][FRAMES];
static u8 pool[FRAMES][PAGE_SIZE] PAGE_ALIGNED;
static volatile u32 events;
static u32 timer_port;

static bool event_take(struct trap_regs *regs)
{
    if (regs->vector != ENTRY_EVENT)
        return false;
    events++;
    shared_info->vcpu_info[0].evtchn_upcall_pending = 0;
    shared_info->vcpu_info[0].evtchn_pending_sel = 0;
    __atomic_and_fetch(&shared_info->evtchn_pending[0], ~(1ull << timer_port), __ATOMIC_SEQ_CST);
    return true;
}

/* Repeats the call until an event came in its midst, at most a hundred times. */
static void during(const char *what, s64 (*call)(void), s64 right)
{
    bool same = true;
    events = 0;
    shared_info->vcpu_info[0].evtchn_upcall_mask = 0;
    for (u32 i = 0; i < 100 && (i < 3 || events < 2); i++)
        same &= call() == right;
    shared_info->vcpu_info[0].evtchn_upcall_mask = 1;
    SAY("%s -> right %u, events came %u", what, same, events >= 2);
}

static s64 update_many(void)
{
    u32 done = 0;
    s64 result = HYPERCALL4(mmu_update, updates, UPDATES, &done, DOMID_SELF);
    return result ? result : (s64)done;
}

static s64 extend_many(void)
{
    u32 done = 0;
    s64 result = HYPERCALL4(mmuext_op, commands, UPDATES, &done, DOMID_SELF);
    return result ? result : (s64)done;
}

static s64 call_many(void)
{
    for (u32 i = 0; i < CALLS; i++)
        calls[i] = (struct multicall_entry){.op = __HYPERVISOR_xen_version, .result = 1};
    s64 result = HYPERCALL2(multicall, calls, CALLS);
    for (u32 i = 0; i < CALLS; i++)
        if (calls[i].result != calls[0].result || calls[i].result == 1)
            return (s64)i + 1;
    return result;
}

/* A list of updates within a list of calls. */
static s64 update_in_calls(void)
{
    u32 done[4] = {0};
    for (u32 i = 0; i < 4; i++)
        calls[i] = (struct multicall_entry){
            .op = __HYPERVISOR_mmu_update,
            .args = {(u64)updates, UPDATES / 4, (u64)&done[i], DOMID_SELF}};
    s64 result = HYPERCALL2(multicall, calls, 4);
    for (u32 i = 0; i < 4; i++)
        result |= (s64)calls[i].result;
    return result ? result : (s64)done[0] + done[1] + done[2] + done[3];
}

/* Frames are given back and others are taken, named as the guest knows them. */
static s64 exchange_many(void)
{
    struct xen_memory_reservation out = {
        .extent_start.va = (u64)lists[0], .nr_extents = FRAMES, .domid = DOMID_SELF};
    for (u32 i = 0; i < FRAMES; i++) {
        lists[0][i] = mfn_of(pool[i]);
        lists[1][i] = ((u64)pool[i] - GUEST_VIRT_BASE) / PAGE_SIZE;
        map(pool[i], 0);
    }
    s64 given = HYPERCALL2(memory_op, XENMEM_decrease_reservation, &out);
    out.extent_start.va = (u64)lists[1];
    s64 taken = HYPERCALL2(memory_op, XENMEM_populate_physmap, &out);
    for (u32 i = 0; i < FRAMES; i++) {
        ((u64 *)start_info->mfn_list)[((u64)pool[i] - GUEST_VIRT_BASE) / PAGE_SIZE] = lists[1][i];
        map(pool[i], lists[1][i] * PAGE_SIZE | PTE_ORDINARY);
    }
    return given + taken;
}

/* All frames of a level-1 table are taken and given back. */
static s64 pin_many(void)
{
    s64 result = 0;
    for (u32 i = 0; i < 32; i++)
        result |= mmuext(MMUEXT_PIN_L1_TABLE, mfn_of(page), 0) |
                  mmuext(MMUEXT_UNPIN_TABLE, mfn_of(page), 0);
    return result;
}

void guest_main(void)
{
    struct evtchn_bind_virq timer = {.virq = VIRQ_TIMER};
    struct vcpu_set_periodic_timer period = {.period_ns = MS};
    subject_start();
    HYPERCALL2(event_channel_op, EVTCHNOP_bind_virq, &timer);
    timer_port = timer.port;
    RESULT("periodic timer", HYPERCALL3(vcpu_op, VCPUOP_set_periodic_timer, 0, &period));
    for (u32 i = 0; i < UPDATES; i++) {
        updates[i] = (struct mmu_update){.ptr = entry_address(pool[i % FRAMES], 1),
                                         .val = pte_of(pool[i % FRAMES], PTE_ORDINARY)};
        commands[i] = (struct mmuext_op){.cmd = MMUEXT_TLB_FLUSH_LOCAL};
    }
    trap_hook = event_take;
    during("many updates", update_many, UPDATES);
    during("many commands", extend_many, UPDATES);
    during("many calls", call_many, 0);
    during("updates in calls", update_in_calls, UPDATES);
    during("frames given and taken", exchange_many, 2 * FRAMES);
    for (u32 i = 0; i < COUNT(page); i++)
        page[i] = pte_of(pool[i], PTE_ORDINARY);
    map(page, pte_of(page, PTE_ORDINARY & ~PTE_W));
    during("a table taken and given back", pin_many, 0);
    trap_hook = NULL;
    HYPERCALL3(vcpu_op, VCPUOP_stop_periodic_timer, 0, NULL);
    SAY("end -> 0");
}
