/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All hypercalls on the simulated machine, by three domains, one of them privileged, with several
 * vCPUs on several CPUs: any operation of the tables in core/ops/ with arguments that are now and
 * then what they should be - domains, frames, ports and handles that exist, pointers to more of the
 * kind - and CPUs that overtake each other at every lock and continuation. The auditor looks after
 * each step; at the end all domains are destroyed, and nothing may be left.
 */
#include <stdlib.h>
#include "abi/arch-x86.h"
#include "abi/domctl.h"
#include "abi/grant_table.h"
#include "abi/mca.h"
#include "abi/physdev.h"
#include "abi/platform.h"
#include "abi/sched.h"
#include "abi/sysctl.h"
#include "core/hypercall.h"
#include "lib/print.h"
#include "lib/string.h"
#include "tests/fuzz/machine_input.h"
#include "x86/page.h"
#include "hypervisor/core/grant_private.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

#define GUEST_FRAMES 40u
#define NR_DOMAINS   3u

static u64 frames[NR_DOMAINS][GUEST_FRAMES];

/* --- the grammar: every row of every table that has a function */

/* How a family takes its arguments. */
enum form {
    FORM_PLAIN,     /* command, argument */
    FORM_VERSIONED, /* one structure, which begins with the command and a version */
    FORM_ARRAY,     /* command, array of arguments, count */
    FORM_VCPU,      /* command, vCPU, argument */
    FORM_TEXT,      /* command, bytes, buffer */
};

struct family {
    const struct subop_table *table;
    u32 hypercall;
    enum form form;
    u32 version;
};

static struct family families[] = {
#define SUBOP(command, function, type, direction, privilege)
#define UNAVAILABLE(command, error, reason)
#define TABLE_BEGIN(family) {.table = &family##_ops},
#define TABLE_END(family)
#include "core/ops/tables.def"
};

struct row {
    const struct family *family;
    u32 command;
    u32 size;
};
static struct row rows[256];
static u32 nr_rows;

static const struct {
    const char *family, *hypercall;
    enum form form;
    u32 version;
} forms[] = {
    {"event_channel", "event_channel_op", FORM_PLAIN, 0},
    {"grant_table", "grant_table_op", FORM_ARRAY, 0},
    {"memory", "memory_op", FORM_PLAIN, 0},
    {"physdev", "physdev_op", FORM_PLAIN, 0},
    {"platform", "platform_op", FORM_VERSIONED, XENPF_INTERFACE_VERSION},
    {"sysctl", "sysctl", FORM_VERSIONED, XEN_SYSCTL_INTERFACE_VERSION},
    {"domctl", "domctl", FORM_VERSIONED, XEN_DOMCTL_INTERFACE_VERSION},
    {"sched", "sched_op", FORM_PLAIN, 0},
    {"vcpu", "vcpu_op", FORM_VCPU, 0},
    {"version", "xen_version", FORM_PLAIN, 0},
    {"console", "console_io", FORM_TEXT, 0},
    {"callback", "callback_op", FORM_PLAIN, 0},
    {"hvm", "hvm_op", FORM_PLAIN, 0},
    {"mca", "mca", FORM_VERSIONED, XEN_MCA_INTERFACE_VERSION},
    {"nmi", "nmi_op", FORM_PLAIN, 0},
};

/* What stays with the machine when domains end: PCI devices, and what processors were said to do.
 */
static bool row_lasts(const struct family *f, u32 command)
{
    switch (f->hypercall) {
    case __HYPERVISOR_physdev_op:
        return command == PHYSDEVOP_manage_pci_add || command == PHYSDEVOP_manage_pci_add_ext ||
               command == PHYSDEVOP_pci_device_add;
    case __HYPERVISOR_platform_op:
        return command == XENPF_set_processor_pminfo;
    default:
        return false;
    }
}

static void family_resolve(struct family *f)
{
    for (u32 i = 0; i < ARRAY_SIZE(forms); i++) {
        if (strcmp(forms[i].family, f->table->family))
            continue;
        f->form = forms[i].form;
        f->version = forms[i].version;
        for (u32 n = 0; n < NR_HYPERCALLS; n++)
            if (hypercall_names[n] && !strcmp(hypercall_names[n], forms[i].hypercall))
                f->hypercall = n;
        return;
    }
    panic("the family %s has no form", f->table->family);
}

