/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The probe's group event_channel_op: every error that one domain can cause, and a channel to
 * itself. */
#include "abi/event_channel.h"
#include "probe.h"

#define EVENT(cmd, ...) event((cmd), &(__VA_ARGS__), sizeof(__VA_ARGS__))
#define ABSURD_VCPU     999u

static void *page;

/* A sub-operation on a copy of the argument, which stays in page for a look at the answer. */
static long event(uint64_t cmd, const void *argument, size_t size)
{
    memcpy(page, argument, size);
    return hypercall(__HYPERVISOR_event_channel_op, cmd, address(page), 0, 0, 0);
}

static uint32_t unbound(domid_t d, domid_t remote, long *value)
{
    *value = EVENT(EVTCHNOP_alloc_unbound,
                   (struct evtchn_alloc_unbound){.dom = d, .remote_dom = remote});
    return ((struct evtchn_alloc_unbound *)page)->port;
}

static long close_port(uint32_t port)
{
    return EVENT(EVTCHNOP_close, (struct evtchn_close){.port = port});
}

static const struct evtchn_status *status(domid_t d, uint32_t port, const char *name)
{
    long value = EVENT(EVTCHNOP_status, (struct evtchn_status){.dom = d, .port = port});
    const struct evtchn_status *s = page;
    if (value)
        line("status of %s = %ld", name, value);
    else
        line("status of %s = 0: %u, vcpu %u", name, s->status, s->vcpu);
    return s;
}

static void event_domains(void)
{
    static const domid_t ids[] = {DOMID_NONE,    DOMID_IO,   DOMID_XEN, DOMID_COW,
                                  DOMID_INVALID, DOMID_IDLE, 0xffff};
    for (unsigned i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        long value;
        uint32_t port = unbound(ids[i], DOMID_SELF, &value);
        line("alloc_unbound(of %#x) = %ld", ids[i], value);
        port = unbound(DOMID_SELF, ids[i], &value);
        line("alloc_unbound(for %#x) = %ld, port %d", ids[i], value, !value && port > 0);
        if (!value)
            line("close it = %ld", close_port(port));
        line("bind_interdomain(%#x) = %ld", ids[i],
             EVENT(EVTCHNOP_bind_interdomain,
                   (struct evtchn_bind_interdomain){.remote_dom = ids[i], .remote_port = 1}));
        status(ids[i], 1, "a port of no ordinary domain");
        line("reset(%#x) = %ld", ids[i],
             EVENT(EVTCHNOP_reset, (struct evtchn_reset){.dom = ids[i]}));
    }
}

static void event_bad_ports(void)
{
    static const uint32_t ports[] = {0, 2000, 0x1ffff, 0x20000, ~0u};
    for (unsigned i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
        uint32_t port = ports[i];
        line("port %#x: close = %ld", port, close_port(port));
        line("port %#x: send = %ld", port,
             EVENT(EVTCHNOP_send, (struct evtchn_send){.port = port}));
        line("port %#x: unmask = %ld", port,
             EVENT(EVTCHNOP_unmask, (struct evtchn_unmask){.port = port}));
        line("port %#x: bind_vcpu = %ld", port,
             EVENT(EVTCHNOP_bind_vcpu, (struct evtchn_bind_vcpu){.port = port}));
        line("port %#x: set_priority = %ld", port,
             EVENT(EVTCHNOP_set_priority,
                   (struct evtchn_set_priority){.port = port, .priority = 7}));
        line("port %#x: set_priority(16) = %ld", port,
             EVENT(EVTCHNOP_set_priority,
                   (struct evtchn_set_priority){.port = port, .priority = 16}));
        line("port %#x: bind_interdomain = %ld", port,
             EVENT(EVTCHNOP_bind_interdomain, (struct evtchn_bind_interdomain){
                                                  .remote_dom = DOMID_SELF, .remote_port = port}));
        status(DOMID_SELF, port, "it");
    }
}

static void event_sources(void)
{
    for (uint32_t virq = 0; virq < NR_VIRQS + 1; virq++) {
        for (unsigned vcpu = 0; vcpu < 2; vcpu++) {
            long value =
                EVENT(EVTCHNOP_bind_virq, (struct evtchn_bind_virq){.virq = virq, .vcpu = vcpu});
            uint32_t port = ((struct evtchn_bind_virq *)page)->port;
            line("bind_virq(%u, vcpu %u) = %ld", virq, vcpu, value);
            if (!value) {
                const struct evtchn_status *s = status(DOMID_SELF, port, "it");
                line("its number = %u", s->u.virq);
                line("send to it = %ld", EVENT(EVTCHNOP_send, (struct evtchn_send){.port = port}));
                line("bind it to vcpu 0 = %ld",
                     EVENT(EVTCHNOP_bind_vcpu, (struct evtchn_bind_vcpu){.port = port}));
                line("close it = %ld", close_port(port));
            }
        }
    }
    result("bind_virq(no vcpu)",
           EVENT(EVTCHNOP_bind_virq,
                 (struct evtchn_bind_virq){.virq = VIRQ_DEBUG, .vcpu = ABSURD_VCPU}));
    result("bind_ipi(no vcpu)",
           EVENT(EVTCHNOP_bind_ipi, (struct evtchn_bind_ipi){.vcpu = ABSURD_VCPU}));
    static const uint32_t pirqs[] = {0, 1, 2, 9, 15, 200, 100000, ~0u};
    for (unsigned i = 0; i < sizeof(pirqs) / sizeof(pirqs[0]); i++) {
        long value =
            EVENT(EVTCHNOP_bind_pirq, (struct evtchn_bind_pirq){.pirq = pirqs[i], .flags = 2});
        line("bind_pirq(%u, reserved flag) = %ld", pirqs[i], value);
        if (!value)
            line("bind_pirq(%u, closed) = %ld", pirqs[i],
                 close_port(((struct evtchn_bind_pirq *)page)->port));
    }
}

