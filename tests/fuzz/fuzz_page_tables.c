/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Page tables of PV guests on the simulated machine: guests that write any entry into any frame,
 * pin and unpin, switch tables, map their tables again and again, mix levels, give up memory that
 * is being validated, and are destroyed meanwhile. No TLB may ever write to a page table, and all
 * counts must be what the tables say.
 */
#include "abi/arch-x86.h"
#include "abi/domctl.h"
#include "abi/memory.h"
#include "abi/sched.h"
#include "abi/xen.h"
#include "lib/print.h"
#include "lib/string.h"
#include "tests/fuzz/machine_input.h"
#include "x86/page.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

#define GUEST_FRAMES 40u
#define NR_DOMAINS   2u

static u64 frames[NR_DOMAINS][GUEST_FRAMES];

/* --- what the input names */

/* Frames of the caller for most values; else what is not its own, or no frame at all. */
static u64 some_mfn(const struct vcpu *v)
{
    u8 n = input_u8();
    u32 own = v->domain->id % NR_DOMAINS;
    if (n < 5 * GUEST_FRAMES)
        return frames[own][n % GUEST_FRAMES];
    switch (n % 8) {
    case 0:
        return v->domain->shared_info ? virt_to_mfn(v->domain->shared_info).v : 0;
    case 1:
        return HOST_DEVICE_MFN + n % (2 * HOST_DEVICE_FRAMES);
    case 2:
        return HOST_FRAMES + n;
    case 3:
        return virt_to_mfn(v->domain).v;
    case 4:
        return v->arch.kernel_l4.v;
    case 5:
        return input_u64() >> (input_u8() % 64);
    default:
        return frames[!own][input_u8() % GUEST_FRAMES];
    }
}

/* Slots that matter: the guest's own way down, neighbours, and the borders of the hypervisor's. */
static u64 some_slot(void)
{
    static const u16 slots[] = {0,  1,  2,   3,   4,   5,   6,   7,   8,   36,  37,
                                32, 33, 255, 256, 260, 271, 272, 510, 511, 128, 39};
    return slots[input_u8() % ARRAY_SIZE(slots)];
}

static pte_t some_entry(const struct vcpu *v)
{
    u64 mfn = some_mfn(v);
    u8 b = input_u8();
    pte_t e = (mfn << PAGE_SHIFT & PTE_ADDR) | PTE_USER | PTE_ACCESSED;
    if ((b & 6) != 6)
        e |= PTE_PRESENT;
    if (b & 1)
        e |= PTE_WRITE;
    if (b & 8)
        e |= PTE_NX;
    if ((b & 0x30) == 0x30)
        e |= PTE_PSE;
    if ((b & 0xc0) == 0x40)
        e |= PTE_PCD;
    if ((b & 0xc0) == 0x80)
        e |= PTE_GLOBAL | PTE_AVAIL;
    return e;
}

static vaddr_t some_va(void)
{
    u8 n = input_u8();
    if (n < 240)
        return HOST_GUEST_VA + n % 48 * PAGE_SIZE + (n & 1 ? some_slot() * sizeof(pte_t) : 0);
    if (n < 248)
        return some_slot() << 39 | some_slot() << 30 | some_slot() << 21 | some_slot() << 12;
    return input_u64();
}

static u64 some_owner(void)
{
    static const u64 owners[] = {DOMID_SELF, DOMID_SELF, DOMID_SELF, DOMID_SELF,
                                 0,          1,          DOMID_IO,   DOMID_XEN};
    return owners[input_u8() % ARRAY_SIZE(owners)];
}

/* --- what guests do */

static void step_mmu_update(struct vcpu *v)
{
    vaddr_t at, done;
    u32 n = input_u8() % 20 + 1;
    struct mmu_update *u = window_take(n * sizeof(*u), &at);
    *(u32 *)window_take(sizeof(u32), &done) = 0;
    for (u32 i = 0; i < n; i++) {
        u8 command = input_u8();
        u[i].ptr = some_mfn(v) << PAGE_SHIFT | some_slot() * sizeof(pte_t) |
                   (command < 192 ? 0u : command & 3u);
        u[i].val = some_entry(v);
    }
    u64 foreign = some_owner();
    if (input_u8() >= 224)
        foreign |= (u64)(input_u8() % 3) << 16;
    host_hypercall(__HYPERVISOR_mmu_update, at, n, done, foreign, 0, 0);
}

static void step_va_mapping(struct vcpu *v)
{
    static const u64 flushes[] = {0, UVMF_TLB_FLUSH | UVMF_LOCAL, UVMF_INVLPG | UVMF_LOCAL,
                                  UVMF_TLB_FLUSH | UVMF_ALL, UVMF_INVLPG | UVMF_ALL};
    vaddr_t va = some_va();
    pte_t e = some_entry(v);
    u64 owner = some_owner(), flags = flushes[input_u8() % ARRAY_SIZE(flushes)];
    if (owner == DOMID_SELF)
        host_hypercall(__HYPERVISOR_update_va_mapping, va, e, flags, 0, 0, 0);
    else
        host_hypercall(__HYPERVISOR_update_va_mapping_otherdomain, va, e, flags, owner, 0, 0);
}

