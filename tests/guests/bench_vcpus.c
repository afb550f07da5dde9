/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The part of the benchmark kernel that has two vCPUs, which share one CPU: every turn of the other
 * one is a switch. Each figure is of there and back, that is of two switches.
 */
#include "bench.h"

enum partner_work { PARTNER_IDLE, PARTNER_YIELD, PARTNER_FPU, PARTNER_IPI };

static u8 partner_stack[4 * PAGE_SIZE] PAGE_ALIGNED;
static volatile u32 turn;         /* whose it is: 0 or 1 */
static volatile u32 partner_work; /* enum partner_work */
static u32 ports[2];              /* of the event that wakes each vCPU */

static void turn_give(u32 me)
{
    turn = !me;
    while (turn != me)
        HYPERCALL2(sched_op, SCHEDOP_yield, 0);
}

static void fpu_use(void)
{
    __asm__ volatile("fld1; fstp %st(0); movaps %xmm0, %xmm1");
}

static void turn_give_fpu(u32 me)
{
    fpu_use();
    turn_give(me);
}

/* The events' handlers take the upcall itself back; here goes what led to it. */
static void event_consume(u32 me)
{
    shared_info->evtchn_pending[ports[me] / 64] = 0;
    shared_info->vcpu_info[me].evtchn_pending_sel = 0;
}

static void event_wait(u32 me)
{
    shared_info->vcpu_info[me].evtchn_upcall_mask = 1;
    while (turn != me) {
        HYPERCALL2(sched_op, SCHEDOP_block, 0);
        event_consume(me);
    }
}

static void event_give(u32 me)
{
    struct evtchn_send send = {.port = ports[!me]};
    turn = !me;
    HYPERCALL2(event_channel_op, EVTCHNOP_send, &send);
}

static void partner_main(void)
{
    struct evtchn_bind_ipi bind = {.vcpu = 1};
    HYPERCALL2(event_channel_op, EVTCHNOP_bind_ipi, &bind);
    ports[1] = bind.port;
    for (;;) {
        switch ((enum partner_work)partner_work) {
        case PARTNER_IDLE:
            HYPERCALL2(sched_op, SCHEDOP_yield, 0);
            break;
        case PARTNER_YIELD:
            turn_give(1);
            break;
        case PARTNER_FPU:
            turn_give_fpu(1);
            break;
        case PARTNER_IPI:
            event_wait(1);
            event_give(1);
            break;
        }
    }
}

void bench_vcpus(void)
{
    struct evtchn_bind_ipi bind = {.vcpu = 0};
    bench_failed |= HYPERCALL2(event_channel_op, EVTCHNOP_bind_ipi, &bind);
    ports[0] = bind.port;
    callback_set(CALLBACKTYPE_event, (void (*)(void))entry_return_event);
    s64 error = vcpu_start(1, partner_main, (void (*)(void))entry_return_event_1,
                           partner_stack + sizeof(partner_stack));
    if (error) {
        print("the second vCPU does not start: %ld\n", (u64)error);
        return;
    }
    while (!*(volatile u32 *)&ports[1])
        HYPERCALL2(sched_op, SCHEDOP_yield, 0);
    partner_work = PARTNER_YIELD;
    MEASURE("vcpu_switch_by_yield_twice", 100, turn_give(0));
    partner_work = PARTNER_FPU;
    turn_give(0);
    MEASURE("vcpu_switch_with_fpu_twice", 100, turn_give_fpu(0));
    partner_work = PARTNER_IPI;
    turn_give(0);
    MEASURE("ipi_and_back", 100, {
        event_give(0);
        event_wait(0);
    });
    HYPERCALL3(vcpu_op, VCPUOP_down, 1, 0);
    guest_restore();
}
