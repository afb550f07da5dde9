/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/host/control_world.h"
#include <string.h>
#include "arch/control.h"
#include "arch/cpu.h"
#include "arch/vcpu.h"
#include "core/time.h"
#include "core/console.h"
#include "core/percpu.h"
#include "errno.h"
#include "tests/unit/host/domain_world.h"

struct control_world control_world;

long arch_hypercall_reissue(struct vcpu *v, const u64 *values, u32 count)
{
    control_world.reissued = true;
    return 0x7777;
}

struct cpu_place arch_cpu_place(u32 cpu)
{
    return (struct cpu_place){.core = cpu, .socket = 7};
}

u32 arch_nodes(void)
{
    return 2;
}

u32 arch_node_distance(u32 a, u32 b)
{
    return a == b ? 10 : 20;
}

u64 arch_node_memory(u32 node)
{
    return MIB(node + 1);
}

void arch_physinfo(struct xen_sysctl_physinfo *info)
{
    info->threads_per_core = 1;
}

int arch_domain_config_check(const struct xen_domctl_createdomain *config)
{
    return config->arch.emulation_flags ? -EINVAL : 0;
}

int arch_vcpu_set_context(struct vcpu *v, const struct vcpu_guest_context *c)
{
    v->initialised = !control_world.context_error;
    return control_world.context_error;
}

bool arch_context_is_online(const struct vcpu_guest_context *c)
{
    return c->flags & VGCF_online;
}

void arch_vcpu_get_context(struct vcpu *v, struct vcpu_guest_context *c)
{
    c->kernel_sp = 0x1234;
}

u32 cpu_node(u32 cpu)
{
    return cpu;
}

nsec_t time_now(void)
{
    return 5000;
}

nsec_t sched_idle_time(u32 cpu)
{
    return 100 + cpu;
}

void sched_runstate_get(struct vcpu *v, struct vcpu_runstate_info *out)
{
    memset(out, 0, sizeof(*out));
    out->time[RUNSTATE_running] = 1000;
}

int sched_set_affinity(struct vcpu *v, const struct cpumask *hard, const struct cpumask *soft)
{
    struct cpumask usable;
    if (hard && !cpumask_and(&usable, hard, &cpu_active_mask))
        return -EINVAL;
    if (hard)
        v->sched.affinity_hard = *hard;
    if (soft)
        v->sched.affinity_soft = *soft;
    return 0;
}

void sched_set_pool(struct vcpu *v, const struct cpumask *cpus)
{
    v->sched.pool = *cpus;
}

void sched_cpu_activate(u32 cpu)
{
    cpumask_set(&cpu_active_mask, cpu);
}

void sched_cpu_deactivate(u32 cpu)
{
    cpumask_clear(&cpu_active_mask, cpu);
}

nsec_t sched_rate_limit = MILLISECONDS(1);

void vcpu_send_nmi(struct vcpu *v)
{
    control_world.nmi_sent_to = v;
}

int sched_pin_override(struct vcpu *v, u32 cpu)
{
    return -EINVAL;
}

void sched_set_weight(struct vcpu *v, u16 weight)
{
    v->sched.weight = weight;
}

void sched_set_cap(struct domain *d, u32 percent)
{
    d->cap.percent = percent;
}

u64 console_ring_start(u32 index, bool incremental)
{
    return incremental ? index : 0;
}

size_t console_ring_read(char *buf, size_t size, u64 *position)
{
    static const char text[] = "the log";
    size_t n = MIN(size, sizeof(text) - 1 - (size_t)*position);
    memcpy(buf, text + *position, n);
    *position += n;
    return n;
}

void console_ring_clear(u64 position)
{
}

void key_handle(u8 key)
{
    strncat(control_world.keys_handled, (char *)&key, 1);
}
