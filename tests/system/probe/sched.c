/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The probe's groups sched_op, vcpu_op and set_timer_op. */
#include "abi/sched.h"
#include "abi/vcpu.h"
#include "probe.h"

#define SCHED(cmd, p)    hypercall(__HYPERVISOR_sched_op, (cmd), address(p), 0, 0, 0)
#define VCPU(cmd, id, a) hypercall(__HYPERVISOR_vcpu_op, (cmd), (id), (a), 0, 0)
#define FAR_FUTURE       (1ull << 60)

static void sched_poll_errors(void *page)
{
    struct sched_poll *poll = page;
    evtchn_port_t *ports = (void *)((char *)page + 2048);
    *poll = (struct sched_poll){.ports.va = address(ports), .nr_ports = 129, .timeout = 1};
    result("poll(129 ports)", SCHED(SCHEDOP_poll, poll));
    *poll = (struct sched_poll){.ports.va = BAD_UNMAPPED, .nr_ports = 1, .timeout = 1};
    result("poll(unmapped ports)", SCHED(SCHEDOP_poll, poll));
    poll->ports.va = BAD_HYPERVISOR;
    result("poll(hypervisor's ports)", SCHED(SCHEDOP_poll, poll));
    static const evtchn_port_t wrong[] = {0x1ffff, 0x20000, ~0u};
    for (int i = 0; i < 3; i++) {
        *poll = (struct sched_poll){.ports.va = address(ports), .nr_ports = 1, .timeout = 1};
        ports[0] = wrong[i];
        line("poll(port %#x) = %ld", wrong[i], SCHED(SCHEDOP_poll, poll));
    }
    *poll = (struct sched_poll){.timeout = 1};
    result("poll(no port, time over)", SCHED(SCHEDOP_poll, poll));
}

static void sched_remote_errors(void *page)
{
    static const domid_t ids[] = {DOMID_NONE, DOMID_SELF,    DOMID_IO,  DOMID_XEN,
                                  DOMID_COW,  DOMID_INVALID, DOMID_IDLE};
    for (unsigned i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        struct sched_remote_shutdown *op = page;
        *op = (struct sched_remote_shutdown){.domain_id = ids[i], .reason = SHUTDOWN_crash};
        line("remote_shutdown(%#x) = %ld", ids[i], SCHED(SCHEDOP_remote_shutdown, op));
    }
}

static long watchdog(void *page, uint32_t id, uint32_t timeout)
{
    struct sched_watchdog *op = page;
    *op = (struct sched_watchdog){.id = id, .timeout = timeout};
    return SCHED(SCHEDOP_watchdog, op);
}

static long pin(void *page, int32_t cpu)
{
    struct sched_pin_override *op = page;
    *op = (struct sched_pin_override){.pcpu = cpu};
    return SCHED(SCHEDOP_pin_override, op);
}

void probe_sched(void)
{
    group("sched");
    void *page = page_new();
    result("yield", SCHED(SCHEDOP_yield, NULL));
    result("command 8", SCHED(8, NULL));
    result("command -1", SCHED(~0u, NULL));
    bad_addresses("shutdown", __HYPERVISOR_sched_op, SCHEDOP_shutdown);
    bad_addresses("poll", __HYPERVISOR_sched_op, SCHEDOP_poll);
    bad_addresses("remote_shutdown", __HYPERVISOR_sched_op, SCHEDOP_remote_shutdown);
    bad_addresses("shutdown_code", __HYPERVISOR_sched_op, SCHEDOP_shutdown_code);
    bad_addresses("watchdog", __HYPERVISOR_sched_op, SCHEDOP_watchdog);
    bad_addresses("pin_override", __HYPERVISOR_sched_op, SCHEDOP_pin_override);
    sched_poll_errors(page);
    sched_remote_errors(page);
    result("watchdog 3", watchdog(page, 3, 100));
    result("watchdog 1, not set up", watchdog(page, 1, 100));
    for (int i = 0; i < 3; i++)
        result("watchdog, new", watchdog(page, 0, 1000));
    result("watchdog 1, fed", watchdog(page, 1, 1000));
    result("watchdog 1, off", watchdog(page, 1, 0));
    result("watchdog 1, off twice", watchdog(page, 1, 0));
    result("watchdog 2, off", watchdog(page, 2, 0));
    result("pin_override, nothing to undo", pin(page, -1));
    result("pin_override(1000)", pin(page, 1000));
    result("pin_override(77)", pin(page, 77));
    result("pin_override(0)", pin(page, 0));
    result("pin_override(0) twice", pin(page, 0));
    result("pin_override undone", pin(page, -1));
    result("pin_override undone twice", pin(page, -2));
}

