/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Event channels as guests see them: what binds and what is refused with which error, both layouts
 * of pending events, polling, closing from either end, and that nothing is left when domains go.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "errno.h"
#include "hypervisor/core/event_private.h"
#include "tests/unit/host/guests.h"

#define OP(name, ...) event_op_##name(current, &(struct evtchn_##name){__VA_ARGS__})

static struct domain *dom0, *guest;

static int setup(void **state)
{
    guests_init();
    dom0 = guests_domain(0, 2);
    guest = guests_domain(5, 40);
    assert_int_equal(event_domain_init(dom0, EVTCHN_FIFO_NR_CHANNELS), 0);
    assert_int_equal(event_domain_init(guest, 1024), 0);
    return 0;
}

static void end(struct domain *d)
{
    d->dying = DOMAIN_DYING;
    while (event_domain_destroy(d) == -ERESTART)
        continue;
    for (u32 i = 0; i < d->max_vcpus; i++)
        for (u32 virq = 0; virq < NR_VIRQS; virq++)
            assert_int_equal(d->vcpus[i]->virq_port[virq], 0);
    event_domain_free(d);
    guests_domain_end(d);
}

static int teardown(void **state)
{
    end(guest);
    end(dom0);
    assert_int_equal(guests_objects_used(), 0);
    assert_int_equal(guests_frames_used(), 0);
    return 0;
}

static u32 unbound(struct domain *d, domid_t remote)
{
    u32 port = 0;
    assert_int_equal(event_alloc_unbound(d, remote, &port), 0);
    return port;
}

static u32 status_of(struct domain *d, u32 port)
{
    struct evtchn_status s = {.port = port};
    assert_int_equal(event_get_status(d, &s), 0);
    return s.status;
}

static bool pending(struct domain *d, u32 port)
{
    return bit_test(d->shared_info->evtchn_pending, port);
}

static void events_seen(struct domain *d)
{
    memset(d->shared_info->evtchn_pending, 0, sizeof(d->shared_info->evtchn_pending));
    for (u32 i = 0; i < d->max_vcpus; i++) {
        if (!d->vcpus[i]->info)
            continue;
        d->vcpus[i]->info->evtchn_pending_sel = 0;
        d->vcpus[i]->info->evtchn_upcall_pending = 0;
    }
}

/* A toolstack may connect a domain before it has given it vCPUs. */
static void test_before_the_first_vcpu(void **state)
{
    struct vcpu *first = guest->vcpus[0];
    guest->vcpus[0] = NULL;
    struct evtchn_bind_interdomain bind = {.remote_dom = 5, .remote_port = unbound(guest, 0)};
    assert_int_equal(event_op_bind_interdomain(current, &bind), 0);
    assert_int_equal(OP(send, .port = bind.local_port), 0);
    assert_true(pending(guest, bind.remote_port));
    guest->vcpus[0] = first;
    assert_int_equal(first->info->evtchn_upcall_pending, 0);
}