static void step_mmuext(struct vcpu *v)
{
    static const u8 commands[] = {
        MMUEXT_PIN_L1_TABLE,     MMUEXT_PIN_L2_TABLE, MMUEXT_PIN_L3_TABLE,  MMUEXT_PIN_L4_TABLE,
        MMUEXT_UNPIN_TABLE,      MMUEXT_NEW_BASEPTR,  MMUEXT_PIN_L4_TABLE,  MMUEXT_UNPIN_TABLE,
        MMUEXT_TLB_FLUSH_LOCAL,  MMUEXT_INVLPG_ALL,   MMUEXT_TLB_FLUSH_ALL, MMUEXT_SET_LDT,
        MMUEXT_NEW_USER_BASEPTR, MMUEXT_CLEAR_PAGE,   MMUEXT_COPY_PAGE,     MMUEXT_MARK_SUPER};
    vaddr_t at, done;
    u32 n = input_u8() % 4 + 1;
    struct mmuext_op *op = window_take(n * sizeof(*op), &at);
    *(u32 *)window_take(sizeof(u32), &done) = 0;
    for (u32 i = 0; i < n; i++) {
        memset(&op[i], 0, sizeof(op[i]));
        op[i].cmd = commands[input_u8() % ARRAY_SIZE(commands)];
        if (op[i].cmd == MMUEXT_SET_LDT) {
            op[i].arg1.linear_addr = some_va() & PAGE_MASK;
            op[i].arg2.nr_ents = input_u16();
        } else {
            op[i].arg1.mfn = some_mfn(v);
            if (op[i].cmd == MMUEXT_COPY_PAGE)
                op[i].arg2.src_mfn = some_mfn(v);
        }
    }
    host_hypercall(__HYPERVISOR_mmuext_op, at, n, done, some_owner(), 0, 0);
}

/* Instructions that write entries: into data, or into live tables. */
static void step_store(struct vcpu *v)
{
    for (u32 n = input_u8() % 8 + 1; n; n--)
        host_guest_store(v, (some_va() & PAGE_MASK) + some_slot() * sizeof(pte_t), some_entry(v));
}

static void step_memory(struct vcpu *v)
{
    vaddr_t at, list;
    u32 n = input_u8() % 8 + 1;
    u8 choice = input_u8();
    struct xen_memory_reservation *r = window_take(sizeof(*r), &at);
    u64 *extents = window_take(n * sizeof(u64), &list);
    memset(r, 0, sizeof(*r));
    for (u32 i = 0; i < n; i++)
        extents[i] = some_mfn(v);
    r->extent_start.va = list;
    r->nr_extents = n;
    r->domid = choice & 0x80 ? (domid_t)(choice >> 4 & 1) : DOMID_SELF;
    static const u8 commands[] = {XENMEM_decrease_reservation, XENMEM_decrease_reservation,
                                  XENMEM_populate_physmap, XENMEM_increase_reservation};
    host_hypercall(__HYPERVISOR_memory_op, commands[choice & 3], at, 0, 0, 0, 0);
}

static void step_exchange(struct vcpu *v)
{
    vaddr_t at, in, out;
    u32 n = input_u8() % 3 + 1;
    struct xen_memory_exchange *x = window_take(sizeof(*x), &at);
    u64 *from = window_take(n * sizeof(u64), &in), *to = window_take(n * sizeof(u64), &out);
    memset(x, 0, sizeof(*x));
    for (u32 i = 0; i < n; i++)
        from[i] = to[i] = some_mfn(v);
    x->in.extent_start.va = in;
    x->out.extent_start.va = out;
    x->in.nr_extents = x->out.nr_extents = n;
    x->in.domid = x->out.domid = DOMID_SELF;
    host_hypercall(__HYPERVISOR_memory_op, XENMEM_exchange, at, 0, 0, 0, 0);
}

static void step_gdt(struct vcpu *v)
{
    vaddr_t at;
    u32 n = input_u8() % 4;
    u64 *list = window_take(16 * sizeof(u64), &at);
    for (u32 i = 0; i < n; i++)
        list[i] = some_mfn(v);
    host_hypercall(__HYPERVISOR_set_gdt, at, n * 512, 0, 0, 0, 0);
}

static void step_descriptor(struct vcpu *v)
{
    u64 at = some_mfn(v) << PAGE_SHIFT | some_slot() * 8;
    host_hypercall(__HYPERVISOR_update_descriptor, at, input_u64(), 0, 0, 0, 0);
}

static void step_sched(struct vcpu *v)
{
    host_time_advance(MICROSECONDS(1) << input_u8() % 16);
    host_hypercall(__HYPERVISOR_sched_op, SCHEDOP_yield, 0, 0, 0, 0, 0);
}

/* Domain 0 pauses, unpauses or destroys the other. */
static void step_control(struct vcpu *v)
{
    static const u32 commands[] = {XEN_DOMCTL_pausedomain, XEN_DOMCTL_unpausedomain,
                                   XEN_DOMCTL_destroydomain};
    vaddr_t at;
    struct xen_domctl *op = window_take(sizeof(*op), &at);
    memset(op, 0, sizeof(*op));
    op->cmd = commands[input_u8() % ARRAY_SIZE(commands)];
    op->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    op->domain = 1;
    host_hypercall(__HYPERVISOR_domctl, at, 0, 0, 0, 0, 0);
}

static void step(struct vcpu *v)
{
    static void (*const steps[])(struct vcpu * v) = {
        step_mmu_update, step_mmu_update, step_va_mapping, step_va_mapping,
        step_mmuext,     step_mmuext,     step_mmuext,     step_store,
        step_store,      step_memory,     step_exchange,   step_gdt,
        step_descriptor, step_sched,      step_mmu_update, step_control};
    steps[input_u8() % ARRAY_SIZE(steps)](v);
}

/* --- setting up */

static void frames_list(const struct domain *d, u64 list[GUEST_FRAMES])
{
    u32 n = 0;
    for (struct frame *f = frame_list_first((struct domain *)d); f; f = frame_list_next(f))
        list[n++] = frame_mfn(f).v;
}

static void machine_make(void)
{
    host_boot();
    frames_list(host_domain_build(0, 1, GUEST_FRAMES), frames[0]);
    frames_list(host_domain_build(1, 2, GUEST_FRAMES), frames[1]);
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
