/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Privileged instructions of PV guests. Their kernels run in ring 3, so each faults; those that
 * kernels use in spite of the hypercalls are carried out here on the guest's virtual state. The
 * list is that of the ABI's reference (4.17): what is not in it (HLT, INVLPG, LGDT ...) faults in
 * the guest, as it does there.
 *
 * Called by pv/traps.c: after #GP (pv_emulate_privileged) and #UD (pv_emulate_invalid_opcode). Each
 * instruction has a row in a table and a function that says what became of it.
 *
 * Sources: AMD APM vol. 3, chapter 4 (system instructions); vol. 2, 3.1 (control registers).
 */
#include "core/guest_access.h"
#include "errno.h"
#include "lib/print.h"
#include "lib/string.h"
#include "mm_private.h"
#include "x86/page.h"
#include "x86/policy.h"
#include "x86/pv_emulate.h"
#include "x86/pv_mm.h"
#include "x86/time.h"

/* CR4 as guests see it besides their own choice: PAE, MCE, OSFXSR, OSXMMEXCPT. */
#define CR4_VISIBLE (CR4_PAE | CR4_MCE | CR4_OSFXSR | CR4_OSXMMEXCPT)

#define MODRM_XSETBV 0xd1 /* 0F 01 */
#define MODRM_RDTSCP 0xf9
#define MODRM_REG    0x38
#define MODRM_SMSW   0x20

static void register_pair_set(struct regs *regs, u64 value)
{
    regs->rax = (u32)value;
    regs->rdx = value >> 32;
}

static u64 register_pair(const struct regs *regs)
{
    return (regs->rax & 0xffffffff) | regs->rdx << 32;
}

/* --- CPUID and the time-stamp counter */

static void cpuid_answer(struct vcpu *v, struct regs *regs, bool forced)
{
    struct cpuid_leaf l;
    pv_cpuid(v, (u32)regs->rax, (u32)regs->rcx, forced, &l);
    regs->rax = l.a;
    regs->rbx = l.b;
    regs->rcx = l.c;
    regs->rdx = l.d;
}

/*
 * Faulting is on for the hypervisor's sake, or for the guest's kernel, which wants it to hit user
 * mode.
 */
static enum pv_outcome emulate_cpuid(struct vcpu *v, struct regs *regs, const struct insn *i)
{
    if (v->arch.cpuid_faulting && !v->arch.kernel_mode)
        return PV_REFUSED;
    cpuid_answer(v, regs, false);
    return PV_DONE;
}

/* With the guest's CR4.TSD, also its kernel's own reads fault. */
static enum pv_outcome emulate_rdtsc(struct vcpu *v, struct regs *regs, const struct insn *i)
{
    if (!v->arch.kernel_mode && (v->arch.cr4 & CR4_TSD))
        return PV_REFUSED;
    register_pair_set(regs, guest_tsc_read(v->domain));
    return PV_DONE;
}

static enum pv_outcome emulate_rdtscp(struct vcpu *v, struct regs *regs)
{
    if (!policy_has(v->domain->arch.policy, FEATURE_RDTSCP))
        return PV_REFUSED;
    enum pv_outcome outcome = emulate_rdtsc(v, regs, NULL);
    if (outcome == PV_DONE)
        regs->rcx = (u32)v->arch.tsc_aux;
    return outcome;
}

/* --- MSRs */

static enum pv_outcome emulate_rdmsr(struct vcpu *v, struct regs *regs, const struct insn *i)
{
    u64 value;
    if (!pv_msr_read(v, (u32)regs->rcx, &value))
        return PV_REFUSED;
    register_pair_set(regs, value);
    return PV_DONE;
}

static enum pv_outcome emulate_wrmsr(struct vcpu *v, struct regs *regs, const struct insn *i)
{
    return pv_msr_write(v, (u32)regs->rcx, register_pair(regs)) ? PV_DONE : PV_REFUSED;
}

/* --- control and debug registers */