static void event_control(void)
{
    result("init_control(no vcpu)",
           EVENT(EVTCHNOP_init_control,
                 (struct evtchn_init_control){.vcpu = ABSURD_VCPU, .control_gfn = 1}));
    result(
        "init_control(misaligned)",
        EVENT(EVTCHNOP_init_control, (struct evtchn_init_control){.offset = 4, .control_gfn = 1}));
    result("init_control(beyond)",
           EVENT(EVTCHNOP_init_control,
                 (struct evtchn_init_control){.offset = 4088, .control_gfn = 1}));
    result(
        "init_control(once more)",
        EVENT(EVTCHNOP_init_control, (struct evtchn_init_control){.offset = 0, .control_gfn = 1}));
    result("expand_array(no frame)",
           EVENT(EVTCHNOP_expand_array, (struct evtchn_expand_array){.array_gfn = ~0ull >> 12}));
}

void probe_event(void)
{
    group("event");
    page = page_new();
    for (uint32_t cmd = EVTCHNOP_bind_interdomain; cmd <= EVTCHNOP_set_priority; cmd++) {
        char name[32];
        snprintf(name, sizeof(name), "command %u", cmd);
        bad_addresses(name, __HYPERVISOR_event_channel_op, cmd);
    }
    /* 14 is Xen's own: how it goes on with a reset that took too long. */
    result("command 15", hypercall(__HYPERVISOR_event_channel_op, 15, address(page), 0, 0, 0));
    result("command -1", hypercall(__HYPERVISOR_event_channel_op, ~0u, address(page), 0, 0, 0));
    event_domains();
    event_bad_ports();
    event_sources();
    event_control();
}

/* A channel from the domain to itself. */
void probe_event_ports(void)
{
    group("ports");
    long value;
    uint32_t a = unbound(DOMID_SELF, DOMID_SELF, &value);
    result("alloc_unbound", value);
    const struct evtchn_status *s = status(DOMID_SELF, a, "the unbound port");
    line("who may connect = %u", s->u.unbound.dom);
    result("send to an unbound port", EVENT(EVTCHNOP_send, (struct evtchn_send){.port = a}));
    value = EVENT(EVTCHNOP_bind_interdomain,
                  (struct evtchn_bind_interdomain){.remote_dom = DOMID_SELF, .remote_port = a});
    uint32_t b = ((struct evtchn_bind_interdomain *)page)->local_port;
    line("bind_interdomain = %ld, another port %d", value, a != b);
    s = status(DOMID_SELF, b, "the second port");
    line("its peer = %u, right port %d", s->u.interdomain.dom, s->u.interdomain.port == a);
    s = status(0, a, "the first port");
    line("its peer = %u, right port %d", s->u.interdomain.dom, s->u.interdomain.port == b);
    result("bind_interdomain twice",
           EVENT(EVTCHNOP_bind_interdomain,
                 (struct evtchn_bind_interdomain){.remote_dom = DOMID_SELF, .remote_port = a}));
    result("send", EVENT(EVTCHNOP_send, (struct evtchn_send){.port = a}));
    result("send back", EVENT(EVTCHNOP_send, (struct evtchn_send){.port = b}));
    result("unmask", EVENT(EVTCHNOP_unmask, (struct evtchn_unmask){.port = b}));
    result("set_priority",
           EVENT(EVTCHNOP_set_priority, (struct evtchn_set_priority){.port = b, .priority = 3}));
    result("set_priority(16)",
           EVENT(EVTCHNOP_set_priority, (struct evtchn_set_priority){.port = b, .priority = 16}));
    result("bind_vcpu(0)", EVENT(EVTCHNOP_bind_vcpu, (struct evtchn_bind_vcpu){.port = b}));
    result("bind_vcpu(none)",
           EVENT(EVTCHNOP_bind_vcpu, (struct evtchn_bind_vcpu){.port = b, .vcpu = ABSURD_VCPU}));
    result("close one side", close_port(b));
    status(DOMID_SELF, b, "the closed port");
    s = status(DOMID_SELF, a, "the other side");
    line("who may connect = %u", s->u.unbound.dom);
    result("close it twice", close_port(b));
    result("close the other side", close_port(a));
    value = EVENT(EVTCHNOP_bind_ipi, (struct evtchn_bind_ipi){.vcpu = 0});
    uint32_t ipi = ((struct evtchn_bind_ipi *)page)->port;
    result("bind_ipi", value);
    status(DOMID_SELF, ipi, "the IPI");
    result("send it", EVENT(EVTCHNOP_send, (struct evtchn_send){.port = ipi}));
    result("bind it to vcpu 0", EVENT(EVTCHNOP_bind_vcpu, (struct evtchn_bind_vcpu){.port = ipi}));
    result("connect to it",
           EVENT(EVTCHNOP_bind_interdomain,
                 (struct evtchn_bind_interdomain){.remote_dom = DOMID_SELF, .remote_port = ipi}));
    result("close it", close_port(ipi));
}