static void test_interdomain(void **state)
{
    struct evtchn_alloc_unbound alloc = {.dom = 5, .remote_dom = DOMID_SELF};
    assert_int_equal(event_op_alloc_unbound(current, &alloc), 0);
    assert_int_equal(alloc.port, 1);
    struct evtchn_bind_interdomain bind = {.remote_dom = 5, .remote_port = 1};
    assert_int_equal(OP(bind_interdomain, .remote_dom = 5, .remote_port = 7), -EINVAL);
    assert_int_equal(OP(bind_interdomain, .remote_dom = 6, .remote_port = 1), -ESRCH);
    /* That takes no lock of the other's. */
    spin_lock(&guest->events->lock);
    assert_int_equal(OP(bind_interdomain, .remote_dom = 5, .remote_port = 7), -EINVAL);
    spin_unlock(&guest->events->lock);
    assert_int_equal(OP(bind_interdomain, .remote_dom = 5, .remote_port = 100000), -EINVAL);
    assert_int_equal(event_op_bind_interdomain(current, &bind), 0);
    assert_int_equal(bind.local_port, 1);
    assert_true(pending(dom0, 1)); /* something may have been sent before */
    events_seen(dom0);
    assert_int_equal(OP(bind_interdomain, .remote_dom = 5, .remote_port = 1), -EINVAL);

    struct evtchn_status status = {.dom = 5, .port = 1};
    assert_int_equal(event_op_status(current, &status), 0);
    assert_int_equal(status.status, EVTCHNSTAT_interdomain);
    assert_int_equal(status.u.interdomain.dom, 0);
    assert_int_equal(status.u.interdomain.port, 1);

    assert_int_equal(OP(send, .port = 1), 0);
    assert_true(pending(guest, 1));
    assert_false(pending(dom0, 1));
    assert_int_equal(guest->vcpus[0]->info->evtchn_pending_sel, 1);
    assert_int_equal(guest->vcpus[0]->info->evtchn_upcall_pending, 1);

    /* Closing this end leaves the other for us to come back. */
    assert_int_equal(OP(close, .port = 1), 0);
    assert_int_equal(OP(close, .port = 1), -EINVAL);
    assert_int_equal(OP(send, .port = 1), -EINVAL);
    assert_int_equal(status_of(guest, 1), EVTCHNSTAT_unbound);
    guests_run(guest->vcpus[0]);
    assert_int_equal(OP(send, .port = 1), 0); /* lost, silently */
    guests_run(dom0->vcpus[0]);
    assert_int_equal(event_op_bind_interdomain(current, &bind), 0);
    /* The guest closes its end while it is bound. */
    guests_run(guest->vcpus[0]);
    assert_int_equal(OP(close, .port = 1), 0);
    assert_int_equal(status_of(dom0, 1), EVTCHNSTAT_unbound);
    guests_run(dom0->vcpus[0]);
}

static void test_privilege(void **state)
{
    guests_run(guest->vcpus[0]);
    assert_int_equal(OP(alloc_unbound, .dom = 0, .remote_dom = 5), -EPERM);
    assert_int_equal(OP(alloc_unbound, .dom = 77, .remote_dom = 5), -ESRCH);
    assert_int_equal(OP(alloc_unbound, .dom = DOMID_SELF, .remote_dom = 0), 0);
    assert_int_equal(OP(status, .dom = 0, .port = 1), -EPERM);
    assert_int_equal(OP(status, .dom = DOMID_SELF, .port = 1), 0);
    assert_int_equal(OP(status, .dom = DOMID_SELF, .port = 100000), -EINVAL);
    /* A port that is kept for another domain. */
    guests_run(dom0->vcpus[0]);
    u32 port = unbound(dom0, 9);
    guests_run(guest->vcpus[0]);
    assert_int_equal(OP(bind_interdomain, .remote_dom = 0, .remote_port = port), -EINVAL);
    guests_run(dom0->vcpus[0]);
    assert_int_equal(event_domain_reset(guest), -EINVAL); /* not paused */
}

static void test_self_loop(void **state)
{
    u32 port = unbound(dom0, 0);
    struct evtchn_bind_interdomain bind = {.remote_dom = DOMID_SELF, .remote_port = port};
    assert_int_equal(event_op_bind_interdomain(current, &bind), 0);
    events_seen(dom0);
    assert_int_equal(OP(send, .port = port), 0);
    assert_true(pending(dom0, bind.local_port));
    assert_int_equal(OP(close, .port = port), 0);
    assert_int_equal(status_of(dom0, bind.local_port), EVTCHNSTAT_unbound);
}

