/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ways out of the hypervisor and into it, with values that no sane kernel uses: frames for the iret
 * hypercall, system calls from odd places, breakpoints on what the hypervisor copies. Each prints
 * what it ended in, which must be the same on Domus and on Xen; whatever it is, the hypervisor must
 * survive it.
 *
 * `spin` adds what the peer does not do in time; `fatal=N` on the command line does one thing
 * instead that must crash the domain, and `nmi` one that needs a second vCPU.
 */
#include "abi/sysctl.h"
#include "guest.h"

#define LOW_CODE    0x500000ull
#define LOW_STACK   0x501000ull
#define TOP_CODE    0x7ffffffff000ull
#define AT_NOP      0
#define AT_SYSCALL  16
#define AT_SYSENTER 32
#define AT_SPIN     48

#define RFLAGS_SHOWN 0x3f7fd7ul

static u8 low_code[PAGE_SIZE] PAGE_ALIGNED, low_stack[PAGE_SIZE] PAGE_ALIGNED;
static u64 ldt[512] PAGE_ALIGNED;

static const u8 nop_int80[] = {0x90, 0xcd, 0x80}, syscall_int80[] = {0x0f, 0x05, 0xcd, 0x80},
                sysenter_int80[] = {0x0f, 0x34, 0xcd, 0x80}, spin[] = {0xeb, 0xfe};

/*
 * Domus does not tell what the hypervisor's own range maps: there the "present" of a fault says
 * nothing.
 */
static bool is_hypervisors(u64 address)
{
    return address >= HYPERVISOR_VIRT_START && address < HYPERVISOR_VIRT_END;
}

static void outcome_print(const char *what, u64 number)
{
    u64 v = outcome.vector, cr2 = v == 14 ? shared_info->vcpu_info[0].arch.cr2 : 0;
    print("case %s %lu: vector %lx error %lx address %lx rip %lx cs %lx ss %lx rflags %lx rsp %lx "
          "result %lx\n",
          what, number, v, outcome.error | (is_hypervisors(cr2) ? 1 : 0), cr2, outcome.rip,
          outcome.cs & 0xffff, outcome.ss, outcome.rflags & RFLAGS_SHOWN, outcome.rsp,
          attempt_result);
    if (v == ENTRY_FAILSAFE)
        print("case %s %lu: selectors %lx %lx %lx %lx\n", what, number, failsafe_selectors[0],
              failsafe_selectors[1], failsafe_selectors[2], failsafe_selectors[3]);
}

/* --- iret */

static const u64 rips[] = {
    LOW_CODE,
    0,
    ~0ull,
    0x800000000000,
    0xffff7fffffffffff,
    0xffff800000000000,
    0xffff82d040000000,
    0xffff830000000000,
    0xffff87ffffffffff,
    0x8000000000500000,
    LOW_CODE + AT_SYSCALL,
    LOW_CODE + AT_SYSENTER,
};
static const u64 selectors_cs[] = {
    FLAT_USER_CS,
    FLAT_KERNEL_CS & ~3,
    FLAT_RING3_CS32,
    FLAT_RING3_CS32 & ~3,
    0xe008,
    0xe00b,
    0xe010,
    0xe013,
    0xe02b,
    0xe040,
    0xe043,
    0xe053,
    0,
    3,
    7,
    0x0f,
    0x17,
    0x1f,
    0x27,
    0xfffb,
    0xffff,
    0x1e033,
    0xdeadbeef0000e033,
};
static const u64 selectors_ss[] = {
    FLAT_USER_SS, 0,      3,      7,      0x0f,   0x17,   0x1f,
    FLAT_USER_CS, 0xe008, 0xe010, 0xe013, 0xe028, 0xfffb, 0xffff,
};
static const u64 all_rflags[] = {
    0x2,    0x202,   0,        0x102,    0x302, 0x10002, 0x4002, 0x40002,
    0x3002, 0x20002, 0x180002, 0x200002, 0x400, 0x28,    ~0ull,  ~0x100ull,
};
static const u64 rsps[] = {
    LOW_STACK + PAGE_SIZE - 64, 0, ~0ull, 0x800000000000, 0xffff800000000000, 0xffff83000000000f, 1,
};
static const u64 all_flags[] = {0, VGCF_in_syscall, ~0ull};

