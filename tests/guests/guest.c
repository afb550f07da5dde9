/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The library of the test kernels (guest.h): start, console, memory, traps. */
#include "guest.h"

#include <stdarg.h>

#define L1_OF_SHARED_INFO PTE_ORDINARY

struct start_info *start_info;
volatile struct shared_info *shared_info;

struct trap_regs outcome;
u64 entry_rflags;
u64 attempt_result, failsafe_selectors[4], attempt_stack;
volatile u32 attempt_armed;
u64 fault_fixup;
bool traps_tolerated;

extern const struct {
    u64 vector;
    u64 entry;
} trap_entries[];

static u8 shared_info_page[PAGE_SIZE] PAGE_ALIGNED;

void *memset(void *to, int byte, size_t bytes)
{
    u8 *p = to;
    while (bytes--)
        *p++ = (u8)byte;
    return to;
}

void *memcpy(void *to, const void *from, size_t bytes)
{
    u8 *p = to;
    const u8 *q = from;
    while (bytes--)
        *p++ = *q++;
    return to;
}

/* --- console */

struct line {
    char *at, *end;
};

static void put(struct line *l, char c)
{
    if (l->at < l->end)
        *l->at++ = c;
}

static void put_number(struct line *l, u64 value, u32 base)
{
    char digits[20];
    u32 n = 0;
    do
        digits[n++] = "0123456789abcdef"[value % base];
    while (value /= base);
    while (n)
        put(l, digits[--n]);
}

static void put_argument(struct line *l, char kind, bool wide, va_list *arguments)
{
    if (kind == 's') {
        for (const char *s = va_arg(*arguments, const char *); *s; s++)
            put(l, *s);
        return;
    }
    u64 value = wide ? va_arg(*arguments, u64) : va_arg(*arguments, u32);
    s64 number = wide ? (s64)value : (int)value;
    if (kind == 'd' && number < 0) {
        put(l, '-');
        value = (u64)-number;
    }
    put_number(l, value, kind == 'x' ? 16 : 10);
}

static void put_all(struct line *l, const char *format, va_list *arguments)
{
    for (; *format; format++) {
        if (*format != '%') {
            put(l, *format);
            continue;
        }
        bool wide = *++format == 'l';
        if (wide)
            format++;
        put_argument(l, *format, wide, arguments);
    }
}

/* The console of a domain that is not the first: a ring that domain 0 empties (Xen public ABI,
 * io/console.h). */
struct console_ring {
    char in[1024], out[2048];
    u32 in_taken, in_made, out_taken, out_made;
};

static void ring_write(const char *at, u32 bytes)
{
    volatile struct console_ring *ring = virt_of_mfn(start_info->console.domU.mfn);
    struct evtchn_send to = {.port = start_info->console.domU.evtchn};
    for (u32 i = 0; i < bytes; i++) {
        while (ring->out_made - ring->out_taken >= sizeof(ring->out)) {
            HYPERCALL2(event_channel_op, EVTCHNOP_send, &to);
            HYPERCALL2(sched_op, SCHEDOP_yield, 0);
        }
        ring->out[ring->out_made % sizeof(ring->out)] = at[i];
        __atomic_store_n(&ring->out_made, ring->out_made + 1, __ATOMIC_RELEASE);
    }
    HYPERCALL2(event_channel_op, EVTCHNOP_send, &to);
}

/* Waits until domain 0 has taken everything. */
static void ring_empty(void)
{
    volatile struct console_ring *ring = virt_of_mfn(start_info->console.domU.mfn);
    while (ring->out_made != ring->out_taken)
        HYPERCALL2(sched_op, SCHEDOP_yield, 0);
}

void print(const char *format, ...)
{
    static char buffer[512];
    struct line l = {buffer, buffer + sizeof(buffer)};
    va_list arguments;
    va_start(arguments, format);
    put_all(&l, format, &arguments);
    va_end(arguments);
    if (start_info->flags & SIF_INITDOMAIN)
        HYPERCALL3(console_io, CONSOLEIO_write, l.at - buffer, buffer);
    else
        ring_write(buffer, (u32)(l.at - buffer));
}

char *text(const char *format, ...)
{
    static char buffers[16][256];
    static u32 next;
    char *buffer = buffers[next++ % COUNT(buffers)];
    struct line l = {buffer, buffer + sizeof(buffers[0]) - 1};
    va_list arguments;
    va_start(arguments, format);
    put_all(&l, format, &arguments);
    va_end(arguments);
    *l.at = 0;
    return buffer;
}

void guest_end(void)
{
    struct sched_shutdown how = {.reason = start_info->flags & SIF_INITDOMAIN ? SHUTDOWN_reboot
                                                                              : SHUTDOWN_poweroff};
    if (!(start_info->flags & SIF_INITDOMAIN))
        ring_empty();
    for (;;)
        HYPERCALL2(sched_op, SCHEDOP_shutdown, &how);
}

