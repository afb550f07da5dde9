/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A kernel that changes code which another CPU runs, as Linux does: INT3 over the first byte, the
 * rest, the first byte, with a serialized CPU between the steps. Prints how often the other CPU met
 * INT3, and how often when nothing was being changed: never, on a processor. `rounds=`: how many
 * changes.
 */
#include "guest.h"

#define OTHER_CPU 1

/*
 * What is changed: two bytes, of NOP or of a jump to the next instruction. Much of the same goes
 * before, so that whoever translates or decodes it is busy with it for some time.
 */
extern u8 patched_code[];
void patched(void);
void entry_int3(void);
/* Times that INT3 was met, and those when `changing` was 0. */
extern volatile u32 int3_met, int3_stale;
volatile u32 changing;

__asm__(".pushsection .text\n"
        ".balign 4096\n"
        "patched:\n"
        ".rept 100\n lea 1(%rax), %rax\n .endr\n"
        "patched_code:\n"
        ".byte 0x66, 0x90\n"
        "ret\n"
        ".balign 4096\n"
        /* Behind the instruction that INT3 stands for; rcx and r11 lie on the stack. */
        "entry_int3:\n"
        "pop %rcx\n"
        "pop %r11\n"
        "lock incl int3_met\n"
        "cmpl $0, changing\n"
        "jne 1f\n"
        "lock incl int3_stale\n"
        "1: incq (%rsp)\n"
        "push $0\n"
        "push %rcx\n"
        "push %r11\n"
        "push %rax\n"
        "mov $23, %eax\n" /* HYPERVISOR_iret */
        "syscall\n"
        ".popsection\n"
        ".pushsection .bss\n"
        "int3_met: .long 0\n"
        "int3_stale: .long 0\n"
        ".popsection\n");

static u8 other_stack[4 * PAGE_SIZE] PAGE_ALIGNED;
static volatile u32 asked, answered;

static void serialize(void)
{
    u32 eax = 0, ecx = 0, ebx, edx;
    __asm__ volatile("cpuid" : "+a"(eax), "+c"(ecx), "=b"(ebx), "=d"(edx) : : "memory");
}

static void other_main(void)
{
    trap_set(3, entry_int3);
    for (;;) {
        u32 question = asked;
        serialize();
        answered = question;
        __asm__ volatile("call patched" : : : "rax", "memory");
    }
}

/* Until the other CPU has serialized itself after this. */
static void synchronize(void)
{
    u32 question = ++asked;
    while (answered != question)
        __asm__ volatile("pause");
}

static void change(const u8 *to)
{
    volatile u8 *code = patched_code;
    changing = 1;
    code[0] = 0xcc;
    synchronize();
    code[1] = to[1];
    synchronize();
    code[0] = to[0];
    synchronize();
    synchronize();
    changing = 0;
    synchronize();
    synchronize();
}

void guest_main(void)
{
    static const u8 variants[2][2] = {{0xeb, 0x00}, {0x66, 0x90}};
    u64 rounds = number_after("rounds=", 1000);
    s64 error = vcpu_start(OTHER_CPU, other_main, (void (*)(void))entry_event,
                           other_stack + sizeof(other_stack));
    if (error) {
        print("the other CPU does not start: %ld\n", (long)error);
        return;
    }
    for (u64 i = 0; i < rounds; i++)
        change(variants[i % 2]);
    print("INT3 met: %u\n", int3_met);
    print("INT3 met when there was none: %u\n", int3_stale);
    print("done\n");
}