static void test_virq(void **state)
{
    u32 port, other;
    assert_int_equal(OP(bind_virq, .virq = NR_VIRQS), -EINVAL);
    assert_int_equal(OP(bind_virq, .virq = VIRQ_TIMER, .vcpu = 2), -ENOENT);
    assert_int_equal(OP(bind_virq, .virq = VIRQ_DOM_EXC, .vcpu = 1), -EINVAL); /* a global one */
    assert_int_equal(event_bind_virq(dom0, VIRQ_TIMER, 1, &port), 0);
    assert_int_equal(event_bind_virq(dom0, VIRQ_TIMER, 1, &other), -EEXIST);
    assert_int_equal(event_bind_virq(dom0, VIRQ_TIMER, 0, &other), 0);
    assert_int_equal(OP(bind_vcpu, .port = port, .vcpu = 0), -EINVAL);
    event_raise_virq(dom0->vcpus[1], VIRQ_TIMER);
    assert_true(pending(dom0, port));
    assert_false(pending(dom0, other));
    assert_int_equal(dom0->vcpus[1]->info->evtchn_upcall_pending, 1);
    assert_int_equal(dom0->vcpus[0]->info->evtchn_upcall_pending, 0);
    assert_int_equal(OP(send, .port = port), -EINVAL);

    assert_int_equal(event_bind_virq(dom0, VIRQ_DOM_EXC, 0, &port), 0);
    assert_int_equal(OP(bind_vcpu, .port = port, .vcpu = 5), -ENOENT);
    assert_int_equal(OP(bind_vcpu, .port = port, .vcpu = 1), 0);
    events_seen(dom0);
    event_raise_host_virq(VIRQ_DOM_EXC);
    assert_true(pending(dom0, port));
    assert_int_equal(dom0->vcpus[1]->info->evtchn_upcall_pending, 1);
    /* Another domain takes it over, and loses it with its end. */
    assert_int_equal(event_set_virq_handler(guest, VIRQ_TIMER), -EINVAL);
    assert_int_equal(event_set_virq_handler(guest, VIRQ_DOM_EXC), 0);
    assert_int_equal(event_bind_virq(guest, VIRQ_DOM_EXC, 0, &other), 0);
    events_seen(dom0);
    event_raise_host_virq(VIRQ_DOM_EXC);
    assert_false(pending(dom0, port));
    assert_true(pending(guest, other));
    /* Closed, it can be bound anew. */
    assert_int_equal(event_close(dom0, port), 0);
    assert_int_equal(event_bind_virq(dom0, VIRQ_DOM_EXC, 0, &port), 0);
}

static void test_pirq(void **state)
{
    u32 port, other;
    assert_int_equal(event_bind_pirq(dom0, 64, false, &port), -EINVAL);
    guests.pirq_bind_result = -EPERM;
    assert_int_equal(event_bind_pirq(dom0, 9, false, &port), -EPERM);
    assert_int_equal(event_pirq_port(dom0, 9), 0);
    assert_int_equal(dom0->events->bound_ports, 0);
    guests.pirq_bind_result = 0;
    assert_int_equal(event_bind_pirq(dom0, 9, false, &port), 0);
    assert_int_equal(event_bind_pirq(dom0, 9, true, &other), -EEXIST);
    assert_int_equal(event_pirq_port(dom0, 9), port);
    assert_false(event_raise_pirq(dom0, 8));
    assert_false(event_raise_pirq(dom0, 1000));
    assert_true(event_raise_pirq(dom0, 9));
    assert_true(pending(dom0, port));
    assert_int_equal(event_bind_vcpu(dom0, port, 1), 0);
    assert_int_equal(event_bind_vcpu(dom0, port, 1), 0);
    assert_int_equal(guests.pirq_affinities, 1);
    assert_int_equal(event_close(dom0, port), 0);
    assert_int_equal(guests.pirq_unbinds, 1);
    assert_false(event_raise_pirq(dom0, 9));
}

static void test_masks_and_wakes(void **state)
{
    u32 port;
    assert_int_equal(event_bind_ipi(dom0, 2, &port), -ENOENT);
    assert_int_equal(event_bind_ipi(dom0, 1, &port), 0);
    struct vcpu *v = dom0->vcpus[1];
    bit_set(dom0->shared_info->evtchn_mask, port);
    assert_int_equal(OP(send, .port = port), 0);
    assert_int_equal(v->info->evtchn_upcall_pending, 0);
    assert_int_equal(OP(unmask, .port = port), 0);
    assert_int_equal(v->info->evtchn_upcall_pending, 1);
    assert_int_equal(OP(unmask, .port = 100000), -EINVAL);
    assert_int_equal(OP(set_priority, .port = port, .priority = 3), -ENOSYS);

    events_seen(dom0);
    v->pause_flags = VCPU_PAUSED_BLOCKED;
    assert_int_equal(OP(send, .port = port), 0);
    assert_int_equal(guests.wakes, 1);
    events_seen(dom0);
    v->cpu = 3;
    assert_int_equal(OP(send, .port = port), 0);
    assert_int_equal(guests.kicks, 1);
    assert_int_equal(OP(send, .port = port), 0); /* it knows already */
    assert_int_equal(guests.kicks, 1);

    /* A vCPU without vcpu_info gets it all once it registers one. */
    u32 far;
    struct vcpu_info info = {.evtchn_upcall_pending = 0};
    assert_int_equal(event_bind_ipi(guest, 35, &far), 0);
    assert_int_equal(event_send(guest, far), 0);
    guest->vcpus[35]->info = &info;
    event_vcpu_info_moved(guest->vcpus[35]);
    assert_int_equal(info.evtchn_upcall_pending, 1);
    assert_true(info.evtchn_pending_sel == ~0ull);
}