const char *argument_text(const char *word)
{
    for (const char *at = (const char *)start_info->cmd_line; *at; at++) {
        u32 n = 0;
        while (word[n] && at[n] == word[n])
            n++;
        if (!word[n])
            return at + n;
    }
    return NULL;
}

bool argument(const char *word)
{
    return argument_text(word);
}

u64 number_after(const char *word, u64 otherwise)
{
    const char *at = argument_text(word);
    u64 n = 0;
    if (!at)
        return otherwise;
    for (; *at >= '0' && *at <= '9'; at++)
        n = n * 10 + (u64)(*at - '0');
    return n;
}

/* --- memory */

u64 mfn_of(const volatile void *p)
{
    return ((const u64 *)start_info->mfn_list)[((u64)p - GUEST_VIRT_BASE) / PAGE_SIZE];
}

void *virt_of_mfn(u64 mfn)
{
    return (void *)(GUEST_VIRT_BASE + ((const u64 *)MACH2PHYS_VIRT_START)[mfn] * PAGE_SIZE);
}

volatile u64 *table_entry(const volatile void *va, u32 level)
{
    volatile u64 *table = (volatile u64 *)start_info->pt_base;
    for (u32 at = 4;; at--) {
        volatile u64 *entry = &table[(u64)va >> (12 + 9 * (at - 1)) & 511];
        if (at == level)
            return entry;
        table = virt_of_mfn((*entry & PTE_ADDRESS) / PAGE_SIZE);
    }
}

u64 entry_address(const volatile void *va, u32 level)
{
    volatile u64 *entry = table_entry(va, level);
    return mfn_of(entry) * PAGE_SIZE + (u64)entry % PAGE_SIZE;
}

u64 pte_of(const volatile void *p, u64 flags)
{
    return mfn_of(p) * PAGE_SIZE | flags;
}

s64 map(const volatile void *va, u64 entry)
{
    return HYPERCALL3(update_va_mapping, va, entry, UVMF_INVLPG | UVMF_LOCAL);
}

s64 mmu_write(u64 machine_address, u64 value)
{
    struct mmu_update update = {.ptr = machine_address, .val = value};
    return HYPERCALL4(mmu_update, &update, 1, 0, DOMID_SELF);
}

s64 mmuext(u32 command, u64 arg1, u64 arg2)
{
    struct mmuext_op op = {.cmd = command, .arg1.mfn = arg1, .arg2.src_mfn = arg2};
    return HYPERCALL4(mmuext_op, &op, 1, 0, DOMID_SELF);
}

/* --- traps */

void attempt_call_raw(u64 (*f)(u64), u64 argument);
void attempt_iret_raw(const struct iret_context *frame);
void attempt_enter_raw(const struct trap_regs *regs);
void attempt_iretq_raw(const struct iret_context *frame);
int trap_dispatch(struct trap_regs *regs);

bool (*trap_hook)(struct trap_regs *regs);

/* Not 0: abandon what was interrupted and end the attempt. */
int trap_dispatch(struct trap_regs *regs)
{
    if (trap_hook && trap_hook(regs))
        return 0;
    if (!attempt_armed && traps_tolerated && (regs->vector == 1 || regs->vector >= ENTRY_EVENT))
        return 0;
    if (!attempt_armed) {
        print("unexpected trap %lu error %lx rip %lx cs %lx rsp %lx cr2 %lx\n", regs->vector,
              regs->error, regs->rip, regs->cs, regs->rsp,
              shared_info ? shared_info->vcpu_info[0].arch.cr2 : 0);
        guest_end();
    }
    outcome = *regs;
    return 1;
}

static void outcome_clear(void)
{
    memset(&outcome, 0, sizeof(outcome));
    outcome.vector = NO_TRAP;
    attempt_result = 0;
}

bool attempt_call(u64 (*f)(u64), u64 argument)
{
    outcome_clear();
    attempt_call_raw(f, argument);
    return outcome.vector == NO_TRAP;
}

void attempt_iret(const struct iret_context *frame)
{
    outcome_clear();
    attempt_iret_raw(frame);
}

void attempt_enter(const struct trap_regs *regs)
{
    outcome_clear();
    attempt_enter_raw(regs);
}

void attempt_iretq(const struct iret_context *frame)
{
    outcome_clear();
    attempt_iretq_raw(frame);
}

void trap_set(u8 vector, void (*entry)(void))
{
    struct trap_info table[2] = {
        {.vector = vector, .flags = 3 | TI_FLAGS_IF, .cs = FLAT_KERNEL_CS, .address = (u64)entry},
    };
    HYPERCALL1(set_trap_table, table);
}

void *trap_entry(u8 vector)
{
    u32 i = 0;
    while (trap_entries[i].vector != vector && trap_entries[i].entry)
        i++;
    return (void *)trap_entries[i].entry;
}