u64 pv_cr4_visible(const struct vcpu *v)
{
    return (v->arch.cr4 & PV_CR4_GUEST_BITS) | CR4_VISIBLE;
}

u64 pv_cr4_allowed(const struct vcpu *v, u64 value)
{
    const struct cpu_policy *p = v->domain->arch.policy;
    u64 allowed = (policy_has(p, FEATURE_TSC) ? CR4_TSD : 0) |
                  (policy_has(p, FEATURE_DE) ? CR4_DE : 0) |
                  (policy_has(p, FEATURE_FSGSBASE) ? CR4_FSGSBASE : 0) |
                  (policy_has(p, FEATURE_XSAVE) ? CR4_OSXSAVE : 0);
    return value & allowed & PV_CR4_GUEST_BITS;
}

static enum pv_outcome emulate_read_cr(struct vcpu *v, struct regs *regs, const struct insn *i)
{
    u64 value;
    switch (i->reg) {
    case 0:
        value = v->arch.cr0;
        break;
    case 2:
        value = v->arch.cr2;
        break;
    case 3:
        value = paddr_of_mfn(v->arch.kernel_l4);
        break;
    case 4:
        value = pv_cr4_visible(v);
        break;
    default:
        return PV_REFUSED;
    }
    *insn_register(regs, i->rm) = value;
    return PV_DONE;
}

static enum pv_outcome write_cr0_value(struct vcpu *v, u64 value)
{
    if ((value ^ v->arch.cr0) & ~CR0_TS) {
        log_guest(LOG_WARNING, "domain %u: CR0 %#lx refused: only TS can change", v->domain->id,
                  (unsigned long)value);
        return PV_REFUSED;
    }
    pv_task_switched_set(v, value & CR0_TS);
    return PV_DONE;
}

static enum pv_outcome write_cr3_value(struct vcpu *v, u64 value)
{
    mfn_t mfn = mfn_of_paddr(value);
    if (!mfn.v)
        return PV_REFUSED; /* a kernel is never without tables */
    switch (pv_set_kernel_l4(v, mfn)) {
    case 0:
        /* The tables left behind are given up before the guest goes on; the same again is cheap. */
        return mm_finish(v->domain) ? PV_AGAIN : PV_DONE;
    case -ERESTART:
        return PV_AGAIN;
    default:
        log_guest(LOG_WARNING, "domain %u: CR3 %#lx refused: not a page table of its own",
                  v->domain->id, (unsigned long)value);
        return PV_REFUSED;
    }
}

static enum pv_outcome emulate_write_cr(struct vcpu *v, struct regs *regs, const struct insn *i)
{
    u64 value = *insn_register(regs, i->rm);
    switch (i->reg) {
    case 0:
        return write_cr0_value(v, value);
    case 2:
        pv_cr2_set(v, value);
        return PV_DONE;
    case 3:
        return write_cr3_value(v, value);
    case 4:
        v->arch.cr4 = pv_cr4_allowed(v, value);
        pv_load_cr4(v);
        return PV_DONE;
    default:
        return PV_REFUSED;
    }
}

static enum pv_outcome emulate_clts(struct vcpu *v, struct regs *regs, const struct insn *i)
{
    pv_task_switched_set(v, false);
    return PV_DONE;
}

/* A debug register that is not there is an invalid opcode (DR4, DR5 with CR4.DE). */
static enum pv_outcome debugreg_outcome(struct vcpu *v, int error)
{
    if (error == -ENODEV) {
        pv_inject_trap(v, TRAP_UD, 0);
        return PV_TRAPPED;
    }
    return error ? PV_REFUSED : PV_DONE;
}

static enum pv_outcome emulate_read_dr(struct vcpu *v, struct regs *regs, const struct insn *i)
{
    u64 value;
    int error = pv_debugreg_get(v, i->reg, &value);
    if (!error)
        *insn_register(regs, i->rm) = value;
    return debugreg_outcome(v, error);
}