static void grammar_make(void)
{
    for (u32 i = 0; i < ARRAY_SIZE(families); i++) {
        struct family *f = &families[i];
        family_resolve(f);
        for (u32 c = 0; c < f->table->count; c++) {
            const struct subop *op = &f->table->ops[c];
            if (!op->handler || row_lasts(f, c) || nr_rows == ARRAY_SIZE(rows))
                continue;
            rows[nr_rows++] = (struct row){f, c, op->direction == DIR_RAW ? 128u : op->size};
        }
    }
}

/* --- values */

static u64 some_mfn(void)
{
    u8 n = input_u8();
    if (n < 2 * GUEST_FRAMES)
        return frames[current->domain->id % NR_DOMAINS][n % GUEST_FRAMES];
    if (n < 3 * GUEST_FRAMES)
        return frames[n % NR_DOMAINS][n % GUEST_FRAMES];
    switch (n % 4) {
    case 0:
        return HOST_DEVICE_MFN + n % HOST_DEVICE_FRAMES;
    case 1:
        return virt_to_mfn(current->domain->grants->shared[0] ? current->domain->grants->shared[0]
                                                              : (void *)current->domain)
            .v;
    case 2:
        return n * 8u;
    default:
        return current->arch.kernel_l4.v;
    }
}

static u64 some_domain(void)
{
    static const domid_t domains[] = {DOMID_SELF, 0, 1, 2, 3, DOMID_IO, DOMID_XEN, DOMID_INVALID};
    return domains[input_u8() % ARRAY_SIZE(domains)];
}

static vaddr_t some_va(void)
{
    u8 n = input_u8();
    return n < 250 ? HOST_GUEST_VA + n % 44 * PAGE_SIZE + (n & 1 ? input_u8() * 8u : 0)
                   : input_u64();
}

static void fill(u8 *to, u32 bytes, u32 depth);

/* To as many bytes of the same kind. */
static vaddr_t some_pointer(u32 depth)
{
    vaddr_t va;
    u8 n = input_u8();
    if (n >= 224)
        return some_va();
    u8 *to = window_take(256, &va);
    if (depth)
        fill(to, 8 + n % 64, depth - 1);
    return va;
}

/* A field, of 8 bytes if there is room for as many and it is aligned. Returns its bytes. */
static u32 field(u8 *to, u32 bytes, bool wide, u32 depth)
{
    u8 kind = input_u8();
    u64 value;
    u32 size = 4;
    if (kind < 64)
        value = 0;
    else if (kind < 136)
        value = kind % 12;
    else if (kind < 168)
        value = some_domain();
    else if (kind < 176)
        value = input_u32();
    else if (!wide)
        value = input_u8();
    else {
        size = 8;
        if (kind < 208)
            value = some_pointer(depth);
        else if (kind < 232)
            value = some_mfn();
        else if (kind < 248)
            value = some_va();
        else
            value = input_u64();
    }
    memcpy(to, &value, MIN(size, bytes));
    return size;
}

static void fill(u8 *to, u32 bytes, u32 depth)
{
    for (u32 at = 0; at < bytes;)
        at += field(to + at, bytes - at, at % 8 == 0 && bytes - at >= 8, depth);
}

/* --- steps */

#define FIELDS_MAX 96u

static void step_row(struct vcpu *v)
{
    const struct row *r = &rows[input_u8() % nr_rows];
    const struct family *f = r->family;
    vaddr_t at;
    u32 n = f->form == FORM_ARRAY ? input_u8() % 4u : 1;
    u8 *arg = window_take(MAX(r->size * n, 1u), &at);
    memset(arg, 0, r->size * n);
    if (f->form == FORM_VERSIONED) {
        fill(arg + 8, MIN(r->size - 8, FIELDS_MAX), 2);
        memcpy(arg, &r->command, sizeof(u32));
        memcpy(arg + 4, &f->version, sizeof(u32));
        host_hypercall(f->hypercall, at, 0, 0, 0, 0, 0);
        return;
    }
    for (u32 i = 0; i < n; i++)
        fill(arg + i * r->size, MIN(r->size, FIELDS_MAX), 2);
    switch (f->form) {
    case FORM_ARRAY:
        host_hypercall(f->hypercall, r->command, at, n, 0, 0, 0);
        break;
    case FORM_VCPU:
        host_hypercall(f->hypercall, r->command, input_u8() % 3, at, 0, 0, 0);
        break;
    case FORM_TEXT:
        host_hypercall(f->hypercall, r->command, input_u8(), at, 0, 0, 0);
        break;
    default:
        host_hypercall(f->hypercall, r->command, at, 0, 0, 0, 0);
        break;
    }
}

