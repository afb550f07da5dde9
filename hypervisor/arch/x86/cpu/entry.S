/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every way into the hypervisor and back to the guest.
 *
 * From a guest the processor (or the SYSCALL stubs, cpu/cpu_setup.c) lands on the CPU's stack, right below the
 * fields of struct cpu_info, so that the saved registers are cpu_info.guest. Interrupts are disabled by
 * every entry and stay so until the guest is entered again. #DB, NMI, #DF and #MC have stacks of their
 * own (IST), because they may arrive before the SYSCALL stub has switched stacks.
 *
 * Sources: AMD APM vol. 2, 6.1 (SYSCALL, SYSRET), 8.9 (long-mode interrupt control transfers).
 */
#include "offsets.h"
#include "x86/alternative.h"
#include "x86/layout.h"

#define FRAME_TAIL (REGS_RIP - REGS_ERROR_CODE)
#define RFLAGS_INTERRUPTS 0x200

/* One exception table row: if the instruction at insn faults, go on at fixup. */
.macro EXCEPTION_FIXUP insn, fixup
    .pushsection .exception_table, "a"
    .balign 4
    .long \insn - ., \fixup - .
    .popsection
.endm

/* Three bytes that become CLAC where SMAP is on (cpu/cpu_setup.c: alternatives_apply). */
.macro MAYBE_CLAC
9:  .byte 0x0f, 0x1f, 0x00
    .pushsection .alternatives, "a"
    .balign 4
    .long 9b - ., ALTERNATIVE_CLAC
    .popsection
.endm

.macro SAVE_REGS
    push %rdi
    push %rsi
    push %rdx
    push %rcx
    push %rax
    push %r8
    push %r9
    push %r10
    push %r11
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
.endm

/* What a guest left in registers that nobody sets soon is no material for our own mispredicted branches. */
.macro CLEAR_REGS names:vararg
    .irp name, \names
    xor %\name, %\name
    .endr
.endm

.macro RESTORE_REGS
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    pop %r11
    pop %r10
    pop %r9
    pop %r8
    pop %rax
    pop %rcx
    pop %rdx
    pop %rsi
    pop %rdi
.endm

/* For SYSRET, with all but rcx and r11, which hold rip and rflags then; rsp stays. */
.macro LOAD_REGS_FOR_SYSRET
    mov REGS_R15(%rsp), %r15
    mov REGS_R14(%rsp), %r14
    mov REGS_R13(%rsp), %r13
    mov REGS_R12(%rsp), %r12
    mov REGS_RBP(%rsp), %rbp
    mov REGS_RBX(%rsp), %rbx
    mov REGS_R10(%rsp), %r10
    mov REGS_R9(%rsp), %r9
    mov REGS_R8(%rsp), %r8
    mov REGS_RAX(%rsp), %rax
    mov REGS_RDX(%rsp), %rdx
    mov REGS_RSI(%rsp), %rsi
    mov REGS_RDI(%rsp), %rdi
.endm

    .section .text.entry, "ax"

/* --- SYSCALL in 64-bit mode: rcx, r11 hold rip, rflags; the guest's rsp is in cpu_info.scratch ------ */
    .balign 64
    .globl entry_syscall64
entry_syscall64:
    push $SELECTOR_RING3_DS
    push CPU_INFO_SCRATCH - REGS_SIZE + 8(%rsp)
    push %r11
    push $SELECTOR_RING3_CS64
    push %rcx
    push $REGS_VECTOR_SYSCALL /* all ones: the error code, too */
    SAVE_REGS
    CLEAR_REGS ebp, r11d, r12d, r13d, r14d, r15d
    mov CPU_INFO_CURRENT(%rsp), %rbx
    cmpb $0, VCPU_KERNEL_MODE(%rbx)
    je syscall_from_user

    /* A hypercall: number in rax, arguments in rdi, rsi, rdx, r10, r8, r9. */
    cmp $64, %rax
    jae hypercall_unknown
    push %r9 /* the seventh argument; also aligns the stack */
    mov %r8, %r9
    mov %r10, %r8
    mov %rdx, %rcx
    mov %rsi, %rdx
    mov %rdi, %rsi
    mov %rbx, %rdi
    mov hypercall_entries(%rip), %r10
    lfence /* the bounds check above is decided before the table is read (Spectre v1) */
    mov (%r10, %rax, 8), %rax
    call __x86_indirect_thunk_rax
    add $8, %rsp
    mov %rax, REGS_RAX(%rsp)