/* In the kernel's mode the next frame goes where rsp points: that one must be sane. */
static void iret_try(const char *what, u64 number, struct iret_context *f)
{
    if ((f->cs & 3) != 3) {
        f->rsp = rsps[0];
        /* On Intel SYSENTER forgets rsp: that crashes (fatal). */
        if (f->rip == LOW_CODE + AT_SYSENTER)
            f->rip = LOW_CODE;
    }
    attempt_iret(f);
    outcome_print(what, number);
}

static struct iret_context iret_base(void)
{
    return (struct iret_context){
        .rip = LOW_CODE,
        .cs = FLAT_USER_CS,
        .rflags = 2,
        .rsp = rsps[0],
        .ss = FLAT_USER_SS,
        .rax = __HYPERVISOR_xen_version,
        .rcx = 2,
        .r11 = 3,
    };
}

#define TRY_ALL(field, values)                                                                     \
    for (u32 i = 0; i < COUNT(values); i++) {                                                      \
        struct iret_context f = iret_base();                                                       \
        f.field = (values)[i];                                                                     \
        iret_try("user " #field, i, &f);                                                           \
        f = iret_base();                                                                           \
        f.cs = FLAT_KERNEL_CS & ~3ull;                                                             \
        f.field = (values)[i];                                                                     \
        iret_try("kernel " #field, i, &f);                                                         \
    }

static u64 one_of(const u64 *values, u64 count)
{
    return values[random() % count];
}

static void irets(void)
{
    TRY_ALL(rip, rips);
    TRY_ALL(cs, selectors_cs);
    TRY_ALL(ss, selectors_ss);
    TRY_ALL(rflags, all_rflags);
    TRY_ALL(rsp, rsps);
    TRY_ALL(flags, all_flags);
    for (u32 i = 0; i < 600; i++) {
        struct iret_context f = {
            .rip = one_of(rips, COUNT(rips)),
            .cs = one_of(selectors_cs, COUNT(selectors_cs)),
            .rflags = one_of(all_rflags, COUNT(all_rflags)),
            .rsp = one_of(rsps, COUNT(rsps)),
            .ss = one_of(selectors_ss, COUNT(selectors_ss)),
            .flags = one_of(all_flags, COUNT(all_flags)),
            .rax = __HYPERVISOR_xen_version,
        };
        /* Emulators differ in what SYSRET and IRET make of addresses beyond 32 bits. */
        if ((f.cs | 3) == FLAT_RING3_CS32)
            f.flags = 0;
        /* Where Xen cannot fetch what it takes for a privileged instruction, it tells of that. */
        if (!f.rip)
            f.rip = LOW_CODE;
        iret_try("random", i, &f);
    }
}

/* --- system calls */

/*
 * A SYSCALL whose next instruction has no canonical address: the hypercall is done, the way back is
 * not.
 */
static u64 syscall_at_top(u64 argument)
{
    (void)argument;
    __asm__ volatile("jmp *%0"
                     :
                     : "r"(TOP_CODE + PAGE_SIZE - 2), "a"(__HYPERVISOR_xen_version), "D"(0), "S"(0)
                     : "rcx", "r11");
    return 0;
}

static u64 single_step(u64 argument)
{
    (void)argument;
    __asm__ volatile("pushfq; orl $0x100, (%%rsp); popfq; syscall"
                     :
                     : "a"(__HYPERVISOR_xen_version), "D"(0), "S"(0)
                     : "rcx", "r11", "memory");
    return 0;
}

static u64 one_instruction(u64 number)
{
    switch (number) {
    case 0:
        __asm__ volatile("int $2");
        break;
    case 1:
        __asm__ volatile("int $8");
        break;
    case 2:
        __asm__ volatile("int $14");
        break;
    case 3:
        __asm__ volatile("int $0xff");
        break;
    case 4:
        __asm__ volatile(".byte 0xf1");
        break;
    case 5:
        __asm__ volatile("ud2");
        break;
    case 6:
        __asm__ volatile("hlt");
        break;
    case 7:
        *(volatile u64 *)0xffff82d040000000 = 0;
        break;
    case 8:
        __asm__ volatile("mov %0, %%cr4" : : "r"(~0ull));
        break;
    case 9:
        __asm__ volatile("lgdt (%0)" : : "r"(low_stack));
        break;
    case 10:
        __asm__ volatile("mov %0, %%ss" : : "r"(0xe010));
        break;
    case 11:
        __asm__ volatile("mov %0, %%fs" : : "r"(0xe040));
        break;
    case 12:
        __asm__ volatile("iretq");
        break;
    case 13:
        __asm__ volatile("sysretq");
        break;
    case 14:
        __asm__ volatile("swapgs");
        break;
    default:
        __asm__ volatile("mov %0, %%rsp; push $0" : : "r"(0xffff830000000000 + 8));
        break;
    }
    return number;
}

static void system_calls(void)
{
    attempt_call(syscall_at_top, 0);
    outcome_print("syscall at the top", 0);
    struct iret_context f = iret_base();
    f.rip = TOP_CODE + PAGE_SIZE - 2;
    iret_try("syscall at the top, user", 0, &f);
    attempt_call(single_step, 0);
    outcome_print("single step over a hypercall", 0);
    for (u32 i = 0; i < 14; i++) {
        attempt_call(one_instruction, i);
        outcome_print("instruction", i);
    }
}

/*
 * What ends a program that spins, once a timer is set: an event, unless it runs with interrupts
 * off.
 */
static u64 interrupts_come(void)
{
    struct evtchn_bind_virq timer = {.virq = VIRQ_TIMER};
    HYPERCALL2(event_channel_op, EVTCHNOP_bind_virq, &timer); /* fails but the first time */
    struct iret_context f = iret_base();
    f.rip = LOW_CODE + AT_SPIN;
    f.rflags = 0x202;
    shared_info->vcpu_info[0].evtchn_upcall_pending = 0;
    HYPERCALL1(set_timer_op, system_time() + 1000000);
    attempt_iret(&f);
    for (u32 i = 0; i < 8; i++)
        shared_info->evtchn_pending[i] = 0;
    shared_info->vcpu_info[0].evtchn_pending_sel = 0;
    shared_info->vcpu_info[0].evtchn_upcall_pending = 0;
    shared_info->vcpu_info[0].evtchn_upcall_mask = 1;
    return outcome.vector;
}

/*
 * SYSENTER in user mode, with flags that it does not clear; and interrupts must still come
 * afterwards.
 */
static void sysenters(void)
{
    static const u64 flags[] = {0, 0x100, 0x4000, 0x40000, 0x44100};
    for (u32 i = 0; i < COUNT(flags); i++) {
        struct iret_context f = iret_base();
        f.rip = LOW_CODE + AT_SYSENTER;
        f.rflags |= flags[i];
        iret_try("sysenter, user", i, &f);
        if (argument("spin"))
            print("spin %lu: %lx\n", (u64)i, interrupts_come());
    }
}

/* --- breakpoints */

static u64 version_text[64] PAGE_ALIGNED;

static u64 copy_with_breakpoint(u64 register_and_type)
{
    HYPERCALL2(set_debugreg, 0, &version_text[2]);
    HYPERCALL2(set_debugreg, 7, 0x403 | register_and_type << 16);
    s64 result = HYPERCALL2(xen_version, XENVER_capabilities, version_text);
    HYPERCALL2(set_debugreg, 7, 0x400);
    return (u64)result;
}

static u64 stack_with_breakpoint(u64 instruction)
{
    static u16 selector = FLAT_KERNEL_SS;
    HYPERCALL2(set_debugreg, 0, &selector);
    HYPERCALL2(set_debugreg, 7, 0x403 | 0x70000);
    if (instruction == 0)
        __asm__ volatile("mov %0, %%ss; int3" : : "m"(selector));
    else if (instruction == 1)
        __asm__ volatile("mov %0, %%ss; syscall"
                         :
                         : "m"(selector), "a"(__HYPERVISOR_xen_version), "D"(0), "S"(0)
                         : "rcx", "r11");
    else
        __asm__ volatile("mov %0, %%ss; int $0x80" : : "m"(selector));
    return 0;
}

/*
 * The hypervisor writes to what is watched: that is no event of the guest's, and no error of the
 * call.
 */
static void breakpoints(void)
{
    attempt_call(copy_with_breakpoint, 0xd);
    outcome_print("copy to a watched place", 0);
    attempt_call(copy_with_breakpoint, 0xf);
    outcome_print("copy to a watched place", 1);
    for (u32 i = 0; i < 3; i++) {
        attempt_call(stack_with_breakpoint, i);
        print("note breakpoint at ss load %lu: vector %lx\n", (u64)i, outcome.vector);
        HYPERCALL2(set_debugreg, 7, 0x400);
    }
    print("case debug control refused: %ld\n", HYPERCALL2(set_debugreg, 7, 0x2400));
    print("case breakpoint in the hypervisor refused: %ld\n",
          HYPERCALL2(set_debugreg, 0, 0xffff82d040000000));
}

/* --- segments over a context switch */

static u64 load_fs(u64 selector)
{
    __asm__ volatile("mov %0, %%fs; mov %0, %%ds; mov %0, %%es" : : "r"(selector));
    return 0;
}

static void segments(void)
{
    u64 fs = 0;
    attempt_call(load_fs, 0xf);
    outcome_print("LDT selector", 0);
    sleep_ns(2000000);
    __asm__ volatile("mov %%fs, %0" : "=r"(fs));
    print("case LDT selector after a switch: %lx\n", fs);
    mmuext(MMUEXT_SET_LDT, (u64)ldt, 512);
    sleep_ns(2000000);
    __asm__ volatile("mov %%fs, %0" : "=r"(fs));
    print("case LDT selector after the LDT was set again: %lx\n", fs);
    /* A table that reaches into pages that are not there. */
    mmuext(MMUEXT_SET_LDT, (u64)ldt, 8192);
    attempt_call(load_fs, 0x8007);
    outcome_print("LDT selector of a missing page", 0);
    struct iret_context f = iret_base();
    f.cs = 0x8007;
    iret_try("LDT code selector of a missing page", 0, &f);
    mmuext(MMUEXT_SET_LDT, 0x7ffffffff000, 8192);
    attempt_call(load_fs, 0x8007);
    outcome_print("LDT selector at no address", 0);
    mmuext(MMUEXT_SET_LDT, (u64)ldt, 512);
    attempt_call(load_fs, 0x27);
    outcome_print("gate as a selector", 0);
    attempt_call(load_fs, 0);
}

/* --- NMI */

static u64 nmi_to_self(u64 argument)
{
    (void)argument;
    s64 result = HYPERCALL3(vcpu_op, VCPUOP_send_nmi, 0, 0);
    for (u32 i = 0; i < 1000; i++)
        __asm__ volatile("pause");
    return (u64)result;
}

/* --- an NMI of the processor's, while what its IRET is to load goes away */

#define NMI_ROUNDS   20
#define LDT_CODE     0x17
#define CODE_PRESENT 0x00affb000000ffff
#define CODE_ABSENT  0x00af7b000000ffff

static u8 other_stack[4 * PAGE_SIZE] PAGE_ALIGNED;
static volatile u32 nmi_round;

static void ldt_code_set(u64 descriptor)
{
    HYPERCALL2(update_descriptor, mfn_of(ldt) * PAGE_SIZE + (LDT_CODE & ~7u), descriptor);
}

/* Domain 0's own way to have all other CPUs interrupted by NMIs: ask where they are. */
static void other_main(void)
{
    static const char key[] = "d";
    struct xen_sysctl op = {
        .cmd = XEN_SYSCTL_debug_keys,
        .interface_version = XEN_SYSCTL_INTERFACE_VERSION,
        .u.debug_keys = {.keys.va = (u64)key, .nr_keys = 1},
    };
    for (u32 i = 1; i <= NMI_ROUNDS; i++) {
        while (nmi_round < i)
            __asm__ volatile("pause");
        u64 start = system_time();
        while (system_time() - start < 2000000)
            __asm__ volatile("pause");
        ldt_code_set(CODE_ABSENT);
        HYPERCALL1(sysctl, &op);
    }
    HYPERCALL3(vcpu_op, VCPUOP_down, 1, 0);
}

static void nmis(void)
{
    struct iret_context f = iret_base();
    f.rip = LOW_CODE + AT_SPIN;
    f.cs = LDT_CODE;
    f.rflags = 2;
    s64 error = vcpu_start(1, other_main, NULL, other_stack + sizeof(other_stack));
    print("the other vCPU: %ld\n", error);
    for (u32 i = 1; !error && i <= NMI_ROUNDS; i++) {
        ldt_code_set(CODE_PRESENT);
        nmi_round = i;
        attempt_iret(&f);
        print("nmi %lu: vector %lx error %lx\n", (u64)i, outcome.vector, outcome.error);
    }
}

/* --- what must crash the domain */

static void fatal(u64 number)
{
    struct iret_context f = iret_base();
    static const u64 stacks[] = {0xffff830000000000, 0x900000000000, 8, 0xffff82d040000000, ~0ull};
    print("fatal %lu\n", number);
    if (number < COUNT(stacks)) {
        /* An exception from user mode, and no stack for it. */
        HYPERCALL2(stack_switch, FLAT_KERNEL_SS, stacks[number]);
        attempt_iret(&f);
    } else if (number < 2 * COUNT(stacks)) {
        f.cs = FLAT_KERNEL_CS & ~3ull;
        f.rsp = stacks[number - COUNT(stacks)];
        attempt_iret(&f);
    } else if (number == 2 * COUNT(stacks)) {
        __asm__ volatile("mov %0, %%rsp; syscall"
                         :
                         : "r"(0xffff830000000000), "a"(__HYPERVISOR_iret)
                         : "memory");
    } else if (number == 2 * COUNT(stacks) + 1) {
        mmuext(MMUEXT_NEW_USER_BASEPTR, 0, 0);
        attempt_iret(&f);
    } else if (number == 2 * COUNT(stacks) + 2) {
        /* No handlers at all. */
        HYPERCALL1(set_trap_table, 0);
        __asm__ volatile("ud2");
    } else if (number == 2 * COUNT(stacks) + 3) {
        __asm__ volatile("sysenter");
    } else {
        /*
         * A page table for user mode that maps nothing of the kernel, and an event in the middle of
         * it.
         */
        static u64 empty[512] PAGE_ALIGNED;
        map(empty, pte_of(empty, PTE_ORDINARY & ~PTE_W));
        mmuext(MMUEXT_PIN_L4_TABLE, mfn_of(empty), 0);
        mmuext(MMUEXT_NEW_USER_BASEPTR, mfn_of(empty), 0);
        HYPERCALL2(stack_switch, FLAT_KERNEL_SS, 0);
        attempt_iret(&f);
    }
    print("fatal %lu was survived: vector %lx\n", number, outcome.vector);
}

static void low_memory_make(void)
{
    memcpy(low_code + AT_NOP, nop_int80, sizeof(nop_int80));
    memcpy(low_code + AT_SYSCALL, syscall_int80, sizeof(syscall_int80));
    memcpy(low_code + AT_SPIN, spin, sizeof(spin));
    memcpy(low_code + AT_SYSENTER, sysenter_int80, sizeof(sysenter_int80));
    low_code[PAGE_SIZE - 2] = 0x0f;
    low_code[PAGE_SIZE - 1] = 0x05;
    if (map_low(LOW_CODE, low_code, PTE_ORDINARY) || map_low(LOW_STACK, low_stack, PTE_ORDINARY))
        print("the low mapping failed\n");
    mmuext(MMUEXT_NEW_USER_BASEPTR, mfn_of((void *)start_info->pt_base), 0);

    ldt[1] = 0x00cff3000000ffff; /* 0x0f: data */
    ldt[2] = 0x00affb000000ffff; /* 0x17: 64-bit code */
    ldt[3] = 0x00cffb000000ffff; /* 0x1f: 32-bit code */
    ldt[5] = 0x008ff3000000ffff; /* 16-bit stack */
    map(ldt, pte_of(ldt, PTE_ORDINARY & ~PTE_W));
    print("case LDT set: %ld\n", mmuext(MMUEXT_SET_LDT, (u64)ldt, 512));
}

/* The last page of the lower half, by a path of its own through the tables. */
static void top_memory_make(void)
{
    static u64 tables[3][512] PAGE_ALIGNED;
    tables[0][511] = pte_of(tables[1], PTE_ORDINARY);
    tables[1][511] = pte_of(tables[2], PTE_ORDINARY);
    tables[2][511] = pte_of(low_code, PTE_ORDINARY);
    for (u32 i = 0; i < COUNT(tables); i++)
        map(tables[i], pte_of(tables[i], PTE_ORDINARY & ~PTE_W));
    if (mmu_write(mfn_of((void *)start_info->pt_base) * PAGE_SIZE + 255 * 8,
                  pte_of(tables[0], PTE_ORDINARY)))
        print("the top mapping failed\n");
}

void guest_main(void)
{
    low_memory_make();
    top_memory_make();
    u64 number = number_after("fatal=", ~0ull);
    if (number != ~0ull) {
        fatal(number);
        return;
    }
    if (argument("nmi")) {
        nmis();
        print("done\n");
        return;
    }
    random_seed(number_after("seed=", 1));
    irets();
    system_calls();
    sysenters();
    breakpoints();
    segments();
    attempt_call(nmi_to_self, 0);
    outcome_print("NMI to itself", 0);
    print("done\n");
}