static void test_poll(void **state)
{
    u32 a = unbound(dom0, 0), b, c;
    assert_int_equal(event_bind_ipi(dom0, 0, &b), 0);
    assert_int_equal(event_bind_ipi(dom0, 0, &c), 0);
    bit_set(dom0->shared_info->evtchn_mask, b);
    bit_set(dom0->shared_info->evtchn_mask, c);
    struct vcpu *v = dom0->vcpus[1];
    event_poll_begin(v, b);
    assert_true(v->pause_flags & VCPU_PAUSED_POLL);
    assert_int_equal(event_send(dom0, c), 0);
    assert_int_equal(guests.wakes, 0);
    assert_int_equal(event_send(dom0, b), 0); /* masked ports wake pollers too */
    assert_int_equal(guests.wakes, 1);
    assert_false(event_poll_end(v));
    assert_int_equal(dom0->events->pollers, 0);
    assert_true(event_port_is_pending(dom0, b));
    assert_false(event_port_is_pending(dom0, a));
    assert_false(event_port_is_pending(dom0, 100000));
    events_seen(dom0);
    event_poll_begin(v, EVENT_POLL_SEVERAL);
    assert_int_equal(event_send(dom0, c), 0);
    assert_int_equal(guests.wakes, 2);
    event_poll_begin(v, b);
    assert_true(event_poll_end(v)); /* its time-out */
    assert_int_equal(dom0->events->pollers, 0);
    /* Twice, in a multicall: once it is over, nobody is looked for any more. */
    event_poll_begin(v, b);
    event_poll_begin(v, c);
    assert_true(event_poll_end(v));
    assert_false(event_poll_end(v));
    assert_int_equal(dom0->events->pollers, 0);
}

static void test_limits(void **state)
{
    u32 port;
    for (u32 i = 1; i < 1024; i++)
        assert_int_equal(unbound(guest, 0), i);
    assert_int_equal(event_alloc_unbound(guest, 0, &port), -ENOSPC);
    assert_int_equal(event_close(guest, 77), 0);
    assert_int_equal(unbound(guest, 0), 77);
    for (u32 i = 1; i < EVTCHN_2L_NR_CHANNELS; i++)
        assert_int_equal(unbound(dom0, 0), i);
    assert_int_equal(event_alloc_unbound(dom0, 0, &port), -ENOSPC);
    guest->dying = DOMAIN_DYING;
    assert_int_equal(event_alloc_unbound(guest, 0, &port), -EINVAL);
    /* Teardown in slices. */
    guests.preempt_after = 2;
    assert_int_equal(event_domain_destroy(guest), -ERESTART);
    guests.preempt_after = 0;
}

static void test_no_memory(void **state)
{
    u32 port, bound = 0;
    for (u32 i = 1; i < EVENT_BUCKET_PORTS; i++)
        (void)unbound(guest, 0);
    guests.fail_allocation_after = 1;
    assert_int_equal(event_alloc_unbound(guest, 0, &port), -ENOMEM);
    bound = guest->events->bound_ports;
    assert_int_equal(bound, EVENT_BUCKET_PORTS - 1);
    assert_int_equal(event_alloc_unbound(guest, 0, &port), 0);
    guests.fail_allocation_after = 1;
    assert_int_equal(event_bind_pirq(dom0, 1, false, &port), -ENOMEM);
}

/* --- FIFO */

struct fifo {
    struct evtchn_fifo_control_block *control[2];
    event_word_t *words;
};

static struct fifo fifo_setup(void)
{
    struct fifo f;
    struct frame *page = guests_frame(dom0, 0), *words = guests_frame(dom0, 0);
    struct evtchn_init_control op = {.control_gfn = frame_mfn(page).v, .offset = 64, .vcpu = 0};
    assert_int_equal(event_op_init_control(current, &op), 0);
    assert_int_equal(op.link_bits, EVTCHN_FIFO_LINK_BITS);
    op.vcpu = 1;
    op.offset = 1024;
    assert_int_equal(event_op_init_control(current, &op), 0);
    assert_int_equal(OP(expand_array, .array_gfn = frame_mfn(words).v), 0);
    char *p = frame_to_virt(page);
    f.control[0] = (void *)(p + 64);
    f.control[1] = (void *)(p + 1024);
    f.words = frame_to_virt(words);
    return f;
}