/* --- back to the guest; rsp is at cpu_info.guest, rbx is its vCPU, interrupts are disabled ------------ */
exit_of_vcpu:
    mov CPU_INFO_SOFTIRQS(%rsp), %rax
    cmpl $0, (%rax)
    jne exit_work
    cmpb $0, VCPU_EXIT_WORK(%rbx)
    jne exit_work
    mov VCPU_INFO(%rbx), %rax
    test %rax, %rax
    jz enter_guest
    cmpb $0, INFO_PENDING(%rax)
    je enter_guest
    cmpb $0, INFO_MASK(%rax)
    je exit_work
enter_guest:
    cmpl $REGS_VECTOR_SYSCALL, REGS_VECTOR(%rsp)
    jne exit_by_iret
    cmpl $SELECTOR_RING3_CS32, REGS_CS(%rsp) /* any other selector is what SYSRET makes of it */
    je exit_by_iret
    LOAD_REGS_FOR_SYSRET
    /* SYSRET with a non-canonical rip faults in ring 0 on Intel: bits 63-47 must agree. */
    mov REGS_RIP(%rsp), %rcx
    mov REGS_RFLAGS(%rsp), %r11
    shl $16, %rcx
    sar $16, %rcx
    cmp REGS_RIP(%rsp), %rcx
    jne 2f
    mov REGS_RSP(%rsp), %rsp
    sysretq
2:  add $REGS_RIP, %rsp
    jmp do_iret

exit_by_iret:
    RESTORE_REGS
    add $8, %rsp
do_iret:
    iretq
    EXCEPTION_FIXUP do_iret, iret_failed

exit_work:
    mov %rbx, %rdi
    mov %rsp, %rsi
    call pv_exit_work
    test %al, %al
    jz exit_of_vcpu
    mov CPU_INFO_SOFTIRQS(%rsp), %rax /* even then, what was raised meanwhile comes first */
    cmpl $0, (%rax)
    je enter_guest
    jmp exit_of_vcpu

/* The same of whatever vCPU is this CPU's. */
    .globl exit_to_guest
exit_to_guest:
    mov CPU_INFO_CURRENT(%rsp), %rbx
    jmp exit_of_vcpu

hypercall_unknown:
    movq $-38, REGS_RAX(%rsp) /* -ENOSYS */
    jmp exit_of_vcpu

syscall_from_user:
    mov %rbx, %rdi
    mov %rsp, %rsi
    call pv_syscall_from_user
    jmp exit_of_vcpu

/* The guest's CS, SS or RIP cannot be loaded: rsp points at cpu_info.guest.rip, all registers are the guest's. */
iret_failed:
    pushq CPU_INFO_SCRATCH - REGS_RIP(%rsp) /* error code and vector, by trap_from_hypervisor() */
    SAVE_REGS
    mov CPU_INFO_CURRENT(%rsp), %rdi
    mov %rsp, %rsi
    call pv_iret_failed
    jmp exit_to_guest

/* --- SYSCALL in compatibility mode (AMD), SYSENTER (Intel) from the guest's 32-bit programs ---------- */
    .balign 16
    .globl entry_syscall32
entry_syscall32:
    push $SELECTOR_RING3_DS
    push CPU_INFO_SCRATCH - REGS_SIZE + 8(%rsp)
    push %r11
    push $SELECTOR_RING3_CS32
    push %rcx
    push $0
    SAVE_REGS
    CLEAR_REGS eax, ecx, edx, r8d, r9d, r10d, r11d, ebx, ebp, r12d, r13d, r14d, r15d
    mov CPU_INFO_CURRENT(%rsp), %rdi
    mov %rsp, %rsi
    call pv_syscall32_from_user
    jmp exit_to_guest

    .balign 16
    .globl entry_sysenter
entry_sysenter:
    push $SELECTOR_RING3_DS
    push $0
    pushfq
    orl $RFLAGS_INTERRUPTS, (%rsp) /* SYSENTER cleared it, and a guest never runs without */
    push $3 /* the processor saves neither CS, RIP nor RSP: the guest's kernel knows them */
    push $0
    push $0
    push $2 /* NT, TF and AC that the program set must not act here */
    popfq
    SAVE_REGS
    CLEAR_REGS eax, ecx, edx, r8d, r9d, r10d, r11d, ebx, ebp, r12d, r13d, r14d, r15d
    mov CPU_INFO_CURRENT(%rsp), %rdi
    mov %rsp, %rsi
    call pv_sysenter_from_user
    jmp exit_to_guest