s64 callback_set(u16 type, void (*entry)(void))
{
    struct callback_register r = {
        .type = type, .flags = CALLBACKF_mask_events, .address = (u64)entry};
    return HYPERCALL2(callback_op, CALLBACKOP_register, &r);
}

void guest_restore(void)
{
    for (u32 i = 0; trap_entries[i].entry; i++)
        trap_set((u8)trap_entries[i].vector, (void (*)(void))trap_entries[i].entry);
    callback_set(CALLBACKTYPE_failsafe, (void (*)(void))entry_failsafe);
    callback_set(CALLBACKTYPE_syscall, (void (*)(void))entry_syscall);
    callback_set(CALLBACKTYPE_syscall32, (void (*)(void))entry_syscall32);
    callback_set(CALLBACKTYPE_sysenter, (void (*)(void))entry_sysenter);
    callback_set(CALLBACKTYPE_event, (void (*)(void))entry_event);
    callback_set(CALLBACKTYPE_nmi, (void (*)(void))entry_nmi);
    HYPERCALL2(stack_switch, FLAT_KERNEL_SS, kernel_stack_end);
    HYPERCALL2(set_debugreg, 7, 0x400);
}

s64 vcpu_start(u32 id, void (*entry)(void), void (*event)(void), void *stack_end)
{
    static struct vcpu_guest_context c;
    memset(&c, 0, sizeof(c));
    c.flags = VGCF_in_kernel;
    c.user_regs.rip = (u64)entry;
    c.user_regs.rsp = (u64)stack_end - 8;
    c.user_regs.cs = FLAT_KERNEL_CS;
    c.user_regs.ss = FLAT_KERNEL_SS;
    c.user_regs.rflags = 2;
    c.kernel_ss = FLAT_KERNEL_SS;
    c.kernel_sp = (u64)stack_end;
    c.ctrlreg[3] = xen_pfn_to_cr3(mfn_of((void *)start_info->pt_base));
    c.event_callback_eip = (u64)event;
    c.failsafe_callback_eip = (u64)entry_failsafe;
    shared_info->vcpu_info[id].evtchn_upcall_mask = 1;
    s64 error = HYPERCALL3(vcpu_op, VCPUOP_initialise, id, &c);
    return error ? error : HYPERCALL3(vcpu_op, VCPUOP_up, id, 0);
}

void guest_start(struct start_info *si);

void guest_start(struct start_info *si)
{
    start_info = si;
    guest_restore();
    map(shared_info_page, si->shared_info | L1_OF_SHARED_INFO);
    shared_info = (volatile struct shared_info *)shared_info_page;
    shared_info->vcpu_info[0].evtchn_upcall_mask = 1;
    for (u32 i = 0; i < COUNT(shared_info->evtchn_mask); i++)
        shared_info->evtchn_mask[i] = 0;
    guest_main();
    guest_end();
}

/* --- a low mapping, for 32-bit code */

/* The tables between the top-level table and low pages: one of levels 3, 2 and 1 each. */
static u64 low_tables[3][512] PAGE_ALIGNED;

static volatile u64 *low_entry(u64 va, u32 level)
{
    return &low_tables[3 - level][va >> (12 + 9 * (level - 1)) & 511];
}

/* All pages mapped so must lie in the same 2 MiB. */
s64 map_low(u64 va, const volatile void *page, u64 flags)
{
    if (*low_entry(va, 3))
        return map((void *)va, pte_of(page, flags));
    *low_entry(va, 3) = pte_of(low_tables[1], PTE_ORDINARY);
    *low_entry(va, 2) = pte_of(low_tables[2], PTE_ORDINARY);
    *low_entry(va, 1) = pte_of(page, flags);
    for (u32 i = 0; i < COUNT(low_tables); i++)
        map(low_tables[i], pte_of(low_tables[i], PTE_ORDINARY & ~PTE_W));
    return mmu_write(mfn_of((void *)start_info->pt_base) * PAGE_SIZE + (va >> 39) * 8,
                     pte_of(low_tables[0], PTE_ORDINARY));
}

u64 system_time(void)
{
    volatile struct vcpu_time_info *t = &shared_info->vcpu_info[0].time;
    u64 ticks = rdtsc() - t->tsc_timestamp;
    ticks = t->tsc_shift < 0 ? ticks >> -t->tsc_shift : ticks << t->tsc_shift;
    return t->system_time + (u64)(((unsigned __int128)ticks * t->tsc_to_system_mul) >> 32);
}

void sleep_ns(u64 nanoseconds)
{
    struct sched_poll poll = {.timeout = system_time() + nanoseconds};
    /* A guest's other events, of its console, end a poll too. */
    do
        HYPERCALL2(sched_op, SCHEDOP_poll, &poll);
    while (system_time() < poll.timeout);
}

static u64 random_state = 88172645463325252ull;

void random_seed(u64 seed)
{
    random_state = seed * 2862933555777941757ull + 3037000493ull;
}

/* Marsaglia's xorshift: the same numbers everywhere. */
u64 random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}