/* As a guest does: take the first port out of a queue; 0 if it is empty. */
static u32 fifo_take(struct fifo *f, u32 vcpu, u32 priority, u32 *head)
{
    struct evtchn_fifo_control_block *c = f->control[vcpu];
    if (!*head) {
        if (!(c->ready & 1u << priority))
            return 0;
        c->ready &= ~(1u << priority);
        *head = c->head[priority];
    }
    u32 port = *head;
    *head = f->words[port] & EVTCHN_FIFO_LINK_MASK;
    f->words[port] &= ~(1u << EVTCHN_FIFO_LINKED | (u32)EVTCHN_FIFO_LINK_MASK);
    assert_true(f->words[port] & 1u << EVTCHN_FIFO_PENDING);
    f->words[port] &= ~(1u << EVTCHN_FIFO_PENDING);
    return port;
}

static void test_fifo_setup(void **state)
{
    struct frame *page = guests_frame(dom0, 0), *table = guests_frame(dom0, 0);
    struct frame *foreign = guests_frame(guest, 0);
    u64 gfn = frame_mfn(page).v;
    assert_int_equal(OP(expand_array, .array_gfn = gfn), -EOPNOTSUPP);
    assert_int_equal(OP(init_control, .control_gfn = gfn, .vcpu = 2), -ENOENT);
    assert_int_equal(OP(init_control, .control_gfn = gfn, .offset = 4), -EINVAL);
    assert_int_equal(OP(init_control, .control_gfn = gfn, .offset = 4096 - 64), -EINVAL);
    assert_int_equal(OP(init_control, .control_gfn = ~0ull), -EINVAL);
    assert_int_equal(OP(init_control, .control_gfn = frame_mfn(foreign).v), -EINVAL);
    table->type = FRAME_TYPE_L1 | 1;
    assert_int_equal(OP(init_control, .control_gfn = frame_mfn(table).v), -EINVAL);
    table->type = 0;
    assert_ptr_equal(dom0->events->abi, &event_abi_2level);
    assert_null(dom0->vcpus[0]->event_fifo);
    for (u32 i = 1; i <= 3; i++) {
        guests.fail_allocation_after = i;
        assert_int_equal(OP(init_control, .control_gfn = gfn), -ENOMEM);
    }
    assert_int_equal(OP(init_control, .control_gfn = gfn), 0);
    assert_int_equal(OP(init_control, .control_gfn = gfn), -EINVAL);
    assert_int_equal(OP(expand_array, .array_gfn = frame_mfn(foreign).v), -EINVAL);
    assert_int_equal(page->count & FRAME_REFS, 2);
    assert_int_equal(OP(set_priority, .port = 5, .priority = 0), -EACCES);
}

static void test_fifo_order(void **state)
{
    u32 early, a, b, urgent;
    /* Bound and pending before the switch: it is not lost. */
    assert_int_equal(event_bind_ipi(dom0, 0, &early), 0);
    assert_int_equal(event_send(dom0, early), 0);
    struct fifo f = fifo_setup();
    u32 head = 0, none = 0;
    assert_int_equal(fifo_take(&f, 0, EVTCHN_FIFO_PRIORITY_DEFAULT, &head), early);
    assert_int_equal(head, 0);

    assert_int_equal(event_bind_ipi(dom0, 0, &a), 0);
    assert_int_equal(event_bind_ipi(dom0, 0, &b), 0);
    assert_int_equal(event_bind_ipi(dom0, 0, &urgent), 0);
    assert_int_equal(OP(set_priority, .port = urgent, .priority = 16), -EINVAL);
    assert_int_equal(OP(set_priority, .port = urgent, .priority = 0), 0);
    dom0->vcpus[0]->info->evtchn_upcall_pending = 0;
    assert_int_equal(event_send(dom0, b), 0);
    assert_int_equal(dom0->vcpus[0]->info->evtchn_upcall_pending, 1);
    assert_int_equal(event_send(dom0, a), 0);
    assert_int_equal(event_send(dom0, b), 0); /* twice is once */
    assert_int_equal(event_send(dom0, early), 0);
    assert_int_equal(event_send(dom0, urgent), 0);
    assert_int_equal(fifo_take(&f, 0, 0, &none), urgent);
    assert_int_equal(fifo_take(&f, 0, 7, &head), b);
    /* Again while its successors are still queued. */
    assert_int_equal(event_send(dom0, b), 0);
    assert_int_equal(fifo_take(&f, 0, 7, &head), a);
    assert_int_equal(fifo_take(&f, 0, 7, &head), early);
    assert_int_equal(fifo_take(&f, 0, 7, &head), b);
    assert_int_equal(fifo_take(&f, 0, 7, &head), 0);
}