static void step_any(struct vcpu *v)
{
    u64 args[6];
    u32 number = input_u8() % NR_HYPERCALLS;
    fill((u8 *)args, sizeof(args), 2);
    host_hypercall(number, args[0], args[1], args[2], args[3], args[4], args[5]);
}

static void step_multicall(struct vcpu *v)
{
    vaddr_t at;
    u32 n = input_u8() % 4 + 1;
    struct multicall_entry *e = window_take(n * sizeof(*e), &at);
    memset(e, 0, n * sizeof(*e));
    for (u32 i = 0; i < n; i++) {
        const struct row *r = &rows[input_u8() % nr_rows];
        e[i].op = r->family->hypercall;
        e[i].args[0] = r->command;
        fill((u8 *)&e[i].args[1], 3 * sizeof(u64), 2);
    }
    host_hypercall(__HYPERVISOR_multicall, at, n, 0, 0, 0, 0);
}

/* The guest grants: it writes an entry of its table, as if it had it mapped. */
static void step_grant(struct vcpu *v)
{
    struct grant_table *t = v->domain->grants;
    u32 ref = input_u8() % 16;
    if (!t->nr_frames || !t->shared[0])
        return;
    u32 header = input_u8() | (u32)some_domain() << 16;
    u64 frame = some_mfn();
    *grant_header_at(t, ref) = header;
    if (t->version == 1)
        grant_v1_at(t, ref)->frame = (u32)frame;
    else
        grant_v2_at(t, ref)->full_page.frame = frame;
}

/* Another maps, where it has a page of its own. */
static void step_map(struct vcpu *v)
{
    vaddr_t at;
    struct gnttab_map_grant_ref *op = window_take(sizeof(*op), &at);
    memset(op, 0, sizeof(*op));
    op->host_addr = some_va() & PAGE_MASK;
    op->flags = input_u8() & (GNTMAP_device_map | GNTMAP_host_map | GNTMAP_readonly);
    op->ref = input_u8() % 16;
    op->dom = (domid_t)some_domain();
    host_hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_map_grant_ref, at, 1, 0, 0, 0);
}

static void step_unmap(struct vcpu *v)
{
    vaddr_t at;
    struct gnttab_unmap_grant_ref *op = window_take(2 * sizeof(*op), &at);
    memset(op, 0, 2 * sizeof(*op));
    for (u32 i = 0; i < 2; i++) {
        op[i].host_addr = some_va() & PAGE_MASK;
        op[i].handle = input_u8() % 8;
    }
    host_hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_unmap_grant_ref, at, 2, 0, 0, 0);
}

/* Whatever a guest may write into the page that it shares with the hypervisor. */
static void step_shared_info(struct vcpu *v)
{
    if (v->domain->shared_info)
        ((u64 *)v->domain->shared_info)[input_u8()] = input_u64();
}

static void step_store(struct vcpu *v)
{
    host_guest_store(v, some_va(), input_u64());
}

static void step_time(struct vcpu *v)
{
    host_time_advance(MICROSECONDS(1) << input_u8() % 24);
    host_hypercall(__HYPERVISOR_sched_op, SCHEDOP_yield, 0, 0, 0, 0, 0);
}

static void step(struct vcpu *v)
{
    static void (*const steps[])(struct vcpu * v) = {
        step_row,         step_row,   step_row,   step_row,      step_row, step_row,
        step_row,         step_any,   step_grant, step_map,      step_map, step_unmap,
        step_shared_info, step_store, step_time,  step_multicall};
    steps[input_u8() % ARRAY_SIZE(steps)](v);
}

/* --- setting up */

static void domain_add(domid_t id, u32 vcpus)
{
    struct domain *d = host_domain_build(id, vcpus, GUEST_FRAMES);
    u32 n = 0;
    for (struct frame *f = frame_list_first(d); f; f = frame_list_next(f))
        frames[id][n++] = frame_mfn(f).v;
}

static void machine_make(void)
{
    grammar_make();
    host_boot();
    domain_add(0, 2);
    domain_add(1, 2);
    domain_add(2, 1);
    host_snapshot();
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    static bool made;
    if (!made)
        machine_make();
    made = true;
    input_run(data, size, step);
    return 0;
}
