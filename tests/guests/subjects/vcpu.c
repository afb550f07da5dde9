/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Virtual processors: which there are, the initial state of another one with good and bad contents,
 * what it then starts with, and its coming and going; then the scheduler's calls.
 */
#define SUBJECT "vcpu"
#include "subject.h"

static struct vcpu_guest_context context;
static u8 other_stack[PAGE_SIZE] PAGE_ALIGNED, info_page[PAGE_SIZE] PAGE_ALIGNED;
static volatile u32 other_runs;
static volatile u64 seen[8];

static s64 vcpu(u32 cmd, u64 id, const void *arg)
{
    return HYPERCALL3(vcpu_op, cmd, id, arg);
}

/* Runs on the other vCPU: looks at itself, then counts until it is told to end. */
__asm__(
    ".pushsection .text\n"
    "other_entry: pushf; pop %rax; mov %rax, seen(%rip); mov %cs, %eax; mov %rax, seen+8(%rip)\n"
    "mov %ss, %eax; mov %rax, seen+16(%rip); mov %ds, %eax; mov %rax, seen+24(%rip)\n"
    "mov %rdi, seen+32(%rip); mov %gs, %eax; mov %rax, seen+40(%rip); mov %fs, %eax; mov %rax, "
    "seen+48(%rip)\n"
    "1: incl other_runs(%rip); pause; jmp 1b\n.popsection");
extern char other_entry[];

static void context_make(void)
{
    memset(&context, 0, sizeof(context));
    context.flags = VGCF_in_kernel;
    context.user_regs.rip = (u64)other_entry;
    context.user_regs.cs = FLAT_KERNEL_CS;
    context.user_regs.ss = FLAT_KERNEL_SS;
    context.user_regs.rsp = (u64)other_stack + sizeof(other_stack);
    context.user_regs.rdi = 0x1234;
    context.user_regs.rflags = 0;
    context.kernel_ss = FLAT_KERNEL_SS;
    context.kernel_sp = (u64)other_stack + sizeof(other_stack);
    context.ctrlreg[3] = xen_pfn_to_cr3(mfn_of((void *)start_info->pt_base));
    context.event_callback_eip = (u64)entry_event;
    context.failsafe_callback_eip = (u64)entry_failsafe;
    context.syscall_callback_eip = (u64)entry_syscall;
}

static void numbers(void)
{
    static const u64 ids[] = {0, 1, 2, 31, 32, 8191, 8192, ~0u, 1ull << 32};
    for (u32 i = 0; i < COUNT(ids); i++) {
        SAY("is_up(%lx) -> %ld", ids[i], vcpu(VCPUOP_is_up, ids[i], NULL));
        if (ids[i] && ids[i] != 1ull << 32)
            SAY("up(%lx) -> %ld", ids[i], vcpu(VCPUOP_up, ids[i], NULL));
        if (ids[i] && ids[i] != 1ull << 32)
            SAY("down(%lx) -> %ld", ids[i], vcpu(VCPUOP_down, ids[i], NULL));
        SAY("send_nmi(%lx) -> %ld", ids[i], vcpu(VCPUOP_send_nmi, ids[i], NULL));
        SAY("get_physid(%lx) -> %ld", ids[i], vcpu(VCPUOP_get_physid, ids[i], data_page));
    }
    for (u32 cmd = 0; cmd < 18; cmd++) {
        if (cmd == VCPUOP_down || cmd == VCPUOP_send_nmi)
            continue;
        SAY("op %u nowhere -> %ld", cmd, vcpu(cmd, 0, (void *)NONCANONICAL));
        SAY("op %u of what is not there -> %ld", cmd, vcpu(cmd, 0, (void *)LOW_NONE));
        SAY("op %u of another, what is not there -> %ld", cmd, vcpu(cmd, 1, (void *)LOW_NONE));
    }
}

#define BAD(what, change)                                                                          \
    do {                                                                                           \
        context_make();                                                                            \
        change;                                                                                    \
        SAY("initialise with %s -> %ld", what, vcpu(VCPUOP_initialise, 1, &context));              \
    } while (0)

static void contexts(void)
{
    context_make();
    SAY("initialise of itself -> %ld", vcpu(VCPUOP_initialise, 0, &context));
    SAY("initialise of none -> %ld", vcpu(VCPUOP_initialise, 2, &context));
    BAD("rip that is not canonical", context.user_regs.rip = NONCANONICAL);
    BAD("event callback that is not canonical", context.event_callback_eip = NONCANONICAL);
    BAD("failsafe callback that is not canonical", context.failsafe_callback_eip = NONCANONICAL);
    BAD("syscall callback that is not canonical", context.syscall_callback_eip = NONCANONICAL);
    BAD("too many GDT entries", context.gdt_ents = 8193);
    BAD("too large an LDT", context.ldt_ents = 8193);
    BAD("an LDT misaligned", (context.ldt_base = 8, context.ldt_ents = 1));
    BAD("an LDT nowhere", (context.ldt_base = NONCANONICAL, context.ldt_ents = 1));
    BAD("a GDT of no frame", (context.gdt_ents = 1, context.gdt_frames[0] = 0xfffffff));
    BAD("tables that are data", context.ctrlreg[3] = xen_pfn_to_cr3(mfn_of(data_page)));
    BAD("tables that are none", context.ctrlreg[3] = xen_pfn_to_cr3(0xfffffff));
    BAD("tables of frame 0", context.ctrlreg[3] = 0);
    BAD("user tables that are data", context.ctrlreg[1] = xen_pfn_to_cr3(mfn_of(data_page)) | 1);
    BAD("user tables that are data, unmarked",
        context.ctrlreg[1] = xen_pfn_to_cr3(mfn_of(data_page)));
    BAD("user tables of frame 0, marked", context.ctrlreg[1] = 1);
    BAD("fs base that is not canonical", context.fs_base = NONCANONICAL);
    BAD("gs base that is not canonical", context.gs_base_kernel = NONCANONICAL);
    BAD("user gs base that is not canonical", context.gs_base_user = NONCANONICAL);
    BAD("user mode and no user tables", context.flags = 0);
    BAD("a trap handler that is not canonical", context.trap_ctxt[3].address = NONCANONICAL);
}