static void test_fifo_moves(void **state)
{
    struct fifo f = fifo_setup();
    u32 a, b, head = 0, none = 0;
    assert_int_equal(event_bind_virq(dom0, VIRQ_CONSOLE, 0, &a), 0);
    assert_int_equal(event_bind_ipi(dom0, 0, &b), 0);
    /* Masked: pending, not queued; unmasking queues it. */
    f.words[a] |= 1u << EVTCHN_FIFO_MASKED;
    event_raise_host_virq(VIRQ_CONSOLE);
    assert_int_equal(f.control[0]->ready, 0);
    assert_int_equal(OP(unmask, .port = a), 0);
    assert_int_equal(fifo_take(&f, 0, 7, &head), a);
    /*
     * It was the tail; it goes to another vCPU's queue; the next in the old queue starts it anew.
     */
    assert_int_equal(event_bind_vcpu(dom0, a, 1), 0);
    event_raise_host_virq(VIRQ_CONSOLE);
    assert_int_equal(event_send(dom0, b), 0);
    assert_int_equal(fifo_take(&f, 0, 7, &head), b);
    assert_int_equal(head, 0);
    assert_int_equal(fifo_take(&f, 1, 7, &none), a);
    assert_int_equal(none, 0);
    /* While queued it stays where it is, whatever its new vCPU. */
    event_raise_host_virq(VIRQ_CONSOLE);
    assert_int_equal(event_bind_vcpu(dom0, a, 0), 0);
    event_raise_host_virq(VIRQ_CONSOLE);
    assert_int_equal(fifo_take(&f, 1, 7, &none), a);
    assert_int_equal(fifo_take(&f, 0, 7, &head), 0);
    /* A freed port is not used again before the guest has taken it out. */
    assert_int_equal(event_send(dom0, b), 0);
    assert_int_equal(event_close(dom0, b), 0);
    assert_int_equal(unbound(dom0, 0), b + 1);
    f.words[b] = 0;
    assert_int_equal(unbound(dom0, 0), b);
}

/* Who sends while the domain goes over may still mean the bits, which nobody looks at any more. */
static void test_fifo_late_sender(void **state)
{
    u32 port, head = 0;
    assert_int_equal(event_bind_ipi(dom0, 0, &port), 0);
    struct event_port *p = event_port_at(dom0->events, port);
    event_abi_2level.set_pending(dom0, port, p);
    struct fifo f = fifo_setup();
    assert_int_equal(fifo_take(&f, 0, EVTCHN_FIFO_PRIORITY_DEFAULT, &head), port);
    event_abi_2level.set_pending(dom0, port, p);
    assert_int_equal(fifo_take(&f, 0, EVTCHN_FIFO_PRIORITY_DEFAULT, &head), port);
}

/* Words and queues that the guest has made nonsense of cost it events at most. */
static void test_fifo_nonsense(void **state)
{
    struct fifo f = fifo_setup();
    u32 ports[32];
    for (u32 i = 0; i < 32; i++)
        assert_int_equal(event_bind_ipi(dom0, i % 2, &ports[i]), 0);
    srand(7);
    for (u32 i = 0; i < 200000; i++) {
        u32 port = ports[rand() % 32];
        switch (rand() % 6) {
        case 0:
            f.words[1 + rand() % 40] = (u32)rand() * 2 + (u32)rand();
            break;
        case 1:
            f.control[rand() % 2]->ready = (u32)rand();
            break;
        case 2:
            f.control[rand() % 2]->head[rand() % 16] = (u32)rand();
            break;
        case 3:
            assert_int_equal(OP(unmask, .port = port), 0);
            break;
        case 4:
            assert_int_equal(OP(set_priority, .port = port, .priority = (u32)rand() % 16), 0);
            break;
        default:
            assert_int_equal(event_send(dom0, port), 0);
        }
    }
}

