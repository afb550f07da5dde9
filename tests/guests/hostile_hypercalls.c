/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hypercalls of every number with arguments that a hostile kernel might think of: small numbers,
 * places in and out of its memory, machine frames of its own and of others, lengths that overflow;
 * and memory behind them that holds the like. Pseudo-random by `seed=N`, `count=N` calls. Left out
 * is only what ends or stops the machine by definition. The domain may crash of it, the hypervisor
 * may not.
 */
#include "guest.h"

#define NR_PAGES 8

static u8 pages[NR_PAGES][PAGE_SIZE] PAGE_ALIGNED;
static u64 pages_mfn[NR_PAGES], pages_entry[NR_PAGES], pt_base_mfn;

static const u64 odd_values[] = {
    ~0ull,
    1ull << 63,
    0x7fffffff,
    0x80000000,
    0xffffffff,
    0x100000000,
    0x800000000000,
    0x7fffffffff,
    0xffff800000000000,
    0xffff82d040000000,
    0xffff830000000000,
    0xffff87fffffffff8,
    0xffff880000000000,
    0xfffffffffffff000,
    DOMID_SELF,
    DOMID_IO,
    DOMID_XEN,
    DOMID_INVALID,
    DOMID_IDLE,
    0x7fff0000,
    0xfee00,
    0xfec00,
    0x100,
    0x80000001,
};

static u64 place(void)
{
    static const u16 ends[] = {8, 16, 4, 1, 64};
    u8 *page = pages[random() % NR_PAGES];
    switch (random() % 4) {
    case 0:
        return (u64)page + PAGE_SIZE - ends[random() % COUNT(ends)];
    case 1:
        return (u64)page + random() % PAGE_SIZE;
    default:
        return (u64)page;
    }
}

static u64 value(void)
{
    u64 i = random() % NR_PAGES;
    switch (random() % 12) {
    case 0:
    case 1:
    case 2:
        return random() % 64;
    case 3:
    case 4:
        return place();
    case 5:
        return pages_mfn[i];
    case 6:
        return pages_mfn[i] * PAGE_SIZE | (random() & 0xfff);
    case 7:
        return pages_entry[i] | random() % 4;
    case 8:
        return random() % 4 ? pt_base_mfn : pt_base_mfn * PAGE_SIZE + random() % PAGE_SIZE;
    case 9:
        return odd_values[random() % COUNT(odd_values)];
    case 10:
        return random() % 0x20000;
    default:
        return random() >> random() % 64;
    }
}

static void pages_fill(void)
{
    for (u32 i = 0; i < NR_PAGES; i++) {
        map(pages[i], pages_mfn[i] * PAGE_SIZE | PTE_ORDINARY);
        u64 *words = (u64 *)pages[i];
        bool half = random() % 2;
        for (u32 n = 0; n < 32; n++)
            words[n] = half ? (value() & 0xffffffff) | value() << 32 : value();
        for (u32 n = 504; n < 512; n++)
            words[n] = value();
    }
}

/* What stops this vCPU, or the machine, by what it means. */
static bool call_is_excluded(u64 number, u64 command)
{
    switch (number) {
    case __HYPERVISOR_sched_op:
    case __HYPERVISOR_sched_op_compat:
        return (u32)command != SCHEDOP_yield && (u32)command <= SCHEDOP_watchdog;
    case __HYPERVISOR_vcpu_op:
        return (u32)command == VCPUOP_down;
    case __HYPERVISOR_iret:
    case __HYPERVISOR_platform_op:
    case __HYPERVISOR_multicall: /* made of others: see below */
        return true;
    default:
        return false;
    }
}

static void call_arguments(u64 number, u64 *a)
{
    for (u32 i = 0; i < 5; i++)
        a[i] = value();
    if (random() % 4)
        a[0] = random() % 48; /* a command, mostly */
    if (random() % 2)
        a[1] = place();
    if (number == __HYPERVISOR_console_io && (u32)a[0] == CONSOLEIO_write)
        a[1] = random() % 16;
    if (number == __HYPERVISOR_mmu_update || number == __HYPERVISOR_mmuext_op) {
        a[0] = place();
        a[1] = random() % 8;
        if (random() % 2)
            a[3] = DOMID_SELF;
    }
    if (number == __HYPERVISOR_grant_table_op)
        a[2] = random() % 16;
}

static u64 one_call(u64 unused)
{
    u64 number = random() % 64, a[5];
    (void)unused;
    pages_fill();
    call_arguments(number, a);
    if (call_is_excluded(number, a[0]))
        return 0;
    if (argument("trace"))
        print("call %lu %lx %lx %lx %lx %lx\n", number, a[0], a[1], a[2], a[3], a[4]);
    if (random() % 8)
        return (u64)hypercall(number, a[0], a[1], a[2], a[3], a[4]);
    static struct multicall_entry list[600];
    for (u32 i = 0; i < 4; i++) {
        list[i].op = random() % 16 ? number : random();
        for (u32 k = 0; k < 5; k++)
            list[i].args[k] = a[k];
        if (call_is_excluded(list[i].op, a[0]))
            list[i].op = 63;
    }
    return (u64)HYPERCALL2(multicall, list, random() % 16 ? 4 : random() % COUNT(list));
}

void guest_main(void)
{
    u64 count = number_after("count=", 20000), done = 0, trapped = 0, ok = 0;
    random_seed(number_after("seed=", 1));
    for (u32 i = 0; i < NR_PAGES; i++) {
        pages_mfn[i] = mfn_of(pages[i]);
        pages_entry[i] = entry_address(pages[i], 1);
    }
    pt_base_mfn = mfn_of((void *)start_info->pt_base);
    traps_tolerated = true;
    for (; done < count; done++) {
        if (!attempt_call(one_call, 0))
            trapped++;
        else if ((s64)attempt_result >= 0)
            ok++;
        guest_restore();
        if (done % 1000 == 0)
            print("note %lu calls\n", done);
    }
    print("case %lu calls, %lu of them without an error, %lu trapped\ndone\n", done, ok, trapped);
}