/* --- exceptions and interrupts --------------------------------------------------------------------- */

    .balign 16
entry_common:
    cld
    MAYBE_CLAC
    SAVE_REGS
entry_saved:
    testb $3, REGS_CS(%rsp)
    jz entry_from_hypervisor
    CLEAR_REGS eax, ecx, edx, r8d, r9d, r10d, r11d, ebp, r12d, r13d, r14d, r15d
    mov CPU_INFO_CURRENT(%rsp), %rbx
    mov %rsp, %rsi
    mov %rbx, %rdi
    call trap_from_guest
    jmp exit_of_vcpu

entry_from_hypervisor:
    mov %rsp, %rdi
    call trap_from_hypervisor
entry_return:
    RESTORE_REGS
    add $8, %rsp
    iretq

/* Exceptions without and with an error code from the processor. */
.macro TRAP vector, has_error
    .balign 8
trap_stub_\vector:
    .if !\has_error
    push $0
    .endif
    movl $\vector, 4(%rsp)
    jmp entry_common
.endm

/* On a stack of its own, from which there is no way back. */
.macro TRAP_IST vector, has_error, handler
    .balign 8
trap_stub_\vector:
    .if !\has_error
    push $0
    .endif
    movl $\vector, 4(%rsp)
    cld
    MAYBE_CLAC
    SAVE_REGS
    mov %rsp, %rdi
    call \handler
    ud2
.endm

/* Move a guest's frame, with error code and vector, from an interrupt stack to the CPU's own, which is empty
 * while a guest runs: so the way back is that of all others, which survives that its IRET fails. */
.macro FRAME_TO_CPU_STACK
    push %rax
    mov %rsp, %rax
    or $STACK_BLOCK_SIZE - 1, %rax
    sub $CPU_INFO_SIZE - REGS_SIZE - 1, %rax /* end of cpu_info.guest */
    push %rcx
    mov 56(%rsp), %rcx /* ss */
    mov %rcx, -8(%rax)
    mov 48(%rsp), %rcx
    mov %rcx, -16(%rax)
    mov 40(%rsp), %rcx
    mov %rcx, -24(%rax)
    mov 32(%rsp), %rcx
    mov %rcx, -32(%rax)
    mov 24(%rsp), %rcx
    mov %rcx, -40(%rax)
    mov 16(%rsp), %rcx /* error code and vector */
    mov %rcx, -48(%rax)
    mov 8(%rsp), %rcx /* rax */
    mov %rcx, -56(%rax)
    pop %rcx
    lea -56(%rax), %rsp
    pop %rax
.endm

/* #DB: in the hypervisor, it stays here. */
    .balign 8
trap_stub_1:
    push $0
    movl $1, 4(%rsp)
    cld
    MAYBE_CLAC
    testb $3, FRAME_TAIL + 8(%rsp)
    jz 1f
    FRAME_TO_CPU_STACK
1:  SAVE_REGS
    jmp entry_saved

/* NMI: likewise, but whatever is to be done before a guest is entered waits: NMIs are blocked until an IRET. */
    .balign 8
trap_stub_2:
    push $0
    movl $2, 4(%rsp)
    cld
    MAYBE_CLAC
    testb $3, FRAME_TAIL + 8(%rsp)
    jz 1f
    FRAME_TO_CPU_STACK
1:  SAVE_REGS
    mov %rsp, %rdi
    call nmi_handle
    testb $3, REGS_CS(%rsp)
    jnz exit_by_iret
    jmp entry_return

    TRAP 0, 0
    TRAP 3, 0
    TRAP 4, 0
    TRAP 5, 0
    TRAP 6, 0
    TRAP 7, 0
    TRAP_IST 8, 1, double_fault_handle
    TRAP 9, 0
    TRAP 10, 1
    TRAP 11, 1
    TRAP 12, 1
    TRAP 13, 1
    TRAP 14, 1
    TRAP 15, 0
    TRAP 16, 0
    TRAP 17, 1
    TRAP_IST 18, 0, machine_check_handle
    TRAP 19, 0
    TRAP 20, 0
    TRAP 21, 1
    TRAP 22, 0
    TRAP 23, 0
    TRAP 24, 0
    TRAP 25, 0
    TRAP 26, 0
    TRAP 27, 0
    TRAP 28, 0
    TRAP 29, 1
    TRAP 30, 1
    TRAP 31, 0