static enum pv_outcome emulate_write_dr(struct vcpu *v, struct regs *regs, const struct insn *i)
{
    return debugreg_outcome(v, pv_debugreg_set(v, i->reg, *insn_register(regs, i->rm)));
}

/* --- others */

static enum pv_outcome emulate_xsetbv(struct vcpu *v, struct regs *regs)
{
    u64 value = register_pair(regs);
    if (!(v->arch.cr4 & CR4_OSXSAVE)) {
        pv_inject_trap(v, TRAP_UD, 0);
        return PV_TRAPPED;
    }
    if (!v->arch.kernel_mode || (u32)regs->rcx != 0 ||
        !policy_xcr0_ok(v->domain->arch.policy, value))
        return PV_REFUSED;
    v->arch.xcr0 = value;
    write_xcr0(value);
    return PV_DONE;
}

/*
 * 0F 01 is a group: its members are told apart by the whole ModRM byte where its middle field has
 * a meaning of its own for memory.
 */
static enum pv_outcome emulate_group7(struct vcpu *v, struct regs *regs, const struct insn *i)
{
    if (i->has_memory || (i->modrm & MODRM_REG) == MODRM_SMSW)
        return pv_emulate_table_read(v, regs, i);
    if (i->prefixes & (INSN_PREFIX_OPERAND | INSN_PREFIX_REP | INSN_PREFIX_REPNE))
        return PV_REFUSED;
    if (i->modrm == MODRM_XSETBV)
        return emulate_xsetbv(v, regs);
    if (i->modrm == MODRM_RDTSCP)
        return emulate_rdtscp(v, regs);
    return PV_REFUSED;
}

/*
 * Only a domain with devices can have a reason; others use it in boot-time delay loops and need not
 * wait.
 */
static enum pv_outcome emulate_wbinvd(struct vcpu *v, struct regs *regs, const struct insn *i)
{
    if (v->domain->iomem.count || v->domain->ioports.count)
        cache_write_back();
    return PV_DONE;
}

/*
 * Interrupts of a PV guest are events, masked in its vcpu_info. Code that may use CLI at all is not
 * obeyed: POPF, which it would use to undo it, does not fault, and its events would stay masked.
 */
static enum pv_outcome emulate_cli_sti(struct vcpu *v, struct regs *regs, const struct insn *i)
{
    return pv_iopl_ok(v) ? PV_DONE : PV_REFUSED;
}

/* --- the table */

typedef enum pv_outcome (*emulator_t)(struct vcpu *v, struct regs *regs, const struct insn *i);

static const struct {
    u8 map, first, last; /* opcodes, inclusive */
    bool kernel_only;
    emulator_t emulate;
} emulations[] = {
    {INSN_MAP_0F, 0x32, 0x32, true, emulate_rdmsr},
    {INSN_MAP_0F, 0x30, 0x30, true, emulate_wrmsr},
    {INSN_MAP_0F, 0x20, 0x20, true, emulate_read_cr},
    {INSN_MAP_0F, 0x22, 0x22, true, emulate_write_cr},
    {INSN_MAP_PRIMARY, 0xe4, 0xe7, false, pv_emulate_io},
    {INSN_MAP_PRIMARY, 0xec, 0xef, false, pv_emulate_io},
    {INSN_MAP_PRIMARY, 0x6c, 0x6f, false, pv_emulate_io},
    {INSN_MAP_0F, 0xa2, 0xa2, false, emulate_cpuid},
    {INSN_MAP_0F, 0x31, 0x31, false, emulate_rdtsc},
    {INSN_MAP_0F, 0x01, 0x01, false, emulate_group7},
    {INSN_MAP_0F, 0x06, 0x06, true, emulate_clts},
    {INSN_MAP_0F, 0x09, 0x09, true, emulate_wbinvd},
    {INSN_MAP_0F, 0x21, 0x21, true, emulate_read_dr},
    {INSN_MAP_0F, 0x23, 0x23, true, emulate_write_dr},
    {INSN_MAP_PRIMARY, 0xfa, 0xfb, false, emulate_cli_sti},
    {INSN_MAP_0F, 0x00, 0x00, false, pv_emulate_selector_read},
};