static void vcpu_timers(void *page, unsigned other)
{
    struct vcpu_set_periodic_timer *periodic = page;
    static const uint64_t periods[] = {0, 1, 999999, 0x7fffffffffffffff, ~0ull};
    for (unsigned i = 0; i < sizeof(periods) / sizeof(periods[0]); i++) {
        periodic->period_ns = periods[i];
        line("set_periodic_timer(%#lx) = %ld", (unsigned long)periods[i],
             VCPU(VCPUOP_set_periodic_timer, 0, address(periodic)));
    }
    result("stop_periodic_timer", VCPU(VCPUOP_stop_periodic_timer, 0, 0));
    struct vcpu_set_singleshot_timer *single = page;
    *single =
        (struct vcpu_set_singleshot_timer){.timeout_abs_ns = 1, .flags = VCPU_SSHOTTMR_future};
    result("set_singleshot_timer(past, refused)",
           VCPU(VCPUOP_set_singleshot_timer, 0, address(single)));
    single->flags = 0;
    result("set_singleshot_timer(past)", VCPU(VCPUOP_set_singleshot_timer, 0, address(single)));
    if (other) {
        result("set_singleshot_timer of another",
               VCPU(VCPUOP_set_singleshot_timer, other, address(single)));
        result("stop_singleshot_timer of another", VCPU(VCPUOP_stop_singleshot_timer, other, 0));
    }
}

void probe_vcpu(void)
{
    group("vcpu");
    uint8_t *page = page_new();
    unsigned other = cpus_seen() > 1;
    static const uint32_t none[] = {64, 8191, 8192, ~0u};
    for (int i = 0; i < 4; i++)
        line("is_up(vcpu %u) = %ld", none[i], VCPU(VCPUOP_is_up, none[i], 0));
    for (unsigned id = 0; id <= other; id++) {
        line("vcpu %u is_up = %ld", id, VCPU(VCPUOP_is_up, id, 0));
        line("vcpu %u up = %ld", id, VCPU(VCPUOP_up, id, 0));
        line("vcpu %u initialise(zeros) = %ld", id,
             VCPU(VCPUOP_initialise, id, address(page_new())));
        line("vcpu %u initialise(unmapped) = %ld", id, VCPU(VCPUOP_initialise, id, BAD_UNMAPPED));
        struct vcpu_runstate_info *state = (void *)page;
        memset(page, 0xff, sizeof(*state));
        long value = VCPU(VCPUOP_get_runstate_info, id, address(state));
        line("vcpu %u get_runstate_info = %ld, known state %d, entered %d, ran %d", id, value,
             state->state >= RUNSTATE_running && state->state <= RUNSTATE_offline,
             state->state_entry_time<FAR_FUTURE, state->time[RUNSTATE_running]> 0 &&
                 state->time[RUNSTATE_running] < FAR_FUTURE);
        struct vcpu_register_vcpu_info *info = (void *)page;
        *info = (struct vcpu_register_vcpu_info){.mfn = 1, .offset = 0};
        line("vcpu %u register_vcpu_info(frame 1) = %ld", id,
             VCPU(VCPUOP_register_vcpu_info, id, address(info)));
        info->offset = 2;
        line("vcpu %u register_vcpu_info(misaligned) = %ld", id,
             VCPU(VCPUOP_register_vcpu_info, id, address(info)));
        info->offset = 4090;
        line("vcpu %u register_vcpu_info(beyond) = %ld", id,
             VCPU(VCPUOP_register_vcpu_info, id, address(info)));
        line("vcpu %u get_physid = %ld", id, VCPU(VCPUOP_get_physid, id, address(page)));
    }
    result("send_nmi(argument)", VCPU(VCPUOP_send_nmi, 0, address(page)));
    result("command 14", VCPU(14, 0, 0));
    result("command -1", VCPU(~0u, 0, 0));
    static const uint64_t bad[] = {BAD_UNMAPPED, BAD_NONCANONICAL, BAD_HYPERVISOR, 1};
    for (unsigned i = 0; i < 4; i++) {
        line("get_runstate_info(bad %u) = %ld", i, VCPU(VCPUOP_get_runstate_info, 0, bad[i]));
        line("register_runstate_memory_area(bad %u) = %ld", i,
             VCPU(VCPUOP_register_runstate_memory_area, 0, bad[i]));
        line("set_periodic_timer(bad %u) = %ld", i, VCPU(VCPUOP_set_periodic_timer, 0, bad[i]));
        line("set_singleshot_timer(bad %u) = %ld", i, VCPU(VCPUOP_set_singleshot_timer, 0, bad[i]));
        line("register_vcpu_info(bad %u) = %ld", i, VCPU(VCPUOP_register_vcpu_info, 0, bad[i]));
        line("get_physid(bad %u) = %ld", i, VCPU(VCPUOP_get_physid, 0, bad[i]));
        line("register_vcpu_time_memory_area(bad %u) = %ld", i,
             VCPU(VCPUOP_register_vcpu_time_memory_area, 0, bad[i]));
        struct vcpu_register_time_memory_area *area = (void *)page;
        area->addr.p = bad[i];
        if (bad[i] != BAD_UNMAPPED && bad[i] != 1)
            line("register_vcpu_time_memory_area(area %u) = %ld", i,
                 VCPU(VCPUOP_register_vcpu_time_memory_area, 0, address(area)));
    }
    vcpu_timers(page, other);
    group("timer");
    result("set_timer_op(1)", hypercall(__HYPERVISOR_set_timer_op, 1, 0, 0, 0, 0));
    result("set_timer_op(far)", hypercall(__HYPERVISOR_set_timer_op, FAR_FUTURE, 0, 0, 0, 0));
    result("set_timer_op(0)", hypercall(__HYPERVISOR_set_timer_op, 0, 0, 0, 0, 0));
    result("set_timer_op(1)", hypercall(__HYPERVISOR_set_timer_op, 1, 0, 0, 0, 0));
}