/* Interrupts: INTERRUPT_STUB_BYTES each. */
    .balign 16
    .globl interrupt_stubs
interrupt_stubs:
    .set vector, 32
    .rept 256 - 32
    .balign 16
    push $0
    movl $vector, 4(%rsp)
    jmp entry_common
    .set vector, vector + 1
    .endr

/* Addresses of the exceptions' entries, for the IDT. */
    .section .rodata
    .balign 8
    .globl trap_stubs
trap_stubs:
    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    .quad trap_stub_\n
    .endr

    .section .text.entry, "ax"

/* noreturn void stack_reset_and_jump(void (*function)(void)): abandon this CPU's stack for function, which
 * does not return. */
    .globl stack_reset_and_jump
stack_reset_and_jump:
    or $STACK_BLOCK_SIZE - 1, %rsp
    sub $CPU_INFO_SIZE - 1, %rsp
    xor %ebp, %ebp
    call __x86_indirect_thunk_rdi
    ud2

/* noreturn void stack_reset_and_exit(void): abandon the stack and enter the guest of cpu_info. */
    .globl stack_reset_and_exit
stack_reset_and_exit:
    or $STACK_BLOCK_SIZE - 1, %rsp
    sub $CPU_INFO_SIZE - 1, %rsp
    jmp exit_to_guest

/* noreturn void stack_switch_and_jump(void *cpu_info, void (*function)(void)) */
    .globl stack_switch_and_jump
stack_switch_and_jump:
    mov %rdi, %rsp
    xor %ebp, %ebp
    call __x86_indirect_thunk_rsi
    ud2

/* int copy_faultable(void *to, const void *from, size_t bytes): 0, or -EFAULT (-14) if a page is missing. */
    .balign 16
    .globl copy_faultable
copy_faultable:
    mov %rdx, %rcx
    cmp $8, %rdx
    jne 1f
2:  mov (%rsi), %rax
3:  mov %rax, (%rdi)
    xor %eax, %eax
    ret
1:  shr $3, %rcx
    and $7, %edx
4:  rep movsq
    mov %edx, %ecx
5:  rep movsb
    xor %eax, %eax
    ret
copy_failed:
    mov $-14, %eax
    ret
    EXCEPTION_FIXUP 2b, copy_failed
    EXCEPTION_FIXUP 3b, copy_failed
    EXCEPTION_FIXUP 4b, copy_failed
    EXCEPTION_FIXUP 5b, copy_failed

/* int clear_faultable(void *to, size_t bytes) */
    .balign 16
    .globl clear_faultable
clear_faultable:
    mov %rsi, %rcx
    xor %eax, %eax
1:  rep stosb
    ret
    EXCEPTION_FIXUP 1b, copy_failed

/* int rdmsr_safe(u32 msr, u64 *value) */
    .globl rdmsr_safe
rdmsr_safe:
    mov %edi, %ecx
1:  rdmsr
    shl $32, %rdx
    or %rdx, %rax
    mov %rax, (%rsi)
    xor %eax, %eax
    ret
    EXCEPTION_FIXUP 1b, copy_failed

/* int wrmsr_safe(u32 msr, u64 value) */
    .globl wrmsr_safe
wrmsr_safe:
    mov %edi, %ecx
    mov %esi, %eax
    mov %rsi, %rdx
    shr $32, %rdx
1:  wrmsr
    xor %eax, %eax
    ret
    EXCEPTION_FIXUP 1b, copy_failed

/* int segment_load_*(u16 selector): 0, or -EFAULT if the guest's tables do not have it (0 is loaded). */
.macro SEGMENT_LOAD name
    .globl segment_load_\name
segment_load_\name:
1:  mov %edi, %\name
    xor %eax, %eax
    ret
2:  xor %eax, %eax
    mov %eax, %\name
    mov $-14, %eax
    ret
    EXCEPTION_FIXUP 1b, 2b
.endm
    SEGMENT_LOAD ds
    SEGMENT_LOAD es
    SEGMENT_LOAD fs
    SEGMENT_LOAD gs

    .section .note.GNU-stack, "", @progbits