static enum pv_outcome insn_emulate(struct vcpu *v, struct regs *regs, const struct insn *i)
{
    for (u32 n = 0; n < ARRAY_SIZE(emulations); n++) {
        if (i->map != emulations[n].map || i->opcode < emulations[n].first ||
            i->opcode > emulations[n].last)
            continue;
        if (i->prefixes & INSN_PREFIX_LOCK) {
            pv_inject_trap(v, TRAP_UD, 0);
            return PV_TRAPPED;
        }
        if (emulations[n].kernel_only && !v->arch.kernel_mode)
            return PV_REFUSED;
        return emulations[n].emulate(v, regs, i);
    }
    return PV_REFUSED;
}

static void insn_finish(struct vcpu *v, struct regs *regs, u32 length)
{
    regs->rip += length;
    regs->rflags &= ~RFLAGS_RF;
    pv_single_step(v, regs);
}

bool pv_emulate_privileged(struct vcpu *v, struct regs *regs)
{
    struct insn i;

    int error = pv_fetch(v, regs, &i);
    if (error)
        return error == -EFAULT; /* then the guest has its page fault */
    switch (insn_emulate(v, regs, &i)) {
    case PV_DONE:
        insn_finish(v, regs, i.length);
        return true;
    case PV_TRAPPED:
    case PV_AGAIN:
        return true;
    case PV_REFUSED:
        break;
    }
    return false;
}

/* ud2; .ascii "xen"; cpuid */
static const u8 forced_cpuid[] = {0x0f, 0x0b, 'x', 'e', 'n', 0x0f, 0xa2};
#define FORCED_PREFIX_BYTES 5

#define FORCED_CPUID_WORD 0xa20f6e65780b0full /* the same as a number */

/* The bytes at rip, without touching the next page unless those before say so. False: not this
 * instruction, or a page fault was injected (*fault). */
static noinline bool forced_fetch_across(struct vcpu *v, const struct regs *regs, bool *fault)
{
    u8 bytes[sizeof(forced_cpuid)];
    u32 left = (u32)(PAGE_SIZE - (regs->rip & ~PAGE_MASK)), done = 0;

    while (done < sizeof(bytes)) {
        u32 piece = (u32)sizeof(bytes) - done;
        if (done < left)
            piece = MIN(piece, left - done);
        if (guest_copy_in(bytes + done, regs->rip + done, piece)) {
            pv_inject_page_fault(v, regs->rip + done, PF_USER); /* a read, as on Xen */
            *fault = true;
            return false;
        }
        done += piece;
        if (memcmp(bytes, forced_cpuid, done))
            return false;
    }
    return true;
}

/* The same at once, where a whole word lies on rip's page. */
static bool forced_fetch(struct vcpu *v, const struct regs *regs, bool *fault)
{
    u64 word;

    *fault = false;
    if (unlikely((regs->rip & ~PAGE_MASK) > PAGE_SIZE - sizeof(word)) ||
        guest_copy_in(&word, regs->rip, sizeof(word)))
        return forced_fetch_across(v, regs, fault);
    return (word & bytes_mask(sizeof(forced_cpuid))) == FORCED_CPUID_WORD;
}

bool pv_emulate_invalid_opcode(struct vcpu *v, struct regs *regs)
{
    bool fault;

    if (!forced_fetch(v, regs, &fault))
        return fault;
    if (v->arch.cpuid_faulting && !v->arch.kernel_mode) {
        regs->rip += FORCED_PREFIX_BYTES;
        pv_inject_trap(v, TRAP_GP, 0);
        return true;
    }
    cpuid_answer(v, regs, true);
    insn_finish(v, regs, sizeof(forced_cpuid));
    return true;
}