static void runs(void)
{
    context_make();
    context.user_regs.rflags = 0x3ed5;
    context.user_regs.ds = context.user_regs.es = FLAT_KERNEL_SS;
    SAY("initialise -> %ld", vcpu(VCPUOP_initialise, 1, &context));
    SAY("initialise again -> %ld", vcpu(VCPUOP_initialise, 1, &context));
    SAY("is_up -> %ld", vcpu(VCPUOP_is_up, 1, NULL));
    SAY("up -> %ld", vcpu(VCPUOP_up, 1, NULL));
    u64 end = system_time() + 2000000000;
    while (!other_runs && system_time() < end)
        HYPERCALL2(sched_op, SCHEDOP_yield, 0);
    SAY("runs -> %u, is_up %ld", other_runs != 0, vcpu(VCPUOP_is_up, 1, NULL));
    SAY("with -> rflags %lx cs %lx ss %lx ds %lx rdi %lx gs %lx fs %lx", seen[0], seen[1], seen[2],
        seen[3], seen[4], seen[5], seen[6]);
    SAY("up again -> %ld", vcpu(VCPUOP_up, 1, NULL));
    SAY("down -> %ld", vcpu(VCPUOP_down, 1, NULL));
    SAY("down again -> %ld", vcpu(VCPUOP_down, 1, NULL));
    sleep_ns(5000000);
    u32 stopped = other_runs;
    sleep_ns(5000000);
    SAY("stands still -> %u", other_runs == stopped);
    SAY("is_up -> %ld", vcpu(VCPUOP_is_up, 1, NULL));
    SAY("up -> %ld", vcpu(VCPUOP_up, 1, NULL));
    end = system_time() + 2000000000;
    while (other_runs == stopped && system_time() < end)
        HYPERCALL2(sched_op, SCHEDOP_yield, 0);
    SAY("goes on -> %u", other_runs != stopped);
    SAY("down -> %ld", vcpu(VCPUOP_down, 1, NULL));
}

static void infos(void)
{
    struct vcpu_register_vcpu_info info = {.mfn = mfn_of(info_page), .offset = PAGE_SIZE - 32};
    SAY("vcpu_info beyond the page -> %ld", vcpu(VCPUOP_register_vcpu_info, 0, &info));
    info.offset = PAGE_SIZE;
    SAY("vcpu_info at the page's end -> %ld", vcpu(VCPUOP_register_vcpu_info, 0, &info));
    info.offset = 4;
    SAY("vcpu_info misaligned -> %ld", vcpu(VCPUOP_register_vcpu_info, 1, &info));
    info.offset = 0;
    info.mfn = 0xfffffff;
    SAY("vcpu_info of no frame -> %ld", vcpu(VCPUOP_register_vcpu_info, 0, &info));
    info.mfn = mfn_of((void *)start_info->pt_base);
    SAY("vcpu_info in a page table -> %ld", vcpu(VCPUOP_register_vcpu_info, 0, &info));
    info.mfn = mfn_of(info_page);
    info.offset = 64;
    shared_info->vcpu_info[0].evtchn_upcall_mask = 1;
    SAY("vcpu_info -> %ld", vcpu(VCPUOP_register_vcpu_info, 0, &info));
    volatile struct vcpu_info *v = (void *)(info_page + 64);
    SAY("in it -> pending %u mask %u selector %lx, time %u", v->evtchn_upcall_pending,
        v->evtchn_upcall_mask, v->evtchn_pending_sel, v->time.tsc_to_system_mul != 0);
    SAY("vcpu_info again -> %ld", vcpu(VCPUOP_register_vcpu_info, 0, &info));
}

static void scheduler(void)
{
    RESULT("yield", HYPERCALL2(sched_op, SCHEDOP_yield, 0));
    RESULT("yield with an argument", HYPERCALL2(sched_op, SCHEDOP_yield, NONCANONICAL));
    for (u32 cmd = 2; cmd < 12; cmd++) {
        SAY("sched_op %u nowhere -> %ld", cmd, HYPERCALL2(sched_op, cmd, NONCANONICAL));
        SAY("sched_op %u of what is not there -> %ld", cmd, HYPERCALL2(sched_op, cmd, LOW_NONE));
    }
    SAY("sched_op_compat 3 -> %ld", HYPERCALL2(sched_op_compat, 3, 0));
    SAY("sched_op_compat 0 -> %ld", HYPERCALL2(sched_op_compat, 0, 0));
    struct sched_shutdown s = {.reason = 99};
    RESULT("shutdown_code", HYPERCALL2(sched_op, SCHEDOP_shutdown_code, &s));
    static const struct sched_watchdog dogs[] = {{0, 100}, {0, 200}, {0, 100}, {1, 50},
                                                 {2, 50},  {1, 0},   {2, 0},   {1, 0},
                                                 {3, 1},   {99, 1},  {~0u, 0}};
    for (u32 i = 0; i < COUNT(dogs); i++)
        SAY("watchdog(%u, %u) -> %ld", dogs[i].id, dogs[i].timeout,
            HYPERCALL2(sched_op, SCHEDOP_watchdog, &dogs[i]));
}

void guest_main(void)
{
    subject_start();
    traps_tolerated = true;
    numbers();
    contexts();
    runs();
    scheduler();
    infos();
    SAY("end -> 0");
}