static void test_fifo_reset(void **state)
{
    struct fifo f = fifo_setup();
    u32 far = 0, pages = 1;
    /* Ports beyond the pages of words wait for them. */
    while (far < 2000)
        assert_int_equal(event_bind_ipi(dom0, 0, &far), 0);
    assert_int_equal(event_send(dom0, far), 0);
    assert_int_equal(f.control[0]->ready, 0);
    for (; pages < 128; pages++)
        assert_int_equal(OP(expand_array, .array_gfn = frame_mfn(guests_frame(dom0, 0)).v), 0);
    assert_int_equal(OP(expand_array, .array_gfn = frame_mfn(guests_frame(dom0, 0)).v), -ENOSPC);
    assert_int_equal(f.control[0]->ready, 1u << EVTCHN_FIFO_PRIORITY_DEFAULT);
    assert_int_equal(f.control[0]->head[EVTCHN_FIFO_PRIORITY_DEFAULT], far);
    struct evtchn_reset reset = {.dom = DOMID_SELF};
    vaddr_t arg = (vaddr_t)&reset;
    guests.preempt_after = 3;
    assert_int_equal(event_op_reset(current, &arg), 0);
    assert_int_equal(guests.continuations, 1);
    assert_int_equal(guests.continued[0], EVTCHNOP_reset);
    assert_int_equal(guests.continued[1], arg);
    assert_true(dom0->events->bound_ports > 0);
    assert_int_equal(event_op_reset(current, &arg), 0);
    assert_int_equal(dom0->events->bound_ports, 0);
    assert_ptr_equal(dom0->events->abi, &event_abi_2level);
    assert_null(dom0->vcpus[0]->event_fifo);
    assert_int_equal(unbound(dom0, 0), 1);
    f = fifo_setup();
}

/* Random life of two domains: the books must balance at every end, which teardown checks. */
static void test_random(void **state)
{
    srand(3);
    for (u32 i = 0; i < 100000; i++) {
        struct domain *d = rand() % 2 ? dom0 : guest, *other = d == dom0 ? guest : dom0;
        u32 port, chosen = 1 + (u32)rand() % 60;
        guests_run(d->vcpus[0]);
        switch (rand() % 9) {
        case 0:
            assert_int_equal(event_alloc_unbound(d, rand() % 3 ? other->id : d->id, &port), 0);
            break;
        case 1:
        case 2:
            (void)OP(bind_interdomain, .remote_dom = rand() % 3 ? other->id : d->id,
                     .remote_port = chosen);
            break;
        case 3:
            (void)OP(bind_virq, .virq = (u32)rand() % 25, .vcpu = (u32)rand() % 3);
            break;
        case 4:
            (void)OP(bind_pirq, .pirq = (u32)rand() % 70);
            break;
        case 5:
            (void)OP(bind_vcpu, .port = chosen, .vcpu = (u32)rand() % 3);
            break;
        case 6:
            (void)OP(send, .port = chosen);
            break;
        default:
            (void)OP(close, .port = chosen);
            break;
        }
    }
    for (u32 port = 1; port < dom0->events->valid_ports; port++) {
        const struct event_port *p = event_port_at(dom0->events, port);
        if (p->state != EVENT_INTERDOMAIN)
            continue;
        const struct event_port *peer = event_port_at(p->remote.domain->events, p->remote.port);
        assert_int_equal(peer->state, EVENT_INTERDOMAIN);
        assert_ptr_equal(peer->remote.domain, dom0);
        assert_int_equal(peer->remote.port, port);
    }
    guests_run(dom0->vcpus[0]);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(before_the_first_vcpu),
        T(interdomain),
        T(privilege),
        T(self_loop),
        T(virq),
        T(pirq),
        T(masks_and_wakes),
        T(poll),
        T(limits),
        T(no_memory),
        T(fifo_setup),
        T(fifo_order),
        T(fifo_moves),
        T(fifo_late_sender),
        T(fifo_reset),
        T(random),
        T(fifo_nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
